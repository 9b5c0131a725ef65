"""Where values lie between the ends of an axis, and which ticks it gets."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from skipjack.visualization import ticks
from skipjack.visualization.figure import (
    Axis,
    Band,
    Bars,
    Contour,
    FloatArray,
    Line,
    Panel,
    Points,
    Spans,
)

_ROOM = 0.04  # beyond the marks, in shares of what they take up
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)


class Ends(NamedTuple):
    """The ends of an axis.

    Attributes:
        low, high: In its values.
        log: Whether equal ratios are equally far apart.
        reverse: Whether values grow the other way.
    """

    low: float
    high: float
    log: bool
    reverse: bool

    def share(self, values: FloatArray) -> FloatArray:
        """0 at the low end, 1 at the high one; NaN where a value has no place."""
        low, high = self.low, self.high
        if self.log:
            there = values > 0
            values = np.where(there, np.log10(np.where(there, values, 1.0)), np.nan)
            low, high = math.log10(low), math.log10(high)
        values = np.where(np.isfinite(values), values, np.nan)
        share = (values - low) / (high - low)
        return np.asarray(1.0 - share if self.reverse else share)


def ends_of(panel: Panel, which: str) -> Ends:
    """The ends of the "x" or "y" axis of a panel: its own, or where its marks end."""
    axis: Axis = getattr(panel, which)
    log = axis.kind == "log"
    if axis.kind == "category" and axis.low is None:
        return Ends(-0.5, max(len(axis.names), 1) - 0.5, False, axis.reverse)
    found = [values[np.isfinite(values)] for values in _extent(panel, which)]
    values = np.concatenate(found) if found else np.zeros(0)
    values = values[values > 0] if log else values
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if log:
        low, high = (low, high) if len(values) else (1.0, 10.0)
        room = (high / low) ** _ROOM if high > low else 2.0
        low, high = low / room, high * room
    else:
        room = _ROOM * (high - low) if high > low else 0.05 * abs(high) or 0.5
        starts_at_0 = which == "x" and any(isinstance(m, Bars) for m in panel.marks)
        low, high = (0.0 if starts_at_0 else low - room), high + (3 if starts_at_0 else 1) * room
    low = axis.low if axis.low is not None else low
    high = axis.high if axis.high is not None else high
    return Ends(low, high if high > low else low + 1.0, log, axis.reverse)


def _extent(panel: Panel, which: str) -> Iterator[FloatArray]:
    """What the marks of a panel reach along an axis."""
    for mark in panel.marks:
        if isinstance(mark, Points | Line | Contour):
            yield np.asarray(getattr(mark, which), float)
            if isinstance(mark, Points) and which == "y" and mark.error is not None:
                yield mark.y - mark.error
                yield mark.y + mark.error
        elif isinstance(mark, Band):
            yield from (mark.x,) if which == "x" else (mark.low, mark.high)
        elif isinstance(mark, Spans):
            half = mark.thickness / 2
            yield from (mark.start, mark.end) if which == "x" else (mark.y - half, mark.y + half)
        elif isinstance(mark, Bars):
            error = 0.0 if mark.error is None else mark.error
            half = mark.thickness / 2
            yield from (mark.lengths + error,) if which == "x" else (mark.y - half, mark.y + half)


def ticks_of(axis: Axis, ends: Ends, most: int) -> list[tuple[float, str]]:
    """Values and texts of the ticks of an axis that lie between its ends."""
    if axis.names:
        stride = max(1, math.ceil(len(axis.names) / 40))
        found = [(float(k), name) for k, name in enumerate(axis.names)][::stride]
    elif axis.ticks:
        found = list(axis.ticks)
    elif axis.kind == "time":
        found = _times(ends.low, ends.high, most)
    elif ends.log:
        found = [(value, ticks.text(value)) for value in ticks.powers(ends.low, ends.high)]
    else:
        found = [
            (value, ticks.text(value)) for value in ticks.round_numbers(ends.low, ends.high, most)
        ]
    slack = 1e-9 * abs(ends.high - ends.low)
    return [(v, text) for v, text in found if ends.low - slack <= v <= ends.high + slack]


def _times(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Round times of the local clock."""
    span = high - low
    step = next((s for s in _SECONDS if span / s <= most), 86400 * math.ceil(span / 86400 / most))
    start = datetime.datetime.fromtimestamp(low)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    first = midnight + math.ceil((low - midnight) / step) * step
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%b %d"
    count = int((high - first) // step) + 1
    at = (first + k * step for k in range(max(count, 0)))
    return [(t, datetime.datetime.fromtimestamp(t).strftime(form)) for t in at]
