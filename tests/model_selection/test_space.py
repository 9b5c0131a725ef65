"""What may be tried, as users write it and as a study draws it."""

import sys
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.svm import SVC

import skipjack
from skipjack.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from skipjack.model_selection.space import Branches, read_space
from skipjack.trial import FixedTrial


def drawn(space: Any, **params: Any) -> Any:
    return read_space(space).suggest(FixedTrial(params))


def dists(space: Any) -> dict[str, Any]:
    found = read_space(space)
    assert isinstance(found, Branches)
    return {p.key: p.dist for parameters in found.sets for p in parameters}


@pytest.mark.parametrize(
    ("law", "dist"),
    [
        (stats.randint(2, 9), IntDistribution(2, 8)),
        (stats.randint(2, 9, loc=3), IntDistribution(5, 11)),
        (stats.uniform(2, 3), FloatDistribution(2.0, 5.0)),
        (stats.loguniform(1e-3, 1e2), FloatDistribution(1e-3, 1e2, log=True)),
        (stats.loguniform(1e-3, 1e2, scale=10), FloatDistribution(1e-2, 1e3, log=True)),
        (FloatDistribution(1, 2), FloatDistribution(1, 2)),
    ],
)
def test_distributions_that_are_known_here_are_taken_as_they_are(law: Any, dist: Any) -> None:
    found = dists({"a": law})["a"]
    assert type(found) is type(dist) and found.low == pytest.approx(dist.low)
    assert found.high == pytest.approx(dist.high) and getattr(found, "log", 0) == dist.log


@pytest.mark.parametrize(
    "law",
    [
        stats.norm(3, 2),
        stats.expon(scale=2),
        stats.beta(2, 5),
        stats.loguniform(1, 10, loc=-5),
        stats.poisson(4),
        stats.geom(0.3),
    ],
    ids=lambda law: str(law.dist.name),
)
def test_others_are_drawn_by_their_quantiles(law: Any) -> None:
    (name,) = dists({"a": law})
    assert name == "a (quantile)"
    values = [drawn({"a": law}, **{name: (i + 0.5) / 400})["a"] for i in range(400)]
    assert np.isfinite(values).all()
    assert np.mean(values) == pytest.approx(law.mean(), rel=0.05)
    assert np.std(values) == pytest.approx(law.std(), rel=0.1)
    if hasattr(law.dist, "_pmf"):
        assert all(type(value) is int for value in values)
    back = read_space({"a": law}).drawn({"a": values[150]})
    assert back is not None and drawn({"a": law}, **back)["a"] == pytest.approx(values[150])


def test_the_tails_of_an_unbounded_distribution_are_finite() -> None:
    space = read_space({"a": stats.cauchy()})
    assert isinstance(space, Branches)
    dist: Any = space.sets[0][0].dist
    ends = [drawn({"a": stats.cauchy()}, **{"a (quantile)": u})["a"] for u in (dist.low, dist.high)]
    assert -1e7 < ends[0] < -1e4 and 1e4 < ends[1] < 1e7


def test_a_list_is_a_choice_and_its_members_come_back_as_they_are() -> None:
    class Colour(Enum):
        RED = 1

    values = [SVC(), np.mean, None, (1, 2), np.array([3]), Colour.RED, SVC(), "x", 1.5]
    dist = dists({"a": values})["a"]
    assert all(isinstance(choice, str) for choice in dist.choices)
    assert dist.choices[0] == "SVC()" and dist.choices[6] == "SVC() #6"
    for choice, value in zip(dist.choices, values, strict=True):
        assert drawn({"a": values}, a=choice)["a"] is value
    assert dists({"a": [1, 2.5, "x", None]})["a"] == CategoricalDistribution([1, 2.5, "x", None])
    assert dists({"a": np.logspace(0, 1, 2)})["a"].choices == (1.0, 10.0)
    assert type(drawn({"a": np.array([1, 2])}, a=1)["a"]) is np.int64
    assert len(set(dists({"a": [1, 1.0, True]})["a"].choices)) == 3


def test_labels_say_nothing_that_differs_between_processes() -> None:
    dist = dists({"a": [object(), object(), lambda: 1]})["a"]
    assert not any("0x" in choice for choice in dist.choices)


def test_one_name_in_two_dicts() -> None:
    space = [{"C": stats.loguniform(1, 2)}, {"C": [3, 4], "kernel": ["linear"]}]
    assert set(dists(space)) == {"C [0]", "C [1]", "kernel"}
    assert drawn(space, **{"branch": 1, "C [1]": 3, "kernel": "linear"}) == {
        "C": 3,
        "kernel": "linear",
    }
    same = [{"C": [1, 2]}, {"C": [1, 2], "branch": ["b"]}]
    assert set(dists(same)) == {"C", "branch"}
    assert drawn(same, branch_=0, C=2) == {"C": 2}
    assert read_space(same).drawn({"C": 1, "branch": "b"}, exactly=True) == {
        "branch_": 1,
        "C": 1,
        "branch": "b",
    }
    assert read_space(same).drawn({"C": 1, "x": 5}, exactly=True) is None
    assert read_space(same).drawn({"C": 1, "x": 5}) == {"branch_": 0, "C": 1}


def test_the_size_of_a_space() -> None:
    assert read_space({"a": [1, 2, 3], "b": stats.randint(0, 4)}).size == 12
    assert read_space([{"a": [1, 2]}, {"b": [1]}, {}]).size == 4
    assert read_space({"a": stats.uniform()}).size == np.inf
    assert read_space(lambda trial: {}).size == np.inf


def test_distributions_of_optuna_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("optuna.distributions")

    class IntDistribution:
        def _asdict(self) -> dict[str, Any]:
            return {"low": 1, "high": 9, "log": True, "step": 1}

    IntDistribution.__module__ = "optuna.distributions"
    monkeypatch.setitem(sys.modules, "optuna.distributions", module)
    assert dists({"a": IntDistribution()})["a"] == skipjack.distributions.IntDistribution(
        1, 9, True
    )


def test_what_is_no_space_is_refused() -> None:
    for space, text in (
        ({"a": "rbf"}, "A single value stands in a list of its own"),
        ({"a": 1}, "be a list of values, or a distribution"),
        ([{"a": [1]}, 3], "be a dict, or a list of dicts"),
        ([], "be a dict, or a list of dicts"),
        ({1: [1]}, "have names as keys"),
        ({"a": SimpleNamespace(rvs=len)}, "have a quantile function"),
    ):
        with pytest.raises(TypeError, match=text):
            read_space(space)
    with pytest.raises(ValueError, match="at least one value"):
        read_space({"a": []})
    assert read_space({"a": [1, 2]}).drawn({"a": 3}) is None
    assert read_space({"a": stats.randint(1, 3)}).drawn({"a": None}) is None


def test_a_function_that_asks_for_parameters_by_their_names_tries_the_default() -> None:
    def space(trial: Any) -> dict[str, Any]:
        return {"C": trial.suggest_float("C", 0.1, 10)}

    assert read_space(space).drawn(SVC().get_params()) == {"C": 1.0}
    assert read_space(space).drawn({"C": 50.0}) is None
    assert read_space(lambda trial: {"C": 1}).drawn({"C": 1.0}) is None
