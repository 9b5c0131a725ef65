"""Artifacts in a bucket of Google Cloud Storage."""

from __future__ import annotations

import os
import tempfile
from typing import Any, BinaryIO, cast, final

from skipjack import _optional
from skipjack.artifacts.port import checked_id, missing

storage = _optional.lazy("google.cloud.storage", needed_by="GCSArtifactStore")
exceptions = _optional.lazy("google.api_core.exceptions", needed_by="GCSArtifactStore")

_IN_MEMORY = 8 * 2**20  # bytes; what is larger is read through a temporary file


@final
class GCSArtifactStore:
    """Keeps artifacts in a bucket of Google Cloud Storage.

    Args:
        bucket_name: The bucket; it must exist.
        client: A client of google-cloud-storage; None: the one of the environment.
    """

    def __init__(self, bucket_name: str, client: Any = None) -> None:
        self.bucket_name = bucket_name
        self.client = client if client is not None else storage.Client()
        self._bucket = self.client.bucket(bucket_name)

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The object, downloaded to memory, or to a temporary file when it is large.

        Raises:
            ArtifactNotFound: If there is none of that id.
        """
        blob = self._bucket.blob(checked_id(artifact_id))
        file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # the reader closes it
        try:
            blob.download_to_file(file)
        except BaseException as error:
            file.close()
            if isinstance(error, exceptions.NotFound):
                raise missing(artifact_id, f"bucket {self.bucket_name!r}") from error
            raise
        file.seek(0)
        return cast(BinaryIO, file)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Upload an object; one of the same id is replaced."""
        size = None  # then it goes up in parts, with a request more
        if content_body.seekable():
            start = content_body.tell()
            size = content_body.seek(0, os.SEEK_END) - start
            content_body.seek(start)
        self._bucket.blob(checked_id(artifact_id)).upload_from_file(content_body, size=size)

    def remove(self, artifact_id: str) -> None:
        """Remove an object.

        Raises:
            ArtifactNotFound: If there is none of that id.
        """
        try:
            self._bucket.blob(checked_id(artifact_id)).delete()
        except exceptions.NotFound as error:
            raise missing(artifact_id, f"bucket {self.bucket_name!r}") from error
