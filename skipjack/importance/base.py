"""What evaluators of importance share: their form, their result, and what they read of a study."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np

from skipjack._warnings import optuna_warn
from skipjack.distributions import BaseDistribution
from skipjack.errors import InvalidValueError, invalid, wrong_type
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray
from skipjack.records.states import TrialState

K = TypeVar("K", bound=Hashable)

TargetFunction: TypeAlias = Callable[[FrozenTrial], float]


class BaseImportanceEvaluator(ABC):
    """How important parameters are; derive from it for a measure of your own."""

    @abstractmethod
    def evaluate(
        self,
        study: Any,
        params: list[str] | None = None,
        *,
        target: TargetFunction | None = None,
    ) -> dict[str, float]:
        """The importance of each parameter, at least 0, not normalised.

        Args:
            study: The study, of which the complete trials count.
            params: Names of the parameters; None: those that the measure can judge.
            target: What is explained, from a trial; None: the objective.
        """


class Importances(dict[K, float], Generic[K]):
    """Importance by parameter, or by pair of parameters, the greatest first; a dict.

    Attributes:
        errors: Standard errors of the figures: how much they would differ if other trials had been
            made in the same way. Empty where a measure does not say.
    """

    def __init__(self, figures: Mapping[K, float], errors: Mapping[K, float]) -> None:
        first = sorted(figures, key=lambda name: -figures[name])
        super().__init__((name, float(figures[name])) for name in first)
        self.errors = {name: float(errors[name]) for name in first if name in errors}

    def normalised(self) -> Importances[K]:
        """With the sum 1; equal shares, if all are 0."""
        most = max(self.values(), default=0.0)
        if most > 0:
            total = math.fsum(figure / most for figure in self.values())
            parts = {name: figure / most / total for name, figure in self.items()}
            return Importances(parts, {k: e / most / total for k, e in self.errors.items()})
        return Importances(dict.fromkeys(self, 1.0 / max(1, len(self))), self.errors)

    def __reduce__(self) -> tuple[Any, ...]:
        return Importances, (dict(self), self.errors)


def history_of(study: Any) -> History:
    """The columns of a study.

    Raises:
        TypeError: If it is none of ours.
    """
    history = getattr(study, "history", None)
    if not isinstance(history, History):
        raise wrong_type("study", "be a Study", study)
    return history


def checked_names(params: Any) -> list[str] | None:
    """The names asked for, each once.

    Raises:
        TypeError: If they are not a list of str.
    """
    if params is None:
        return None
    if not isinstance(params, list | tuple) or not all(isinstance(p, str) for p in params):
        raise wrong_type("params", "be a list of names of parameters", params)
    return list(dict.fromkeys(params))


def values_of(
    study: Any, history: History, rows: IntArray, target: TargetFunction | None
) -> FloatArray:
    """What is to be explained for each row, shape (n,): losses, or what the target says.

    Raises:
        ValueError: If there are several objectives and no target.
        TypeError: If the target cannot be called, or does not return numbers.
    """
    if target is None:
        if len(history.signs) != 1:
            raise InvalidValueError(
                "The study has several objectives: say with `target` which one is meant, such as "
                "`target=lambda trial: trial.values[0]`, or use PedAnovaImportanceEvaluator."
            )
        return np.asarray(history.losses[rows, 0])
    if not callable(target):
        raise wrong_type("target", "be a function of a trial", target)
    trials = {
        trial.number: trial
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    }
    return np.array([_number(target, trials[n]) for n in history.numbers[rows].tolist()], float)


def _number(target: TargetFunction, trial: FrozenTrial) -> float:
    value = target(trial)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        must = f"return a number for trial {trial.number}"
        raise wrong_type("target", must, value) from error


def enough(n: int, names: Iterable[str]) -> bool:
    """Whether there are two trials; warns if there are not, but parameters."""
    if n > 1:
        return True
    if any(True for _ in names):
        optuna_warn(
            "There are fewer than two complete trials with finite values: all importances are 0."
        )
    return False


def common(history: History, params: list[str] | None) -> tuple[dict[str, BaseDistribution], Any]:
    """Parameters that can be judged by one model of all, and the rows that have them.

    Args:
        history: Of the study.
        params: What was asked for; None: what all complete trials have in one range, by name.

    Returns:
        Distributions by name, and the rows of complete trials, ascending.

    Raises:
        ValueError: If no complete trial has all that was asked for, or ranges differ.
    """
    rows = history.where(TrialState.COMPLETE)
    used = np.unique(history.layout_indices[rows]).tolist()
    layouts = [history.layouts[index] for index in used]
    if params is None:
        shared = dict(layouts[0].by_name) if layouts else {}
        for layout in layouts[1:]:
            shared = {k: d for k, d in shared.items() if layout.by_name.get(k) == d}
        return dict(sorted(shared.items())), rows
    having = [layout for layout in layouts if all(name in layout.by_name for name in params)]
    if not having and params:
        known = sorted({name for layout in layouts for name in layout.names})
        must = f"be names that one complete trial has all (there are {known})"
        raise invalid("params", must, params)
    found = {name: having[0].by_name[name] for name in params}
    for name, dist in found.items():
        if any(layout.by_name[name] != dist for layout in having):
            raise InvalidValueError(
                f"The range of {name!r} differs between trials, which this evaluator cannot "
                f"judge. Use PedAnovaImportanceEvaluator, or leave it out of `params`."
            )
    chosen = np.isin(history.layout_indices[rows], [layout.index for layout in having])
    return found, rows[chosen] if params else rows
