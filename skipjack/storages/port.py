"""What a backend offers: a log. Everything else follows from replaying it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from skipjack.records.events import Event

CATALOGUE = -1  # the stream that lists the studies; the stream of a study is its id


# Events that are written together, all or none; writer and sequence number tell batches apart.
Batch: TypeAlias = tuple[str, int, Sequence[Event]]


class Log(Protocol):
    """Append-only streams of batches, each in one order for all processes."""

    def append(self, stream: int, batch: Batch) -> None:
        """Add a batch at the end of a stream: durable on return, whole or not at all.

        Raises:
            KeyError: If the stream was dropped.
            TypeError: If an event holds what JSON cannot write.
            StorageInternalError: If it cannot be written.
        """
        ...

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches of a stream but the first `after`, oldest first."""
        ...

    def drop(self, stream: int) -> None:
        """Delete a stream and leave a tombstone, so that later appends fail with KeyError."""
        ...

    def reset(self) -> None:
        """Forget handles that belong to a process this one was forked from."""
        ...
