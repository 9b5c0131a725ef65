"""Records in the shape that users of Optuna know: `FrozenTrial` and `FrozenStudy`."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from skipjack.distributions import BaseDistribution, converted
from skipjack.errors import WrongStateError, invalid, wrong_type
from skipjack.records.attributes import (
    CONSTRAINT,
    attribute_key,
    constraint_value,
    constraints_of,
    float_value,
    note_constraint,
)
from skipjack.records.states import StudyDirection, TrialState, state_of
from skipjack.records.suggest import BaseTrial, given_value

_FIELDS = (
    "number",
    "state",
    "values",
    "datetime_start",
    "datetime_complete",
    "params",
    "user_attrs",
    "system_attrs",
    "intermediate_values",
    "distributions",
    "trial_id",
)


class FrozenTrial(BaseTrial):
    """A trial as it was when it was asked for; later changes of the study do not reach it.

    It can be given to an objective: `suggest_*` return what the trial had, so that the objective
    runs again with the same parameters.

    Attributes:
        number: The trial's place in its study, from 0; -1 before it is added to one.
        state: Its `TrialState`.
        value: The objective value, None if there is none.
        values: The objective values, None if there are none.
        datetime_start: When it started, in local time; None while it waits.
        datetime_complete: When it finished, in local time; None before.
        params: Values by parameter name, in the order of suggestion.
        distributions: What they were drawn from.
        user_attrs: What the user attached.
        system_attrs: What samplers, pruners and storages attached.
        intermediate_values: Reported values by step; with several objectives lists of them.
        metrics: What was logged by `Trial.log`: values by step, by name.
    """

    def __init__(
        self,
        number: int,
        state: TrialState,
        value: float | None,
        datetime_start: datetime.datetime | None,
        datetime_complete: datetime.datetime | None,
        params: dict[str, Any],
        distributions: dict[str, BaseDistribution],
        user_attrs: dict[str, Any],
        system_attrs: dict[str, Any],
        intermediate_values: dict[int, float],
        trial_id: int,
        *,
        values: Sequence[float] | None = None,
    ) -> None:
        if value is not None and values is not None:
            raise invalid("value, values", "not be given both", (value, values))
        self._number = number
        self.state = state
        self._values = [value] if value is not None else None if values is None else list(values)
        self._datetime_start = datetime_start
        self.datetime_complete = datetime_complete
        self._params = params
        self._distributions = distributions
        self._user_attrs = user_attrs
        self._system_attrs = system_attrs
        self.intermediate_values = intermediate_values
        self.metrics: dict[str, dict[int, float]] = {}
        self._trial_id = trial_id

    def _suggest(self, name: str, dist: BaseDistribution) -> Any:
        return given_value(self, self._params, self._distributions, name, dist)

    def report(self, value: float | Sequence[float], step: int, *, fold: int | None = None) -> None:
        """Do nothing: the trial has its reports, in `intermediate_values`."""

    def log(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Do nothing: the trial has its metrics, in `metrics`."""

    def should_prune(self) -> bool:
        """Return False: a frozen trial is never pruned."""
        return False

    def set_user_attr(self, key: str, value: Any) -> None:
        """Attach `value` to this copy; the study does not change."""
        self._user_attrs[attribute_key(key)] = value

    def set_system_attr(self, key: str, value: Any) -> None:
        """Attach `value` to this copy; the study does not change."""
        self._system_attrs[attribute_key(key)] = value

    def set_constraint(self, key: str, value: float) -> None:
        """Set a constraint of this copy, kept if `value <= 0`; the study does not change.

        Of two values for one key the first counts.
        """
        note_constraint(self._system_attrs, key, value)

    @property
    def value(self) -> float | None:
        """The objective value.

        Raises:
            RuntimeError: If there are several objectives.
        """
        if self._values is None:
            return None
        if len(self._values) > 1:
            raise WrongStateError("`value` is for one objective; this trial has several: `values`.")
        return self._values[0]

    @value.setter
    def value(self, v: float | None) -> None:
        if self._values is not None and len(self._values) > 1:
            raise WrongStateError("`value` is for one objective; this trial has several: `values`.")
        self._values = None if v is None else [v]

    @property
    def values(self) -> list[float] | None:
        """The objective values."""
        return self._values

    @values.setter
    def values(self, v: Sequence[float] | None) -> None:
        self._values = None if v is None else list(v)

    @property
    def number(self) -> int:
        """The trial's place in its study, from 0."""
        return self._number

    @number.setter
    def number(self, number: int) -> None:
        self._number = number

    @property
    def datetime_start(self) -> datetime.datetime | None:
        """When the trial started, in local time."""
        return self._datetime_start

    @datetime_start.setter
    def datetime_start(self, start: datetime.datetime | None) -> None:
        self._datetime_start = start

    @property
    def params(self) -> dict[str, Any]:
        """Values by parameter name, in the order of suggestion."""
        return self._params

    @params.setter
    def params(self, params: dict[str, Any]) -> None:
        self._params = params

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What the parameters were drawn from."""
        return self._distributions

    @distributions.setter
    def distributions(self, distributions: dict[str, BaseDistribution]) -> None:
        self._distributions = distributions

    @property
    def user_attrs(self) -> dict[str, Any]:
        """What the user attached."""
        return self._user_attrs

    @user_attrs.setter
    def user_attrs(self, attrs: dict[str, Any]) -> None:
        self._user_attrs = attrs

    @property
    def system_attrs(self) -> dict[str, Any]:
        """What samplers, pruners and storages attached."""
        return self._system_attrs

    @system_attrs.setter
    def system_attrs(self, attrs: dict[str, Any]) -> None:
        self._system_attrs = attrs

    @property
    def constraints(self) -> dict[str, float]:
        """Constraint values by key; at most 0 means kept."""
        return constraints_of(self._system_attrs)

    @property
    def last_step(self) -> int | None:
        """The highest step that was reported, None if there is none."""
        return max(self.intermediate_values, default=None)

    @property
    def duration(self) -> datetime.timedelta | None:
        """The time from start to end, None if either is not known."""
        if self._datetime_start is None or self.datetime_complete is None:
            return None
        return self.datetime_complete - self._datetime_start

    def _key(self) -> dict[str, Any]:
        reports = _comparable(self.intermediate_values)
        metrics = {name: _comparable(values) for name, values in self.metrics.items()}
        fields = {name: getattr(self, name) for name in ("_trial_id", *_FIELDS[:-1])}
        return {**fields, "intermediate_values": reports, "metrics": metrics}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrozenTrial):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        # Content may change, so only what identifies the trial is hashed.
        return hash((self._number, self._trial_id))

    def __lt__(self, other: object) -> bool:
        return self.number < other.number if isinstance(other, FrozenTrial) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self.number <= other.number if isinstance(other, FrozenTrial) else NotImplemented

    def __repr__(self) -> str:
        fields = ((name, getattr(self, name, self._trial_id)) for name in _FIELDS)
        return f"FrozenTrial({', '.join(f'{k}={v!r}' for k, v in fields)}, value=None)"

    def _repr_html_(self) -> str:
        """A small table for notebooks."""
        from_state = [("State", self.state.name), ("Values", self._values)]
        rows = [*from_state, ("Duration", self.duration), *self._params.items()]
        return html_table(f"Trial {self._number}", rows)

    def _validate(self) -> None:
        """Check that the fields agree with each other.

        Raises:
            ValueError: If they do not, in words that name the field.
        """
        self._validate_fields()
        for name, value in self._params.items():
            dist = checked_distribution(name, self._distributions[name])
            if not dist._contains(dist.to_internal_repr(value)):
                raise invalid(f"params[{name!r}]", f"lie in {dist!r}", value)

    def _validate_fields(self) -> None:
        """As `_validate`, but for the distributions and whether values lie in them."""
        values = self._values
        if not isinstance(self.state, TrialState):
            raise wrong_type("state", "be a TrialState", self.state)
        for name in ("user_attrs", "system_attrs", "intermediate_values"):
            if not isinstance(getattr(self, name), dict):
                raise wrong_type(name, "be a dict", getattr(self, name))
        if self.state.is_finished() and self.datetime_complete is None:
            raise invalid("datetime_complete", "be set for a finished trial", None)
        if not self.state.is_finished() and self.datetime_complete is not None:
            raise invalid(
                "datetime_complete", "be None before a trial has finished", self.datetime_complete
            )
        if self.state != TrialState.WAITING and self._datetime_start is None:
            raise invalid("datetime_start", "be set once a trial has started", None)
        if self.state == TrialState.COMPLETE and values is None:
            raise invalid("values", "be set for a trial that is complete", None)
        if self.state == TrialState.FAIL and values is not None:
            raise invalid("values", "be None for a trial that failed", values)
        if values is not None and any(math.isnan(float_value("values", v)) for v in values):
            raise invalid("values", "not contain NaN", values)
        if self._params.keys() != self._distributions.keys():
            raise invalid(
                "params, distributions",
                "have the same names",
                (sorted(self._params), sorted(self._distributions)),
            )


def _comparable(reports: Mapping[int, Any]) -> dict[int, Any]:
    """Reports in which NaN equals NaN."""
    return {
        step: [None if v != v else v for v in value]
        if isinstance(value, list)
        else None
        if value != value
        else value
        for step, value in reports.items()
    }


def checked_distribution(name: str, dist: object) -> BaseDistribution:
    """The distribution of a trial's parameter, if it is one."""
    if not isinstance(dist, BaseDistribution):
        raise wrong_type(f"distributions[{name!r}]", "be a distribution", dist)
    return dist


