"""The history of the hypervolume is that of all prefixes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skipjack.numerics import hypervolume_history as module
from skipjack.numerics.hypervolume import hypervolume
from skipjack.numerics.hypervolume_history import growth, hypervolume_history
from skipjack.rng import stream

coordinates = st.floats(-3, 3, allow_nan=False).map(lambda x: round(x, 1))


def front(n: int, m: int) -> np.ndarray:
    """Points of which none dominates another."""
    z = np.abs(stream(0, n, "front").normal(n * m).reshape(n, m)) + 1e-9
    return 1.0 - z / np.linalg.norm(z, axis=1, keepdims=True)


@given(st.integers(1, 4).flatmap(lambda m: arrays(float, (9, m), elements=coordinates)))
def test_it_is_the_volume_of_every_prefix(points: np.ndarray) -> None:
    reference = np.full(points.shape[1], 2.0)
    found = hypervolume_history(points, reference)
    expected = [hypervolume(points[: i + 1], reference) for i in range(len(points))]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_it_is_exact_for_many_points_of_a_front(m: int) -> None:
    points, reference = front(150, m), np.full(m, 1.1)
    found = hypervolume_history(points, reference)
    for n in (1, 70, 150):
        assert found[n - 1] == pytest.approx(hypervolume(points[:n], reference), rel=1e-12)
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_units_do_not_matter(scale: float) -> None:
    points, reference = front(30, 2), np.full(2, 1.1)
    once = hypervolume_history(points, reference)
    scaled = hypervolume_history(points * scale, reference * scale)
    np.testing.assert_allclose(scaled / scale / scale, once, rtol=1e-12)


def test_points_that_add_nothing() -> None:
    points = np.array([[3.0, 0.0], [np.nan, 0.0], [1.0, 1.0], [1.0, 1.0], [1.5, 1.2], [2.0, 0.0]])
    found = hypervolume_history(points, np.array([2.0, 2.0]))
    assert found.tolist() == [0, 0, 1, 1, 1, 1]
    assert hypervolume_history(np.zeros((0, 2)), np.ones(2)).tolist() == []


def test_infinite_losses_make_an_infinite_volume() -> None:
    points = np.array([[1.0, 1.0], [-np.inf, 0.0], [0.5, 0.5]])
    assert hypervolume_history(points, np.full(2, 2.0)).tolist() == [1.0, np.inf, np.inf]
    assert hypervolume_history(points[:1], np.full(2, np.inf)).tolist() == [np.inf]
    assert hypervolume_history(points[:1], np.full(2, 0.0)).tolist() == [0.0]


def test_a_volume_that_is_no_float_is_infinite() -> None:
    points = np.array([[0.0, 0.0], [0.0, 0.0], [-1e200, 0.0], [-1.0, -1.0]])
    found = hypervolume_history(points, np.full(2, 1e200))
    assert found.tolist() == [np.inf] * 4


def test_beyond_so_many_boxes_it_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    points, reference = front(200, 4), np.full(4, 1.1)
    known = growth(points, reference)
    assert known.exact == 200
    monkeypatch.setattr(module, "_MOST_BOXES", 500)
    monkeypatch.setattr(module, "_BLOCK", 60)  # also of points
    found = growth(points, reference)
    assert 0 < found.exact < 100
    first, rest = slice(found.exact), slice(found.exact, None)
    np.testing.assert_array_equal(found.volumes[first], known.volumes[first])
    assert (found.volumes[rest] != known.volumes[rest]).all()
    np.testing.assert_allclose(found.volumes, known.volumes, rtol=0.004)
    assert (np.diff(found.volumes) >= 0).all()
    np.testing.assert_array_equal(found.volumes, hypervolume_history(points, reference))


def test_of_an_estimate_points_that_are_dominated_or_outside_add_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points, reference = front(100, 3), np.full(3, 1.1)
    monkeypatch.setattr(module, "_MOST_BOXES", 100)
    later = np.concatenate([points, points + 0.01, np.full((1, 3), 2.0), np.full((1, 3), np.nan)])
    found = growth(later, reference)
    assert found.exact < 100
    assert (found.volumes[100:] == found.volumes[99]).all()


@given(arrays(float, (70, 3), elements=coordinates), arrays(float, (20, 3), elements=coordinates))
def test_the_first_point_below_each_draw(points: np.ndarray, draws: np.ndarray) -> None:
    below = (points < draws[:, None]).all(axis=2)
    expected = np.where(below.any(axis=1), below.argmax(axis=1), -1)
    np.testing.assert_array_equal(module._first_below(points, draws), expected)


def test_wrong_shapes_are_refused() -> None:
    for points, reference in ((np.zeros(3), np.zeros(3)), (np.zeros((3, 2)), np.zeros(3))):
        with pytest.raises(ValueError, match=r"must have the shapes \(n, m\), \(m,\)"):
            hypervolume_history(points, reference)
    with pytest.raises(ValueError, match="`reference` must not be NaN"):
        hypervolume_history(np.zeros((3, 2)), np.array([1.0, np.nan]))
