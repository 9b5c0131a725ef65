"""Pairs of parameters: contours of the value, and ranks of the trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from skipjack.numerics.ranks import doubled_ranks
from skipjack.numerics.smooth import surface
from skipjack.study import Study
from skipjack.visualization import columns, ticks
from skipjack.visualization.columns import Target, Trials
from skipjack.visualization.figure import (
    Axis,
    Contour,
    Figure,
    FloatArray,
    IntArray,
    Mark,
    Panel,
    Points,
    Scale,
    single,
)

_CELLS = 50  # of a contour along each axis, if it is the only one
_CELLS_OF_MANY = 30  # up to that
_ALL_CELLS = 60_000
_POINTS = 20_000  # of all panels together
_LEAST = 120  # of one
_POINTS_OF_ONE = 1500  # of a contour, which is to be seen
Drawn = Callable[[Trials, Axis, Axis], tuple[Mark, ...]]


def contour(
    study: Study,
    params: list[str] | None = None,
    *,
    target: Target | None = None,
    target_name: str = "Objective Value",
) -> Figure:
    """Plot the value over each pair of parameters as contours, and the trials as points on them.

    A contour is a local mean of the trials (see `numerics.smooth`), whatever their other
    parameters are; where no trial is near there is none. Choices have no contour between them. With
    more than two parameters there is a triangle of pairs, and each parameter alone on its edge.

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
    title = "Contour Plot"
    trials, note = columns.finite(columns.trials_of(study, target))
    name = columns.value_name(study, target, target_name)
    names = columns.chosen(trials, params)
    if len(names) < 2 or not len(trials):
        return _too_few(title, study, trials, names, note)
    good = trials.take(trials.feasible) if trials.feasible.any() else trials
    shown, rows = _shown(trials, len(names), _POINTS_OF_ONE)
    pairs = len(names) * (len(names) - 1) // 2
    cells = _CELLS if pairs == 1 else min(_CELLS_OF_MANY, math.isqrt(_ALL_CELLS // pairs) + 2)
    found: list[FloatArray] = []

    def draw(of: Trials, x: Axis, y: Axis) -> tuple[Mark, ...]:
        contour = _contour(good, x, y, cells)
        found.extend(one.z[~np.isnan(one.z)] for one in contour)
        return (*contour, *_dots(of, x, y, len(names)))

    def alone(of: Trials, x: Axis) -> tuple[Mark, ...]:
        at = of.column(x.title)
        return (Points(at, of.y, role="main", trials=of.numbers, size=3.0, opacity=0.5),)

    panels = _matrix(trials, rows, names, draw, alone, name)
    scale, clipped = columns.scale_of(name, np.concatenate(found or [good.y]), trials.best)
    return Figure(
        title,
        _on_scale(panels, scale),
        scale,
        tuple(filter(None, (note, shown, clipped))),
        shares_x=len(names) > 2,
        is_matrix=True,
    )


def rank(
    study: Study,
    params: list[str] | None = None,
    *,
    target: Target | None = None,
    target_name: str = "Objective Value",
) -> Figure:
    """Plot the trials over each pair of parameters, coloured by the rank of their value.

    Ranks show where the good trials are however far the bad ones lie out. Trials that violate a
    constraint are grey. With more than two parameters there is a triangle of pairs, and each
    parameter alone on its edge.

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
    trials = columns.trials_of(study, target)
    there = ~np.isnan(trials.y)  # infinite values have a rank too
    lost = int(len(there) - there.sum())
    note = f"{lost} of {len(there)} trials have no value and are not shown" if lost else ""
    trials = trials.take(there)
    name = columns.value_name(study, target, target_name)
    title = f"Rank ({name})"
    names = columns.chosen(trials, params)
    if len(names) < 2 or not len(trials):
        return _too_few(title, study, trials, names, note)
    ranks = (doubled_ranks(trials.y) / 2 - 1) / max(len(trials) - 1, 1)
    by_number = dict(zip(trials.numbers.tolist(), ranks.tolist()))
    shown, rows = _shown(trials, len(names), 5000)
    size = (7.0 if len(rows) <= 500 else 5.0) if len(names) == 2 else 4.0

    def draw(of: Trials, x: Axis, y: Axis) -> tuple[Mark, ...]:
        return _by_rank(of, of.column(x.title), of.column(y.title), by_number, size)

    def alone(of: Trials, x: Axis) -> tuple[Mark, ...]:
        return _by_rank(of, of.column(x.title), of.y, by_number, size)

    panels = _matrix(trials, rows, names, draw, alone, name)
    ordered = np.sort(trials.y)
    quarters = [(q, float(ordered[round(q * (len(ordered) - 1))])) for q in (0, 0.25, 0.5, 0.75, 1)]
    words: dict[float, str] = {0: "lowest", 1: "highest"}
    marks = tuple((q, f"{words.get(q, f'{q:.0%}')} ({ticks.text(v)})") for q, v in quarters)
    scale = Scale(f"Rank of {name}", 0.0, 1.0, trials.best, marks)
    return Figure(
        title,
        panels,
        scale,
        tuple(filter(None, (note, shown))),
        shares_x=len(names) > 2,
        is_matrix=True,
    )


def _by_rank(
    of: Trials, x: FloatArray, y: FloatArray, ranks: dict[int, float], size: float
) -> tuple[Mark, ...]:
    """Feasible trials by rank, the best on top, over the others in grey."""
    marks: list[Mark] = []
    bad = ~of.feasible
    if bad.any():
        marks.append(
            Points(
                x[bad], y[bad], role="infeasible", trials=of.numbers[bad], size=size, symbol="open"
            )
        )
    good = np.flatnonzero(of.feasible)
    good = good[np.argsort(-of.loss[good], kind="stable")]
    shade = np.array([ranks[number] for number in of.numbers[good].tolist()])
    marks.append(
        Points(x[good], y[good], shade=shade, trials=of.numbers[good], size=size, opacity=0.9)
    )
    return tuple(marks)


def _too_few(title: str, study: Study, trials: Trials, names: Sequence[str], note: str) -> Figure:
    """A figure that says why there is none."""
    why = columns.nothing(study)
    if len(trials):
        have = f"there is only {names[0]!r}" if names else "the trials have none"
        why = f"Two parameters are needed, but {have}"
    first = names[0] if names else ""
    return single(title, Panel(Axis(first), Axis(), note=why), note)


def _shown(trials: Trials, d: int, most: int) -> tuple[str, IntArray]:
    """A note, and which trials have a point: enough for the eye in each of the panels."""
    panels = d * (d + 1) // 2 if d > 2 else 1
    n = len(trials)
    best = np.argsort(trials.loss, kind="stable")[: max(10, _LEAST // 4)]
    rows = columns.thinned(n, min(most, max(_LEAST, _POINTS // panels)), np.sort(best))
    return columns.said(len(rows), n, "trials as points"), rows


def _matrix(
    trials: Trials,
    rows: IntArray,
    names: list[str],
    draw: Drawn,
    alone: Callable[[Trials, Axis], tuple[Mark, ...]],
    value: str,
) -> tuple[tuple[Panel | None, ...], ...]:
    """One panel for two parameters; for more, the pairs below the diagonal, and the diagonal."""
    axes = {name: columns.axis_of(name, trials.space[name], trials.column(name)) for name in names}
    some = trials.take(rows)

    def of(name: str, other: str) -> Trials:
        return some.take(~(np.isnan(some.column(name)) | np.isnan(some.column(other))))

    if len(names) == 2:
        x, y = axes[names[0]], axes[names[1]]
        return ((Panel(x, y, draw(of(*names), x, y)),),)
    found: list[tuple[Panel | None, ...]] = []
    last = len(names) - 1
    for i, below in enumerate(names):
        line: list[Panel | None] = []
        for j, left in enumerate(names):
            x = replace(axes[left], shows_labels=i == last)
            if j < i:
                y = replace(axes[below], shows_labels=j == 0)
                line.append(Panel(x, y, draw(of(left, below), x, y)))
            elif j == i:
                y = Axis(value, shows_labels=j == 0)
                line.append(Panel(x, y, alone(of(left, left), x)))
            else:
                line.append(None)
        found.append(tuple(line))
    return tuple(found)


def _dots(of: Trials, x: Axis, y: Axis, d: int) -> tuple[Mark, ...]:
    """Trials on a contour: small, so that it can be seen; the best one as a star."""
    size = (5.0 if len(of) <= 500 else 3.0) if d == 2 else 2.4
    look = 0.75 if len(of) <= 500 else 0.4
    at, up = of.column(x.title), of.column(y.title)
    marks: list[Mark] = []
    for mask, role in ((~of.feasible, "infeasible"), (of.feasible, "text")):
        if mask.any():
            marks.append(
                Points(
                    at[mask],
                    up[mask],
                    "Infeasible" if role == "infeasible" and d == 2 else "",
                    role,  # type: ignore[arg-type]  # one of the two
                    trials=of.numbers[mask],
                    size=size,
                    opacity=look,
                )
            )
    if of.best is not None and of.feasible.any():
        top = int(np.flatnonzero(of.feasible)[np.argmin(of.loss[of.feasible])])
        star = np.array([top])
        marks.append(
            Points(
                at[star],
                up[star],
                "Best" if d == 2 else "",
                "best",
                trials=of.numbers[star],
                symbol="star",
                size=13.0 if d == 2 else 9.0,
            )
        )
    return tuple(marks)


def _on_scale(
    panels: tuple[tuple[Panel | None, ...], ...], scale: Scale
) -> tuple[tuple[Panel | None, ...], ...]:
    """The panels with the contours of a scale, and no values beyond."""
    levels = tuple(ticks.round_numbers(scale.low, scale.high, 20))

    def on_scale(mark: Mark) -> Mark:
        if not isinstance(mark, Contour):
            return mark
        return replace(mark, z=np.clip(mark.z, scale.low, scale.high), levels=levels)

    return tuple(
        tuple(panel and replace(panel, marks=tuple(map(on_scale, panel.marks))) for panel in row)
        for row in panels
    )


def _contour(trials: Trials, x: Axis, y: Axis, cells: int) -> tuple[Contour, ...]:
    """The contour of a pair of parameters, from all trials that have both."""
    at, up = trials.column(x.title), trials.column(y.title)
    both = ~(np.isnan(at) | np.isnan(up))
    if not both.any():
        return ()
    p, q = _count(x, cells), _count(y, cells)
    z = surface(_unit(x, at[both]), _unit(y, up[both]), trials.y[both], (p, q))
    places_x, z = _spread(x, p, z.T)
    places_y, z = _spread(y, q, z.T)
    return (Contour(places_x, places_y, z, ()),)


def _count(axis: Axis, cells: int) -> int:
    return -len(axis.names) if axis.kind == "category" else cells


def _unit(axis: Axis, values: FloatArray) -> FloatArray:
    """Where values lie between the ends of an axis, from 0 to 1."""
    assert axis.low is not None and axis.high is not None
    if axis.kind == "log":
        first, last = np.log(axis.low), np.log(axis.high)
        return np.asarray((np.log(values) - first) / (last - first))
    return np.asarray((values - axis.low) / (axis.high - axis.low))


def _spread(axis: Axis, cells: int, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Places on an axis, shape (k,), and what is there, shape (k, ...), from (cells, ...).

    A choice holds for all its width, and the outer cells reach to the ends of the axis.
    """
    assert axis.low is not None and axis.high is not None
    if cells < 0:
        centres = np.arange(-cells, dtype=float)
        edges = np.column_stack([centres - 0.49, centres + 0.49]).ravel()
        return edges, np.repeat(z, 2, axis=0)
    u = np.concatenate([[0.0], (np.arange(cells) + 0.5) / cells, [1.0]])
    z = np.concatenate([z[:1], z, z[-1:]])
    if axis.kind == "log":
        return np.exp(np.log(axis.low) * (1 - u) + np.log(axis.high) * u), z
    return np.asarray(axis.low + (axis.high - axis.low) * u), z
