"""Optuna's names for the log in a file, and for locks that are files."""

from __future__ import annotations

import abc
from typing import final

from skipjack._warnings import optuna_warn
from skipjack.errors import invalid
from skipjack.storages.file import FileLog
from skipjack.storages.journal._logs import LogBackend
from skipjack.storages.locks import Exclusive, LockFile, Symlink

_SHORT = 3  # seconds; a shorter grace period may hit those who are only slow


class BaseJournalFileLock(abc.ABC):
    """A lock for a file, which one process has at a time."""

    @abc.abstractmethod
    def acquire(self) -> bool:
        """Get the lock, waiting as long as needed; True."""

    @abc.abstractmethod
    def release(self) -> None:
        """Give the lock back."""

    def __enter__(self) -> BaseJournalFileLock:
        self.acquire()
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()


@final
class JournalFileSymlinkLock(BaseJournalFileLock):
    """A lock that is a symbolic link beside the file; for every NFS, not for Windows.

    A holder on this machine that was killed loses it at once, and one that lives keeps it.

    Args:
        filepath: The file; the lock's name is this and `.lock`.
        grace_period: Seconds after which a holder on another machine is taken to be dead; None:
            never.

    Raises:
        ValueError: If the grace period is not positive.
    """

    def __init__(self, filepath: str, grace_period: int | None = 30) -> None:
        self._lock = LockFile(f"{filepath}.lock", Symlink(), _checked(grace_period))

    def acquire(self) -> bool:
        """Get the lock, waiting as long as needed; True."""
        return self._lock.acquire()

    def release(self) -> None:
        """Give the lock back.

        Raises:
            RuntimeError: If it is not held.
        """
        self._lock.release()


@final
class JournalFileOpenLock(BaseJournalFileLock):
    """A lock that is a file beside the file; for Windows too, and for NFS from version 3 on.

    Args:
        filepath: As for `JournalFileSymlinkLock`.
        grace_period: As for `JournalFileSymlinkLock`.

    Raises:
        ValueError: If the grace period is not positive.
    """

    def __init__(self, filepath: str, grace_period: int | None = 30) -> None:
        self._lock = LockFile(f"{filepath}.lock", Exclusive(), _checked(grace_period))

    def acquire(self) -> bool:
        """Get the lock, waiting as long as needed; True."""
        return self._lock.acquire()

    def release(self) -> None:
        """Give the lock back.

        Raises:
            RuntimeError: If it is not held.
        """
        self._lock.release()


class JournalFileBackend(LogBackend):
    """Studies in one file, which any number of processes and machines may share.

    What was told is on the disk. On a network file system writers take turns by a lock file;
    the file system's own locks are used only where they can be trusted.

    Args:
        file_path: The file; made when it does not exist.
        lock_obj: The lock that writers hold; all processes must use the same kind. None: the one
            that the file system needs.

    Raises:
        StorageInternalError: If it cannot be opened, or is no file of Skipjack.
    """

    def __init__(self, file_path: str, lock_obj: BaseJournalFileLock | None = None) -> None:
        super().__init__(FileLog(file_path, lock_obj))


def _checked(grace_period: int | None) -> int | None:
    if grace_period is not None and grace_period <= 0:
        raise invalid("grace_period", "be positive, or None", grace_period)
    if grace_period is not None and grace_period < _SHORT:
        optuna_warn(
            f"A `grace_period` of {grace_period} s is short: whoever is only slow loses the lock, "
            f"and two may write at once. Better are {_SHORT} s or more.",
            UserWarning,
        )
    return grace_period
