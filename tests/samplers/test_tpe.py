"""The tree-structured Parzen estimator: what holds of every proposal, and that they are good."""

import math
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
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
    IntDistribution,
)
from skipjack.errors import InvalidValueError
from skipjack.records.history import History
from skipjack.records.space import IntArray, Space
from skipjack.records.states import StudyDirection, TrialState
from skipjack.rng import stream
from skipjack.samplers import RandomSampler, TPESampler
from skipjack.samplers.base import ModelSampler
from skipjack.samplers.tpe.activity import ActivityFold, presence
from skipjack.samplers.tpe.axes import axes_of
from skipjack.samplers.tpe.bins import BINS
from skipjack.samplers.tpe.fronts import FrontsFold
from skipjack.samplers.tpe.groups import CAP, LadderFold, Split, split
from skipjack.samplers.tpe.places import PlacesFold, after
from skipjack.samplers.tpe.table import Rows, Table
from tests.histories import POOL, Past, drawn_trials

FLAT = Space({f"x{i}": FloatDistribution(-5, 5) for i in range(3)})
MIXED = Space(
    {
        "lr": FloatDistribution(1e-5, 1e2, log=True),
        "n": IntDistribution(1, 64),
        "units": IntDistribution(1, 1024, log=True),
        "kind": CategoricalDistribution(["p", "q", "r"]),
        "step": FloatDistribution(0, 1, step=0.1),
    }
)
Values = Mapping[str, float]
Loss = Callable[[Values], float]


def propose(
    sampler: ModelSampler, history: History, number: int, space: Space | None = None, **given: float
) -> Values:
    wanted = history.space if space is None else space
    return sampler.propose(history, wanted, stream(7, number, sampler.purpose), given)


def run(
    sampler: ModelSampler, space: Space, loss: Loss, n: int, past: Past | None = None
) -> tuple[Past, list[float]]:
    """`n` trials of a study whose trials all have the parameters of `space`."""
    past, losses = past or Past(), []
    for _ in range(n):
        drawn = propose(sampler, past.history, past.state.n_trials, space)
        losses.append(loss(drawn))
        past.add({name: (space[name], value) for name, value in drawn.items()}, [losses[-1]])
    return past, losses


def sphere(values: Values) -> float:
    return sum((x - 1.0) ** 2 for x in values.values())


def mixed(values: Values) -> float:
    lr, units = math.log10(values["lr"]), math.log2(values["units"])
    where = (lr + 1) ** 2 + abs(values["n"] - 40) / 16 + (units - 6) ** 2 / 4
    return where + float(values["kind"] != 1.0) + 3 * (values["step"] - 0.3) ** 2


