"""All ledgers of a process: what happens to their handles when it forks, and when it ends."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from contextlib import suppress
from typing import Any

from skipjack import platform
from skipjack.errors import StorageError

_PATIENCE = 60.0  # seconds that a fork waits for writes of other threads to end ...
_FAR_PATIENCE = 1.0  # ... and to servers, which may be away, and share no locks with a child

_registry = threading.RLock()
_ledgers: weakref.WeakSet[Any] = weakref.WeakSet()
_held_for_fork: list[Any] = []


def registry() -> Any:
    """The lock that is held while the ledgers of this process become more."""
    return _registry


def keep(ledger: Any) -> None:
    """Look after a ledger, as long as there is one."""
    with _registry:
        _ledgers.add(ledger)


def _before_fork() -> None:
    """Let other threads finish their writes; close what a child must not inherit."""
    _registry.acquire()
    start = time.monotonic()
    for ledger in sorted(_ledgers, key=lambda ledger: bool(ledger.is_far)):
        patience = _FAR_PATIENCE if ledger.is_far else _PATIENCE
        if ledger.lock.acquire(timeout=max(0.0, start + patience - time.monotonic())):
            _held_for_fork.append(ledger)
            if ledger.log is not None:
                ledger.log.close()


def _after_fork_in_parent() -> None:
    while _held_for_fork:
        _held_for_fork.pop().lock.release()
    _registry.release()


def _after_fork() -> None:
    global _registry
    _registry = threading.RLock()
    _held_for_fork.clear()
    for ledger in list(_ledgers):
        ledger.forked()


def _close() -> None:
    """Close the logs when the interpreter ends, so that a file is whole without its side files."""
    for ledger in list(_ledgers):
        if ledger.log is not None and ledger.lock.acquire(timeout=1.0):
            with suppress(StorageError):  # then others will notice it later
                ledger.end()
            ledger.log.close()
            ledger.lock.release()


atexit.register(_close)
platform.after_fork(_after_fork, _before_fork, _after_fork_in_parent)
