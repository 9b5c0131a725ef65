"""A log in memory, for a server: its streams live as long as it does."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Hashable, Sequence
from typing import Any, final
from uuid import uuid4

from skipjack.errors import UnsupportedError
from skipjack.records.attributes import to_text
from skipjack.storages.port import Batch
from skipjack.storages.remote.streams import Stream, batches_of
from skipjack.storages.remote.wire import unpack


class Memory:
    """What all handles of one such log share.

    Attributes:
        name: Nothing else has it.
        snapshots: Of streams that have one, its position and text.
        beats: When each worker was last alive.
    """

    def __init__(self) -> None:
        self.name = uuid4().hex
        self.streams: dict[int, Stream] = {}
        self.snapshots: dict[int, tuple[int, str]] = {}
        self.beats: dict[str, float] = {}
        _all[self.name] = self

    def stream(self, number: int) -> Stream:
        """A stream, which need not have been written to."""
        return self.streams.get(number) or self.streams.setdefault(number, Stream())


_all: weakref.WeakValueDictionary[str, Memory] = weakref.WeakValueDictionary()


@final
class MemoryLog:
    """Batches in memory, with leases and snapshots.

    A pickled copy is another handle of the same streams, in the same process or one forked from it.

    Args:
        memory: The streams of another handle; None: new ones.
    """

    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = memory or Memory()

    @property
    def key(self) -> Hashable:
        """The streams themselves."""
        return (type(self).__name__, self.memory.name)

    def append(self, stream: int, batch: Batch) -> int:
        """Add a batch; see `Log.append`."""
        to_text(batch)  # or nothing is changed
        with (found := self.memory.stream(stream)).lock:
            found.check()
            found.extend((batch,))
            return found.length - 1

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches of a stream but the first `after`."""
        texts: list[bytes] = []
        more = True
        with (found := self.memory.stream(stream)).lock:
            while more:
                start = after + len(texts)
                head, lines = unpack(found.answer(start))
                texts += lines[max(0, start - head["first"]) :]
                more = head["more"]
        return batches_of(texts)

    def drop(self, stream: int) -> None:
        """Delete a stream; see `Log.drop`."""
        with (found := self.memory.stream(stream)).lock:
            found.drop()
            self.memory.snapshots.pop(stream, None)

    def close(self) -> None:
        """Nothing is open."""

    def reset(self) -> None:
        """Go on with a copy of what the process had that this one was forked from."""
        for stream in self.memory.streams.values():
            stream.lock = threading.RLock()

    # -------------------------------------------------------------------- leases and snapshots

    def beat(self, worker: str) -> None:
        """Keep that a worker is alive now."""
        self.memory.beats[worker] = time.monotonic()

    def ages(self) -> dict[str, float]:
        """Seconds since the last beat of each worker."""
        now = time.monotonic()
        return {worker: now - beat for worker, beat in list(self.memory.beats.items())}

    def leave(self, worker: str) -> None:
        """Forget a worker."""
        self.memory.beats.pop(worker, None)

    def save(self, stream: int, position: int, text: str) -> None:
        """Replace batches by a snapshot; see `Snapshots.save`."""
        with (found := self.memory.stream(stream)).lock:
            found.check()
            if position > found.base:
                found.cut(position)
                self.memory.snapshots[stream] = position, text

    def load(self, stream: int) -> tuple[int, str] | None:
        """The snapshot of a stream; see `Snapshots.load`."""
        with (found := self.memory.stream(stream)).lock:
            found.check()
            return self.memory.snapshots.get(stream)

    def __getstate__(self) -> dict[str, Any]:
        return {"name": self.memory.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        found = _all.get(state["name"])
        if found is None:
            raise UnsupportedError(
                "A log in the memory of a server cannot be carried into another process. Open it "
                "there at the address of the server: 'grpc://host:port'."
            )
        self.memory = found
