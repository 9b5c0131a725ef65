"""When trials ran, how long, and how they ended."""

from __future__ import annotations

import datetime
import time
from typing import NamedTuple

import numpy as np

from skipjack.errors import invalid
from skipjack.records.states import TrialState
from skipjack.study import Study
from skipjack.visualization import columns
from skipjack.visualization.figure import (
    Axis,
    Figure,
    FloatArray,
    IntArray,
    Mark,
    Panel,
    Role,
    Spans,
    single,
)

_TITLE = "Timeline Plot"
_SPANS = 3000
_HOVERS = 3000
_YEARS = -6.2e10, 2.5e11  # seconds, from year 5 to 9892: about what a date can be
_THINNEST = 1 / 400  # of the height of the figure, that a bar has
_ROLES: tuple[tuple[str, Role], ...] = (
    ("Complete", "complete"),
    ("Infeasible", "infeasible"),
    ("Pruned", "pruned"),
    ("Fail", "fail"),
    ("Running", "running"),
)


def timeline(study: Study, n_recent_trials: int | None = None) -> Figure:
    """Plot each trial as a bar from its start to its end, coloured by its state.

    Bars side by side at one time ran in parallel; a long bar is a slow trial. Those that still run
    end now. Queued trials have no bar, and neither have trials of which no start is known.

    Args:
        study: The study.
        n_recent_trials: Only the last so many; None: all.

    Raises:
        TypeError: If `study` is no study.
        ValueError: If `n_recent_trials` is not positive.
    """
    columns.a_study(study)
    if n_recent_trials is not None and n_recent_trials <= 0:
        raise invalid("n_recent_trials", "be positive, or None", n_recent_trials)
    bars = _bars(study, time.time())
    total = len(bars.numbers)
    order = np.argsort(bars.numbers, kind="stable")
    bars = bars.take(order if n_recent_trials is None else order[-n_recent_trials:])
    known = np.isfinite(bars.start) & np.isfinite(bars.end)
    lost = int((~known).sum())
    note = f"{lost} trials without a known start or end are not shown" if lost else ""
    numbers, start, end, kinds = bars.take(np.flatnonzero(known))
    x, y = Axis("Time", "time"), Axis("Trial", whole=True)
    if not len(numbers):
        why = columns.nothing(study, columns.ENDED) if not total else "No trial has known times"
        return single(_TITLE, Panel(Axis("Time"), y, note=why), note)
    said = columns.said(len(numbers), total) if n_recent_trials is not None else ""
    rows = columns.thinned(len(numbers), _SPANS)
    said = columns.said(len(rows), total) or said
    thick = max(0.8 * len(numbers) / len(rows), _THINNEST * float(numbers[-1] - numbers[0]))
    marks: list[Mark] = []
    for kind, (label, role) in enumerate(_ROLES):
        mine = rows[kinds[rows] == kind]
        if len(mine):
            marks.append(
                Spans(
                    start[mine],
                    end[mine],
                    numbers[mine].astype(float),
                    label,
                    role,
                    thick,
                    _hover(numbers[mine], start[mine], end[mine], label)
                    if len(rows) <= _HOVERS
                    else (),
                )
            )
    low, high = float(start.min()), float(end.max())
    room = 0.02 * (high - low) or 0.5
    room = room if _YEARS[0] < low - room and high + room < _YEARS[1] else 0.0
    x = Axis("Time", "time", low=low - room, high=high + room)
    y = Axis("Trial", whole=True, low=float(numbers[0]) - thick, high=float(numbers[-1]) + thick)
    return single(_TITLE, Panel(x, y, tuple(marks)), said, note)


class _Bars(NamedTuple):
    """Number, start, end and place in `_ROLES` of trials, shape (n,)."""

    numbers: IntArray
    start: FloatArray
    end: FloatArray
    kinds: IntArray

    def take(self, rows: IntArray) -> _Bars:
        return _Bars(self.numbers[rows], self.start[rows], self.end[rows], self.kinds[rows])


def _bars(study: Study, now: float) -> _Bars:
    """The trials that ended or run."""
    trials = columns.all_trials(study)
    kinds = np.zeros(len(trials), np.int64)
    kinds[(trials.states == TrialState.COMPLETE) & ~trials.feasible] = 1
    kinds[trials.states == TrialState.PRUNED] = 2
    kinds[trials.states == TrialState.FAIL] = 3
    drafts = [d for d in list(study.history.open.values()) if d.state is TrialState.RUNNING]
    begun = np.array([np.nan if d.start is None else d.start for d in drafts], float)
    return _Bars(
        np.concatenate([trials.numbers, np.array([d.number for d in drafts], np.int64)]),
        np.concatenate([trials.start, begun]),
        np.concatenate([trials.end, np.full(len(drafts), now)]),
        np.concatenate([kinds, np.full(len(drafts), 4)]),
    )


def _hover(numbers: IntArray, start: FloatArray, end: FloatArray, label: str) -> tuple[str, ...]:
    found = []
    for number, begun, took in zip(numbers.tolist(), start.tolist(), (end - start).tolist()):
        when = datetime.datetime.fromtimestamp(begun).isoformat(" ", "seconds")
        found.append(f"Trial {number}: {label}<br>from {when}<br>for {duration(took)}")
    return tuple(found)


def duration(seconds: float) -> str:
    """How long, in words that fit."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    return str(datetime.timedelta(seconds=round(seconds)))
