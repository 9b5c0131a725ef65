"""Optuna's journals: studies in a file, in Redis, or in a backend of your own."""

from __future__ import annotations

from skipjack.storages.journal._base import BaseJournalBackend
from skipjack.storages.journal._file import (
    JournalFileBackend,
    JournalFileOpenLock,
    JournalFileSymlinkLock,
)
from skipjack.storages.journal._redis import JournalRedisBackend
from skipjack.storages.journal._storage import JournalStorage

__all__ = [
    "BaseJournalBackend",
    "JournalFileBackend",
    "JournalFileOpenLock",
    "JournalFileSymlinkLock",
    "JournalRedisBackend",
    "JournalStorage",
]
