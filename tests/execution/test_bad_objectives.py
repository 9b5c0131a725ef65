"""Objectives that do not do what they should: nothing is lost, and the reason is kept."""

import sys
import warnings
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.storages import BaseStorage
from skipjack.trial import Trial, TrialState
from tests.studies import a_study

COMPLETE, FAIL, RUNNING = TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING


class Unprintable(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Array:
    ndim = 2

    def __float__(self) -> float:
        raise RuntimeError("more than one element")

    def __repr__(self) -> str:
        return "Array"


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (None, "The value None could not be cast to float."),
        (float("nan"), "The value nan is not acceptable"),
        ("abc", "The value 'abc' could not be cast to float"),
        ("0.5", "The value '0.5' could not be cast to float"),
        (Array(), "The value Array could not be cast to float"),
        ((1.0, 2.0), "The number of the values 2 did not match the number of the objectives 1"),
        ([], "The number of the values 0 did not match the number of the objectives 1"),
        (lambda: 1.0, None),
    ],
)
def test_a_bad_value_fails_the_trial_and_the_run_goes_on(
    storage: BaseStorage, result: Any, reason: str | None
) -> None:
    study = a_study(storage)

    def objective(trial: Trial) -> Any:
        trial.suggest_float("x", 0, 1)
        trial.set_user_attr("k", 1)
        return result if trial.number == 0 else 1.0

    study.optimize(objective, n_trials=2)
    first, second = study.trials
    assert first.state == FAIL and first.values is None and second.state == COMPLETE
    assert list(first.params) == ["x"] and first.user_attrs == {"k": 1}
    found = first.system_attrs["fail_reason"]
    assert found == reason if reason else "could not be cast" in found


@pytest.mark.parametrize(
    ("result", "value"),
    [
        (np.float32(0.5), 0.5),
        (np.array([0.5]), 0.5),
        (True, 1.0),
        ([3], 3.0),
        (float("-inf"), float("-inf")),
    ],
)
def test_whatever_is_a_number_is_a_value(result: Any, value: float) -> None:
    study = a_study()
    study.optimize(lambda t: result, n_trials=1)
    assert study.trials[0].values == [value] and type(study.best_value) is float


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), MemoryError(), RecursionError()]
)
def test_whatever_is_raised_leaves_no_trial_running(
    storage: BaseStorage, error: BaseException, n_jobs: int
) -> None:
    study = a_study(storage)

    def objective(trial: Trial) -> float:
        trial.suggest_float("x", 0, 1)
        if trial.number == 2:
            raise error
        return 1.0

    with pytest.raises(type(error)) as caught:
        study.optimize(objective, n_trials=50, n_jobs=n_jobs)
    assert caught.value is error
    states = [t.state for t in study.trials]
    assert RUNNING not in states and states.count(FAIL) == 1
    failed = study.trials[2]
    assert failed.state == FAIL and list(failed.params) == ["x"]
    assert failed.system_attrs["fail_reason"] == repr(error)
    study.optimize(lambda t: 1.0, n_trials=1, n_jobs=n_jobs)


def test_sys_exit_exits_after_the_trial_is_told() -> None:
    study = a_study()
    with pytest.raises(SystemExit) as caught:
        study.optimize(lambda t: sys.exit(5), n_trials=3)
    assert caught.value.code == 5
    assert [t.system_attrs["fail_reason"] for t in study.trials] == ["SystemExit(5)"]


def test_an_error_that_cannot_be_shown_fails_the_trial_all_the_same() -> None:
    study = a_study()

    def objective(trial: Trial) -> float:
        raise Unprintable

    with pytest.raises((Unprintable, RuntimeError)):
        study.optimize(objective, n_trials=1)
    assert study.trials[0].state == FAIL


def test_a_refused_suggest_fails_the_trial(storage: BaseStorage) -> None:
    study = a_study(storage)
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(ValueError, match="kind"):
        study.optimize(lambda t: t.suggest_int("x", 0, 1), n_trials=1)
    study.optimize(lambda t: t.suggest_float("x", 1, 0), n_trials=1, catch=ValueError)
    assert [t.state for t in study.trials] == [COMPLETE, FAIL, FAIL]


def test_an_attribute_that_a_file_cannot_keep_fails_the_trial_and_no_other(tmp_path: Any) -> None:
    study = a_study(f"sqlite:///{tmp_path / 'a.db'}")

    def objective(trial: Trial) -> float:
        trial.set_user_attr("k", object() if trial.number == 1 else 1)
        return 1.0

    study.optimize(objective, n_trials=3, catch=TypeError)
    assert [t.state for t in study.trials] == [COMPLETE, FAIL, COMPLETE]


def test_several_objectives_need_a_value_each() -> None:
    study = a_study(directions=["minimize", "maximize"])
    results: list[Any] = [(1, 2), [1, 2], np.array([1.0, 2.0]), 1.0, (1, 2, 3), (1, None), None]
    study.optimize(lambda t: results[t.number], n_trials=len(results))
    assert [t.state for t in study.trials] == [COMPLETE] * 3 + [FAIL] * 4
    assert [t.values for t in study.trials[:3]] == [[1.0, 2.0]] * 3
    assert all(type(v) is float for t in study.trials[:3] for v in t.values or ())


def test_warnings_of_an_objective_stay_its_own() -> None:
    def objective(trial: Trial) -> float:
        warnings.warn("mine", DeprecationWarning, stacklevel=1)
        return 1.0

    with pytest.warns(DeprecationWarning, match="mine"):
        a_study().optimize(objective, n_trials=1)


def test_a_warning_that_was_made_an_error_ends_the_run_with_the_trial_told() -> None:
    study = a_study()
    study.enqueue_trial({"typo": 1})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="typo"):
            study.optimize(lambda t: 1.0, n_trials=1)
    assert study.trials[0].state == COMPLETE and study.trials[0].value == 1.0


def test_a_storage_that_cannot_be_written_is_said_and_loses_nothing_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    study = a_study(f"sqlite:///{tmp_path / 'a.db'}", study_name="s")
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)
    log = study._ledger.log
    real = type(log).append

    def objective(trial: Trial) -> float:
        def broken(*_: Any) -> None:
            raise skipjack.exceptions.StorageInternalError("disk full")

        monkeypatch.setattr(type(log), "append", broken)
        return 3.0

    with pytest.raises(skipjack.exceptions.StorageInternalError, match="disk full"):
        study.optimize(objective, n_trials=1)
    monkeypatch.setattr(type(log), "append", real)
    assert [t.state for t in study.trials] == [COMPLETE, COMPLETE, RUNNING]
    study.tell(2, 3.0)
    again = skipjack.load_study(study_name="s", storage=f"sqlite:///{tmp_path / 'a.db'}")
    assert [t.state for t in again.trials] == [COMPLETE] * 3
