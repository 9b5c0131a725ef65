"""Children from parents, many at once: parents have shape (b, p, d), children (b, d).

b children have p parents of d genes each. The first parent is the one that a child would be
without crossover. Bounds have shape (d, 2); a child may lie outside where that is said. `rng` is
what numbers are drawn from; as many as the shape says, whatever the parents are.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]

_TINY = 1e-10  # parents that are closer, relative to the bounds, have no spread


def uniform(parents: FloatArray, rng: np.random.RandomState, swapping_prob: float) -> FloatArray:
    """Each gene from the second of two parents with `swapping_prob`, else from the first.

    Source: G. Syswerda, "Uniform crossover in genetic algorithms", ICGA 1989.
    """
    swap = rng.random_sample(parents[:, 0].shape) < swapping_prob
    return np.asarray(np.where(swap, parents[:, 1], parents[:, 0]))


def blend(parents: FloatArray, rng: np.random.RandomState, alpha: float) -> FloatArray:
    """Each gene uniformly between those of two parents, and `alpha` of their distance beyond.

    The child may lie outside the bounds.

    Source: L. J. Eshelman, J. D. Schaffer, "Real-coded genetic algorithms and interval-schemata",
        FOGA 1993, doi:10.1016/B978-0-08-094832-4.50018-0 (BLX-α).
    """
    low, high = parents[:, :2].min(axis=1), parents[:, :2].max(axis=1)
    beyond = alpha * (high - low)
    u = rng.random_sample(low.shape)
    return np.asarray(low - beyond + u * (high - low + 2.0 * beyond))


def simplex(parents: FloatArray, rng: np.random.RandomState, epsilon: float) -> FloatArray:
    """Uniformly from the simplex of the parents, `epsilon` times as large, about their mean.

    The child may lie outside the bounds.

    Source: S. Tsutsui, M. Yamamura, T. Higuchi, "Multi-parent recombination with simplex crossover
        in real coded genetic algorithms", GECCO 1999.
    """
    mean = parents.mean(axis=1, keepdims=True)
    corners = mean + epsilon * (parents - mean)
    n = parents.shape[1] - 1
    shares = rng.random_sample((len(parents), n)) ** (1.0 / np.arange(1, n + 1))
    away = np.zeros_like(parents[:, 0])
    for k in range(1, n + 1):
        away = shares[:, k - 1, None] * (corners[:, k - 1] - corners[:, k] + away)
    return np.asarray(corners[:, n] + away)


def normal(
    parents: FloatArray, rng: np.random.RandomState, sigma_xi: float, sigma_eta: float
) -> FloatArray:
    """Normally distributed about the middle of two parents, as far aside as the third one is.

    Along the line of the two the deviation is `sigma_xi` of their distance; across it, in every
    direction, `sigma_eta` of the distance of the third from the line. The child may lie outside
    the bounds.

    Source: I. Ono, S. Kobayashi, "A real-coded genetic algorithm for function optimization using
        unimodal normal distribution crossover", ICGA 1997 (UNDX).
    """
    first, second, third = parents[:, 0], parents[:, 1], parents[:, 2]
    along = first - second
    length = np.linalg.norm(along, axis=1, keepdims=True)
    unit = along / np.where(length > 0.0, length, 1.0)
    aside = _across(third - first, unit)
    z = rng.standard_normal((len(parents), parents.shape[2] + 1))
    distance = np.linalg.norm(aside, axis=1, keepdims=True)
    middle = (first + second) / 2.0
    across = sigma_eta * distance * _across(z[:, 1:], unit)
    return np.asarray(middle + sigma_xi * z[:, :1] * along + across)


def _across(vectors: FloatArray, unit: FloatArray) -> FloatArray:
    """Vectors without their part along unit vectors, shape (b, d)."""
    return np.asarray(vectors - (vectors * unit).sum(axis=1, keepdims=True) * unit)


def simulated_binary(
    parents: FloatArray, rng: np.random.RandomState, bounds: FloatArray, eta: float
) -> tuple[FloatArray, FloatArray]:
    """Two children that lie about two parents as those of binary strings do; within the bounds.

    Source: K. Deb, R. B. Agrawal, "Simulated binary crossover for continuous search space",
        Complex Systems 9 (1995); for bounds K. Deb, H. Beyer, "Self-adaptive genetic algorithms
        with simulated binary crossover", Evolutionary Computation 9 (2001), section 2.
    """
    first, second = parents[:, 0], parents[:, 1]
    low, high = np.minimum(first, second), np.maximum(first, second)
    room = np.minimum(low - bounds[:, 0], bounds[:, 1] - high)
    gap = high - low
    apart = gap > _TINY * (bounds[:, 1] - bounds[:, 0])
    power = 1.0 / (eta + 1.0)
    nearest = 1.0 + 2.0 * np.maximum(room, 0.0) / np.where(apart, gap, 1.0)
    within = 2.0 - nearest ** -(eta + 1.0)
    u = rng.random_sample(low.shape) * within
    spread = np.where(u <= 1.0, u, 1.0 / np.maximum(2.0 - u, 1e-300)) ** power
    half, middle = np.where(apart, 0.5 * spread * gap, 0.5 * gap), 0.5 * (low + high)
    below, above = middle - half, middle + half
    is_low = first <= second
    return np.where(is_low, below, above), np.where(is_low, above, below)


def everywhere_binary(
    parents: FloatArray, rng: np.random.RandomState, eta: float
) -> tuple[FloatArray, FloatArray]:
    """Two children, as of `simulated_binary`, that can lie anywhere, also outside the bounds.

    Source: P. J. Ballester, J. N. Carter, "Real-parameter genetic algorithms for finding multiple
        optimal solutions in multi-modal optimization", GECCO 2003, doi:10.1007/3-540-45105-6_86
        (vSBX).
    """
    first, second = parents[:, 0], parents[:, 1]
    u = rng.random_sample(first.shape)
    near = u <= 0.5
    spread = np.where(near, 2.0 * u, 0.5 / np.maximum(1.0 - u, 1e-300)) ** (1.0 / (eta + 1.0))
    step = 0.5 * (1.0 - spread) * (first - second)
    about = np.where(near, first, second)
    return np.asarray(about - np.where(near, step, -step)), np.asarray(
        about + np.where(near, step, -step)
    )


def one_of(
    children: tuple[FloatArray, FloatArray],
    parents: FloatArray,
    rng: np.random.RandomState,
    swapping_prob: float,
    child_prob: float,
) -> FloatArray:
    """One child of two: genes are swapped with `swapping_prob`, either result is as likely.

    Genes stay those of the parent with 1 - `child_prob`.
    """
    shape = parents[:, 0].shape
    keep = rng.random_sample(shape) >= child_prob
    one, other = (np.where(keep, parents[:, i], made) for i, made in enumerate(children))
    swap = rng.random_sample(shape) < swapping_prob
    swap ^= rng.random_sample((shape[0], 1)) < 0.5
    return np.asarray(np.where(swap, other, one))
