"""The forest and what is derived from it, against definitions written out."""

import itertools
import math

import numpy as np
import pytest

from skipjack.numerics import anova, divergence
from skipjack.numerics.forest import Bins, Forest, drawn, grow
from skipjack.numerics.shapley import contributions
from skipjack.rng import stream

B = 6


def grown(n: int = 200, d: int = 3, depth: int = 64, n_trees: int = 4) -> tuple[Forest, np.ndarray]:
    """A forest that knows d features of B bins, the last without an order; and the codes."""
    codes = stream(1, 0, "codes").integers(n * d, B).reshape(n, d)
    shares = np.abs(stream(1, 1, "codes").normal(d * B)).reshape(d, B) + 0.1
    shares /= shares.sum(axis=1, keepdims=True)
    ordered = np.arange(d) < d - 1
    y = codes[:, 0] * 1.0 + codes[:, 1] * codes[:, 0] + (codes[:, -1] == 2) * 4
    forest = grow(codes, Bins(ordered, shares), y.astype(float), stream(2, 0, "f"), n_trees, depth)
    return forest, codes


def cells(forest: Forest, t: int) -> np.ndarray:
    """What a tree says of each cell of the whole space, shape (B, ..., B)."""
    d = len(forest.bins.ordered)
    said = np.full((B,) * d, np.nan)
    for leaf in np.flatnonzero(forest.trees == t):
        inside = np.ix_(*(forest.masks[leaf, j] for j in range(d)))
        assert np.isnan(said[inside]).all(), "leaves overlap"
        said[inside] = forest.values[leaf]
    assert not np.isnan(said).any(), "a cell has no leaf"
    return said


def volumes(forest: Forest) -> np.ndarray:
    shares = forest.bins.shares
    total = shares[0]
    for row in shares[1:]:
        total = np.multiply.outer(total, row)
    return total


def test_leaves_divide_the_whole_space() -> None:
    forest, _ = grown()
    for t in range(4):
        cells(forest, t)
    sums = np.add.reduceat(forest.sides.prod(axis=1), forest.firsts)
    assert sums == pytest.approx(np.ones(4))


def test_trees_learn_what_there_is_to_learn() -> None:
    forest, codes = grown(n=700)
    said = np.mean([cells(forest, t)[tuple(codes.T)] for t in range(4)], axis=0)
    y = codes[:, 0] + codes[:, 1] * codes[:, 0] + (codes[:, -1] == 2) * 4
    assert np.corrcoef(said, y)[0, 1] > 0.98


def test_depth_limits_the_leaves() -> None:
    assert np.bincount(grown(depth=1)[0].trees).tolist() == [2] * 4
    assert np.bincount(grown(depth=3)[0].trees).max() <= 8


def test_a_feature_without_an_order_is_split_by_one_bin() -> None:
    codes = np.array([[0], [1], [2]] * 20)
    y = (codes[:, 0] == 1).astype(float)
    forest = grow(codes, Bins(np.array([False]), np.full((1, 3), 1 / 3)), y, stream(0, 0, "f"), 3)
    assert np.bincount(forest.trees).tolist() == [2, 2, 2]  # two splits, if there were an order
    assert sorted(forest.values.tolist()) == pytest.approx([0, 0, 0, 1, 1, 1])


def test_gaps_are_cut_in_the_middle() -> None:
    codes = np.array([[0], [7]] * 20)
    bins = Bins(np.array([True]), np.full((1, 8), 1 / 8))
    forest = grow(codes, bins, codes[:, 0] * 1.0, stream(0, 0, "f"), 2)
    assert sorted(forest.masks.sum(axis=2).ravel().tolist()) == [4, 4, 4, 4]


def test_equal_splits_are_chosen_by_chance() -> None:
    codes = np.repeat(np.arange(2)[:, None], 4, axis=1).repeat(10, axis=0)
    bins = Bins(np.ones(4, bool), np.full((4, 2), 0.5))
    forest = grow(codes, bins, codes[:, 0] * 1.0, stream(0, 0, "f"), 64)
    used = forest.gains.sum(axis=0) / forest.gains.sum()
    assert (used > 0.1).all()


