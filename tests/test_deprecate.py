"""What is deprecated warns, in one wording, at the user's line, and not for ever."""

from __future__ import annotations

import inspect
import types
import warnings
from collections.abc import Iterator

import pytest

from skipjack import _deprecate, distributions
from skipjack._deprecate import TABLE, Deprecation, forwarding, positional_too, warn_deprecated
from skipjack._deprecated import deprecated_class, deprecated_func
from skipjack._experimental import (
    experimental_class,
    experimental_func,
    warn_experimental,
    warn_experimental_argument,
)
from skipjack._warnings import optuna_warn
from skipjack.errors import ExperimentalWarning


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.old)
class TestEveryRow:
    def test_warns_and_names_what_to_use(self, row: Deprecation) -> None:
        with pytest.warns(FutureWarning) as caught:
            warn_deprecated(row.old)
        [warning] = caught
        assert row.instead in str(warning.message)
        assert warning.filename == __file__

    def test_does_not_outlive_its_version(self, row: Deprecation) -> None:
        if row.until:
            assert version(row.since) < version(row.until)
            assert version(row.until) > version(_deprecate.INTERFACE)

    def test_forwards_to_something(self, row: Deprecation) -> None:
        if not row.forward:
            return
        room, _, name = row.old.rpartition(".")
        with pytest.warns(FutureWarning, match=name):
            meant = forwarding(f"skipjack.{room}")(name)
        assert meant.__name__ == row.forward.partition(":")[2]


CALLS = [
    (distributions.UniformDistribution, (0, 1)),
    (distributions.LogUniformDistribution, (1, 2)),
    (distributions.DiscreteUniformDistribution, (0, 1, 0.5)),
    (distributions.IntUniformDistribution, (0, 1)),
    (distributions.IntLogUniformDistribution, (1, 2)),
]


@pytest.mark.parametrize(("kind", "arguments"), CALLS)
def test_a_deprecated_class_warns_once_at_the_users_line(
    kind: type, arguments: tuple[float, ...]
) -> None:
    with pytest.warns(FutureWarning, match=f"^`{kind.__name__}` is deprecated") as caught:
        kind(*arguments)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(
        _deprecate,
        "TABLE",
        {
            row.old: row
            for row in (
                Deprecation("room.Old", "`New`", "4.0.0", "6.0.0", "skipjack.errors:TrialPruned"),
                Deprecation("room.old", "`new`", "4.0.0"),
                Deprecation("room.Thing(x)", "`y`", "4.0.0", "6.0.0"),
                Deprecation("room.Thing(*)", "keywords", "4.0.0", "6.0.0"),
                Deprecation("room.Misnomer", "`Name`", forward="skipjack.errors:TrialPruned"),
            )
        },
    )
    yield


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("old", "text"),
    [
        (
            "room.Old",
            "`Old` is deprecated since version 4.0.0 and goes in version 6.0.0. Use `New` instead.",
        ),
        ("room.old", "`old` is deprecated since version 4.0.0. Use `new` instead."),
        (
            "room.Thing(x)",
            "`x` of `Thing` is deprecated since version 4.0.0 and goes in version 6.0.0. "
            "Use `y` instead.",
        ),
        (
            "room.Thing(*)",
            "Giving arguments of `Thing` by position is deprecated since version 4.0.0 and goes "
            "in version 6.0.0. Use keywords instead.",
        ),
        ("room.Misnomer", "There is no `room.Misnomer`; `Name` is used."),
    ],
)
def test_the_wording(old: str, text: str) -> None:
    with pytest.warns(FutureWarning) as caught:
        warn_deprecated(old)
    assert [str(warning.message) for warning in caught] == [text]


@pytest.mark.usefixtures("rows")
def test_an_old_name_of_a_module_forwards_and_warns() -> None:
    module = types.ModuleType("skipjack.room")
    module.__dict__["__getattr__"] = forwarding("skipjack.room")
    with pytest.warns(FutureWarning, match="`Old` is deprecated") as caught:
        assert module.Old.__name__ == "TrialPruned"
    assert caught[0].filename == __file__
    for name in ("old", "nothing", "__path__"):  # `old` has nothing to forward to
        with pytest.raises(AttributeError, match=f"'skipjack.room' has no attribute '{name}'"):
            getattr(module, name)


