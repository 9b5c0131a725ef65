"""Where finished trials lie, parameter by parameter, and how close their neighbours are: a fold.

Each column of the history has a frame of its own: the range of its first trial, doubled to either
side until it holds all ranges seen so far. Places in a space are linear in places in the frame, so
that a range which changes from trial to trial costs nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple, final

import numpy as np

from skipjack.distributions import BaseDistribution
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray, Space

BINS = 128  # per column
_SAME = 1e-12  # places nearer than this are one, computed in two ways
_EMPTY = {"_places": np.nan, "_least": np.inf, "_most": -np.inf, "_held": 0.0}
_SPACES = 8  # whose views are kept


class View(NamedTuple):
    """How the columns appear in a space of d parameters."""

    columns: IntArray  # (d,)
    scale: FloatArray  # (d,): place in the space = place in the frame * scale + shift
    shift: FloatArray  # (d,)
    known: IntArray  # which of the d parameters have a column
    same: bool  # the columns are those of the history, the frames the ranges of the space


@final
class Frame:
    """The interval (on the scale of the parameter) that places of one column refer to."""

    __slots__ = ("first", "high", "log", "low", "unit")

    def __init__(self, dist: BaseDistribution) -> None:
        axis = dist.axis
        self.log = axis.log
        self.first = self.low = axis.start
        self.unit = axis.span or 1.0
        self.high = self.low + self.unit

    def cover(self, dist: BaseDistribution) -> bool:
        """Grow until the range of `dist` is inside; whether that was necessary."""
        start, span = dist.axis.start, dist.axis.span
        if self.low <= start and start + span <= self.high:
            return False
        down = max((self.first - start) / self.unit, (self.first - self.low) / self.unit)
        up = max((start + span - self.first) / self.unit, (self.high - self.first) / self.unit)
        self.low = self.first - self.unit * (2.0 ** math.ceil(math.log2(down + 1.0)) - 1.0)
        self.high = self.first + self.unit * 2.0 ** math.ceil(math.log2(up))
        return True


@final
class Places:
    """Places of all trials in the frames, and per column and bin the least and greatest of them.

    Attributes:
        frames: One per column.
        counts: How many trials have each column, shape (columns,).
    """

    def __init__(self) -> None:
        self.frames: list[Frame | None] = []  # None while no finished trial has the column
        self.counts = np.zeros(0)
        self._places = np.full((16, 0), np.nan)
        self._least = np.full((BINS, 0), np.inf)
        self._most = np.full((BINS, 0), -np.inf)
        self._held = np.zeros((BINS, 0))  # how many values each bin holds
        self._start = self._span = np.zeros(0)
        self._logs: list[int] = []
        self._layouts: set[int] = set()
        self._views: dict[Space, View] = {}

    def extend(self, history: History, first: int, last: int) -> None:
        """Take in rows; O(parameters) each, but O(rows so far) when a range outgrows its frame."""
        if history.values.shape[1] > len(self.frames):
            self._widen(history.values.shape[1])
        stale: set[int] = set()
        for index in set(history.layout_indices[first:last].tolist()) - self._layouts:
            self._layouts.add(index)
            layout = history.layouts[index]
            for column, dist in zip(layout.columns.tolist(), layout.dists, strict=True):
                if self._note(column, dist):
                    stale.add(column)
        if last > len(self._places):
            more = np.full((max(last, 2 * len(self._places)), len(self.frames)), np.nan)
            more[:first] = self._places[:first]
            self._places = more
        places = self._placed(history.values[first:last], slice(None))
        self._places[first:last] = places
        self._count(places, np.arange(places.shape[1]))
        for column in stale:
            self._again(history, column, last)

    def _widen(self, width: int) -> None:
        """Make room for columns up to `width`."""
        more = width - len(self.frames)
        for name, empty in _EMPTY.items():
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.full((len(old), more), empty)], axis=1))
        self.frames += [None] * more
        self.counts = np.concatenate([self.counts, np.zeros(more)])
        self._start = np.concatenate([self._start, np.zeros(more)])
        self._span = np.concatenate([self._span, np.ones(more)])
        self._views.clear()

    def _note(self, column: int, dist: BaseDistribution) -> bool:
        """A trial has `column` with this distribution; whether the frame has grown by that."""
        frame, new = self.frames[column], False
        if frame is None:
            frame = self.frames[column] = Frame(dist)
            new = True
            if frame.log:
                self._logs.append(column)
        grown = frame.cover(dist)
        if new or grown:
            self._start[column], self._span[column] = frame.low, frame.high - frame.low
            self._views.clear()
        return grown and not new

    def _placed(self, values: FloatArray, columns: slice) -> FloatArray:
        """Places of internal values, shape (rows, columns)."""
        if self._logs:
            values = values.copy()
            values[:, self._logs] = np.log(values[:, self._logs])
        return (values[:, columns] - self._start[columns]) / self._span[columns]

    def _count(self, places: FloatArray, columns: IntArray) -> None:
        """Enter places, shape (rows, columns), into the bins."""
        if len(places) == 1 and not np.isnan(places.sum()):
            found = places[0]
        else:
            rows, offset = np.nonzero(~np.isnan(places))
            found, columns = places[rows, offset], columns[offset]
        bins = np.maximum(np.minimum((found * BINS).astype(np.intp), BINS - 1), 0)
        np.minimum.at(self._least, (bins, columns), found)
        np.maximum.at(self._most, (bins, columns), found)
        np.add.at(self._held, (bins, columns), 1.0)
        np.add.at(self.counts, columns, 1.0)

    def _again(self, history: History, column: int, last: int) -> None:
        """Compute a column anew, as its frame has changed."""
        for name, empty in _EMPTY.items():
            if name != "_places":
                getattr(self, name)[:, column] = empty
        self.counts[column] = 0.0
        places = self._placed(history.values[:last], slice(column, column + 1))
        self._places[:last, column] = places[:, 0]
        self._count(places, np.array([column]))

    def view(self, history: History, space: Space) -> View:
        """How the columns appear in `space`."""
        view = self._views.get(space)
        if view is None:
            while len(self._views) >= _SPACES:
                del self._views[next(iter(self._views))]
            view = self._views[space] = self._view(history, space)
        return view

    def _view(self, history: History, space: Space) -> View:
        columns = history.columns(space)
        for j, column in enumerate(columns.tolist()):
            if column < 0 or column >= len(self.frames) or self.frames[column] is None:
                columns[j] = -1
        scale, shift = np.ones(len(space)), np.zeros(len(space))
        known = np.flatnonzero(columns >= 0)
        dists = list(space.values())
        for j in known.tolist():
            axis, column = dists[j].axis, int(columns[j])
            if axis.span > 0:
                scale[j] = self._span[column] / axis.span
                shift[j] = (self._start[column] - axis.start) / axis.span
        in_order = np.array_equal(columns, np.arange(len(self.frames)))
        same = in_order and bool((scale == 1).all() and (shift == 0).all())
        return View(columns, scale, shift, known, same)

    def of(self, view: View, rows: IntArray) -> FloatArray:
        """Places of trials in a space, shape (len(rows), d); NaN where there is none in range."""
        if view.same:
            return self._places[rows]
        places = self._places[rows[:, None], view.columns]
        places[:, view.columns < 0] = np.nan
        places *= view.scale
        places += view.shift
        with np.errstate(invalid="ignore"):
            places[(places < -_SAME) | (places > 1.0 + _SAME)] = np.nan
        return places

    def gaps(self, view: View, places: FloatArray) -> FloatArray:
        """Distance to the farther of both neighbours among all trials, as far as bins tell.

        Exact where it is more than the width of a bin, less than that or 0 elsewhere; for the
        lowest and highest the distance to the only neighbour. Trials at the same place are each
        other's neighbours. NaN where there is no place.

        Args:
            view: Of the space.
            places: In the space, shape (m, d).
        """
        x = places if view.same else (places - view.shift) / view.scale
        tables = self._neighbours()
        if not view.same:
            tables = tuple(table[:, view.columns] for table in tables)
        least, most, before, after = (table.ravel() for table in tables)
        whole = np.nan_to_num(x) if np.isnan(x.sum()) else x
        bins = np.maximum(np.minimum((whole * BINS).astype(np.intp), BINS - 1), 0)
        at = bins * x.shape[1] + np.arange(x.shape[1])
        left = (x - before.take(at)) * (x <= least.take(at) + _SAME)
        right = (after.take(at) - x) * (x >= most.take(at) - _SAME)
        gaps: FloatArray = np.maximum(left, right) * view.scale
        return gaps

    def _neighbours(self) -> tuple[FloatArray, ...]:
        """Per bin and column: least, most, the value before the least, the one after the most.

        Where there is none, a value so far on the other side that the gap is negative.
        """
        several = (self._held > 1.0) & (self._most <= self._least)  # all at one place
        least = np.where(several, -9.0, self._least)
        most = np.where(several, 9.0, self._most)
        before = np.full(most.shape, 9.0)
        np.maximum.accumulate(self._most[:-1], axis=0, out=before[1:])
        before[before < -1.0] = 9.0
        after = np.full(least.shape, -9.0)
        np.minimum.accumulate(self._least[:0:-1], axis=0, out=after[-2::-1])
        after[after > 2.0] = -9.0
        return least, most, before, after


@final
class PlacesFold:
    """Keeps `Places`; two of them are not the same, so use one."""

    def start(self, history: History) -> Places:
        """No trials yet."""
        return Places()

    def extend(self, state: Places, history: History, first: int, last: int) -> Places:
        """Take in rows."""
        state.extend(history, first, last)
        return state
