"""What a pruner is: Optuna's interface for everybody, and a pure rule for our own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from skipjack.errors import invalid, wrong_type
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History


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


class RulePruner(BasePruner):
    """A pruner that is a pure function of the history and of what a trial has reported.

    Subclasses write `stops`. What can be kept between calls is a fold that `History.derived`
    keeps with the history.
    """

    reads_running = False

    @abstractmethod
    def stops(self, history: History, reports: Mapping[int, float]) -> bool:
        """Whether a trial of these reports is to stop.

        Args:
            history: The finished trials, of one objective.
            reports: Values by step as the user gave them, in the order in which they came;
                a loss is `history.signs[0]` times the value. May be empty.
        """

    def prune(self, study: Any, trial: FrozenTrial) -> bool:
        """Whether `trial` is to stop; see `stops`."""
        return self.stops(study.history, trial.intermediate_values)


def decides(pruner: BasePruner) -> bool:
    """Whether asking `stops` directly is the same as calling `prune`.

    Not so when a subclass of one of our pruners overrides `prune`.
    """
    return isinstance(pruner, RulePruner) and type(pruner).prune is RulePruner.prune


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