class Thing:
    @positional_too("room.Thing(*)")
    def __init__(self, first: int, *, a: int = 1, b: int = 2) -> None:
        self.all = (first, a, b)


@pytest.mark.usefixtures("rows")
class TestPositionalToo:
    def test_keywords_are_silent(self) -> None:
        assert Thing(0, b=5).all == (0, 1, 5)

    def test_positions_warn_and_count_in_order(self) -> None:
        with pytest.warns(FutureWarning, match="by position") as caught:
            assert Thing(0, 7).all == (0, 7, 2)  # type: ignore[call-arg]
            assert Thing(0, 7, b=8).all == (0, 7, 8)  # type: ignore[call-arg]
            assert Thing(0, 7, 8).all == (0, 7, 8)  # type: ignore[call-arg]
        assert {warning.filename for warning in caught} == {__file__}

    def test_too_many_or_doubled_arguments_are_type_errors(self) -> None:
        with pytest.raises(TypeError):
            Thing(0, 1, 2, 3)  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            Thing(0, 1, a=2)  # type: ignore[misc]

    def test_the_signature_stays_keyword_only(self) -> None:
        kinds = [p.kind.name for p in inspect.signature(Thing).parameters.values()]
        assert kinds == ["POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY", "KEYWORD_ONLY"]


def test_a_warning_points_at_the_caller_outside_the_package() -> None:
    with pytest.warns(UserWarning) as caught:
        optuna_warn("here")
        distributions.int_distribution(0, 10, step=3)  # three calls deep
    assert [warning.filename for warning in caught] == [__file__, __file__]


def test_a_warning_can_point_one_caller_further() -> None:
    def companion() -> None:
        optuna_warn("there", FutureWarning, stacklevel=2)

    with pytest.warns(FutureWarning) as caught:
        companion()
    lines, first = inspect.getsourcelines(test_a_warning_can_point_one_caller_further)
    assert lines[caught[0].lineno - first].strip() == "companion()"


class TestMarksForCompanions:
    def test_a_deprecated_function_warns_and_works(self) -> None:
        @deprecated_func("3.0.0", "6.0.0", text="Use g.")
        def f(x: int) -> int:
            """Double."""
            return 2 * x

        with pytest.warns(FutureWarning) as caught:
            assert f(2) == 4
        assert str(caught[0].message) == (
            "`f` is deprecated since version 3.0.0 and goes in version 6.0.0. Use g."
        )
        assert f.__doc__ is not None
        assert f.__doc__.startswith("Double.")

    def test_a_deprecated_class_stays_a_class(self) -> None:
        @deprecated_class("3.0.0", "6.0.0", name="Other")
        class Kind:
            def __init__(self, x: int) -> None:
                self.x = x

        with pytest.warns(FutureWarning, match="^`Other` is deprecated"):
            assert Kind(3).x == 3
        assert isinstance(Kind, type)

    @pytest.mark.parametrize(
        ("since", "until"), [("6.0.0", "3.0.0"), ("3.0.0", "3.0.0"), ("3", "4.0.0"), ("a", "b")]
    )
    @pytest.mark.parametrize("mark", [deprecated_func, deprecated_class])
    def test_impossible_versions_are_refused(
        self, mark: type[object], since: str, until: str
    ) -> None:
        with pytest.raises(ValueError, match="version"):
            mark(since, until)  # type: ignore[call-arg]

    def test_experimental_things_warn_and_work(self) -> None:
        @experimental_func("3.1.0")
        def f(x: int) -> int:
            return 2 * x

        @experimental_class("3.1.0")
        class Kind:
            def __init__(self, x: int) -> None:
                self.x = x

        with pytest.warns(ExperimentalWarning, match="^f is experimental"):
            assert f(2) == 4
        with pytest.warns(ExperimentalWarning, match="^Kind is experimental"):
            assert Kind(3).x == 3
        with pytest.warns(ExperimentalWarning, match="^Argument `x` is"):
            warn_experimental_argument("x")
        with pytest.warns(ExperimentalWarning, match="^A thing is experimental: its"):
            warn_experimental("A thing")


def test_nothing_deprecated_is_used_by_us() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        distributions.json_to_distribution('{"type": "float", "low": 0, "high": 1}')
