"""Choices: which are the same, and those of an Enum or without a hash."""

from __future__ import annotations

import enum
import itertools

import pytest

from skipjack.distributions import (
    CategoricalDistribution,
    categorical_distribution,
    check_distribution_compatibility,
    distribution_to_json,
    intern,
    json_to_distribution,
)
from skipjack.errors import InvalidValueError
from tests.distributions.drawn import (
    Categorical,
)


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
