"""What finished trials say of the objectives and constraints, in numbers that can be modelled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from skipjack.numerics import pareto
from skipjack.numerics.gp.warp import two_sided_log
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray
from skipjack.records.states import TrialState

CAP = 320  # observations that a model has at most, besides the newest
NEW = 64  # observations since the epoch that are added at most
_FAILED = 0.25  # variance of what a failed trial would have come to, in that of all values
_PRUNED = 0.25
_HUGE = 1e6
_USED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class Target(NamedTuple):
    """One function to model: an objective (kind "loss") or a constraint (kind "limit")."""

    kind: str
    column: int


class Told(NamedTuple):
    """What trials say of one target.

    Attributes:
        rows: Of the trials, ascending, shape (n,).
        values: Shape (n,), finite.
        extra: Variances of noise that they have in addition, in that of the values, shape (n,).
    """

    rows: IntArray
    values: FloatArray
    extra: FloatArray


def epoch_of(n: int) -> int:
    """The last of the epochs 1, 2, ... 30, 32, 34, ... ceil(1.05 k) that is not after `n`."""
    epoch = min(n, 30)
    while epoch >= 30 and math.ceil(1.05 * epoch) <= n:
        epoch = math.ceil(1.05 * epoch)
    return epoch


def usable(history: History, first: int, last: int) -> IntArray:
    """Rows that say something, shape (n,)."""
    return np.flatnonzero(np.isin(history.states[first:last], _USED)) + first


def chosen(history: History, first: int, last: int, most: int) -> IntArray:
    """At most so many of the rows: half of them the best, the others evenly spread, ascending."""
    rows = usable(history, first, last)
    if len(rows) <= most:
        return rows
    if len(history.signs) == 1:
        score = _clipped(history.losses[rows, 0])
        score = np.where(history.states[rows] == TrialState.COMPLETE, score, np.inf)
    else:
        ranks = pareto.ranks(np.nan_to_num(history.losses[rows], nan=np.inf))
        score = ranks.astype(float)
    order = np.lexsort((-rows, score, history.violation[rows]))
    best = order[: most // 2]
    others = np.sort(order[most // 2 :])
    spread = others[np.linspace(0, len(others) - 1, most - len(best)).astype(np.intp)]
    return np.asarray(rows[np.sort(np.concatenate([best, spread]))])


def _clipped(losses: FloatArray) -> FloatArray:
    """Losses with NaN as inf."""
    return np.where(np.isnan(losses), np.inf, losses)


def told(
    history: History, target: Target, rows: IntArray, pruned_to: Mapping[int, float | None]
) -> Told:
    """What trials say of a target.

    A pruned trial comes to what complete ones came to that were as good when it ended
    (`pruned_to`, by row), else it is as bad as the worst; so is a failed one.
    """
    states = history.states[rows]
    if target.kind == "limit":
        values = history.constraints[rows, target.column]
        known = ~np.isnan(values) & (states != TrialState.FAIL)
        return Told(rows[known], values[known], np.zeros(int(known.sum())))
    values = history.losses[rows, target.column].copy()
    extra = np.zeros(len(rows))
    pruned, failed = states == TrialState.PRUNED, states == TrialState.FAIL
    for i in np.flatnonzero(pruned).tolist():
        expected = pruned_to.get(int(rows[i]))
        values[i] = np.inf if expected is None else expected
    values[failed] = np.inf
    extra[pruned], extra[failed] = _PRUNED, _FAILED
    return Told(rows, _clipped(values), extra)


class Scale(NamedTuple):
    """Makes values finite and moderate: the infinite ones are as the worst or the best.

    Attributes:
        low, high: The least and the greatest finite value.
        exponent: Of the power of two that is their unit.
    """

    low: float
    high: float
    exponent: int

    def __call__(self, values: FloatArray) -> FloatArray:
        """Values in the unit, shape (n,)."""
        values = np.where(np.isposinf(values), self.high, values)
        values = np.where(np.isneginf(values), self.low, values)
        scaled = np.ldexp(np.ldexp(values, -2), -self.exponent)
        return np.asarray(np.clip(scaled, -_HUGE, _HUGE))


def scale_of(values: FloatArray, *, signed: bool) -> Scale:
    """The scale of values, shape (n,); if `signed`, by their size rather than their span."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    if signed and not len(finite):
        low, high = -1.0, 1.0
    size = max(abs(low), abs(high)) / 4 if signed else high / 4 - low / 4
    return Scale(low, high, int(np.frexp(size)[1]))


class Sides(NamedTuple):
    """Constraint values as the model sees them: 0 stays 0, sizes are near 1."""

    unit: float
    size: float

    def __call__(self, values: FloatArray) -> FloatArray:
        """Images of scaled values, any shape."""
        return np.asarray(two_sided_log(values, self.unit) / self.size)


def sides_of(values: FloatArray) -> Sides:
    """The map of a constraint's scaled values, shape (n,)."""
    sizes = np.abs(values)
    unit = float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else 1.0
    size = float(np.sqrt(np.square(two_sided_log(values, unit)).mean()))
    return Sides(unit, size if size > 0 else 1.0)
