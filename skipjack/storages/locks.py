"""Locks that are files: for file systems whose own locks cannot be trusted.

The lock file names its holder, so a killed one of this machine is noticed at once. Only another
machine's, of which nothing can be known, is taken to be dead when it has held the lock for longer
than a grace period.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import Protocol, final

from skipjack import logging, platform
from skipjack.errors import WrongStateError

GRACE = 30.0  # seconds after which a lock of another machine is taken away

_logger = logging.get_logger(__name__)


class Lock(Protocol):
    """Something that one holder has at a time."""

    def acquire(self) -> bool:
        """Get it, waiting as long as needed; True."""
        ...

    def release(self) -> None:
        """Give it back."""
        ...


class Marker(Protocol):
    """A way to make a file that says who made it, of which there can be one at a time."""

    def make(self, path: str, holder: str) -> bool:
        """Make it; False if it is there already."""
        ...

    def holder(self, path: str) -> str | None:
        """Who made it: "" if that cannot be said (yet), None if there is no such file."""
        ...


@final
class Symlink:
    """A symbolic link that leads to its holder's name: made with its content, on every NFS."""

    def make(self, path: str, holder: str) -> bool:
        """Make it; see `Marker.make`."""
        try:
            os.symlink(holder, path)
        except FileExistsError:
            return False
        return True

    def holder(self, path: str) -> str | None:
        """Who made it; see `Marker.holder`."""
        try:
            return os.readlink(path)
        except FileNotFoundError:
            return None
        except OSError:  # it is no link
            return ""


@final
class Exclusive:
    """A file that is opened as a new one: on every system, and NFS from version 3 on."""

    def make(self, path: str, holder: str) -> bool:
        """Make it; see `Marker.make`."""
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        except PermissionError:
            if sys.platform == "win32" and os.path.exists(path):
                return False  # it is being deleted, or looked at
            raise
        try:
            os.write(file, holder.encode())
        finally:
            os.close(file)
        return True

    def holder(self, path: str) -> str | None:
        """Who made it; see `Marker.holder`."""
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError:
            return ""


@final
class LockFile:
    """A lock that is held by whoever could make a file.

    Not reentrant. It may be held by one thread at a time, and is also a context manager.

    Args:
        path: The file.
        marker: How it is made.
        grace: Seconds after which the lock of a holder that may be dead is taken away; None:
            never. It does not matter for holders of which is known whether they live.
    """

    def __init__(self, path: str, marker: Marker, grace: float | None = GRACE) -> None:
        self.path = path
        self._marker = marker
        self._grace = grace
        self._held: tuple[str, float] | None = None  # our name in it, since when

    def acquire(self, patience: float | None = None) -> bool:
        """Get the lock.

        Args:
            patience: Seconds to wait for it; None: as long as needed.

        Returns:
            Whether it was got.
        """
        name = f"{platform.worker()}/{os.urandom(8).hex()}"
        began = time.monotonic()
        seen, since, pause = "", began, 1e-4
        while not self._marker.make(self.path, name):
            now = time.monotonic()
            holder = self._marker.holder(self.path)
            if holder is None:
                continue
            if holder != seen:
                seen, since, pause = holder, now, 1e-4
            if self._is_left_behind(holder, now - since):
                self._take_away(holder)
            elif patience is not None and now - began > patience:
                return False
            else:
                time.sleep(pause)
                pause = min(2 * pause, 0.02)
        self._held = name, time.monotonic()
        return True

    def release(self) -> None:
        """Give the lock back.

        Raises:
            WrongStateError: If it is not held.
        """
        held, self._held = self._held, None
        if held is None:
            raise WrongStateError(f"The lock {self.path} is not held, so it cannot be released.")
        name, since = held
        if self._grace is None or time.monotonic() - since < self._grace / 2:
            _delete(self.path)
        else:  # it may be somebody else's by now, or about to be
            self._take_away(name)

    def __enter__(self) -> LockFile:
        self.acquire()
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def _is_left_behind(self, holder: str, age: float) -> bool:
        worker = holder.rpartition("/")[0]
        if platform.is_near(worker):
            return platform.is_dead(worker)
        return self._grace is not None and age > self._grace

    def _take_away(self, holder: str) -> None:
        """Delete the lock if it is still that holder's.

        Of all who want to, one at a time looks and deletes: who holds a lock on just that.
        """
        guard = f"{self.path}.{holder.rpartition('/')[2][:32] or 'nobody'}"
        with LockFile(guard, self._marker, self._grace):
            if self._marker.holder(self.path) == holder:
                _logger.debug("The lock %s was left behind by %s.", self.path, holder)
                _delete(self.path)


def _delete(path: str) -> None:
    while True:
        with contextlib.suppress(FileNotFoundError):
            try:
                os.unlink(path)
            except PermissionError:
                if sys.platform != "win32":
                    raise
                time.sleep(1e-3)  # somebody looks at it
                continue
        return
