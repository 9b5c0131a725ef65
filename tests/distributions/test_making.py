"""How distributions are made and refused, what they warn of, and how they look as text."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from skipjack.distributions import (
    DISTRIBUTION_CLASSES,
    BaseDistribution,
    DiscreteUniformDistribution,
    FloatDistribution,
    IntDistribution,
    IntLogUniformDistribution,
    IntUniformDistribution,
    LogUniformDistribution,
    UniformDistribution,
    check_distribution_compatibility,
    converted,
    current,
    distribution_to_json,
    json_to_distribution,
)
from skipjack.errors import InvalidTypeError, InvalidValueError
from tests.distributions.drawn import (
    INF,
    NAN,
    Categorical,
    Float,
    Int,
    distributions,
)


class TestAsText:
    @pytest.mark.parametrize(
        ("dist", "text"),
        [
            (Float(0, 1), "FloatDistribution(high=1.0, log=False, low=0.0, step=None)"),
            (
                Float(1e-5, 1, log=True),
                "FloatDistribution(high=1.0, log=True, low=1e-05, step=None)",
            ),
            (Float(0, 1, step=0.1), "FloatDistribution(high=1.0, log=False, low=0.0, step=0.1)"),
            (Int(0, 10), "IntDistribution(high=10, log=False, low=0, step=1)"),
            (Int(1, 10, True), "IntDistribution(high=10, log=True, low=1, step=1)"),
            (Int(0, 9, step=3), "IntDistribution(high=9, log=False, low=0, step=3)"),
            (
                Categorical(["a", 1, None, True, 1.5]),
                "CategoricalDistribution(choices=('a', 1, None, True, 1.5))",
            ),
            (Categorical(["a"]), "CategoricalDistribution(choices=('a',))"),
        ],
    )
    def test_repr_and_str_are_optunas(self, dist: BaseDistribution, text: str) -> None:
        assert repr(dist) == str(dist) == text

    @pytest.mark.parametrize(
        ("dist", "attributes"),
        [
            (Float(0, 1), '{"step": null, "low": 0.0, "high": 1.0, "log": false}'),
            (Int(0, 9, step=3), '{"log": false, "step": 3, "low": 0, "high": 9}'),
            (Categorical(["a", None]), '{"choices": ["a", null]}'),
        ],
    )
    def test_json_is_optunas(self, dist: BaseDistribution, attributes: str) -> None:
        name = type(dist).__name__
        assert distribution_to_json(dist) == f'{{"name": "{name}", "attributes": {attributes}}}'

    @given(distributions)
    def test_json_comes_back_equal(self, dist: BaseDistribution) -> None:
        again = json_to_distribution(distribution_to_json(dist))
        assert again == dist
        assert repr(again) == repr(dist)

    @pytest.mark.parametrize(
        ("short", "dist"),
        [
            ('{"type": "float", "low": 0, "high": 1}', Float(0, 1)),
            ('{"type": "float", "low": 0, "high": 1, "step": 0.5}', Float(0, 1, step=0.5)),
            ('{"type": "float", "low": 0.1, "high": 1, "log": true}', Float(0.1, 1, log=True)),
            ('{"type": "int", "low": 0, "high": 4}', Int(0, 4)),
            ('{"type": "int", "low": 0, "high": 4, "step": 2}', Int(0, 4, step=2)),
            ('{"type": "int", "low": 1, "high": 4, "log": true}', Int(1, 4, log=True)),
            ('{"type": "categorical", "choices": ["a", 1]}', Categorical(["a", 1])),
        ],
    )
    def test_short_forms_are_read(self, short: str, dist: BaseDistribution) -> None:
        assert json_to_distribution(short) == dist

    @pytest.mark.parametrize(
        "text",
        [
            "not JSON", "[]", "{}", "3", '{"low": 0}', '{"type": "real", "low": 0, "high": 1}',
            '{"type": ["float"], "low": 0, "high": 1}', '{"type": "float", "low": 0}',
            '{"name": "Normal", "attributes": {}}', '{"name": "FloatDistribution", "low": 0}',
            '{"name": "FloatDistribution", "attributes": {"low": 0, "high": 1, "mean": 2}}',
        ],
    )  # fmt: skip
    def test_what_describes_no_distribution_is_a_value_error(self, text: str) -> None:
        with pytest.raises(ValueError):
            json_to_distribution(text)

    def test_choices_that_json_cannot_write_are_named(self) -> None:
        with pytest.warns(UserWarning):
            dist = Categorical([object()])  # type: ignore[list-item]
        with pytest.raises(InvalidTypeError, match="`choices` must be storable as JSON"):
            distribution_to_json(dist)


REFUSED: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: Float(1, 0), ValueError, "`low` must be at most `high` (0.0), but got 1.0."),
    (
        lambda: Float(0, 1, log=True),
        ValueError,
        "`low` must be positive when `log` is true, but got 0.0.",
    ),
    (
        lambda: Float(1, 2, log=True, step=0.1),
        ValueError,
        "`step` must be None when `log` is true, but got 0.1.",
    ),
    (lambda: Float(0, 1, step=0), ValueError, "`step` must be positive, but got 0.0."),
    (lambda: Float(0, 1, step=-1), ValueError, "`step` must be positive, but got -1.0."),
    (lambda: Float(0, 1, step=NAN), ValueError, "`step` must be finite, but got nan."),
    (lambda: Float(NAN, 1), ValueError, "`low` must be finite, but got nan."),
    (lambda: Float(0, INF), ValueError, "`high` must be finite, but got inf."),
    (lambda: Float(0, 10**400), ValueError, "`high` must be finite, but got 1"),
    (lambda: Float(-1.7e308, 1.7e308), ValueError, "`high` must be a finite distance from `low`"),
    (lambda: Float("0", 1), TypeError, "`low` must be a number, but got '0'."),  # type: ignore[arg-type]
    (lambda: Float(0, None), TypeError, "`high` must be a number, but got None."),  # type: ignore[arg-type]
    (lambda: Float(1j, 1), TypeError, "`low` must be a number, but got 1j."),  # type: ignore[arg-type]
    (lambda: Float([], 1), TypeError, "`low` must be a number, but got []."),  # type: ignore[arg-type]
    (lambda: Int(5, 4), ValueError, "`low` must be at most `high` (4), but got 5."),
    (
        lambda: Int(0, 4, log=True),
        ValueError,
        "`low` must be at least 1 when `log` is true, but got 0.",
    ),
    (
        lambda: Int(1, 4, log=True, step=2),
        ValueError,
        "`step` must be 1 when `log` is true, but got 2.",
    ),
    (lambda: Int(0, 4, step=0), ValueError, "`step` must be positive, but got 0."),
    (lambda: Int(NAN, 4), ValueError, "`low` must be finite, but got nan."),  # type: ignore[arg-type]
    (lambda: Int(0, INF), ValueError, "`high` must be finite, but got inf."),  # type: ignore[arg-type]
    (lambda: Int(0, 10**400), ValueError, "`high` must be finite as a float, but got 1"),
    (lambda: Int("0", 4), TypeError, "`low` must be a number, but got '0'."),  # type: ignore[arg-type]
    (lambda: Int(0, 4, step=None), TypeError, "`step` must be a number"),  # type: ignore[arg-type]
    (lambda: Categorical([]), ValueError, "`choices` must have at least one element, but got []."),
    (lambda: Categorical(3), TypeError, "`choices` must be a sequence, but got 3."),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("make", "kind", "text"), REFUSED)
def test_an_impossible_distribution_is_refused(
    make: Callable[[], object], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert str(caught.value).startswith(text)
    assert isinstance(caught.value, (InvalidValueError, InvalidTypeError))


class TestWarnings:
    @pytest.mark.parametrize(
        ("make", "high"),
        [
            (lambda: Float(0, 1, step=0.3), 0.9),
            (lambda: Float(0, 1, step=2), 0.0),
            (lambda: Float(0.05, 1, step=0.15), 0.95),
            (lambda: Int(0, 10, step=3), 9),
        ],
    )
    def test_a_range_that_is_not_divisible_by_step_is_cut(
        self, make: Callable[[], FloatDistribution | IntDistribution], high: float
    ) -> None:
        with pytest.warns(UserWarning, match=f"`high` is lowered from .* to {high}, because"):
            assert make().high == high

    @pytest.mark.parametrize(
        ("low", "high", "step"),
        [(0, 0.3, 0.1), (0, 1, 0.1), (-1, 1, 0.1), (0.1, 0.7, 0.2), (1e-5, 1, 1e-5), (0, 1e9, 0.1)],
    )
    def test_decimal_steps_are_counted_as_people_do(
        self, low: float, high: float, step: float
    ) -> None:
        assert Float(low, high, step=step).high == high

    def test_bounds_that_are_no_integers_are_cut(self) -> None:
        with pytest.warns(UserWarning) as caught:
            dist = Int(0, 10.7)  # type: ignore[arg-type]
        assert (dist.low, dist.high) == (0, 10)
        assert [str(warning.message) for warning in caught] == [
            "`high` is 10.7, which is not an integer; 10 is used."
        ]

    def test_choices_that_cannot_be_stored_are_named(self) -> None:
        with pytest.warns(
            UserWarning, match=r"others: \(1, 2\) \(tuple\), \[3\] \(list\)\."
        ) as caught:
            dist = Categorical(["a", (1, 2), [3]])  # type: ignore[list-item]
        assert len(caught) == 1
        assert list(dist.choices) == ["a", (1, 2), [3]]

    def test_copies_do_not_warn_again(self) -> None:
        with pytest.warns(UserWarning):
            dist = Categorical(["a", (1, 2)])  # type: ignore[list-item]
        with pytest.warns(FutureWarning):
            old = DiscreteUniformDistribution(0, 1, 0.5)
        for made in (dist, old):
            assert (
                pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == copy.copy(made) == made
            )


class TestNumbersFromElsewhere:
    @pytest.mark.parametrize("number", [np.float64, np.int32, np.int64, Fraction, Decimal, bool])
    def test_other_kinds_of_numbers_become_pythons(self, number: type) -> None:
        for dist in (Float(number(0), number(1)), Int(number(0), number(1))):
            assert repr(dist) in (repr(Float(0, 1)), repr(Int(0, 1)))
            assert dist.to_internal_repr(number(1)) == 1.0
            assert type(dist.to_internal_repr(number(1))) is float

    def test_numpys_scalars_are_choices_as_pythons(self) -> None:
        dist = Categorical(np.array([1, 2]))  # type: ignore[arg-type]
        assert dist == Categorical([1, 2])
        assert repr(dist) == "CategoricalDistribution(choices=(1, 2))"
        assert dist.to_internal_repr(np.int64(2)) == 1.0
        scalars: list[Any] = [np.str_("a"), np.float64(0.5), np.bool_(True)]
        assert Categorical(scalars) == Categorical(["a", 0.5, True])


DEPRECATED = [
    (
        lambda: UniformDistribution(0, 1),
        Float(0, 1),
        "UniformDistribution(high=1.0, low=0.0)",
        {"low": 0.0, "high": 1.0},
    ),
    (
        lambda: LogUniformDistribution(1, 2),
        Float(1, 2, log=True),
        "LogUniformDistribution(high=2.0, low=1.0)",
        {"low": 1.0, "high": 2.0},
    ),
    (
        lambda: DiscreteUniformDistribution(0, 1, 0.25),
        Float(0, 1, step=0.25),
        "DiscreteUniformDistribution(high=1.0, low=0.0, q=0.25)",
        {"low": 0.0, "high": 1.0, "q": 0.25},
    ),
    (
        lambda: IntUniformDistribution(0, 9, 3),
        Int(0, 9, step=3),
        "IntUniformDistribution(high=9, low=0, step=3)",
        {"step": 3, "low": 0, "high": 9},
    ),
    (
        lambda: IntLogUniformDistribution(1, 10),
        Int(1, 10, log=True),
        "IntLogUniformDistribution(high=10, low=1, step=1)",
        {"step": 1, "low": 1, "high": 10},
    ),
]


@pytest.mark.parametrize(("make", "meant", "text", "attributes"), DEPRECATED)
class TestDeprecatedClasses:
    @pytest.fixture
    def dist(self, make: Callable[[], BaseDistribution]) -> BaseDistribution:
        with pytest.warns(FutureWarning):
            return make()

    def test_look_as_in_optuna(
        self, dist: BaseDistribution, meant: BaseDistribution, text: str, attributes: dict[str, Any]
    ) -> None:
        assert repr(dist) == text
        assert dist._asdict() == attributes
        assert json.loads(distribution_to_json(dist))["attributes"] == attributes
        assert isinstance(dist, type(meant))

    def test_behave_as_what_they_stand_for(
        self, dist: BaseDistribution, meant: BaseDistribution, text: str, attributes: dict[str, Any]
    ) -> None:
        assert current(dist) == meant
        assert current(meant) is meant
        with pytest.warns(FutureWarning, match="is deprecated and becomes"):
            assert type(converted(dist)) is type(meant)
        assert converted(meant) is meant
        assert [dist.at(u / 7) for u in range(7)] == [meant.at(u / 7) for u in range(7)]
        check_distribution_compatibility(dist, meant)
        assert pickle.loads(pickle.dumps(dist)) == dist

    def test_are_read_from_json(
        self, dist: BaseDistribution, meant: BaseDistribution, text: str, attributes: dict[str, Any]
    ) -> None:
        with pytest.warns(FutureWarning):
            assert json_to_distribution(distribution_to_json(dist)) == dist


def test_there_are_eight_classes() -> None:
    assert len(DISTRIBUTION_CLASSES) == len(set(DISTRIBUTION_CLASSES)) == 8
    with pytest.warns(FutureWarning):
        assert DiscreteUniformDistribution(0, 1, 0.5).q == 0.5
