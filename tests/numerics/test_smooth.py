"""The surface through scattered values."""

import numpy as np
import pytest

from skipjack.numerics.smooth import surface
from skipjack.rng import stream


def scattered(n: int) -> np.ndarray:
    return stream(0, n, "smooth").uniform(2 * n).reshape(2, n)


def test_it_comes_closer_to_a_smooth_function_with_more_values() -> None:
    places = (np.arange(20) + 0.5) / 20
    expected = np.sin(3 * places[None, :]) + places[:, None] ** 2
    errors = []
    for n in (100, 1000, 10_000):
        x, y = scattered(n)
        found = surface(x, y, np.sin(3 * x) + y**2, (20, 20))
        errors.append(np.nanmean(np.abs(found - expected)))
    assert errors[0] > errors[1] > errors[2] and errors[2] < 0.03


def test_it_lies_between_the_values_and_moves_with_them() -> None:
    x, y = scattered(50)
    z = stream(1, 50, "smooth").uniform(50)
    found = surface(x, y, z, (15, 10))
    assert found.shape == (10, 15)
    assert z.min() <= np.nanmin(found) and np.nanmax(found) <= z.max()
    np.testing.assert_allclose(surface(x, y, 5 - 2 * z, (15, 10)), 5 - 2 * found)
    np.testing.assert_allclose(surface(y, x, z, (10, 15)), found.T)


def test_nothing_is_said_far_from_all_values() -> None:
    found = surface(np.full(30, 0.05), np.full(30, 0.05), np.ones(30), (20, 20))
    assert found[1, 1] == pytest.approx(1) and np.isnan(found[-1, -1])
    assert np.isnan(surface(np.zeros(0), np.zeros(0), np.zeros(0), (3, 3))).all()


def test_choices_have_no_neighbours() -> None:
    x = np.array([1 / 6, 0.5, 0.5])
    y = np.array([0.5, 0.5, 0.5])
    found = surface(x, y, np.array([1.0, 2.0, 4.0]), (-3, -1))
    np.testing.assert_array_equal(found, [[1.0, 3.0, np.nan]])
