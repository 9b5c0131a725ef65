from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.distributions import FloatDistribution
from skipjack.records.space import Space
from skipjack.rng import stream
from skipjack.samplers import RandomSampler
from skipjack.samplers.base import proposes
from tests.histories import POOL, Past

EVERY = Space({f"{name}{i}": dist for name, dists in POOL.items() for i, dist in enumerate(dists)})
PAST = Past().history


def draws(name: str, n: int = 3000) -> list[float]:
    sampler = RandomSampler()
    one = Space({name: EVERY[name]})
    return [sampler.propose(PAST, one, stream(1, i, "random"), {})[name] for i in range(n)]


def test_every_value_lies_in_its_distribution() -> None:
    for number in range(200):
        drawn = RandomSampler().propose(PAST, EVERY, stream(0, number, "random"), {})
        assert list(drawn) == list(EVERY)
        assert all(EVERY[name]._contains(value) for name, value in drawn.items())


@pytest.mark.parametrize("name", list(EVERY))
def test_places_are_uniform(name: str) -> None:
    values = np.array([draws(name)]).T
    places = np.sort(Space({name: EVERY[name]}).encode(values).ravel())
    if EVERY[name].single():
        assert set(places) == {0.5}
        return
    even = (np.arange(len(places)) + 0.5) / len(places)
    cells = Space({name: EVERY[name]}).cells[0]
    widest = 0.5 / cells if not EVERY[name].axis.log else 0.2  # a whole cell has one place
    assert np.abs(places - even).max() < 0.03 + (widest if np.isfinite(cells) else 0.0)


def test_all_cells_are_equally_likely() -> None:
    for name in ("b0", "c0", "c2", "d0", "d1"):
        _, counts = np.unique(draws(name), return_counts=True)
        expected = 3000 / EVERY.cells[list(EVERY).index(name)]
        assert len(counts) == EVERY.cells[list(EVERY).index(name)]
        assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_a_value_depends_on_seed_number_and_name_alone() -> None:
    sampler, x = RandomSampler(), Space({"x": FloatDistribution(0, 1)})
    both = Space({"y": FloatDistribution(5, 6), **x})
    past = Past()
    past.add({"x": (x["x"], 0.5)})
    first = sampler.propose(PAST, x, stream(0, 3, "random"), {})["x"]
    assert sampler.propose(past.history, both, stream(0, 3, "random"), {"y": 5.5})["x"] == first
    assert sampler.propose(PAST, x, stream(0, 4, "random"), {})["x"] != first
    assert sampler.propose(PAST, x, stream(1, 3, "random"), {})["x"] != first


def objective(trial: skipjack.Trial) -> float:
    names = "xyz" if trial.number % 2 else "zx"
    return sum(trial.suggest_float(name, 0, 1) for name in names)


def test_stopping_and_going_on_gives_the_same_trials() -> None:
    once = skipjack.create_study(sampler=RandomSampler(seed=5))
    once.optimize(objective, n_trials=20)
    twice = skipjack.create_study(sampler=RandomSampler(seed=5))
    twice.optimize(objective, n_trials=7)
    twice.sampler = RandomSampler(seed=5)
    twice.optimize(objective, n_trials=13)
    assert [t.params for t in once.trials] == [t.params for t in twice.trials]


def test_threads_do_not_change_what_a_trial_draws() -> None:
    alone = skipjack.create_study(sampler=RandomSampler(seed=5))
    alone.optimize(objective, n_trials=30)
    four = skipjack.create_study(sampler=RandomSampler(seed=5))
    four.optimize(objective, n_trials=30, n_jobs=4)
    assert [t.params for t in alone.trials] == [t.params for t in four.trials]


def test_without_a_seed_every_study_has_its_own() -> None:
    studies = [skipjack.create_study(sampler=RandomSampler()) for _ in range(2)]
    for study in studies:
        study.optimize(objective, n_trials=3)
    assert studies[0].trials[0].params != studies[1].trials[0].params


def test_optunas_methods_draw_the_same_as_the_loop() -> None:
    class Followed(RandomSampler):
        """Overrides a method, so that the study calls all of Optuna's."""

        started = 0

        def before_trial(self, study: object, trial: object) -> None:
            self.started += 1

    assert not proposes(Followed()) and proposes(RandomSampler())
    studies = [skipjack.create_study(sampler=kind(seed=1)) for kind in (RandomSampler, Followed)]
    for study in studies:
        study.optimize(objective, n_trials=10)
    assert [t.params for t in studies[0].trials] == [t.params for t in studies[1].trials]
    assert studies[1].sampler.started == 10  # type: ignore[attr-defined]


def test_a_seed_must_be_a_whole_number() -> None:
    assert RandomSampler(np.int64(3))._seed == 3
    with pytest.raises(TypeError, match="`seed` must be an int or None, but got 0.5"):
        RandomSampler(0.5)  # type: ignore[arg-type]


def test_reseeding_changes_what_comes() -> None:
    sampler = RandomSampler(seed=1)
    sampler.reseed_rng()
    study = skipjack.create_study(sampler=sampler)
    other = skipjack.create_study(sampler=RandomSampler(seed=1))
    for each in (study, other):
        each.optimize(objective, n_trials=1)
    assert study.trials[0].params != other.trials[0].params


def test_a_users_own_method_of_a_random_sampler_is_asked_for_every_parameter() -> None:
    asked: list[str] = []

    class Own(RandomSampler):
        def sample_independent(self, study: Any, trial: Any, name: str, dist: Any) -> Any:
            asked.append(name)
            return super().sample_independent(study, trial, name, dist)

    plain, own = (skipjack.create_study(sampler=kind(seed=1)) for kind in (RandomSampler, Own))
    for study in (plain, own):
        study.optimize(lambda t: t.suggest_float("x", 0, 1) + t.suggest_int("n", 0, 9), n_trials=4)
    assert asked == ["x", "n"] * 4
    assert [t.params for t in own.trials] == [t.params for t in plain.trials]


def test_a_users_own_joint_draw_is_not_asked_for_single_parameters() -> None:
    asked: list[list[str]] = []

    class Own(RandomSampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            return {"x": FloatDistribution(0, 1)}

        def sample_relative(self, study: Any, trial: Any, space: Any) -> dict[str, Any]:
            asked.append(sorted(space))
            return {}

    study = skipjack.create_study(sampler=Own(seed=1))
    study.optimize(lambda t: t.suggest_float("x", 0, 1) + t.suggest_int("n", 0, 9), n_trials=2)
    assert asked == [["x"], ["x"]]
    assert len(study.trials[1].params) == 2
