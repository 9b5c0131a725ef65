"""Files that others have locked, or that lie on a network."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack import platform
from skipjack.errors import StorageInternalError
from skipjack.samplers import RandomSampler
from skipjack.storages import sqlite
from tests.storages import work
from tests.storages.test_bad_files import cold, make

# ------------------------------------------------------------------------------------------ locks


def test_a_lock_of_another_program_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    study = make(path)
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    other = context.Process(target=lock_for, args=(str(path), 2.5, ready))
    other.start()
    assert ready.wait(200)
    study.optimize(work.objective, n_trials=2)
    other.join(200)
    assert other.exitcode == 0
    assert len(study.trials) == 7


def lock_for(path: str, seconds: float, ready: Any) -> None:
    """Hold a transaction open, as a careless program does."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    ready.set()
    time.sleep(seconds)
    connection.execute("COMMIT")


def test_a_lock_that_lasts_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "study.db"
    study = make(path)
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.2)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert len(study.trials) == 5, "readers do not wait for writers"
    with pytest.raises(StorageInternalError, match="Another program has kept the file locked"):
        study.ask()
    other.execute("ROLLBACK")
    other.close()
    assert study.ask().number == 5


def test_only_words_of_sqlite_itself_count_as_busy() -> None:
    assert sqlite._is_busy(sqlite3.OperationalError("database is locked"))
    assert sqlite._is_busy(sqlite3.OperationalError("locking protocol"))
    assert not sqlite._is_busy(sqlite3.OperationalError("disk I/O error"))
    assert not sqlite._is_busy(sqlite3.OperationalError("no such table: locked_doors"))


# ------------------------------------------------------------------------- network file systems


def test_network_file_systems_are_told_by_their_mounts(monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = (
        "/dev/vda / ext4 rw 0 0\n"
        "server:/home /home nfs4 rw 0 0\n"
        "tmpfs /home/me/fast tmpfs rw 0 0\n"
        "//server/a\\040b /mnt/a\\040b cifs rw 0 0\n"
    )
    monkeypatch.setattr(platform, "_read", lambda path: mounts)
    monkeypatch.setattr(os.path, "realpath", lambda path: path)
    remote = ["/home/me/study.db", "/home", "/mnt/a b/study.db"]
    local = ["/study.db", "/homework/study.db", "/home/me/fast/study.db", "/mnt/study.db"]
    assert [platform.is_remote(path) for path in remote] == [True] * len(remote)
    assert [platform.is_remote(path) for path in local] == [False] * len(local)
    monkeypatch.setattr(platform, "_read", lambda path: "")
    assert not platform.is_remote("/home/me/study.db")


def test_there_is_no_shared_memory_on_a_network_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.db"
    make(path, 3)._ledger.log.close()  # type: ignore[union-attr]  # it has one
    monkeypatch.setattr(platform, "is_remote", lambda path: True)
    study, other = [
        skipjack.load_study(study_name="study", storage=cold(path), sampler=RandomSampler())
        for _ in range(2)
    ]
    study.optimize(work.objective, n_trials=5, n_jobs=2)
    other.optimize(work.objective, n_trials=5)
    assert sorted(os.listdir(tmp_path)) == ["study.db"]
    assert [t.number for t in study.trials] == list(range(13))


def test_a_new_file_is_not_taken_for_one_that_is_gone(tmp_path: Path) -> None:
    """The system gives the number of a deleted file to the next one, often at once."""
    gone = []
    for i in range(20):
        path = tmp_path / f"{i}.db"
        gone.append(make(path))
        gone[-1]._ledger.log.close()  # type: ignore[union-attr]  # it has one
        path.unlink()
