"""Artifacts in whatever fsspec reaches: Azure, SSH, HDFS, S3, memory, ..."""

from __future__ import annotations

import shutil
import tempfile
from typing import Any, BinaryIO, cast, final

from skipjack import _optional
from skipjack.artifacts.port import checked_id, missing

core = _optional.lazy("fsspec.core", extra="artifacts", needed_by="FsspecArtifactStore")

_IN_MEMORY = 8 * 2**20  # bytes; what is larger goes through a temporary file


@final
class FsspecArtifactStore:
    """Keeps artifacts below a URL of fsspec.

    Args:
        url: Such as "abfs://container/study", "sftp://host/folder" or "memory://study".
        **options: What the file system of that URL needs, say a token.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self._url, self._options = url, options
        self._system, root = core.url_to_fs(url, **options)
        self._root = root.rstrip("/")

    def __repr__(self) -> str:
        return f"FsspecArtifactStore({self._url!r})"

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The file of an artifact, open for reading.

        Raises:
            ArtifactNotFound: If there is none of that id.
        """
        try:
            return cast(BinaryIO, self._system.open(self._path(artifact_id), "rb"))
        except (FileNotFoundError, IsADirectoryError):
            raise missing(artifact_id, self._url) from None

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Write a file, which appears when it is complete; one of the same id is replaced."""
        path = self._path(artifact_id)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as whole:
            shutil.copyfileobj(content_body, whole)  # not every system can take back a part
            whole.seek(0)
            self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
            file = self._system.open(path, "wb", autocommit=False)
            try:
                with file:
                    shutil.copyfileobj(whole, file)
            except BaseException:
                file.discard()
                raise
            file.commit()

    def remove(self, artifact_id: str) -> None:
        """Remove a file.

        Raises:
            ArtifactNotFound: If there is none of that id.
        """
        path = self._path(artifact_id)
        if not self._system.isfile(path):
            raise missing(artifact_id, self._url)
        self._system.rm_file(path)

    def _path(self, artifact_id: str) -> str:
        return f"{self._root}/{checked_id(artifact_id)}"
