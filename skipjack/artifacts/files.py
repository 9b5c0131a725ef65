"""Artifacts in a directory."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, final

from skipjack.artifacts.port import checked_id, missing
from skipjack.errors import invalid


@final
class FileSystemArtifactStore:
    """Keeps artifacts as files below a directory, named by their ids.

    A file appears when it is complete and on disk; whoever reads it never sees half of it.

    Args:
        base_path: The directory; it is made when something is first written.
    """

    def __init__(self, base_path: str | Path) -> None:
        self._base = Path(base_path)

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The file of an artifact, open for reading.

        Raises:
            ArtifactNotFound: If there is none of that id.
            ValueError: If the id leads out of the directory.
        """
        try:
            return self._path(artifact_id).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise missing(artifact_id, self._base) from None

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Write a file; one of the same id is replaced.

        Raises:
            ValueError: If the id leads out of the directory.
        """
        path = self._path(artifact_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as part:
            try:
                shutil.copyfileobj(content_body, part)
                part.flush()
                os.fsync(part.fileno())
                part.close()  # Windows renames no open file
                os.chmod(part.name, 0o644)
                os.replace(part.name, path)
            except BaseException:
                part.close()
                os.unlink(part.name)
                raise

    def remove(self, artifact_id: str) -> None:
        """Remove a file.

        Raises:
            ArtifactNotFound: If there is none of that id.
            ValueError: If the id leads out of the directory.
        """
        try:
            self._path(artifact_id).unlink()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
            if isinstance(error, PermissionError) and not self._path(artifact_id).is_dir():
                raise
            raise missing(artifact_id, self._base) from None

    def _path(self, artifact_id: str) -> Path:
        path = self._base / checked_id(artifact_id)
        if not path.resolve().is_relative_to(self._base.resolve()):  # by a symbolic link
            raise invalid("artifact_id", "name something inside the store", artifact_id)
        return path
