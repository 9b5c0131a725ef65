"""The `suggest_*` methods, once for every kind of trial."""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from skipjack._deprecate import warn_deprecated
from skipjack._warnings import optuna_warn
from skipjack.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    IntDistribution,
    categorical_distribution,
    check_distribution_compatibility,
    float_distribution,
    int_distribution,
)
from skipjack.errors import InvalidValueError, UnsupportedError, invalid, wrong_type
from skipjack.records.attributes import warn_user


class BaseTrial(ABC):
    """What an objective may ask of a trial.

    A subclass writes `_suggest`, which all `suggest_*` methods come down to, and what else it
    keeps; or it overrides the public methods one by one, as companions of Optuna do.
    """

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Suggest a real number from `low` to `high`, both included.

        Args:
            name: The parameter's name, unique within the trial.
            low: The lower end.
            high: The upper end; lowered, with a UserWarning, to the last `low + k * step`.
            step: Suggest only `low + k * step`. Not together with `log`.
            log: Search on a logarithmic scale; `low` must be positive.

        Raises:
            ValueError: If the range is not one, or the name was used for another kind of parameter.
        """
        value: float = self._suggest(name, float_distribution(low, high, log, step))
        return value

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Suggest a whole number from `low` to `high`, both included.

        Args:
            name: The parameter's name, unique within the trial.
            low: The lower end.
            high: The upper end; lowered, with a UserWarning, to the last `low + k * step`.
            step: Suggest only `low + k * step`; must be 1 together with `log`.
            log: Search on a logarithmic scale; `low` must be at least 1.

        Raises:
            ValueError: If the range is not one, or the name was used for another kind of parameter.
        """
        value: int = self._suggest(name, int_distribution(low, high, log, step))
        return value

    def suggest_categorical(
        self, name: str, choices: Sequence[CategoricalChoiceType]
    ) -> CategoricalChoiceType:
        """Suggest one of `choices`, between which there is no order.

        Args:
            name: The parameter's name, unique within the trial.
            choices: At least one of None, bool, int, float and str; the same in every trial of a
                study. 1, True and 1.0 are three different choices.

        Raises:
            ValueError: If there is no choice, or other choices were given to this name before.
        """
        value: CategoricalChoiceType = self._suggest(name, categorical_distribution(choices))
        return value

    def suggest_uniform(self, name: str, low: float, high: float) -> float:
        """Suggest a real number. Deprecated: use `suggest_float`."""
        warn_deprecated("trial.Trial.suggest_uniform")
        return self.suggest_float(name, low, high)

    def suggest_loguniform(self, name: str, low: float, high: float) -> float:
        """Suggest a real number on a log scale. Deprecated: use `suggest_float(..., log=True)`."""
        warn_deprecated("trial.Trial.suggest_loguniform")
        return self.suggest_float(name, low, high, log=True)

    def suggest_discrete_uniform(self, name: str, low: float, high: float, q: float) -> float:
        """Suggest a multiple of `q`. Deprecated: use `suggest_float(..., step=q)`."""
        warn_deprecated("trial.Trial.suggest_discrete_uniform")
        return self.suggest_float(name, low, high, step=q)

    def _suggest(self, name: str, dist: BaseDistribution) -> Any:
        """The value of `name`, drawn from `dist` when it has none yet."""
        raise UnsupportedError(
            f"{type(self).__name__} must define `suggest_*` methods of its own, or `_suggest`."
        )

    @abstractmethod
    def report(self, value: float, step: int) -> None:
        """Tell how well the trial does after `step` steps."""

    def log(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Tell any metrics by name; see `Trial.log`."""
        raise UnsupportedError(f"{type(self).__name__} must define `log` to keep metrics.")

    @abstractmethod
    def should_prune(self) -> bool:
        """Whether the trial is not worth going on with."""

    @abstractmethod
    def set_user_attr(self, key: str, value: Any) -> None:
        """Attach something to the trial."""

    @abstractmethod
    def set_constraint(self, key: str, value: float) -> None:
        """Tell how much a constraint is violated; at most 0 means that it is kept."""

    @property
    @abstractmethod
    def params(self) -> dict[str, Any]:
        """The values suggested so far, by name."""

    @property
    @abstractmethod
    def distributions(self) -> dict[str, BaseDistribution]:
        """What they were drawn from."""

    @property
    @abstractmethod
    def user_attrs(self) -> dict[str, Any]:
        """What was attached."""

    @property
    @abstractmethod
    def constraints(self) -> dict[str, float]:
        """The constraint values set so far."""

    @property
    @abstractmethod
    def datetime_start(self) -> datetime.datetime | None:
        """When the trial started, in local time."""

    @property
    @abstractmethod
    def number(self) -> int:
        """The trial's place in its study, from 0."""


def given_value(
    trial: BaseTrial,
    params: Mapping[str, Any],
    dists: dict[str, BaseDistribution],
    name: str,
    dist: BaseDistribution,
) -> Any:
    """The value of `name` among `params` of a trial that draws nothing; `dist` is noted in `dists`.

    Raises:
        ValueError: If it has no such parameter, or one of another kind.

    Warns:
        UserWarning: If the value lies outside `dist`.
    """
    if name not in params:
        raise invalid(
            "name",
            f"be one of the parameters of the trial ({', '.join(map(repr, params)) or 'none'})",
            name,
            f"Add it when the {type(trial).__name__} is made.",
        )
    value = params[name]
    internal = dist.to_internal_repr(value)
    if not dist._contains(internal):
        warn_user(f"The value {value!r} of parameter {name!r} lies outside {dist!r}.")
    if name in dists:
        check_distribution_compatibility(dists[name], dist)
    dists[name] = dist
    return int(value) if isinstance(dist, IntDistribution) else value


def check_again(name: str, old: BaseDistribution, new: BaseDistribution) -> None:
    """Check that `name`, suggested from `old` before, may be asked for from `new` again.

    Raises:
        ValueError: If the kinds differ.

    Warns:
        RuntimeWarning: If the ranges differ, since the first one counts.
    """
    if old is new or old == new:
        return
    check_distribution_compatibility(old, new)
    if not isinstance(new, CategoricalDistribution):
        optuna_warn(
            f"Parameter {name!r} was suggested from {old!r} before in this trial; that value is "
            f"kept, and the new range {new!r} is not used.",
            RuntimeWarning,
        )


def check_kind(old: BaseDistribution, new: BaseDistribution, choices_may_change: bool) -> None:
    """Check that a trial may draw from `new` what trials before it drew from `old`.

    Raises:
        ValueError: If the kinds differ, or the choices do and may not.
    """
    both = isinstance(old, CategoricalDistribution) and isinstance(new, CategoricalDistribution)
    if both and choices_may_change:
        return
    try:
        check_distribution_compatibility(old, new)
    except InvalidValueError as error:
        if not both:
            raise
        hint = "Pass `dynamic_choices=True` to `create_study` if they are meant to change."
        raise InvalidValueError(f"{error} {hint}") from None


def check_name(name: object) -> str:
    """`name`, if it can name a parameter, an attribute or a constraint."""
    if isinstance(name, str):
        return name
    raise wrong_type("name", "be a str", name)
