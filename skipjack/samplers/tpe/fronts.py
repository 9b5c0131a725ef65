"""Which trials are good when there are several objectives: a fold over the history."""

from __future__ import annotations

from typing import final

import numpy as np

from skipjack.numerics import pareto
from skipjack.records.history import History
from skipjack.samplers.tpe.groups import COMPLETED, Ladder, Sample, key_of, tiers


@final
class Fronts:
    """A ranking by fronts, and by the room that a trial has in its front; see `groups.Ladder`.

    Only so many trials take part as can be good or nearly so: a quarter above the limit, the worst
    are left out, so that the cost of a trial does not grow.
    """

    def __init__(self, m: int, limit: int, salt: int) -> None:
        """Begin with no trials of `m` objectives; at least `limit` of the best are kept."""
        self.counted = 0
        self.sample = Sample(salt)
        self.others = Ladder(limit, salt)  # pruned and infeasible trials
        self._limit = limit
        self._rows: list[int] = []
        self._losses = np.zeros((limit + limit // 4, m))
        self._order: list[int] | None = None
        self._n_best = 0

    def add(self, row: int, losses: list[float]) -> None:
        """Take in a feasible trial that completed."""
        if len(self._rows) == len(self._losses):
            self._cut()
        self._losses[len(self._rows)] = losses
        self._rows.append(row)
        self._order = None

    def _cut(self) -> None:
        kept = sorted(self._sorted()[: self._limit])
        self._losses[: len(kept)] = self._losses[kept]
        self._rows = [self._rows[i] for i in kept]

    def _sorted(self) -> list[int]:
        """Indices into `_rows`, the best first."""
        losses = self._losses[: len(self._rows)]
        ranks = pareto.ranks(losses)
        self._n_best = int((ranks == 0).sum())
        found: list[int] = np.lexsort((-pareto.crowding(losses, ranks), ranks)).tolist()
        return found

    def order(self) -> list[int]:
        """Rows of the best trials, the best first."""
        if self._order is None:
            self._order = [self._rows[i] for i in self._sorted()]
        return self._order + self.others.order()

    def n_best(self) -> int:
        """How many are in the first front."""
        self.order()
        return self._n_best


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
                state.others.add(key_of(history, row, tier, loss[0], violation))
        return state
