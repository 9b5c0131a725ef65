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
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

_ROOT_TAU = math.sqrt(2.0 * math.pi)
_FAR = 8  # standard deviations beyond which nothing of a normal distribution is left
_FINE = 2048  # nodes of the tail table per standard deviation
# Single precision, in which exp is several times faster, holds exp(-_SAFE) to exp(_SAFE) and sums
# of them; a sum that is not above _TINY may consist of terms that were raised to -_SAFE.
_SAFE, _TINY = 70.0, 1e-25
_LAST = 1.0 - 2.0**-53
_PART = 2**18  # multiplications in one call, up to which OpenBLAS stays in one thread


class Kernels(NamedTuple):
    """The kernels of one mixture.

    Attributes:
        centres: Shape (m, p); NaN where the observation lacks the parameter.
        widths: Standard deviations, shape (m, p), positive.
        codes: Indices of choices, shape (m, q); -1 where the observation lacks the parameter.
        spread: The probability that each kernel gives to each choice, relative to what it adds
            for its own.
        weights: Shape (m,), positive; they need not sum to 1.
    """

    centres: FloatArray
    widths: FloatArray
    codes: IntArray
    spread: float
    weights: FloatArray


class Fused(NamedTuple):
    """Log densities of kernels, without their weights, as one matrix product; see `fuse`."""

    linear: FloatArray  # (m, 1 + 2 p + all choices), a constant first
    absent: FloatArray  # (m, p): what to take back where a point lacks a numeric parameter


class Features(NamedTuple):
    """Points, as each of s mixtures wants them; see `features`."""

    values: FloatArray  # (s, c, 1 + 2 p + all choices), 1 first
    lacking: FloatArray | None  # (c, p): 1 where a point lacks a parameter; None if none does


class Source(NamedTuple):
    """Kernels to draw from; see `source`."""

    kernels: Kernels
    shape: FloatArray  # (m, 4, p): centres, widths, masses below 0 and between 0 and 1
    missing: BoolArray | None  # (m, p): where observations lack a parameter; None if none does
    stay: FloatArray  # (m, q): the probability beyond the spread of their own choices; or 0


@cache
def _tails() -> FloatArray:
    """Mass of the standard normal distribution beyond 0 ... `_FAR`, in steps of 1 / `_FINE`."""
    halves = np.exp(-0.5 * (np.arange(2 * _FAR * _FINE + 1) / (2 * _FINE)) ** 2)
    steps = halves[:-2:2] + 4.0 * halves[1::2] + halves[2::2]  # Simpson's rule; exact to 1e-14
    table = np.zeros(len(steps) + 1)
    table[:-1] = np.cumsum(steps[::-1])[::-1] / (6.0 * _FINE * _ROOT_TAU)
    return table


