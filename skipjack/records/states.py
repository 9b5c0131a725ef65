"""The states of a trial and the directions of an objective, numbered as in Optuna's databases."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class TrialState(IntEnum):
    """Where a trial is in its life; `WAITING` is queued, `PRUNED` was stopped early."""

    RUNNING = 0
    COMPLETE = 1
    PRUNED = 2
    FAIL = 3
    WAITING = 4

    def __str__(self) -> str:
        return f"TrialState.{self.name}"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def is_finished(self) -> bool:
        """Whether the trial has ended and can no longer change."""
        return self not in (TrialState.RUNNING, TrialState.WAITING)


def state_of(state: Any) -> TrialState | None:
    """The state that is meant, also when it is the real Optuna's; None if it is no state."""
    if isinstance(state, TrialState):
        return state
    if type(state).__name__ == "TrialState" and isinstance(state, int):
        return TrialState(int(state))
    return None


class StudyDirection(IntEnum):
    """Whether low or high values of an objective are better."""

    NOT_SET = 0
    MINIMIZE = 1
    MAXIMIZE = 2
