"""Comparing trials of several objectives while they run: by how many others dominate them.

Source: C. M. Fonseca, P. J. Fleming, "Genetic algorithms for multiobjective optimization:
    formulation, discussion and generalization", ICGA 1993 (ranking by the number that dominate).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from skipjack.numerics.pareto import is_front
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray

_AT_ONCE = 256  # points that are compared with all others at once


def points(reports: Sequence[Any], signs: Sequence[float]) -> FloatArray:
    """Reports as losses, shape (n, m); NaN, and what is missing, counts as infinite."""
    table = np.full((len(reports), len(signs)), np.nan)
    for row, report in zip(table, reports, strict=True):
        given = report if isinstance(report, list) else [report]
        row[: len(given)] = given
    losses = table * np.array(signs)
    return np.where(np.isnan(losses), np.inf, losses)


def dominating(these: FloatArray, those: FloatArray) -> IntArray:
    """How many of `these`, shape (n, m), dominate each of `those`, shape (k, m); shape (k,)."""
    found = np.zeros(len(those), np.int64)
    for first in range(0, len(those), _AT_ONCE):
        block = those[first : first + _AT_ONCE, None]
        better = (these <= block).all(axis=2) & (these < block).any(axis=2)
        found[first : first + _AT_ONCE] = better.sum(axis=1)
    return found


def better_than(others: Sequence[Sequence[float]], own: Sequence[float]) -> int:
    """How many of some losses are dominated by fewer than `own` are; O(n²)."""
    table = np.array([*others, own])
    counts = dominating(table, table)
    return int((counts[:-1] < counts[-1]).sum())


@final
class Pool:
    """What COMPLETE trials reported at one step.

    Attributes:
        points: Their losses, shape (n, m).
        counts: How many of them dominate each, shape (n,).
    """

    def __init__(self, m: int) -> None:
        self.points = np.empty((0, m))
        self.counts = np.empty(0, np.int64)

    def extend(self, new: FloatArray) -> None:
        """Add points; O(n) each."""
        counts = self.counts + dominating(new, self.points)
        self.points = np.concatenate([self.points, new])
        self.counts = np.concatenate([counts, dominating(self.points, new)])

    def is_beyond(
        self, reports: Mapping[int, Any], signs: Sequence[float], percentile: float
    ) -> bool:
        """Whether all of a trial's reports are dominated by more than a percentile of these are."""
        own = points(list(reports.values()), signs)
        own = own[~np.isinf(own).all(axis=1)]
        if not len(own):
            return True
        if not len(self.points):
            return False
        least = dominating(self.points, own[is_front(own)]).min()
        return bool(least > np.percentile(self.counts, percentile))


@final
class AtStep:
    """A fold: `Pool` by step, each made when it is asked for."""

    def start(self, history: History) -> dict[int, Pool]:
        """No step yet."""
        return {}

    def extend(
        self, state: dict[int, Pool], history: History, first: int, last: int
    ) -> dict[int, Pool]:
        """Nothing: the history has the values step by step."""
        return state

    def at(self, history: History, step: int) -> Pool:
        """What is known of a step."""
        m, flat = len(history.signs), history.curves.at(step)
        pool = history.derived(self).setdefault(step, Pool(m))
        new = np.array(flat[m * len(pool.points) :]).reshape(-1, m)
        if len(new):
            pool.extend(points(new.tolist(), history.signs))
        return pool


AT_STEP = AtStep()
