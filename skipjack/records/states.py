"""The states of a trial and the directions of an objective, numbered as in Optuna's databases."""

from __future__ import annotations

from enum import IntEnum


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


class StudyDirection(IntEnum):
    """Whether low or high values of an objective are better."""

    NOT_SET = 0
    MINIMIZE = 1
    MAXIMIZE = 2
