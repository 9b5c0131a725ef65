"""Putting finished trials into a study: the events of a batch."""

from __future__ import annotations

from typing import Any, final

from skipjack.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    current,
    intern,
)
from skipjack.errors import invalid
from skipjack.records.attributes import float_value, plain, step_value
from skipjack.records.events import Event
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
        strict: Whether values must lie in their distributions. What is copied from another
            storage need not, since nothing may be lost.
    """

    def __init__(self, state: StudyState, strict: bool) -> None:
        self._state = state
        self._strict = strict
        self._n_spelled = 0
        self._layouts: dict[tuple[Any, ...], tuple[Any, Dists]] = {}

    def event(self, trial: FrozenTrial) -> Event:
        """The event that puts in a copy of `trial`.

        Raises:
            ValueError: If a parameter is of another kind in the study, or `strict` and a value
                lies outside its distribution.
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
        if trial._system_attrs:
            event["system"] = plain(trial._system_attrs)
        if trial.intermediate_values:
            event["reports"] = [
                (step_value(s), float_value("intermediate_values", v))
                for s, v in trial.intermediate_values.items()
            ]
        return event

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
        kinds = self._state.kinds
        for name, dist in zip(names, dists, strict=True):
            check_distribution_compatibility(kinds.setdefault(name, dist), dist)
        known = self._state.history.known_layout(names, dists)
        return (spelled(names, dists) if known is None else known), dists
