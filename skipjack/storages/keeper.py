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


@final
class Keeper:
    """Calls back after half a second, in one thread of the process that ends when it is idle.

    What is due may have been done meanwhile: the callbacks look for themselves.
    """

    def __init__(self) -> None:
        self._due: deque[tuple[float, Callable[[], None]]] = deque()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def later(self, callback: Callable[[], None]) -> None:
        """Call `callback` in half a second."""
        self._due.append((time.monotonic() + FLUSH_AFTER, callback))
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._keep, name="skipjack-keeper", daemon=True
                    )
                    self._thread.start()

    def forget(self) -> None:
        """Begin anew in a forked process, where the thread does not exist."""
        self._due.clear()
        self._thread = None
        self._lock = threading.Lock()

    def _keep(self) -> None:
        idle_since = time.monotonic()
        while True:
            if self._due:
                when, callback = self._due.popleft()
                time.sleep(max(0.0, when - time.monotonic()))
                callback()
                idle_since = time.monotonic()
                continue
            if time.monotonic() - idle_since > _IDLE:
                with self._lock:
                    if not self._due:
                        self._thread = None
                        return
            time.sleep(FLUSH_AFTER / 2)


KEEPER = Keeper()
platform.after_fork(KEEPER.forget)
