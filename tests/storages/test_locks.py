"""Locks that are files: one holder at a time, and none that is dead for long."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from skipjack import platform
from skipjack.storages import locks
from skipjack.storages.file import FileLog
from skipjack.storages.journal import JournalFileOpenLock, JournalFileSymlinkLock
from skipjack.storages.journal._file import BaseJournalFileLock
from skipjack.storages.locks import Exclusive, LockFile, Symlink
from skipjack.testing.logs import LogContract, OpenLog, batch

MARKERS = [Symlink(), Exclusive()]
ELSEWHERE = "another-boot/pid:[1]/17/2345/token"
SPAWN = multiprocessing.get_context("spawn")

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=MARKERS, ids=["symlink", "file"])
def marker(request: pytest.FixtureRequest) -> Any:
    return request.param


def is_free(path: Path) -> bool:
    return os.listdir(path.parent) == []


def test_it_is_there_while_it_is_held(tmp_path: Path, marker: Any) -> None:
    path = tmp_path / "lock"
    first, second = LockFile(str(path), marker), LockFile(str(path), marker)
    assert first.acquire()
    assert not second.acquire(0.05)
    first.release()
    assert is_free(path)
    with second:
        assert not first.acquire(0)
    assert is_free(path)


def test_what_is_not_held_cannot_be_released(tmp_path: Path, marker: Any) -> None:
    lock = LockFile(str(tmp_path / "lock"), marker)
    with pytest.raises(RuntimeError, match="is not held"):
        lock.release()


def acquire_and_die(path: str, marker: Any) -> None:
    LockFile(path, marker).acquire()
    os._exit(1)


def test_a_dead_holder_of_this_machine_loses_it_at_once(tmp_path: Path, marker: Any) -> None:
    path = tmp_path / "lock"
    process = SPAWN.Process(target=acquire_and_die, args=(str(path), marker))
    process.start()
    process.join(60)
    assert os.path.lexists(path)
    lock = LockFile(str(path), marker, grace=None)
    assert lock.acquire(200.0)
    lock.release()
    assert is_free(path)


def test_a_holder_that_lives_keeps_it_however_long(tmp_path: Path, marker: Any) -> None:
    path = str(tmp_path / "lock")
    LockFile(path, marker).acquire()
    assert not LockFile(path, marker, grace=0.05).acquire(0.3)


@pytest.mark.parametrize("holder", [ELSEWHERE, "half a na"])
def test_a_holder_of_whom_nothing_is_known_keeps_it_for_a_grace_period(
    tmp_path: Path, marker: Any, holder: str
) -> None:
    path = tmp_path / "lock"
    assert marker.make(str(path), holder)
    assert not LockFile(str(path), marker, grace=30.0).acquire(0.05)
    assert not LockFile(str(path), marker, grace=None).acquire(0.05)
    lock = LockFile(str(path), marker, grace=0.2)
    began = time.monotonic()
    assert lock.acquire(200.0)
    assert time.monotonic() - began >= 0.2
    lock.release()
    assert is_free(path)


def test_a_lock_that_was_taken_away_is_not_released_by_who_had_it(
    tmp_path: Path, marker: Any
) -> None:
    path = tmp_path / "lock"
    first, second = LockFile(str(path), marker, grace=0.01), LockFile(str(path), marker)
    first.acquire()
    time.sleep(0.02)
    os.unlink(path)
    second.acquire()
    first.release()
    assert os.path.lexists(path)
    second.release()
    assert is_free(path)


def test_many_who_find_a_dead_holder_get_it_one_after_the_other(
    tmp_path: Path, marker: Any
) -> None:
    path, inside, most = tmp_path / "lock", [0], [0]
    for _ in range(3):
        marker.make(str(path), ELSEWHERE)

        def work() -> None:
            with LockFile(
                str(path), marker, grace=1.0
            ):  # longer than it may take to write the name
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(1e-3)
                inside[0] -= 1

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == [1]
        assert is_free(path)


def count(path: str, marker: Any, n: int, dies: bool) -> None:
    """Raise the number in a file, `n` times, or until a sudden death."""
    chance = random.Random(os.getpid())
    lock = LockFile(f"{path}.lock", marker)
    for _ in range(n):
        lock.acquire()
        number = int(Path(path).read_text())
        if dies and chance.random() < 0.2:
            os._exit(0)
        Path(path).write_text(str(number + 1))
        lock.release()


def test_processes_take_turns_also_when_some_die_amid_their_turn(
    tmp_path: Path, marker: Any
) -> None:
    path = tmp_path / "number"
    path.write_text("0")
    arguments = [(str(path), marker, 100, dies) for dies in (False, False, True, True)]
    crew = [SPAWN.Process(target=count, args=a) for a in arguments]
    for process in crew:
        process.start()
    for process in crew:
        process.join(100)
    assert [process.exitcode for process in crew] == [0] * 4
    assert 200 <= int(path.read_text()) <= 400
    lock = LockFile(f"{path}.lock", marker)
    assert lock.acquire(200.0)
    lock.release()
    assert os.listdir(tmp_path) == ["number"]


# ------------------------------------------------------------------------------- Optuna's names

KINDS = [JournalFileSymlinkLock, JournalFileOpenLock]


@pytest.mark.parametrize("kind", KINDS)
def test_the_locks_of_optuna_stand_beside_the_file(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "study.log"
    lock = kind(str(path))
    assert isinstance(lock, BaseJournalFileLock)
    assert lock.acquire() is True
    assert os.listdir(tmp_path) == ["study.log.lock"]
    lock.release()
    with pytest.raises(RuntimeError):
        lock.release()
    with lock:
        assert os.path.lexists(f"{path}.lock")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_grace_period_must_be_positive_and_should_not_be_short(kind: Any) -> None:
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="`grace_period` must be positive"):
            kind("x", grace_period=wrong)
    with pytest.warns(UserWarning, match="2 s is short"):
        kind("x", grace_period=2)
    kind("x", grace_period=None)


class Noting(BaseJournalFileLock):
    """A lock of a user's that says how often it was held."""

    def __init__(self) -> None:
        self.held: list[int] = []
        self.depth = 0

    def acquire(self) -> bool:
        self.depth += 1
        self.held.append(self.depth)
        return True

    def release(self) -> None:
        self.depth -= 1


