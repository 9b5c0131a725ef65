"""Which of several points are best when there are several objectives, all minimised.

A point dominates another if it is nowhere worse and somewhere better; equal points do not dominate
each other. Points have shape (n, m): n points, m objectives. ±inf are allowed, NaN is not.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

_BLOCK = 256  # points that are compared with each other at once
_CULLERS = 16  # points that are tried first, as they are likely to dominate many


def is_front(points: FloatArray) -> BoolArray:
    """Which points no other one dominates, shape (n,).

    Cost: O(n log n) for two objectives, for three as long as the front in two of them is short;
        O(n f) for more, f the size of the front.
    Source: H. T. Kung, F. Luccio, F. P. Preparata, "On finding the maxima of a set of vectors",
        J. ACM 22 (1975), doi:10.1145/321906.321910 (the sweeps for two and three objectives).
    """
    n, m = points.shape
    if n == 0 or m == 0:
        return np.ones(n, bool)
    if m == 1:
        return np.asarray(points[:, 0] == points[:, 0].min())
    mask = np.zeros(n, bool)
    left = np.arange(n)
    if m > 2 and n > _BLOCK:
        left = _not_culled(points)
        points = points[left]
    order = np.lexsort(points.T[::-1])  # by the first objective, then the second, ...
    ordered = points[order]
    first = np.ones(len(order), bool)  # of equal points
    first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    distinct = ordered[first]
    found = _sweep_2(distinct) if m == 2 else _sweep_3(distinct) if m == 3 else _by_blocks(distinct)
    mask[left[order]] = found[np.cumsum(first) - 1]
    return mask


def _not_culled(points: FloatArray) -> IntArray:
    """Indices of the points that a few good ones do not dominate."""
    places = np.argsort(np.argsort(points, axis=0), axis=0).sum(axis=1)
    left = np.arange(len(points))
    for i in np.argsort(places)[:_CULLERS]:
        kept = points[left]
        left = left[(kept < points[i]).any(axis=1) | (kept == points[i]).all(axis=1)]
    return left


def _sweep_2(points: FloatArray) -> BoolArray:
    """Distinct points in lexicographic order: those below all before them."""
    y = points[:, 1]
    front = np.ones(len(y), bool)
    front[1:] = y[1:] < np.minimum.accumulate(y)[:-1]
    return front


def _sweep_3(points: FloatArray) -> BoolArray:
    """Distinct points in lexicographic order: those that no staircase in (y, z) lies below.

    The staircase is the front in (y, z) of the points so far: y rising, z falling.
    """
    beaten: list[int] = []
    ys: list[float] = []
    zs: list[float] = []  # negated, so that it rises too
    for i, (y, z) in enumerate(zip(points[:, 1].tolist(), (-points[:, 2]).tolist(), strict=True)):
        here = bisect_right(ys, y)
        if here and zs[here - 1] >= z:
            beaten.append(i)
            continue
        first = here - 1 if here and ys[here - 1] == y else here
        last = first
        while last < len(zs) and zs[last] <= z:
            last += 1
        ys[first:last] = [y]
        zs[first:last] = [z]
    front = np.ones(len(points), bool)
    front[beaten] = False
    return front


def _by_blocks(points: FloatArray) -> BoolArray:
    """Distinct points in lexicographic order: those that no point before them dominates."""
    found = np.zeros(len(points), bool)
    front = points[:0]
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        alive = np.ones(len(block), bool)
        for i in range(0, len(front), _BLOCK):
            rivals = front[i : i + _BLOCK]
            alive[alive] = ~(rivals[:, None] <= block[alive][None]).all(axis=2).any(axis=0)
        inside: BoolArray = np.asarray((block[:, None] <= block[None]).all(axis=2))
        np.fill_diagonal(inside, False)
        alive &= ~inside.any(axis=0)
        found[start : start + _BLOCK] = alive
        front = np.concatenate([front, block[alive]])
    return found


def ranks(points: FloatArray) -> IntArray:
    """Non-domination ranks, shape (n,): 0 for the front, 1 for the front of the others, ...

    Cost: O(n log n) for one and two objectives, else O(m n²) in time and memory.
    Source: K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, "A fast and elitist multiobjective genetic
        algorithm: NSGA-II", IEEE TEC 6 (2002), doi:10.1109/4235.996017 (counting who dominates);
        M. T. Jensen, "Reducing the run-time complexity of multiobjective EAs", IEEE TEC 7 (2003),
        doi:10.1109/TEVC.2003.817234 (two objectives).
    """
    n, m = points.shape
    if m == 1:
        dense: IntArray = np.unique(points[:, 0], return_inverse=True)[1].reshape(n)
        return dense
    if m == 2:
        return _ranks_2(points)
    no_worse = np.ones((n, n), bool)
    for y in points.T:
        no_worse &= y[:, None] <= y
    dominates = no_worse & ~no_worse.T
    rank = np.full(n, -1, np.int64)
    above = dominates.sum(axis=0)  # how many points of no rank yet dominate each
    level = 0
    while (front := np.flatnonzero((above == 0) & (rank < 0))).size:
        rank[front] = level
        above -= dominates[front].sum(axis=0)
        level += 1
    return rank


def ranks_with_penalty(points: FloatArray, penalty: FloatArray | None) -> IntArray:
    """As `ranks`, where points may violate constraints, shape (n,).

    Args:
        points: Shape (n, m).
        penalty: How much each point violates its constraints, shape (n,); NaN where that is not
            known. Points without violation come first, by rank; then the others by violation;
            then those of which it is not known, by rank. None: there are no constraints.

    Source: Deb et al. 2002, section VI.
    """
    if penalty is None:
        return ranks(points)
    unknown = np.isnan(penalty)
    groups = (
        (~unknown & (penalty <= 0), points),
        (~unknown & (penalty > 0), penalty[:, None]),
        (unknown, points),
    )
    found, level = np.zeros(len(points), np.int64), 0
    for members, what in groups:
        if members.any():
            found[members] = ranks(what[members]) + level
            level = int(found[members].max()) + 1
    return found


def _ranks_2(points: FloatArray) -> IntArray:
    """Each point in lexicographic order goes to the first front whose lowest y is above its own."""
    rank = np.zeros(len(points), np.int64)
    lowest: list[float] = []  # y of each front, rising
    before: tuple[float, float] | None = None
    level = 0
    order = np.lexsort(points.T[::-1])
    for i, (x, y) in zip(order.tolist(), points[order].tolist(), strict=True):
        if (x, y) != before:
            before = (x, y)
            level = bisect_right(lowest, y)
            lowest[level : level + 1] = [y]
        rank[i] = level
    return rank


def crowding(points: FloatArray, ranks: IntArray) -> FloatArray:
    """How much room each point has among those of its rank, shape (n,).

    The sum over the objectives of the distance between both neighbours, relative to the range of
    all points; inf for those that are extreme in an objective.

    Source: Deb et al. 2002, section III-B (there relative to the range of the front).
    """
    n, m = points.shape
    room = np.zeros(n)
    finite = np.clip(points, -1e300, 1e300)
    for j in range(m):
        order = np.lexsort((finite[:, j], ranks))
        y, rank = finite[order, j], ranks[order]
        gap = np.full(n, np.inf)
        gap[1:-1] = np.where((rank[2:] == rank[:-2]), y[2:] - y[:-2], np.inf)
        span = y.max() - y.min() if n else 0.0
        room[order] += gap / span if span > 0 else np.where(gap == np.inf, np.inf, 0.0)
    return room


@final
class Front:
    """A front that is kept up to date while points come in.

    Attributes:
        points: The front, shape (f, m), in the order of arrival.
        tags: What was given with each point, shape (f,).
    """

    def __init__(self, m: int) -> None:
        """Begin with no points of `m` objectives."""
        self.points: FloatArray = np.zeros((0, m))
        self.tags: IntArray = np.zeros(0, np.int64)

    def add(self, points: FloatArray, tags: IntArray) -> None:
        """Take in points, shape (n, m), with a number each; O(f) for one point."""
        if len(points) == 1 and len(self.points):
            if self._takes(points[0]):
                self.points = np.concatenate([self.points, points])
                self.tags = np.concatenate([self.tags, tags])
            return
        points = np.concatenate([self.points, points])
        tags = np.concatenate([self.tags, tags])
        best = is_front(points)
        self.points, self.tags = points[best], tags[best]

    def _takes(self, point: FloatArray) -> bool:
        """Remove what `point` dominates; False if something dominates it."""
        no_worse = (self.points <= point).all(axis=1)
        if no_worse.any() and (self.points[no_worse] < point).any():
            return False
        beaten = (point <= self.points).all(axis=1) & ~no_worse
        if beaten.any():
            self.points, self.tags = self.points[~beaten], self.tags[~beaten]
        return True
