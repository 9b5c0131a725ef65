"""Parzen estimators: mixtures of one kernel per observation, on the unit cube.

A kernel is a product over the parameters. A numeric one, at a place in [0, 1], has a normal
density cut off at 0 and 1; a categorical one has most of its mass at the observed choice and the
rest spread evenly. Where an observation lacks a parameter, its kernel is uniform there, so that
observations with different parameters stand in one mixture.

Shapes: m kernels, c points, p numeric and q categorical parameters.

Source: J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, "Algorithms for hyper-parameter optimization",
NeurIPS 2011 (adaptive Parzen estimators); S. Watanabe, "Tree-structured Parzen estimator", 2023,
arXiv:2304.11127 (widths, categorical kernels).
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

_ROOT_TAU = math.sqrt(2.0 * math.pi)
_FAR = 6.5  # standard deviations beyond which nothing of a normal distribution is left
_FINE = 2048  # nodes of the tail table per standard deviation
_SAFE, _TINY = 300.0, 1e-150  # so that neither sums nor quotients leave the range of floats
_PART = 2**18  # multiplications in one call, up to which OpenBLAS stays in one thread
_DEEP = 100  # so many densities are multiplied without a number leaving the range of floats


class Kernels(NamedTuple):
    """The kernels of one or several mixtures.

    Attributes:
        centres: Shape (m, p); NaN where the observation lacks the parameter.
        widths: Standard deviations, shape (m, p), positive.
        codes: Indices of choices, shape (m, q); -1 where the observation lacks the parameter.
        spread: The probability that a kernel gives to each choice, relative to what it adds for
            its own, shape (m,).
        weights: Shape (m,), positive; they need not sum to 1.
    """

    centres: FloatArray
    widths: FloatArray
    codes: IntArray
    spread: FloatArray
    weights: FloatArray


class Fused(NamedTuple):
    """Log densities of kernels as one matrix product; see `fuse`."""

    linear: FloatArray  # (m, 2 p + all choices)
    constant: FloatArray  # (m,)
    absent: FloatArray  # (m, p + q): what to take back where a point lacks a parameter
    choices: IntArray  # (q,)


@cache
def _tails() -> FloatArray:
    """Mass of the standard normal distribution beyond 0 ... `_FAR`, in steps of 1 / `_FINE`."""
    root = math.sqrt(0.5)
    nodes = range(int(_FAR * _FINE) + 1)
    table = np.array([0.5 * math.erfc(k * root / _FINE) for k in nodes])
    table[-1] = 0.0
    return table


@cache
def _quantiles() -> tuple[FloatArray, FloatArray]:
    """Points of the standard normal distribution function, for interpolation: (value, argument)."""
    z = np.linspace(-8.0, 8.0, 1025)
    return np.array([0.5 * math.erfc(-x * math.sqrt(0.5)) for x in z.tolist()]), z


def tail(z: FloatArray) -> FloatArray:
    """Mass of the standard normal distribution beyond `z`, which is at least 0.

    Accuracy: absolute error below 1e-4 (the next of a table's nodes), 0 from 6.5 on.
    """
    place = z * _FINE
    place += 0.5
    return _tails().take(place.astype(np.intp), mode="clip")


def _inside(centres: FloatArray, inverse: FloatArray) -> FloatArray:
    """Mass of normal distributions between 0 and 1; `inverse` is 1 over their widths."""
    ends = np.empty((2, *centres.shape))
    np.multiply(centres, inverse, out=ends[0])
    np.subtract(inverse, ends[0], out=ends[1])
    outside = tail(ends)
    inside: FloatArray = 1.0 - outside[0]
    inside -= outside[1]
    return inside


def gap_widths(
    places: FloatArray, floor: FloatArray | float, endpoints: bool = False
) -> FloatArray:
    """Widths by the distance to the farther of both neighbours, parameter by parameter.

    The first and last have one neighbour; with `endpoints` also 0 and 1 are neighbours. A single
    place is as wide as the distance to the farther bound.

    Args:
        places: Shape (m, p), NaN where there is none; these get a width of 1.
        floor: The least width, a number or of shape (p,).
        endpoints: Whether the bounds count as neighbours.

    Returns:
        Widths from `floor` to 1, shape (m, p).

    Cost: O(p m log m).
    """
    m, p = places.shape
    if not m or not p:
        return np.ones((m, p))
    order = np.argsort(places, axis=0, kind="stable")  # NaN come last
    flat = order * p + np.arange(p)
    ordered = places.ravel()[flat]
    gaps = ordered[1:] - ordered[:-1]
    widths = np.full((m, p), np.nan)
    widths[:-1] = gaps
    np.fmax(widths[1:], gaps, out=widths[1:])
    if endpoints:
        last = ((~np.isnan(ordered)).sum(axis=0) - 1, np.arange(p))
        widths[0] = np.fmax(widths[0], ordered[0])
        widths[last] = np.fmax(widths[last], 1.0 - ordered[last])
    if np.isnan(widths.sum()):
        alone = np.maximum(ordered, 1.0 - ordered)
        widths = np.where(np.isnan(widths), np.where(np.isnan(alone), 1.0, alone), widths)
        widths[np.isnan(ordered)] = 1.0
    in_place = np.empty(m * p)
    in_place[flat] = np.minimum(np.maximum(widths, floor), 1.0)
    return in_place.reshape(m, p)


def cell_widths(widths: FloatArray, cells: FloatArray) -> FloatArray:
    """Widths whose normal density, at a cell's centre, is the mean density over the cell.

    A kernel of width s gives a cell of width h around its centre the mass erf(h / (s √8)). Taking
    the density of a somewhat wider kernel instead spares every cell its own integral.

    Args:
        widths: Shape (m, p).
        cells: Widths of the cells, shape (p,) or (m, p); 0 for continuous parameters.

    Accuracy: the density at the centre is right to 2 %; beside it, kernels much narrower than a
        cell give the next cell up to 4 % of their own.
    """
    s, h = widths * widths, cells * cells
    return np.sqrt(s + h / 12.0 + 0.0758 * h * h / (h + 25.0 * s + 1e-300))


def fuse(kernels: Kernels, choices: IntArray, conditional: bool = True) -> Fused:
    """Prepare kernels so that the log densities at many points are one matrix product.

    -(x - a)² / 2 s² is linear in (x², x), the log probability of a choice in its indicator; what
    is left of a kernel is a constant.

    Args:
        kernels: What to prepare.
        choices: How many choices each categorical parameter has, shape (q,).
        conditional: Whether something may be missing, in kernels or in points.
    """
    centres, widths, codes, spread, weights = kernels
    m, p = centres.shape
    linear = np.zeros((m, 2 * p + int(choices.sum())))
    missing = np.isnan(centres) if conditional else None
    if missing is not None:
        centres = np.where(missing, 0.5, centres)
    inverse = 1.0 / widths
    square = inverse * inverse
    if missing is not None:
        square[missing] = 0.0
    middle = centres - 0.5
    np.multiply(square, -0.5, out=linear[:, :p])
    np.multiply(square, middle, out=linear[:, p : 2 * p])
    mass = widths * _inside(centres, inverse)
    mass *= _ROOT_TAU
    if missing is not None:
        mass[missing] = 1.0
    constant = np.log(weights)
    constant -= 0.5 * np.einsum("ij,ij->i", middle, linear[:, p : 2 * p])
    if missing is None and p <= _DEEP:
        constant -= np.log(mass.prod(axis=1))
        back = linear[:, :0]
    else:
        logs = np.log(mass)
        constant -= logs.sum(axis=1)
        back = logs + 0.5 * middle * linear[:, p : 2 * p]
    if len(choices):
        even = _fuse_choices(codes, spread, choices, linear[:, 2 * p :])
        constant += even.sum(axis=1)
        back = np.concatenate([back, -even], axis=1) if conditional else back
    return Fused(linear, constant, back, choices)


def _fuse_choices(
    codes: IntArray, spread: FloatArray, choices: IntArray, linear: FloatArray
) -> FloatArray:
    """Fill in the categorical part of `linear`; returns what is left for the constant, (m, q)."""
    present = codes >= 0
    first = np.cumsum(choices) - choices
    rows, columns = np.nonzero(present)
    linear[rows, (codes + first)[rows, columns]] = np.log((1.0 + spread) / spread)[rows]
    even = spread[:, None] / (1.0 + choices * spread[:, None])
    return np.log(np.where(present, even, 1.0 / choices))


def log_kernels(fused: Fused, x: FloatArray, codes: IntArray) -> FloatArray:
    """Log of weight times density of each kernel at each point, shape (c, m).

    Args:
        fused: The kernels.
        x: Places, shape (c, p); NaN where the point lacks the parameter, which then counts for
            nothing.
        codes: Indices of choices, shape (c, q); -1 likewise.
    """
    c, p = x.shape
    features = np.zeros((c, fused.linear.shape[1]))
    np.subtract(x, 0.5, out=features[:, p : 2 * p])
    if codes.shape[1]:
        first = np.cumsum(fused.choices) - fused.choices + 2 * p
        if codes.min() >= 0:
            features[np.arange(c)[:, None], codes + first] = 1.0
        else:
            rows, columns = np.nonzero(codes >= 0)
            features[rows, (codes + first)[rows, columns]] = 1.0
    lacking = _lacking(x, codes)
    if lacking is not None:
        features[:, p : 2 * p][np.isnan(x)] = 0.0
    np.square(features[:, p : 2 * p], out=features[:, :p])
    terms = _product(features, fused.linear)
    terms += fused.constant
    if lacking is not None:
        terms += lacking @ fused.absent.T
    return terms


def _product(a: FloatArray, b: FloatArray) -> FloatArray:
    """`a @ b.T` in parts so small that no library starts threads for them.

    Threads cost more than they bring here, and who runs several studies at once has none to spare.
    """
    size = max(1, _PART // max(1, a.size))
    out = np.empty((len(a), len(b)))
    for start in range(0, len(b), size):
        np.matmul(a, b[start : start + size].T, out=out[:, start : start + size])
    return out


def _lacking(x: FloatArray, codes: IntArray) -> FloatArray | None:
    """1 where a point lacks a parameter, shape (c, p + q), or None if it lacks none."""
    if not (np.isnan(x.sum()) or (codes.size and codes.min() < 0)):
        return None
    lacking: FloatArray = np.concatenate([np.isnan(x), codes < 0], axis=1).astype(float)
    return lacking


def log_ratio(terms: FloatArray, n: int) -> FloatArray:
    """Log of the sum of the first `n` kernels over the sum of the others; shape (c, m) to (c,).

    Args:
        terms: From `log_kernels`.
        n: How many kernels belong to the numerator.
    """
    ratio: FloatArray
    if terms.max() < _SAFE:
        densities = np.exp(terms)
        above, below = densities[:, :n].sum(axis=1), densities[:, n:].sum(axis=1)
        if min(above.min(), below.min()) > _TINY:
            ratio = np.log(above / below)
            return ratio
    return log_mixture(terms[:, :n]) - log_mixture(terms[:, n:])


def log_mixture(terms: FloatArray) -> FloatArray:
    """Log of the sum of kernels, from `log_kernels`; shape (c, m) to (c,)."""
    top: FloatArray = terms.max(axis=1)
    top += np.log(np.exp(terms - top[:, None]).sum(axis=1))
    return top


def log_marginals(
    kernels: Kernels, choices: IntArray, x: FloatArray, codes: IntArray
) -> FloatArray:
    """Log density of each parameter by itself, shape (c, p + q); not normalised by the weights.

    Kernels that lack a parameter do not count for it, except the last one, the prior.

    Args:
        kernels: Of one mixture.
        choices: How many choices each categorical parameter has, shape (q,).
        x: Places, shape (c, p).
        codes: Indices of choices, shape (c, q).

    Cost: O(c m (p + q)).
    """
    centres, widths, own, spread, weights = kernels
    missing = np.isnan(centres)
    centres = np.where(missing, 0.5, centres)
    inverse = 1.0 / widths
    mass = widths * (_ROOT_TAU * _inside(centres, inverse))
    factor = np.where(missing, 0.0, weights[:, None] / mass)
    z = (x[:, None, :] - centres) * inverse
    numeric = np.einsum("cmp,mp->cp", np.exp(-0.5 * z * z), factor)
    even = spread[:, None] / (1.0 + choices * spread[:, None])  # (m, q)
    same = np.where(own[None] == codes[:, None], 1.0 / (1.0 + choices * spread[:, None]), 0.0)
    there = np.where(own >= 0, weights[:, None], 0.0)
    chosen = np.einsum("cmq,mq->cq", same + even, there) + weights[-1] / choices
    logs: FloatArray = np.log(np.concatenate([numeric, chosen], axis=1))
    return logs


def draw(
    kernels: Kernels,
    choices: IntArray,
    which: IntArray,
    u: FloatArray,
) -> tuple[FloatArray, IntArray]:
    """One point from each of the kernels `which`.

    Args:
        kernels: To choose from.
        choices: How many choices each categorical parameter has, shape (q,).
        which: Indices of kernels, shape (c,), or (c, p + q): one for each parameter.
        u: Uniform numbers in [0, 1), shape (c, p + q).

    Returns:
        Places in [0, 1), shape (c, p), and indices of choices, shape (c, q).
    """
    p, q = kernels.centres.shape[1], kernels.codes.shape[1]
    if which.ndim == 1:
        centres, widths, codes = kernels.centres[which], kernels.widths[which], kernels.codes[which]
        spread = kernels.spread[which, None]
    else:
        mine, theirs = (which[:, :p], np.arange(p)), (which[:, p:], np.arange(q))
        centres, widths, codes = kernels.centres[mine], kernels.widths[mine], kernels.codes[theirs]
        spread = kernels.spread[which[:, p:]]
    missing = np.isnan(centres) if np.isnan(centres.sum()) else None
    if missing is not None:
        centres[missing] = 0.5
    low = tail(centres / widths)
    mass = 1.0 - low - tail((1.0 - centres) / widths)
    values, arguments = _quantiles()
    x = np.interp(low + u[:, :p] * mass, values, arguments)
    x *= widths
    x += centres
    np.minimum(np.maximum(x, 0.0, out=x), _LAST, out=x)
    if missing is not None:
        x[missing] = u[:, :p][missing]
    if not q:
        return x, codes
    return x, _draw_codes(codes, spread, choices, u[:, p:])


_LAST = 1.0 - 2.0**-53


def _draw_codes(own: IntArray, spread: FloatArray, choices: IntArray, u: FloatArray) -> IntArray:
    """The kernels' own choices (-1: none) or any other, by `u`; all of shape (c, q)."""
    stay = np.where(own >= 0, 1.0 / (1.0 + choices * spread), 0.0)
    other = ((u - stay) / (1.0 - stay) * choices).astype(np.int64)
    return np.where(u < stay, own, np.minimum(other, choices - 1))
