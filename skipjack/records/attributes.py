"""What may be attached to a study or trial, reported or returned, and how it is normalised."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from skipjack._warnings import optuna_warn
from skipjack.errors import InvalidTypeError, invalid, wrong_type

STOP_REASON = "stop:reason"  # system attribute of a study

# System attributes of trials.
CONSTRAINT = "constraints:"  # the prefix of those that hold constraint values
FAIL_REASON = "fail_reason"  # says why a trial failed
FIXED = "fixed_params"  # holds enqueued values
METRIC = "metrics:"  # the prefix of those that hold metrics, where there is no other place
REPORTS = "reports"  # holds the reports of several objectives, where there is no other place
RETRIED = "failed_trial"  # of a retry: names the trial that it repeats
RETRIES = "retry_history"  # of a retry: names all the trials before it

_STEPS = 2**63  # so many there are


def plain(value: Any) -> Any:
    """`value` as JSON would give it back: NumPy scalars as Python's, tuples as lists.

    Objects that JSON does not know are left as they are.
    """
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, dict):
        return {k if isinstance(k, str) else _key(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (str, bool, int, float)):  # subclasses: enums, numpy.float64
        for kind in (str, bool, int, float):
            if isinstance(value, kind):
                return kind(value)
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return plain(value.item())
    return value


def _key(key: Any) -> Any:
    """A dict's key as JSON writes it."""
    key = plain(key)
    return json.dumps(key) if key is None or isinstance(key, (bool, int, float)) else key


def attribute_key(key: object) -> str:
    """`key`, if an attribute can have it."""
    if not isinstance(key, str):
        raise wrong_type("key", "be a str", key)
    return key


def to_text(content: Any) -> str:
    """JSON text in which NaN and infinities survive.

    Raises:
        TypeError: If something is no JSON value; the text says what and how to keep it.
    """
    try:
        return json.dumps(content, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(
            f"Attributes kept in this storage must be JSON values (None, bool, int, float, str, "
            f"and lists and dicts of them), but {error}. Attach a path or a text instead, or use "
            f"a storage in memory."
        ) from error


def float_value(name: str, value: Any, hint: str = "") -> float:
    """`value` as a float.

    Raises:
        TypeError: If it is no number; a str counts as none, whatever it says.
    """
    if isinstance(value, (str, bytes, bytearray)):
        raise wrong_type(name, "be a number", value, hint)
    return told_float(name, value, hint)


def told_float(name: str, value: Any, hint: str = "") -> float:
    """What an objective tells, as a float: whatever `float()` accepts, texts included.

    Raises:
        TypeError: If it accepts it not, for whatever reason.
    """
    if type(value) is float:
        return value
    try:
        return float(value)
    except Exception as error:  # tensors, frames and the like raise what they please
        raise wrong_type(name, "be a number", value, hint) from error


def constraint_value(key: Any, value: Any) -> float:
    """A constraint value as a float that is not NaN."""
    attribute_key(key)
    number = told_float("value", value)
    if math.isnan(number):
        raise invalid("value", f"not be NaN for the constraint {key!r}", value)
    return number


def note_constraint(system: dict[str, Any], key: str, value: float) -> None:
    """Put a constraint value among system attributes; the first value of a key counts."""
    number = constraint_value(key, value)
    if CONSTRAINT + key in system:
        warn_user(f"Constraint {key!r} was set already; the first value is kept.")
        return
    system[CONSTRAINT + key] = number


def constraints_of(system: Mapping[str, Any]) -> dict[str, float]:
    """The constraint values among system attributes, by key; also of Optuna 4's list form."""
    found = {
        key[len(CONSTRAINT) :]: value for key, value in system.items() if key.startswith(CONSTRAINT)
    }
    for i, value in enumerate(system.get("constraints") or ()):
        found.setdefault(str(i), value)
    return found


def packed(
    reports: Mapping[int, Any], metrics: Mapping[str, Mapping[int, float]]
) -> tuple[dict[int, float], dict[str, Any]]:
    """What a trial reported and logged, for a storage of Optuna's: it has no place for some of it.

    Returns:
        The reports that are numbers, and system attributes that hold all the others.
    """
    system: dict[str, Any] = {
        METRIC + name: [[step, value] for step, value in values.items()]
        for name, values in metrics.items()
    }
    several = [[step, value] for step, value in reports.items() if isinstance(value, list)]
    if several:
        system[REPORTS] = several
    return {s: v for s, v in reports.items() if not isinstance(v, list)}, system


def unpacked(
    reports: Mapping[int, Any], system: Mapping[str, Any]
) -> tuple[dict[int, Any], dict[str, dict[int, float]], dict[str, Any]]:
    """The opposite of `packed`: reports, metrics, and the other system attributes."""
    found, metrics, others = dict(reports), {}, {}
    for key, value in system.items():
        if key.startswith(METRIC) and _are_pairs(value, float):
            metrics[key[len(METRIC) :]] = dict(value)
        elif key == REPORTS and _are_pairs(value, list):
            found.update((step, [float(v) for v in values]) for step, values in value)
        else:
            others[key] = value
    return found, metrics, others


def _are_pairs(value: Any, kind: type) -> bool:
    """Whether an attribute can be what `packed` makes."""
    return isinstance(value, list) and all(
        isinstance(pair, list)
        and len(pair) == 2
        and type(pair[0]) is int
        and isinstance(pair[1], kind)
        for pair in value
    )


def step_value(step: Any) -> int:
    """A step as an int of at least 0 that an array can hold."""
    try:
        number = int(step)
    except (TypeError, ValueError, OverflowError) as error:
        raise wrong_type("step", "be a whole number", step) from error
    if number < 0:
        raise invalid("step", "be at least 0", step)
    if number >= _STEPS:
        raise invalid("step", "be below 2**63", step)
    return number


def warn_user(message: str) -> None:
    """A UserWarning that points at the user's line."""
    optuna_warn(message)
