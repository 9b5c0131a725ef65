"""Sobol' and Halton points are as even as they are said to be."""

import numpy as np
import pytest
from scipy.stats import qmc as scipy_qmc

from skipjack.numerics.qmc import FloatArray, Halton, Sobol, primitive_polynomials


def points(engine: Sobol | Halton, n: int, d: int, first: int = 0) -> FloatArray:
    return np.array([engine.point(i, d) for i in range(first, first + n)])


@pytest.mark.parametrize("seed", [None, 0, 1])
@pytest.mark.parametrize("d", [1, 2, 13, 70, 200])
def test_of_every_power_of_two_points_each_interval_has_one(seed: int | None, d: int) -> None:
    engine = Sobol(seed)
    for n, first in ((2, 0), (64, 0), (64, 64), (16, 1024)):
        cells = np.floor(points(engine, n, d, first) * n).astype(int)
        assert (np.sort(cells, axis=0) == np.arange(n)[:, None]).all()


@pytest.mark.parametrize("seed", [None, 5])
def test_the_first_two_dimensions_are_a_perfect_net(seed: int | None) -> None:
    drawn = points(Sobol(seed), 64, 2)
    for k in range(7):  # boxes of 2^k by 2^(6 - k)
        cells = np.floor(drawn * [2**k, 2 ** (6 - k)]).astype(int)
        assert len({tuple(cell) for cell in cells.tolist()}) == 64


@pytest.mark.parametrize("d", [3, 8, 20])
def test_points_are_as_even_as_those_of_scipy_and_more_so_than_chance(d: int) -> None:
    n = 256
    chance = scipy_qmc.discrepancy(np.random.default_rng(0).random((n, d)))
    for ours in (Sobol(), Sobol(1), Halton(1)):
        assert scipy_qmc.discrepancy(points(ours, n, d)) < 0.8 * chance
    plain = scipy_qmc.discrepancy(scipy_qmc.Sobol(d, scramble=False).random(n))
    assert scipy_qmc.discrepancy(points(Sobol(), n, d)) < 1.25 * plain
    halton = scipy_qmc.Halton(d, scramble=False).random(n)
    assert np.allclose(points(Halton(), n, d), halton)


def test_plain_points_are_known() -> None:
    assert points(Sobol(), 4, 2).tolist() == [[0.0, 0.0], [0.5, 0.5], [0.25, 0.75], [0.75, 0.25]]
    halton = points(Halton(), 4, 2)
    assert np.allclose(halton, [[0, 0], [1 / 2, 1 / 3], [1 / 4, 2 / 3], [3 / 4, 1 / 9]])


@pytest.mark.parametrize("kind", [Sobol, Halton])
def test_a_point_depends_on_its_index_alone(kind: type[Sobol] | type[Halton]) -> None:
    seen, fresh = kind(3), kind(3)
    points(seen, 40, 5)
    far = seen.point(2**40 + 12345, 5)
    assert (far == fresh.point(2**40 + 12345, 30)[:5]).all()
    assert (far != kind(4).point(2**40 + 12345, 5)).all()
    assert ((far >= 0.0) & (far < 1.0)).all()


def test_halton_points_fill_every_interval_of_their_bases() -> None:
    for seed in (None, 2):
        drawn = points(Halton(seed), 225, 3)
        for j, (base, power) in enumerate([(2, 5), (3, 4), (5, 3)]):
            cells = base**power
            n = 225 // cells * cells
            counts = np.bincount((drawn[:n, j] * cells + 1e-9).astype(int), minlength=cells)
            assert set(counts.tolist()) == {n // cells}


def test_primitive_polynomials_are_those_that_are_known() -> None:
    assert list(primitive_polynomials(10)) == [3, 7, 11, 13, 19, 25, 37, 41, 47, 55]
    degrees = [p.bit_length() - 1 for p in primitive_polynomials(52)]
    assert [degrees.count(s) for s in range(1, 9)] == [1, 1, 2, 2, 6, 6, 18, 16]
