"""A trial with given values, for calling an objective without a study."""

from __future__ import annotations

import datetime
from typing import Any, final

from skipjack.distributions import BaseDistribution, check_distribution_compatibility
from skipjack.errors import invalid
from skipjack.records.attributes import attribute_key, constraint_value, warn_user
from skipjack.records.history import CONSTRAINT, constraints_of
from skipjack.records.suggest import BaseTrial


@final
class FixedTrial(BaseTrial):
    """Suggests the given values, takes reports without effect, and is never pruned.

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
        self._datetime_start = datetime.datetime.now()
        self._number = number

    def _suggest(self, name: str, dist: BaseDistribution) -> Any:
        if name not in self._params:
            raise invalid(
                "name",
                f"be one of the parameters given ({', '.join(map(repr, self._params)) or 'none'})",
                name,
                "Add it to the FixedTrial.",
            )
        value = self._params[name]
        if not dist._contains(dist.to_internal_repr(value)):
            warn_user(f"The value {value!r} of parameter {name!r} lies outside {dist!r}.")
        if name in self._distributions:
            check_distribution_compatibility(self._distributions[name], dist)
        self._suggested[name] = value
        self._distributions[name] = dist
        return value

    def report(self, value: float, step: int) -> None:
        """Do nothing."""

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
        number = constraint_value(key, value)
        if CONSTRAINT + key in self._system_attrs:
            warn_user(f"Constraint {key!r} was set already; the first value is kept.")
            return
        self._system_attrs[CONSTRAINT + key] = number

    @property
    def params(self) -> dict[str, Any]:
        """The values asked for so far."""
        return self._suggested

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What they were asked for from."""
        return self._distributions

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
