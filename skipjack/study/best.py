"""The Pareto front of a study."""

from __future__ import annotations

import numpy as np

from skipjack.numerics import pareto
from skipjack.records.history import History
from skipjack.records.states import TrialState


def front(history: History) -> list[int]:
    """Numbers of the feasible complete trials that no other one dominates, in order."""
    rows = np.flatnonzero((history.states == TrialState.COMPLETE) & history.feasible)
    if not rows.size:
        return []
    best = pareto.is_front(history.losses[rows])
    return sorted(history.numbers[rows[best]].tolist())
