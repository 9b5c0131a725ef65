"""Several objectives at once: the Pareto front, and the hypervolume over trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skipjack._deprecate import warn_deprecated
from skipjack.errors import InvalidValueError, invalid, wrong_type
from skipjack.numerics import pareto
from skipjack.numerics.hypervolume_history import growth
from skipjack.records.frozen import FrozenTrial
from skipjack.records.space import BoolArray
from skipjack.study import Study
from skipjack.visualization import columns
from skipjack.visualization.columns import Trials
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

_TITLE = "Pareto-front Plot"
_DOMINATED = 5000


def pareto_front(
    study: Study,
    *,
    target_names: list[str] | None = None,
    include_dominated_trials: bool = True,
    constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
    targets: Callable[[FrozenTrial], Sequence[float]] | None = None,
) -> Figure:
    """Plot two or three objectives against each other, and the trials that no other one dominates.

    With two objectives a line separates what is dominated. Trials that violate a constraint are
    grey, and not on the front.

    Args:
        study: The study.
        target_names: What the objectives are called.
        include_dominated_trials: Show the other trials too.
        constraints_func: Gives constraint values, at most 0 where satisfied, from a trial;
            deprecated: `Trial.set_constraint` keeps them with the study.
        targets: Gives the two or three numbers to show, from a trial, for studies of more
            objectives; the front is still that of the objectives.

    Raises:
        TypeError: If `study` is no study, or `targets` gives no numbers.
        ValueError: If there are not two or three numbers to show, or not so many names.
    """
    columns.a_study(study)
    m = len(study.directions)
    if targets is None and m not in (2, 3):
        raise InvalidValueError(
            f"`targets` must be given for a study of {m} objectives: two or three can be shown."
        )
    trials = columns.all_trials(study)
    objectives = columns.objectives_of(study)
    complete = np.isin(trials.states, columns.COMPLETE)
    trials, objectives = trials.take(complete), objectives[complete]
    shown = objectives if targets is None else _told(study, targets, trials)
    k = shown.shape[1] if len(shown) else (m if m in (2, 3) else 2)
    axes = [Axis(name) for name in _names(study, target_names, k, targets is not None)]
    feasible = trials.feasible if constraints_func is None else _kept(study, constraints_func)
    if not len(trials):
        return _figure(axes, (), columns.nothing(study))
    losses = objectives * np.array(study.history.signs)
    front = np.zeros(len(trials), bool)
    front[feasible] = pareto.is_front(losses[feasible]) if feasible.any() else False
    good = np.isfinite(shown).all(axis=1)
    lost = len(trials) - int(good.sum())
    note = f"{lost} trials have values that are not finite" if lost else ""
    others = np.flatnonzero(good & ~front)
    rows = others[columns.thinned(len(others), _DOMINATED)][
        : None if include_dominated_trials else 0
    ]
    marks = _points(shown, trials, rows[~feasible[rows]], "Infeasible trial", "infeasible")
    marks += _points(shown, trials, rows[feasible[rows]], "Dominated trial", "main")
    top = np.flatnonzero(good & front)
    if len(top) and targets is None and k == 2:
        marks.append(_border(shown[top], losses[top]))
    marks += _points(shown, trials, top, "Pareto front", "best")
    said = columns.said(len(rows) + len(top), len(others) + len(top))
    return _figure(axes, tuple(marks), "", said, note)


def projected(figure: Figure) -> Figure:
    """A front in three dimensions as seen from three sides, for paper; one in two as it is."""
    panel = figure.panel
    if panel.z is None:
        return figure

    def side(x: str, y: str) -> Panel:
        marks = [
            replace(
                mark,
                x=getattr(mark, x),
                y=getattr(mark, y),
                z=None,
                label=mark.label if (x, y) == ("x", "y") else "",
            )
            for mark in panel.marks
            if isinstance(mark, Points)
        ]
        return Panel(getattr(panel, x), getattr(panel, y), tuple(marks), note=panel.note)

    sides = side("x", "y"), side("x", "z"), side("y", "z")
    return replace(figure, panels=(sides,), notes=(*figure.notes, "the front of all three"))


def _figure(axes: list[Axis], marks: tuple[Mark, ...], why: str, *notes: str) -> Figure:
    z = axes[2] if len(axes) == 3 else None
    return single(_TITLE, Panel(axes[0], axes[1], marks, z, note=why), *notes)


def _points(values: FloatArray, trials: Trials, rows: Any, label: str, role: Any) -> list[Mark]:
    if not len(rows):
        return []
    is_front = role == "best"
    z = values[rows, 2] if values.shape[1] == 3 else None
    return [
        Points(
            values[rows, 0],
            values[rows, 1],
            label,
            role,
            z,
            trials=trials.numbers[rows],
            hover=columns.described(trials.take(rows)),
            size=7.0 if is_front else 5.0,
            opacity=1.0 if is_front else 0.6 if len(rows) <= 500 else 0.35,
        )
    ]


def _border(shown: FloatArray, losses: FloatArray) -> Line:
    """The edge of what the front dominates: each point's second value holds until the next."""
    order = np.lexsort((losses[:, 1], losses[:, 0]))
    x, y = shown[order].T
    role: Role = "best"
    return Line(x, y, role=role, width=1.4, opacity=0.7, steps=True)


