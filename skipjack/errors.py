"""Every error of Skipjack as one tree, and how errors are worded.

An error says what must hold, what was given, and where it helps, what to do. Each class also
derives from the built-in exception that a user would catch, so `except ValueError` works.
"""

from __future__ import annotations

from collections.abc import Iterable


class SkipjackError(Exception):
    """Root of all errors that Skipjack raises on purpose; Optuna's name for it is OptunaError."""


class InvalidValueError(SkipjackError, ValueError):
    """An argument has a value that is not possible."""


class InvalidTypeError(SkipjackError, TypeError):
    """An argument is of a kind that cannot be used."""


class NotFoundError(SkipjackError, KeyError):
    """Something was asked for by a name or number that nothing has."""

    def __str__(self) -> str:  # KeyError shows the repr of its argument
        return str(self.args[0]) if self.args else ""


class ArtifactNotFound(NotFoundError):
    """An artifact store has nothing of that id."""


class WrongStateError(SkipjackError, RuntimeError):
    """The call is right, but not now."""


class UnsupportedError(SkipjackError, NotImplementedError):
    """The combination that was asked for does not exist."""


class MissingDependencyError(SkipjackError, ModuleNotFoundError):
    """A package that is not installed is needed; the text says how to install it."""


class StorageError(SkipjackError, RuntimeError):
    """A storage could not read or write."""


class StorageInternalError(StorageError):
    """An operation of a database failed; the error of the database is its cause."""


class TrialPruned(SkipjackError):
    """Raise in an objective to end the trial as PRUNED, with its last reported value."""


class DuplicatedStudyError(SkipjackError):
    """A study of that name exists already."""


class UpdateFinishedTrialError(SkipjackError, RuntimeError):
    """A finished trial cannot be changed."""


class CLIUsageError(SkipjackError):
    """The command line was used wrongly."""


class ExperimentalWarning(Warning):
    """The interface of a feature may still change."""


def _sentence(name: str, must: str, got: object, hint: str) -> str:
    return f"`{name}` must {must}, but got {got!r}.{' ' + hint if hint else ''}"


def invalid(name: str, must: str, got: object, hint: str = "") -> InvalidValueError:
    """Word a bad value: what it must be, what it was, and what to try.

    >>> raise invalid("low", "be positive when `log` is true", 0.0)
    Traceback (most recent call last):
    skipjack.errors.InvalidValueError: `low` must be positive when `log` is true, but got 0.0.
    """
    return InvalidValueError(_sentence(name, must, got, hint))


def wrong_type(name: str, must: str, got: object, hint: str = "") -> InvalidTypeError:
    """Word an argument of a wrong kind, like `invalid`."""
    return InvalidTypeError(_sentence(name, must, got, hint))


def not_found(kind: str, key: object, known: Iterable[object]) -> NotFoundError:
    """Word a failed look-up, naming up to three of the things that do exist."""
    names = [repr(name) for name in known]
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return NotFoundError(f"No {kind} {key!r}; this storage has {shown or 'none yet'}.")
