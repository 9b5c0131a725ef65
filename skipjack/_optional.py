"""Modules that are imported when first used: heavy ones, and those of packages not always there."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from types import MethodType, ModuleType
from typing import Any

from skipjack.errors import MissingDependencyError


class OptionalModule(ModuleType):
    """Stands for a module until one of its attributes is asked for, then imports it."""

    def __init__(
        self, name: str, *, extra: str | None = None, needed_by: str | None = None
    ) -> None:
        super().__init__(name)
        self._extra, self._needed_by = extra, needed_by
        self._module: ModuleType | None = None

    @property
    def is_installed(self) -> bool:
        """Whether the package can be found; does not import it."""
        package = self.__name__.partition(".")[0]
        try:
            return importlib.util.find_spec(package) is not None
        except ValueError:  # a stand-in in sys.modules, without a specification
            return package in sys.modules

    def __getattr__(self, attribute: str) -> Any:
        if self._module is None:
            if attribute.startswith("__") and attribute not in ("__version__", "__all__"):
                raise AttributeError(attribute)  # introspection must not import
            self._module = self._import()
        return getattr(self._module, attribute)

    def __repr__(self) -> str:
        return f"<module {self.__name__!r}, imported when used>"

    def _import(self) -> ModuleType:
        package = self.__name__.partition(".")[0]
        try:
            return importlib.import_module(self.__name__)
        except ModuleNotFoundError as error:
            if error.name != package:
                raise  # the package is there, but broken: show its own error
            who = self._needed_by or "This"
            what = f"'skipjack[{self._extra}]'" if self._extra else package
            raise MissingDependencyError(
                f"{who} needs the package `{package}`. Install it with: pip install {what}",
                name=package,
            ) from error


def lazy(name: str, extra: str | None = None, needed_by: str | None = None) -> Any:
    """The module `name`, used as if it had been imported, but imported at its first attribute.

    Args:
        name: What to import, with dots.
        extra: The extra of Skipjack that installs it; None if a plain install does.
        needed_by: Who needs it, for the error when it is not there.

    >>> special = lazy("scipy.special")
    """
    return OptionalModule(name, extra=extra, needed_by=needed_by)


def lazy_names(**homes: str) -> Callable[[str], Any]:
    """A module's `__getattr__` that imports names when they are asked for.

    Args:
        **homes: For each name the module that defines it; a module itself is named by itself.

    >>> __getattr__ = lazy_names(GridSampler="skipjack.samplers.grid")
    """

    def __getattr__(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"no attribute {name!r} here; there are {', '.join(homes)}")
        module = importlib.import_module(home)
        return module if home.endswith(f".{name}") else getattr(module, name)

    return __getattr__


class LaterMethod:
    """A method that is a function of a module which is imported when the method is asked for.

    Args:
        home: The module.
        name: The function in it.
    """

    def __init__(self, home: str, name: str) -> None:
        self._home, self._name = home, name

    def __get__(self, owner: object, kind: type | None = None) -> Any:
        function = getattr(importlib.import_module(self._home), self._name)
        return function if owner is None else MethodType(function, owner)
