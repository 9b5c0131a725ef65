"""Optuna's marks of experimental features, for companion packages that use them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from skipjack._warnings import optuna_warn
from skipjack.errors import ExperimentalWarning

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=type[Any])


def warn_experimental(name: str, version: str = "") -> None:
    """Say that the interface of `name` may still change; an ExperimentalWarning."""
    since = f" (since version {version})" if version else ""
    optuna_warn(f"{name} is experimental{since}: its interface may change.", ExperimentalWarning)


def warn_experimental_argument(option_name: str) -> None:
    """Say that the argument `option_name` may still change; an ExperimentalWarning."""
    warn_experimental(f"Argument `{option_name}`")


def experimental_func(
    version: str, name: str | None = None
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Mark a function as experimental since `version`: each call warns.

    Args:
        version: Such as "3.1.0".
        name: What the warning calls it; its own name if None.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        shown = name or str(getattr(function, "__name__", function))

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            warn_experimental(shown, version)
            return function(*args, **kwargs)

        call.__doc__ = _noted(function.__doc__, version)
        return call

    return decorate


def experimental_class(version: str, name: str | None = None) -> Callable[[C], C]:
    """Mark a class as experimental since `version`: making an instance warns.

    Args:
        version: Such as "3.1.0".
        name: What the warning calls it; its own name if None.
    """

    def decorate(kind: C) -> C:
        shown = name or kind.__name__
        original = kind.__init__

        @functools.wraps(original)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            warn_experimental(shown, version)
            original(self, *args, **kwargs)

        setattr(kind, "__init__", __init__)  # noqa: B010 (mypy forbids to assign to it)
        kind.__doc__ = _noted(kind.__doc__, version)
        return kind

    return decorate


def _noted(doc: str | None, version: str) -> str:
    note = f".. note::\n    Experimental since version {version}: the interface may change."
    return f"{doc or ''}\n\n{note}\n"
