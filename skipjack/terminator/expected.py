"""Rules that compare the improvement to be expected with what means nothing."""

from __future__ import annotations

from typing import Any, final

from skipjack.errors import invalid, wrong_type
from skipjack.records.states import TrialState
from skipjack.terminator.arguments import at_least, real
from skipjack.terminator.base import (
    BaseErrorEvaluator,
    BaseImprovementEvaluator,
    asked,
    history_of,
    past_of,
)
from skipjack.terminator.error import CrossValidationErrorEvaluator, StaticErrorEvaluator
from skipjack.terminator.improvement import BestValueStagnationEvaluator, RegretBoundEvaluator
from skipjack.terminator.rules import StopRule


@final
class Terminator(StopRule):
    """Ends a study when the improvement to be expected is below the error.

    Args:
        improvement_evaluator: Says what is to be expected; `RegretBoundEvaluator()` if None.
        error_evaluator: Says what means nothing. If None, `StaticErrorEvaluator(0)` with
            `BestValueStagnationEvaluator`, else `CrossValidationErrorEvaluator()`.
        min_n_trials: Below so many complete trials nothing is decided.

    Raises:
        ValueError: If `min_n_trials` is not positive.
        TypeError: If an evaluator is none.

    Source: Makarova et al. 2022 (see `terminator.model`).
    """

    def __init__(
        self,
        improvement_evaluator: BaseImprovementEvaluator | None = None,
        error_evaluator: BaseErrorEvaluator | None = None,
        min_n_trials: int = 20,
    ) -> None:
        improvement = improvement_evaluator or RegretBoundEvaluator()
        error = error_evaluator or CrossValidationErrorEvaluator()
        if error_evaluator is None and isinstance(improvement, BestValueStagnationEvaluator):
            error = StaticErrorEvaluator(0)
        for name, part in (("improvement_evaluator", improvement), ("error_evaluator", error)):
            if isinstance(part, type) or not callable(getattr(part, "evaluate", None)):
                raise wrong_type(name, "be an evaluator", part)
        self._improvement, self._error = improvement, error
        self._least = at_least("min_n_trials", min_n_trials, 1)

    def reason(self, study: Any) -> str | None:
        """What is below what."""
        past = past_of(study)
        if history_of(study).counts[TrialState.COMPLETE] < self._least or not len(past.losses):
            return None
        improvement = asked(self._improvement, study, past)
        error = asked(self._error, study, past)
        if not improvement < error:
            return None
        kinds = type(self._improvement).__name__, type(self._error).__name__
        return (
            f"the improvement to be expected, {improvement:.4g} ({kinds[0]}), is below the error, "
            f"{error:.4g} ({kinds[1]})"
        )

    def __repr__(self) -> str:
        kinds = type(self._improvement).__name__, type(self._error).__name__
        return f"Terminator({kinds[0]}, {kinds[1]})"


@final
class RegretBound(StopRule):
    """Ends a study whose best value is, very likely, so near to the best possible one.

    Args:
        below: How near, in the unit of the objective; None: nearer than the error of the best
            trial's cross-validation (`report_cross_validation_scores`).
        min_n_trials: Below so many complete trials nothing is decided.

    Raises:
        ValueError: If an argument is out of range.

    Cost: A Gaussian process is fitted before each trial, which takes about 0.05 s.
    """

    def __init__(self, below: float | None = None, min_n_trials: int = 20) -> None:
        self._below = None if below is None else real("below", below)
        if self._below is not None and not self._below > 0:
            raise invalid("below", "be positive", below)
        error = CrossValidationErrorEvaluator()
        if self._below is not None:
            error = StaticErrorEvaluator(self._below)  # type: ignore[assignment]
        self._rule = Terminator(RegretBoundEvaluator(), error, min_n_trials)

    def reason(self, study: Any) -> str | None:
        """How near."""
        return self._rule.reason(study)

    def __repr__(self) -> str:
        return f"RegretBound({'' if self._below is None else f'{self._below:g}'})"
