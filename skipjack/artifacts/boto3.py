"""Artifacts in an S3 bucket."""

from __future__ import annotations

from typing import Any, BinaryIO, cast, final

from skipjack import _optional
from skipjack.artifacts.port import checked_id, missing

boto3 = _optional.lazy("boto3", needed_by="Boto3ArtifactStore")
exceptions = _optional.lazy("botocore.exceptions", needed_by="Boto3ArtifactStore")

_ABSENT = {"NoSuchKey", "404", "NotFound"}


@final
class Boto3ArtifactStore:
    """Keeps artifacts in a bucket of Amazon S3 or of a server that speaks its protocol.

    Nothing is held in memory as a whole: what is large goes up in parts and comes down as it is
    read. An object appears when it is complete.

    Args:
        bucket_name: The bucket; it must exist.
        client: A client of boto3; None: the one of the environment.
        avoid_buf_copy: Hand over what is written as it is, so that boto3 may close it.
    """

    def __init__(
        self, bucket_name: str, client: Any = None, *, avoid_buf_copy: bool = False
    ) -> None:
        self.bucket = bucket_name
        self.client = client if client is not None else boto3.client("s3")
        self._as_it_is = avoid_buf_copy

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The object, read as it comes.

        Raises:
            ArtifactNotFound: If there is none of that id.
        """
        try:
            found = self.client.get_object(Bucket=self.bucket, Key=checked_id(artifact_id))
        except exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ABSENT:
                raise missing(artifact_id, f"bucket {self.bucket!r}") from error
            raise
        return cast(BinaryIO, found["Body"])

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Upload an object; one of the same id is replaced."""
        body = content_body if self._as_it_is else _LeftOpen(content_body)
        self.client.upload_fileobj(body, self.bucket, checked_id(artifact_id))

    def remove(self, artifact_id: str) -> None:
        """Remove an object; S3 does not say whether there was one."""
        self.client.delete_object(Bucket=self.bucket, Key=checked_id(artifact_id))


class _LeftOpen:
    """A file that who is given it cannot close."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def close(self) -> None:
        """Do nothing."""
