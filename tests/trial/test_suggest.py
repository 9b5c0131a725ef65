"""`Trial.suggest_*`: one value per name, kinds that last, ranges that may change."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipjack.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from skipjack.exceptions import UpdateFinishedTrialError
from skipjack.samplers import RandomSampler, TPESampler
from skipjack.storages import BaseStorage
from skipjack.trial import Trial, TrialState
from tests.studies import a_study

finite = st.floats(-1e6, 1e6)


@given(st.tuples(finite, finite), st.integers(0, 2**40))
def test_a_float_lies_in_its_range(ends: tuple[float, float], seed: int) -> None:
    low, high = min(ends), max(ends)
    trial = a_study(sampler=RandomSampler(seed=seed)).ask()
    value = trial.suggest_float("x", low, high)
    assert type(value) is float and low <= value <= high


@given(st.integers(-1000, 1000), st.integers(0, 1000), st.integers(1, 50), st.integers(0, 2**40))
def test_an_int_is_a_step_of_its_range(low: int, width: int, step: int, seed: int) -> None:
    trial = a_study(sampler=RandomSampler(seed=seed)).ask()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = trial.suggest_int("i", low, low + width, step=step)
    assert type(value) is int and low <= value <= low + width and (value - low) % step == 0


@given(st.lists(st.one_of(st.none(), st.booleans(), st.integers(), st.text()), min_size=1))
def test_a_choice_is_one_of_the_choices_and_of_its_type(choices: list[Any]) -> None:
    value = a_study().ask().suggest_categorical("c", choices)
    assert any(value is c or (value == c and type(value) is type(c)) for c in choices)


@pytest.mark.parametrize("sampler", [RandomSampler(seed=3), TPESampler(seed=3)])
def test_kinds_that_look_alike_are_kept_apart(sampler: Any) -> None:
    study = a_study(sampler=sampler)
    study.optimize(lambda t: float(t.suggest_categorical("c", [1, True, 1.0])), n_trials=40)
    assert {type(t.params["c"]) for t in study.trials} == {int, bool, float}


def test_the_same_name_gives_the_same_value_again(storage: BaseStorage) -> None:
    trial = a_study(storage).ask()
    first = trial.suggest_float("x", 0, 1)
    assert trial.suggest_float("x", 0, 1) == first
    assert trial.params == {"x": first}


def test_another_range_in_the_same_trial_warns_and_is_not_used() -> None:
    trial = a_study().ask()
    first = trial.suggest_float("x", 0, 1)
    with pytest.warns(RuntimeWarning, match="'x' was suggested from FloatDistribution") as caught:
        assert trial.suggest_float("x", 5, 6) == first
    assert caught[0].filename == __file__
    assert trial.distributions == {"x": FloatDistribution(0, 1)}


def test_another_range_in_another_trial_is_used() -> None:
    study = a_study()
    study.ask().suggest_float("x", 0, 1)
    assert 5 <= study.ask().suggest_float("x", 5, 6) <= 6


@pytest.mark.parametrize(
    "again",
    [
        lambda t: t.suggest_int("x", 0, 1),
        lambda t: t.suggest_float("x", 0.1, 1, log=True),
        lambda t: t.suggest_categorical("x", [0, 1]),
    ],
)
@pytest.mark.parametrize("same_trial", [True, False])
def test_another_kind_under_the_same_name_is_refused(again: Any, same_trial: bool) -> None:
    study = a_study()
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    with pytest.raises(ValueError, match="must keep its kind"):
        again(trial if same_trial else study.ask())
    assert trial.params.keys() == {"x"}


def test_another_kind_is_refused_by_another_handle_of_the_study(storage: BaseStorage) -> None:
    a_study(storage, study_name="s").ask().suggest_float("x", 0, 1)
    again = a_study(storage, study_name="s", load_if_exists=True)
    with pytest.raises(ValueError, match="must keep its kind"):
        again.ask().suggest_int("x", 0, 1)


def test_other_choices_under_the_same_name_are_refused() -> None:
    study = a_study()
    study.ask().suggest_categorical("c", ["a", "b"])
    with pytest.raises(ValueError, match="does not support dynamic value space"):
        study.ask().suggest_categorical("c", ["a", "b", "c"])


def test_a_refused_suggest_leaves_the_trial_as_it_was() -> None:
    study = a_study()
    study.ask().suggest_float("x", 0, 1)
    trial = study.ask()
    with pytest.raises(ValueError):
        trial.suggest_int("x", 0, 1)
    trial.suggest_float("x", 0, 1)
    assert study.tell(trial, 1.0).params.keys() == {"x"}


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (lambda t: t.suggest_float("q", 1, 0), ValueError),
        (lambda t: t.suggest_float("q", math.nan, 0), ValueError),
        (lambda t: t.suggest_float("q", 0, math.inf), ValueError),
        (lambda t: t.suggest_float("q", "a", 0), (TypeError, ValueError)),
        (lambda t: t.suggest_float("q", 0, 1, log=True), ValueError),
        (lambda t: t.suggest_float("q", 1, 2, step=0.5, log=True), ValueError),
        (lambda t: t.suggest_int("q", 1, 10, step=2, log=True), ValueError),
        (lambda t: t.suggest_int("q", 1, 10, step=0), ValueError),
        (lambda t: t.suggest_categorical("q", []), ValueError),
        (lambda t: t.suggest_float(3, 0, 1), TypeError),
        (lambda t: t.suggest_float(None, 0, 1), TypeError),
        (lambda t: t.suggest_float("q", 0, 1, 0.5), TypeError),  # step by position
    ],
)
def test_what_cannot_be_suggested_from_is_refused(bad: Any, error: type[Exception]) -> None:
    trial = a_study().ask()
    with pytest.raises(error):
        bad(trial)
    assert trial.params == {}


def test_a_range_that_a_step_does_not_divide_is_lowered_with_a_warning() -> None:
    trial = a_study().ask()
    with pytest.warns(UserWarning, match="0.9"):
        trial.suggest_float("x", 0, 1, step=0.3)
    assert trial.distributions["x"] == FloatDistribution(0, 0.9, step=0.3)


def test_strange_choices_warn_and_work_in_memory() -> None:
    trial = a_study().ask()
    with pytest.warns(UserWarning):
        assert trial.suggest_categorical("c", [(1,), (2,)]) in [(1,), (2,)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (lambda t: t.suggest_uniform("x", 0, 1), FloatDistribution(0, 1)),
        (lambda t: t.suggest_loguniform("x", 1, 2), FloatDistribution(1, 2, log=True)),
        (lambda t: t.suggest_discrete_uniform("x", 0, 1, 0.5), FloatDistribution(0, 1, step=0.5)),
    ],
)
def test_deprecated_names_warn_and_work(old: Any, new: FloatDistribution) -> None:
    trial = a_study().ask()
    with pytest.warns(FutureWarning, match="suggest_float"):
        old(trial)
    assert trial.distributions == {"x": new}


def test_parameters_keep_the_order_of_suggestion(storage: BaseStorage) -> None:
    study = a_study(storage)
    names = ["z", "a", "m", "b"]

    def objective(trial: Trial) -> float:
        return sum(trial.suggest_float(name, 0, 1) for name in names)

    study.optimize(objective, n_trials=2)
    names.reverse()
    study.optimize(objective, n_trials=1)
    assert [list(t.params) for t in study.trials] == [names[::-1], names[::-1], names]
    assert list(study.trials[2].distributions) == names
    assert list(study.best_params) in (names, names[::-1])


def test_numpy_numbers_are_bounds_like_any_other() -> None:
    trial = a_study().ask()
    assert type(trial.suggest_int("i", np.int64(1), np.int64(3))) is int
    assert type(trial.suggest_float("x", np.float32(0), np.float64(1))) is float
    assert trial.distributions == {"i": IntDistribution(1, 3), "x": FloatDistribution(0, 1)}


def test_a_single_value_asks_no_sampler() -> None:
    trial = a_study().ask()
    assert trial.suggest_int("i", 3, 3) == 3
    assert trial.suggest_float("x", 0.5, 0.5) == 0.5
    assert trial.suggest_categorical("c", ["only"]) == "only"
    assert trial.distributions["c"] == CategoricalDistribution(["only"])


def test_a_finished_trial_suggests_nothing_more() -> None:
    study = a_study()
    trial = study.ask()
    study.tell(trial, 1.0)
    with pytest.raises(UpdateFinishedTrialError):
        trial.suggest_float("x", 0, 1)
    assert study.trials[0].params == {}


def test_a_second_handle_of_a_trial_sees_and_does_the_same(storage: BaseStorage) -> None:
    study = a_study(storage)
    trial = study.ask()
    again = Trial(study, trial._trial_id)
    x = trial.suggest_float("x", 0, 1)
    again.set_user_attr("k", 1)
    assert again.suggest_float("x", 0, 1) == x
    assert again.number == trial.number and again.params == {"x": x}
    assert trial.user_attrs == {"k": 1}
    assert again.datetime_start == trial.datetime_start


def test_what_another_handle_draws_is_what_the_first_would_have_drawn() -> None:
    one, other = a_study(), a_study()
    x = one.ask().suggest_float("x", 0, 1)
    trial = other.ask()
    assert Trial(other, trial._trial_id).suggest_float("x", 0, 1) == x


def test_a_handle_of_a_finished_trial_can_be_read_and_not_written(storage: BaseStorage) -> None:
    study = a_study(storage)
    trial = study.ask()
    x = trial.suggest_float("x", 0, 1)
    trial.set_user_attr("k", 1)
    trial.set_constraint("c", 2)
    study.tell(trial, 1.0)
    again = Trial(study, trial._trial_id)
    assert again.params == {"x": x} and again.user_attrs == {"k": 1}
    assert again.constraints == {"c": 2.0} and again.distributions == {"x": FloatDistribution(0, 1)}
    for write in (
        lambda: again.suggest_float("x", 0, 1),
        lambda: again.report(1.0, 1),
        lambda: again.set_user_attr("k", 2),
        lambda: again.set_constraint("c", 2),
    ):
        with pytest.raises(UpdateFinishedTrialError):
            write()
    assert study.trials[0].state == TrialState.COMPLETE


@pytest.mark.parametrize("trial_id", [-1, 10**6, 2**40])
def test_a_handle_of_a_trial_that_is_not_there_is_a_key_error(trial_id: int) -> None:
    study = a_study()
    study.ask()
    with pytest.raises(KeyError):
        Trial(study, trial_id)
