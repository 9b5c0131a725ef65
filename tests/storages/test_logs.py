"""The SQLite log keeps the contract. Memory has none: its ledger folds events at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from skipjack.storages.sqlite import SqliteLog
from skipjack.testing.logs import LogContract, OpenLog


class TestSqliteLog(LogContract):
    @pytest.fixture
    def open_log(self, tmp_path: Path) -> OpenLog:
        return lambda: SqliteLog(tmp_path / "log.db")
