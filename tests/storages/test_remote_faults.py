"""Servers and clients that are killed, and connections that are cut: everything is written once."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.errors import StorageInternalError
from skipjack.records.states import TrialState
from skipjack.storages import GrpcStorageProxy, InMemoryStorage, RemoteServer
from skipjack.storages.face import LedgerStorage
from skipjack.storages.ledger import Ledger
from skipjack.storages.remote.client import RemoteLog
from skipjack.storages.sqlite import SqliteLog
from skipjack.testing.logs import batch, plain_batches
from tests.conftest import Require
from tests.storages import work
from tests.storages.crews import Crew, needs_fork
from tests.storages.ports import free_port
from tests.storages.remote import Forwarder, ServerProcess, running
from tests.storages.test_processes import is_whole, new_study, seen_by_all

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),  # of a process with threads
    pytest.mark.timeout(600),
]


@pytest.fixture(autouse=True)
def needs_grpc(require: Require) -> None:
    require("grpc")


@pytest.fixture(params=["memory", "sqlite"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    behind = f"get_storage('sqlite:///{tmp_path}/study.db')"
    with running("InMemoryStorage()" if request.param == "memory" else behind) as server:
        yield server


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[ServerProcess]:
    with running(f"get_storage('sqlite:///{tmp_path}/study.db')") as server:
        yield server


# -------------------------------------------------------------------------------------- servers


@needs_fork
def test_a_server_that_is_killed_and_started_again_loses_nothing(
    forks: Crew, on_disk: ServerProcess, tmp_path: Path
) -> None:
    diary = tmp_path / "told"
    new_study(on_disk.url)
    workers = [forks.start(work.work_until_killed, on_disk.url, str(diary)) for _ in range(3)]
    for _ in range(5):
        before = len(diary.read_text().splitlines()) if diary.exists() else 0
        deadline = time.monotonic() + 200
        while not diary.exists() or len(diary.read_text().splitlines()) < before + 6:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        on_disk.end()
        time.sleep(0.1)
        on_disk.start()
    assert all(worker.is_alive() for worker in workers)
    trials = skipjack.load_study(study_name=None, storage=on_disk.url).trials
    assert not any(t.state is TrialState.FAIL for t in trials)
    for worker in workers:  # those that are left may fail a trial of one that is gone
        worker.kill()
        worker.join(200)
    trials = seen_by_all(on_disk.url)
    is_whole(trials)
    for number, value, params in map(json.loads, diary.read_text().splitlines()):
        assert (trials[number].value, trials[number].params) == (value, params)
    assert sum(t.state in (TrialState.FAIL, TrialState.RUNNING) for t in trials) <= 3
    once(SqliteLog(tmp_path / "study.db"))


def once(log: Any) -> int:
    """See that no batch of stream 0 is there twice; how many there are."""
    counts = Counter((writer, sequence) for writer, sequence, _ in log.read(0, 0))
    assert max(counts.values()) == 1
    return len(counts)


def test_a_server_in_memory_that_starts_anew_is_not_taken_for_the_old_one() -> None:
    with running("InMemoryStorage()") as server:
        study = new_study(server.url)
        study.optimize(work.objective, n_trials=2)
        server.end()
        server.start()
        with pytest.raises(StorageInternalError, match="keeps other studies than before"):
            study.ask()


def test_a_server_that_is_gone_is_named_when_patience_ends() -> None:
    with RemoteServer(InMemoryStorage(), port=free_port()) as server:
        storage = GrpcStorageProxy(port=server.port, patience=0.5)
        study = skipjack.create_study(storage=storage)
        trial = study.ask()
    with pytest.raises(StorageInternalError, match=f"localhost:{server.port} has not answered"):
        study.tell(trial, 1.0)
    with RemoteServer("sqlite://", port=server.port), pytest.raises(StorageInternalError):
        study.tell(trial, 1.0)  # not the same one


@needs_fork
def test_a_server_that_is_away_holds_up_neither_other_storages_nor_forks(tmp_path: Path) -> None:
    server = RemoteServer(f"sqlite:///{tmp_path}/far.db", port=free_port())
    server.start()
    far = skipjack.create_study(storage=server.url)
    near = skipjack.create_study(storage=f"sqlite:///{tmp_path}/near.db")

    def reported() -> bool:
        trials = LedgerStorage(Ledger(SqliteLog(tmp_path / "near.db"))).get_all_trials(0)
        return bool(trials and trials[0].intermediate_values)

    def locked(lock: Any) -> bool:
        """Whether another thread has it."""
        if free := lock.acquire(blocking=False):
            lock.release()
        return not free

    def near_objective(trial: skipjack.Trial) -> float:
        trial.report(2.0, 0)
        end = time.monotonic() + 50  # the far keeper tries again for a minute, with its lock
        while not reported() or not locked(far._ledger.lock):
            assert time.monotonic() < end
            time.sleep(0.02)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert locked(far._ledger.lock), "and has not been waited for"
        return 0.0

    def far_objective(trial: skipjack.Trial) -> float:
        server.stop()
        trial.report(1.0, 0)
        try:
            near.optimize(near_objective, n_trials=1)
        finally:
            server.start()
        return 0.0

    far.optimize(far_objective, n_trials=1)
    assert far.trials[0].intermediate_values == {0: 1.0}
    server.stop()


def test_a_trial_outlives_a_server_that_is_away_while_it_is_told(tmp_path: Path) -> None:
    server = RemoteServer(f"sqlite:///{tmp_path}/study.db", port=free_port())
    server.start()
    study = skipjack.create_study(storage=server.url)
    trial = study.ask()
    server.stop()
    back = threading.Timer(0.5, server.start)
    back.start()
    try:
        assert study.tell(trial, 1.0).state is TrialState.COMPLETE
    finally:
        back.join()
        server.stop()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_server_cleanly(how: int) -> None:
    with running("InMemoryStorage()") as server:
        code, said = server.end(how)
    assert code == 0
    assert "Server stopped" in said
    assert "Traceback" not in said


# ------------------------------------------------------------------------------------------ cuts


def test_appends_are_made_once_and_say_where_whatever_is_cut(server: ServerProcess) -> None:
    made: list[Any] = []
    with Forwarder(server.port, 0.2, seed=1) as way:
        log = RemoteLog("127.0.0.1", way.port)
        while len(made) < 50 or min(way.cuts.values()) < 4:
            made.append(batch(len(made) + 1))
            assert log.append(0, made[-1]) == len(made) - 1
        log.close()
    direct = RemoteLog("127.0.0.1", server.port)
    assert plain_batches(direct.read(0, 0)) == plain_batches(made)
    direct.close()


def test_trials_are_told_once_whatever_is_cut(on_disk: ServerProcess, tmp_path: Path) -> None:
    ways = [Forwarder(on_disk.port, 0.15, seed) for seed in range(3)]
    new_study(on_disk.url)
    logs = [RemoteLog("127.0.0.1", way.port) for way in ways]
    studies = [
        skipjack.load_study(
            study_name="study",
            storage=LedgerStorage(Ledger(log)),
            sampler=skipjack.samplers.RandomSampler(),
        )
        for log in logs
    ]
    threads = [
        threading.Thread(target=study.optimize, args=(work.objective,), kwargs={"n_trials": 30})
        for study in studies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for log, way in zip(logs, ways):
        log.close()
        way.__exit__()
    assert sum(sum(way.cuts.values()) for way in ways) > 0  # some 20
    trials = seen_by_all(on_disk.url)
    is_whole(trials)
    assert Counter(t.state for t in trials) == {TrialState.COMPLETE: 90}
    assert once(SqliteLog(tmp_path / "study.db")) > 90
