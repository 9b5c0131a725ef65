"""The storages keep the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from skipjack.storages import BaseStorage, InMemoryStorage, RDBStorage
from skipjack.storages.face import LedgerStorage
from skipjack.storages.ledger import Ledger
from skipjack.storages.sqlite import SqliteLog
from skipjack.testing.storages import Reopen, StorageContract


class TestInMemoryStorage(StorageContract):
    @pytest.fixture
    def storage(self) -> BaseStorage:
        return InMemoryStorage()


class TestRDBStorageInMemory(StorageContract):
    @pytest.fixture
    def storage(self) -> BaseStorage:
        return RDBStorage("sqlite:///:memory:")


class TestRDBStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> BaseStorage:
        return RDBStorage(f"sqlite:///{tmp_path}/study.db")

    @pytest.fixture
    def reopen(self, storage: BaseStorage, tmp_path: Path) -> Reopen:
        # A ledger of its own reads everything from the file, as another process would.
        return lambda: LedgerStorage(Ledger(SqliteLog(tmp_path / "study.db")))
