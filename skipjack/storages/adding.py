"""Putting finished trials into a study: the events of a batch."""

from __future__ import annotations

from typing import Any, final

from skipjack.distributions import (
    BaseDistribution,
    current,
    intern,
)
from skipjack.errors import invalid
from skipjack.records.attributes import (
    attribute_key,
    float_value,
    packed,
    plain,
    step_value,
    unpacked,
)
from skipjack.records.events import METRICS_SINCE, Event
from skipjack.records.frozen import FrozenTrial, checked_distribution
from skipjack.records.replay import StudyState, spelled
from skipjack.records.times import epoch_seconds

Dists = tuple[BaseDistribution, ...]


@final
class Adding:
    """Makes the events of one batch that puts copies of trials into a study.

    A layout that the log does not have is spelled out by the first trial of the batch that has
    it; the others refer to that.

    Args:
        state: The study.
        strict: Whether values must lie in their distributions, and those be of the study's kinds.
            What is copied from another storage need not, since nothing may be lost.
    """

    def __init__(self, state: StudyState, strict: bool) -> None:
        self._state = state
        self._strict = strict
        self._n_spelled = 0
        self._layouts: dict[tuple[Any, ...], tuple[Any, Dists]] = {}

    def event(self, trial: FrozenTrial) -> Event:
        """The event that puts in a copy of `trial`.

        Raises:
            ValueError: If `strict` and a parameter is of another kind in the study, or a value lies
                outside its distribution.
        """
        values = trial.values
        event: Event = {
            "do": "add",
            "state": int(trial.state),
            "values": None if values is None else [float_value("values", v) for v in values],
            "time": epoch_seconds(trial.datetime_complete),
            "start": epoch_seconds(trial.datetime_start),
        }
        if trial._params:
            event["layout"], event["x"] = self._params(trial)
        if trial._user_attrs:
            event["user"] = plain(trial._user_attrs)
        if trial._system_attrs or trial.intermediate_values or getattr(trial, "metrics", None):
            self._put_reports(event, trial)
        return event

    def _put_reports(self, event: Event, trial: FrozenTrial) -> None:
        """Put in what the trial reported and logged, and the system attributes."""
        reports, metrics, system = unpacked(trial.intermediate_values, plain(trial._system_attrs))
        reports = {step_value(step): self._report(value) for step, value in reports.items()}
        for name, values in getattr(trial, "metrics", {}).items():  # a user's own may have none
            numbers = {
                step_value(s): float_value(f"metrics[{name!r}]", v) for s, v in values.items()
            }
            metrics.setdefault(attribute_key(name), {}).update(numbers)
        if self._state.rules < METRICS_SINCE:
            reports, more = packed(reports, metrics)
            metrics, system = {}, {**system, **more}
        if system:
            event["system"] = system
        if reports:
            event["reports"] = list(reports.items())
        if metrics:
            event["metrics"] = {name: list(values.items()) for name, values in metrics.items()}

    def _report(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return float_value("intermediate_values", value)
        n = len(self._state.directions)
        if n == 1 or len(value) != n:
            must = "hold a number" if n == 1 else f"hold a list of {n} numbers, one per objective,"
            raise invalid("intermediate_values", f"{must} at each step", value)
        return [float_value("intermediate_values", v) for v in value]

    def _params(self, trial: FrozenTrial) -> tuple[Any, list[float]]:
        """Layout and internal values of a trial's parameters."""
        params, of = trial._params, trial._distributions
        key = (*params, *[id(of[name]) for name in params])
        found = self._layouts.get(key)
        if found is None:
            spelling, dists = self._layout(tuple(params), tuple(of[name] for name in params))
            refer = spelling
            if not isinstance(spelling, int):
                self._n_spelled += 1
                refer = -self._n_spelled
            self._layouts[key] = refer, dists
        else:
            spelling, dists = found
        x = [d.to_internal_repr(v) for d, v in zip(dists, params.values(), strict=True)]
        if self._strict:
            for dist, internal, name in zip(dists, x, params, strict=True):
                if not dist._contains(internal):
                    raise invalid(f"params[{name!r}]", f"lie in {dist!r}", params[name])
        return spelling, x

    def _layout(self, names: tuple[str, ...], dists: Dists) -> tuple[Any, Dists]:
        dists = tuple(
            intern(current(checked_distribution(name, dist)))
            for name, dist in zip(names, dists, strict=True)
        )
        for name, dist in zip(names, dists, strict=True):
            if self._strict:
                self._state.admit(name, dist)
            else:
                self._state.kinds.setdefault(name, dist)
        known = self._state.history.known_layout(names, dists)
        return (spelled(names, dists) if known is None else known), dists
