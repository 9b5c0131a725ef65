"""What a server does with a log: many clients share one handle and one copy in memory."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import final

from skipjack.errors import StorageInternalError
from skipjack.storages.port import Batch, Compacted, Groups, Hasty, Leases, Log, Snapshots
from skipjack.storages.remote.memory import MemoryLog
from skipjack.storages.remote.streams import Stream

_LIMIT = 512 * 2**20  # bytes of streams that are kept while they can be read again


@final
class Append:
    """A batch that a client wants to add, and its text; `alone`: only if it then is at `after`."""

    __slots__ = ("after", "alone", "batch", "error", "is_done", "position", "text")

    def __init__(self, batch: Batch, text: bytes, after: int, alone: bool) -> None:
        self.batch, self.text, self.after, self.alone = batch, text, after, alone
        self.position: int | None = None
        self.error: Exception | None = None
        self.is_done = False


@final
class Shared:
    """A stream and those who wait for it."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.pending: deque[Append] = deque()
        self.is_loaded = False
        self.asked = self.answered = 0  # how often the log was asked for news, and had told them
        self.used = 0.0


@final
class Cache:
    """The streams of a log for many threads at once.

    Those who append at the same time to one stream are committed together, and those who read at
    the same time cause one read. Other processes may write to the log too.

    Args:
        log: The log; calls to it are made one at a time.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        if isinstance(log, Hasty):
            log.is_hasty = False  # clients live on when the power of this machine fails
        self._memory = log.memory if isinstance(log, MemoryLog) else None
        self._leases: Leases = log if isinstance(log, Leases) else MemoryLog()
        self._lock = threading.Lock()  # of the log
        self._shared: dict[int, Shared] = {}

    def append(
        self, number: int, text: bytes, after: int, alone: bool
    ) -> tuple[int | None, list[bytes] | None]:
        """Add a batch to a stream, once however often it comes.

        Args:
            number: The stream.
            text: The batch, as JSON.
            after: How many batches the client knows.
            alone: Whether to add it only if there are no others.

        Returns:
            Its position, None if it was to be alone and is not; and what others wrote from `after`
            up to there, None if that is too much.
        """
        shared, mine = self._of(number), Append(_spelled(text), text, after, alone)
        shared.pending.append(mine)
        with shared.stream.lock:
            if not mine.is_done:
                self._commit(number, shared)
            if mine.error is not None:
                raise mine.error
            end = shared.stream.length if mine.position is None else mine.position
            return mine.position, shared.stream.between(after, end)

    def read(self, number: int, after: int) -> bytes:
        """The answer to a client that reads a stream: all that was there when it asked, or a part.

        Raises:
            KeyError: If the stream was dropped.
            Compacted: If a snapshot has taken the place of what it asked for.
        """
        shared = self._of(number)
        asked = shared.asked
        with shared.stream.lock:
            # One who began to ask the log after us may have been faster: then we know already.
            if shared.answered <= asked:
                self._refresh(number, shared)
            return shared.stream.answer(after)

    def drop(self, number: int) -> None:
        """Delete a stream for ever."""
        shared = self._of(number)
        with shared.stream.lock:
            with self._lock:
                self.log.drop(number)
            shared.stream.drop()

    def close(self) -> None:
        """Close the log."""
        with self._lock:
            self.log.close()

    # -------------------------------------------------------------------- leases and snapshots

    def beat(self, worker: str) -> None:
        """See `Leases.beat`."""
        with self._lock:
            self._leases.beat(worker)

    def ages(self) -> Mapping[str, float]:
        """See `Leases.ages`."""
        with self._lock:
            return self._leases.ages()

    def leave(self, worker: str) -> None:
        """See `Leases.leave`."""
        with self._lock:
            self._leases.leave(worker)

    def save(self, number: int, position: int, text: str) -> None:
        """See `Snapshots.save`; a log that has none stays as it is."""
        if not isinstance(self.log, Snapshots):
            return
        shared = self._of(number)
        with shared.stream.lock:
            with self._lock:
                self.log.save(number, position, text)
            if shared.is_loaded:
                shared.stream.cut(min(position, shared.stream.length))

    def load(self, number: int) -> tuple[int, str] | None:
        """See `Snapshots.load`."""
        if not isinstance(self.log, Snapshots):
            return None
        with self._lock:
            return self.log.load(number)

    # ------------------------------------------------------------------------------- streams

    def _of(self, number: int) -> Shared:
        shared = self._shared.get(number)
        if shared is None:
            stream = Stream() if self._memory is None else self._memory.stream(number)
            shared = self._shared.setdefault(number, Shared(stream))
        shared.used = time.monotonic()
        return shared

    def _commit(self, number: int, shared: Shared) -> None:
        """Write what waits for the stream, in one group."""
        waiting = [shared.pending.popleft() for _ in range(len(shared.pending))]
        try:
            self._write(number, shared, waiting)
        except Exception as error:
            for one in waiting:
                one.error = error
        for one in waiting:
            one.is_done = True

    def _write(self, number: int, shared: Shared, waiting: Sequence[Append]) -> None:
        stream = shared.stream
        stream.check()
        if not shared.is_loaded or any(one.alone for one in waiting):
            self._refresh(number, shared)
        new: dict[tuple[str, int], Append] = {}
        for one in waiting:
            writer, sequence, _ = one.batch
            known = stream.last.get(writer, (-1, 0))[0] >= sequence or (writer, sequence) in new
            if not known and not (one.alone and one.after != stream.length + len(new)):
                new[writer, sequence] = one
        if new:
            self._add(number, shared, list(new.values()))
        for one in waiting:
            writer, sequence, _ = one.batch
            last, position = stream.last.get(writer, (-1, 0))
            if last == sequence:
                one.position = position
            elif last > sequence:
                one.error = StorageInternalError("Its writer has given up this batch and gone on.")

    def _add(self, number: int, shared: Shared, new: Sequence[Append]) -> None:
        """Write batches into the log, and take note of them and of what others have written."""
        stream = shared.stream
        last = stream.length + len(new) - 1
        if self._memory is None:
            batches = [one.batch for one in new]
            with self._lock:
                if isinstance(self.log, Groups):
                    last = self.log.append_all(number, batches) + len(batches) - 1
                else:
                    last = [self.log.append(number, batch) for batch in batches][-1]
        if last == stream.length + len(new) - 1:
            for one in new:
                stream.add(one.batch, one.text)
        else:
            self._refresh(number, shared)
        self._make_room()

    def _refresh(self, number: int, shared: Shared) -> None:
        """Take note of what other processes have written."""
        stream = shared.stream
        stream.check()
        shared.asked += 1
        turn = shared.asked
        while self._memory is None:
            try:
                with self._lock:
                    stream.extend(self.log.read(number, stream.length))
                break
            except Compacted:
                found = self.load(number)
                if found is not None:
                    stream.restart(found[0])
            except KeyError:
                stream.drop()
                raise
        shared.is_loaded = True
        shared.answered = turn

    def _make_room(self) -> None:
        """Forget the streams that nobody has used for longest while there are too many."""
        if self._memory is not None:
            return
        size = sum(shared.stream.size for shared in list(self._shared.values()))
        oldest = sorted(self._shared.items(), key=lambda item: item[1].used)
        for number, shared in oldest[:-1]:
            if size < _LIMIT:
                break
            size -= shared.stream.size
            self._shared.pop(number, None)


def _spelled(text: bytes) -> Batch:
    """The batch of a text.

    Raises:
        ValueError: If it is none.
    """
    found: Batch = json.loads(text)
    writer, sequence, events = found
    if not (isinstance(writer, str) and isinstance(sequence, int) and isinstance(events, list)):
        raise ValueError("a batch is a writer, a number and a list of events")
    return found
