"""Distributions as JSON, and which of them may share a name."""

from __future__ import annotations

import json
from typing import Any

from skipjack.distributions.base import BaseDistribution
from skipjack.distributions.categorical import CategoricalDistribution
from skipjack.distributions.deprecated import (
    DiscreteUniformDistribution,
    IntLogUniformDistribution,
    IntUniformDistribution,
    LogUniformDistribution,
    UniformDistribution,
)
from skipjack.distributions.numerical import FloatDistribution, IntDistribution
from skipjack.errors import InvalidValueError, invalid, wrong_type

DISTRIBUTION_CLASSES: tuple[type[BaseDistribution], ...] = (
    IntDistribution,
    IntLogUniformDistribution,
    IntUniformDistribution,
    FloatDistribution,
    UniformDistribution,
    LogUniformDistribution,
    DiscreteUniformDistribution,
    CategoricalDistribution,
)

_BY_NAME: dict[str, type[BaseDistribution]] = {kind.__name__: kind for kind in DISTRIBUTION_CLASSES}
_SHORT: dict[str, type[BaseDistribution]] = {
    "float": FloatDistribution,
    "int": IntDistribution,
    "categorical": CategoricalDistribution,
}


def distribution_to_json(dist: BaseDistribution) -> str:
    """`{"name": class, "attributes": {...}}`, as Optuna writes it.

    Raises:
        InvalidTypeError: If a choice cannot be written as JSON.
    """
    try:
        return json.dumps({"name": type(dist).__name__, "attributes": dist._asdict()})
    except TypeError:
        raise wrong_type("choices", "be storable as JSON", dist._asdict()) from None


def json_to_distribution(json_str: str) -> BaseDistribution:
    """The distribution that `distribution_to_json` wrote, or a short form of it.

    Short forms are `{"type": "float", "low": 0, "high": 1}` with "step" and "log" if wanted, the
    same with "int", and `{"type": "categorical", "choices": [...]}`.

    Raises:
        InvalidValueError: If it describes no distribution; json's own ValueError if it is not
            JSON at all.
    """
    told = json.loads(json_str)
    if isinstance(told, dict) and "name" in told:
        kind = _BY_NAME.get(str(told["name"]))
        attributes = told.get("attributes")
    elif isinstance(told, dict) and isinstance(told.get("type"), str):
        kind = _SHORT.get(told["type"])
        attributes = {name: value for name, value in told.items() if name != "type"}
    else:
        raise _unreadable(json_str)
    if kind is None or not isinstance(attributes, dict):
        raise _unreadable(json_str)
    return _make(kind, attributes, json_str)


def _make(kind: type[Any], attributes: dict[str, Any], json_str: str) -> BaseDistribution:
    try:
        made = kind(**attributes)
    except TypeError as error:
        raise _unreadable(json_str) from error
    assert isinstance(made, BaseDistribution)
    return made


def _unreadable(json_str: str) -> InvalidValueError:
    known = ", ".join((*_SHORT, *_BY_NAME))
    return invalid(
        "json_str", f'have the "name" and "attributes", or a "type", of one of {known}', json_str
    )


def check_distribution_compatibility(
    dist_old: BaseDistribution, dist_new: BaseDistribution
) -> None:
    """Check that a name which had `dist_old` may now have `dist_new` in the same study.

    Raises:
        InvalidValueError: If the kind, the log scale or the choices differ. Ranges may differ.
    """
    if dist_old.family == dist_new.family:
        return
    if isinstance(dist_old, CategoricalDistribution) and isinstance(
        dist_new, CategoricalDistribution
    ):
        raise InvalidValueError(
            "CategoricalDistribution does not support dynamic value space. The choices of a name "
            f"must stay the same within a study, but they were {dist_old.choices} and now are "
            f"{dist_new.choices}."
        )
    raise InvalidValueError(
        "A name must keep its kind of distribution and its `log` within a study, but it had "
        f"{dist_old} and now has {dist_new}. Use another name for the new parameter."
    )
