"""The Pareto front of a study, kept up to date: a fold over the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from skipjack.numerics.pareto import Front
from skipjack.records.history import History
from skipjack.records.states import TrialState


@final
@dataclass(frozen=True)
class FrontFold:
    """Keeps the front of the complete trials; its tags are their rows.

    Args:
        feasible_only: Whether trials that violate a constraint count as not there.
    """

    feasible_only: bool = True

    def start(self, history: History) -> Front:
        """No trials yet."""
        return Front(len(history.signs))

    def extend(self, state: Front, history: History, first: int, last: int) -> Front:
        """Take in rows; for one row O(size of the front)."""
        chosen = history.states[first:last] == TrialState.COMPLETE
        if self.feasible_only:
            chosen = chosen & history.feasible[first:last]
        rows = np.flatnonzero(chosen) + first
        if len(rows):
            state.add(history.losses[rows], rows)
        return state
