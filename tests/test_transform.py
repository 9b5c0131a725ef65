from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipjack._transform import _SearchSpaceTransform as Transform
from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from tests.histories import POOL, Params, drawn_params

SPACE: dict[str, BaseDistribution] = {
    "f": FloatDistribution(-1, 2),
    "l": FloatDistribution(0.1, 10, log=True),
    "s": FloatDistribution(0, 1, step=0.25),
    "i": IntDistribution(1, 5),
    "k": IntDistribution(1, 9, step=2),
    "g": IntDistribution(1, 8, log=True),
    "c": CategoricalDistribution(["a", "b", "c"]),
    "o": FloatDistribution(2, 2),
}
PARAMS: dict[str, Any] = {"f": 0.5, "l": 1.0, "s": 0.5, "i": 3, "k": 5, "g": 4, "c": "b", "o": 2.0}
ONE_HOT = [0.0, 1.0, 0.0]
settings = st.tuples(st.booleans(), st.booleans(), st.booleans())


@given(drawn_params(), settings)
def test_values_survive_the_way_there_and_back(drawn: Params, how: tuple[bool, bool, bool]) -> None:
    if not drawn:
        return
    transform = Transform({name: dist for name, (dist, _) in drawn.items()}, *how)
    params = {name: dist.to_external_repr(value) for name, (dist, value) in drawn.items()}
    row = transform.transform(params)
    low, high = transform.bounds.T
    assert (row >= low - 1e-12).all() and (row <= high + 1e-12).all()
    back = transform.untransform(row)
    for name, (dist, value) in drawn.items():
        close = value if dist.axis.step else pytest.approx(value, rel=1e-9, abs=1e-9)
        assert dist.to_internal_repr(back[name]) == close


@given(settings, st.data())
def test_whatever_is_untransformed_is_possible(
    how: tuple[bool, bool, bool], data: st.DataObject
) -> None:
    space = {f"{name}{i}": d for name, dists in POOL.items() for i, d in enumerate(dists)}
    transform = Transform(space, *how)
    low, high = transform.bounds.T
    places = data.draw(st.lists(st.floats(-0.5, 1.5), min_size=len(low), max_size=len(low)))
    params = transform.untransform(low + np.array(places) * (high - low))
    for name, dist in space.items():
        assert dist._contains(dist.to_internal_repr(params[name]))
        kinds = {FloatDistribution: float, IntDistribution: int}
        assert type(params[name]) is kinds.get(type(dist), type(params[name]))


def test_bounds_and_numbers_are_those_that_companions_expect() -> None:
    transform = Transform(SPACE)
    expected = [[-1, 2], np.log([0.1, 10]), [-0.125, 1.125], [0.5, 5.5], [0, 10]]
    expected += [np.log([0.5, 8.5]), *[[0, 1]] * 3, [2, 2]]
    assert transform.bounds == pytest.approx(np.array(expected))
    assert transform.transform(PARAMS) == pytest.approx(
        [0.5, 0.0, 0.5, 3.0, 5.0, np.log(4), *ONE_HOT, 2.0]
    )


def test_bounds_without_logarithm_and_half_steps_are_those_of_the_distributions() -> None:
    transform = Transform(SPACE, transform_log=False, transform_step=False)
    expected = [[-1, 2], [0.1, 10], [0, 1], [1, 5], [1, 9], [1, 8], *[[0, 1]] * 3, [2, 2]]
    assert transform.bounds.tolist() == expected
    assert transform.transform(PARAMS).tolist() == [0.5, 1, 0.5, 3, 5, 4, *ONE_HOT, 2]


def test_the_unit_interval_can_be_asked_for() -> None:
    transform = Transform(SPACE, transform_0_1=True)
    assert transform.bounds.tolist() == [[0, 1]] * 10
    wanted = [0.5, 0.5, 0.5, 0.5, 0.5, np.log(8) / np.log(17), *ONE_HOT, 0.5]
    assert transform.transform(PARAMS) == pytest.approx(wanted)


def test_columns_know_their_parameters() -> None:
    transform = Transform(SPACE)
    columns = [c.tolist() for c in transform.column_to_encoded_columns]
    assert columns == [[0], [1], [2], [3], [4], [5], [6, 7, 8], [9]]
    assert transform.encoded_column_to_column.tolist() == [0, 1, 2, 3, 4, 5, 6, 6, 6, 7]


def test_a_continuous_parameter_stays_below_its_upper_bound() -> None:
    transform = Transform({"x": FloatDistribution(0, 1), "y": FloatDistribution(1, 10, log=True)})
    params = transform.untransform(transform.bounds[:, 1])
    assert 0.999 < params["x"] < 1 and 9.99 < params["y"] < 10


def test_the_first_of_equal_choices_counts() -> None:
    transform = Transform({"c": CategoricalDistribution(["a", "b", "c"])})
    assert transform.untransform(np.array([0.1, 0.2, 0.2])) == {"c": "b"}


def test_more_than_the_space_may_be_given_in_any_order() -> None:
    transform = Transform({"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)})
    assert transform.transform({"z": 7, "y": 0.25, "x": 0.5}).tolist() == [0.5, 0.25]


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="`search_space` must have at least one parameter"):
        Transform({})
    transform = Transform({"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)})
    with pytest.raises(ValueError, match="`params` must have all of x, y"):
        transform.transform({"x": 0.5})
    with pytest.raises(ValueError, match="must have the shape"):
        transform.untransform(np.array([0.5]))
