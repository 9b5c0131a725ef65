"""Which points dominate the most volume together: one after the other, each the best addition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias, final

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

_MOST_BOXES = 2048  # of which the rest of the volume consists; beyond, each point counts by itself


class Boxes(NamedTuple):
    """Boxes that share no volume: their corners, each shape (b, m); the low ones may be -inf."""

    low: FloatArray
    high: FloatArray

    def reached(self, points: FloatArray) -> FloatArray:
        """How much of each box points dominate, shape (n, b)."""
        volume = np.ones((len(points), len(self.low)))
        for x, low, high in zip(points.T, self.low.T, self.high.T, strict=True):
            volume *= np.maximum(high - np.maximum(low, x[:, None]), 0.0)
        return volume

    def without(self, point: FloatArray) -> tuple[Boxes, Boxes]:
        """What is left of them where `point` dominates, and what it takes away: a box at least."""
        touched = (point < self.high).all(axis=1)
        low, high = self.low[touched], self.high[touched]
        lows, highs = [self.low[~touched]], [self.high[~touched]]
        for j, x in enumerate(point.tolist()):  # the part beside the point, one side at a time
            beside = low[:, j] < x
            side = high[beside]
            side[:, j] = x
            lows.append(low[beside])
            highs.append(side)
            low = low.copy()
            np.maximum(low[:, j], x, out=low[:, j])
        if not len(low):
            low = high = np.zeros((1, len(point)))
        return Boxes(np.concatenate(lows), np.concatenate(highs)), Boxes(low, high)


@final
class Subset:
    """A choice among points that change little from time to time.

    What is chosen depends on the points and their tags alone, not on what was asked before; what
    was found before only saves work. Of points that add the same, the one with the lowest tag is
    chosen.

    Args:
        reference: The worst losses that count, shape (m,); finite.

    Source: A. P. Guerreiro, C. M. Fonseca, L. Paquete, "Greedy hypervolume subset selection in low
        dimensions", Evolutionary Computation 24 (2016), doi:10.1162/EVCO_a_00188 (the greedy
        choice; it has at least 1 - 1/e of the best volume).
    """

    def __init__(self, reference: FloatArray) -> None:
        self._reference = reference
        self._chosen: list[int] = []
        self._left = [Boxes(np.full((1, len(reference)), -np.inf), reference[None].copy())]
        self._taken: list[Boxes] = []  # by each of those chosen; `_left` one before each and after
        self._tags: list[int] = []  # rising
        self._adds = np.zeros((0, 1))  # what each would add before each choice, (n, choices + 1)

    def best(self, points: FloatArray, tags: Sequence[int], k: int) -> list[int]:
        """Tags of `k` of the points, in the order in which they are chosen.

        Args:
            points: Finite losses, shape (n, m), of which none dominates another.
            tags: A number for each point, rising; always the same for the same point.
            k: How many, at most n.

        Returns:
            The tags. With more than three objectives the last of them may be those that would add
            most each by itself, where an exact choice would cost too much.

        Cost: For two and three objectives about 0.1 ms for each choice that is new.
        """
        if list(tags) != self._tags:
            self._change(points, list(tags))
        more = k + 1 - self._adds.shape[1]
        if more > 0:
            self._adds = np.pad(self._adds, ((0, 0), (0, more)))
        while len(self._chosen) < k and len(self._left[-1].low) <= _MOST_BOXES:
            self._choose(points)
        if len(self._chosen) >= k:
            return self._chosen[:k]
        order = np.argsort(-self._adds[:, len(self._chosen)], kind="stable").tolist()
        chosen = set(self._chosen)
        others = [self._tags[i] for i in order if self._tags[i] not in chosen]
        return self._chosen + others[: k - len(self._chosen)]

    def _change(self, points: FloatArray, tags: list[int]) -> None:
        """Other points than before: forget the choices from the first that would not be made."""
        n = len(self._chosen)
        old = {tag: i for i, tag in enumerate(self._tags)}
        now = set(tags)
        n = next((t for t, tag in enumerate(self._chosen) if tag not in now), n)
        adds = np.empty((len(tags), n + 1))
        known = [i for i, tag in enumerate(tags) if tag in old]
        new = [i for i, tag in enumerate(tags) if tag not in old]
        adds[known] = self._adds[[old[tags[i]] for i in known], : n + 1]
        adds[new] = self._adds_of(points[new], n)
        first = adds[:, :n].argmax(axis=0).tolist()  # what is chosen adds -inf afterwards
        n = next((t for t, i in enumerate(first) if tags[i] != self._chosen[t]), n)
        del self._chosen[n:], self._taken[n:], self._left[n + 1 :]
        self._tags, self._adds = tags, adds[:, : n + 1]

    def _adds_of(self, points: FloatArray, n: int) -> FloatArray:
        """What points would have added before each of `n` choices, shape (len(points), n + 1)."""
        whole = np.prod(self._reference - points, axis=1, keepdims=True)
        if not n or not len(points):
            return np.repeat(whole, n + 1, axis=1)
        taken = Boxes(*(np.concatenate(side) for side in zip(*self._taken[:n], strict=True)))
        sizes = [len(taken.low) for taken in self._taken[:n]]
        starts = np.cumsum([0, *sizes[:-1]])
        gone = np.add.reduceat(taken.reached(points), starts, axis=1)
        return np.subtract.accumulate(np.concatenate([whole, gone], axis=1), axis=1)

    def _choose(self, points: FloatArray) -> None:
        """One more."""
        t = len(self._chosen)
        adds = self._adds[:, t]
        i = int(adds.argmax())
        left, taken = self._left[-1].without(points[i])
        self._adds[:, t + 1] = adds - np.add.reduceat(taken.reached(points), [0], axis=1)[:, 0]
        self._adds[i, t + 1] = -np.inf
        self._chosen.append(self._tags[i])
        self._left.append(left)
        self._taken.append(taken)
