"""The storage that companions of Optuna look for in front of a database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from skipjack.storages.base import BaseHeartbeat
from skipjack.storages.face import LedgerStorage
from skipjack.storages.names import RDBStorage


@final
class _CachedStorage(LedgerStorage, BaseHeartbeat):
    """The studies of another storage, which keeps finished trials in memory as every one does.

    Args:
        backend: That storage.
    """

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend.ledger)
        self._backend = backend
        self.medium = backend.medium
        self.stale_callback = backend.stale_callback

    def record_heartbeat(self, trial_id: int) -> None:
        """Say that the worker of a trial is alive."""
        self._backend.record_heartbeat(trial_id)

    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        return self._backend._get_stale_trial_ids(study_id)

    def get_heartbeat_interval(self) -> int | None:
        """What was given as `heartbeat_interval`."""
        return self._backend.get_heartbeat_interval()

    def get_heartbeat_stale_trial_callback(self) -> Callable[[Any, Any], None] | None:
        """What was given as `heartbeat_stale_trial_callback`."""
        return self._backend.get_heartbeat_stale_trial_callback()
