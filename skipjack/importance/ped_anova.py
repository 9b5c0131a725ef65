"""PED-ANOVA: which parameters decide whether a trial is among the best."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, final

import numpy as np

from skipjack.distributions import BaseDistribution, CategoricalDistribution
from skipjack.errors import invalid
from skipjack.importance.base import (
    BaseImportanceEvaluator,
    Importances,
    TargetFunction,
    checked_names,
    enough,
    history_of,
    values_of,
)
from skipjack.numerics import divergence, pareto
from skipjack.numerics.subset import Subset
from skipjack.records.history import History
from skipjack.records.space import BoolArray, FloatArray, IntArray, Space
from skipjack.records.states import TrialState
from skipjack.rng import stream

_CELLS = 50
_LEAST = 2  # trials that a regime must have
_GROUPS = 20  # of which one at a time is left out


class Split(NamedTuple):
    """Trials of the region, and which of them are the best.

    Attributes:
        rows: Of the region, shape (n,).
        top: Which of them, shape (n,).
    """

    rows: IntArray
    top: BoolArray


@final
class PedAnovaImportanceEvaluator(BaseImportanceEvaluator):
    """How differently a parameter is distributed among the best trials and among all.

    The measure asks what decides whether a trial is among the best, and costs next to nothing. A
    parameter that only some trials have is judged in each regime of its own, that is, for each
    range that it had and for not being there. Trials that violate constraints are worse than all
    others. With several objectives the best are the first fronts. With a `target` that is not the
    objective both its lowest and its highest values are looked at, and the mean is returned.

    Args:
        target_quantile: The share of trials that are the best.
        region_quantile: The share of trials that they are compared with; 1: all.
        evaluate_on_local: Whether they are compared with the trials there were (what mattered in
            this study), or with an even distribution over the range.

    Raises:
        ValueError: If the shares are not 0 < target < region <= 1.

    Source: Watanabe et al. 2023 (see `numerics.divergence`); for regimes "Conditional PED-ANOVA",
        arXiv:2601.20800, theorem 4.2 and algorithm 1.
    """

    def __init__(
        self,
        *,
        target_quantile: float = 0.1,
        region_quantile: float = 1.0,
        evaluate_on_local: bool = True,
    ) -> None:
        if not 0.0 < target_quantile < region_quantile <= 1.0:
            must = "be 0 < `target_quantile` < `region_quantile` <= 1"
            raise invalid(
                "target_quantile, region_quantile", must, (target_quantile, region_quantile)
            )
        self._target_quantile = float(target_quantile)
        self._region_quantile = float(region_quantile)
        self._evaluate_on_local = bool(evaluate_on_local)

    def evaluate(
        self,
        study: Any,
        params: list[str] | None = None,
        *,
        target: TargetFunction | None = None,
    ) -> Importances[str]:
        """The importance of each parameter, with standard errors.

        Args:
            study: The study, of which the complete trials with finite values count.
            params: Names of the parameters; None: all that a complete trial has.
            target: What is explained, from a trial; None: the objectives.

        Raises:
            ValueError: If no complete trial has one of the parameters.
        """
        history = history_of(study)
        complete = history.where(TrialState.COMPLETE)
        names = _names(history, complete, checked_names(params))
        nothing = dict.fromkeys(names, 0.0)
        if target is None:
            rows = complete[np.isfinite(history.losses[complete]).all(axis=1)]
            values = history.losses[rows]
        else:
            values = values_of(study, history, complete, target)[:, None]
            rows, values = complete[np.isfinite(values[:, 0])], values[np.isfinite(values[:, 0])]
        if not enough(len(rows), names):
            return Importances(nothing, nothing)
        penalty = history.violation[rows] if target is None else np.zeros(len(rows))
        sides = [values] if target is None else [values, -values]
        splits = [self._split(rows, side, penalty) for side in sides]
        figures = dict(nothing)
        errors = dict(nothing)
        for name in names:
            each = np.mean([self._figures(history, name, split) for split in splits], axis=0)
            figures[name], errors[name] = each[0], _error(each[1:])
        return Importances(figures, errors)

    def _split(self, rows: IntArray, values: FloatArray, penalty: FloatArray) -> Split:
        region = _best(values, penalty, self._region_quantile)
        top = _best(values, penalty, self._target_quantile)
        return Split(rows[region], top[region])

    def _figures(self, history: History, name: str, split: Split) -> FloatArray:
        """The importance of one parameter, then that without each group, shape (1 + groups,)."""
        groups = _groups(len(split.rows))
        n_top, n_region = _without(groups[split.top]), _without(groups)
        total = np.zeros(len(n_region))
        for dist, which in _regimes(history, name, split.rows):
            if dist.single() or which.sum() < _LEAST or not (split.top & which).any():
                continue
            cells, b = _cells(history, name, dist, split.rows[which])
            best = split.top[which]
            counts = _without(groups[which], cells, b)
            counts_top = _without(groups[which][best], cells[best], b)
            smooth = divergence.density
            if isinstance(dist, CategoricalDistribution):
                smooth = divergence.density_of_choices
            density = smooth(counts) if self._evaluate_on_local else np.full((1, b), 1.0 / b)
            found = divergence.pearson(smooth(counts_top), density)
            alpha = counts_top.sum(axis=1) / np.maximum(n_top[:, 0], 1)
            beta = np.maximum(counts.sum(axis=1), 1) / np.maximum(n_region[:, 0], 1)
            total += np.square(alpha) / beta * found
        share = float(split.top.sum() / len(split.top))
        return np.asarray(total * share**2)


def _names(history: History, rows: IntArray, params: list[str] | None) -> list[str]:
    """What to judge, checked."""
    used = np.unique(history.layout_indices[rows]).tolist()
    known = dict.fromkeys(name for index in used for name in history.layouts[index].names)
    if params is None:
        return list(known)
    if missing := [name for name in params if name not in known]:
        must = f"be names that complete trials have (there are {sorted(known)})"
        raise invalid("params", must, missing)
    return params


def _best(values: FloatArray, penalty: FloatArray, share: float) -> BoolArray:
    """The best share of points, shape (n,); all that are as good as the last of one objective.

    Args:
        values: Losses, shape (n, m).
        penalty: How much each violates constraints, shape (n,).
        share: In (0, 1].
    """
    n = len(values)
    k = math.ceil(share * n)
    if k == n:
        return np.ones(n, bool)
    if values.shape[1] == 1:
        order = np.lexsort((values[:, 0], penalty))
        last = order[k - 1]
        worse = (penalty > penalty[last]) | (
            (penalty == penalty[last]) & (values[:, 0] > values[last, 0])
        )
        return np.asarray(~worse)
    return _first_fronts(values, penalty, k)


def _first_fronts(values: FloatArray, penalty: FloatArray, k: int) -> BoolArray:
    """The k best of several objectives, front by front; of the last those of most volume."""
    chosen = np.zeros(len(values), bool)
    left = np.flatnonzero(penalty <= 0)
    wanted = k
    while wanted and len(left):
        front = left[pareto.is_front(values[left])]
        if len(front) > wanted:
            worst = values[front].max(axis=0)
            reference = np.maximum(1.1 * worst, 0.9 * worst) + 1e-12
            front = np.asarray(Subset(reference).best(values[front], front.tolist(), wanted))
        chosen[front] = True
        wanted -= len(front)
        left = left[~chosen[left]]
    if wanted:
        others = np.flatnonzero(penalty > 0)
        chosen[others[np.argsort(penalty[others], kind="stable")[:wanted]]] = True
    return chosen


def _groups(n: int) -> IntArray:
    """Which group each of n rows is in, shape (n,)."""
    return np.asarray(stream(n, 0, "ped-anova").permutation(n) % _GROUPS)


def _without(groups: IntArray, cells: IntArray | int = 0, b: int = 1) -> FloatArray:
    """How many rows are in each cell: of all, then without each group, shape (1 + groups, b)."""
    found = np.bincount(groups * b + cells, minlength=_GROUPS * b).reshape(_GROUPS, b)
    total = found.sum(axis=0)
    return np.concatenate([total[None], total - found]).astype(float)


def _error(figures: FloatArray) -> float:
    """The standard error of a figure, from those without each group, shape (groups,).

    Source: J. Shao, D. Tu, "The jackknife and bootstrap", Springer 1995, section 2.3 (groups).
    """
    return float(np.sqrt((_GROUPS - 1) * figures.var()))


def _regimes(
    history: History, name: str, rows: IntArray
) -> Iterator[tuple[BaseDistribution, BoolArray]]:
    """The distributions that a parameter had, and which rows had each, shape (n,)."""
    layouts = history.layout_indices[rows]
    members: dict[BaseDistribution, list[int]] = {}
    for index in np.unique(layouts).tolist():
        dist = history.layouts[index].by_name.get(name)
        if dist is not None:
            members.setdefault(dist, []).append(index)
    for dist, indices in members.items():
        yield dist, np.isin(layouts, indices)


def _cells(
    history: History, name: str, dist: BaseDistribution, rows: IntArray
) -> tuple[IntArray, int]:
    """The cell of each row on the grid of a parameter, shape (n,), and how many there are."""
    space = Space({name: dist})
    x = history.values[rows, history.columns(space)[0]]
    if isinstance(dist, CategoricalDistribution):
        return x.astype(np.int64), len(dist.choices)
    axis = dist.axis
    low, high = axis.low, axis.high
    if axis.step and axis.log:
        b = min(math.ceil(math.log2(high - low + 1)) + 1, _CELLS)
    else:
        b = min(round((high - low) / axis.step) + 1, _CELLS) if axis.step else _CELLS
    if axis.log:
        x, low, high = np.log(x), math.log(low), math.log(high)
    width = (high - low) / (b - 1)
    cells = np.ceil((x - low) / width - 0.5).astype(np.int64)
    return np.clip(cells, 0, b - 1), b
