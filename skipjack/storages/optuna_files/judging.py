"""What Optuna can have written, and what must be damage: checks for all that reads its data."""

from __future__ import annotations

import datetime
import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    current,
    json_to_distribution,
)
from skipjack.errors import StorageInternalError
from skipjack.records.attributes import FAIL_REASON
from skipjack.records.frozen import FrozenTrial
from skipjack.records.states import StudyDirection, TrialState
from skipjack.storages.whole import WholeStudy

# What code raises that meets content of another shape than it expects.
WRONG = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class NothingThereError(StorageInternalError):
    """There are no studies of Optuna's, and nothing else either: some may be put there."""


class Head(NamedTuple):
    """A study of Optuna's without its content."""

    study_id: int
    name: str
    directions: list[StudyDirection]


def damaged(where: str, error: object) -> StorageInternalError:
    """The error of data that Optuna cannot have written."""
    what = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else error
    return StorageInternalError(
        f"{where} is damaged, or not of Optuna ({what}). Nothing was changed in it; restore it "
        f"from a copy, or use another storage."
    )


def require(holds: bool, what: str) -> None:
    """Raise ValueError about `what` unless it holds."""
    if not holds:
        raise ValueError(f"unexpected {what}")


def number(value: Any) -> float:
    """A float that was written as a number."""
    if type(value) is not float and type(value) is not int:
        raise ValueError(f"unexpected {value!r} for a number")
    return float(value)


class Dists(dict[str, BaseDistribution]):
    """Distributions by the JSON that Optuna wrote, each made once."""

    def __missing__(self, text: str) -> BaseDistribution:
        with warnings.catch_warnings():  # whoever wrote it has been told
            warnings.simplefilter("ignore")
            dist = self[text] = current(json_to_distribution(text))
        return dist


def put_param(trial: FrozenTrial, name: str, internal: Any, dist: BaseDistribution) -> None:
    """Give a trial a parameter by its internal value."""
    value = number(internal)
    if not math.isfinite(value):
        raise ValueError(f"unexpected value {value} of {name!r}")
    if isinstance(dist, CategoricalDistribution) and value not in range(len(dist.choices)):
        raise ValueError(f"unexpected choice {value} of {name!r}")
    trial.params[name] = dist.to_external_repr(value)
    trial.distributions[name] = dist


def whole(
    head: Head, user: dict[str, Any], system: dict[str, Any], trials: Sequence[FrozenTrial]
) -> WholeStudy:
    """A study of trials in the order of their numbers.

    Whoever deletes a trial from a database leaves a gap. So that the others keep their numbers,
    a failed trial that says so takes its place.

    Raises:
        ValueError: If trials contradict each other, themselves or the study.
    """
    dense: list[FrozenTrial] = []
    for trial in trials:
        require(len(dense) <= trial.number < len(dense) + MAX_GAP, f"trial number {trial.number}")
        while len(dense) < trial.number:
            dense.append(_gone(len(dense)))
        n_values = None if trial.values is None else len(trial.values)
        require(n_values in (None, len(head.directions)), f"{n_values} values of a trial")
        require(
            trial.state is not TrialState.COMPLETE or n_values is not None,
            "complete trial without a value",
        )
        require(all(step >= 0 for step in trial.intermediate_values), "step below 0")
        dense.append(trial)
    return WholeStudy(head.name, head.directions, user, system, dense)


MAX_GAP = 100_000  # more trials than anybody deletes; a damaged number may leave any gap


def _gone(number: int) -> FrozenTrial:
    now = datetime.datetime.now()
    return FrozenTrial(
        number=number,
        state=TrialState.FAIL,
        value=None,
        datetime_start=now,
        datetime_complete=now,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={FAIL_REASON: "It had been deleted before the study was imported."},
        intermediate_values={},
        trial_id=-1,
    )
