"""The end of a trial and the beginning of the next one are written together where they can be."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.errors import InvalidValueError, StorageInternalError
from skipjack.records.states import TrialState
from skipjack.samplers import RandomSampler, TPESampler
from skipjack.storages import keeper
from skipjack.storages.ledger import Ledger
from skipjack.storages.sqlite import SqliteLog
from tests.storages import work
from tests.storages.test_leases import wait_for


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/study.db"


@pytest.fixture(autouse=True)
def no_half_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow machine a trial might take longer, and its reports be written before its end."""
    monkeypatch.setattr(keeper.Keeper, "later", lambda self, waiting, callback: None)


def made(url: str | None, **options: Any) -> Any:
    options = {"sampler": RandomSampler(seed=1), **options}
    return skipjack.create_study(storage=url, study_name="study", **options)


def batches(study: Any) -> list[list[str]]:
    """What happened in each batch of the study's log."""
    return [[e["do"] for e in events] for *_, events in study._ledger.log.read(study._study_id, 0)]


def states(study: Any) -> list[str]:
    return [trial.state.name for trial in study.trials]


def test_a_trial_takes_one_write(url: str) -> None:
    study = made(url)
    study.optimize(work.objective, n_trials=5)
    study.optimize(work.objective, n_trials=2)
    # The first trial says what the parameters are, on which the next proposal stands.
    together = ["tell", "create"]
    first = [["create"], ["tell"], ["create"], *[together] * 3, ["tell"]]
    assert batches(study) == [*first, ["create"], together, ["tell"]]
    assert states(study) == ["COMPLETE"] * 7


def test_trials_are_what_they_would_be_one_by_one(url: str) -> None:
    def objective(trial: Any) -> float:
        if trial.suggest_categorical("deep", [True, False]):
            trial.suggest_int(f"k{trial.number % 3}", 0, trial.number + 1)
        return float(trial.suggest_float("x", -1, 1))

    shared, alone, asked = made(url), made(None), made(f"{url}2")
    shared.optimize(objective, n_trials=30)
    alone.optimize(objective, n_trials=30)
    for _ in range(30):
        trial = asked.ask()
        asked.tell(trial, objective(trial))
    assert [t.params for t in shared.trials] == [t.params for t in alone.trials]
    assert [t.params for t in shared.trials] == [t.params for t in asked.trials]


def test_what_looks_back_waits_for_the_end(url: str) -> None:
    study = made(url, sampler=TPESampler(seed=1))
    study.optimize(work.objective, n_trials=4)
    assert batches(study) == [["create"], ["tell"]] * 4


def test_no_trial_begins_that_nobody_wants(url: str) -> None:
    study = made(url)

    def stops(trial: Any) -> float:
        if trial.number in (3, 9):
            study.stop()
        return work.objective(trial)

    def stops_later(study: Any, trial: Any) -> None:
        if trial.number == 7:
            study.stop()

    study.optimize(stops)
    assert states(study) == ["COMPLETE"] * 4
    study.optimize(stops, callbacks=[stops_later])
    assert states(study) == ["COMPLETE"] * 8
    study.optimize(stops, n_trials=100, n_jobs=3)
    n_trials = len(study.trials)
    assert states(study) == ["COMPLETE"] * n_trials
    study.optimize(work.objective, n_trials_total=n_trials + 4)
    study.optimize(work.objective, timeout=0.0)
    assert states(study) == ["COMPLETE"] * (n_trials + 4)
    study.optimize(work.objective, timeout=0.2)
    assert set(states(study)) == {"COMPLETE"}


def test_a_trial_that_waits_comes_first(url: str) -> None:
    study = made(url)

    def objective(trial: Any) -> float:
        if trial.number == 3:
            study.enqueue_trial({"x": 0.25})
        return work.objective(trial)

    study.optimize(objective, n_trials=6)
    assert study.trials[4].params["x"] == 0.25
    assert states(study) == ["COMPLETE"] * 6


def test_failures_end_the_run_or_do_not(url: str) -> None:
    study = made(url)

    def objective(trial: Any) -> float:
        value = work.objective(trial)
        if trial.number == 3:
            raise ValueError("caught")
        if trial.number == 5:
            raise KeyError("not caught")
        return value if trial.number != 4 else float("nan")

    with pytest.raises(KeyError):
        study.optimize(objective, n_trials=9, catch=ValueError)
    assert states(study) == ["COMPLETE"] * 3 + ["FAIL"] * 3


class Interrupting(logging.Handler):
    """Raises KeyboardInterrupt when trial 4 is said to have finished."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("Trial 4 finished"):
            raise KeyboardInterrupt


def test_a_run_that_is_broken_off_behind_the_end_leaves_no_trial_running(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    study, handler = made(url), Interrupting()
    caplog.set_level(logging.INFO, logger="skipjack")
    logging.getLogger("skipjack").addHandler(handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            study.optimize(work.objective, n_trials=9)
    finally:
        logging.getLogger("skipjack").removeHandler(handler)
    assert states(study) == ["COMPLETE"] * 5 + ["FAIL"]
    assert batches(study)[-2:] == [["tell", "create"], ["tell"]]


def test_a_trial_that_was_told_elsewhere_leaves_none_running(url: str, tmp_path: Path) -> None:
    study = made(url)
    other = Ledger(SqliteLog(tmp_path / "study.db"))

    def objective(trial: Any) -> float:
        if trial.number == 3:
            other.tell(other.sync(0), 3, TrialState.COMPLETE, [17.0])
        return work.objective(trial)

    with pytest.raises(InvalidValueError, match="told already"):
        study.optimize(objective, n_trials=9)
    assert states(study) == ["COMPLETE"] * 4 + ["FAIL"]
    assert study.trials[3].value == 17.0


def test_what_cannot_be_written_is_written_once_it_can(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = made(url)
    study.optimize(work.objective, n_trials=3)
    whole = SqliteLog.append_all

    def full(self: Any, stream: int, group: Any) -> int:
        if any(event["do"] == "tell" for *_, events in group for event in events):
            raise StorageInternalError("The disk is full.")
        return whole(self, stream, group)

    monkeypatch.setattr(SqliteLog, "append_all", full)
    with pytest.raises(StorageInternalError):
        study.optimize(work.objective, n_trials=3)
    monkeypatch.undo()
    wait_for(lambda: states(study) == ["COMPLETE"] * 4)


@pytest.mark.parametrize(("retries", "told"), [(0, 0), (2, 3)])
def test_beside_others_a_proposal_is_written_for_retries_only(
    url: str, tmp_path: Path, retries: int, told: int
) -> None:
    """Nobody else's depends on it; but a worker may be killed before it notes anything."""
    study = made(url, max_retries=retries)
    study.optimize(work.objective, n_trials=3)
    other = Ledger(SqliteLog(tmp_path / "study.db"))
    other.worker = "somebody else's"
    other.commit(0, {"do": "create", "time": 1.0, "worker": other.worker})
    drawn_before: list[float] = []

    def objective(trial: Any) -> float:
        if retries:
            drawn_before.append(other.sync(0).open[trial.number].proposal["x"])
        return work.objective(trial)

    study.optimize(objective, n_trials=3)
    assert [event for batch in batches(study) for event in batch].count("propose") == told
    if retries:
        assert drawn_before == [trial.params["x"] for trial in study.trials[4:]]
