"""Optuna's 28 methods over a ledger, once for all of our storages."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence
from typing import Any
from uuid import uuid4

from skipjack import _optional
from skipjack.distributions import BaseDistribution, intern
from skipjack.errors import NotFoundError
from skipjack.records.attributes import (
    attribute_key,
    float_value,
    plain,
    step_value,
    unpacked,
)
from skipjack.records.draft import Draft
from skipjack.records.events import METRICS_SINCE, Event
from skipjack.records.frozen import FrozenStudy, FrozenTrial
from skipjack.records.replay import StudyState
from skipjack.records.states import StudyDirection, TrialState
from skipjack.records.thaw import TRIALS_PER_STUDY
from skipjack.storages.base import (
    DEFAULT_STUDY_NAME_PREFIX,
    BaseStorage,
    none_complete,
    several_objectives,
)
from skipjack.storages.ledger import Ledger

adding = _optional.lazy("skipjack.storages.adding")


class LedgerStorage(BaseStorage):
    """A storage whose methods read and write a ledger.

    Subclasses only say which log the ledger stands on.
    """

    medium = "memory"  # what the log calls it
    stale_callback: Callable[[Any, FrozenTrial], None] | None = None  # for trials that were lost

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    # ------------------------------------------------------------------------------- studies

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        """Make a study and return its id; without a name it gets one that nobody has."""
        name = f"{DEFAULT_STUDY_NAME_PREFIX}{uuid4()}" if study_name is None else study_name
        return self.ledger.create_study(name, directions)

    def delete_study(self, study_id: int) -> None:
        """Delete a study and its trials for ever."""
        self.ledger.delete_study(study_id)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set an attribute of the user's."""
        self._set_study_attr(study_id, "user", key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set an attribute of the library's."""
        self._set_study_attr(study_id, "system", key, value)

    def _set_study_attr(self, study_id: int, kind: str, key: str, value: Any) -> None:
        value = plain(value)
        self.ledger.check(value)
        event = {"do": "attr", "kind": kind, "key": attribute_key(key), "value": value}
        self.ledger.commit(study_id, event)

    def get_study_id_from_name(self, study_name: str) -> int:
        """The id of a study."""
        return self.ledger.study_id(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        """The name of a study."""
        return self.ledger.record(study_id).name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """The directions of a study."""
        return [StudyDirection(d) for d in self.ledger.record(study_id).directions]

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """The user's attributes of a study, a copy."""
        attrs: dict[str, Any] = plain(self.ledger.sync(study_id).user)
        return attrs

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """The library's attributes of a study, a copy."""
        attrs: dict[str, Any] = plain(self.ledger.sync(study_id).system)
        return attrs

    def get_all_studies(self) -> list[FrozenStudy]:
        """All studies, by id."""
        with self.ledger.lock:
            return [
                FrozenStudy(
                    record.name,
                    None,
                    self.get_study_user_attrs(study_id),
                    self.get_study_system_attrs(study_id),
                    study_id,
                    directions=self.get_study_directions(study_id),
                )
                for study_id, record in sorted(self.ledger.studies().items())
            ]

    # -------------------------------------------------------------------------------- trials

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Start a trial, or put in a copy of `template_trial`, and return its id."""
        with self.ledger.lock:
            state = self.ledger.study(study_id)
            if template_trial is None:
                event: Event = {"do": "create", "time": time.time()}
            else:
                event = adding.Adding(state, strict=False).event(template_trial)
            number: int = self.ledger.commit(study_id, event)
        return study_id * TRIALS_PER_STUDY + number

    def add_trials(
        self, study_id: int, trials: Sequence[FrozenTrial], strict: bool = False
    ) -> None:
        """Put in copies of trials, all or none, in one write.

        Args:
            study_id: Where to.
            trials: The trials; their numbers are not kept.
            strict: Whether values must lie in their distributions.

        Raises:
            ValueError: If a parameter is of another kind in the study, or lies outside.
        """
        with self.ledger.lock:
            added = adding.Adding(self.ledger.sync(study_id), strict)
            if trials:
                self.ledger.commit(study_id, *[added.event(trial) for trial in trials])

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Set a parameter of a trial that runs; ValueError if its kind differs from before.

        Of two values for one name the first counts.
        """
        state, draft = self._draft(trial_id)
        state.admit(param_name, distribution)
        with self.ledger.lock:
            if param_name not in draft.internal:
                value = float_value("param_value_internal", param_value_internal)
                draft.suggest(param_name, intern(distribution), value)
                self.ledger.wrote(state, draft)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Set state and values; False if it was to run but another worker had started it."""
        found, number = self.ledger.find(trial_id)
        if state.is_finished():
            given = None if values is None else [float_value("values", v) for v in values]
            self.ledger.tell(found, number, state, given)
            return True
        found.open_draft(number)
        event: Event = {"do": "claim", "n": number, "time": time.time()}
        if state is TrialState.WAITING:
            event = {"do": "queue", "n": number}
        verdict: bool = self.ledger.commit(found.study_id, event)
        if not verdict:
            found.open_draft(number)  # which says so if it has ended in another process
        return verdict

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Set the value reported at a step."""
        value = float_value("intermediate_value", intermediate_value)
        self._note(trial_id, "reports", step_value(step), value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of the user's."""
        self._note(trial_id, "user", attribute_key(key), plain(value))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of the library's; one that holds metrics becomes those."""
        value = plain(value)
        reports, metrics, system = unpacked({}, {attribute_key(key): value})
        if system or self._draft(trial_id)[0].rules < METRICS_SINCE:
            self._note(trial_id, "system", key, value)
        for step, values in reports.items():
            self._note(trial_id, "reports", step, values)
        for name, logged in metrics.items():
            for step, number in logged.items():
                self._note(trial_id, "metrics", (name, step), number)

    def _note(self, trial_id: int, kind: str, key: Any, value: Any) -> None:
        state, draft = self._draft(trial_id)
        self.ledger.check(value)
        with self.ledger.lock:
            draft.note(kind, key, value)
            self.ledger.wrote(state, draft)

    def _draft(self, trial_id: int) -> tuple[StudyState, Draft]:
        state, number = self.ledger.find(trial_id)
        return state, state.open_draft(number)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """A trial as it is now; the object is the caller's own."""
        state, number = self.ledger.find(trial_id)
        draft = state.open.get(number)
        if self.ledger.shared and draft is not None and not self.ledger.holds(draft):
            self.ledger.sync(state.study_id)
        with self.ledger.lock:
            return state.frozen(number)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """The trials of a study by number; with `deepcopy` objects of the caller's own."""
        with self.ledger.lock:
            state = self.ledger.sync(study_id)
            trials = [] if deepcopy else state.shared_frozen()
        if deepcopy:  # without the lock, so that a long list keeps no worker waiting
            trials = state.all_frozen()
        return trials if states is None else [t for t in trials if t.state in states]

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """The id of a trial."""
        state = self.ledger.study(study_id)
        if trial_number >= state.n_trials:
            state = self.ledger.sync(study_id)
        if not 0 <= trial_number < state.n_trials:
            raise NotFoundError(f"No trial {trial_number}; the study has {state.n_trials} trials.")
        return study_id * TRIALS_PER_STUDY + trial_number

    def get_trial_number_from_id(self, trial_id: int) -> int:
        """The number of a trial in its study."""
        return self.ledger.find(trial_id)[1]

    def get_n_trials(
        self, study_id: int, state: tuple[TrialState, ...] | TrialState | None = None
    ) -> int:
        """The number of trials, of all or of those in some states; O(trials that run or wait)."""
        with self.ledger.lock:
            found = self.ledger.sync(study_id)
            if state is None:
                return found.n_trials
            states = (state,) if isinstance(state, TrialState) else tuple(state)
            unfinished = sum(draft.state in states for draft in found.open.values())
            return unfinished + sum(found.history.counts[s] for s in states)

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """The feasible complete trial with the best value; the lowest number among equals."""
        with self.ledger.lock:
            state = self.ledger.sync(study_id)
            if len(state.directions) > 1:
                raise several_objectives()
            if state.history.best is None:
                raise none_complete(state.history.counts[TrialState.COMPLETE] > 0)
            return state.frozen(state.history.row(state.history.best)[0])