def test_a_lock_that_is_given_is_held_for_each_append(tmp_path: Path) -> None:
    lock = Noting()
    log = FileLog(tmp_path / "study.log", lock)
    before = len(lock.held)
    for number in range(3):
        log.append(0, batch(number))
        log.read(0, 0)
    assert lock.held[before:] == [1, 1, 1]
    with pytest.raises(TypeError):
        log.append(0, batch(4, object()))
    assert lock.depth == 0


@pytest.mark.parametrize("kind", KINDS)
class TestLogWithALockOfItsOwn(LogContract):
    @pytest.fixture
    def open_log(self, tmp_path: Path, kind: Any) -> OpenLog:
        path = str(tmp_path / "study.log")
        return lambda: FileLog(path, kind(path))


def test_a_lock_can_be_pickled(tmp_path: Path) -> None:
    for kind in KINDS:
        with pickle.loads(pickle.dumps(kind(str(tmp_path / "x")))):
            assert os.listdir(tmp_path) == ["x.lock"]


def test_a_log_whose_lock_is_held_for_too_long_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "is_remote", lambda path: True)
    monkeypatch.setattr("skipjack.storages.file._PATIENCE", 0.2)
    path = tmp_path / "study.log"
    log = FileLog(path)
    log.append(0, batch(1))
    with (
        LockFile(f"{path}.lock", Exclusive()),
        pytest.raises(RuntimeError, match="Another program has kept the file locked"),
    ):
        log.append(0, batch(2))
    assert log.append(0, batch(2)) == 1
    assert os.listdir(tmp_path) == ["study.log"]
    assert locks.GRACE == 30.0


def test_a_file_that_is_locked_for_too_long_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipjack.storages.file._PATIENCE", 0.2)
    log = FileLog(tmp_path / "study.log")
    log.append(0, batch(1))
    with open(tmp_path / "study.log", "rb") as other:
        assert platform.lock(other.fileno(), 0)
        assert len(log.read(0, 0)) == 1, "readers do not wait"
        with pytest.raises(RuntimeError, match="Another program has kept the file locked"):
            log.append(0, batch(2))
        platform.unlock(other.fileno())
    assert log.append(0, batch(2)) == 1
