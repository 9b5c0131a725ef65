"""Quasi-random search."""

import warnings
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.samplers import BaseSampler, QMCSampler, RandomSampler, TPESampler
from skipjack.testing.problems import branches, loops, told
from skipjack.testing.samplers import MakeSampler, SamplerContract

pytestmark = pytest.mark.filterwarnings("ignore::skipjack.errors.ExperimentalWarning")


class TestContractOfScrambledSobol(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: QMCSampler(seed=seed, scramble=True)


class TestContractOfHaltonWithAnIndependentSampler(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: QMCSampler(
            qmc_type="halton",
            scramble=True,
            seed=seed,
            independent_sampler=TPESampler(seed=seed),
            warn_independent_sampling=False,
        )


def plane(trial: Any) -> float:
    return trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1)


def run(n: int, objective: Any = plane, **arguments: Any) -> Any:
    study = skipjack.create_study(sampler=QMCSampler(**arguments))
    study.optimize(objective, n_trials=n)
    return study


def points(study: Any) -> Any:
    return np.array([list(trial.params.values()) for trial in study.trials])


def test_the_first_plain_trial_is_in_the_middle_and_the_others_fill_the_space() -> None:
    drawn = points(run(63))
    assert drawn[0].tolist() == [0.5, 0.5]
    for split in (1, 2, 4, 8):  # with the corner at 0 that is left out, 64 points of a net
        cells = np.floor(drawn * [split, 32 // split]).astype(int) @ [100, 1]
        counts = np.unique(cells, return_counts=True)[1]
        assert len(counts) == 32 and counts.min() >= 1 and counts.max() == 2


@pytest.mark.parametrize("qmc_type", ["sobol", "halton"])
def test_scrambled_points_depend_on_the_seed_and_are_as_even(qmc_type: str) -> None:
    first, other = (points(run(64, qmc_type=qmc_type, scramble=True, seed=s)) for s in (1, 2))
    assert (first != other).all()
    for drawn in (first, other):
        assert (np.bincount((drawn[:, 0] * 64).astype(int), minlength=64) == 1).all()


def test_any_number_of_workers_share_the_sequence() -> None:
    alone = points(run(24, scramble=True, seed=3))
    study = skipjack.create_study(sampler=QMCSampler(scramble=True, seed=3))
    samplers = [QMCSampler(scramble=True, seed=3) for _ in range(3)]
    trials = []
    for number in range(24):
        study.sampler = samplers[number % 3]
        trials.append(study.ask())
        plane(trials[-1])
    for trial in reversed(trials):
        study.tell(trial, 0.0)
    assert (points(study) == alone).all()


def test_a_parameter_keeps_its_dimension_when_others_join() -> None:
    def grows(trial: Any) -> float:
        if trial.number >= 8:
            trial.suggest_float("a", 0, 1)
        return plane(trial)

    one, two = run(32), run(32, grows)
    assert [t.params["x"] for t in one.trials] == [t.params["x"] for t in two.trials]
    late = [trial.params["a"] for trial in two.trials[8:]]
    assert set(np.histogram(late, bins=8, range=(0, 1))[0]) <= {2, 3, 4}


@pytest.mark.parametrize("objective", [branches, loops])
def test_conditional_parameters_belong_to_the_sequence(objective: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        study = run(40, objective, scramble=True, seed=1)
    assert len({tuple(trial.params.values()) for trial in study.trials}) > 20


def grows_later(trial: Any) -> float:
    return plane(trial) + (trial.suggest_float("z", 0, 1) if trial.number > 1 else 0.0)


class Half(BaseSampler):
    """As a user might write one."""

    def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
        return {}

    def sample_independent(self, study: Any, trial: Any, name: Any, dist: Any) -> Any:
        return 0.5


@pytest.mark.parametrize("other", [RandomSampler(seed=5), Half()])
def test_an_independent_sampler_draws_what_the_first_trial_did_not_have(other: Any) -> None:
    with pytest.warns(UserWarning, match="'z' of trial 2 is drawn by"):
        study = run(3, grows_later, independent_sampler=other)
    plain = run(3)
    for trial, same in zip(study.trials, plain.trials):
        assert {k: v for k, v in trial.params.items() if k != "z"} == same.params
    if isinstance(other, Half):
        assert [trial.params["z"] for trial in study.trials[2:]] == [0.5]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        quiet = run(3, grows_later, independent_sampler=other, warn_independent_sampling=False)
    assert told(quiet) == told(study)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"qmc_type": "lhs"}, ValueError),
        ({"independent_sampler": 3}, TypeError),
        ({"seed": 0.5}, TypeError),
    ],
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(wrong))):
        QMCSampler(**wrong)


def test_without_a_seed_a_study_has_its_own_that_its_workers_share() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        first, other = run(4, scramble=True), run(4, scramble=True)
    assert (points(first) != points(other)).all()
    first.sampler = QMCSampler(scramble=True)
    first.optimize(plane, n_trials=4)
    assert (np.sort((points(first)[:, 0] * 8).astype(int)) == np.arange(8)).all()
