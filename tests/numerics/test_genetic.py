"""Crossovers, mutation and selection, against what their papers say of them."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from skipjack.errors import InvalidValueError
from skipjack.numerics import pareto
from skipjack.numerics.genetic import crossover, mutation, selection
from skipjack.numerics.genetic.crossover import FloatArray
from skipjack.rng import stream

D = 6
BOUNDS = np.array([[-1.0, 2.0]] * D)
Cross = Callable[[FloatArray, np.random.RandomState], FloatArray]


def sbx(parents: FloatArray, rng: np.random.RandomState) -> FloatArray:
    return crossover.simulated_binary(parents, rng, BOUNDS, 2.0)[0]


def vsbx(parents: FloatArray, rng: np.random.RandomState) -> FloatArray:
    return crossover.everywhere_binary(parents, rng, 2.0)[0]


CROSSOVERS: dict[str, tuple[Cross, int]] = {
    "uniform": (lambda p, rng: crossover.uniform(p, rng, 0.5), 2),
    "blend": (lambda p, rng: crossover.blend(p, rng, 0.5), 2),
    "simplex": (lambda p, rng: crossover.simplex(p, rng, 2.0), 3),
    "normal": (lambda p, rng: crossover.normal(p, rng, 0.5, 0.35 / math.sqrt(D)), 3),
    "simulated binary": (sbx, 2),
    "everywhere binary": (vsbx, 2),
}


def some(n: int, parents: FloatArray, cross: Cross) -> FloatArray:
    return cross(np.repeat(parents[None], n, axis=0), np.random.RandomState(1))


def parents_of(n: int) -> FloatArray:
    return np.random.default_rng(n).random((n, D))


@pytest.mark.parametrize("name", CROSSOVERS)
class TestEveryCrossover:
    def test_equal_parents_have_equal_children(self, name: str) -> None:
        cross, n = CROSSOVERS[name]
        parents = np.repeat(parents_of(1), n, axis=0)
        assert np.allclose(some(20, parents, cross), parents[0])

    def test_moving_the_parents_moves_the_children(self, name: str) -> None:
        cross, n = CROSSOVERS[name]
        if cross is sbx:
            pytest.skip("it knows its bounds")
        parents = parents_of(n)
        assert np.allclose(some(20, parents + 3.0, cross), some(20, parents, cross) + 3.0)

    def test_children_lie_about_their_parents(self, name: str) -> None:
        cross, n = CROSSOVERS[name]
        parents = parents_of(n)
        children = some(4000, parents, cross)
        if name == "uniform":
            assert ((children == parents[0]) | (children == parents[1])).all()
        if "binary" not in name:  # those come in pairs
            middle = parents.mean(axis=0) if name == "simplex" else parents[:2].mean(axis=0)
            assert np.allclose(children.mean(axis=0), middle, atol=0.03)
        assert (np.abs(children - parents.mean(axis=0)).max(axis=1) < 100.0).all()


def test_a_blend_reaches_half_the_distance_beyond_and_no_further() -> None:
    parents = np.array([[0.0] * D, [1.0] * D])
    children = some(4000, parents, CROSSOVERS["blend"][0])
    assert -0.5 <= children.min() < -0.49
    assert 1.49 < children.max() <= 1.5


def test_a_simplex_holds_its_children_uniformly() -> None:
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    children = some(6000, corners, lambda p, rng: crossover.simplex(p, rng, 1.0))
    assert (children >= -1e-12).all() and (children.sum(axis=1) <= 1.0 + 1e-12).all()
    assert np.allclose(children.mean(axis=0), 1 / 3, atol=0.01)
    halves = (children.sum(axis=1) < 0.5).mean()  # a quarter of the area
    assert abs(halves - 0.25) < 0.03


def test_unimodal_normal_children_have_the_deviations_that_were_asked_for() -> None:
    parents = np.zeros((3, D))
    parents[1, 0], parents[2, 1] = 2.0, 3.0  # two apart along one axis, the third 3 away from it
    children = some(20000, parents, lambda p, rng: crossover.normal(p, rng, 0.25, 0.1))
    deviations = children.std(axis=0)
    assert abs(deviations[0] - 0.5) < 0.02
    assert np.allclose(deviations[1:], 0.3, atol=0.01)


def test_simulated_binary_children_keep_the_mean_of_their_parents_and_the_bounds() -> None:
    parents, rng = np.array([[-0.9] * D, [1.9] * D]), np.random.RandomState(0)
    one, other = crossover.simulated_binary(np.repeat(parents[None], 200, 0), rng, BOUNDS, 1.0)
    assert np.allclose(one + other, parents.sum(axis=0))
    assert ((one >= -1.0 - 1e-9) & (other <= 2.0 + 1e-9)).all()


def test_everywhere_binary_children_come_in_pairs_about_either_parent() -> None:
    parents, rng = parents_of(2), np.random.RandomState(0)
    one, other = crossover.everywhere_binary(np.repeat(parents[None], 400, 0), rng, 2.0)
    middles = (one + other) / 2.0
    is_first = np.isclose(middles, parents[0])
    assert (is_first | np.isclose(middles, parents[1])).all()
    assert abs(is_first.mean() - 0.5) < 0.05
    children = np.concatenate([one, other])
    low, high = parents.min(axis=0), parents.max(axis=0)
    assert ((children < low).any(axis=0) & (children > high).any(axis=0)).all()
    assert ((low < children) & (children < high)).any(axis=0).all()


def test_a_large_eta_keeps_children_near() -> None:
    parents = np.array([[0.0] * D, [1.0] * D])
    rng = np.random.RandomState(0)
    near, far = (
        np.abs(crossover.simulated_binary(np.repeat(parents[None], 2000, 0), rng, BOUNDS, eta)[0])
        for eta in (50.0, 1.0)
    )
    assert near.mean() < 0.05 < far.mean()


def test_one_child_of_two_takes_genes_as_often_as_it_is_told() -> None:
    parents = np.repeat(np.array([[[0.0] * D, [1.0] * D]]), 2000, axis=0)
    children = (np.full((2000, D), 2.0), np.full((2000, D), 3.0))
    rng = np.random.RandomState(0)
    made = crossover.one_of(children, parents, rng, 0.0, 0.25)
    assert abs((made >= 2.0).mean() - 0.25) < 0.02
    unswapped = crossover.one_of(children, parents, rng, 0.0, 1.0)
    assert {tuple(child) for child in unswapped.tolist()} == {(2.0,) * D, (3.0,) * D}
    assert abs((crossover.one_of(children, parents, rng, 0.5, 1.0) == 2.0).mean() - 0.5) < 0.02


@pytest.mark.parametrize("eta", [0.0, 5.0, 20.0])
def test_a_mutation_stays_inside_and_is_monotone_and_small_for_large_eta(eta: float) -> None:
    u = np.linspace(0.0, 1.0, 101, endpoint=False)
    for x in (0.0, 0.3, 1.0):
        made = mutation.polynomial(np.full(101, x), eta, u)
        assert made.min() >= 0.0 and made.max() <= 1.0
        assert (np.diff(made) >= -1e-12).all()
        assert (np.abs(made - x) < 0.2).mean() > 1.0 - 0.8 ** (eta + 1.0) - 0.02
        assert mutation.polynomial(np.array([x]), eta, np.array([0.5])) == pytest.approx(x)


class TestSelection:
    def test_the_best_by_crowding_are_whole_fronts_and_then_the_loneliest(self) -> None:
        losses = np.random.default_rng(0).random((60, 2))
        chosen = selection.by_crowding(losses, None, 20)
        ranks = pareto.ranks(losses)
        last = ranks[chosen].max()
        assert set(np.flatnonzero(ranks < last)) <= set(chosen.tolist())
        assert sorted(ranks[chosen]) == ranks[chosen].tolist()
        room = pareto.crowding(losses, ranks)
        left = [i for i in np.flatnonzero(ranks == last) if i not in chosen]
        assert room[left].max() <= room[chosen[ranks[chosen] == last]].min()

    def test_violations_come_after_what_keeps_its_constraints_and_the_unknown_last(self) -> None:
        losses = np.array([[3.0, 3.0], [0.0, 0.0], [1.0, 1.0], [-1.0, -1.0], [2.0, 2.0]])
        penalty = np.array([0.0, 5.0, 1.0, np.nan, 0.0])
        assert pareto.ranks_with_penalty(losses, penalty).tolist() == [1, 3, 2, 4, 0]
        assert selection.by_crowding(losses, penalty, 3).tolist() == [4, 0, 2]
        points = selection.reference_points(2, 3)
        by_niches = selection.by_niches(losses, penalty, 3, points, stream(0, 0, "x"))
        assert by_niches.tolist() == [4, 0, 2]

    @pytest.mark.parametrize(("m", "parts", "n"), [(2, 3, 4), (3, 3, 10), (3, 12, 91), (1, 3, 1)])
    def test_reference_points_are_all_shares(self, m: int, parts: int, n: int) -> None:
        points = selection.reference_points(m, parts)
        assert points.shape == (n, m) and len(np.unique(points, axis=0)) == n
        assert np.allclose(points.sum(axis=1), 1.0) and (points >= 0.0).all()
        assert np.allclose(points * parts, np.round(points * parts))

    def test_too_many_reference_points_are_refused(self) -> None:
        with pytest.raises(InvalidValueError, match="1,000,000"):
            selection.reference_points(12, 20)

    def test_niches_are_filled_one_after_the_other(self) -> None:
        """On a plane front, every direction gets a survivor, whatever the units."""
        points = selection.reference_points(3, 4)
        rng = np.random.default_rng(0)
        near = np.abs(points + rng.normal(0.0, 0.01, points.shape))
        crowd = np.abs(points[0] + rng.normal(0.0, 0.01, (60, 3)))
        losses = np.concatenate([crowd, near])
        losses = losses / losses.sum(axis=1, keepdims=True) * [1.0, 100.0, 1e-3] + [5.0, 0.0, -1.0]
        chosen = selection.by_niches(losses, None, len(points), points, stream(0, 0, "x"))
        assert len(set(chosen.tolist())) == len(points)
        found = (losses[chosen] - [5.0, 0.0, -1.0]) / [1.0, 100.0, 1e-3]
        distance = np.abs(found[:, None] - points[None]).max(axis=2)
        assert (distance.min(axis=0) < 0.1).all()

    @pytest.mark.parametrize("bad", [np.inf, -np.inf, 1e308])
    def test_losses_without_measure_are_no_obstacle(self, bad: float) -> None:
        losses = np.random.default_rng(0).random((30, 3))
        losses[3], losses[7] = bad, 0.5
        points = selection.reference_points(3, 3)
        for k in (1, 12, 30, 40):
            chosen = selection.by_niches(losses, None, k, points, stream(0, 0, "x"))
            assert len(set(chosen.tolist())) == min(k, 30)

    def test_equal_losses_are_no_obstacle(self) -> None:
        points = selection.reference_points(2, 3)
        chosen = selection.by_niches(np.ones((9, 2)), None, 4, points, stream(0, 0, "x"))
        assert len(set(chosen.tolist())) == 4
