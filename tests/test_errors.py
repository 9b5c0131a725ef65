"""Errors are one tree, and say what to do in one wording."""

from __future__ import annotations

import pickle

import pytest

from skipjack import errors, exceptions
from skipjack.errors import SkipjackError, invalid, not_found, wrong_type

CLASSES = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__ == errors.__name__
]

BUILT_IN = [
    (errors.InvalidValueError, ValueError),
    (errors.InvalidTypeError, TypeError),
    (errors.NotFoundError, KeyError),
    (errors.WrongStateError, RuntimeError),
    (errors.UnsupportedError, NotImplementedError),
    (errors.MissingDependencyError, ModuleNotFoundError),
    (errors.StorageError, RuntimeError),
    (errors.StorageInternalError, errors.StorageError),
    (errors.UpdateFinishedTrialError, RuntimeError),
]


def test_every_error_has_one_root() -> None:
    for kind in CLASSES:
        assert issubclass(kind, SkipjackError) != issubclass(kind, Warning), kind


@pytest.mark.parametrize(("kind", "base"), BUILT_IN)
def test_an_error_is_also_the_built_in_one(kind: type, base: type) -> None:
    assert issubclass(kind, base)


def test_optunas_names_are_the_same_classes() -> None:
    assert exceptions.OptunaError is SkipjackError
    for name in exceptions.__all__:
        if name != "OptunaError":
            assert getattr(exceptions, name) is getattr(errors, name)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_survives_pickling(kind: type[Exception]) -> None:
    again = pickle.loads(pickle.dumps(kind("because")))
    assert type(again) is kind
    assert str(again) == "because"


def test_a_bad_value_is_worded_with_what_must_hold_and_what_was_given() -> None:
    error = invalid("low", "be positive when `log` is true", 0.0)
    assert str(error) == "`low` must be positive when `log` is true, but got 0.0."
    assert isinstance(error, ValueError)


def test_a_hint_follows_in_a_sentence_of_its_own() -> None:
    error = wrong_type("n", "be an integer", "3", "Convert it with int().")
    assert str(error) == "`n` must be an integer, but got '3'. Convert it with int()."
    assert isinstance(error, TypeError)


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ([], "No study 'b'; this storage has none yet."),
        (["a"], "No study 'b'; this storage has 'a'."),
        ("acde", "No study 'b'; this storage has 'a', 'c', 'd', …."),
    ],
)
def test_a_failed_look_up_names_what_there_is(known: list[str], text: str) -> None:
    assert str(not_found("study", "b", known)) == text


def test_not_found_without_a_text_is_empty() -> None:
    assert str(errors.NotFoundError()) == ""
