"""Optuna's name for a storage over a journal."""

from __future__ import annotations

from typing import final

from skipjack.errors import wrong_type
from skipjack.storages.face import LedgerStorage
from skipjack.storages.journal._base import BaseJournalBackend
from skipjack.storages.journal._logs import log_of
from skipjack.storages.ledger import opened


@final
class JournalStorage(LedgerStorage):
    """Studies in a journal: a file, Redis, or whatever a backend of your own writes to.

    Args:
        log_storage: A `JournalFileBackend`, a `JournalRedisBackend`, or a backend of your own.

    Raises:
        StorageInternalError: If the journal cannot be read, or holds something else.
    """

    medium = "Journal"

    def __init__(self, log_storage: BaseJournalBackend) -> None:
        for method in ("read_logs", "append_logs"):
            if not callable(getattr(log_storage, method, None)):
                raise wrong_type("log_storage", f"have a method `{method}`", log_storage)
        super().__init__(opened(log_of(log_storage)))

    def restore_replay_result(self, snapshot: bytes) -> None:
        """Accepted for compatibility: snapshots are found, checked and loaded by themselves.

        Optuna's are pickles, which could run anything when they are loaded; none is read.
        """
