"""A stream of batches in memory: old ones packed as they are sent, and who wrote last."""

from __future__ import annotations

import json
import threading
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple, final

from skipjack.errors import NotFoundError
from skipjack.records.attributes import to_text
from skipjack.storages.port import Batch, Compacted
from skipjack.storages.remote.wire import PAGE, pack


class Page(NamedTuple):
    """Some batches that stand together, and the answer to `read` that has them."""

    first: int
    message: bytes


@final
class Stream:
    """The batches of one stream from `base` on. Its owner holds `lock` during each call.

    Attributes:
        base: How many batches a snapshot has taken the place of.
        length: How many batches there are, those included.
        size: Bytes that it takes, about.
        last: Of each writer, the last sequence number and its position.
        gone: Whether the stream was dropped.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.gone = False
        self.restart(0)

    def restart(self, base: int) -> None:
        """Forget all batches; the next one has the position `base`."""
        self.base = self.length = base
        self.last: dict[str, tuple[int, int]] = {}
        self.size = 0
        self._pages: list[Page] = []
        self._open: list[bytes] = []  # the batches behind the pages
        self._open_size = 0

    def check(self) -> None:
        """Raise NotFoundError if the stream was dropped."""
        if self.gone:
            raise NotFoundError("The study was deleted.")

    def drop(self) -> None:
        """Let go of everything for ever."""
        self.restart(0)
        self.gone = True

    def extend(self, batches: Iterable[Batch]) -> None:
        """Put batches at the end."""
        for batch in batches:
            self.add(batch, to_text(batch).encode())

    def add(self, batch: Batch, text: bytes) -> None:
        """Put a batch at the end whose text is known."""
        writer, sequence, _ = batch
        if self.last.get(writer, (-1,))[0] < sequence:
            self.last[writer] = sequence, self.length
        self._open.append(text)
        self._open_size += len(text)
        self.size += len(text)
        self.length += 1
        if self._open_size > PAGE:
            self._turn()

    def _turn(self) -> None:
        """Make a page of the newest batches."""
        first = self.length - len(self._open)
        message = pack({"first": first, "more": True}, self._open)
        self._pages.append(Page(first, message))
        self.size += len(message) - self._open_size
        self._open, self._open_size = [], 0

    def cut(self, base: int) -> None:
        """Let go of batches before `base`, which a snapshot stands for from now on."""
        if base > self.base:
            self.base = base
            starts = [page.first for page in self._pages[1:]] + [self.length - len(self._open)]
            n = bisect_right(starts, base)
            self.size -= sum(len(page.message) for page in self._pages[:n])
            del self._pages[:n]

    def answer(self, after: int) -> bytes:
        """The message with the first of the batches from `after` on.

        Raises:
            Compacted: If a snapshot has taken their place.
        """
        self.check()
        if after < self.base:
            raise Compacted
        newest = self.length - len(self._open)
        if after >= newest:
            return pack({"first": after, "more": False}, self._open[after - newest :])
        return self._pages[bisect_right([page.first for page in self._pages], after) - 1].message

    def between(self, after: int, end: int) -> list[bytes] | None:
        """The batches from `after` to `end`; None if they are so many that they must be read."""
        newest = self.length - len(self._open)
        if after < newest:
            return [] if after == end else None
        return self._open[after - newest : end - newest]


def batches_of(lines: Sequence[bytes]) -> list[Batch]:
    """The batches that lines of a message spell."""
    found: list[Batch] = json.loads(b"[%b]" % b",".join(lines))
    return found
