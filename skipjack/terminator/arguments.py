"""Arguments of rules and evaluators, checked."""

from __future__ import annotations

from typing import Any

from skipjack.errors import invalid, wrong_type


def at_least(name: str, value: Any, least: int) -> int:
    """A whole number.

    Raises:
        TypeError: If it is none.
        ValueError: If it is below `least`.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise wrong_type(name, "be a whole number", value)
    if value < least:
        raise invalid(name, f"be at least {least}", value)
    return int(value)


def real(name: str, value: Any) -> float:
    """A number.

    Raises:
        TypeError: If it is none.
    """
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise wrong_type(name, "be a number", value)
    return float(value)


def seed_of(seed: Any) -> int:
    """A seed; 0 if None.

    Raises:
        TypeError: If it is no whole number.
    """
    if seed is None:
        return 0
    if not hasattr(seed, "__index__"):
        raise wrong_type("seed", "be a whole number or None", seed)
    return int(seed)
