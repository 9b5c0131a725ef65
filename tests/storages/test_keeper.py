"""The keeper: the thread that writes what has stayed in a buffer, and ends when it is idle."""

from __future__ import annotations

import functools
import threading
import time
import types
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.errors import StorageInternalError
from skipjack.samplers import RandomSampler
from skipjack.storages import keeper
from tests.storages.test_buffer import objective_with_report, process, wait_for


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let keepers end after a tenth of a second without work."""
    monkeypatch.setattr(keeper, "IDLE", 0.1)


def test_there_is_no_keeper_for_studies_in_memory() -> None:
    for storage in (None, "sqlite:///:memory:"):
        study = skipjack.create_study(storage=storage, sampler=RandomSampler())
        study.optimize(objective_with_report, n_trials=5)
        assert study._ledger._keeper is None


def test_there_is_one_keeper_of_a_log_which_ends_when_idle_and_comes_back(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = skipjack.create_study(storage=url, sampler=RandomSampler())
    kept = study._ledger.keeper
    seen: set[threading.Thread | None] = set()

    def objective(trial: skipjack.Trial) -> float:
        trial.report(1.0, 0)
        seen.add(kept._thread)
        return trial.suggest_float("x", 0, 1)

    for runs in range(1, 4):
        monkeypatch.setattr(keeper, "IDLE", 600.0)
        study.optimize(objective, n_trials=10, n_jobs=3)
        assert len(seen) == runs
        monkeypatch.setattr(keeper, "IDLE", 0.0)
        kept.later(types.SimpleNamespace(is_due=False), bool)  # so that it looks how long to wait
        wait_for(lambda: kept._thread is None)
    assert None not in seen
    assert len(study.trials) == 30


@pytest.mark.usefixtures("hasty")
def test_nothing_that_the_keeper_is_given_is_forgotten() -> None:
    done: list[int] = []
    kept = keeper.Keeper()
    for i in range(40):
        kept.later(types.SimpleNamespace(is_due=True), functools.partial(done.append, i))
        if i % 10 == 9:
            time.sleep(0.65)  # about the moment at which it would end
    wait_for(lambda: len(done) == 40)
    assert done == list(range(40))


def test_a_keeper_that_cannot_write_says_so_and_the_end_writes_it(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    study = skipjack.create_study(storage=url, sampler=RandomSampler())
    skipjack.logging.enable_propagation()
    log: Any = study._ledger.log
    append = type(log).append

    def objective(trial: skipjack.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        monkeypatch.setattr(type(log), "append", fails)
        trial.report(x, 0)
        wait_for(lambda: "not written yet" in caplog.text)
        monkeypatch.setattr(type(log), "append", append)
        return x

    def fails(self: Any, stream: int, batch: Any) -> int:
        raise StorageInternalError("The disk is full.")

    study.optimize(objective, n_trials=1)
    cold = process(Path(url.removeprefix("sqlite:///")), "cold").get_all_trials(0)
    assert cold[0].intermediate_values == {0: cold[0].value}
