"""What values a parameter can take, on every scale on which they are written."""

from __future__ import annotations

import copy
import enum
import gc
import itertools
import json
import math
import pickle
import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from skipjack.distributions import (
    DISTRIBUTION_CLASSES,
    BaseDistribution,
    CategoricalDistribution,
    DiscreteUniformDistribution,
    FloatDistribution,
    IntDistribution,
    IntLogUniformDistribution,
    IntUniformDistribution,
    LogUniformDistribution,
    UniformDistribution,
    categorical_distribution,
    check_distribution_compatibility,
    converted,
    current,
    distribution_to_json,
    float_distribution,
    int_distribution,
    intern,
    interned,
    json_to_distribution,
)
from skipjack.errors import InvalidTypeError, InvalidValueError

NAN, INF = math.nan, math.inf
Float, Int, Categorical = FloatDistribution, IntDistribution, CategoricalDistribution

finite = st.floats(-1e300, 1e300)
places = st.floats(0, 1, exclude_max=True)
choices = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)


@st.composite
def floats(draw: st.DrawFn) -> FloatDistribution:
    low, high = sorted((draw(finite), draw(finite)))
    return Float(low, high)


@st.composite
def log_floats(draw: st.DrawFn) -> FloatDistribution:
    positive = st.floats(1e-300, 1e300)
    low, high = sorted((draw(positive), draw(positive)))
    return Float(low, high, log=True)