@cache
def _quantiles() -> tuple[FloatArray, FloatArray]:
    """Points of the standard normal distribution function, for interpolation: (value, argument)."""
    upper = _tails()[:: _FINE // 64]
    return np.concatenate([upper[:0:-1], 1.0 - upper]), np.linspace(-_FAR, _FAR, 128 * _FAR + 1)


def tail(z: FloatArray) -> FloatArray:
    """Mass of the standard normal distribution beyond `z`, which is at least 0.

    Accuracy: absolute error below 1e-4 (the next of a table's nodes), 0 from 8 on.
    """
    place = z * _FINE
    place += 0.5
    return _tails().take(place.astype(np.intp), mode="clip")


def normal_masses(centres: FloatArray, widths: FloatArray) -> FloatArray:
    """Masses of normal distributions below 0 and between 0 and 1, shape (m, p) to (2, m, p)."""
    ends = np.empty((2, *centres.shape))
    ends[0] = centres
    np.subtract(1.0, centres, out=ends[1])
    ends /= widths
    found = tail(ends)
    inside = found[1]
    inside += found[0]
    np.subtract(1.0, inside, out=inside)
    return found


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
    order = places.argsort(axis=0, kind="stable")  # NaN come last
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


def fuse(
    centres: FloatArray,
    widths: FloatArray,
    codes: IntArray,
    choices: IntArray,
    inside: FloatArray | None = None,
) -> Fused:
    """Prepare kernels so that the log densities at many points are one matrix product.

    -(x - a)² / 2 s² is linear in (x², x), the log probability of a choice in the indicator of the
    kernel's own; what is left of a kernel is a constant. Each kernel's row depends on that kernel
    alone.

    Args:
        centres, widths, codes: See `Kernels`.
        choices: How many choices each categorical parameter has, shape (q,).
        inside: Masses of the normal distributions between 0 and 1, where known, as `centres`.
    """
    m, p = centres.shape
    missing = np.isnan(centres) if np.isnan(centres.sum()) else None
    if missing is not None:
        centres = np.where(missing, 0.5, centres)
    inverse = 1.0 / widths
    inverse *= inverse
    absent = widths * (normal_masses(centres, widths)[1] if inside is None else inside)
    absent *= _ROOT_TAU
    if missing is not None:
        inverse[missing] = 0.0
        absent[missing] = 1.0
    np.log(absent, out=absent)
    owner, own, _ = _each_choice(tuple(choices.tolist()))
    linear = np.empty((m, 1 + 2 * p + len(own)))
    slope = linear[:, 1 + p : 1 + 2 * p]
    middle = centres - 0.5
    np.multiply(inverse, middle, out=slope)
    np.multiply(inverse, -0.5, out=linear[:, 1 : 1 + p])
    middle *= slope
    middle *= 0.5
    absent += middle
    np.negative(absent.sum(axis=1), out=linear[:, 0])
    if len(own):
        np.equal(codes.take(owner, axis=1), own, out=linear[:, 1 + 2 * p :], casting="unsafe")
    return Fused(linear, absent)


class _Each(NamedTuple):
    """All choices of all parameters in a row, shape (K,)."""

    owner: IntArray  # whose each is
    own: IntArray  # which of its choices
    even: FloatArray  # 1 over how many there are


@lru_cache(maxsize=256)
def _each_choice(choices: tuple[int, ...]) -> _Each:
    pairs = [(j, code) for j, k in enumerate(choices) for code in range(k)]
    owner, own = np.array(pairs, np.int64).reshape(-1, 2).T
    return _Each(owner, own, 1.0 / np.array(choices, float)[owner])


def features(
    x: FloatArray, codes: IntArray, choices: IntArray, spreads: Sequence[float]
) -> Features:
    """Prepare points for `log_kernels`.

    Args:
        x: Places, shape (c, p); NaN where the point lacks the parameter, which then counts for
            nothing.
        codes: Indices of choices, shape (c, q); -1 likewise.
        choices: How many choices each categorical parameter has, shape (q,).
        spreads: Of each of s mixtures; see `Kernels`.
    """
    c, p = x.shape
    owner, own, even = _each_choice(tuple(choices.tolist()))
    values = np.empty((len(spreads), c, 1 + 2 * p + len(own)))
    numbers = values[0, :, : 1 + 2 * p]
    numbers[:, 0] = 1.0
    middle = numbers[:, 1 + p :]
    np.subtract(x, 0.5, out=middle)
    lacking = None
    if np.isnan(x.sum()):
        missing = np.isnan(x)
        middle[missing] = 0.0
        lacking = missing.astype(float)
    np.square(middle, out=numbers[:, 1 : 1 + p])
    values[1:, :, : 1 + 2 * p] = numbers
    if len(own):
        chosen = codes.take(owner, axis=1)
        spread = np.array(spreads).reshape(-1, 1, 1)
        other = np.log(spread / (spread + even))
        same = other + np.log1p(1.0 / spread)
        values[:, :, 1 + 2 * p :] = np.where(chosen == own, same, other)
        if codes.min() < 0:
            values[:, :, 1 + 2 * p :][:, chosen < 0] = 0.0
    return Features(values, lacking)


def log_kernels(fused: Fused, points: Features, which: int = 0) -> FloatArray:
    """Log density of each kernel at each point, shape (c, m).

    It is relative to the uniform density, also over choices.

    Args:
        fused: The kernels.
        points: Where.
        which: The mixture that the kernels belong to, among those that `points` was made for.
    """
    terms = _product(points.values[which], fused.linear)
    if points.lacking is not None:
        terms += _product(points.lacking, fused.absent)
    return terms


def _product(a: FloatArray, b: FloatArray) -> FloatArray:
    """`a @ b.T` in parts so small that no library starts threads for them.

    Threads cost more than they bring here, and who runs several studies at once has none to spare.
    """
    size = max(1, _PART // max(1, a.size))
    if len(b) <= size:
        whole: FloatArray = a @ b.T
        return whole
    out = np.empty((len(a), len(b)))
    for start in range(0, len(b), size):
        np.matmul(a, b[start : start + size].T, out=out[:, start : start + size])
    return out


def log_ratio(
    above: Fused, below: Fused, weights: tuple[FloatArray, FloatArray], points: Features
) -> FloatArray:
    """Log of the sum of some kernels over that of others at each point, shape (c,).

    Args:
        above, below: The kernels, at least one of each.
        weights: Theirs.
        points: Where, for the spreads of both.

    Accuracy: absolute error below 1e-5.
    """
    densities, shift = [], 0.0
    for which, fused in enumerate((above, below)):
        terms = log_kernels(fused, points, which)
        excess = max(0.0, float(terms.max()) - _SAFE)
        shift = excess - shift
        terms -= excess
        np.maximum(terms, -_SAFE, out=terms)
        single = terms.astype(np.float32)
        np.exp(single, out=single)
        densities.append(single @ weights[which].astype(np.float32))
    if min(densities[0].min(), densities[1].min()) > _TINY:
        with np.errstate(over="ignore", under="ignore"):
            quotients = densities[0] / densities[1]
        if quotients.min() > _TINY and quotients.max() < 1 / _TINY:
            ratio: FloatArray = np.log(quotients)
            return ratio - shift
    return _log_sum(log_kernels(above, points, 0) + np.log(weights[0])) - _log_sum(
        log_kernels(below, points, 1) + np.log(weights[1])
    )


def _log_sum(terms: FloatArray) -> FloatArray:
    """Log of the sum of exponentials, shape (c, m) to (c,)."""
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

    Accuracy: relative error of a density below 1e-3.

    Cost: O(c m p + (c + m) q).
    """
    centres, widths, own, spread, weights = kernels
    missing = np.isnan(centres)
    centres = np.where(missing, 0.5, centres)
    mass = widths * (_ROOT_TAU * normal_masses(centres, widths)[1])
    factor = np.where(missing, 0.0, weights[:, None] / mass)
    z = _single(x)[:, :, None] - _single(centres)[:, None, :]  # (p, c, m)
    z *= _single(1.0 / widths)[:, None, :]
    np.square(z, out=z)
    z *= np.float32(-0.5)
    np.maximum(z, np.float32(-_SAFE), out=z)
    np.exp(z, out=z)
    numeric = np.matmul(z, _single(factor)[:, :, None])[:, :, 0].T
    stay = 1.0 / (1.0 + choices * spread)  # (q,)
    chosen = stay * (_weights_of(kernels, choices, codes) + spread * weights @ (own >= 0))
    chosen += weights[-1] / choices
    logs: FloatArray = np.log(np.concatenate([numeric, chosen], axis=1))
    return logs


def _single(columns: FloatArray) -> npt.NDArray[np.float32]:
    """Columns as rows of single precision: enough for a sum, and several times faster."""
    return np.ascontiguousarray(columns.T, np.float32)


def _weights_of(kernels: Kernels, choices: IntArray, codes: IntArray) -> FloatArray:
    """How much the kernels weigh that have a choice, shape (c, q), of indices of choices."""
    first = np.cumsum(choices) - choices
    there = kernels.codes >= 0
    held = np.broadcast_to(kernels.weights[:, None], there.shape)[there]
    total = np.bincount((kernels.codes + first)[there], held, int(choices.sum())).astype(float)
    found: FloatArray = total[codes + first]
    return found


def source(kernels: Kernels, choices: IntArray, masses: FloatArray | None = None) -> Source:
    """Prepare kernels for `draw`; `masses` are theirs, where known (see `normal_masses`)."""
    centres, widths = kernels.centres, kernels.widths
    missing = np.isnan(centres) if np.isnan(centres.sum()) else None
    if missing is not None:
        centres = np.where(missing, 0.5, centres)
    shape = np.empty((len(centres), 4, centres.shape[1]))
    shape[:, 0], shape[:, 1] = centres, widths
    found = normal_masses(centres, widths) if masses is None else masses
    shape[:, 2], shape[:, 3] = found
    stay = np.where(kernels.codes >= 0, 1.0 / (1.0 + choices * kernels.spread), 0.0)
    return Source(kernels, shape, missing, stay)


def draw(
    source: Source,
    choices: IntArray,
    which: IntArray,
    u: FloatArray,
) -> tuple[FloatArray, IntArray]:
    """One point from each of the kernels `which`.

    Args:
        source: The kernels to choose from.
        choices: How many choices each categorical parameter has, shape (q,).
        which: Indices of kernels, shape (c,), or (c, p + q): one for each parameter.
        u: Uniform numbers in [0, 1), shape (c, p + q).

    Returns:
        Places in [0, 1), shape (c, p), and indices of choices, shape (c, q).
    """
    p, q = source.shape.shape[2], len(choices)
    missing, own, stay = source.missing, source.kernels.codes, source.stay
    if which.ndim == 1:
        shape = source.shape.take(which, axis=0)
        own, stay = own.take(which, axis=0), stay.take(which, axis=0)
        missing = missing if missing is None else missing.take(which, axis=0)
    else:
        numeric, chosen = (which[:, :p], np.arange(p)), (which[:, p:], np.arange(q))
        shape = source.shape.transpose(0, 2, 1)[numeric].transpose(0, 2, 1)
        own, stay = own[chosen], stay[chosen]
        missing = missing if missing is None else missing[numeric]
    values, arguments = _quantiles()
    x = np.interp(shape[:, 2] + u[:, :p] * shape[:, 3], values, arguments)
    x *= shape[:, 1]
    x += shape[:, 0]
    np.maximum(x, 0.0, out=x)
    np.minimum(x, _LAST, out=x)
    if missing is not None:
        np.copyto(x, u[:, :p], where=missing)
    if not q:
        return x, own
    v = u[:, p:]
    other = ((v - stay) / (1.0 - stay) * choices).astype(np.int64)
    return x, np.where(v < stay, own, np.minimum(other, choices - 1))
