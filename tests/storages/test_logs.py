"""The SQLite log keeps the contract. Memory has none: its ledger folds events at once."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from skipjack import platform
from skipjack.storages.file import FileLog
from skipjack.storages.journal._logs import BackendLog
from skipjack.storages.redis import RedisLog
from skipjack.storages.sqlite import SqliteLog
from skipjack.testing.logs import LeaseContract, LogContract, OpenLeases, OpenLog
from skipjack.testing.snapshots import OpenSnapshots, SnapshotContract
from tests.storages.journals import Shelf


class TestSqliteLog(LogContract):
    @pytest.fixture
    def open_log(self, tmp_path: Path) -> OpenLog:
        return lambda: SqliteLog(tmp_path / "log.db")


class TestSqliteLeases(LeaseContract):
    @pytest.fixture
    def open_log(self, tmp_path: Path) -> OpenLeases:
        return lambda: SqliteLog(tmp_path / "log.db")


class TestSqliteSnapshots(SnapshotContract):
    @pytest.fixture
    def open_log(self, tmp_path: Path) -> OpenSnapshots:
        return lambda: SqliteLog(tmp_path / "log.db")


def test_clocks_that_differ_do_not_matter_on_a_network_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "is_remote", lambda path: True)
    log = SqliteLog(tmp_path / "log.db")
    log.beat("late")
    with closing(sqlite3.connect(tmp_path / "log.db")) as database, database:
        database.execute("UPDATE skipjack_leases SET beat = beat - 1000")
    assert log.ages()["late"] == 0
    time.sleep(0.05)
    assert 0.05 <= log.ages()["late"] < 100
    log.beat("late")
    assert log.ages()["late"] == 0


def test_a_file_of_before_leases_gets_them_at_the_first_beat(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    assert log.ages() == {}
    log.leave("nobody")
    log.beat("somebody")
    assert log.ages().keys() == {"somebody"}
    assert SqliteLog(tmp_path / "log.db").ages().keys() == {"somebody"}


class TestFileLog(LogContract):
    @pytest.fixture
    def open_log(self, tmp_path: Path) -> OpenLog:
        return lambda: FileLog(tmp_path / "study.log")


class TestFileLogOnANetwork(LogContract):
    @pytest.fixture
    def open_log(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenLog:
        monkeypatch.setattr(platform, "is_remote", lambda path: True)
        return lambda: FileLog(tmp_path / "study.log")


class TestFileSnapshots(SnapshotContract):
    @pytest.fixture
    def open_log(self, tmp_path: Path) -> OpenSnapshots:
        return lambda: FileLog(tmp_path / "study.log")


class TestFileLeases(LeaseContract):
    @pytest.fixture
    def open_log(self, tmp_path: Path) -> OpenLeases:
        return lambda: FileLog(tmp_path / "study.log")


class TestRedisLog(LogContract):
    @pytest.fixture
    def open_log(self, redis_url: str, prefix: str) -> OpenLog:
        return lambda: RedisLog(redis_url, prefix)


class TestRedisSnapshots(SnapshotContract):
    @pytest.fixture
    def open_log(self, redis_url: str, prefix: str) -> OpenSnapshots:
        return lambda: RedisLog(redis_url, prefix)


class TestRedisLeases(LeaseContract):
    @pytest.fixture
    def open_log(self, redis_url: str, prefix: str) -> OpenLeases:
        return lambda: RedisLog(redis_url, prefix)


class TestJournalOfAUser(LogContract):
    @pytest.fixture
    def open_log(self, tmp_path: Path) -> OpenLog:
        return lambda: BackendLog(Shelf(tmp_path / "shelf"))
