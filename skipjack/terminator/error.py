"""Below which size an improvement of a study means nothing."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import Any, final

import numpy as np

from skipjack.errors import InvalidValueError, invalid, wrong_type
from skipjack.records.frozen import FrozenTrial
from skipjack.records.states import StudyDirection, TrialState
from skipjack.terminator.arguments import at_least, real
from skipjack.terminator.base import BaseImprovementEvaluator, OnColumns, Past, need_trials

SCORES = "terminator:cv_scores"  # system attribute of a trial, as Optuna names it
_REMEMBERED = 16
_NOT_YET = -sys.float_info.min  # improvements are at least 0


def report_cross_validation_scores(trial: Any, scores: Iterable[float]) -> None:
    """Keep the scores of the folds of a trial, for `CrossValidationErrorEvaluator`.

    Args:
        trial: The trial that runs.
        scores: One per fold, at least two; their mean is the objective.

    Raises:
        TypeError: If they are no numbers.
        ValueError: If there are fewer than two, or one is not finite.
    """
    try:
        given = [float(score) for score in scores]
    except (TypeError, ValueError) as error:
        raise wrong_type("scores", "be a list of numbers", scores) from error
    if len(given) < 2:
        raise invalid("scores", "be at least two numbers, one per fold", given)
    if not all(map(math.isfinite, given)):
        raise invalid("scores", "be finite", given)
    storage = getattr(trial, "storage", None)
    if storage is None:  # a FixedTrial
        trial.set_system_attr(SCORES, given)
    else:
        storage.set_trial_system_attr(trial._trial_id, SCORES, given)


@final
class CrossValidationErrorEvaluator(OnColumns):
    """The standard error of the best trial's mean over folds, as far as other data matter.

    Source: Makarova et al. 2022, section 4 (see `terminator.model`); C. Nadeau, Y. Bengio,
        "Inference for the generalization error", Machine Learning 52 (2003) (the factor).
    """

    def judge(self, past: Past) -> float:
        """√((1/k + 1/(k-1)) times the variance of the k scores of the best trial).

        Args:
            past: The trials to look at.

        Raises:
            ValueError: If there are no complete trials, or the best has no scores.
        """
        need_trials(past, "CrossValidationErrorEvaluator")
        scores = past.attrs[past.best].get(SCORES)
        if scores is None:
            raise InvalidValueError(
                "The best trial has no scores of folds. Call `report_cross_validation_scores("
                "trial, scores)` in the objective, or use StaticErrorEvaluator."
            )
        k = len(scores)
        return math.sqrt((1 / k + 1 / (k - 1)) * float(np.var(scores)))


@final
class StaticErrorEvaluator(OnColumns):
    """Always the same error.

    Args:
        constant: The error, in the unit of the objective.

    Raises:
        TypeError: If that is no number.
    """

    def __init__(self, constant: float) -> None:
        self._constant = real("constant", constant)

    def judge(self, past: Past) -> float:
        """The constant.

        Args:
            past: Has no effect.
        """
        return self._constant


@final
class MedianErrorEvaluator(OnColumns):
    """A small part of what the improvement was in the beginning.

    Args:
        paired_improvement_evaluator: The one that says what is compared with this error.
        warm_up_trials: How many complete trials at the beginning do not count.
        n_initial_trials: Of how many after these the improvement is looked at.
        threshold_ratio: The part of their median.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If the evaluator is none.

    Source: Ishibashi et al. 2023 (see `EMMREvaluator`), section 5.
    """

    def __init__(
        self,
        paired_improvement_evaluator: BaseImprovementEvaluator,
        warm_up_trials: int = 10,
        n_initial_trials: int = 20,
        threshold_ratio: float = 0.01,
    ) -> None:
        if not callable(getattr(paired_improvement_evaluator, "evaluate", None)):
            must = "be an improvement evaluator"
            raise wrong_type("paired_improvement_evaluator", must, paired_improvement_evaluator)
        if not 0.0 < threshold_ratio < math.inf:
            raise invalid("threshold_ratio", "be positive and finite", threshold_ratio)
        self._improvement = paired_improvement_evaluator
        self._warm_up = at_least("warm_up_trials", warm_up_trials, 0)
        self._initial = at_least("n_initial_trials", n_initial_trials, 1)
        self._ratio = float(threshold_ratio)
        self._known: dict[tuple[Any, bytes, bytes], float] = {}

    @property
    def reads_columns(self) -> bool:
        """Whether the paired evaluator does."""
        return isinstance(self._improvement, OnColumns) and self._improvement.reads_columns

    def evaluate(self, trials: list[FrozenTrial], study_direction: StudyDirection) -> float:
        """As `judge`, also where the paired evaluator is a user's own.

        Args:
            trials: In any state.
            study_direction: Of the objective.
        """
        if self.reads_columns:
            return super().evaluate(trials, study_direction)
        complete = sorted(
            (trial for trial in trials if trial.state == TrialState.COMPLETE),
            key=lambda trial: trial.number,
        )
        beginning = complete[self._warm_up : self._warm_up + self._initial]
        if len(beginning) < self._initial:
            return _NOT_YET
        return self._part_of_median(
            self._improvement.evaluate(beginning[: i + 1], study_direction)
            for i in range(self._initial)
        )

    def judge(self, past: Past) -> float:
        """The part of the median; below every improvement as long as there are too few trials.

        Args:
            past: The trials to look at.
        """
        first, last = self._warm_up, self._warm_up + self._initial
        if len(past.losses) < last:
            return _NOT_YET
        beginning = past.part(first, last)
        key = past.space, beginning.places.tobytes(), beginning.losses.tobytes()
        if key not in self._known:
            assert isinstance(self._improvement, OnColumns)
            judge = self._improvement.judge
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = self._part_of_median(
                judge(beginning.part(0, i + 1)) for i in range(self._initial)
            )
        return self._known[key]

    def _part_of_median(self, improvements: Iterable[float]) -> float:
        median = sorted(improvements)[self._initial // 2]
        return min(sys.float_info.max, self._ratio * float(median))
