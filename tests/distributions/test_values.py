"""Where values lie on the unit interval, and values as users and as samplers see them."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from skipjack.errors import InvalidValueError
from tests.distributions.drawn import (
    INF,
    NAN,
    Categorical,
    Float,
    Int,
    categoricals,
    distributions,
    finite,
    floats,
    ints,
    places,
    stepped_floats,
)


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
