"""Which trials are good when there are several objectives: a fold over the history."""

from __future__ import annotations

from typing import final

import numpy as np

from skipjack.numerics import pareto
from skipjack.numerics.subset import Subset
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray
from skipjack.samplers.tpe.groups import COMPLETED, Ladder, Sample, key_of, tiers

_NEVER = -1
_LEAST_MARGIN = 1e-12


@final
class Fronts:
    """A ranking by fronts; see `groups.Ladder`.

    Of the front that is good in part, those trials are taken that dominate the most together;
    others of one front are ranked by the room that they have in it. Only so many trials take part
    as can be good or nearly so: a quarter above the limit, the worst are left out, so that the
    cost of a trial does not grow.
    """

    def __init__(self, m: int, limit: int, salt: int) -> None:
        """Begin with no trials of `m` objectives; at least `limit` of the best are kept."""
        self.counted = 0
        self.sample = Sample(salt)
        self.others = Ladder(limit, salt)  # pruned and infeasible trials
        self._limit = limit
        self._rows: list[int] = []
        self._losses = np.zeros((limit + limit // 4, m))
        self._order: list[int] = []
        self._order_for = _NEVER  # how many are good
        self._n_best = 0
        self._subset = Subset(np.zeros(m))
        self._subset_key = b""

    def add(self, row: int, losses: list[float]) -> None:
        """Take in a feasible trial that completed."""
        if len(self._rows) == len(self._losses):
            self._cut()
        self._losses[len(self._rows)] = losses
        self._rows.append(row)
        self._order_for = _NEVER

    def _cut(self) -> None:
        kept = sorted(self._sorted(0)[: self._limit])
        self._losses[: len(kept)] = self._losses[kept]
        self._rows = [self._rows[i] for i in kept]

    def _sorted(self, n_good: int) -> list[int]:
        """Indices into `_rows`, the best first."""
        losses = self._losses[: len(self._rows)]
        ranks = pareto.ranks(losses)
        self._n_best = int((ranks == 0).sum())
        order = np.lexsort((-pareto.crowding(losses, ranks), ranks))
        found: list[int] = order.tolist()
        if 0 < n_good < len(found) and ranks[order[n_good - 1]] == ranks[order[n_good]]:
            front = np.flatnonzero(ranks == ranks[order[n_good]])
            first = int((ranks < ranks[front[0]]).sum())
            chosen = [int(front[i]) for i in self._best_of(front, n_good - first)]
            rest = set(chosen)
            found[first:] = chosen + [i for i in found[first:] if i not in rest]
        return found

    def _best_of(self, front: IntArray, k: int) -> list[int]:
        """Indices into `front` of the `k` trials that dominate the most together."""
        points, reference = _scaled(self._losses[front])
        if reference.tobytes() != self._subset_key:
            self._subset, self._subset_key = Subset(reference), reference.tobytes()
        rows = [self._rows[i] for i in front.tolist()]
        chosen = self._subset.best(points, rows, k)
        at = {row: i for i, row in enumerate(rows)}
        return [at[row] for row in chosen]

    def order(self, n_good: int) -> list[int]:
        """Rows of the best trials, the best first."""
        if n_good != self._order_for:
            self._order = [self._rows[i] for i in self._sorted(n_good)]
            self._order_for = n_good
        return self._order + self.others.order(n_good)

    def n_best(self) -> int:
        """How many are in the first front."""
        return self._n_best


def _scaled(losses: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Finite losses and a reference a tenth worse than the worst, in units near their span.

    The units are powers of two, so that they change nothing but the exponents.
    """
    quarter = np.ldexp(losses, -2)  # of which differences are finite
    finite = np.isfinite(quarter)
    low = np.where(finite, quarter, np.inf).min(axis=0)
    high = np.where(finite, quarter, -np.inf).max(axis=0)
    low, high = np.where(low <= high, low, 0.0), np.where(low <= high, high, 0.0)
    reference = np.maximum(1.1 * high, 0.9 * high)
    reference = np.where(reference > high, reference, high + _LEAST_MARGIN)
    unit = np.frexp(reference - low)[1]
    return np.ldexp(np.clip(quarter, low, high), -unit), np.ldexp(reference, -unit)


@final
class FrontsFold:
    """Keeps the ranking of a study with several objectives; two of them are not the same.

    Args:
        limit: How many of the best are kept at least.
        salt: Another number gives another sample of the same trials.
    """

    def __init__(self, limit: int, salt: int = 0) -> None:
        self._limit, self._salt = limit, salt

    def start(self, history: History) -> Fronts:
        """No trials yet."""
        return Fronts(len(history.signs), self._limit, self._salt)

    def extend(self, state: Fronts, history: History, first: int, last: int) -> Fronts:
        """Take in rows."""
        losses = history.losses[first:last].tolist()
        for (row, tier, violation), loss in zip(tiers(history, first, last), losses, strict=True):
            state.sample.note(row)
            if tier is None:
                continue
            state.counted += 1
            if tier == COMPLETED:
                state.add(row, loss)
            else:
                ladder = state.others
                ladder.add(key_of(history, row, tier, loss[0], violation, ladder.outlook))
        return state