def create_trial(
    *,
    state: TrialState = TrialState.COMPLETE,
    value: float | None = None,
    values: Sequence[float] | None = None,
    params: dict[str, Any] | None = None,
    distributions: dict[str, BaseDistribution] | None = None,
    user_attrs: dict[str, Any] | None = None,
    system_attrs: dict[str, Any] | None = None,
    intermediate_values: dict[int, float] | None = None,
    constraints: dict[str, float] | None = None,
) -> FrozenTrial:
    """Make a trial that can be given to `Study.add_trial`; it starts and ends now.

    Args:
        state: What became of it.
        value: The objective value; not together with `values`.
        values: The objective values.
        params: Values by parameter name.
        distributions: A distribution for each of `params`, which contains the value.
        user_attrs: What is attached for the user.
        system_attrs: What is attached for samplers and others.
        intermediate_values: Reported values by step.
        constraints: Constraint values by key; at most 0 means kept.

    Raises:
        ValueError: If the fields contradict each other.
        TypeError: If one of them is of a wrong kind.
    """
    known = state_of(state)
    if known is None:
        raise wrong_type("state", "be a TrialState", state)
    if values is not None and (isinstance(values, str) or not isinstance(values, Iterable)):
        raise wrong_type("values", "be a list of numbers", values)
    now = datetime.datetime.now()
    system = dict(system_attrs or {})
    for key, constraint in (constraints or {}).items():
        system[CONSTRAINT + key] = constraint_value(key, constraint)
    trial = FrozenTrial(
        number=-1,
        state=known,
        value=value,
        values=values,
        datetime_start=None if known is TrialState.WAITING else now,
        datetime_complete=now if known.is_finished() else None,
        params=params or {},
        distributions={name: converted(d) for name, d in (distributions or {}).items()},
        user_attrs=user_attrs or {},
        system_attrs=system,
        intermediate_values=intermediate_values or {},
        trial_id=-1,
    )
    trial._validate()
    return trial


