"""A study in short."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from skipjack.records.frozen import FrozenTrial, chosen_directions, html_table, only_direction
from skipjack.records.states import StudyDirection, TrialState


class StudySummary:
    """What a storage can say of a study without its trials.

    Attributes:
        study_name: The study's name.
        best_trial: Its best trial, None if there is none or there are several objectives.
        user_attrs: What the user attached.
        n_trials: How many trials it has, in whatever state.
        datetime_start: When its first trial started.
    """

    def __init__(
        self,
        study_name: str,
        direction: StudyDirection | None,
        best_trial: FrozenTrial | None,
        user_attrs: dict[str, Any],
        n_trials: int,
        datetime_start: datetime.datetime | None,
        study_id: int,
        *,
        directions: Sequence[StudyDirection] | None = None,
    ) -> None:
        self.study_name = study_name
        self._directions = chosen_directions(direction, directions)
        self.best_trial = best_trial
        self.user_attrs = user_attrs
        self.n_trials = n_trials
        self.datetime_start = datetime_start
        self._study_id = study_id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StudySummary):
            return NotImplemented
        return self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]  # it can change

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, StudySummary):
            return NotImplemented
        return self._study_id < other._study_id

    def __le__(self, other: object) -> bool:
        if not isinstance(other, StudySummary):
            return NotImplemented
        return self._study_id <= other._study_id

    def __repr__(self) -> str:
        return f"StudySummary({self.study_name!r}, n_trials={self.n_trials})"

    @property
    def direction(self) -> StudyDirection:
        """The direction of the only objective.

        Raises:
            RuntimeError: If there are several.
        """
        return only_direction(self._directions)

    @property
    def directions(self) -> Sequence[StudyDirection]:
        """The direction of each objective."""
        return self._directions


def html(study: Any) -> str:
    """A small table about a study, for notebooks."""
    state = study._ledger.sync(study._study_id)
    rows: list[tuple[str, Any]] = [
        ("Directions", ", ".join(d.name.lower() for d in state.directions)),
        ("Trials", state.n_trials),
    ]
    rows += [
        (name.name.capitalize(), count)
        for name, count in zip(TrialState, state.history.counts, strict=True)
        if count
    ]
    if len(state.directions) == 1 and state.history.best is not None:
        trial = study.best_trial
        rows += [("Best trial", trial.number), ("Best value", trial.value)]
        rows += list(trial.params.items())
    return html_table(f"Study {study.study_name}", rows)
