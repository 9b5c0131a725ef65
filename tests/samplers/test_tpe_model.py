"""What TPE is made of: the model, groups, fronts, the table of rows, and what is active."""

import math
from typing import Any

import numpy as np
import pytest

from skipjack.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
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
from tests.histories import Past
from tests.samplers.tpe import (
    FLAT,
    MIXED,
    branches,
    inside,
    propose,
    run,
    sphere,
)


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
