"""Points among which the model chooses: draws from the good density, and mixes with the best."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skipjack.numerics import parzen
from skipjack.records.space import FloatArray, IntArray
from skipjack.rng import Stream

_SHARE = 0.3  # of the parameters are drawn anew in a mix, on average,
_LEAST = 2.0  # but at least so many


class Points(NamedTuple):
    """Points of p numeric and q categorical parameters; NaN and -1 where one is missing."""

    x: FloatArray  # (c, p)
    codes: IntArray  # (c, q)

    def apart(self, n: int) -> tuple[Points, Points]:
        """The first `n` points, and the others."""
        return Points(self.x[:n], self.codes[:n]), Points(self.x[n:], self.codes[n:])


def joint(
    good: parzen.Kernels,
    choices: IntArray,
    given: Points,
    stream: Stream,
    n: int,
) -> Points:
    """Draws from the good density, given some coordinates, shape (n, ...).

    Args:
        good: Its kernels.
        choices: How many choices categorical parameters have, shape (q,).
        given: One point, missing where nothing is given.
        stream: The trial's random numbers.
        n: How many.
    """
    p, q = good.centres.shape[1], len(choices)
    u = stream.uniform(n * (1 + p + q))
    weights = np.cumsum(_likelihood(good, choices, given))
    which = np.searchsorted(weights, u[:n] * weights[-1], side="right")
    which = np.minimum(which, len(weights) - 1)
    x, codes = parzen.draw(good, choices, which, u[n:].reshape(n, p + q))
    return fixed(Points(x, codes), given)


def _likelihood(good: parzen.Kernels, choices: IntArray, given: Points) -> FloatArray:
    """Weights of kernels once some coordinates are known, shape (m,)."""
    if np.isnan(given.x).all() and (given.codes < 0).all():
        return good.weights
    terms = parzen.log_kernels(parzen.fuse(good, choices), given.x, given.codes)[0]
    return np.exp(terms - terms.max())


def apart(good: parzen.Kernels, choices: IntArray, stream: Stream, n: int) -> Points:
    """Draws in which each parameter comes from a kernel of its own, shape (n, ...)."""
    p, q = good.centres.shape[1], len(choices)
    u = stream.uniform(2 * n * (p + q)).reshape(2, n, p + q)
    there = np.concatenate([~np.isnan(good.centres), good.codes >= 0], axis=1)
    there[-1] = True  # the prior
    weights = np.cumsum(np.where(there, good.weights[:, None], 0.0), axis=0)  # (m, p + q)
    which = (weights <= u[0][:, None, :] * weights[-1]).sum(axis=1)
    x, codes = parzen.draw(good, choices, np.minimum(which, len(weights) - 1), u[1])
    return Points(x, codes)


def mix(fresh: Points, base: Points, stream: Stream) -> Points:
    """The point `base` with some coordinates, at least one, taken from `fresh`.

    Args:
        fresh: Shape (c, ...).
        base: One point; where it lacks a parameter, the fresh coordinate is taken.
        stream: The trial's random numbers.
    """
    c, p = fresh.x.shape
    d = p + fresh.codes.shape[1]
    u = stream.uniform(c * (d + 1))
    change = u[c:].reshape(c, d) < max(_LEAST, _SHARE * d) / d
    change[np.arange(c), (u[:c] * d).astype(np.intp)] = True
    x = np.where(change[:, :p] | np.isnan(base.x), fresh.x, base.x)
    codes = np.where(change[:, p:] | (base.codes < 0), fresh.codes, base.codes)
    return Points(x, codes)


def fixed(points: Points, given: Points) -> Points:
    """The points with the given coordinates."""
    there = ~np.isnan(given.x)
    if there.any():
        points = points._replace(x=np.where(there, given.x, points.x))
    if (given.codes >= 0).any():
        points = points._replace(codes=np.where(given.codes >= 0, given.codes, points.codes))
    return points


def stack(*parts: Points) -> Points:
    """All points below each other."""
    return Points(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def half(n: int) -> int:
    """How many of `n` candidates are mixes."""
    return math.floor(n / 2)