def test_constant_values_make_one_leaf() -> None:
    bins = Bins(np.ones(1, bool), np.full((1, 2), 0.5))
    forest = grow(np.array([[0], [1]] * 5), bins, np.full(10, 3.5), stream(0, 0, "f"), 3)
    assert forest.values.tolist() == pytest.approx([3.5] * 3)
    assert forest.gains.sum() == 0


def test_no_more_than_a_thousand_rows_are_drawn() -> None:
    assert drawn(10) == 10
    assert drawn(10**6) < 1000


def test_variances_are_those_of_the_cells() -> None:
    forest, _ = grown()
    weights, share = volumes(forest), forest.bins.shares
    alone, whole = anova.single_variances(forest), anova.variances(forest)
    pairs = list(itertools.combinations(range(3), 2))
    together = anova.pair_variances(forest, pairs)
    for t in range(4):
        said = cells(forest, t)
        mean = (said * weights).sum()
        assert whole[t] == pytest.approx((np.square(said - mean) * weights).sum())

        def variance_of(
            axes: tuple[int, ...], said: np.ndarray = said, mean: float = mean
        ) -> float:
            means = said - mean
            for axis in reversed(range(3)):
                if axis not in axes:
                    means = np.tensordot(means, share[axis], (axis, 0))
            weight = share[axes[0]]
            for axis in axes[1:]:
                weight = np.multiply.outer(weight, share[axis])
            return float((np.square(means) * weight).sum())

        for j in range(3):
            assert alone[t, j] == pytest.approx(variance_of((j,)))
        for p, (i, j) in enumerate(pairs):
            expected = variance_of((i, j)) - variance_of((i,)) - variance_of((j,))
            assert together[t, p] == pytest.approx(max(expected, 0.0), abs=1e-12)


def test_contributions_are_shapley_values_of_the_cells() -> None:
    forest, codes = grown(n=60)
    found = contributions(forest, codes[:5])
    shares = forest.bins.shares
    for t in range(4):
        said = cells(forest, t)
        for i, code in enumerate(codes[:5].tolist()):

            def known(
                subset: tuple[int, ...], said: np.ndarray = said, code: list[int] = code
            ) -> float:
                value = said
                for axis in reversed(range(3)):
                    if axis in subset:
                        value = np.take(value, code[axis], axis)
                    else:
                        value = np.tensordot(value, shares[axis], (axis, 0))
                return float(value)

            for j in range(3):
                others = [k for k in range(3) if k != j]
                expected = 0.0
                for size in range(3):
                    weight = math.factorial(size) * math.factorial(2 - size) / math.factorial(3)
                    for subset in itertools.combinations(others, size):
                        expected += weight * (known((*subset, j)) - known(subset))
                assert found[t, i, j] == pytest.approx(expected, abs=1e-12)


def test_contributions_sum_to_what_the_forest_says() -> None:
    forest, codes = grown(d=5, n=400)
    found = contributions(forest, codes[:9])
    for t in range(4):
        said = cells(forest, t)
        mean = float((said * volumes(forest)).sum())
        assert found[t].sum(axis=1) == pytest.approx(said[tuple(codes[:9].T)] - mean)


def test_a_tree_without_splits_contributes_nothing() -> None:
    bins = Bins(np.ones(2, bool), np.full((2, 2), 0.5))
    forest = grow(np.zeros((4, 2), int), bins, np.arange(4.0), stream(0, 0, "f"), 2)
    assert not contributions(forest, np.zeros((3, 2), int)).any()


# --------------------------------------------------------------------------------- divergence


def test_densities_sum_to_one_and_follow_the_counts() -> None:
    counts = np.array([[0, 0, 5, 30, 5, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1.0]])
    for density in (divergence.density(counts), divergence.density_of_choices(counts)):
        assert density.sum(axis=1) == pytest.approx([1, 1])
        assert density.argmax(axis=1).tolist() == [3, 7]
        assert (density > 0).all()


def test_equal_densities_do_not_diverge() -> None:
    density = divergence.density(np.array([[1.0, 2, 3, 4]]))
    assert divergence.pearson(density, density).tolist() == [0.0]
    other = divergence.density(np.array([[4.0, 3, 2, 1]]))
    assert divergence.pearson(density, other)[0] > 0.01
