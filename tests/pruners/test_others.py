"""Thresholds, patience and the signed-rank test beyond what test_as_optuna.py shows."""

import math
import pickle
from typing import Any

import pytest

import skipjack
from skipjack.exceptions import ExperimentalWarning
from skipjack.pruners import (
    BasePruner,
    MedianPruner,
    PatientPruner,
    ThresholdPruner,
    WilcoxonPruner,
)
from skipjack.pruners.base import Contender, decides
from tests.histories import Past

pytestmark = pytest.mark.filterwarnings("ignore::skipjack.exceptions.ExperimentalWarning")
PAST = Past()
PAST.add({}, [1.0], reports=[(step, 1.0) for step in range(6)])


def asked(*values: float) -> Contender:
    return Contender(1, dict(enumerate(values)))


def test_a_value_on_a_threshold_goes_on() -> None:
    pruner = ThresholdPruner(lower=0.0, upper=1.0)
    assert not pruner.stops(PAST.history, asked(5.0, 0.0))
    assert not pruner.stops(PAST.history, asked(5.0, 1.0))
    for bad in (-1e-9, 1.0 + 1e-9, math.nan, math.inf):
        assert pruner.stops(PAST.history, asked(0.5, bad))
    assert not ThresholdPruner(lower=0).stops(PAST.history, asked())


def test_patience_alone_stops_a_trial_that_gets_no_better() -> None:
    pruner = PatientPruner(None, patience=1)
    assert not pruner.stops(PAST.history, asked(1.0, 2.0))
    assert pruner.stops(PAST.history, asked(1.0, 2.0, 3.0))
    assert not pruner.stops(PAST.history, asked(1.0, 1.0, 1.0))
    assert not pruner.stops(PAST.history, asked(1.0, math.nan, math.nan))


def test_patience_asks_a_users_pruner_as_optuna_does() -> None:
    asked_about = []

    class Theirs(BasePruner):
        def prune(self, study: Any, trial: Any) -> bool:
            asked_about.append(trial.last_step)
            return bool(trial.last_step >= 4)

    pruner = PatientPruner(Theirs(), patience=1)
    assert not decides(pruner) and pruner.reads_running
    assert decides(PatientPruner(MedianPruner(), 1)) and decides(PatientPruner(None, 1))
    study = skipjack.create_study(pruner=pruner)
    trial = study.ask()
    answers = []
    for step in range(5):
        trial.report(float(step), step)
        answers.append(trial.should_prune())
    assert asked_about == [2, 3, 4] and answers == [False] * 4 + [True]


def test_a_trial_whose_mean_is_no_worse_goes_on() -> None:
    past = Past()
    past.add({}, [1.0], reports=[(step, float(step)) for step in range(20)])
    reports = {step: step + 0.1 for step in range(10)}  # worse on each, but the easy ones
    assert not WilcoxonPruner().stops(past.history, Contender(1, reports))
    reports.update({step: step + 0.1 for step in range(10, 20)})
    assert WilcoxonPruner().stops(past.history, Contender(1, reports))


@pytest.mark.parametrize(
    ("best", "reports", "message"),
    [
        ([], {0: 1.0}, "The best trial, 0, has no reports"),
        ([(0, math.nan)], {0: 1.0}, "The best trial, 0, has reported NaN"),
        ([(0, 1.0)], {0: math.inf}, "Trial 1 has reported NaN or infinity"),
        ([(0, 1.0)], {0: 1.0, 1: 1.0}, "steps that the best trial, 0, has not"),
    ],
)
def test_what_cannot_be_tested_is_said(best: Any, reports: Any, message: str) -> None:
    past = Past()
    past.add({}, [1.0], reports=best)
    with pytest.warns(UserWarning, match=message):
        assert not WilcoxonPruner().stops(past.history, Contender(1, reports))


def test_nothing_is_compared_with_no_best_trial() -> None:
    assert not WilcoxonPruner().stops(Past().history, asked(1.0, 2.0))


def test_they_can_be_pickled() -> None:
    for pruner in (ThresholdPruner(1.0), PatientPruner(MedianPruner(), 2), WilcoxonPruner()):
        copied = pickle.loads(pickle.dumps(pruner))
        assert copied.stops(PAST.history, asked(1.0)) == pruner.stops(PAST.history, asked(1.0))


def test_experimental_ones_say_so() -> None:
    with pytest.warns(ExperimentalWarning, match="PatientPruner"):
        PatientPruner(None, 1)
    with pytest.warns(ExperimentalWarning, match="WilcoxonPruner"):
        WilcoxonPruner()


@pytest.mark.parametrize(
    ("kind", "arguments", "options", "error"),
    [
        (ThresholdPruner, (), {}, TypeError),
        (ThresholdPruner, ("a",), {}, TypeError),
        (ThresholdPruner, (2.0, 1.0), {}, ValueError),
        (ThresholdPruner, (1.0,), {"n_warmup_steps": -1}, ValueError),
        (ThresholdPruner, (1.0,), {"interval_steps": 0}, ValueError),
        (PatientPruner, (None, -1), {}, ValueError),
        (PatientPruner, (None, 1, -0.1), {}, ValueError),
        (PatientPruner, ("median", 1), {}, TypeError),
        (WilcoxonPruner, (), {"p_threshold": 1.5}, ValueError),
        (WilcoxonPruner, (), {"n_startup_steps": -1}, ValueError),
    ],
)
def test_wrong_arguments_are_refused(
    kind: Any, arguments: Any, options: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="must"):
        kind(*arguments, **options)
