"""Where the aim is highest: candidates, climbs from the best, and steps to neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from skipjack.numerics.gp.climb import climb
from skipjack.records.space import BoolArray, FloatArray, IntArray
from skipjack.rng import Stream
from skipjack.samplers.gp.aim import Aim
from skipjack.samplers.gp.embedding import Embedding

Exists: TypeAlias = Callable[[FloatArray], BoolArray]

_SMOOTH = 16  # cells of a parameter that is climbed as if it were continuous
_STARTS = 6
_CLIMB = 40
_AGAIN = 10
_ROUNDS = 8  # of steps to neighbours
_TOGETHER = 8  # parameters that change in one step
_WALKERS = 3  # points that walk
_CHOICES = 24  # of a categorical parameter that are looked at in one step
_TOP = 8  # observations that candidates are made from
_FINE = 2.0**40  # places are multiples of its inverse


class Field(NamedTuple):
    """What is searched.

    Attributes:
        aim: What is maximised.
        embedding: Of the space of d free parameters.
        exists: From internal values, shape (c, d), which parameters points have; None: all.
        fixed: Which parameters are given, shape (d,).
        given: Their places, shape (d,).
        lengths: Length-scales of the parameters, shape (d,).
        best: Places of the best observations, the best first, shape (t, d), without NaN.
        low, high: Corners of the box that is searched, shape (d,).
    """

    aim: Aim
    embedding: Embedding
    exists: Exists | None
    fixed: BoolArray
    given: FloatArray
    lengths: FloatArray
    best: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def is_box(self) -> bool:
        """Whether a part of the space is searched only."""
        return bool(self.low.any()) or bool((self.high < 1.0).any())

    def everywhere(self) -> Field:
        """The whole space."""
        return self._replace(low=np.zeros(len(self.low)), high=np.ones(len(self.high)))

    def there(self, places: FloatArray) -> BoolArray | None:
        """Which parameters points have; None: all."""
        if self.exists is None:
            return None
        axes = self.embedding.axes
        return self.exists(axes.internal(axes.numbers(places), axes.codes(places)))

    def values(self, places: FloatArray) -> FloatArray:
        """The aim at places, shape (c, d) to (c,)."""
        return self.aim.values(self.embedding.features(places, self.there(places)))

    def settled(self, places: FloatArray) -> FloatArray:
        """Places moved to the middle of their cells, and to those that are given; in place."""
        axes = self.embedding.axes
        np.clip(places, self.low, self.high, out=places)
        places[:, axes.numeric] = axes.settle(np.rint(axes.numbers(places) * _FINE) / _FINE)
        if len(axes.choices):
            places[:, axes.categorical] = (axes.codes(places) + 0.5) / axes.choices
        places[:, self.fixed] = self.given[self.fixed]
        return places


def search(field: Field, stream: Stream, n: int) -> FloatArray:
    """Places of good candidates, the best first, shape (c, d).

    Args:
        field: What is searched.
        stream: Random numbers.
        n: How many candidates are looked at first.
    """
    pool = field.settled(_pool(field, stream, n))
    scores = field.values(pool)
    order = np.argsort(-scores, kind="stable")
    starts = _starts(pool, order, n)
    points, values = _climbed(field, starts, _CLIMB)
    moved = _discrete(field)
    if len(moved):
        ranked = np.argsort(-values, kind="stable")[:_WALKERS]
        walked, walked_values = _walked(field, points[ranked], values[ranked], moved)
        points = np.concatenate([walked, points])
        values = np.concatenate([walked_values, values])
    points = np.concatenate([points, pool[order]])
    values = np.concatenate([values, scores[order]])
    return np.asarray(points[np.argsort(-values, kind="stable")])


def _pool(field: Field, stream: Stream, n: int) -> FloatArray:
    """Candidates: everywhere, near the best, and the best with some coordinates drawn anew."""
    d, best = len(field.lengths), field.best
    n_anywhere = n // 3 if len(best) else n
    n_near = (n - n_anywhere) // 3
    n_mixed = n - n_anywhere - n_near
    shift = stream.uniform(d)
    edges = field.high - field.low
    even = (np.arange(1, n_anywhere + 1)[:, None] * _steps(d) + shift) % 1.0
    parts = [field.low + even * edges]
    if len(best):
        axes = field.embedding.axes
        near = best[stream.integers(n_near, min(2, len(best)))]
        width = np.exp(math.log(0.2) * 3.0 * stream.uniform(n_near))[:, None]
        noise = stream.normal(n_near * d).reshape(n_near, d)
        noise[:, axes.categorical] = 0.0
        near = near + noise * width * np.minimum(field.lengths, 1.0)
        keep = stream.uniform(n_near * d).reshape(n_near, d) < 0.2
        near[:, axes.categorical] = np.where(
            keep, stream.uniform(n_near * d).reshape(n_near, d), near
        )[:, axes.categorical]
        parts.append(np.clip(near, 0.0, 1.0))
        mixed = best[stream.integers(n_mixed, len(best))]
        u = stream.uniform(2 * n_mixed * d).reshape(2, n_mixed, d)
        often = np.clip(np.exp(-3.0 * stream.uniform(n_mixed)), 1.0 / d, 1.0)[:, None]
        parts.append(np.where(u[0] < often, field.low + u[1] * edges, mixed))
    return np.concatenate(parts)


def _steps(d: int) -> FloatArray:
    """The steps of an additive sequence that fills the d-dimensional cube evenly, shape (d,).

    Source: M. Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018.
    """
    root = 2.0
    for _ in range(40):
        root = (1.0 + root) ** (1.0 / (d + 1))
    return np.asarray(root ** -np.arange(1.0, d + 1.0))


def _starts(pool: FloatArray, order: IntArray, n: int) -> FloatArray:
    """The best candidates, and the best of those from everywhere, shape (_STARTS, d)."""
    first = order[: _STARTS - 2].tolist()
    anywhere = [i for i in order.tolist() if i < n // 3 and i not in first]
    return np.asarray(pool[first + anywhere[: _STARTS - len(first)]])


def _climbed(field: Field, starts: FloatArray, steps: int) -> tuple[FloatArray, FloatArray]:
    """Settled points higher up than the starts, and the aim there."""
    axes = field.embedding.axes
    cells = axes.free.cells[axes.numeric]
    smooth = np.flatnonzero((cells > _SMOOTH) & ~field.fixed[axes.numeric])
    if not len(smooth):
        return starts, field.values(starts)
    columns, slots = axes.numeric[smooth], field.embedding.slots[smooth]
    units = np.clip(field.lengths[columns], 0.02, 2.0)
    there = field.there(starts)

    def function(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        places = starts.copy()
        places[:, columns] = x * units
        features = field.embedding.features(places, there)
        values, gradient = field.aim.with_gradients(features)
        slope = gradient[:, slots] * units
        return values, slope if there is None else np.where(there[:, columns], slope, 0.0)

    shape = len(starts), len(smooth)
    low = np.broadcast_to(field.low[columns] / units, shape)
    high = np.broadcast_to(field.high[columns] / units, shape)
    x, _ = climb(function, starts[:, columns] / units, low, high, steps)
    places = starts.copy()
    places[:, columns] = x * units
    places = field.settled(places)
    return places, field.values(places)


def _discrete(field: Field) -> IntArray:
    """Parameters with cells, which may take steps to neighbours."""
    return np.flatnonzero(np.isfinite(field.embedding.axes.free.cells) & ~field.fixed)


def _walked(
    field: Field, points: FloatArray, values: FloatArray, moved: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Points that no neighbour is better than, or as far as some rounds go, and the aim there."""
    points, values = points.copy(), values.copy()
    going = np.ones(len(points), np.bool_)
    for _ in range(_ROUNDS):
        before = values.copy()
        _step(field, points, values, np.flatnonzero(going), moved)
        going = values > before
        if not going.any():
            break
        climbed, now = _climbed(field, points[going], _AGAIN)
        higher = now > values[going]
        at = np.flatnonzero(going)[higher]
        points[at], values[at] = climbed[higher], now[higher]
    return points, values


