"""What decides when a study has run long enough, and what it looks at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from skipjack.distributions import BaseDistribution
from skipjack.errors import InvalidValueError, WrongStateError, wrong_type
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray, Space
from skipjack.records.states import StudyDirection, TrialState
from skipjack.search_space import intersection_search_space


class BaseTerminator(ABC):
    """Decides whether a study should end; derive from it for a rule of your own."""

    @abstractmethod
    def should_terminate(self, study: Any) -> bool:
        """Whether `study` should end now."""


class BaseImprovementEvaluator(ABC):
    """Says how much better a study could still become."""

    @abstractmethod
    def evaluate(self, trials: list[FrozenTrial], study_direction: StudyDirection) -> float:
        """The improvement that is to be expected, in the unit of the objective.

        Args:
            trials: Of one study with one objective, in any state.
            study_direction: Of the objective.
        """


class BaseErrorEvaluator(ABC):
    """Says below which size an improvement means nothing."""

    @abstractmethod
    def evaluate(self, trials: list[FrozenTrial], study_direction: StudyDirection) -> float:
        """The error of the objective, in its unit.

        Args:
            trials: Of one study with one objective, in any state.
            study_direction: Of the objective.
        """


class Past(NamedTuple):
    """The complete trials of a study that keep its constraints, by number; n of them.

    Attributes:
        space: The parameters that all complete trials have in the same range, without those of one
            value; d of them.
        places: In the space, shape (n, d).
        losses: Shape (n,).
        attrs: System attributes of each trial.
    """

    space: Space
    places: FloatArray
    losses: FloatArray
    attrs: Sequence[Mapping[str, Any]]

    def part(self, first: int, last: int) -> Past:
        """Trials `first` to `last - 1` of them, in the same space."""
        rows = slice(first, last)
        return Past(self.space, self.places[rows], self.losses[rows], self.attrs[rows])

    @property
    def best(self) -> int:
        """The best trial, the first of equals."""
        return int(self.losses.argmin())


class OnColumns(BaseImprovementEvaluator, BaseErrorEvaluator):
    """An evaluator that looks at columns: one that Skipjack brings."""

    @property
    def reads_columns(self) -> bool:
        """Whether `judge` can be used; else `evaluate` must."""
        return True

    def evaluate(self, trials: list[FrozenTrial], study_direction: StudyDirection) -> float:
        """As `judge`, for trials of one study with one objective.

        Args:
            trials: In any state.
            study_direction: Of the objective.

        Raises:
            ValueError: If there are no complete trials.
        """
        return self.judge(past_of_trials(trials, study_direction))

    @abstractmethod
    def judge(self, past: Past) -> float:
        """The improvement or error, in the unit of the objective.

        Args:
            past: The trials to look at.

        Raises:
            ValueError: If there are no complete trials.
        """


def asked(
    evaluator: BaseImprovementEvaluator | BaseErrorEvaluator, study: Any, past: Past
) -> float:
    """What an evaluator says of a study.

    Args:
        evaluator: Ours, or a user's, which gets all trials.
        study: The study.
        past: The same as columns.
    """
    if isinstance(evaluator, OnColumns) and evaluator.reads_columns:
        return evaluator.judge(past)
    return float(evaluator.evaluate(study.get_trials(deepcopy=False), study.direction))


def past_of_trials(trials: Sequence[FrozenTrial], direction: StudyDirection) -> Past:
    """The complete ones of trials.

    Args:
        trials: Of one study, in any state.
        direction: Of its objective.
    """
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    dists = intersection_search_space(complete)
    space = _several(dists)
    kept = sorted((t for t in complete if _keeps(t)), key=lambda trial: trial.number)
    sign = -1.0 if direction == StudyDirection.MAXIMIZE else 1.0
    values = [[dist.to_internal_repr(t.params[name]) for name, dist in space.items()] for t in kept]
    internal = np.array(values, float).reshape(len(kept), len(space))
    losses = np.array([sign * float(t.value) for t in kept if t.value is not None], float)
    return Past(space, space.encode(internal), losses, [t.system_attrs for t in kept])


def past_of(study: Any) -> Past:
    """The complete trials of a study with one objective.

    Raises:
        RuntimeError: If it has several objectives.
    """
    history = history_of(study)
    if len(history.signs) != 1:
        raise WrongStateError(
            "When to end a study with several objectives cannot be told from improvements and "
            "errors; use `MaxTrials`, `MaxTime` or `Patience`."
        )
    complete = history.where(TrialState.COMPLETE)
    rows = complete[history.feasible[complete]]
    rows = rows[np.argsort(history.numbers[rows])]
    space = _several(_shared(history, complete))
    places = history.unit(space, rows)
    attrs = [history.attrs.get(row, ({}, {}))[1] for row in rows.tolist()]
    return Past(space, places, history.losses[rows, 0], attrs)


def history_of(study: Any) -> History:
    """The columns of a study.

    Raises:
        TypeError: If it is none of ours.
    """
    history = getattr(study, "history", None)
    if not isinstance(history, History):
        raise wrong_type("study", "be a Study", study)
    return history


def need_trials(past: Past, what: str) -> None:
    """Check that there are trials.

    Raises:
        ValueError: If there are none.
    """
    if not len(past.losses):
        raise InvalidValueError(f"{what} needs a complete trial, but there is none yet.")


def _keeps(trial: FrozenTrial) -> bool:
    return all(value <= 0 for value in trial.constraints.values())


def _several(dists: Mapping[str, BaseDistribution]) -> Space:
    return Space({name: dist for name, dist in dists.items() if not dist.single()})


def _shared(history: History, rows: IntArray) -> dict[str, BaseDistribution]:
    """What all rows have in the same range, by name."""
    used = np.unique(history.layout_indices[rows]).tolist()
    layouts = [history.layouts[index].by_name for index in used]
    shared = dict(layouts[0]) if layouts else {}
    for layout in layouts[1:]:
        shared = {name: dist for name, dist in shared.items() if layout.get(name) == dist}
    return dict(sorted(shared.items()))
