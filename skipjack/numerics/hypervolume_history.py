"""How the volume that points dominate grows, while one point after the other comes in."""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np
import numpy.typing as npt

from skipjack.errors import invalid
from skipjack.numerics.hypervolume import FloatArray
from skipjack.numerics.pareto import IntArray
from skipjack.rng import stream

_MOST_BOXES = 2**17  # of which what is not dominated consists; beyond, it is sampled
_DRAWS = 2**17
_BLOCK = 2**12  # points, or draws, that are compared at once


class Growth(NamedTuple):
    """How the volume grows.

    Attributes:
        volumes: What the first, the first two, ... points dominate, shape (n,).
        exact: How many of these are exact; the others are estimates.
    """

    volumes: FloatArray
    exact: int


def hypervolume_history(points: FloatArray, reference: FloatArray) -> FloatArray:
    """The volume that the first, the first two, ... points dominate within the reference.

    Args:
        points: Losses to minimise, shape (n, m), in the order in which they come.
        reference: The worst losses that count, shape (m,).

    Returns:
        Shape (n,), never falling.

    Raises:
        InvalidValueError: If the shapes do not fit, or the reference has NaN.
    """
    return growth(points, reference).volumes


def growth(points: FloatArray, reference: FloatArray) -> Growth:
    """As `hypervolume_history`, and from where on it is estimated.

    Args:
        points: Losses to minimise, shape (n, m), in the order in which they come; a point with NaN,
            or that is nowhere below the reference, adds nothing.
        reference: The worst losses that count, shape (m,).

    Returns:
        The volumes, inf from where a loss is -inf, or if the reference is.

    Raises:
        InvalidValueError: If the shapes do not fit, or the reference has NaN.

    Accuracy: That of summing positive terms, as long as what is not dominated can be divided into
        at most 131,072 boxes: for ten thousands of points of three objectives, about a thousand of
        four, three hundred of five. What comes after that is counted by 131,072 points drawn in
        the boxes that it reaches: an estimate without bias, always the same, whose standard error
        is at most 0.14 % of their volume.
    Cost: About 0.1 ms for a point that adds something, 0.3 ms for four objectives, until it is
        estimated; then 0.05 ms.
    Source: the box decomposition of R. Lacour, K. Klamroth, C. M. Fonseca, "A box decomposition
        algorithm to compute the hypervolume indicator", Computers & OR 79 (2017),
        doi:10.1016/j.cor.2016.06.021, without their order of the boxes.
    """
    if points.ndim != 2 or reference.shape != points.shape[1:] or not len(reference):
        shapes = points.shape, reference.shape
        raise invalid("points, reference", "have the shapes (n, m), (m,)", shapes)
    if np.isnan(reference).any():
        raise invalid("reference", "not be NaN", reference)
    inside = np.flatnonzero((points < reference).all(axis=1))
    added, exact = np.zeros(len(points)), len(points)
    if not len(inside):
        return Growth(added, exact)
    infinite = np.isneginf(points[inside]).any(axis=1) | np.isposinf(reference).any()
    if infinite.any():
        first = int(infinite.argmax())
        added[inside[first]] = np.inf
        inside = inside[:first]
    if len(inside):
        chosen = points[inside]
        unit = reference - chosen.min(axis=0)  # so that no product overflows before its time
        taken, known = _taken((chosen - reference) / unit)
        if known < len(inside):
            exact = int(inside[known])
        with np.errstate(over="ignore", invalid="ignore"):
            added[inside] = np.where(taken > 0, np.prod(unit) * taken, 0.0)
    return Growth(np.cumsum(added), exact)


def _taken(points: FloatArray) -> tuple[FloatArray, int]:
    """What each of n points in [-1, 0) adds, shape (n,); how many of these are exact."""
    rest = _Rest(points.shape[1])
    taken = np.zeros(len(points))
    for i, point in enumerate(points):
        if rest.n > _MOST_BOXES:
            taken[i:] = rest.sampled(points[i:])
            return taken, i
        taken[i] = rest.take(point)
    return taken, len(points)


