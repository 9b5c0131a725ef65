"""The Pareto front of a study."""

from __future__ import annotations

from skipjack.records.fronts import FrontFold
from skipjack.records.history import History


def front(history: History, feasible_only: bool = True) -> list[int]:
    """Numbers of the complete trials that no other one dominates, in order.

    Args:
        history: The trials.
        feasible_only: Whether trials that violate a constraint count as not there.
    """
    rows = history.derived(FrontFold(feasible_only)).tags
    return sorted(history.numbers[rows].tolist())