@st.composite
def stepped_floats(draw: st.DrawFn) -> FloatDistribution:
    """Bounds and steps of few decimals, as people write them, and wild ones."""
    if draw(st.booleans()):
        unit = 10.0 ** -draw(st.integers(0, 6))
        low = round(draw(st.integers(-1000, 1000)) * unit, 6)
        step = round(draw(st.integers(1, 100)) * unit, 6)
        high = float(Decimal(str(low)) + draw(st.integers(0, 1000)) * Decimal(str(step)))
        return Float(low, high, step=step)
    low, high = sorted((draw(finite), draw(finite)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Float(low, high, step=draw(st.floats(1e-300, 1e300)))


@st.composite
def ints(draw: st.DrawFn) -> IntDistribution:
    size = draw(st.sampled_from([10, 1000, 2**60]))
    low, high = sorted((draw(st.integers(-size, size)), draw(st.integers(-size, size))))
    step = draw(st.integers(1, size))
    return Int(low, low + (high - low) // step * step, step=step)


@st.composite
def log_ints(draw: st.DrawFn) -> IntDistribution:
    size = draw(st.sampled_from([10, 1000, 2**50]))
    low, high = sorted((draw(st.integers(1, size)), draw(st.integers(1, size))))
    return Int(low, high, log=True)


categoricals = st.lists(choices, min_size=1, max_size=6).map(Categorical)
distributions = st.one_of(
    floats(), log_floats(), stepped_floats(), ints(), log_ints(), categoricals
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


class TestOneAndTrue:
    """1, True and 1.0 are equal in Python and three choices here."""

    def test_each_has_its_own_index(self) -> None:
        for order in itertools.permutations([1, True, 1.0]):
            dist = Categorical(order)
            for i, choice in enumerate(order):
                assert dist.to_internal_repr(choice) == i
                assert type(dist.to_external_repr(float(i))) is type(choice)

    def test_they_make_different_distributions(self) -> None:
        made: list[CategoricalDistribution] = [Categorical([one]) for one in (1, True, 1.0)]
        for a, b in itertools.combinations(made, 2):
            assert a != b
            assert hash(a) != hash(b)
            assert a.family != b.family
            with pytest.raises(ValueError):
                check_distribution_compatibility(a, b)
        assert len({*made, *(categorical_distribution([one]) for one in (1, True, 1.0))}) == 3

    def test_true_is_not_one(self) -> None:
        with pytest.raises(InvalidValueError):
            Categorical([1, 2]).to_internal_repr(True)
        with pytest.raises(InvalidValueError):
            Categorical([True, False]).to_internal_repr(1)

    def test_an_integer_may_stand_for_the_equal_float(self) -> None:
        assert Categorical([0.5, 0.0]).to_internal_repr(0) == 1.0
        assert Categorical([3, 2]).to_internal_repr(2.0) == 1.0

    def test_nan_is_equal_to_nan(self) -> None:
        a, b = (Categorical([1.0, float("nan")]) for _ in range(2))
        assert a == b
        assert hash(a) == hash(b)
        assert a.to_internal_repr(float("nan")) == 1.0
        check_distribution_compatibility(a, b)


class Colour(str, enum.Enum):
    red = "red"
    BLUE = "blue!"


class Size(enum.IntEnum):
    SMALL = 1


class TestEnumChoices:
    def test_a_member_is_the_same_choice_as_its_stored_value(self) -> None:
        dist = Categorical([*Colour, Size.SMALL])
        stored = Categorical(["red", "blue!", 1])
        assert json_to_distribution(distribution_to_json(dist)) == dist == stored
        assert hash(dist) == hash(stored)
        assert dist.to_internal_repr("blue!") == stored.to_internal_repr(Colour.BLUE) == 1.0

    def test_a_member_is_given_back_as_a_member(self) -> None:
        categorical_distribution(["red", "x"])
        dist = categorical_distribution([Colour.red, "x"])
        assert dist.to_external_repr(0.0) is Colour.red
        assert type(categorical_distribution(["red", "x"]).to_external_repr(0.0)) is str


class TestChoicesWithoutHash:
    def test_they_are_found_by_equality(self) -> None:
        with pytest.warns(UserWarning):
            dist, same, other = (Categorical([[1], last]) for last in ([2], [2], [3]))  # type: ignore[list-item]
        assert dist == same != other
        assert hash(dist) == hash(same)
        assert dist.to_internal_repr([2]) == 1.0  # type: ignore[arg-type]
        with pytest.raises(InvalidValueError):
            dist.to_internal_repr([9])  # type: ignore[arg-type]
        assert len({dist, same, other}) == 2
        assert intern(dist) is dist


class TestPlaces:
    @given(distributions, st.lists(places, min_size=2, max_size=20))
    @example(Int(0, 2**60 - 1), [0.0, 1 - 2**-53])
    @example(Int(2**53 + 1, 2**53 + 3), [0.0, 0.5, 1 - 2**-53])
    @example(Float(0, 5e-324), [0.0, 0.9])
    def test_at_stays_inside_and_is_monotone(self, dist: BaseDistribution, us: list[float]) -> None:
        xs = [dist.at(u) for u in sorted(us)]
        assert all(type(x) is float for x in xs)
        assert xs == sorted(xs)
        for x in xs:
            assert dist._contains(x)
            value = dist.to_external_repr(x)
            assert dist._contains(dist.to_internal_repr(value))
            if isinstance(dist, (Float, Int)):
                assert dist.low <= value <= dist.high

    @given(distributions)
    def test_at_reaches_both_ends(self, dist: BaseDistribution) -> None:
        axis = dist.axis
        assume(axis.span < 2**40 * axis.step or axis.step == 0)
        assert dist.at(0.0) == pytest.approx(axis.low, rel=1e-9, abs=1e-300)
        assert dist.at(1 - 2**-53) == pytest.approx(axis.high, rel=1e-9, abs=abs(axis.low) * 1e-15)

    @given(distributions, places)
    def test_the_axis_says_where_at_is(self, dist: BaseDistribution, u: float) -> None:
        axis = dist.axis
        assume(axis.span > abs(axis.start) * 1e-6 and axis.span > 1e-290)
        x = dist.at(u)
        place = ((math.log(x) if axis.log else x) - axis.start) / axis.span
        if axis.step == 0.0:
            assert place == pytest.approx(u, abs=1e-8)
        elif not axis.log:
            rounding = 1e-13 + 1e-15 * abs(axis.start) / axis.span
            assert abs(place - u) <= 0.5 * axis.step / axis.span + rounding
        assert -1e-9 <= place <= 1 + 1e-9

    @pytest.mark.parametrize(
        "dist",
        [
            Int(0, 9), Int(-4, 8, step=3), Float(0, 1, step=0.1), Float(0.05, 0.95, step=0.15),
            Categorical("abcde"), Int(1, 1), Float(2, 2, step=1),
        ],
    )  # fmt: skip
    def test_all_cells_are_equally_wide(
        self, dist: IntDistribution | FloatDistribution | CategoricalDistribution
    ) -> None:
        assert dist.grid is not None
        n = dist.grid.cells
        assert n == round(dist.axis.span / dist.axis.step)
        drawn = [dist.at((i + 0.5) / (100 * n)) for i in range(100 * n)]
        counts = [len(list(group)) for _, group in itertools.groupby(drawn)]
        assert counts == [100] * n

    def test_integers_on_a_log_scale_have_cells_from_half_below_to_half_above(self) -> None:
        dist = Int(1, 100, log=True)
        n = 100_000
        drawn = np.bincount([int(dist.at((i + 0.5) / n)) for i in range(n)], minlength=101)
        edges = np.log(np.arange(0.5, 101))
        share = np.diff(edges) / (edges[-1] - edges[0])
        np.testing.assert_allclose(drawn[1:] / n, share, atol=2 / n)

    @given(stepped_floats(), places)
    def test_the_grid_is_exact(self, dist: FloatDistribution, u: float) -> None:
        assume(dist.grid is not None)
        assert dist.grid is not None
        assert dist.step is not None
        cells, first, stride, scale = dist.grid
        assume(cells < 10**6 and scale > 1.0)
        for k in {0, cells - 1, int(u * cells)}:
            exact = Decimal(repr(dist.low)) + k * Decimal(repr(dist.step))
            assert dist.at((k + 0.5) / cells) == float(exact) == (first + k * stride) / scale

    def test_steps_finer_than_floats_are_no_cells(self) -> None:
        dist = Float(0, 1e9, step=1e-300)
        assert dist.grid is None
        assert dist.at(0.25) == 0.25e9
        assert dist._contains(1.5)

    def test_steps_of_a_tenth_look_like_tenths(self) -> None:
        dist = Float(0, 1, step=0.1)
        assert [dist.at((k + 0.5) / 11) for k in range(11)] == [
            0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0,
        ]  # fmt: skip


class TestInternalValues:
    @given(floats() | stepped_floats(), finite)
    def test_a_real_number_is_its_own_internal_value(
        self, dist: FloatDistribution, x: float
    ) -> None:
        assert dist.to_internal_repr(x) == dist.to_external_repr(x) == x

    @given(ints())
    def test_the_bounds_of_integers_come_back(self, dist: IntDistribution) -> None:
        for end in (dist.low, dist.high):
            internal = dist.to_internal_repr(end)
            assert dist._contains(internal)
            back = dist.to_external_repr(internal)
            assert back == end or (internal == dist.axis.high and back == dist.high > 2**53)

    def test_integers_come_back_as_integers(self) -> None:
        value = Int(0, 9).to_external_repr(3.0)
        assert value == 3
        assert type(value) is int
        assert Int(0, 9).to_external_repr(float(2**60)) == 2**60  # outside, but what it is

    @given(categoricals)
    def test_choices_come_back(self, dist: CategoricalDistribution) -> None:
        for choice in dist.choices:
            again = dist.to_external_repr(dist.to_internal_repr(choice))
            assert type(again) is type(choice)
            assert again == choice or (again != again and choice != choice)

    @pytest.mark.parametrize("dist", [Float(0, 1), Float(0, 1, step=0.1), Int(0, 9)])
    @pytest.mark.parametrize("value", ["a", None, [1], NAN, 1j])
    def test_what_is_no_number_is_a_value_error(self, dist: BaseDistribution, value: Any) -> None:
        with pytest.raises(InvalidValueError, match="`value` must"):
            dist.to_internal_repr(value)

    @pytest.mark.parametrize("dist", [Float(0.1, 1, log=True), Int(1, 9, log=True)])
    @pytest.mark.parametrize("value", [0, -1])
    def test_a_log_scale_has_no_zero(self, dist: BaseDistribution, value: int) -> None:
        with pytest.raises(InvalidValueError, match="must be positive when `log` is true"):
            dist.to_internal_repr(value)

    def test_an_unknown_choice_is_a_value_error_that_names_the_choices(self) -> None:
        with pytest.raises(InvalidValueError) as caught:
            Categorical(["a", None]).to_internal_repr("b")
        assert str(caught.value) == "`value` must be one of ('a', None), but got 'b'."

    @pytest.mark.parametrize("index", [-1.0, 3.0, NAN])
    def test_an_index_of_no_choice_is_a_value_error(self, index: float) -> None:
        with pytest.raises(InvalidValueError):
            Categorical("abc").to_external_repr(index)

    @pytest.mark.parametrize(
        ("dist", "inside", "outside"),
        [
            (Float(0, 1), [0, 0.5, 1], [-0.1, 1.1, NAN, INF]),
            (Float(0.1, 1, log=True), [0.1, 1], [0.0, 0.09, NAN]),
            (Float(0, 1, step=0.1), [0, 0.3, 0.1 + 0.2, 1], [0.55, -0.1, 1.1, NAN]),
            (Int(0, 9), [0, 5, 9], [0.5, -1, 10, NAN]),
            (Int(0, 9, step=3), [0, 3, 9], [1, 2.9, 12]),
            (Int(1, 9, log=True), [1, 9], [0, 1.5]),
            (Categorical("abc"), [0, 1.0, 2], [-1, 3, NAN]),
        ],
    )
    def test_contains(
        self, dist: BaseDistribution, inside: list[float], outside: list[float]
    ) -> None:
        assert all(dist._contains(x) for x in inside)
        assert not any(dist._contains(x) for x in outside)

    def test_single(self) -> None:
        for dist in (Float(1, 1), Int(1, 1), Int(1, 1, log=True), Categorical("a")):
            assert dist.single()
        for dist in (Float(0, 1), Int(1, 2), Int(1, 2, log=True), Categorical("ab")):
            assert not dist.single()
        with pytest.warns(UserWarning):
            assert Float(0, 0.4, step=0.5).single()
            assert Int(0, 4, step=5).single()


class TestIdentity:
    @given(distributions, distributions)
    def test_equal_means_same_content(self, a: BaseDistribution, b: BaseDistribution) -> None:
        again = json_to_distribution(distribution_to_json(a))
        assert a == again
        assert hash(a) == hash(again)
        assert (a == b) == (a.identity == b.identity)
        assert a != "a"

    @pytest.mark.parametrize("dist", [Float(0, 1), Int(0, 1), Categorical("a")])
    def test_a_distribution_cannot_be_changed(self, dist: BaseDistribution) -> None:
        name = dist.fields[-1]
        with pytest.raises(AttributeError, match="cannot be changed"):
            setattr(dist, name, 0)
        with pytest.raises(AttributeError, match="cannot be changed"):
            delattr(dist, name)
        with pytest.raises(AttributeError):
            setattr(dist, "other", 0)  # noqa: B010

    @given(distributions)
    def test_pickles_and_copies_are_equal(self, dist: BaseDistribution) -> None:
        again = pickle.loads(pickle.dumps(dist))
        assert again == dist
        assert again.at(0.3) == dist.at(0.3)
        assert copy.deepcopy(dist) is copy.copy(dist) is dist

    def test_kinds_are_kept_apart(self) -> None:
        assert Float(0, 1) != Int(0, 1)
        with pytest.warns(FutureWarning):
            assert UniformDistribution(0, 1) != Float(0, 1)


class TestInterned:
    def test_equal_arguments_give_the_identical_object(self) -> None:
        assert float_distribution(0, 1) is float_distribution(0.0, 1.0, False, None)
        assert float_distribution(0, 1, step=0.5) is intern(Float(0, 1, step=0.5))
        assert int_distribution(0, 9) is int_distribution(np.int64(0), 9.0)  # type: ignore[arg-type]
        assert categorical_distribution("ab") is categorical_distribution(["a", "b"])
        assert categorical_distribution([1, 2]) is categorical_distribution((1, 2))
        assert categorical_distribution([NAN]) is categorical_distribution([float("nan")])
        assert categorical_distribution(c for c in "ab").choices == ("a", "b")  # type: ignore[arg-type]

    @given(distributions)
    def test_interning_keeps_equality(self, dist: BaseDistribution) -> None:
        assert intern(dist) == dist
        assert intern(json_to_distribution(distribution_to_json(dist))) is intern(dist)

    def test_a_call_that_warns_warns_again(self) -> None:
        for _ in range(2):
            with pytest.warns(UserWarning):
                a = float_distribution(0, 1, step=0.3)
            with pytest.warns(UserWarning):
                b = int_distribution(0, 10, step=3)
            with pytest.warns(UserWarning):
                categorical_distribution([(1, 2)])  # type: ignore[list-item]
        assert a is intern(Float(0, 0.9, step=0.3))
        assert b is intern(Int(0, 9, step=3))

    def test_errors_are_not_remembered(self) -> None:
        for _ in range(2):
            with pytest.raises(InvalidValueError):
                float_distribution(1, 0)
            with pytest.raises(InvalidTypeError):
                categorical_distribution(3)  # type: ignore[arg-type]
            with pytest.raises(InvalidTypeError):
                float_distribution([], 0)  # type: ignore[arg-type]

    def test_ranges_that_always_change_do_not_fill_the_memory(self) -> None:
        for i in range(3 * interned._SIZE):
            float_distribution(0, 1 + i)
        gc.collect()
        assert len(interned._floats) <= interned._SIZE
        assert len(interned._known) <= 2 * interned._SIZE


class TestCompatibility:
    @pytest.mark.parametrize(
        ("a", "b"),
        [
            (Float(0, 1), Float(0, 2)),
            (Float(0, 1), Float(0, 1, step=0.5)),
            (Int(0, 1), Int(5, 9, step=2)),
            (Categorical("ab"), Categorical(("a", "b"))),
        ],
    )
    def test_a_range_may_change(self, a: BaseDistribution, b: BaseDistribution) -> None:
        check_distribution_compatibility(a, b)
        assert a.family == b.family

    @pytest.mark.parametrize(
        ("a", "b"),
        [
            (Float(0, 1), Int(0, 1)),
            (Float(0.1, 1), Float(0.1, 1, log=True)),
            (Int(1, 2), Int(1, 2, log=True)),
            (Int(0, 1), Categorical([0, 1])),
        ],
    )
    def test_kind_and_scale_may_not(self, a: BaseDistribution, b: BaseDistribution) -> None:
        for old, new in ((a, b), (b, a)):
            with pytest.raises(InvalidValueError, match="must keep its kind of distribution"):
                check_distribution_compatibility(old, new)

    @pytest.mark.parametrize("new", [[2, 1], [1, 2, 3], [1], [True, 2], [1.0, 2]])
    def test_choices_may_not(self, new: list[int]) -> None:
        with pytest.raises(
            InvalidValueError,
            match=r"^CategoricalDistribution does not support dynamic value space\.",
        ):
            check_distribution_compatibility(Categorical([1, 2]), Categorical(new))


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