def _names(study: Study, names: list[str] | None, k: int, is_told: bool) -> list[str]:
    if names is None:
        known = None if is_told else study.metric_names
        return known or [f"{'Target' if is_told else 'Objective'} {i}" for i in range(k)]
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise wrong_type("target_names", "be a list of str", names)
    if len(names) != k:
        raise invalid("target_names", f"name the {k} axes", names)
    return list(names)


def _told(
    study: Study, targets: Callable[[FrozenTrial], Sequence[float]], trials: Trials
) -> FloatArray:
    """What `targets` says of complete trials, shape (n, k)."""
    if not callable(targets):
        raise wrong_type("targets", "be callable, or None", targets)
    rows: list[list[float]] = []
    for trial in study.get_trials(deepcopy=False, states=columns.COMPLETE)[: len(trials)]:
        given = targets(trial)
        try:
            row = [float(value) for value in given]
        except (TypeError, ValueError) as error:
            raise wrong_type("targets", "return numbers for each trial", given) from error
        if len(row) not in (2, 3) or (rows and len(row) != len(rows[0])):
            raise invalid("targets", "return two or three numbers, always as many", given)
        rows.append(row)
    return np.array(rows, float) if rows else np.empty((0, 2))


def _kept(study: Study, constraints: Callable[[FrozenTrial], Sequence[float]]) -> BoolArray:
    """Which complete trials satisfy the constraints that a function gives."""
    warn_deprecated("visualization.plot_pareto_front(constraints_func)")
    trials = study.get_trials(deepcopy=False, states=columns.COMPLETE)
    return np.array([all(value <= 0 for value in constraints(trial)) for trial in trials], bool)


def hypervolume_history(study: Study, reference_point: Sequence[float]) -> Figure:
    """Plot how much of the space of objectives the trials up to each one dominate together.

    Trials that violate a constraint, or are not better than the reference point in every objective,
    add nothing. Beyond about a thousand trials on a front of four objectives, fewer of more, the
    rest of the line is an estimate, which a note says.

    Args:
        study: A study of several objectives.
        reference_point: The worst values that count, one per objective.

    Raises:
        TypeError: If `study` is no study.
        ValueError: If the study has one objective, or the point another number of values, or one
            that is not finite.
    """
    title = "Hypervolume History Plot"
    columns.a_study(study)
    signs = np.array(study.history.signs)
    if len(signs) < 2:
        raise InvalidValueError(
            "`study` must have several objectives, but has one. `plot_optimization_history` shows "
            "how that one improves."
        )
    point = np.asarray(reference_point, float)
    if point.shape != signs.shape:
        raise invalid(
            "reference_point", f"have {len(signs)} values, one per objective", reference_point
        )
    if not np.isfinite(point).all():
        raise invalid("reference_point", "have finite values", reference_point)
    trials = columns.all_trials(study)
    losses = columns.objectives_of(study) * signs
    rows = np.flatnonzero(np.isin(trials.states, columns.COMPLETE))
    x, y = Axis("Trial", whole=True), Axis("Hypervolume")
    if not len(rows):
        return single(title, Panel(x, y, note=columns.nothing(study)))
    counts = rows[trials.feasible[rows]]
    grown = growth(losses[counts], point * signs)
    volume = np.zeros(len(rows))
    volume[trials.feasible[rows]] = grown.volumes
    volume = np.maximum.accumulate(volume)
    change = np.flatnonzero(np.diff(volume, prepend=-1.0) != 0)
    some = columns.thinned(len(rows), 10_000, change if len(change) <= 10_000 else None)
    numbers = trials.numbers[rows][some].astype(float)
    line = Line(
        numbers, volume[some], role="main", width=2.0, steps=True, has_dots=len(some) <= 100
    )
    low = "" if volume[-1] > 0 else "no trial is better than the reference point in all objectives"
    about = ""
    if grown.exact < len(counts):
        about = f"estimated from trial {trials.numbers[counts[grown.exact]]} on"
    return single(title, Panel(x, y, (line,)), columns.said(len(some), len(rows)), about, low)
