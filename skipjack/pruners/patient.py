"""Pruning with patience."""

from __future__ import annotations

import math
from typing import Any

from skipjack import _optional
from skipjack._experimental import experimental_class
from skipjack.errors import invalid, wrong_type
from skipjack.pruners.base import BasePruner, Contender, RulePruner, count, decides
from skipjack.records.attributes import float_value
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History

dominance = _optional.lazy("skipjack.pruners.dominance")


@experimental_class("2.8.0")
class PatientPruner(RulePruner):
    """Asks another pruner only when a trial has not got better for a while.

    That is so when all of the last `patience` + 1 values, by step, are worse than the best one
    before them by more than `min_delta`. NaN is no value. With several objectives, those are worse
    that an earlier report dominates, even if `min_delta` is added to each of its losses.

    Args:
        wrapped_pruner: Which pruner to ask then; None stops the trial.
        patience: For how many steps to wait.
        min_delta: How much worse than the best a value may be without counting as worse.

    Raises:
        ValueError: If `patience` or `min_delta` is negative.
        TypeError: If an argument is of another type.

    Cost: O(reports of the trial).
    """

    def __init__(
        self, wrapped_pruner: BasePruner | None, patience: int, min_delta: float = 0.0
    ) -> None:
        if wrapped_pruner is not None and not isinstance(wrapped_pruner, BasePruner):
            raise wrong_type("wrapped_pruner", "be a pruner or None", wrapped_pruner)
        self._wrapped_pruner = wrapped_pruner
        self._patience = count("patience", patience, 0)
        self._min_delta = float_value("min_delta", min_delta)
        if not self._min_delta >= 0.0:
            raise invalid("min_delta", "be at least 0", min_delta)
        self.reads_running = wrapped_pruner is not None and wrapped_pruner.reads_running
        self.is_pure = wrapped_pruner is None or decides(wrapped_pruner)

    def stops(self, history: History, trial: Contender) -> bool:
        """Whether the trial has not got better, and the wrapped pruner, a rule, stops it."""
        if not self._waited(history, trial.reports):
            return False
        wrapped = self._wrapped_pruner
        return not isinstance(wrapped, RulePruner) or wrapped.stops(history, trial)

    def prune(self, study: Any, trial: FrozenTrial) -> bool:
        """Whether `trial` is to stop; see `stops`."""
        if not self._waited(study.history, trial.intermediate_values):
            return False
        return self._wrapped_pruner is None or bool(self._wrapped_pruner.prune(study, trial))

    def _waited(self, history: History, reports: Any) -> bool:
        """Whether the trial has not got better for longer than `patience`."""
        n = self._patience + 1
        if len(reports) <= n:
            return False
        if len(history.signs) > 1:
            losses_of = dominance.points([reports[step] for step in sorted(reports)], history.signs)
            worse = dominance.dominating(losses_of[:-n] + self._min_delta, losses_of[-n:])
            return bool((worse > 0).all())
        sign = history.signs[0]
        losses = [sign * reports[step] for step in sorted(reports)]
        before, after = _least(losses[:-n]), _least(losses[-n:])
        return before + self._min_delta < after


def _least(losses: list[float]) -> float:
    """The least number; NaN if there is none."""
    return min((loss for loss in losses if loss == loss), default=math.nan)
