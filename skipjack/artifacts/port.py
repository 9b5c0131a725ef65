"""What an artifact store is, and which ids are safe."""

from __future__ import annotations

from typing import BinaryIO, Protocol, runtime_checkable

from skipjack.errors import ArtifactNotFound, invalid, wrong_type


@runtime_checkable
class ArtifactStore(Protocol):
    """A place for files, each under an id. Any class with these three methods is one."""

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The content of an artifact, to be read and closed.

        Raises:
            ArtifactNotFound: If there is none of that id.
        """
        ...

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Keep a content under an id: all of it or nothing."""
        ...

    def remove(self, artifact_id: str) -> None:
        """Remove an artifact.

        Raises:
            ArtifactNotFound: If there is none of that id and the store can tell.
        """
        ...


def checked_id(artifact_id: object) -> str:
    """An id that cannot lead out of a store: parts divided by "/", none of them empty or dots.

    Raises:
        ValueError: If it could.
        TypeError: If it is no text.
    """
    if not isinstance(artifact_id, str):
        raise wrong_type("artifact_id", "be a text", artifact_id)
    parts = artifact_id.split("/")
    if any(part in ("", ".", "..") for part in parts) or set(artifact_id) & set("\\:\0"):
        raise invalid("artifact_id", "name something inside the store", artifact_id)
    return artifact_id


def missing(artifact_id: str, where: object) -> ArtifactNotFound:
    """Word that a store has nothing of that id."""
    return ArtifactNotFound(f"No artifact {artifact_id!r} in {where}.")
