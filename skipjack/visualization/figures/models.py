"""What a forest learned of a study: effects of parameters, alone and trial by trial."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from skipjack.distributions import BaseDistribution, CategoricalDistribution
from skipjack.importance.table import Grower, Table
from skipjack.numerics.forest import Forest
from skipjack.numerics.shapley import contributions
from skipjack.study import Study
from skipjack.visualization import columns
from skipjack.visualization.columns import Target
from skipjack.visualization.figure import (
    Axis,
    Band,
    Figure,
    FloatArray,
    IntArray,
    Line,
    Mark,
    Panel,
    Points,
    Scale,
    single,
)

_ACROSS = 5  # panels in a row
_SWARM = 200  # trials
_ROWS = 40  # places one above the other in the swarm of a parameter
_TREES, _DEPTH = 64, 64
_TREES_OF_SWARM = 24  # each point costs as much as they have leaves
_FEW = "Two complete trials with different values are needed"


def partial_dependence(
    study: Study,
    params: list[str] | None = None,
    *,
    target: Target | None = None,
    target_name: str = "Objective Value",
) -> Figure:
    """Plot the mean value at each value of a parameter, over the whole range of all others.

    The mean is that of a random forest which learned the complete trials, so it is smooth where
    trials are scattered, and knows little where there are none. The band is one standard error.

    Args:
        study: The study.
        params: Names of the parameters; None: those that all complete trials have.
        target: What is explained, from a trial, instead of the value.
        target_name: What it is called.

    Raises:
        TypeError: If `study` is no study.
        ValueError: If the study has several objectives and there is no target, or no trial has
            all of `params`.

    Source: J. H. Friedman, "Greedy function approximation: a gradient boosting machine", Ann.
        Statist. 29 (2001), section 8.2, with an even distribution over the ranges.
    """
    title = "Partial Dependence Plot"
    columns.a_study(study)
    columns.check_target(study, target)
    name = columns.value_name(study, target, target_name)
    table, forest = _learned(study, params, target, _TREES)
    if forest is None:
        return single(title, Panel(Axis(), Axis(name), note=_why(study, table)))
    space = columns.full_space(study.history)
    across = -(-len(table.names) // -(-len(table.names) // _ACROSS))
    panels: list[Panel | None] = []
    for j, key in enumerate(table.names):
        x, marks = _dependence(table, forest, j, space[key], key)
        panels.append(Panel(x, replace(Axis(name), shows_labels=j % across == 0), marks))
    panels += [None] * (-len(panels) % across)
    rows = tuple(tuple(panels[i : i + across]) for i in range(0, len(panels), across))
    note = f"of a random forest of {len(table.values):,} trials; bands: standard errors"
    return Figure(title, rows, None, (note,), shares_y=True)


def importance_beeswarm(
    study: Study,
    params: list[str] | None = None,
    *,
    target: Target | None = None,
    target_name: str = "Objective Value",
) -> Figure:
    """Plot by how much each parameter moved the value of each trial, and in which direction.

    Each point is a trial: how far to the left or right is the Shapley value of the parameter, that
    is its share of the difference between what a random forest says of the trial and the mean. The
    colour is where the parameter was in its range. The most important parameter is on top.

    Args:
        study: The study.
        params: Names of the parameters; None: those that all complete trials have.
        target: What is explained, from a trial, instead of the value.
        target_name: What it is called.

    Raises:
        TypeError: If `study` is no study.
        ValueError: If the study has several objectives and there is no target, or no trial has
            all of `params`.

    Source: S. Lundberg, S.-I. Lee, "A unified approach to interpreting model predictions", NeurIPS
        2017; see `numerics.shapley`.
    """
    title = "Importance Beeswarm Plot"
    columns.a_study(study)
    columns.check_target(study, target)
    name = columns.value_name(study, target, target_name)
    x, y = Axis(f"Effect on {name}"), Axis("Hyperparameter")
    table, forest = _learned(study, params, target, _TREES_OF_SWARM)
    if forest is None:
        return single(title, Panel(x, y, note=_why(study, table)))
    n = len(table.values)
    rows = columns.thinned(n, _SWARM)
    effects = table.unit * contributions(forest, table.codes[rows]).mean(axis=0)  # (n, d)
    order = np.argsort(np.abs(effects).mean(axis=0), kind="stable")
    reach = float(np.abs(effects).max()) or 1.0
    marks: list[Mark] = []
    for place, j in enumerate(order.tolist()):
        ends = np.cumsum(table.bins.shares[j])
        shade = (ends - 0.5 * table.bins.shares[j])[table.codes[rows, j]]
        up = place + _swarm(effects[:, j] / reach)
        marks.append(Points(effects[:, j], up, shade=shade, size=5.0, opacity=0.85))
    names = tuple(table.names[j] for j in order.tolist())
    y = Axis("Hyperparameter", "category", names, low=-0.6, high=len(names) - 0.4)
    ticks = ((0.0, "low"), (0.5, "middle"), (1.0, "high"))
    scale = Scale("Place in range", 0.0, 1.0, ticks=ticks)
    return single(title, Panel(x, y, tuple(marks)), columns.said(len(rows), n), scale=scale)


def _learned(
    study: Study, params: list[str] | None, target: Target | None, n_trees: int
) -> tuple[Table, Forest | None]:
    grower = Grower(n_trees, _DEPTH, None)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "There are fewer than two", UserWarning)
        table = grower.table(study, params, target)
    return table, None if table.unit > columns.FARTHEST else grower.grow(table)


def _why(study: Study, table: Table) -> str:
    if not len(study.history.where(*columns.COMPLETE)):
        return columns.nothing(study)
    if not table.names and len(table.values):
        return "No parameter varies that all complete trials have"
    if table.unit > columns.FARTHEST:
        return "The values are too far apart to be drawn"
    return _FEW


def _dependence(
    table: Table, forest: Forest, j: int, dist: BaseDistribution, name: str
) -> tuple[Axis, tuple[Mark, ...]]:
    """The axis of a parameter, and the means over it."""
    shares = forest.bins.shares[j]
    there = np.flatnonzero(shares > 0)
    sides = forest.sides
    rest = np.delete(sides, j, axis=1).prod(axis=1)
    parts = (forest.values * rest)[:, None] * forest.masks[:, j, there]  # (l, b)
    trees = np.add.reduceat(parts, forest.firsts, axis=0)
    means, errors = (table.unit * np.array(each) for each in table.spread(trees))
    means += table.middle
    if isinstance(dist, CategoricalDistribution):
        x = there.astype(float)
        axis = columns.axis_of(name, dist, x)
        return axis, (Points(x, means, error=errors, size=9.0),)
    ends = np.cumsum(shares)[there]
    starts = ends - shares[there]
    places = np.concatenate([[0.0], 0.5 * (starts + ends), [1.0]])
    x = np.array([dist.at(min(place, 1.0 - 1e-12)) for place in places.tolist()])
    means, errors = (np.concatenate([v[:1], v, v[-1:]]) for v in (means, errors))
    axis = columns.axis_of(name, dist, x)
    return axis, (Band(x, means - errors, means + errors), Line(x, means, width=2.2))


def _swarm(effects: FloatArray) -> FloatArray:
    """How far up or down each point moves so that those beside it can be seen, within 0.4."""
    cells = np.floor(effects * _ROWS).astype(np.int64)
    moved = np.zeros(len(effects))
    most = 1
    sets: list[IntArray] = []
    for cell in np.unique(cells).tolist():
        sets.append(np.flatnonzero(cells == cell))
        most = max(most, len(sets[-1]))
    for inside in sets:
        k = np.arange(len(inside))
        moved[inside] = np.where(k % 2, 1, -1) * ((k + 1) // 2)
    return moved * min(0.06, 0.8 / most)