def _step(
    field: Field, points: FloatArray, values: FloatArray, walkers: IntArray, moved: IntArray
) -> None:
    """Move some of the points, in place: by the best change of one parameter, or by several.

    Changes of single parameters that are for the better are made together, the best first, as far
    as that pays.
    """
    around = [_neighbours(field, points[i], moved) for i in walkers.tolist()]
    found = field.values(np.concatenate([places for places, _ in around]))
    ends = np.cumsum([0, *(len(places) for places, _ in around)]).tolist()
    joint, owners = [], []
    for i, (places, columns), first, last in zip(
        walkers.tolist(), around, ends[:-1], ends[1:], strict=True
    ):
        mine = found[first:last]
        better = np.flatnonzero(mine > values[i])
        better = better[np.argsort(-mine[better], kind="stable")]
        if not len(better):
            continue
        _, firsts = np.unique(columns[better], return_index=True)
        changes = better[np.sort(firsts)[:_TOGETHER]]  # the best of each parameter
        point = points[i].copy()
        points[i], values[i] = places[changes[0]], mine[changes[0]]
        for k in changes.tolist():
            point[columns[k]] = places[k, columns[k]]
            joint.append(point.copy())
        owners += [i] * len(changes)
    if len(joint) > len(set(owners)):
        places = np.array(joint)
        for i, place, value in zip(owners, places, field.values(places).tolist(), strict=True):
            if value > values[i]:
                points[i], values[i] = place, value


def _neighbours(field: Field, point: FloatArray, moved: IntArray) -> tuple[FloatArray, IntArray]:
    """Points that differ in one discrete parameter, shape (c, d), and in which, shape (c,)."""
    free = field.embedding.axes.free
    cells = free.cells
    places, columns = [], []
    for j in moved.tolist():
        k, log, dist = int(cells[j]), bool(free.log[j]), free[free.names[j]]
        if k <= _SMOOTH or free.categorical[j]:
            step = max(1, math.ceil(k / _CHOICES))
            mine = [(i + 0.5) / k for i in range(int(point[j] * k) % step, k, step)]
            if log:
                axis = dist.axis
                mine = [(math.log(axis.low + i) - axis.start) / axis.span for i in range(k)]
        else:
            mine = [point[j] + far for far in (-0.1, -0.02, 0.02, 0.1)]
            mine += _next(point[j], dist.axis.start, dist.axis.span, log, k)
        mine = [place for place in mine if 0.0 <= place < 1.0 and abs(place - point[j]) > 1e-9]
        places += mine
        columns += [j] * len(mine)
    found = np.tile(point, (len(places), 1))
    found[np.arange(len(places)), columns] = places
    return field.settled(found), np.array(columns, np.intp)


def _next(place: float, start: float, span: float, log: bool, cells: int) -> list[float]:
    """Places one cell, two and four to either side."""
    ways = (-4, -2, -1, 1, 2, 4)
    if not log:
        return [place + way / cells for way in ways]
    value = math.exp(start + place * span)
    return [(math.log(value + way) - start) / span for way in ways if value + way >= 0.75]
