"""Fronts and ranks against their definitions."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skipjack.numerics import pareto

Points = npt.NDArray[np.float64]
some = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0, 2.0, 1e308, np.inf])


def points(least: int = 0) -> st.SearchStrategy[Points]:
    shapes = st.tuples(st.integers(least, 12), st.integers(1, 5))
    return shapes.flatmap(lambda shape: arrays(float, shape, elements=some))


def dominates(a: Points, b: Points) -> bool:
    return bool((a <= b).all() and (a < b).any())


def by_definition(p: Points) -> list[bool]:
    return [not any(dominates(other, one) for other in p) for one in p]


def ranks_by_definition(p: Points) -> list[int]:
    ranks = np.zeros(len(p), int)
    left, level = np.arange(len(p)), 0
    while len(left):
        front = np.array(by_definition(p[left]), bool)
        ranks[left[front]] = level
        left, level = left[~front], level + 1
    return ranks.tolist()


@given(points())
def test_the_front_is_what_nothing_dominates(p: Points) -> None:
    assert pareto.is_front(p).tolist() == by_definition(p)


@pytest.mark.parametrize("m", [1, 2, 3, 4])
@pytest.mark.parametrize("levels", [3, 8, 10**6])
def test_the_front_of_many_points(m: int, levels: int) -> None:
    p = np.random.default_rng(m).integers(0, levels, (600, m)).astype(float)
    assert pareto.is_front(p).tolist() == by_definition(p)


@given(points())
def test_ranks_peel_front_after_front(p: Points) -> None:
    assert pareto.ranks(p).tolist() == ranks_by_definition(p)


@given(points(least=1), st.randoms(use_true_random=False))
def test_a_front_kept_up_to_date_is_the_front(p: Points, random: st.DataObject) -> None:
    front = pareto.Front(p.shape[1])
    for i in range(len(p)):
        front.add(p[i : i + 1], np.array([i]))
        assert sorted(front.tags) == np.flatnonzero(pareto.is_front(p[: i + 1])).tolist()
    at_once = pareto.Front(p.shape[1])
    at_once.add(p, np.arange(len(p)))
    assert sorted(at_once.tags) == sorted(front.tags)
    assert np.array_equal(p[front.tags], front.points)


def test_an_infinite_loss_is_dominated_too() -> None:
    p = np.array([[0.0, -np.inf, np.inf], [1.0, -np.inf, np.inf], [0.0, -np.inf, np.inf]])
    assert pareto.is_front(p).tolist() == [True, False, True]


def test_points_at_the_ends_have_most_room() -> None:
    p = np.array([[0.0, 4.0], [1.0, 2.0], [1.5, 1.5], [4.0, 0.0], [9.0, 9.0]])
    room = pareto.crowding(p, pareto.ranks(p))
    assert np.isinf(room[[0, 3, 4]]).all()
    assert room[1] == pytest.approx((1.5 + 2.5) / 9)
    assert room[2] == pytest.approx((3.0 + 2.0) / 9)


def test_crowding_of_equal_points_is_finite_or_inf() -> None:
    p = np.ones((4, 2))
    assert not np.isnan(pareto.crowding(p, np.zeros(4, np.int64))).any()


@pytest.mark.parametrize("m", [2, 3])
def test_a_front_of_ten_thousand_points_is_found_without_comparing_all_with_all(
    m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pareto, "_by_blocks", None)
    p = -np.log(np.random.default_rng(0).random((10_000, m)))
    p /= p.sum(axis=1, keepdims=True)
    assert pareto.is_front(p).all()
