"""How the volume that points dominate grows, while one point after the other comes in."""

from __future__ import annotations

from typing import final

import numpy as np

from skipjack.errors import invalid
from skipjack.numerics.hypervolume import FloatArray
from skipjack.numerics.pareto import IntArray
from skipjack.rng import stream

_MOST_BOXES = 2**17  # of which what is not dominated consists; beyond, it is sampled
_DRAWS = 2**15


def hypervolume_history(points: FloatArray, reference: FloatArray) -> FloatArray:
    """The volume that the first, the first two, ... points dominate within the reference.

    Args:
        points: Losses to minimise, shape (n, m), in the order in which they come; a point with NaN,
            or that is nowhere below the reference, adds nothing.
        reference: The worst losses that count, shape (m,).

    Returns:
        Shape (n,), never falling; inf from where a loss is -inf, or if the reference is.

    Raises:
        InvalidValueError: If the shapes do not fit, or the reference has NaN.

    Accuracy: That of summing positive terms, as long as what is not dominated can be divided into
        at most 131,072 boxes: for thousands of points of three objectives, above a thousand of
        four, three hundred of five. What comes after that is counted by 32,768 points drawn in
        the boxes: an estimate without bias, always the same.
    Cost: About 0.1 ms for a point that adds something, 0.3 ms for four objectives.
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
    added = np.zeros(len(points))
    if not len(inside):
        return added
    infinite = np.isneginf(points[inside]).any(axis=1) | np.isposinf(reference).any()
    if infinite.any():
        first = int(infinite.argmax())
        added[inside[first]] = np.inf
        inside = inside[:first]
    if len(inside):
        chosen = points[inside]
        unit = reference - chosen.min(axis=0)  # so that no product overflows before its time
        rest = _Rest((chosen - reference) / unit)
        with np.errstate(over="ignore"):
            size = float(np.prod(unit))
            added[inside] = [size * rest.take(point) for point in (chosen - reference) / unit]
    return np.cumsum(added)


@final
class _Rest:
    """What points do not dominate of the box [-1, 0]: boxes that share no volume, or a sample."""

    def __init__(self, points: FloatArray) -> None:
        """Nothing is taken; `points`, shape (n, m), are all that will come."""
        m = points.shape[1]
        self._n = 1
        self._low = np.full((m, 64), -1.0)  # one column for each box
        self._high = np.zeros((m, 64))
        self._sample: FloatArray | None = None  # shape (m, draws left)
        self._each = 0.0  # the volume that one of them stands for

    def take(self, point: FloatArray) -> float:
        """Remove what `point`, shape (m,), dominates; the volume of that."""
        if self._sample is not None:
            left = np.asarray((self._sample < point[:, None]).any(axis=0))
            taken = self._each * float(np.count_nonzero(~left))
            self._sample = self._sample[:, left]
            return taken
        n = self._n
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
        if self._n > _MOST_BOXES:
            self._draw()
        return taken

    def _replace(self, at: IntArray, low: FloatArray, high: FloatArray) -> None:
        """Put boxes in the place of those at the columns `at`."""
        n, new = self._n, low.shape[1]
        self._n = last = n + new - len(at)
        if last > self._low.shape[1]:
            more = ((0, 0), (0, last))
            self._low, self._high = np.pad(self._low, more), np.pad(self._high, more)
        free = np.concatenate([at[at < last], np.arange(n, last)])
        if last < n:  # what stands behind the end moves to the front
            kept = np.setdiff1d(np.arange(last, n), at)
            into, free = free[: len(kept)], free[len(kept) :]
            self._low[:, into], self._high[:, into] = self._low[:, kept], self._high[:, kept]
        self._low[:, free], self._high[:, free] = low, high

    def _draw(self) -> None:
        """Keep only points drawn evenly from the boxes."""
        low, sides = self._low[:, : self._n], (self._high - self._low)[:, : self._n]
        ends = np.cumsum(sides.prod(axis=0))
        drawn = stream(0, self._n, "hypervolume").uniform(_DRAWS * (1 + len(low)))
        u = drawn.reshape(1 + len(low), _DRAWS)
        box = np.minimum(np.searchsorted(ends, u[0] * ends[-1], "right"), self._n - 1)
        self._sample = low[:, box] + u[1:] * sides[:, box]
        self._each = float(ends[-1]) / _DRAWS
