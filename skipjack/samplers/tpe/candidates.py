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

    def parted(self, n: int) -> tuple[Points, Points]:
        """The first `n` points, and the others."""
        return Points(self.x[:n], self.codes[:n]), Points(self.x[n:], self.codes[n:])


def joint(
    good: parzen.Kernels,
    choices: IntArray,
    given: Points | None,
    stream: Stream,
    n: int,
) -> Points:
    """Draws from the good density, given some coordinates, shape (n, ...).

    Args:
        good: Its kernels.
        choices: How many choices categorical parameters have, shape (q,).
        given: One point, missing where nothing is given; None if nothing is.
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


def _likelihood(good: parzen.Kernels, choices: IntArray, given: Points | None) -> FloatArray:
    """Weights of kernels once some coordinates are known, shape (m,)."""
    if given is None:
        return good.weights
    terms = parzen.log_kernels(parzen.fuse(good, choices), given.x, given.codes)[0]
    likelihood: FloatArray = np.exp(terms - terms.max())
    return likelihood


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
        base: One point, or one for each of `fresh`; where it lacks a parameter, the fresh
            coordinate is taken.
        stream: The trial's random numbers.
    """
    c, p = fresh.x.shape
    there = np.concatenate([~np.isnan(base.x), base.codes >= 0], axis=1)  # (1 or c, p + q)
    d = np.maximum(1, there.sum(axis=1, keepdims=True))
    u = stream.uniform(c * (1 + there.shape[1]))
    change = u[c:].reshape(c, -1) < np.maximum(_LEAST, _SHARE * d) / d
    forced = (u[:c, None] * d).astype(np.intp)  # this one of those that are there
    change |= there & (there.cumsum(axis=1) == forced + 1)
    x = np.where(change[:, :p] | np.isnan(base.x), fresh.x, base.x)
    codes = np.where(change[:, p:] | (base.codes < 0), fresh.codes, base.codes)
    return Points(x, codes)


def fixed(points: Points, given: Points | None) -> Points:
    """The points with the given coordinates."""
    if given is None:
        return points
    x = np.where(np.isnan(given.x), points.x, given.x)
    return Points(x, np.where(given.codes < 0, points.codes, given.codes))


def stack(*parts: Points) -> Points:
    """All points below each other."""
    return Points(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def half(n: int) -> int:
    """How many of `n` candidates are mixes."""
    return math.floor(n / 2)
