"""Optional imports as Optuna's companion packages write them; Skipjack's own are in `_optional`.

Needed by optuna-dashboard, optuna-integration and packages of OptunaHub.
"""

from __future__ import annotations

from types import TracebackType

from skipjack._optional import OptionalModule as _LazyImport

__all__ = ["_LazyImport", "try_import"]


class _DeferredImportExceptionContextManager:
    """Keeps an ImportError of its block until `check`."""

    def __init__(self) -> None:
        self._error: BaseException | None = None

    def __enter__(self) -> _DeferredImportExceptionContextManager:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(exc_value, (ImportError, SyntaxError)):
            return False
        self._error = exc_value
        return True

    def is_successful(self) -> bool:
        """Whether all imports of the block succeeded."""
        return self._error is None

    def check(self) -> None:
        """Raise an ImportError that names what could not be imported, if something could not."""
        if self._error is None:
            return
        if isinstance(self._error, ImportError):
            name = f"`{self._error.name}`" if self._error.name else "a package"
            text = f"This needs {name}, whose import failed: {self._error}. Is it installed?"
        else:
            text = f"This needs a package that this Python cannot read: {self._error}."
        raise ImportError(text) from self._error


def try_import() -> _DeferredImportExceptionContextManager:
    """A `with` block in which imports may fail; `check()` of it says so later."""
    return _DeferredImportExceptionContextManager()