def inside(values: Values, space: Space) -> bool:
    return list(values) == list(space) and all(
        type(value) is float and space[name]._contains(value) for name, value in values.items()
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
            "from tests.samplers.test_tpe import *\n"
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


def drawn_now(rng: np.random.Generator, number: int) -> dict[str, tuple[BaseDistribution, float]]:
    """Parameters of which some come and go, and with a range that moves."""
    dists: dict[str, BaseDistribution] = {
        "x": FloatDistribution(0, 1 + (number // 40) % 5),
        "k": MIXED["kind"],
        "n": MIXED["units"],
    }
    if rng.random() < 0.5:
        dists["y"] = FloatDistribution(1e-3, 1, log=True)
    return {name: (dist, dist.at(rng.random())) for name, dist in dists.items()}


class TestModel:
    def test_given_values_steer_the_others(self) -> None:
        space = Space({"k": CategoricalDistribution(["a", "b"]), "x": FloatDistribution(0, 1)})
        past = Past()
        rng = np.random.default_rng(0)
        for _ in range(200):
            k, x = float(rng.integers(2)), float(rng.random())
            loss = abs(x - (0.1 if k == 0 else 0.9))
            past.add({"k": (space["k"], k), "x": (space["x"], x)}, [loss])
        only = Space({"x": space["x"]})
        for k, target in ((0.0, 0.1), (1.0, 0.9)):
            drawn = [
                propose(TPESampler(), past.history, 200 + i, only, k=k)["x"] for i in range(20)
            ]
            assert np.median(np.abs(np.array(drawn) - target)) < 0.1

    def test_a_range_that_changes_keeps_what_lies_inside(self) -> None:
        past = Past()
        for i in range(100):
            wide = FloatDistribution(0, 10 + i)
            x = 10.0 * i / 100
            past.add({"x": (wide, x)}, [abs(x - 3.0)])
        narrow = Space({"x": FloatDistribution(2, 6)})
        drawn = [propose(TPESampler(), past.history, 100 + i, narrow)["x"] for i in range(20)]
        assert np.median(np.abs(np.array(drawn) - 3.0)) < 0.5

    def test_running_trials_are_kept_clear_of(self) -> None:
        past, _ = run(TPESampler(), FLAT, sphere, 60)
        drawn = propose(TPESampler(), past.history, 500)
        for _ in range(5):
            past.run({name: (FLAT[name], value) for name, value in drawn.items()})
        assert propose(TPESampler(), past.history, 500) != drawn
        assert propose(TPESampler(constant_liar=False), past.history, 500) == drawn

    def test_a_finite_space_is_tried_to_the_last_point(self) -> None:
        space = Space({"n": IntDistribution(0, 5), "k": CategoricalDistribution(["a", "b", "c"])})
        past, _ = run(TPESampler(n_startup_trials=3), space, lambda v: v["n"] + v["k"], 3)
        run(TPESampler(n_startup_trials=3), space, lambda v: v["n"] + v["k"], 15, past)
        tried = {tuple(row) for row in past.history.values.tolist()}
        assert len(tried) >= 16  # all, but for repeats in the random start
        run(TPESampler(n_startup_trials=3), space, lambda v: v["n"] + v["k"], 5, past)

    def test_feasible_trials_come_first_then_the_least_violation(self) -> None:
        past, x = Past(), FLAT["x0"]
        rows = [(5.0, 0.0), (1.0, 2.0), (0.0, 1.0), (9.0, -1.0)]
        for loss, constraint in rows:
            past.add({"x0": (x, 0.0)}, [loss], system={"constraints:c": constraint})
        order = past.history.derived(LadderFold(None)).order(1)
        assert order == [0, 3, 2, 1]

    def test_pruned_trials_that_were_worse_than_all_come_after_them(self) -> None:
        past, x = Past(), {"x0": (FLAT["x0"], 0.0)}
        pruned = TrialState.PRUNED
        past.add(x, None, pruned, reports=[(1, 0.0), (3, 9.0)])
        past.add(x, None, pruned, reports=[(5, 7.0)])
        past.add(x, None, pruned)
        past.add(x, [100.0], reports=[(3, 7.0), (4, math.nan)])
        past.add(x, None, pruned, reports=[(3, 8.0)])
        past.add(x, None, TrialState.FAIL)
        past.add(x, None, pruned, reports=[(4, 0.0)])
        past.add(x, None, pruned, reports=[(3, math.nan)])
        assert past.history.derived(LadderFold(None)).order(1) == [3, 1, 6, 4, 0, 7, 2]

    def test_pruned_trials_stand_where_they_stood_at_their_last_step(self) -> None:
        past, x, pruned = Past(), {"x0": (FLAT["x0"], 0.0)}, TrialState.PRUNED
        for loss in (10.0, 20.0, 30.0, 40.0):
            past.add(x, [loss], reports=[(1, loss + 100), (2, loss + 50)])
        past.add(x, None, pruned, reports=[(1, 0.0), (2, 75.0)])  # two of four were better
        past.add(x, None, pruned, reports=[(1, 110.0)])  # as good as the best
        past.add(x, None, pruned, reports=[(2, 91.0)])  # worse than all
        past.add(x, [25.0], reports=[(2, 1.0)])  # those before are not judged again
        assert past.history.derived(LadderFold(None)).order(1) == [0, 5, 1, 7, 2, 4, 3, 6]

    @pytest.mark.parametrize("model", ["joint", "independent"])
    def test_constraints_are_learned(self, model: Any) -> None:
        """The best point of all violates a constraint; a feasible one lies at 2 in all floats."""

        def best(sampler: ModelSampler, seed: int) -> float:
            past, found = Past(), math.inf
            for number in range(60):
                drawn = sampler.propose(
                    past.history, FLAT, stream(seed, number, sampler.purpose), {}
                )
                loss, least = sphere(drawn), 6 - sum(drawn.values())
                past.add(
                    {name: (FLAT[name], value) for name, value in drawn.items()},
                    [loss],
                    system={"constraints:least": least, "constraints:kept": -1.0},
                )
                found = min(found, loss) if least <= 0 else found
            return found

        sampler = TPESampler(constraint_model=model)
        wins = sum(best(sampler, seed) < best(RandomSampler(), seed) for seed in range(20))
        assert wins >= 17

    def test_maximizing_is_minimizing_the_negative(self) -> None:
        down, up = Past(), Past(StudyDirection.MAXIMIZE)
        run(TPESampler(), FLAT, sphere, 40, down)
        run(TPESampler(), FLAT, lambda v: -sphere(v), 40, up)
        assert np.array_equal(down.history.values, up.history.values)


class TestGroups:
    def past(self, n: int) -> Past:
        past, rng = Past(), np.random.default_rng(n)
        for _ in range(n):
            place = rng.random()
            past.add({"x0": (FLAT["x0"], FLAT["x0"].at(place))}, [float(rng.integers(50))])
        return past

    def parts(self, past: Past, salt: int = 0) -> Split:
        ranking = past.history.derived(LadderFold(89, salt))
        return split(ranking, len(past.history), 25)

    def test_good_trials_are_the_best(self) -> None:
        past = self.past(700)
        best = np.argsort(past.history.losses[:, 0], kind="stable")
        assert np.array_equal(self.parts(past).good, best[:25])
        assert set(best[25:89]) <= set(self.parts(past).bad.tolist())

    def test_others_are_capped_without_bias(self) -> None:
        past = self.past(700)
        exact = np.minimum(1.0, (np.arange(700) + 1.0) / 675)
        exact[self.parts(past).good] = 0.0
        function = np.cos(np.arange(700) / 50.0)
        sums = []
        for salt in range(300):
            parts = self.parts(past, salt)
            assert len(parts.bad) <= CAP
            assert len(set(parts.bad.tolist())) == len(parts.bad)
            assert not set(parts.bad.tolist()) & set(parts.good.tolist())
            sums.append([parts.weights.sum(), (parts.weights * function[parts.bad]).sum()])
        wanted = [exact.sum(), (exact * function).sum()]
        error = np.std(sums, axis=0) / math.sqrt(len(sums))
        assert (np.abs(np.mean(sums, axis=0) - wanted) < 4 * error).all()

    def test_all_others_are_kept_while_they_are_few(self) -> None:
        parts = self.parts(self.past(200))
        assert sorted([*parts.good.tolist(), *parts.bad.tolist()]) == list(range(200))

    @pytest.mark.parametrize("n", [1, 2, 30, 2000])
    def test_gaps_are_those_to_the_nearest_trials(self, n: int) -> None:
        past = self.past(n)
        axes = axes_of(past.history.space)
        places = past.history.derived(PlacesFold())
        view = places.view(past.history, axes.free)
        x = places.of(view, np.arange(n))
        epoch = 1
        while after(epoch) <= n:
            epoch = after(epoch)
        assert epoch > 0.95 * n
        found = places.gaps(view, np.arange(n))[:, 0]
        for row, gap in enumerate(found.tolist()):
            others = np.delete(x[:epoch, 0], row) if row < epoch else x[:epoch, 0]
            away = others - x[row, 0]
            sides = [side.min() for side in (away[away >= 0], -away[away <= 0]) if side.size]
            if not sides:
                assert math.isnan(gap)
            elif max(sides) > 1.0 / BINS:
                assert gap == pytest.approx(max(sides), abs=1e-9)
            else:
                assert gap <= 1.0 / BINS


class TestFronts:
    def ranked(self, losses: Any, n_good: int) -> list[int]:
        past = Past(*[StudyDirection.MINIMIZE] * len(losses[0]))
        for values in losses:
            past.add({"x0": (FLAT["x0"], 0.0)}, values)
        order: list[int] = past.history.derived(FrontsFold(164)).order(n_good)
        assert sorted(order) == list(range(len(losses)))
        return order

    def test_fronts_come_one_after_the_other(self) -> None:
        losses = [[3.0, 3.0], [1.0, 2.0], [4.0, 4.0], [2.0, 1.0]]
        order = self.ranked(losses, 3)
        assert (set(order[:2]), order[2:]) == ({1, 3}, [0, 2])

    def test_of_a_front_that_is_too_large_the_volume_decides(self) -> None:
        losses = [[0.0, 1.0], [0.4, 0.4], [0.41, 0.39], [1.0, 0.0], [0.45, 0.37]]
        assert self.ranked(losses, 1)[0] in (1, 2)
        assert set(self.ranked(losses, 3)[:3]) == {0, 3, self.ranked(losses, 1)[0]}

    @pytest.mark.parametrize("bad", [math.inf, -math.inf, 1e308, -1e308, 0.0])
    @pytest.mark.parametrize("m", [2, 3])
    def test_odd_losses_are_ranked_too(self, bad: float, m: int) -> None:
        rng = np.random.default_rng(0)
        losses = rng.dirichlet(np.ones(m), 40)
        losses[::5, 0] = bad
        for n_good in (1, 5, 20, 39):
            self.ranked(losses.tolist(), n_good)


class TestTable:
    def test_it_does_not_matter_what_was_asked_before(self) -> None:
        def rows(trials: IntArray) -> Rows:
            column = key * 1e4 + trials[:, None]
            return Rows(*[column] * 5, column[:, 0] > 0)

        key = 0
        table, rng = Table(rows(np.zeros(1, int))), np.random.default_rng(0)
        for n in range(5, 3000, 5):
            key = n // 500
            trials = np.sort(rng.choice(n, min(n, CAP), replace=False))
            table.begin(key)
            new = table.unknown(trials)
            table.fill(new, rows(new))
            slots = table.slots(trials)
            assert np.array_equal(table.kept.centres[slots[:-1], 0], key * 1e4 + trials)
            assert table.kept.centres[slots[-1], 0] == 0  # the first one of all
            assert not len(table.unknown(trials))  # nothing is made twice
        assert len(table.slots(trials[:0])) == 1


class TestActivity:
    def rules(self, past: Past) -> set[tuple[str, str]]:
        history = past.history
        columns = {int(c): name for name, c in zip(history.space, history.columns(history.space))}
        found = history.derived(ActivityFold()).rules(history)
        return {(columns[rule.child], columns[rule.parent]) for rule in found}

    def test_rules_are_learned(self) -> None:
        past, _ = branches(TPESampler(), 0, 40)
        assert self.rules(past) == {("x", "kind"), ("y", "kind"), ("deep", "kind"), ("z", "deep")}

    def test_what_nothing_explains_has_no_rule(self) -> None:
        past, rng = Past(), np.random.default_rng(0)
        for _ in range(60):
            params = {"k": (MIXED["kind"], float(rng.integers(3)))}
            if rng.random() < 0.5:
                params["x"] = (FLAT["x0"], 0.0)
            past.add(params)
        assert self.rules(past) == set()

    def test_points_are_trimmed_by_the_rules(self) -> None:
        past, _ = branches(TPESampler(), 0, 40)
        history = past.history
        names = ["kind", "x", "y", "deep", "z"]
        space = Space({name: history.space[name] for name in names})
        points = np.array([[0.0, 1, 1, 1, 1], [1.0, 1, 1, 0, 1], [1.0, 1, 1, 1, 1]])
        there = presence(history, space).of(points)
        assert there.astype(int).tolist() == [[1, 1, 0, 0, 0], [1, 0, 1, 1, 0], [1, 0, 1, 1, 1]]

    def test_columns_of_trials_that_still_run_may_come_first(self) -> None:
        past = Past()
        number = past.run({"late": (MIXED["kind"], 1.0), "later": (MIXED["lr"], 1.0)})
        for i in range(20):
            past.add({"x0": (FLAT["x0"], FLAT["x0"].at(i / 20))}, [float(i)])
        assert inside(propose(TPESampler(), past.history, 99), past.history.space)
        past.tell(number)
        assert inside(propose(TPESampler(), past.history, 99), past.history.space)


def branches(sampler: ModelSampler, seed: int, n: int) -> tuple[Past, list[float]]:
    """A study in which `kind` decides on x or y and deep, and deep on z."""
    kinds: dict[str, BaseDistribution] = {
        "kind": CategoricalDistribution(["a", "b"]),
        "x": FloatDistribution(-5, 5),
        "y": FloatDistribution(-5, 5),
        "deep": IntDistribution(0, 2),
        "z": FloatDistribution(1e-3, 1e3, log=True),
    }
    past, losses = Past(), []
    for number in range(n):
        known = past.history.space
        numbers = stream(seed, number, sampler.purpose)
        first = sampler.propose(past.history, known, numbers, {})
        have: dict[str, float] = {}

        def suggest(name: str) -> float:
            value = first.get(name)  # noqa: B023
            if value is None:
                one = Space({name: kinds[name]})
                value = sampler.propose(past.history, one, numbers, have)[name]  # noqa: B023
            have[name] = value  # noqa: B023
            return value

        if suggest("kind") == 0:
            losses.append((suggest("x") - 2) ** 2 + 1)
        else:
            losses.append((suggest("y") + 1) ** 2)
            if suggest("deep") != 0:
                losses[-1] += abs(math.log10(suggest("z")) - 1) - 0.5
        past.add({name: (kinds[name], value) for name, value in have.items()}, [losses[-1]])
    return past, losses


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
