"""`FixedTrial`: an objective called without a study."""

import datetime
import math
from typing import Any

import numpy as np
import pytest

from skipjack.distributions import FloatDistribution
from skipjack.trial import BaseTrial, FixedTrial


def objective(trial: BaseTrial) -> float:
    x = trial.suggest_float("x", 0, 1)
    for step in range(3):
        trial.report(x, step)
        assert not trial.should_prune()
    trial.set_user_attr("k", x)
    trial.set_constraint("c", x - 1)
    return x + trial.suggest_int("i", 1, 3) + len(str(trial.suggest_categorical("c", ["a", "bb"])))


def test_an_objective_runs_with_the_given_values() -> None:
    trial = FixedTrial({"x": 0.5, "i": 2, "c": "bb", "unused": 1}, number=7)
    assert trial.params == {}
    assert objective(trial) == 4.5
    assert trial.number == 7
    assert list(trial.params.items()) == [("x", 0.5), ("i", 2), ("c", "bb")]
    assert list(trial.distributions) == ["x", "i", "c"]
    assert trial.distributions["x"] == FloatDistribution(0, 1)
    assert trial.user_attrs == {"k": 0.5}
    assert trial.constraints == {"c": -0.5} and trial.system_attrs == {"constraints:c": -0.5}
    assert isinstance(trial.datetime_start, datetime.datetime)
    assert FixedTrial({}).number == 0


def test_what_was_not_given_is_a_value_error_that_says_what_was() -> None:
    with pytest.raises(ValueError, match="`name` must be one of .*'x'.* got 'z'"):
        FixedTrial({"x": 1}).suggest_float("z", 0, 1)
    with pytest.raises(ValueError, match="none"):
        FixedTrial({}).suggest_float("z", 0, 1)


def test_a_value_out_of_range_is_used_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="5 of parameter 'x' lies outside") as caught:
        assert FixedTrial({"x": 5}).suggest_float("x", 0, 1) == 5
    assert caught[0].filename == __file__


def test_a_value_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of"):
        FixedTrial({"c": "z"}).suggest_categorical("c", ["a", "b"])
    with pytest.raises(ValueError, match="must be a number"):
        FixedTrial({"x": "q"}).suggest_float("x", 0, 1)


def test_a_name_keeps_its_kind_and_not_its_range() -> None:
    trial = FixedTrial({"x": 0.5})
    trial.suggest_float("x", 0, 1)
    assert trial.suggest_float("x", 0, 2) == 0.5
    assert trial.distributions == {"x": FloatDistribution(0, 2)}
    with pytest.raises(ValueError, match="kind"), pytest.warns(UserWarning):
        trial.suggest_int("x", 0, 1)


def test_of_two_values_for_a_constraint_the_first_counts() -> None:
    trial = FixedTrial({})
    trial.set_constraint("c", 1)
    with pytest.warns(UserWarning, match="'c'") as caught:
        trial.set_constraint("c", 2)
    assert caught[0].filename == __file__
    assert trial.constraints == {"c": 1.0}


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda t: t.set_constraint("c", math.nan), ValueError),
        (lambda t: t.set_constraint("c", None), TypeError),
        (lambda t: t.set_user_attr(3, 1), TypeError),
        (lambda t: t.suggest_float("x", 1, 0), ValueError),
    ],
)
def test_what_a_trial_refuses_is_refused_here_too(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call(FixedTrial({"x": 1}))


def test_deprecated_suggests_warn_and_work() -> None:
    with pytest.warns(FutureWarning, match="suggest_float"):
        assert FixedTrial({"x": 0.5}).suggest_uniform("x", 0, 1) == 0.5


def test_integers_are_python_integers_whatever_was_given() -> None:
    trial = FixedTrial({"half": 1.5, "yes": True, "four": np.int64(4)})
    values = [trial.suggest_int(name, 0, 4) for name in ("yes", "four")]
    with pytest.warns(UserWarning, match="lies outside"):
        values.append(trial.suggest_int("half", 0, 4))
    assert values == [1, 4, 1] and {type(value) for value in values} == {int}
