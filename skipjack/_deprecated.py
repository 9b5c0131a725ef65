"""Optuna's marks of deprecated features, for companion packages; ours are rows in `_deprecate`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from skipjack._warnings import optuna_warn
from skipjack.errors import invalid

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=type[Any])


def deprecated_func(
    deprecated_version: str, removed_version: str, name: str | None = None, text: str | None = None
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Mark a function as deprecated: each call gives a FutureWarning.

    Args:
        deprecated_version: Since when, such as "3.1.0".
        removed_version: When it goes; later than that.
        name: What the warning calls it; its own name if None.
        text: More to say, such as what to use instead.

    Raises:
        InvalidValueError: If a version is no version, or they are in the wrong order.
    """
    _check(deprecated_version, removed_version)

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        shown = name or str(getattr(function, "__name__", function))
        message = _message(shown, deprecated_version, removed_version, text)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            optuna_warn(message, FutureWarning)
            return function(*args, **kwargs)

        call.__doc__ = f"{function.__doc__ or ''}\n\n.. warning::\n    {message}\n"
        return call

    return decorate


def deprecated_class(
    deprecated_version: str, removed_version: str, name: str | None = None, text: str | None = None
) -> Callable[[C], C]:
    """Mark a class as deprecated: making an instance gives a FutureWarning.

    Args:
        deprecated_version: Since when, such as "3.1.0".
        removed_version: When it goes; later than that.
        name: What the warning calls it; its own name if None.
        text: More to say, such as what to use instead.

    Raises:
        InvalidValueError: If a version is no version, or they are in the wrong order.
    """
    _check(deprecated_version, removed_version)

    def decorate(kind: C) -> C:
        message = _message(name or kind.__name__, deprecated_version, removed_version, text)
        original = kind.__init__

        @functools.wraps(original)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            optuna_warn(message, FutureWarning)
            original(self, *args, **kwargs)

        setattr(kind, "__init__", __init__)  # noqa: B010 (mypy forbids to assign to it)
        kind.__doc__ = f"{kind.__doc__ or ''}\n\n.. warning::\n    {message}\n"
        return kind

    return decorate


def _message(name: str, since: str, until: str, text: str | None) -> str:
    more = f" {text}" if text else ""
    return f"`{name}` is deprecated since version {since} and goes in version {until}.{more}"


def _check(since: str, until: str) -> None:
    if not _numbers("deprecated_version", since) < _numbers("removed_version", until):
        raise invalid("removed_version", f"be later than {since}", until)


def _numbers(name: str, version: str) -> tuple[int, ...]:
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        raise invalid(name, "be three numbers with dots", version)
    return tuple(int(part) for part in parts)
