"""Values over trials, and the best so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skipjack.study import Study
from skipjack.visualization import columns
from skipjack.visualization.columns import Target, Trials
from skipjack.visualization.figure import (
    Axis,
    Band,
    Figure,
    FloatArray,
    Line,
    Mark,
    Panel,
    Points,
    series,
    single,
)

_TITLE = "Optimization History Plot"
_ERRORS = 100  # bars


def optimization_history(
    study: Study | Sequence[Study],
    *,
    target: Target | None = None,
    target_name: str = "Objective Value",
    error_bar: bool = False,
) -> Figure:
    """Plot the value of every trial, and the best one so far.

    Each point is a complete trial; trials that violate a constraint are grey and do not count for
    the best. Without a direction, that is with `target`, there is no best.

    Args:
        study: One study or several.
        target: What is shown of a trial instead of its value; needed for several objectives.
        target_name: What it is called.
        error_bar: Show mean and standard deviation over the studies instead of each of them.

    Raises:
        TypeError: If `study` is neither.
        ValueError: If a study has several objectives and there is no target.
    """
    studies = columns.studies_of(study)
    if not studies:
        return single(
            _TITLE, Panel(Axis("Trial", whole=True), Axis(target_name), note="No studies to show")
        )
    name = columns.value_name(studies[0], target, target_name)
    found = [columns.finite(columns.trials_of(one, target)) for one in studies]
    notes = [note for _, note in found if note]
    sets = [trials for trials, _ in found]
    if not any(len(trials) for trials in sets):
        note = columns.nothing(studies[0])
        return single(_TITLE, Panel(Axis("Trial", whole=True), Axis(name), note=note), *notes)
    marks: tuple[Mark, ...] = ()
    if error_bar:
        marks, note = _mean(sets, name)
    else:
        marks, note = _each(sets, name)
    return single(_TITLE, Panel(Axis("Trial", whole=True), Axis(name), marks), *notes, note)


def best_so_far(trials: Trials) -> FloatArray:
    """The best value of feasible trials up to each, shape (n,); NaN before the first."""
    losses = np.where(trials.feasible, trials.loss, np.nan)
    best: FloatArray = np.fmin.accumulate(losses)
    return -best if trials.best == "high" else best


def _each(sets: list[Trials], name: str) -> tuple[tuple[Mark, ...], str]:
    """Points and a line for every study."""
    marks: list[Points | Line] = []
    shown = total = 0
    most = max(500, 10_000 // len(sets))
    for i, trials in enumerate(sets):
        of = f" of {trials.study}" if len(sets) > 1 else ""
        role = series(i) if len(sets) > 1 else "main"
        keep = np.flatnonzero(np.diff(best_so_far(trials), prepend=np.nan) != 0)
        rows = columns.thinned(len(trials), most, keep)
        shown, total = shown + len(rows), total + len(trials)
        some = trials.take(rows)
        faint = 0.85 if len(some) <= 200 else 0.6 if len(some) <= 2000 else 0.35
        size = 7.0 if len(some) <= 200 else 5.0 if len(some) <= 2000 else 3.5
        bad = some.take(~some.feasible)
        if len(bad):
            marks.append(
                Points(
                    bad.numbers.astype(float),
                    bad.y,
                    "" if any(mark.label == "Infeasible" for mark in marks) else "Infeasible",
                    "infeasible",
                    trials=bad.numbers,
                    size=size,
                    opacity=faint,
                    symbol="open",
                )
            )
        good = some.take(some.feasible)
        marks.append(
            Points(
                good.numbers.astype(float),
                good.y,
                f"{name}{of}",
                role,
                trials=good.numbers,
                hover=columns.described(good),
                size=size,
                opacity=faint,
            )
        )
        if trials.best is not None:
            marks.append(
                Line(
                    some.numbers.astype(float),
                    best_so_far(trials)[rows],
                    f"Best {'so far' if not of else of.strip()}",
                    role="best" if len(sets) == 1 else role,
                    width=2.2,
                    steps=True,
                )
            )
    return tuple(marks), columns.said(shown, total)


def _mean(sets: list[Trials], name: str) -> tuple[tuple[Mark, ...], str]:
    """Mean and standard deviation over studies at each trial number."""
    last = max(int(trials.numbers[-1]) for trials in sets if len(trials))
    values = np.full((len(sets), last + 1), np.nan)
    bests = values.copy()
    for i, trials in enumerate(sets):
        good = trials.take(trials.feasible)
        values[i, good.numbers] = good.y
        if trials.best is not None and len(good):
            so_far = np.full(last + 1, np.nan)
            so_far[good.numbers] = best_so_far(good)
            worse = np.fmax if trials.best == "high" else np.fmin
            bests[i] = worse.accumulate(so_far)
    x, mean, spread = _over(values)
    rows = columns.thinned(len(x), 5000)
    some = columns.thinned(len(rows), _ERRORS if len(rows) > 2 * _ERRORS else len(rows))
    whiskers = (
        f"error bars at {len(some)} of {len(rows):,} trial numbers" if len(some) < len(rows) else ""
    )
    faint = 0.85 if len(rows) <= 200 else 0.3
    marks: list[Mark] = []
    if whiskers:
        marks.append(Points(x[rows], mean[rows], size=3.5, opacity=faint))
    rows = rows[some]
    marks.append(
        Points(x[rows], mean[rows], f"Mean of {name}", error=spread[rows], size=5.0, opacity=0.85)
    )
    if sets[0].best is not None:
        x, mean, spread = _over(bests)
        rows = columns.thinned(len(x), 5000)
        x, mean, spread = x[rows], mean[rows], spread[rows]
        marks.append(Band(x, mean - spread, mean + spread, role="best", steps=True))
        marks.append(Line(x, mean, "Mean of the best so far", role="best", width=2.2, steps=True))
    return tuple(marks), whiskers


def _over(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Where some study has a value, and the mean and standard deviation there, from (k, n)."""
    there = ~np.isnan(values)
    n = there.sum(axis=0)
    at = np.flatnonzero(n)
    known = np.where(there, values, 0.0)[:, at]
    mean = known.sum(axis=0) / n[at]
    square = (np.where(there[:, at], known - mean, 0.0) ** 2).sum(axis=0)
    return at.astype(float), mean, np.sqrt(square / n[at])
