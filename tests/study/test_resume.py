"""A study that is stopped between trials and resumed goes on as if nothing had happened."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import skipjack
from skipjack.samplers import BaseSampler, RandomSampler, TPESampler
from skipjack.storages import BaseStorage
from skipjack.study import Study
from skipjack.trial import TrialState
from tests.studies import a_study

SAMPLERS = {
    "random": lambda: RandomSampler(seed=7),
    "tpe": lambda: TPESampler(seed=7),
    "univariate tpe": lambda: TPESampler(seed=7, multivariate=False),
    "grouped tpe": lambda: TPESampler(seed=7, multivariate=True, group=True),
}


def objective(trial: Any) -> float:
    x = trial.suggest_float("x", -10, 10)
    y = trial.suggest_float("y", 1e-3, 1e3, log=True)
    n = trial.suggest_int("n", 1, 64, log=True)
    if trial.suggest_categorical("kind", ["a", "b", None]) == "b":
        x += trial.suggest_float("only b", 0, 1, step=0.25)
    if trial.number % 7 == 5:
        raise skipjack.TrialPruned
    return float(x * x + y + n)


def drawn(study: Study) -> list[Any]:
    return [(t.number, t.params, t.values, t.state) for t in study.trials]


@pytest.mark.parametrize("name", SAMPLERS)
def test_25_and_25_trials_are_50_bit_for_bit(storage: BaseStorage, name: str) -> None:
    whole = a_study(sampler=SAMPLERS[name]())
    whole.optimize(objective, n_trials=50)
    for _ in range(2):
        half = a_study(storage, SAMPLERS[name](), study_name="halves", load_if_exists=True)
        half.optimize(objective, n_trials=25)
    assert drawn(half) == drawn(whole)


@pytest.mark.parametrize("name", ["random", "tpe"])
def test_ask_and_tell_draws_what_optimize_draws(name: str) -> None:
    whole, asked = (a_study(sampler=SAMPLERS[name]()) for _ in range(2))
    whole.optimize(objective, n_trials=30)
    for _ in range(30):
        trial = asked.ask()
        try:
            asked.tell(trial, objective(trial))
        except skipjack.TrialPruned:
            asked.tell(trial, state=TrialState.PRUNED)
    assert drawn(asked) == drawn(whole)


def test_threads_cannot_change_what_a_trial_number_draws(storage: BaseStorage) -> None:
    whole = a_study(sampler=RandomSampler(seed=7))
    whole.optimize(objective, n_trials=50)
    for _ in range(2):
        half = a_study(storage, RandomSampler(seed=7), study_name="halves", load_if_exists=True)
        half.optimize(objective, n_trials=25, n_jobs=4)
    assert drawn(half) == drawn(whole)


@settings(max_examples=10)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 2**62))
def test_it_does_not_matter_where_a_study_was_stopped(parts: list[int], seed: int) -> None:
    whole, parted = (a_study(sampler=TPESampler(seed=seed)) for _ in range(2))
    whole.optimize(objective, n_trials=sum(parts))
    for part in parts:
        parted.sampler = TPESampler(seed=seed)
        parted.optimize(objective, n_trials=part)
    assert drawn(parted) == drawn(whole)


def test_without_a_seed_a_study_has_its_own_and_keeps_it(storage: BaseStorage) -> None:
    study = a_study(storage, RandomSampler(), study_name="s")
    again = a_study(storage, RandomSampler(), study_name="s", load_if_exists=True)
    assert study.seed == again.seed != a_study(storage).seed
    x = study.ask().suggest_float("x", 0, 1)
    assert x == RandomSampler(seed=study.seed).sample_independent(
        a_study(), study.trials[0], "x", study.trials[0].distributions["x"]
    )


def test_studies_without_seeds_differ() -> None:
    samplers: list[BaseSampler] = [RandomSampler(), RandomSampler()]
    one, other = (a_study(sampler=s).ask().suggest_float("x", 0, 1) for s in samplers)
    assert one != other


CHILD = """
import sys
import skipjack
from tests.study.test_resume import SAMPLERS, objective

skipjack.logging.set_verbosity(skipjack.logging.ERROR)
study = skipjack.create_study(
    storage=sys.argv[1], study_name="s", load_if_exists=True, sampler=SAMPLERS["tpe"]()
)
study.optimize(objective, n_trials=int(sys.argv[2]))
"""


def test_another_process_goes_on_where_one_stopped(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    root = str(Path(__file__).parents[2])
    for n in ("12", "18"):
        subprocess.run(
            [sys.executable, "-c", CHILD, url, n],
            check=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": root},
            timeout=250,
        )
    whole = a_study(sampler=SAMPLERS["tpe"]())
    whole.optimize(objective, n_trials=30)
    assert drawn(skipjack.load_study(study_name="s", storage=url)) == drawn(whole)


def test_a_queued_trial_in_between_changes_no_other_number() -> None:
    plain, queued = (a_study(sampler=RandomSampler(seed=7)) for _ in range(2))
    plain.optimize(objective, n_trials=10)
    queued.optimize(objective, n_trials=3)
    queued.enqueue_trial({"x": 1.0})
    queued.optimize(objective, n_trials=7)
    assert queued.trials[3].params["x"] == 1.0
    assert drawn(queued)[:3] == drawn(plain)[:3] and drawn(queued)[4:] == drawn(plain)[4:]
