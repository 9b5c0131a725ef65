import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipjack.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from skipjack.records.space import Space
from tests.histories import POOL, Params, drawn_params

EVERY = Space({f"{name}{i}": dist for name, dists in POOL.items() for i, dist in enumerate(dists)})


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=len(EVERY), max_size=len(EVERY)))
def test_what_is_decoded_lies_inside_and_is_encoded_near_its_place(places: list[float]) -> None:
    values = EVERY.decode(np.array(places))
    assert list(values) == list(EVERY)
    assert all(dist._contains(values[name]) for name, dist in EVERY.items())
    again = EVERY.encode(np.array([list(values.values())]))[0]
    for place, back, cells, dist in zip(places, again, EVERY.cells, EVERY.values(), strict=True):
        if cells == 1:
            assert back == 0.5
        elif math.isinf(cells):
            assert back == pytest.approx(place, abs=1e-12)
        elif not dist.axis.log:
            assert abs(back - place) <= 0.5 / cells + 1e-12
        assert 0 <= back <= 1


@given(drawn_params())
def test_encoding_and_decoding_gives_the_value_back(params: Params) -> None:
    space = Space({name: dist for name, (dist, _) in params.items()})
    values = np.array([[value for _, value in params.values()]]).reshape(1, len(params))
    places = np.minimum(space.encode(values)[0], np.nextafter(1, 0))
    back = space.decode(places)
    for name, (dist, value) in params.items():
        close = value if dist.axis.step else pytest.approx(value, rel=1e-12, abs=1e-12)
        assert back[name] == close


def test_cells_of_a_discrete_parameter_are_equally_wide_with_the_value_in_the_middle() -> None:
    space = Space({"n": IntDistribution(1, 4), "c": CategoricalDistribution("ab")})
    places = space.encode(np.array([[1, 0], [2, 1], [4, 0]]))
    assert places == pytest.approx(np.array([[0.125, 0.25], [0.375, 0.75], [0.875, 0.25]]))


def test_a_value_outside_the_range_of_today_has_no_place() -> None:
    space = Space({"x": FloatDistribution(1, 2, log=True), "y": FloatDistribution(0, 1)})
    values = np.array([[0.5, 0.0], [2.0, 1.5], [-1.0, np.nan], [1.0, 1.0]])
    missing = [[True, False], [False, True], [True, True], [False, False]]
    assert np.isnan(space.encode(values)).tolist() == missing


def test_a_space_knows_what_its_parameters_are_like() -> None:
    assert EVERY.names == tuple(EVERY)
    assert EVERY.cells.tolist() == [math.inf] * 3 + [5, 5, 9, 16, 2, 2, 3, 1, 1]
    assert EVERY.choices.tolist() == [0] * 8 + [2, 3, 0, 0]
    assert EVERY.categorical.tolist() == [False] * 8 + [True, True, False, False]
    assert EVERY.log.tolist() == [d.axis.log for d in EVERY.values()]


def test_spaces_are_equal_when_names_order_and_distributions_are() -> None:
    x, n = FloatDistribution(0, 1), IntDistribution(0, 1)
    assert Space({"x": x, "n": n}) == Space({"x": FloatDistribution(0, 1), "n": n})
    assert hash(Space({"x": x})) == hash(Space({"x": FloatDistribution(0.0, 1.0)}))
    assert Space({"x": x, "n": n}) != Space({"n": n, "x": x})
    assert Space({"x": x}) != Space({"x": n}) and Space({"x": x}) != {"x": x}
    assert Space({"c": CategoricalDistribution([1])}) != Space(
        {"c": CategoricalDistribution([True])}
    )
    assert pickle.loads(pickle.dumps(EVERY)) == EVERY


def test_a_space_does_not_follow_the_dict_it_was_made_from() -> None:
    made = {"x": FloatDistribution(0, 1)}
    space = Space(made)
    made["y"] = FloatDistribution(0, 1)
    assert list(space) == ["x"] and len(space) == 1 and space.get("y") is None


def test_an_empty_space_has_no_columns() -> None:
    assert Space({}).encode(np.empty((3, 0))).shape == (3, 0)
    assert Space({}).decode(np.empty(0)) == {}
