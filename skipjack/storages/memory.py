"""The log in memory: what is read is forgotten, since the replay has folded it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from skipjack.errors import NotFoundError
from skipjack.storages.port import Batch


@final
class MemoryLog:
    """Batches on their way to the one ledger that reads them."""

    shared = False

    def __init__(self) -> None:
        self._new: dict[int, list[Batch]] = {}
        self._dropped: set[int] = set()

    def append(self, stream: int, batch: Batch) -> None:
        """Add a batch; see `Log.append`."""
        if stream in self._dropped:
            raise NotFoundError(f"No study with id {stream}; it was deleted.")
        self._new.setdefault(stream, []).append(batch)

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches that were not read before; `after` is where the only reader stands."""
        return self._new.pop(stream, ())

    def drop(self, stream: int) -> None:
        """Delete a stream; see `Log.drop`."""
        self._dropped.add(stream)
        self._new.pop(stream, None)

    def reset(self) -> None:
        """Keep everything: a forked process goes on with a copy of its own."""
