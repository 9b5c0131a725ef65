"""Where finished trials lie, parameter by parameter, and how close their neighbours are: a fold.

Each column of the history has a frame of its own: the range of its first trial, doubled to either
side until it holds all ranges seen so far. Places in a space are linear in places in the frame, so
that a range which changes from trial to trial costs nothing.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, final

import numpy as np

from skipjack.distributions import BaseDistribution
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray, Space
from skipjack.samplers.tpe.bins import Bins

_SAME = 1e-12  # places nearer than this are one, computed in two ways
_SPACES = 8  # whose views are kept


class View(NamedTuple):
    """How the columns appear in a space of d parameters."""

    columns: IntArray  # (d,)
    scale: FloatArray  # (d,): place in the space = place in the frame * scale + shift
    shift: FloatArray  # (d,)
    known: IntArray  # which of the d parameters have a column
    others: list[tuple[int, int, FloatArray]]  # parameter, column with other choices, their places
    same: bool  # the columns are those of the history, the frames the ranges of the space
    kept: dict[str, Any]  # what may be kept for this space as long as the frames are the same


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
    """Places of all trials in the frames, and how far each is from its neighbours.

    Neighbours are looked for among the trials of the last epoch, 1, 2, ... 30, 32, 34, ...: each
    a twentieth more than the one before. So distances are measured for few trials at a time, and
    do not depend on when anybody asked.

    Attributes:
        frames: One per column; None while no finished trial has the column.
        epoch: So many trials are looked at for neighbours,
        counts: and so many of them have each column, shape (columns,).
    """

    def __init__(self) -> None:
        self.frames: list[Frame | None] = []
        self.counts = np.zeros(0)
        self._places = np.full((16, 0), np.nan)
        self._bins = Bins()
        self.epoch = 0
        self._start = self._span = np.zeros(0)
        self._logs: IntArray = np.zeros(0, np.intp)  # columns on a logarithmic scale
        self._layouts: set[int] = set()
        self._views: dict[Space, View] = {}

    def extend(self, history: History, first: int, last: int) -> None:
        """Take in rows; O(parameters) each, but O(rows so far) when a range outgrows its frame."""
        if history.values.shape[1] > len(self.frames):
            self._widen(history.values.shape[1] - len(self.frames))
        grown: set[int] = set()
        for index in dict.fromkeys(history.layout_indices[first:last].tolist()):
            if index not in self._layouts:
                self._layouts.add(index)
                layout = history.layouts[index]
                for column, dist in zip(layout.columns.tolist(), layout.dists, strict=True):
                    if self._note(column, dist):
                        grown.add(column)
        if last > len(self._places):
            self._lengthen(max(last, 2 * len(self._places)), first)
        self._places[first:last] = self._placed(history.values[first:last], slice(None))
        for column in grown:
            self._again(history, column, last)
        epoch = next_epoch = self.epoch
        while next_epoch <= last:
            epoch, next_epoch = next_epoch, after(next_epoch)
        if epoch > self.epoch:
            new = self._places[self.epoch : epoch]
            self._bins.enter(new, np.arange(len(self.frames)))
            self.counts += (new == new).sum(axis=0)  # NaN is not itself
            self.epoch = epoch

    def _widen(self, more: int) -> None:
        """Make room for more columns."""
        old = self._places
        self._places = np.concatenate([old, np.full((len(old), more), np.nan)], axis=1)
        self._bins.widen(more)
        self.frames += [None] * more
        self.counts = np.concatenate([self.counts, np.zeros(more)])
        self._start = np.concatenate([self._start, np.zeros(more)])
        self._span = np.concatenate([self._span, np.ones(more)])
        self._views.clear()

    def _lengthen(self, rows: int, used: int) -> None:
        """Make room for more rows."""
        old = self._places
        self._places = np.full((rows, old.shape[1]), np.nan)
        self._places[:used] = old[:used]

    def _note(self, column: int, dist: BaseDistribution) -> bool:
        """A trial has `column` with this distribution; whether the frame has grown by that."""
        frame, new = self.frames[column], False
        if frame is None:
            frame = self.frames[column] = Frame(dist)
            new = True
            if frame.log:
                self._logs = np.append(self._logs, column)
        grown = frame.cover(dist)
        if new or grown:
            self._start[column], self._span[column] = frame.low, frame.high - frame.low
            self._views.clear()
        return grown and not new

    def _placed(self, values: FloatArray, columns: slice) -> FloatArray:
        """Places of internal values, shape (rows, columns)."""
        if len(self._logs):
            values = values.copy()
            values[:, self._logs] = np.log(values.take(self._logs, axis=1))
        return (values[:, columns] - self._start[columns]) / self._span[columns]

    def _again(self, history: History, column: int, last: int) -> None:
        """Compute a column anew, as its frame has changed."""
        places = self._placed(history.values[:last], slice(column, column + 1))
        self._places[:last, column] = places[:, 0]
        self._bins.clear(column)
        self._bins.enter(places[: self.epoch], np.array([column]))

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
        dists = list(space.values())
        others = [
            (j, column, (indices + 0.5) / dists[j].axis.span)
            for j, column, indices in history.choices.others(space)
            if column < len(self.frames) and self.frames[column] is not None
        ]
        has = columns >= 0
        for j in np.flatnonzero(has).tolist():
            axis, column = dists[j].axis, int(columns[j])
            if axis.span > 0:
                scale[j] = self._span[column] / axis.span
                shift[j] = (self._start[column] - axis.start) / axis.span
        in_order = np.array_equal(columns, np.arange(len(self.frames)))
        same = in_order and bool((scale == 1).all() and (shift == 0).all()) and not others
        has[[j for j, _, _ in others]] = True
        return View(columns, scale, shift, np.flatnonzero(has), others, same, {})

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
        for j, column, found in view.others:
            there = self._places[rows, column]
            chosen = there == there
            places[chosen, j] = found[(there[chosen] * len(found)).astype(np.intp)]
        return places

    def gaps(self, view: View, rows: IntArray) -> FloatArray:
        """How far trials are from the farther of both neighbours, in a space; see `Bins.gaps`.

        Args:
            view: Of the space.
            rows: Of the trials, shape (m,).

        Returns:
            Shape (m, d); NaN where a trial has not the parameter, or is alone.
        """
        if view.same:
            return self._bins.gaps(self._places[rows], view.columns)
        gaps = self._bins.gaps(self._places[rows[:, None], view.columns], view.columns)
        gaps[:, view.columns < 0] = np.nan
        gaps *= view.scale
        return gaps

    def gaps_of(self, view: View, places: FloatArray) -> FloatArray:
        """The same of any places in a space, shape (m, d)."""
        x = (places - view.shift) / view.scale
        x[:, view.columns < 0] = np.nan
        return self._bins.gaps(x, view.columns) * view.scale


def after(epoch: int) -> int:
    """The epoch after `epoch`, both as numbers of trials."""
    return epoch + 1 if epoch < 30 else math.ceil(1.05 * epoch)


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
