"""The value against each parameter alone, and how values are distributed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from skipjack.study import Study
from skipjack.visualization import columns
from skipjack.visualization.columns import Target, Trials
from skipjack.visualization.figure import (
    Axis,
    Figure,
    FloatArray,
    Line,
    Mark,
    Panel,
    Points,
    Scale,
    series,
    single,
)

_ACROSS = 5  # panels in a row
_POINTS = 20_000  # of all panels together
_STEPS = 2000  # of one distribution


def slice(
    study: Study,
    params: list[str] | None = None,
    *,
    target: Target | None = None,
    target_name: str = "Objective Value",
) -> Figure:
    """Plot the value of the complete trials against each parameter, one panel for each.

    Points are shaded by the number of the trial, so that one sees where the search went. Trials
    that violate a constraint are grey.

    Args:
        study: The study.
        params: Names of the parameters; None: all.
        target: What is shown of a trial instead of its value; needed for several objectives.
        target_name: What it is called.

    Raises:
        TypeError: If `study` is no study.
        ValueError: If the study has several objectives and there is no target, or no trial has one
            of `params`.
    """
    title = "Slice Plot"
    trials, note = columns.finite(columns.trials_of(study, target))
    name = columns.value_name(study, target, target_name)
    names = columns.chosen(trials, params)
    if not names or not len(trials):
        why = "The trials have no parameters" if len(trials) else columns.nothing(study)
        return single(title, Panel(Axis(), Axis(name), note=why), note)
    n, last = len(trials), int(trials.numbers[-1])
    best = np.sort(np.argsort(trials.loss, kind="stable")[:50])
    rows = columns.thinned(n, max(500, min(10_000, _POINTS // len(names))), best)
    some = trials.take(rows)
    across = min(_ACROSS, len(names))
    panels = [_panel(some, key, name, i % across == 0) for i, key in enumerate(names)]
    blank: list[Panel | None] = [None] * (-len(panels) % across)
    cells = [*panels, *blank]
    lines = tuple(tuple(cells[i : i + across]) for i in range(0, len(cells), across))
    notes = tuple(filter(None, (note, columns.said(len(rows), n))))
    scale = Scale("Trial", 0.0, float(max(last, 1)))
    return Figure(title, lines, scale, notes, shares_y=True)


def _panel(trials: Trials, key: str, name: str, is_first: bool) -> Panel:
    values = trials.column(key)
    axis = columns.axis_of(key, trials.space[key], values)
    there = ~np.isnan(values)
    size = 6.0 if len(trials) <= 300 else 4.0 if len(trials) <= 1500 else 3.0
    marks: list[Mark] = []
    bad = there & ~trials.feasible
    if bad.any():
        marks.append(
            Points(
                values[bad],
                trials.y[bad],
                role="infeasible",
                trials=trials.numbers[bad],
                size=size,
                symbol="open",
            )
        )
    good = there & trials.feasible
    marks.append(
        Points(
            values[good],
            trials.y[good],
            shade=trials.numbers[good].astype(float),
            trials=trials.numbers[good],
            size=size,
            opacity=0.85 if len(trials) <= 1500 else 0.6,
        )
    )
    return Panel(axis, replace(Axis(name), shows_labels=is_first), tuple(marks))


def edf(
    study: Study | Sequence[Study],
    *,
    target: Target | None = None,
    target_name: str = "Objective Value",
) -> Figure:
    """Plot which share of the complete trials has at most each value: a step curve from 0 to 1.

    A steep rise is where many trials have similar values. With several studies there is one curve
    for each over the same range.

    Args:
        study: One study or several.
        target: What is shown of a trial instead of its value; needed for several objectives.
        target_name: What it is called.

    Raises:
        TypeError: If `study` is neither.
        ValueError: If a study has several objectives and there is no target.
    """
    title = "Empirical Distribution Function Plot"
    studies = columns.studies_of(study)
    name = columns.value_name(studies[0], target, target_name) if studies else target_name
    up = Axis("Cumulative Probability", low=0.0, high=1.02)
    found = [columns.finite(columns.trials_of(one, target)) for one in studies]
    sets = [trials for trials, _ in found if len(trials)]
    notes = [note for _, note in found if note]
    if not sets:
        why = columns.nothing(studies[0]) if studies else "No studies to show"
        return single(title, Panel(Axis(name), up, note=why), *notes)
    low = min(float(trials.y.min()) for trials in sets)
    high = max(float(trials.y.max()) for trials in sets)
    room = 0.02 * (high - low) or abs(low) * 0.05 or 0.5
    marks = []
    for i, trials in enumerate(sets):
        x, y = _steps(trials.y, low - room, high + room)
        many = len(sets) > 1
        marks.append(
            Line(
                x,
                y,
                trials.study if many else "",
                role=series(i) if many else "main",
                width=2.0,
                steps=True,
            )
        )
    axis = Axis(name, low=low - room, high=high + room)
    thin = f"curves of {_STEPS:,} steps" if max(map(len, sets)) > _STEPS else ""
    return single(title, Panel(axis, up, tuple(marks)), *notes, thin)


def _steps(y: FloatArray, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """The distribution of y from `low`, where it is 0, to `high`, where it is 1."""
    values, counts = np.unique(y, return_counts=True)
    share = np.cumsum(counts) / len(y)
    rows = columns.thinned(len(values), _STEPS)
    values, share = values[rows], share[rows]
    return np.concatenate([[low], values, [high]]), np.concatenate([[0.0], share, [1.0]])