@final
class _Rest:
    """What points do not dominate of the box [-1, 0]: n boxes that share no volume."""

    def __init__(self, m: int) -> None:
        """Nothing is taken, of m dimensions."""
        self.n = 1
        self._low = np.full((m, 64), -1.0)  # one column for each box
        self._high = np.zeros((m, 64))

    def take(self, point: FloatArray) -> float:
        """Remove what `point`, shape (m,), dominates; the volume of that."""
        n = self.n
        touched = self._high[0, :n] > point[0]
        for high, x in zip(self._high[1:, :n], point[1:].tolist(), strict=True):
            touched &= high > x
        at = np.flatnonzero(touched)
        if not len(at):
            return 0.0
        low, high = self._low[:, at], self._high[:, at]
        lows, highs = [], []
        for j, x in enumerate(point.tolist()):  # the part beside the point, one side at a time
            beside = low[j] < x
            side = high[:, beside]
            side[j] = x
            lows.append(low[:, beside])
            highs.append(side)
            np.maximum(low[j], x, out=low[j])
        taken = float(np.prod(high - low, axis=0).sum())
        self._replace(at, np.concatenate(lows, axis=1), np.concatenate(highs, axis=1))
        return taken

    def _replace(self, at: IntArray, low: FloatArray, high: FloatArray) -> None:
        """Put boxes in the place of those at the columns `at`."""
        n, new = self.n, low.shape[1]
        self.n = last = n + new - len(at)
        if last > self._low.shape[1]:
            more = ((0, 0), (0, last))
            self._low, self._high = np.pad(self._low, more), np.pad(self._high, more)
        free = np.concatenate([at[at < last], np.arange(n, last)])
        if last < n:  # what stands behind the end moves to the front
            kept = np.setdiff1d(np.arange(last, n), at)
            into, free = free[: len(kept)], free[len(kept) :]
            self._low[:, into], self._high[:, into] = self._low[:, kept], self._high[:, kept]
        self._low[:, free], self._high[:, free] = low, high

    def sampled(self, points: FloatArray) -> FloatArray:
        """About what each of k points adds to those before it, shape (k,)."""
        open_ = np.flatnonzero(_first_below(points, self._high[:, : self.n].T) >= 0)
        if not len(open_):
            return np.zeros(len(points))
        low, sides = self._low[:, open_], (self._high - self._low)[:, open_]
        ends = np.cumsum(sides.prod(axis=0))
        drawn = stream(0, len(open_), "hypervolume").uniform(_DRAWS * (1 + len(low)))
        u = drawn.reshape(1 + len(low), _DRAWS)
        share = (np.arange(_DRAWS) + u[0]) / _DRAWS  # one in each of as many equal parts
        box = np.minimum(np.searchsorted(ends, share * ends[-1], "right"), len(open_) - 1)
        first = _first_below(points, (low[:, box] + u[1:] * sides[:, box]).T)
        counts = np.bincount(first[first >= 0], minlength=len(points))
        return np.asarray(counts * (float(ends[-1]) / _DRAWS))


def _first_below(points: FloatArray, draws: FloatArray) -> IntArray:
    """Which of n points is the first below each of k draws in every dimension, shape (k,); or -1.

    For each dimension the points below a draw are a prefix of the points in order; a set of points
    is a row of bits, point i at bit i.
    """
    found = np.full(len(draws), -1)
    for start in range(0, len(points), _BLOCK):
        some = points[start : start + _BLOCK]
        ordered = np.sort(some, axis=0)
        prefixes = [_prefixes(order) for order in np.argsort(some, axis=0, kind="stable").T]
        left = np.flatnonzero(found < 0)
        for part in np.array_split(left, -(-len(left) // _BLOCK)):
            below = np.array(~np.uint64(0))
            for x, values, bits in zip(draws[part].T, ordered.T, prefixes, strict=True):
                below = below & bits[np.searchsorted(values, x)]
            first = _lowest_bit(below)
            found[part] = np.where(first >= 0, start + first, -1)
    return found


def _prefixes(order: IntArray) -> npt.NDArray[np.uint64]:
    """The sets of the first 0, 1, ... of n items, shape (n + 1, words)."""
    bits = np.zeros((len(order) + 1, -(-len(order) // 64)), np.uint64)
    bits[np.arange(1, len(bits)), order // 64] = np.uint64(1) << (order % 64).astype(np.uint64)
    return np.asarray(np.bitwise_or.accumulate(bits, axis=0))


def _lowest_bit(sets: npt.NDArray[np.uint64]) -> IntArray:
    """The lowest item of each set, shape (k, words); -1 where there is none."""
    word = (sets != 0).argmax(axis=1)
    bits = sets[np.arange(len(sets)), word]
    bit = np.frexp((bits & (~bits + np.uint64(1))).astype(float))[1] - 1
    return np.where(bits != 0, 64 * word + bit, -1)
