"""What a backend offers: a log. Everything else follows from replaying it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeAlias

from skipjack.records.events import Event

CATALOGUE = -1  # the stream that lists the studies; the stream of a study is its id


# Events that are written together, all or none; writer and sequence number tell batches apart.
Batch: TypeAlias = tuple[str, int, Sequence[Event]]


class Log(Protocol):
    """Append-only streams of batches, each in one order for all processes.

    One thread at a time calls the methods of one log object. It can be pickled: the copy opens
    the same streams anew.

    Attributes:
        key: What it stands on: two logs of equal keys show the same streams.
    """

    @property
    def key(self) -> Hashable:
        """See above."""
        ...

    def append(self, stream: int, batch: Batch) -> int:
        """Add a batch at the end of a stream: durable on return, whole or not at all.

        Returns:
            Its position: how many batches of the stream stand before it.

        Raises:
            KeyError: If the stream was dropped.
            TypeError: If an event holds what JSON cannot write.
            StorageInternalError: If it cannot be written.
        """
        ...

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches of a stream but the first `after`, oldest first.

        Raises:
            KeyError: If the stream was dropped.
            StorageInternalError: If it cannot be read, or is damaged.
        """
        ...

    def drop(self, stream: int) -> None:
        """Delete a stream and leave a tombstone, so that later calls fail with KeyError."""
        ...

    def close(self) -> None:
        """Let go of handles, which a forked process must not inherit; the next call opens anew."""
        ...

    def reset(self) -> None:
        """Forget handles of the process that this one was forked from, without closing them."""
        ...
