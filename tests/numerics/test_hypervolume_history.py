"""The history of the hypervolume is that of all prefixes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skipjack.numerics import hypervolume_history as module
from skipjack.numerics.hypervolume import hypervolume
from skipjack.numerics.hypervolume_history import hypervolume_history
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


def test_beyond_so_many_boxes_it_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    points, reference = front(200, 4), np.full(4, 1.1)
    exact = hypervolume_history(points, reference)
    monkeypatch.setattr(module, "_MOST_BOXES", 500)
    found = hypervolume_history(points, reference)
    assert (found != exact).any()
    np.testing.assert_allclose(found, exact, rtol=0.01)
    assert (np.diff(found) >= 0).all()
    np.testing.assert_array_equal(found, hypervolume_history(points, reference))


def test_wrong_shapes_are_refused() -> None:
    for points, reference in ((np.zeros(3), np.zeros(3)), (np.zeros((3, 2)), np.zeros(3))):
        with pytest.raises(ValueError, match=r"must have the shapes \(n, m\), \(m,\)"):
            hypervolume_history(points, reference)
    with pytest.raises(ValueError, match="`reference` must not be NaN"):
        hypervolume_history(np.zeros((3, 2)), np.array([1.0, np.nan]))
