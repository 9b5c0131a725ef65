"""What trials reported, step by step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skipjack.errors import invalid
from skipjack.records.states import TrialState
from skipjack.study import Study
from skipjack.visualization import columns
from skipjack.visualization.figure import (
    Axis,
    Figure,
    FloatArray,
    Line,
    Mark,
    Panel,
    Points,
    Role,
    single,
)

_TITLE = "Intermediate Values Plot"
_LINES = 100
_DOTS = 2000  # of all lines together: beyond, only lines
_STEPS = 500  # of one line
_ROLES: dict[TrialState, Role] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "fail",
    TrialState.RUNNING: "running",
}


class _Curve(NamedTuple):
    number: int
    state: TrialState
    feasible: bool
    steps: FloatArray  # (k,), rising
    values: FloatArray  # (k, m)


def intermediate_values(study: Study, *, metric: str | None = None) -> Figure:
    """Plot what trials reported: one line per trial, from its first step to its last.

    A dot is a step at which the trial reported. Pruned trials end with a cross at the step at which
    they were stopped; those that still run are dashed, failed ones dotted. The best trial is drawn
    thick. With several objectives each has a panel.

    Args:
        study: The study.
        metric: Show what trials logged under this name (`Trial.log`) instead.

    Raises:
        TypeError: If `study` is no study.
        ValueError: If no trial logged the metric.
    """
    columns.a_study(study)
    best = study.history.best
    top = None if best is None else int(study.history.numbers[best])
    curves, total = _curves(study, metric, top)
    names = [metric] if metric is not None else study.metric_names or []
    m = max((curve.values.shape[1] for curve in curves), default=1)
    titles = [names[j] if j < len(names) else _name(j, m) for j in range(m)]
    if not curves:
        note = "No trial reported intermediate values"
        note += "" if len(study.history) else ": there are no trials yet"
        return single(_TITLE, Panel(Axis("Step", whole=True), Axis(titles[0]), note=note))
    bad = sum(not np.isfinite(curve.values).all() for curve in curves)
    notes = (
        columns.said(len(curves), total),
        f"{bad} of them reported values that are not finite, which are left out" if bad else "",
    )
    panels = tuple(
        Panel(Axis("Step", whole=True), Axis(title), _marks(curves, j, top))
        for j, title in enumerate(titles)
    )
    return Figure(_TITLE, (panels,), None, tuple(filter(None, notes)))


def _name(j: int, m: int) -> str:
    return "Intermediate Value" if m == 1 else f"Intermediate Value of Objective {j}"


def _curves(study: Study, metric: str | None, top: int | None) -> tuple[list[_Curve], int]:
    """Of the trials that are shown, by number; and how many reported anything.

    Args:
        study: The study.
        metric: What was logged by name, or None.
        top: The number of the trial that is shown in any case.
    """
    history = study.history
    stored: dict[int, Any] = history.curves if metric is None else history.metrics.get(metric, {})
    at = np.array(list(stored), np.int64)
    numbers, states, feasible = history.numbers[at], history.states[at], history.feasible[at]
    running = {}
    for draft in list(history.open.values()):
        if draft.state is TrialState.RUNNING:
            reports = draft.reports if metric is None else draft.metrics.by_name.get(metric, {})
            if reports:
                running[draft.number] = dict(reports)
    if metric is not None and not stored and not running and len(history):
        known = sorted(history.metrics)
        raise invalid("metric", f"be one that trials logged ({known})", metric)
    all_numbers = np.concatenate([numbers, np.array(list(running), np.int64)])
    order = np.argsort(all_numbers, kind="stable")
    keep = np.flatnonzero(all_numbers[order] == (-1 if top is None else top))
    found = []
    for i in order[columns.thinned(len(order), _LINES, keep)].tolist():
        if i < len(at):
            steps, values = stored[int(at[i])]
            state = TrialState(int(states[i]))
            found.append(_curve(int(numbers[i]), state, bool(feasible[i]), steps, values))
        else:
            number = int(all_numbers[i])
            steps, values = _told(running[number])
            found.append(_curve(number, TrialState.RUNNING, True, steps, values))
    return found, len(order)


def _told(reports: dict[int, Any]) -> tuple[FloatArray, FloatArray]:
    """Steps, shape (k,), and values, shape (k, m), of what a running trial reported."""
    values = [v if isinstance(v, list) else [v] for v in reports.values()]
    m = max(map(len, values))
    table = [[*row, *[np.nan] * (m - len(row))] for row in values]
    return np.array(list(reports), float), np.array(table, float)


def _curve(number: int, state: TrialState, feasible: bool, steps: Any, values: Any) -> _Curve:
    order = np.argsort(steps, kind="stable")
    if len(order) > _STEPS:
        order = order[columns.thinned(len(order), _STEPS)]
    table = np.asarray(values, float).reshape(len(steps), -1)
    return _Curve(number, state, feasible, np.asarray(steps, float)[order], table[order])


def _marks(curves: list[_Curve], j: int, top: int | None) -> tuple[Mark, ...]:
    """Lines of one objective, the best on top, and crosses where trials were pruned."""
    dots = sum(len(curve.steps) for curve in curves) <= _DOTS
    lines: list[Mark] = []
    labels: set[str] = set()
    ends = []
    for curve in sorted(curves, key=lambda curve: (curve.number == top, curve.number)):
        x, y = _shown(curve, j)
        if not len(x):
            continue
        label = "Best" if curve.number == top else str(curve.state.name).capitalize()
        label = label if curve.feasible else "Infeasible"
        role = _ROLES[curve.state] if curve.feasible else "infeasible"
        lines.append(
            Line(
                x,
                y,
                label if label not in labels else "",
                f"Trial {curve.number}",
                "best" if curve.number == top else role,
                {TrialState.RUNNING: "dash", TrialState.FAIL: "dot"}.get(curve.state, "solid"),  # type: ignore[arg-type]
                width=2.6 if curve.number == top else 1.2,
                opacity=1.0 if curve.number == top or len(curves) <= 20 else 0.55,
                has_dots=dots,
                group=label,
            )
        )
        labels.add(label)
        if curve.state is TrialState.PRUNED:
            ends.append((x[-1], y[-1], curve.number))
    if ends:
        x, y, numbers = map(np.array, zip(*ends))
        lines.append(
            Points(x, y, "Pruned here", "pruned", trials=numbers, symbol="cross", size=7.0)
        )
    return tuple(lines)


def _shown(curve: _Curve, j: int) -> tuple[FloatArray, FloatArray]:
    """Steps and finite values of one objective."""
    if j >= curve.values.shape[1]:
        return np.empty(0), np.empty(0)
    good = np.isfinite(columns.drawable(curve.values[:, j]))
    return curve.steps[good], curve.values[good, j]
