"""Optuna's interface of a storage, for storages that users write and for callers of ours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Sequence
from typing import Any

from skipjack._deprecate import warn_deprecated
from skipjack.distributions import BaseDistribution
from skipjack.errors import (
    InvalidValueError,
    NotFoundError,
    UpdateFinishedTrialError,
    WrongStateError,
)
from skipjack.records.frozen import FrozenStudy, FrozenTrial
from skipjack.records.states import StudyDirection, TrialState

DEFAULT_STUDY_NAME_PREFIX = "no-name-"


class BaseStorage(ABC):
    """Studies and trials by id.

    Unknown ids and names raise KeyError, writes to a finished trial UpdateFinishedTrialError.
    A subclass writes the abstract methods; the others are made from them, and may be overridden
    where a storage knows a shorter way.
    """

    @abstractmethod
    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        """Make a study and return its id; DuplicatedStudyError if the name is taken."""

    @abstractmethod
    def delete_study(self, study_id: int) -> None:
        """Delete a study and its trials."""

    @abstractmethod
    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set an attribute of the user's."""

    @abstractmethod
    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set an attribute of the library's."""

    @abstractmethod
    def get_study_id_from_name(self, study_name: str) -> int:
        """The id of a study."""

    @abstractmethod
    def get_study_name_from_id(self, study_id: int) -> str:
        """The name of a study."""

    @abstractmethod
    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """The directions of a study."""

    @abstractmethod
    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """The user's attributes of a study."""

    @abstractmethod
    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """The library's attributes of a study."""

    @abstractmethod
    def get_all_studies(self) -> list[FrozenStudy]:
        """All studies, by id."""

    @abstractmethod
    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Start a trial, or put in a copy of `template_trial`, and return its id."""

    @abstractmethod
    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Set a parameter of a trial that runs; ValueError if its kind differs from before."""

    @abstractmethod
    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Set state and values; False if it was to run but another worker had started it."""

    @abstractmethod
    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Set the value reported at a step."""

    @abstractmethod
    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of the user's."""

    @abstractmethod
    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of the library's."""

    @abstractmethod
    def get_trial(self, trial_id: int) -> FrozenTrial:
        """A trial as it is now."""

    @abstractmethod
    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """The trials of a study by number; with `deepcopy` objects of the caller's own."""

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """The id of a trial."""
        trials = self.get_all_trials(study_id, deepcopy=False)
        if not 0 <= trial_number < len(trials):
            raise NotFoundError(f"No trial {trial_number}; the study has {len(trials)} trials.")
        return trials[trial_number]._trial_id

    def get_trial_number_from_id(self, trial_id: int) -> int:
        """The number of a trial in its study."""
        return self.get_trial(trial_id).number

    def get_trial_param(self, trial_id: int, param_name: str) -> float:
        """The internal value of a parameter."""
        trial = self.get_trial(trial_id)
        if param_name not in trial.distributions:
            raise NotFoundError(f"Trial {trial.number} has no parameter {param_name!r}.")
        return trial.distributions[param_name].to_internal_repr(trial.params[param_name])

    def get_trial_params(self, trial_id: int) -> dict[str, Any]:
        """The parameters of a trial."""
        return self.get_trial(trial_id).params

    def get_trial_user_attrs(self, trial_id: int) -> dict[str, Any]:
        """The user's attributes of a trial."""
        return self.get_trial(trial_id).user_attrs

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        """The library's attributes of a trial."""
        return self.get_trial(trial_id).system_attrs

    def get_n_trials(
        self, study_id: int, state: tuple[TrialState, ...] | TrialState | None = None
    ) -> int:
        """The number of trials, of all or of those in some states."""
        states = (state,) if isinstance(state, TrialState) else state
        return len(self.get_all_trials(study_id, deepcopy=False, states=states))

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """The feasible complete trial with the best value; the lowest number among equals.

        Raises:
            RuntimeError: If there are several objectives.
            ValueError: If there is no such trial.
        """
        directions = self.get_study_directions(study_id)
        if len(directions) > 1:
            raise several_objectives()
        trials = self.get_all_trials(study_id, deepcopy=False, states=(TrialState.COMPLETE,))
        feasible = [t for t in trials if all(c <= 0 for c in t.constraints.values())]
        if not feasible:
            raise none_complete(bool(trials))
        sign = -1 if directions[0] == StudyDirection.MAXIMIZE else 1
        return min(feasible, key=lambda t: (sign * (t.values or [0.0])[0], t.number))

    def check_trial_is_updatable(self, trial_id: int, trial_state: TrialState) -> None:
        """Raise UpdateFinishedTrialError if `trial_state` is a state of finished trials."""
        if trial_state.is_finished():
            number = self.get_trial_number_from_id(trial_id)
            raise UpdateFinishedTrialError(
                f"Trial {number} has finished already and cannot be changed."
            )

    def remove_session(self) -> None:  # most storages hold nothing
        """Release what the calling thread holds of the storage, such as a connection."""


class BaseHeartbeat(ABC):
    """What Optuna calls a storage whose workers say that they are alive."""

    @abstractmethod
    def record_heartbeat(self, trial_id: int) -> None:
        """Say that the worker of a trial is alive."""

    @abstractmethod
    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        """The ids of the running trials whose worker is gone."""

    @abstractmethod
    def get_heartbeat_interval(self) -> int | None:
        """Seconds between two heartbeats, None if nothing was said."""

    @abstractmethod
    def get_heartbeat_stale_trial_callback(self) -> Callable[[Any, Any], None] | None:
        """What is called with (study, trial) for each trial whose worker is gone."""

    def get_failed_trial_callback(self) -> Callable[[Any, Any], None] | None:
        """The older name of `get_heartbeat_stale_trial_callback`."""
        warn_deprecated("storages.RDBStorage.get_failed_trial_callback")
        return self.get_heartbeat_stale_trial_callback()


def several_objectives() -> WrongStateError:
    """The error of asking for one best trial of several objectives."""
    return WrongStateError(
        "There is no single best trial with several objectives. Use `best_trials`, the Pareto "
        "front."
    )


def none_complete(any_complete: bool) -> InvalidValueError:
    """The error of asking for the best of nothing."""
    return InvalidValueError(
        "No complete trial keeps all constraints yet."
        if any_complete
        else "No trial is complete yet."
    )


def only_name(names: Sequence[str]) -> str:
    """The name of the only study there is.

    Raises:
        ValueError: If there is not exactly one; the text lists those there are.
    """
    if len(names) != 1:
        raise InvalidValueError(
            f"`study_name` must be given, since the storage has {len(names)} studies"
            f"{': ' if names else ''}{', '.join(map(repr, names[:10]))}."
        )
    return names[0]
