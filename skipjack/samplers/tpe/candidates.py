"""Points among which the model chooses: draws from the good density, and mixes with the best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skipjack.numerics import parzen
from skipjack.records.space import FloatArray, IntArray
from skipjack.rng import Stream
from skipjack.samplers.tpe.estimate import Good
from skipjack.samplers.tpe.sampler import Recipe


class Points(NamedTuple):
    """Points of p numeric and q categorical parameters; NaN and -1 where one is missing."""

    x: FloatArray  # (c, p)
    codes: IntArray  # (c, q)


def joint(
    good: Good,
    choices: IntArray,
    given: Points | None,
    u: FloatArray,
) -> Points:
    """Draws from the good density, given some coordinates, shape (n, ...).

    Args:
        good: That density.
        choices: How many choices categorical parameters have, shape (q,).
        given: One point, missing where nothing is given; None if nothing is.
        u: Uniform random numbers, shape (n, 1 + p + q).
    """
    total = good.total if given is None else np.cumsum(_likelihood(good.kernels, choices, given))
    which = total.searchsorted(u[:, 0] * total[-1], side="right")
    which = np.minimum(which, len(total) - 1)
    return fixed(Points(*parzen.draw(good.source, choices, which, u[:, 1:])), given)


def _likelihood(good: parzen.Kernels, choices: IntArray, given: Points) -> FloatArray:
    """Weights of kernels once some coordinates are known, shape (m,)."""
    at = parzen.features(given.x, given.codes, choices, (good.spread,))
    fused = parzen.fuse(good.centres, good.widths, good.codes, choices)
    terms = parzen.log_kernels(fused, at)[0] + np.log(good.weights)
    likelihood: FloatArray = np.exp(terms - terms.max())
    return likelihood


def apart(good: Good, choices: IntArray, stream: Stream, n: int) -> Points:
    """Draws in which each parameter comes from a kernel of its own, shape (n, ...)."""
    centres, codes, own = good.kernels.centres, good.kernels.codes, good.kernels.weights
    d = centres.shape[1] + len(choices)
    u = stream.uniform(2 * n * d).reshape(2, n, d)
    there = np.concatenate([~np.isnan(centres), codes >= 0], axis=1)
    there[-1] = True  # the prior
    weights = np.cumsum(np.where(there, own[:, None], 0.0), axis=0)  # (m, p + q)
    which = (weights <= u[0][:, None, :] * weights[-1]).sum(axis=1)
    return Points(*parzen.draw(good.source, choices, np.minimum(which, len(weights) - 1), u[1]))


def mix(points: Points, base: Points, u: FloatArray, complete: bool, recipe: Recipe) -> None:
    """Give the last points the coordinates of `base`, but for some, at least one.

    Args:
        points: Shape (n, ...); the last c of them are changed.
        base: One point, or c points; where it lacks a parameter, nothing is changed.
        u: Uniform random numbers, shape (c, 1 + p + q).
        complete: Whether `base` lacks nothing for sure.
        recipe: How many coordinates are not those of `base`.
    """
    (c, d), p = u[:, 1:].shape, points.x.shape[1]
    if complete:
        stays = u[:, 1:] >= max(recipe.least_anew, recipe.anew * d) / d
        stays[np.arange(c), (u[:, 0] * d).astype(np.intp)] = False
    else:
        there = np.concatenate([~np.isnan(base.x), base.codes >= 0], axis=1)  # (1 or c, p + q)
        some = np.maximum(1, there.sum(axis=1, keepdims=True))
        stays = u[:, 1:] >= np.maximum(recipe.least_anew, recipe.anew * some) / some
        stays &= there
        changed = (u[:, :1] * some).astype(np.intp) + 1  # this one of those that are there
        stays &= there.cumsum(axis=1) != changed
    np.copyto(points.x[-c:], base.x, where=stays[:, :p])
    if base.codes.shape[1]:
        np.copyto(points.codes[-c:], base.codes, where=stays[:, p:])


def fixed(points: Points, given: Points | None) -> Points:
    """The points with the given coordinates."""
    if given is None:
        return points
    x = np.where(np.isnan(given.x), points.x, given.x)
    return Points(x, np.where(given.codes < 0, points.codes, given.codes))
