"""What a backend offers: a log, and if it can, leases and snapshots.

Everything else follows from replaying the log.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

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
            Compacted: If a snapshot has taken the place of some of them; see `Snapshots`.
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


@runtime_checkable
class Groups(Protocol):
    """What a log may offer besides: to write the batches of several writers in one step."""

    def append_all(self, stream: int, batches: Sequence[Batch]) -> int:
        """Add batches at the end of a stream, one after the other, all or none; as `Log.append`.

        Returns:
            The position of the first.
        """
        ...


@runtime_checkable
class Hasty(Protocol):
    """What a log may be besides: quick where a loss of power may undo events; see `is_lasting`.

    Attributes:
        is_hasty: Whether it is so. Not for workers on other machines, which live on.
    """

    is_hasty: bool


@runtime_checkable
class Piecewise(Protocol):
    """What a log may be instead: one that takes the events of a batch one after the other.

    Attributes:
        is_piecewise: Whether a batch may be there in part when `append` fails.
    """

    is_piecewise: bool


class Overtaken(Exception):
    """What was to be written only if nothing is new has not been written; what is new is known."""


@runtime_checkable
class Exchange(Protocol):
    """What a log may offer besides: to append and to read in one step, where each step is long."""

    def exchange(
        self, stream: int, batch: Batch, after: int, alone: bool = False
    ) -> Sequence[Batch]:
        """Add a batch to a stream and return those behind the first `after`, up to itself.

        Args:
            stream: The stream.
            batch: The batch.
            after: How many batches of the stream are known already.
            alone: Whether to add it only if there is nothing else to return. If others came first,
                they alone are returned, and it may or may not have been added, which they show.

        Raises:
            Compacted: It has been added, but a snapshot has taken the place of others.
            KeyError, TypeError, StorageInternalError: As `Log.append`.
        """
        ...


@runtime_checkable
class Leases(Protocol):
    """What a log may offer besides: to keep who is alive, without growing.

    A worker is named as `platform.worker()` names it.
    """

    def beat(self, worker: str) -> None:
        """Keep that a worker is alive now, by the clock of the backend."""
        ...

    def ages(self) -> Mapping[str, float]:
        """Seconds since the last beat of each worker that has not left, by the same clock."""
        ...

    def leave(self, worker: str) -> None:
        """Forget a worker, which need not be known."""
        ...


class Compacted(Exception):
    """Batches that were asked for have been replaced by a snapshot."""


@runtime_checkable
class Snapshots(Protocol):
    """What a log may offer besides: to keep what its first batches amount to instead of them."""

    def save(self, stream: int, position: int, text: str) -> None:
        """Let a snapshot take the place of the first `position` batches of a stream.

        Positions go on as before, and `read` raises `Compacted` if asked for one of those batches,
        never a part of them. It is kept durably before any batch is let go of; a process that is
        killed in between leaves all. One that is not newer than what is there changes nothing.

        Args:
            stream: The stream.
            position: At least 1 and at most the number of its batches.
            text: ASCII, of any length: ten megabytes are nothing special.

        Raises:
            KeyError: If the stream was dropped.
        """
        ...

    def load(self, stream: int) -> tuple[int, str] | None:
        """The newest snapshot of a stream and its position; None if it has none.

        Raises:
            KeyError: If the stream was dropped.
            StorageInternalError: If it is damaged.
        """
        ...
