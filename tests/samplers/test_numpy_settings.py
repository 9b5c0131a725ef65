"""A user may let NumPy raise on whatever is rounded; proposals do not hear of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack import samplers
from skipjack.samplers import BaseSampler
from skipjack.trial import Trial

pytestmark = pytest.mark.filterwarnings("ignore::skipjack.errors.ExperimentalWarning")

KINDS: dict[str, dict[str, Any]] = {
    "TPESampler": {},
    "GPSampler": {},
    "CmaEsSampler": {},
    "NSGAIISampler": {"population_size": 8},
    "NSGAIIISampler": {"population_size": 8},
    "DESampler": {},
    "QMCSampler": {},
    "RandomSampler": {},
    "AutoSampler": {},
}
FOR_ONE_OBJECTIVE = ("CmaEsSampler", "DESampler")


def mixed(trial: Trial) -> float:
    x = trial.suggest_float("x", -5, 5)
    rate = trial.suggest_float("rate", 1e-12, 1e3, log=True)
    count = trial.suggest_int("count", 1, 9)
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    return x * x + abs(math.log10(rate)) / 10 + abs(count - 3) + (kind == "b")


def numbers(trial: Trial) -> list[float]:
    return [trial.suggest_float(name, 0, 1) for name in "abc"]


def tiny(trial: Trial) -> float:
    return 1e-300 * sum((x - 0.3) ** 2 for x in numbers(trial))


def huge(trial: Trial) -> float:
    x, *_ = numbers(trial)
    return math.inf if x > 0.9 else -1e308 if x < 0.05 else 1e308 * x


def study_of(name: str, n_objectives: int) -> skipjack.Study:
    sampler: BaseSampler = getattr(samplers, name)(seed=1, **KINDS[name])
    return skipjack.create_study(directions=["minimize"] * n_objectives, sampler=sampler)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")  # of the greatest numbers there are
@pytest.mark.parametrize("objective", [mixed, tiny, huge])
@pytest.mark.parametrize("name", KINDS)
def test_a_study_of_one_objective(name: str, objective: Any) -> None:
    study = study_of(name, 1)
    with np.errstate(all="raise"):
        study.optimize(objective, n_trials=24)
    assert len(study.trials) == 24


@pytest.mark.parametrize("objective", [mixed, tiny])
@pytest.mark.parametrize("name", [name for name in KINDS if name not in FOR_ONE_OBJECTIVE])
def test_a_study_of_two_objectives(name: str, objective: Any) -> None:
    study = study_of(name, 2)
    with np.errstate(all="raise"):
        study.optimize(lambda t: (value := objective(t), -0.5 * value), n_trials=20)
    assert len(study.trials) == 20


@pytest.mark.parametrize("name", ["TPESampler", "CmaEsSampler", "GPSampler"])
def test_by_the_methods_of_optuna(name: str) -> None:
    study = study_of(name, 1)
    study.optimize(tiny, n_trials=15)
    sampler, frozen = study.sampler, study.trials[-1]
    with np.errstate(all="raise"):
        space = sampler.infer_relative_search_space(study, frozen)
        assert sampler.sample_relative(study, frozen, space).keys() == {"a", "b", "c"}


def test_the_objective_has_what_the_user_set() -> None:
    study = study_of("TPESampler", 1)

    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        assert np.geterr()["under"] == "raise"
        return x

    with np.errstate(all="raise"):
        study.optimize(objective, n_trials=15)
