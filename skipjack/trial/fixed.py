"""A trial with given values, for calling an objective without a study."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Mapping, Sequence
from typing import Any, final

from skipjack.distributions import BaseDistribution
from skipjack.records.attributes import attribute_key, constraints_of, note_constraint
from skipjack.records.suggest import BaseTrial, given_value


@final
class FixedTrial(BaseTrial):
    """Suggests the given values, keeps reports, and is never pruned.

    Args:
        params: Values by parameter name.
        number: What the trial says its number is.
    """

    def __init__(self, params: dict[str, Any], number: int = 0) -> None:
        self._params = params
        self._suggested: dict[str, Any] = {}
        self._distributions: dict[str, BaseDistribution] = {}
        self._user_attrs: dict[str, Any] = {}
        self._system_attrs: dict[str, Any] = {}
        self._reports: dict[int, Any] = {}
        self._metrics: dict[str, dict[int, float]] = {}
        self._datetime_start = datetime.datetime.now()
        self._number = number

    def _suggest(self, name: str, dist: BaseDistribution) -> Any:
        value = given_value(self, self._params, self._distributions, name, dist)
        self._suggested[name] = value
        return value

    def report(self, value: float | Sequence[float], step: int, *, fold: int | None = None) -> None:
        """Keep a report, so that the objective can read it; the first one for a step counts."""
        if fold is None:
            kept: Any = value if isinstance(value, (int, float)) else copy.copy(value)
            self._reports.setdefault(step, kept)
        else:
            self.log({f"fold {fold}": value}, step)  # type: ignore[dict-item]

    def log(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Keep metrics, so that the objective can read them; see `Trial.log`."""
        steps = (max(of) for of in self._metrics.values())
        at = 1 + max(steps, default=-1) if step is None else step
        for name, value in metrics.items():
            self._metrics.setdefault(name, {}).setdefault(at, value)

    def should_prune(self) -> bool:
        """Return False."""
        return False

    def set_user_attr(self, key: str, value: Any) -> None:
        """Attach something to the trial."""
        self._user_attrs[attribute_key(key)] = value

    def set_system_attr(self, key: str, value: Any) -> None:
        """Attach something of the library's to the trial."""
        self._system_attrs[attribute_key(key)] = value

    def set_constraint(self, key: str, value: float) -> None:
        """Tell how much a constraint is violated; of two values for one key the first counts."""
        note_constraint(self._system_attrs, key, value)

    @property
    def params(self) -> dict[str, Any]:
        """The values asked for so far."""
        return self._suggested

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What they were asked for from."""
        return self._distributions

    @property
    def intermediate_values(self) -> dict[int, Any]:
        """What was reported so far, by step; a copy."""
        return dict(self._reports)

    @property
    def metrics(self) -> dict[str, dict[int, float]]:
        """What was logged so far: values by step, by name; a copy."""
        return {name: dict(values) for name, values in self._metrics.items()}

    @property
    def user_attrs(self) -> dict[str, Any]:
        """What was attached."""
        return self._user_attrs

    @property
    def system_attrs(self) -> dict[str, Any]:
        """What the library attached."""
        return self._system_attrs

    @property
    def constraints(self) -> dict[str, float]:
        """The constraint values set so far."""
        return constraints_of(self._system_attrs)

    @property
    def datetime_start(self) -> datetime.datetime | None:
        """When the trial was made."""
        return self._datetime_start

    @property
    def number(self) -> int:
        """The number that was given."""
        return self._number
