"""Where companions of Optuna look for what constrained samplers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from skipjack.records.frozen import FrozenTrial
from skipjack.records.states import TrialState
from skipjack.samplers.base import BaseSampler
from skipjack.samplers.constraints import CONSTRAINTS, checked_constraints

__all__ = ["_CONSTRAINTS_KEY", "BaseSampler", "_process_constraints_after_trial"]

_CONSTRAINTS_KEY = CONSTRAINTS


def _process_constraints_after_trial(
    constraints_func: Callable[[FrozenTrial], Sequence[float]],
    study: Any,
    trial: FrozenTrial,
    state: TrialState,
) -> None:
    """Store what `constraints_func` says of a trial that is complete or pruned.

    Raises:
        ValueError: If it says NaN.
    """
    if state in (TrialState.COMPLETE, TrialState.PRUNED):
        numbers = checked_constraints(constraints_func, trial)
        study._storage.set_trial_system_attr(trial._trial_id, _CONSTRAINTS_KEY, numbers)
