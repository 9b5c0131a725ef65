"""Differential evolution as a sampler."""

from typing import Any

import pytest

import skipjack
from skipjack.rng import stream
from skipjack.samplers import DESampler, RandomSampler
from skipjack.testing import problems
from skipjack.testing.samplers import MakeSampler, SamplerContract, SamplerQuality
from tests.histories import Past


def quiet(**arguments: Any) -> DESampler:
    return DESampler(**{"warn_independent_sampling": False, "seed": 1, **arguments})


class TestContract(SamplerContract):
    several_objectives = False

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: quiet(seed=seed, population_size=6)


@pytest.mark.slow
class TestQuality(SamplerQuality):
    conditional = False
    n_trials = 250

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: quiet(seed=seed)


def best(objective: Any, n: int, **arguments: Any) -> float:
    study = skipjack.create_study(sampler=quiet(**arguments))
    study.optimize(objective, n_trials=n)
    return study.best_value


def many_choices(trial: Any) -> float:
    return float(sum(trial.suggest_categorical(f"c{i}", list("abcd")) != "b" for i in range(20)))


def test_numbers_and_choices_are_solved() -> None:
    assert best(problems.sphere, 800) < 1e-2
    assert best(problems.mixed, 800) < 0.1
    random = skipjack.create_study(sampler=RandomSampler(seed=1))
    random.optimize(many_choices, n_trials=600)
    assert best(many_choices, 600) <= random.best_value - 5


def test_constraints_come_first() -> None:
    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", -5, 5)
        y = trial.suggest_float("y", -5, 5)
        trial.set_constraint("c", 2 - x)
        return float(x * x + y * y)

    assert 4 <= best(objective, 500) < 4.1


def test_trials_that_fail_are_replaced_and_workers_get_different_ones() -> None:
    study = skipjack.create_study(sampler=quiet(population_size=6))
    for _ in range(40):
        trials = [study.ask() for _ in range(10)]
        for trial in trials:
            value = problems.sphere(trial)
            if trial.number % 5 == 1:
                study.tell(trial, state=skipjack.trial.TrialState.FAIL)
            else:
                study.tell(trial, value)
    points = [tuple(trial.params.values()) for trial in study.trials]
    assert len(set(points)) >= 390
    assert study.best_value < 1.0


def test_a_better_trial_from_elsewhere_joins_the_population() -> None:
    study = skipjack.create_study(sampler=quiet())
    study.optimize(problems.sphere, n_trials=30)
    study.enqueue_trial({f"x{i}": 1.0 for i in range(5)})
    study.optimize(problems.sphere, n_trials=150)
    later = [trial.value for trial in study.trials[31:] if trial.value is not None]
    assert min(later) < best(problems.sphere, 180)


def test_a_fresh_process_would_propose_the_same() -> None:
    study = skipjack.create_study(sampler=quiet(population_size=5))
    study.optimize(problems.mixed, n_trials=60)
    past = Past()
    for trial in study.trials:
        history = past.history
        if trial.number and trial.number % 4 == 0:
            fresh = quiet(population_size=5).propose(
                history, history.space, stream(1, trial.number, "de"), {}
            )
            external = {n: history.space[n].to_external_repr(x) for n, x in fresh.items()}
            assert external == trial.params
        params = {
            name: (dist, dist.to_internal_repr(trial.params[name]))
            for name, dist in trial.distributions.items()
        }
        past.add(params, trial.values)
        past.state.history.version += 1  # every fold starts anew


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"population_size": 3}, "`population_size` must be at least 4, but got 3"),
        ({"mutation_factor": 0.0}, "`mutation_factor` must be above 0"),
        ({"crossover_rate": 1.5}, "`crossover_rate` must be from 0 to 1"),
    ],
)
def test_bad_arguments_are_explained(arguments: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        DESampler(**arguments)
