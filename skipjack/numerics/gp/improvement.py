"""How much better a point is likely to be, in logarithms, with derivatives.

Source: S. Ament, S. Daulton, D. Eriksson, M. Balandat, E. Bakshy, "Unexpected improvements to
expected improvement for Bayesian optimization", NeurIPS 2023, arXiv:2310.20708 (the stable
logarithm); K. Yang, M. Emmerich, A. Deutz, T. Bäck, "Efficient computation of expected hypervolume
improvement", J. Glob. Optim. 75 (2019), doi:10.1007/s10898-019-00798-7 (sums over boxes).
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

from skipjack import _optional
from skipjack.numerics.gp.kernel import FloatArray, IntArray

special = _optional.lazy("scipy.special")

_LOG_ROOT_TAU = 0.5 * math.log(2.0 * math.pi)
_ROOT_HALF = math.sqrt(0.5)
_ROOT_HALF_PI = math.sqrt(0.5 * math.pi)
_FAR = -1e5  # below which one term of the series is enough
_LEAST = 1e-300
_HIGH = 25.0  # beyond which h(z) is z


class Gain(NamedTuple):
    """The log of something at c points, and its derivatives.

    Attributes:
        log: Shape (c,).
        by_means: Shape (c, S).
        by_variance: Shape (c,).
    """

    log: FloatArray
    by_means: FloatArray
    by_variance: FloatArray


def log_h(z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log of h(z) = φ(z) + z Φ(z), and Φ / h and φ / h; any shape.

    h(z) is the mean of max(0, z + e), e standard normal.

    Accuracy: 1e-10 relative for all finite z.
    """
    below = np.minimum(z, _HIGH)
    ratio = _ROOT_HALF_PI * special.erfcx(-_ROOT_HALF * below)  # Φ / φ
    rest = 1.0 + below * ratio  # h / φ, which cancels more and more as z falls
    square = np.square(below)
    least = float(below.min(initial=0.0))
    if least < -100.0:
        large = np.maximum(square, 1e4)
        series = (1.0 - (3.0 - 15.0 / large) / large) / large
        rest = np.where(below < -100.0, series, rest)
    log, mass, density = np.log(rest), ratio / rest, 1.0 / rest
    log -= 0.5 * square + _LOG_ROOT_TAU
    high = z > _HIGH
    if high.any():  # h is z
        log = np.where(high, np.log(np.maximum(z, 1.0)), log)
        mass = np.where(high, 1.0 / np.maximum(z, 1.0), mass)
    return log, mass, density


def log_improvement(means: FloatArray, variance: FloatArray, best: FloatArray) -> Gain:
    """Log of the expected improvement over `best`, averaged over the versions.

    Args:
        means: Shape (c, S).
        variance: Shape (c,).
        best: Of each version, shape (S,).
    """
    sigma = np.sqrt(variance)[:, None]
    log, mass, density = log_h((best - means) / sigma)
    log += np.log(sigma)
    if len(best) == 1:
        return Gain(log[:, 0], -mass / sigma, 0.5 * density[:, 0] / variance)
    top = log.max(axis=1, keepdims=True)
    share = np.exp(log - top)
    total = share.sum(axis=1, keepdims=True)
    share /= total
    mean = (top + np.log(total / means.shape[1]))[:, 0]
    by_sigma = (share * density).sum(axis=1) / sigma[:, 0]
    return Gain(mean, -share * mass / sigma, 0.5 * by_sigma / sigma[:, 0])


def log_chance(means: FloatArray, variance: FloatArray, limit: float = 0.0) -> Gain:
    """Log of the probability to be at most `limit`; of one version.

    Args:
        means: Shape (c, 1).
        variance: Shape (c,).
        limit: The limit.
    """
    sigma = np.sqrt(variance)
    z = (limit - means[:, 0]) / sigma
    log = special.log_ndtr(z)
    rate = np.exp(-0.5 * np.square(z) - _LOG_ROOT_TAU - log)
    rate = np.where(z < _FAR, -z, rate)
    return Gain(log, (-rate / sigma)[:, None], -0.5 * rate * z / variance)


class Boxes(NamedTuple):
    """Boxes that make up what is not dominated, each a product of one side per objective.

    Attributes:
        levels: Where sides end, of each of the m objectives, shape (l,).
        lower, upper: Indices of the levels at which each side ends, shape (s,); -1 for no end.
        sides: Which side each box has, shape (m, b).
    """

    levels: list[FloatArray]
    lower: list[IntArray]
    upper: list[IntArray]
    sides: IntArray


