"""The thread that writes what has stayed in a buffer for long enough."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import final

from skipjack import platform

FLUSH_AFTER = 0.5  # seconds that a write may stay in the buffer
_IDLE = 5.0  # seconds without work after which the thread ends
_TOGETHER = 0.05  # seconds by which a write may be early


@final
class Keeper:
    """Calls back after half a second, in one thread of the process that ends when it is idle.

    What is due may have been done meanwhile: the callbacks look for themselves.
    """

    def __init__(self) -> None:
        self._due: deque[tuple[float, Callable[[], None]]] = deque()
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()

    def later(self, callback: Callable[[], None]) -> None:
        """Call `callback` in half a second."""
        with self._changed:
            self._due.append((time.monotonic() + FLUSH_AFTER, callback))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._keep, name="skipjack-keeper", daemon=True
                )
                self._thread.start()
            elif len(self._due) == 1:
                self._changed.notify()

    def forget(self) -> None:
        """Begin anew in a forked process, where the thread does not exist."""
        self._due.clear()
        self._thread = None
        self._changed = threading.Condition()

    def _keep(self) -> None:
        while True:
            with self._changed:
                if not self._changed.wait_for(lambda: self._due, _IDLE):
                    self._thread = None
                    return
                when = self._due[0][0]
            time.sleep(max(0.0, when - time.monotonic()))
            self._call(time.monotonic() + _TOGETHER)

    def _call(self, until: float) -> None:
        """Do what is due, and what is going to be soon, so as to wake up seldom."""
        while self._due and self._due[0][0] <= until:
            self._due.popleft()[1]()


KEEPER = Keeper()
platform.after_fork(KEEPER.forget)
