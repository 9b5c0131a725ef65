"""The tree-structured Parzen estimator: what holds of every proposal, and that they are good."""

import math
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
)
from skipjack.errors import InvalidValueError
from skipjack.records.space import Space
from skipjack.records.states import StudyDirection, TrialState
from skipjack.rng import stream
from skipjack.samplers import RandomSampler, TPESampler
from skipjack.samplers.base import ModelSampler
from tests.histories import POOL, Past, drawn_trials
from tests.samplers.tpe import (
    FLAT,
    MIXED,
    Loss,
    branches,
    drawn_now,
    inside,
    mixed,
    propose,
    run,
    sphere,
)


class TestContract:
    @settings(max_examples=100)
    @given(drawn_trials(), st.integers(0, 2), st.booleans(), st.integers(1, 24))
    def test_proposals_lie_in_the_space(
        self, trials: list[dict[str, Any]], n_startup: int, joint: bool, n: int
    ) -> None:
        past = Past()
        for trial in trials:
            past.add(**trial)
        sampler = TPESampler(n_startup_trials=n_startup, multivariate=joint, n_ei_candidates=n)
        assert inside(propose(sampler, past.history, 99), past.history.space)
        for name, dists in POOL.items():
            for dist in dists:
                one = Space({name: dist})
                given = {key: value for key, value in [("a", 0.4), ("c", 3.0)] if key != name}
                assert inside(propose(sampler, past.history, 99, one, **given), one)

    @pytest.mark.parametrize("joint", [True, False])
    def test_the_same_history_and_stream_give_the_same_proposal(self, joint: bool) -> None:
        sampler = TPESampler(multivariate=joint)
        past, _ = run(sampler, MIXED, mixed, 40)
        again, _ = run(TPESampler(multivariate=joint), MIXED, mixed, 40)
        assert np.array_equal(past.history.values, again.history.values)
        assert propose(sampler, past.history, 50) == propose(sampler, past.history, 50)
        assert propose(sampler, past.history, 50) != propose(sampler, past.history, 51)

    def test_a_fresh_process_proposes_the_same(self) -> None:
        code = (
            "from skipjack.samplers import TPESampler\n"
            "from tests.samplers.tpe import MIXED, mixed, propose, run\n"
            "past, _ = run(TPESampler(), MIXED, mixed, 30)\n"
            "print(sorted(propose(TPESampler(), past.history, 30).items()))"
        )
        root = str(Path(__file__).parents[2])
        seen = {
            subprocess.run(
                [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
            ).stdout
            for _ in range(2)
        }
        past, _ = run(TPESampler(), MIXED, mixed, 30)
        here = sorted(propose(TPESampler(), past.history, 30).items())
        assert seen == {f"{here}\n"}

    def test_two_studies_that_share_a_sampler_do_not_influence_each_other(self) -> None:
        alone = [run(TPESampler(), space, loss, 30)[0] for space, loss in PAIR]
        shared, pasts = TPESampler(), [Past(), Past()]
        for _ in range(30):
            for past, (space, loss) in zip(pasts, PAIR, strict=True):
                run(shared, space, loss, 1, past)
        for past, other in zip(pasts, alone, strict=True):
            assert np.array_equal(past.history.values, other.history.values)

    @pytest.mark.parametrize(("directions", "cut"), [(1, True), (1, False), (2, True)])
    def test_it_does_not_matter_when_the_past_was_looked_at(
        self, directions: int, cut: bool
    ) -> None:
        """Also where the others are chosen seldom, which is so where no trial was cut short."""
        ways = [StudyDirection.MINIMIZE] * directions
        live, late = Past(*ways), Past(*ways)
        rng = np.random.default_rng(0)
        for number in range(330):
            params = drawn_now(rng, number)
            ends = [TrialState.COMPLETE] * 5 + [TrialState.FAIL] + [TrialState.PRUNED] * cut
            state = rng.choice(ends)
            values = rng.normal(size=directions).round(1).tolist()
            for past in (live, late):
                past.add(
                    params,
                    None if state == TrialState.FAIL else values,
                    TrialState(state),
                    reports=[(1, values[0])],
                )
            propose(TPESampler(), live.history, number)
            if number % 25 == 0 or number > 320:
                fresh = Past(*ways)
                fresh.state.history = late.history
                late.history._folds.clear()
                expected = propose(TPESampler(), live.history, 999)
                assert propose(TPESampler(), late.history, 999) == expected

    def test_the_start_is_random_by_name(self) -> None:
        past, _ = run(TPESampler(), FLAT, sphere, 9)
        whole = propose(TPESampler(), past.history, 9, FLAT)
        for name in FLAT:
            assert propose(TPESampler(), past.history, 9, Space({name: FLAT[name]})) == {
                name: whole[name]
            }

    def test_failed_trials_do_not_end_the_start(self) -> None:
        past = Past()
        for _ in range(30):
            past.add({"x0": (FLAT["x0"], 1.0)}, None, TrialState.FAIL)
        only = Space({"x0": FLAT["x0"]})
        at = stream(7, 30, "tpe").at("x0")
        assert propose(TPESampler(), past.history, 30, only) == {"x0": FLAT["x0"].at(at)}

    @pytest.mark.parametrize("values", [[0.0], [math.inf], [-math.inf], [1e308, -1e308]])
    def test_odd_values_are_no_obstacle(self, values: list[float]) -> None:
        past = Past()
        for i in range(60):
            x = FLAT["x0"].at((i * 0.37) % 1)
            past.add({"x0": (FLAT["x0"], x)}, [values[i % len(values)]])
        assert inside(propose(TPESampler(), past.history, 60), past.history.space)

    def test_no_parameters_and_single_values(self) -> None:
        past = Past()
        only = FloatDistribution(2, 2)
        for _ in range(20):
            past.add({})
        assert propose(TPESampler(), past.history, 20) == {}
        past.add({"one": (only, 2.0)})
        assert propose(TPESampler(), past.history, 21) == {"one": 2.0}

    def test_all_trials_at_one_point(self) -> None:
        past = Past()
        for _ in range(400):
            past.add({"x0": (FLAT["x0"], 1.0), "k": (MIXED["kind"], 2.0)}, [1.0])
        assert inside(propose(TPESampler(), past.history, 400), past.history.space)


PAIR: list[tuple[Space, Loss]] = [(FLAT, sphere), (MIXED, mixed)]


class TestStart:
    """The first trials share out each range."""

    @pytest.mark.parametrize("n", [1, 4, 10])
    def test_each_part_of_a_range_has_one_of_the_first_trials(self, n: int) -> None:
        sampler, past = TPESampler(n_startup_trials=n), Past()
        kinds: dict[str, BaseDistribution] = {
            "kind": CategoricalDistribution(tuple(range(n))),
            "x": FloatDistribution(0, 1),
            "lr": FloatDistribution(1e-3, 1e3, log=True),
        }
        drawn = [propose(sampler, past.history, i, Space(kinds)) for i in range(n)]
        assert sorted(values["kind"] for values in drawn) == list(range(n))
        for name in ("x", "lr"):
            at = Space({name: kinds[name]}).encode(np.array([[v[name]] for v in drawn]))[:, 0]
            share = at * at * (3 - 2 * at)  # the distribution function of 6 x (1 - x)
            assert sorted(np.floor(share * n).astype(int)) == list(range(n))

    def test_parameters_are_drawn_apart_and_by_seed(self) -> None:
        drawn = [propose(TPESampler(), Past().history, i, FLAT) for i in range(10)]
        orders = {tuple(np.argsort([values[name] for values in drawn])) for name in FLAT}
        assert len(orders) == len(FLAT)
        again = [propose(TPESampler(), Past().history, i, FLAT) for i in reversed(range(10))]
        assert again[::-1] == drawn

    def test_later_trials_of_the_start_lie_anywhere(self) -> None:
        sampler = TPESampler(n_startup_trials=1000)
        space = Space({"x": FloatDistribution(0, 1)})
        drawn = [propose(sampler, Past().history, i, space)["x"] for i in range(10, 1000)]
        assert np.histogram(drawn, 10, (0, 1))[0].min() > 60

    def test_given_values_stay(self) -> None:
        assert propose(TPESampler(), Past().history, 3, FLAT, x1=4.5)["x1"] == 4.5


class TestQuality:
    """Better than random search on most seeds; the level of a sign test is below 0.001."""

    def wins(self, space: Space, loss: Loss, n: int) -> int:
        return sum(
            min(seeded(TPESampler, seed, space, loss, n))
            < min(seeded(RandomSampler, seed, space, loss, n))
            for seed in range(20)
        )

    def test_on_the_sphere(self) -> None:
        assert self.wins(FLAT, sphere, 40) >= 17

    def test_on_mixed_parameters(self) -> None:
        assert self.wins(MIXED, mixed, 60) >= 17

    def test_on_branches(self) -> None:
        better = sum(
            min(branches(TPESampler(), seed, 50)[1]) < min(branches(RandomSampler(), seed, 50)[1])
            for seed in range(30)
        )
        assert better >= 24

    def test_on_two_objectives(self) -> None:
        def spread(sampler: type[ModelSampler], seed: int) -> float:
            past = Past(StudyDirection.MINIMIZE, StudyDirection.MINIMIZE)
            for number in range(60):
                drawn = sampler().propose(
                    past.history, FLAT, stream(seed, number, sampler.purpose), {}
                )
                x = np.array(list(drawn.values()))
                values = [float((x**2).sum()), float(((x - 2) ** 2).sum())]
                past.add({name: (FLAT[name], v) for name, v in drawn.items()}, values)
            losses = past.history.losses
            return float(np.mean([losses @ w for w in ([1, 3], [2, 2], [3, 1])], axis=1).min())

        assert sum(spread(TPESampler, s) < spread(RandomSampler, s) for s in range(20)) >= 17


def seeded(kind: type[ModelSampler], seed: int, space: Space, loss: Loss, n: int) -> list[float]:
    past, losses = Past(), []
    sampler = kind()
    for number in range(n):
        drawn = sampler.propose(past.history, space, stream(seed, number, kind.purpose), {})
        losses.append(loss(drawn))
        past.add({name: (space[name], value) for name, value in drawn.items()}, [losses[-1]])
    return losses


OLD: list[tuple[str, Any]] = [
    ("consider_prior", True),
    ("prior_weight", 2.0),
    ("consider_magic_clip", False),
    ("consider_endpoints", True),
    ("gamma", lambda n: n // 2),
    ("weights", lambda n: np.arange(n) + 1.0),
    ("warn_independent_sampling", True),
    ("constraints_func", lambda trial: (0.0,)),
]


class TestArguments:
    @pytest.mark.parametrize(("name", "value"), OLD)
    def test_deprecated_ones_warn_and_work(self, name: str, value: Any) -> None:
        with pytest.warns(FutureWarning, match=f"`{name}` of `TPESampler` is deprecated"):
            sampler = TPESampler(**{name: value})
        past, _ = run(sampler, MIXED, mixed, 25)
        for _ in range(300):
            past.add({"n": (MIXED["n"], 3.0)}, [1.0])
        assert inside(propose(sampler, past.history, 400), past.history.space)

    def test_positions_warn(self) -> None:
        with pytest.warns(FutureWarning, match="by position"):
            assert TPESampler(None, None, None, None, 5)._n_startup_trials == 5  # type: ignore[misc]

    def test_hyperopt_parameters_are_arguments(self) -> None:
        with pytest.warns(FutureWarning):
            sampler = TPESampler(**TPESampler.hyperopt_parameters())
        _, losses = run(sampler, FLAT, sphere, 40)
        assert min(losses) < 3

    @pytest.mark.parametrize(
        "bad",
        [
            {"n_ei_candidates": 0},
            {"group": True, "multivariate": False},
            {"constraint_model": "apart"},
            {"constraint_model": "independent", "multivariate": False},
        ],
    )
    def test_what_cannot_be_is_refused(self, bad: dict[str, Any]) -> None:
        with pytest.raises(InvalidValueError):
            TPESampler(**bad)

    def test_weights_must_fit(self) -> None:
        with pytest.warns(FutureWarning):
            sampler = TPESampler(weights=lambda n: np.ones(n + 1), n_startup_trials=1)
        with pytest.raises(InvalidValueError, match="weights"):
            run(sampler, FLAT, sphere, 3)

    def test_plain_arguments_are_silent(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            TPESampler(seed=1, multivariate=True, group=True, constant_liar=False)
