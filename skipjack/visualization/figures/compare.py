"""Many studies at once: how fast methods get good, and which fronts they reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from skipjack.errors import InvalidValueError, invalid
from skipjack.numerics import pareto
from skipjack.study import Study
from skipjack.visualization import columns
from skipjack.visualization.columns import Target
from skipjack.visualization.figure import (
    Axis,
    Band,
    Figure,
    FloatArray,
    Line,
    Mark,
    Panel,
    series,
    single,
)
from skipjack.visualization.figures.history import best_so_far

Groups: TypeAlias = Mapping[str, Sequence[Study]] | Sequence[Study]
_POINTS = 2000  # of one line


def anytime(
    studies: Groups,
    *,
    against: Literal["trials", "time"] = "trials",
    quantiles: tuple[float, float] = (0.25, 0.75),
    target: Target | None = None,
    target_name: str = "Best Value",
) -> Figure:
    """Plot the best value so far, median and band over the studies of each group.

    A group are studies of one method, say with different seeds. A study that ends before others
    keeps its best value.

    Args:
        studies: Groups of studies by name, or studies of one group.
        against: Whether the best value is shown after so many trials, or seconds since the first.
        quantiles: The edges of the band.
        target: What is minimised instead of the value; needed for several objectives.
        target_name: What it is called.

    Raises:
        TypeError: If there is something else than studies.
        ValueError: If an argument is not possible, directions differ, or a study has several
            objectives and there is no target.
    """
    title = "Anytime Performance Plot"
    if against not in ("trials", "time"):
        raise invalid("against", 'be "trials" or "time"', against)
    if not 0 <= quantiles[0] <= quantiles[1] <= 1:
        raise invalid("quantiles", "be 0 <= first <= second <= 1", quantiles)
    groups = _groups(studies)
    x = Axis("Trials", whole=True) if against == "trials" else Axis("Seconds")
    marks: list[Mark] = []
    for i, (label, members) in enumerate(groups.items()):
        curves = [c for c in (_curve(one, against, target) for one in members) if len(c[0])]
        if not curves:
            continue
        at, values = _together(curves)
        name = f"{label} ({len(curves)})" if label else f"Median of {len(curves)}"
        low, middle, high = np.nanquantile(values, [quantiles[0], 0.5, quantiles[1]], axis=0)
        marks.append(Band(at, low, high, role=series(i), steps=True))
        marks.append(Line(at, middle, name, role=series(i), width=2.2, steps=True))
    if not marks:
        return single(title, Panel(x, Axis(target_name), note="No complete trials to show"))
    note = f"median, and band from {quantiles[0]:.0%} to {quantiles[1]:.0%} of the studies"
    return single(title, Panel(x, Axis(target_name), tuple(marks)), note)


def attainment_surface(studies: Groups, *, target_names: list[str] | None = None) -> Figure:
    """Plot which pairs of values half of the studies of a group attain.

    The line in the middle is the median attainment surface: what lies on its bad side was attained
    by at least half of the studies. Dashed lines are what a quarter attained, and what three
    quarters did.

    Args:
        studies: Groups of studies of two objectives by name, or studies of one group.
        target_names: What the objectives are called.

    Raises:
        TypeError: If there is something else than studies.
        ValueError: If a study has not two objectives, or directions differ.

    Source: C. M. Fonseca, P. J. Fleming, "On the performance assessment and comparison of
        stochastic multiobjective optimizers", PPSN IV (1996), doi:10.1007/3-540-61723-X_1022.
    """
    title = "Empirical Attainment Surface Plot"
    groups = _groups(studies)
    members = [one for group in groups.values() for one in group]
    for one in members:
        if len(one.directions) != 2:
            raise InvalidValueError(
                f"`studies` must have two objectives, but {one.study_name!r} has "
                f"{len(one.directions)}."
            )
    known = members[0].metric_names if members else None
    names = target_names or known or ["Objective 0", "Objective 1"]
    if len(names) != 2:
        raise invalid("target_names", "name the 2 axes", target_names)
    marks: list[Mark] = []
    for i, (label, group) in enumerate(groups.items()):
        fronts = [front for front in map(_front, group) if len(front)]
        if fronts:
            marks += _surfaces(fronts, group[0].history.signs, label, i)
    x, y = Axis(names[0]), Axis(names[1])
    if not marks:
        return single(title, Panel(x, y, note="No complete trials to show"))
    note = "thick: attained by half of the studies; dashed: by a quarter, and by three quarters"
    return single(title, Panel(x, y, tuple(marks)), note)


def _groups(studies: Groups) -> dict[str, list[Study]]:
    """The groups; all studies must be optimized in the same directions."""
    given = studies if isinstance(studies, Mapping) else {"": studies}
    found = {str(name): columns.studies_of(group) for name, group in given.items()}
    ways = {tuple(one.directions) for group in found.values() for one in group}
    if len(ways) > 1:
        raise InvalidValueError("`studies` must all have the same directions, but they differ.")
    return found


def _curve(study: Study, against: str, target: Target | None) -> tuple[FloatArray, FloatArray]:
    """When the best value of a study changed, and to what."""
    trials, _ = columns.finite(columns.trials_of(study, target))
    good = trials.take(trials.feasible)
    if against == "time":
        good = good.take(np.argsort(good.end, kind="stable"))
        good = good.take(np.isfinite(good.end))
        first = np.nanmin(study.history.start) if len(study.history) else 0.0
        at = np.asarray(good.end - first)
    else:
        at = good.numbers.astype(np.float64) + 1
    if good.best is None:  # a target, which is minimised
        return at, np.asarray(np.minimum.accumulate(good.y))
    return at, best_so_far(good)


def _together(curves: list[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """Places from where all have a value, shape (n,), and the best of each there, (k, n)."""
    first = max(float(at[0]) for at, _ in curves)
    all_at = np.unique(np.concatenate([at for at, _ in curves]))
    all_at = all_at[all_at >= first]
    all_at = all_at[columns.thinned(len(all_at), _POINTS)]
    rows = [best[np.searchsorted(at, all_at, "right") - 1] for at, best in curves]
    return all_at, np.array(rows)


def _front(study: Study) -> FloatArray:
    """The losses on the front of a study, shape (f, 2), the first objective rising."""
    trials = columns.all_trials(study)
    losses = columns.objectives_of(study) * np.array(study.history.signs)
    good = np.isin(trials.states, columns.COMPLETE) & trials.feasible
    losses = losses[good & np.isfinite(losses).all(axis=1)]
    front = losses[pareto.is_front(losses)] if len(losses) else losses
    return np.asarray(front[np.lexsort((front[:, 1], front[:, 0]))])


def _surfaces(fronts: list[FloatArray], signs: Sequence[float], label: str, i: int) -> list[Mark]:
    """The pairs that a quarter, a half and three quarters of the studies attain."""
    x = np.unique(np.concatenate([front[:, 0] for front in fronts]))
    reached = np.full((len(fronts), len(x)), np.inf)
    for row, front in zip(reached, fronts):
        lowest = np.minimum.accumulate(front[:, 1])
        place = np.searchsorted(front[:, 0], x, "right") - 1
        row[place >= 0] = lowest[place[place >= 0]]
    reached.sort(axis=0)
    marks: list[Mark] = []
    for share, dash in ((0.25, "dash"), (0.5, "solid"), (0.75, "dash")):
        needed = max(1, int(np.ceil(share * len(fronts))))
        level = reached[needed - 1]
        there = np.isfinite(level)
        if share != 0.5 and len(fronts) < 4:
            continue
        marks.append(
            Line(
                x[there] * signs[0],
                level[there] * signs[1],
                (f"{label} ({len(fronts)})" if label else f"Median of {len(fronts)}")
                if share == 0.5
                else "",
                f"attained by {needed} of {len(fronts)}",
                series(i),
                dash,  # type: ignore[arg-type]  # one of the two
                width=2.4 if share == 0.5 else 1.2,
                steps=True,
            )
        )
    return marks
