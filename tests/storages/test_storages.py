"""The storages keep the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from skipjack.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from skipjack.storages.face import LedgerStorage
from skipjack.storages.file import FileLog
from skipjack.storages.journal import JournalFileBackend, JournalRedisBackend
from skipjack.storages.journal._logs import BackendLog
from skipjack.storages.ledger import Ledger
from skipjack.storages.redis import RedisLog
from skipjack.storages.sql import SqlLog
from skipjack.storages.sqlite import SqliteLog
from skipjack.testing.storages import Reopen, StorageContract
from tests.storages.journals import Shelf
from tests.storages.servers import DatabaseServer


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


class TestRDBStorageInServers(StorageContract):
    @pytest.fixture
    def url(self, server: DatabaseServer) -> str:
        return server.new()

    @pytest.fixture
    def storage(self, url: str) -> BaseStorage:
        return RDBStorage(url)

    @pytest.fixture
    def reopen(self, storage: BaseStorage, url: str) -> Reopen:
        return lambda: LedgerStorage(Ledger(SqlLog(url)))


class TestJournalStorageInAFile(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> BaseStorage:
        return JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))

    @pytest.fixture
    def reopen(self, storage: BaseStorage, tmp_path: Path) -> Reopen:
        return lambda: LedgerStorage(Ledger(FileLog(tmp_path / "study.log")))


class TestJournalStorageInRedis(StorageContract):
    @pytest.fixture
    def storage(self, redis_url: str, prefix: str) -> BaseStorage:
        return JournalStorage(JournalRedisBackend(redis_url, prefix=prefix))

    @pytest.fixture
    def reopen(self, storage: BaseStorage, redis_url: str, prefix: str) -> Reopen:
        return lambda: LedgerStorage(Ledger(RedisLog(redis_url, prefix)))


class TestJournalStorageOfAUser(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> BaseStorage:
        return JournalStorage(Shelf(tmp_path / "shelf"))

    @pytest.fixture
    def reopen(self, storage: BaseStorage, tmp_path: Path) -> Reopen:
        return lambda: LedgerStorage(Ledger(BackendLog(Shelf(tmp_path / "shelf"))))
