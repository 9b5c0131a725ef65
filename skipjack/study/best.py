"""The Pareto front of a study."""

from __future__ import annotations

import numpy as np

from skipjack.numerics import pareto
from skipjack.records.history import History
from skipjack.records.states import TrialState


def front(history: History, feasible_only: bool = True) -> list[int]:
    """Numbers of the complete trials that no other one dominates, in order.

    Args:
        history: The trials.
        feasible_only: Whether trials that violate a constraint count as not there.
    """
    chosen = history.states == TrialState.COMPLETE
    rows = np.flatnonzero(chosen & history.feasible if feasible_only else chosen)
    if not rows.size:
        return []
    best = pareto.is_front(history.losses[rows])
    return sorted(history.numbers[rows[best]].tolist())