def log_volume(
    means: FloatArray, variances: FloatArray, among: Boxes
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log of the expected growth of the dominated volume, for m independent objectives.

    Args:
        means: Shape (c, m).
        variances: Shape (c, m).
        among: What is not dominated yet.

    Returns:
        Shape (c,), and the derivatives over means and variances, shape (c, m) each.
    """
    total: FloatArray | float = 0.0
    slopes = []
    for k, which in enumerate(among.sides):
        ends = among.levels[k], among.lower[k], among.upper[k]
        log, by_mean, by_variance = _log_side(means[:, k, None], variances[:, k, None], *ends)
        total = total + log[:, which]
        slopes.append((by_mean, by_variance))
    assert isinstance(total, np.ndarray)
    top = total.max(axis=1, keepdims=True)
    share = np.exp(total - top)
    summed = share.sum(axis=1, keepdims=True)
    share /= summed
    by_means, by_variances = np.empty(means.shape), np.empty(means.shape)
    for k, (which, (by_mean, by_variance)) in enumerate(zip(among.sides, slopes)):
        by_means[:, k] = np.einsum("ij,ij->i", share, by_mean[:, which])
        by_variances[:, k] = np.einsum("ij,ij->i", share, by_variance[:, which])
    return (top + np.log(summed))[:, 0], by_means, by_variances


def _log_side(
    mean: FloatArray,
    variance: FloatArray,
    levels: FloatArray,
    lower: IntArray,
    upper: IntArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log of the mean of what one objective cuts off between two ends, with derivatives.

    Shapes (c, 1) and (s,) to (c, s).
    """
    sigma = np.sqrt(variance)
    logs, masses, densities = log_h((levels - mean) / sigma)
    log, ended = logs[:, upper], lower >= 0
    gap = np.where(ended, np.minimum(logs[:, lower] - log, 0.0), -np.inf)
    inside = np.exp(gap)
    side = np.maximum(-np.expm1(gap), _LEAST)
    mass = (masses[:, upper] - inside * masses[:, lower]) / side
    density = (densities[:, upper] - inside * densities[:, lower]) / side
    return log + np.log(side) + np.log(sigma), -mass / sigma, 0.5 * density / variance


def boxes(front: FloatArray, reference: FloatArray) -> Boxes:
    """Boxes that make up what no point of a front dominates, below a reference point.

    Args:
        front: Points of which none dominates another, shape (f, m).
        reference: Shape (m,), above the front.
    """
    lower, upper = corners(front, reference)
    parts = []
    for ends in zip(lower.T, upper.T, strict=True):
        levels = np.unique(np.concatenate(ends))
        levels = levels[np.isfinite(levels)]
        at = np.stack([np.searchsorted(levels, end) for end in ends], axis=1)
        at[~np.isfinite(ends[0]), 0] = -1
        kinds, which = np.unique(at, axis=0, return_inverse=True)
        parts.append((levels, kinds[:, 0], kinds[:, 1], which.ravel()))
    all_levels, all_lower, all_upper, sides = zip(*parts, strict=True)
    return Boxes([*all_levels], [*all_lower], [*all_upper], np.stack(sides))


def corners(front: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Corners of the boxes of `boxes`.

    Args:
        front: Points of which none dominates another, shape (f, m).
        reference: Shape (m,), above the front.

    Returns:
        Lower and upper corners, shape (b, m) each.

    Cost: f + 1 boxes for two objectives, O(f^(m - 1)) for m.
    """
    m = len(reference)
    if m == 1:
        top = min([reference[0], *front[:, 0].tolist()])
        return np.array([[-np.inf]]), np.array([[top]])
    order = np.argsort(front[:, -1], kind="stable")
    front = front[order]
    ends = [-np.inf, *front[:, -1].tolist(), float(reference[-1])]
    if m == 2:
        steps = np.minimum.accumulate([reference[0], *np.minimum(front[:, 0], reference[0])])
        ends = np.minimum(ends, reference[1])
        floors = np.stack([np.full(len(steps), -np.inf), ends[:-1]], axis=1)
        tops = np.stack([steps, ends[1:]], axis=1)
        full = ends[1:] > ends[:-1]
        return floors[full], tops[full]
    lower, upper = [], []
    for k, (low, high) in enumerate(itertools.pairwise(ends)):
        if high > low:  # where the first k points are worse in the last objective
            inner_low, inner_high = corners(front[:k, :-1], reference[:-1])
            lower.append(np.pad(inner_low, ((0, 0), (0, 1)), constant_values=low))
            upper.append(np.pad(inner_high, ((0, 0), (0, 1)), constant_values=high))
    return np.concatenate(lower), np.concatenate(upper)