def html_table(title: str, rows: Sequence[tuple[str, Any]]) -> str:
    """A table of names and values as HTML, for notebooks."""
    cells = "".join(f"<tr><th>{_escape(k)}</th><td>{_escape(v)}</td></tr>" for k, v in rows)
    return f"<table><caption>{_escape(title)}</caption><tbody>{cells}</tbody></table>"


def _escape(value: object) -> str:
    return str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class FrozenStudy:
    """A study as a storage keeps it, without its trials.

    Attributes:
        study_name: The study's name.
        user_attrs: What the user attached.
        system_attrs: What Skipjack attached.
    """

    def __init__(
        self,
        study_name: str,
        direction: StudyDirection | None,
        user_attrs: dict[str, Any],
        system_attrs: dict[str, Any],
        study_id: int,
        *,
        directions: Sequence[StudyDirection] | None = None,
    ) -> None:
        self.study_name = study_name
        self._directions = chosen_directions(direction, directions)
        self.user_attrs = user_attrs
        self.system_attrs = system_attrs
        self._study_id = study_id

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if isinstance(other, FrozenStudy) else NotImplemented

    def __hash__(self) -> int:
        return hash((self._study_id, self.study_name))

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, FrozenStudy):
            return NotImplemented
        return self._study_id < other._study_id

    def __le__(self, other: object) -> bool:
        if not isinstance(other, FrozenStudy):
            return NotImplemented
        return self._study_id <= other._study_id

    @property
    def direction(self) -> StudyDirection:
        """The direction of the only objective.

        Raises:
            RuntimeError: If there are several.
        """
        return only_direction(self._directions)

    @property
    def directions(self) -> list[StudyDirection]:
        """The direction of each objective."""
        return self._directions


def chosen_directions(
    direction: StudyDirection | None, directions: Sequence[StudyDirection] | None
) -> list[StudyDirection]:
    """The directions, given one way or the other but not both."""
    if (direction is None) == (directions is None):
        raise invalid("direction, directions", "be given one of two", (direction, directions))
    return [direction] if direction is not None else list(directions or ())


def only_direction(directions: Sequence[StudyDirection]) -> StudyDirection:
    """The direction of a study with one objective, or a RuntimeError."""
    if len(directions) > 1:
        raise WrongStateError("`direction` is for one objective; use `directions` here.")
    return directions[0]
