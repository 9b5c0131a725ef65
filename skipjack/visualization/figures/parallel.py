"""Parallel coordinates: each trial a line through its value and its parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skipjack.study import Study
from skipjack.visualization import columns, ticks
from skipjack.visualization.columns import Target, Trials
from skipjack.visualization.figure import Axis, Figure, FloatArray, Panel, Parallel, single

_TITLE = "Parallel Coordinate Plot"
_LINES = 600
_UNSET = 0.1  # how far below an axis "not set" lies, as a share of its length


def parallel_coordinate(
    study: Study,
    params: list[str] | None = None,
    *,
    target: Target | None = None,
    target_name: str = "Objective Value",
) -> Figure:
    """Plot each complete trial as one line through its value and all its parameters.

    Each vertical axis has a scale of its own: logarithmic where the parameter is, names where it
    has choices. A parameter that a trial has not is at "not set", below the axis. Lines are shaded
    by the value, the best on top.

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
    trials, note = columns.finite(columns.trials_of(study, target))
    name = columns.value_name(study, target, target_name)
    names = columns.chosen(trials, params)
    if not len(trials):
        empty = Panel(Axis(), Axis(name), note=columns.nothing(study))
        return single(_TITLE, empty, note)
    order = np.argsort(-trials.loss, kind="stable")  # the best last
    n = len(order)
    keep = np.arange(max(0, n - _LINES // 20), n)
    some = trials.take(order[columns.thinned(n, _LINES, keep)])
    scale, clipped = columns.scale_of(name, some.y, trials.best)
    made = [_value(name, some.y)] + [_parameter(some, name) for name in names]
    mark = Parallel(
        tuple(axis for axis, _ in made),
        np.column_stack([values for _, values in made]),
        some.y,
        some.numbers,
    )
    panel = Panel(Axis(), Axis(), (mark,))
    return single(_TITLE, panel, note, columns.said(len(some), n), clipped, scale=scale)


def _value(name: str, y: FloatArray) -> tuple[Axis, FloatArray]:
    low, high = float(y.min()), float(y.max())
    room = 0.02 * (high - low) or abs(low) * 0.05 or 0.5
    axis = Axis(name, low=low - room, high=high + room)
    return with_ticks(axis), y


def _parameter(trials: Trials, name: str) -> tuple[Axis, FloatArray]:
    """The axis of a parameter, and where each trial is on it, shape (n,)."""
    values = trials.column(name)
    axis = with_ticks(columns.axis_of(name, trials.space[name], values))
    missing = np.isnan(values)
    if not missing.any():
        return axis, values
    assert axis.low is not None and axis.high is not None
    if axis.kind == "log":
        place = axis.low * (axis.low / axis.high) ** _UNSET
        low = axis.low * (axis.low / axis.high) ** (1.5 * _UNSET)
    elif axis.kind == "category":
        place, low = -1.0, -1.5
    else:
        place = axis.low - _UNSET * (axis.high - axis.low)
        low = axis.low - 1.5 * _UNSET * (axis.high - axis.low)
    axis = replace(axis, low=low, ticks=((place, "not set"), *axis.ticks))
    return axis, np.where(missing, place, values)


def with_ticks(axis: Axis) -> Axis:
    """The axis with round numbers, for who cannot find them; choices have their names."""
    assert axis.low is not None and axis.high is not None
    if axis.kind == "category":
        return axis
    find = ticks.powers if axis.kind == "log" else ticks.round_numbers
    return replace(axis, ticks=tuple((v, ticks.text(v)) for v in find(axis.low, axis.high)))
