"""A quadratic model of the loss that stands in for evaluations while it ranks candidates well.

Shapes: d parameters, n points, best first wherever losses come with them.

Source: N. Hansen, "A global surrogate assisted CMA-ES", GECCO 2019, doi:10.1145/3321707.3321842
(lq-CMA-ES: the three models, their weights and when each is used, the rank correlation that
decides); M. Gharafi, N. Hansen, D. Brockhoff, R. Le Riche, "Rank-based surrogates for CMA-ES",
GECCO 2025 (the same on ranks).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from skipjack.numerics.cma.evolution import FloatArray, IntArray

ENOUGH = 0.85
"""The rank correlation from which a model is trusted."""

_SHARE, _SPARE = 0.75, 1.1
_HEAVY = 20.0
_RIDGE = 1e-10
_SWEEPS = 4


class Model(NamedTuple):
    """A polynomial of white coordinates.

    Attributes:
        centre, white: Coordinates of a point x are (x - centre) @ white.
        kind: 0 linear, 1 with squares, 2 with products.
        coefficients: Of 1, the coordinates, their squares and their products.
        bend: Those of the squares, shape (d,), or with half of those of the products beside them,
            shape (d, d).
    """

    centre: FloatArray
    white: FloatArray
    kind: int
    coefficients: FloatArray
    bend: FloatArray

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, points: FloatArray) -> FloatArray:
        """What it says of points, shape (n, d) to (n,)."""
        z = (points - self.centre) @ self.white
        d = z.shape[1]
        said: FloatArray = z @ self.coefficients[1 : d + 1] + self.coefficients[0]
        if self.kind == 1:
            said += (z * z) @ self.bend
        elif self.kind > 1:
            said += np.einsum("ij,ij->i", z @ self.bend, z)
        return said

    def optimum(self) -> FloatArray:
        """Where on the unit cube it is the least, shape (d,), as far as a simple search finds it.

        Parameters that leave the cube are held at its edge and the others solved for again. Then,
        and where the model is not convex, one after the other is moved to its best place.
        """
        d = len(self.centre)
        gradient, hessian = self.coefficients[1 : d + 1], np.zeros((d, d))
        if self.kind > 0:
            hessian = 2 * (np.diag(self.bend) if self.kind == 1 else self.bend)
        # From here on in places: value = slope x + x' curve x / 2 + constant.
        curve = self.white @ hessian @ self.white.T
        slope = self.white @ gradient - curve @ self.centre
        x, held = np.clip(self.centre, 0.0, 1.0), np.zeros(d, bool)
        for _ in range(d):
            free = ~held
            try:
                np.linalg.cholesky(curve[np.ix_(free, free)])
                right = -slope[free] - curve[np.ix_(free, held)] @ x[held]
                x[free] = np.linalg.solve(curve[np.ix_(free, free)], right)
            except np.linalg.LinAlgError:
                return _one_by_one(curve, slope, np.clip(x, 0.0, 1.0))
            beyond = free & ((x < 0.0) | (x > 1.0))
            x = np.clip(x, 0.0, 1.0)
            held |= beyond
            if held.all() or not beyond.any():
                break
        return _one_by_one(curve, slope, x) if held.any() else x


def _one_by_one(curve: FloatArray, slope: FloatArray, x: FloatArray) -> FloatArray:
    """A local minimum of a quadratic function on the unit cube, by moves along the axes."""
    for _ in range(_SWEEPS):
        for j in range(len(x)):
            pull, bend = float(slope[j] + curve[j] @ x - curve[j, j] * x[j]), float(curve[j, j])
            places = [0.0, 1.0]
            if bend > 0:
                places.append(min(max(-pull / bend, 0.0), 1.0))
            x[j] = min(places, key=lambda at: pull * at + bend * at * at / 2)
    return x


def full_size(d: int) -> int:
    """The number of coefficients of the full model."""
    return d * (d + 3) // 2 + 1


def archive_size(d: int, n: int) -> int:
    """How many points are kept, for a population size of `n`."""
    return max(n, 2 * full_size(d))


def kind(n: int, d: int) -> int:
    """Which model so many points allow: 0 linear, 1 with squares, 2 with products."""
    return sum(_SHARE * n >= _SPARE * size for size in (2 * d + 1, full_size(d)))


@np.errstate(over="ignore", invalid="ignore")  # of losses near the greatest there are
def fitted(points: FloatArray, targets: FloatArray, centre: FloatArray, white: FloatArray) -> Model:
    """The model of the kind that so many points allow; the better ones weigh more.

    Cost: O(n k²) for k coefficients.
    """
    n, d = points.shape
    which = kind(n, d)
    used = min(n, max((d + 1, 2 * d + 1, full_size(d))[which] + 2, int(_SHARE * n)))
    weights = _weights(used)
    features = _features((points[:used] - centre) @ white, which)
    features *= weights[:, None]
    gram = features.T @ features
    size = np.sqrt(np.diagonal(gram)) + 1e-300
    gram /= size
    gram /= size[:, None]
    gram.flat[:: len(gram) + 1] += _RIDGE
    right = features.T @ (weights * targets[:used]) / size
    coefficients = np.linalg.solve(gram, right) / size
    return Model(centre, white, which, coefficients, _bend(coefficients, d, which))


@lru_cache(maxsize=64)
def _weights(n: int) -> FloatArray:
    """Square roots of the weights of `n` points."""
    return np.sqrt(np.linspace(_HEAVY, 1.0, n))


def _bend(coefficients: FloatArray, d: int, kind: int) -> FloatArray:
    """See `Model`."""
    if kind < 2:
        return coefficients[d + 1 :]
    bend = np.diag(coefficients[d + 1 : 2 * d + 1])
    rows, columns = _pairs(d)
    bend[rows, columns] = bend[columns, rows] = coefficients[2 * d + 1 :] / 2
    return bend


@lru_cache(maxsize=64)
def _pairs(d: int) -> tuple[IntArray, IntArray]:
    """The indices of all pairs of `d` parameters, each once."""
    return np.triu_indices(d, 1)


def _features(z: FloatArray, kind: int) -> FloatArray:
    n, d = z.shape
    found = np.empty((n, (d + 1, 2 * d + 1, full_size(d))[kind]))
    found[:, 0] = 1.0
    found[:, 1 : d + 1] = z
    if kind > 0:
        np.multiply(z, z, out=found[:, d + 1 : 2 * d + 1])
    if kind > 1:
        first = 2 * d + 1
        for j in range(d - 1):  # in the order of `_pairs`
            last = first + d - 1 - j
            np.multiply(z[:, j : j + 1], z[:, j + 1 :], out=found[:, first:last])
            first = last
    return found


def first_evaluations(n: int, known: int) -> int:
    """How many candidates of a generation are evaluated before the model is asked."""
    return min(n, 1 + math.floor(max(0.02 * n, 3 / _SHARE - known)))


def more_evaluations(n: int, done: int) -> int:
    """How many in all are evaluated if the model is not good enough after `done`."""
    return min(n, done + math.ceil(done / 2))


def compared(n: int, done: int) -> int:
    """On how many of the latest evaluations the model is judged."""
    return max(15, math.ceil(min(1.2 * done, 0.75 * n)))


def correlation(a: FloatArray, b: FloatArray) -> float:
    """Kendall's rank correlation of two samples (tau-a); 0 of fewer than two numbers."""
    n = len(a)
    if n < 2:
        return 0.0
    above_a, above_b = a[:, None] > a, b[:, None] > b
    agree = np.count_nonzero(above_a & above_b) - np.count_nonzero(above_a & above_b.T)
    return 2.0 * int(agree) / (n * (n - 1))
