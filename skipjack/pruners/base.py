"""What a pruner is: Optuna's interface for everybody, and a pure rule for our own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

from skipjack import _optional
from skipjack.errors import UnsupportedError, invalid, wrong_type
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History

folds = _optional.lazy("skipjack.pruners.metric")


class BasePruner(ABC):
    """Decides whether a running trial is to be given up. Users' pruners derive from it.

    Attributes:
        reads_running: Whether the decision depends on trials that have not finished. If so, what
            this process knows of them is written to the storage before each decision.
    """

    reads_running = True

    def __str__(self) -> str:
        return type(self).__name__

    @abstractmethod
    def prune(self, study: Any, trial: FrozenTrial) -> bool:
        """Whether `trial`, with the values that it has reported so far, is to stop."""

    def shown(self, history: History, number: int, study: str) -> History:
        """What our samplers see of the past when they draw for a trial: all of it.

        Args:
            history: The past.
            number: Of the trial.
            study: The name of the study.
        """
        return history


class Contender(NamedTuple):
    """A running trial that a pruner is asked about.

    Attributes:
        number: Its number.
        reports: Values by step as the user gave them, in the order in which they came; a loss is
            `history.signs[0]` times the value. With several objectives, lists of them, one per
            objective. May be empty.
        study: The name of its study.
        metrics: What it logged: values by step, by name.
    """

    number: int
    reports: Mapping[int, Any]
    study: str = ""
    metrics: Mapping[str, Mapping[int, float]] = {}


class RulePruner(BasePruner):
    """A pruner that is a function of the history and of what a trial has reported.

    Subclasses write `stops`. What can be kept between calls is a fold that `History.derived`
    keeps with the history.
    """

    reads_running = False
    is_pure = True  # False in a pruner that has to call `prune` of a user's one

    @abstractmethod
    def stops(self, history: History, trial: Contender) -> bool:
        """Whether a trial is to stop, by the finished trials and those running.

        Args:
            history: The finished trials; its `open` ones are those that run.
            trial: The one that is asked about.
        """

    def prune(self, study: Any, trial: FrozenTrial) -> bool:
        """Whether `trial` is to stop; see `stops`."""
        reports, metrics = trial.intermediate_values, getattr(trial, "metrics", {})
        contender = Contender(trial.number, reports, study.study_name, metrics)
        return judged(self, study.history, contender)


def judged(pruner: RulePruner, history: History, trial: Contender) -> bool:
    """What a rule says of a trial; if that reports fold by fold, of the fold that it is at."""
    if trial.metrics and not trial.reports:
        history, trial = folds.at_fold(history, trial)
    return bool(pruner.stops(history, trial))


def decides(pruner: BasePruner) -> bool:
    """Whether asking `stops` directly is the same as calling `prune`.

    Not so when a user's subclass of one of our pruners overrides `prune`, or when one of ours
    calls that of a user's pruner.
    """
    if not isinstance(pruner, RulePruner) or not pruner.is_pure:
        return False
    package = __name__.partition(".")[0]
    return bool(type(pruner).prune.__module__.partition(".")[0] == package)


def asked(trial: Any) -> tuple[History, Contender]:
    """A live trial as a rule wants it.

    Raises:
        InvalidTypeError: If it is none, so that its study is not known.
    """
    study = getattr(trial, "study", None)
    if study is None:
        raise wrong_type("trial", "be a trial that runs, as the objective gets it", trial)
    known = trial.storage.get_trial(trial._trial_id)
    reports, metrics = known.intermediate_values, known.metrics
    contender = Contender(trial.number, reports, study.study_name, metrics)
    if metrics and not reports:
        found: tuple[History, Contender] = folds.at_fold(study.history, contender)
        return found
    return study.history, contender


def only_one(pruner: BasePruner, history: History) -> None:
    """Refuse several objectives where there can be no dominance.

    Raises:
        UnsupportedError: If there are several.
    """
    if len(history.signs) > 1:
        raise UnsupportedError(
            f"{pruner} compares a trial with the best one, which there is not with several "
            f"objectives. Prune by one of them: MetricPruner({pruner}(), 0)."
        )


def count(name: str, value: Any, least: int) -> int:
    """An argument that counts something: an integer of at least `least`.

    Raises:
        InvalidTypeError: If it is no whole number.
        InvalidValueError: If it is too small.
    """
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        raise wrong_type(name, "be an int", value) from None
    if isinstance(value, (str, bytes)) or whole != value:
        raise wrong_type(name, "be an int", value)
    if whole < least:
        raise invalid(name, f"be at least {least}", value)
    return whole
