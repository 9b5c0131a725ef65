"""Hypervolumes, and choices of points by them, against cells that are counted."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipjack._hypervolume import compute_hypervolume
from skipjack.errors import InvalidValueError
from skipjack.numerics import hypervolume as module
from skipjack.numerics.hypervolume import FloatArray, hypervolume
from skipjack.numerics.pareto import is_front
from skipjack.numerics.subset import Subset


def by_counting(points: FloatArray, reference: FloatArray) -> float:
    """Every cell between neighbouring coordinates, if a point lies below it."""
    inside = points[(points < reference).all(axis=1)]
    grids = [np.unique(np.append(x, r)) for x, r in zip(inside.T, reference, strict=True)]
    total = 0.0
    for cell in itertools.product(*(range(len(grid) - 1) for grid in grids)):
        low = np.array([grid[c] for grid, c in zip(grids, cell, strict=True)])
        if (inside <= low).all(axis=1).any():
            high = np.array([grid[c + 1] for grid, c in zip(grids, cell, strict=True)])
            total += float(np.prod(high - low))
    return total


@st.composite
def clouds(draw: st.DrawFn, most: int = 5, n: int = 7) -> tuple[FloatArray, FloatArray]:
    """A few points, often equal in some coordinates, and a reference."""
    m = draw(st.integers(1, most))
    whole = st.integers(0, 5).map(float)
    coordinate = draw(st.sampled_from([whole, st.floats(-1.0, 6.0)]))
    points = draw(st.lists(st.lists(coordinate, min_size=m, max_size=m), max_size=n))
    reference = draw(st.lists(st.sampled_from([4.0, 5.0, 5.5]), min_size=m, max_size=m))
    return np.array(points, float).reshape(-1, m), np.array(reference)


class TestHypervolume:
    @given(clouds())
    def test_it_is_what_counting_cells_gives(self, cloud: tuple[FloatArray, FloatArray]) -> None:
        assert hypervolume(*cloud) == pytest.approx(by_counting(*cloud), rel=1e-12, abs=1e-12)

    @pytest.mark.parametrize(("m", "n"), [(2, 300), (3, 300), (4, 60), (5, 25)])
    def test_order_units_and_places_do_not_matter(self, m: int, n: int) -> None:
        rng = np.random.default_rng(m)
        points, reference = rng.dirichlet(np.ones(m), n), np.full(m, 1.1)
        known = hypervolume(points, reference)
        shuffled = points[rng.permutation(n)][:, rng.permutation(m)]
        assert hypervolume(shuffled, reference) == pytest.approx(known, rel=1e-12)
        units, shift = rng.uniform(0.1, 10, m), rng.normal(size=m)
        moved = hypervolume(points * units + shift, reference * units + shift)
        assert moved == pytest.approx(known * units.prod(), rel=1e-9)
        more = np.concatenate([points, points[:5], points[:5] + 0.01])
        assert hypervolume(more, reference) == pytest.approx(known, rel=1e-12)

    def test_the_estimate_is_near_the_exact_value_and_always_the_same(self) -> None:
        sides = 1.1 - np.random.default_rng(0).dirichlet(np.ones(5), 60)
        exact = module._exact(sides)
        assert module._estimate(sides) == pytest.approx(exact, rel=0.03)
        assert module._estimate(sides) == module._estimate(sides)

    def test_large_fronts_of_many_objectives_are_estimated(self) -> None:
        rng = np.random.default_rng(0)
        points, reference = rng.dirichlet(np.ones(8), 200), np.full(8, 1.1)
        found = hypervolume(points, reference)
        drawn = rng.uniform(0.0, 1.1, (20000, 1, 8))
        share = float((points <= drawn).all(axis=2).any(axis=1).mean())
        assert found == pytest.approx(share * 1.1**8, rel=0.05)

    def test_infinite_losses(self) -> None:
        inf, reference = np.inf, np.ones(2)
        assert hypervolume(np.array([[0.0, inf], [0.5, 0.5]]), reference) == 0.25
        assert hypervolume(np.array([[0.0, -inf]]), reference) == inf
        assert hypervolume(np.array([[1.0, -inf]]), reference) == 0.0
        assert hypervolume(np.array([[0.0, 0.0]]), np.array([1.0, inf])) == inf
        assert hypervolume(np.array([[-1e308, 0.0]]), np.array([1e308, 1.0])) == inf

    @pytest.mark.parametrize(
        ("points", "reference"),
        [(np.zeros((2, 3)), np.ones(2)), (np.zeros(2), np.ones(2)), ([[np.nan, 0]], [1, 1])],
    )
    def test_what_has_no_volume_is_refused(self, points: FloatArray, reference: FloatArray) -> None:
        with pytest.raises(InvalidValueError):
            hypervolume(np.array(points), np.array(reference))


class TestOptunasName:
    def test_it_takes_lists_and_says_what_the_other_says(self) -> None:
        assert compute_hypervolume([[0.0, 0.5], [0.5, 0.0]], [1.0, 1.0]) == 0.75  # type: ignore[arg-type]  # as users do
        assert compute_hypervolume(np.zeros((0, 2)), np.ones(2), assume_pareto=True) == 0.0
        assert compute_hypervolume(np.zeros((1, 2)), np.array([1.0, np.inf])) == np.inf

    @pytest.mark.parametrize("bad", [2.0, np.nan])
    def test_losses_above_the_reference_are_refused(self, bad: float) -> None:
        with pytest.raises(ValueError, match="reference_point"):
            compute_hypervolume(np.array([[0.0, bad]]), np.ones(2))


def gains(points: FloatArray, reference: FloatArray, chosen: Sequence[int]) -> list[FloatArray]:
    """What each point would add to the volume, before each choice."""
    found = []
    for t in range(len(chosen)):
        before = list(chosen[:t])
        base = hypervolume(points[before], reference)
        more = [hypervolume(points[[*before, i]], reference) - base for i in range(len(points))]
        found.append(np.array(more))
    return found


def front(points: FloatArray) -> FloatArray:
    return points[is_front(points)]


class TestSubset:
    @given(clouds(4), st.data())
    def test_each_choice_adds_the_most(
        self, cloud: tuple[FloatArray, FloatArray], data: st.DataObject
    ) -> None:
        points, reference = front(cloud[0]), np.maximum(cloud[1], 5.5) + 1.0
        k = data.draw(st.integers(0, len(points)))
        chosen = Subset(reference).best(points, range(len(points)), k)
        assert len(set(chosen)) == len(chosen) == k
        for i, adds in zip(chosen, gains(points, reference, chosen), strict=True):
            assert adds[i] == pytest.approx(adds.max(), abs=1e-9)

    @pytest.mark.parametrize("m", [2, 3, 4])
    def test_it_does_not_matter_what_was_asked_before(self, m: int) -> None:
        rng, reference = np.random.default_rng(m), np.full(m, 1.1)
        points = rng.dirichlet(np.ones(m), 120)
        points[60:70] = points[20:30]  # some are equal
        live = Subset(reference)
        tags = np.arange(30)
        for step in range(60):
            if step % 7 == 6:
                tags = np.delete(tags, rng.integers(len(tags)))
            elif tags[-1] < 119:
                tags = np.append(tags, tags[-1] + 1)
            k = int(rng.integers(1, len(tags)))
            fresh = Subset(reference).best(points[tags], tags.tolist(), k)
            assert live.best(points[tags], tags.tolist(), k) == fresh

    def test_of_equal_points_the_first_is_chosen(self) -> None:
        points = np.array([[0.5, 0.5], [0.2, 0.9], [0.5, 0.5]])
        assert Subset(np.ones(2)).best(points, [3, 5, 8], 3) == [3, 5, 8]

    def test_many_objectives_end_in_time(self) -> None:
        points = np.random.default_rng(0).dirichlet(np.ones(7), 164)
        chosen = Subset(np.full(7, 1.1)).best(points, range(164), 100)
        assert len(set(chosen)) == 100
