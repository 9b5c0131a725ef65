"""The thread that writes what has stayed in a buffer for long enough, and beats.

Each log that is used has its own, so that a server that is away holds up nothing but itself.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol, final

FLUSH_AFTER = 0.5  # seconds that a write may stay in the buffer
IDLE = 5.0  # seconds without work after which the thread ends
_TOGETHER = 0.05  # seconds by which a write may be early


class Waiting(Protocol):
    """What may have to be done: `is_due` until somebody has done it."""

    is_due: bool


@final
class Keeper:
    """Calls back after half a second, or regularly, in one thread that ends when it is idle.

    What is done meanwhile does not wake it.
    """

    def __init__(self) -> None:
        self._due: deque[tuple[float, Waiting, Callable[[], None]]] = deque()
        self._regular: deque[Callable[[], float | None]] = deque()
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()

    def later(self, waiting: Waiting, callback: Callable[[], None]) -> None:
        """Call `callback` in half a second, if it is still due then."""
        with self._changed:
            self._due.append((time.monotonic() + FLUSH_AFTER, waiting, callback))
            self._wake(len(self._due) == 1)

    def regularly(self, callback: Callable[[], float | None]) -> None:
        """Call `callback` as soon again as it says, in seconds, or sooner, until it says None."""
        with self._changed:
            self._regular.append(callback)
            self._wake(True)

    def _wake(self, is_news: bool) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name="skipjack-keeper", daemon=True)
            self._thread.start()
        elif is_news:
            self._changed.notify()

    def _keep(self) -> None:
        pause = 0.0
        while True:
            with self._changed:
                if not self._due and not self._changed.wait(pause) and not self._regular:
                    self._thread = None
                    return
                self._forget()
                when = self._due[0][0] if self._due else 0.0
            time.sleep(max(0.0, when - time.monotonic()))
            self._call(time.monotonic() + _TOGETHER)
            pause = self._tick()

    def _call(self, until: float) -> None:
        """Do what is due, and what is going to be soon, so as to wake up seldom."""
        while self._due and self._due[0][0] <= until:
            _, waiting, callback = self._due.popleft()
            if waiting.is_due:
                callback()

    def _forget(self) -> None:
        """Pass over what was done."""
        while self._due and not self._due[0][1].is_due:
            self._due.popleft()

    def _tick(self) -> float:
        """Make the regular calls; seconds until the next one."""
        pause = IDLE
        for _ in range(len(self._regular)):
            callback = self._regular.popleft()
            again = callback()
            if again is not None:
                self._regular.append(callback)
                pause = min(pause, again)
        return pause
