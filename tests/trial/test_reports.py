"""`Trial.report`, `should_prune`, `set_constraint`, `set_user_attr`: what is kept, and when."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipjack.exceptions import UpdateFinishedTrialError
from skipjack.pruners import BasePruner
from skipjack.storages import BaseStorage
from skipjack.study import Study
from skipjack.trial import FrozenTrial
from tests.studies import a_study

WRITES = [
    lambda t: t.report(1.0, 1),
    lambda t: t.set_user_attr("k", 1),
    lambda t: t.set_constraint("c", 1.0),
]


@given(st.dictionaries(st.integers(0, 2**40), st.floats(), max_size=20))
def test_reports_come_back_as_they_were(reports: dict[int, float]) -> None:
    study = a_study()
    trial = study.ask()
    for step, value in reports.items():
        trial.report(value, step)
    running, finished = study.trials[0], study.tell(trial, 0.0)
    for kept in (running.intermediate_values, finished.intermediate_values):
        assert list(kept) == list(reports)
        np.testing.assert_array_equal(list(kept.values()), list(reports.values()))
    assert finished.last_step == max(reports, default=None)


def test_reports_and_attributes_are_seen_before_and_after_the_end(storage: BaseStorage) -> None:
    study = a_study(storage)
    trial = study.ask()
    trial.report(math.nan, 0)
    trial.report(math.inf, 7)
    trial.set_user_attr("k", {"a": [1, 2.5, None, True, "é"]})
    trial.set_constraint("c", -1)
    for frozen in (study.trials[0], study.tell(trial, 1.0), study.get_trials(deepcopy=False)[0]):
        assert (
            math.isnan(frozen.intermediate_values[0]) and frozen.intermediate_values[7] == math.inf
        )
        assert frozen.user_attrs == {"k": {"a": [1, 2.5, None, True, "é"]}}
        assert frozen.constraints == {"c": -1.0}
        assert frozen.system_attrs == {"constraints:c": -1.0}


def test_of_two_reports_for_a_step_the_first_counts() -> None:
    study = a_study()
    trial = study.ask()
    trial.report(1.0, 3)
    with pytest.warns(UserWarning, match="Step 3") as caught:
        trial.report(2.0, 3)
    assert caught[0].filename == __file__
    assert study.trials[0].intermediate_values == {3: 1.0}


@pytest.mark.parametrize(
    ("value", "step", "kept"),
    [
        (1, 2, {2: 1.0}),
        ("1.5", 2, {2: 1.5}),
        (np.float32(1.5), np.int64(2), {2: 1.5}),
        (np.array(1.5), 2, {2: 1.5}),
        (True, True, {1: 1.0}),
        (1.0, 2.0, {2: 1.0}),
    ],
)
def test_whatever_float_and_int_accept_is_reported(value: Any, step: Any, kept: Any) -> None:
    study = a_study()
    study.ask().report(value, step)
    (found,) = study.trials[0].intermediate_values.items()
    assert dict([found]) == kept and (type(found[0]), type(found[1])) == (int, float)


@pytest.mark.parametrize(
    ("value", "step", "error"),
    [
        ("a", 1, TypeError),
        (None, 1, TypeError),
        ([1.0], 1, TypeError),
        (10**400, 1, TypeError),
        (1.0, "x", TypeError),
        (1.0, None, TypeError),
        (1.0, math.nan, TypeError),
        (1.0, math.inf, TypeError),
        (1.0, -1, ValueError),
    ],
)
def test_other_reports_are_refused(value: Any, step: Any, error: type[Exception]) -> None:
    study = a_study()
    with pytest.raises(error, match="`value` must|`step` must"):
        study.ask().report(value, step)
    assert study.trials[0].intermediate_values == {}


@pytest.mark.parametrize("write", WRITES)
def test_a_finished_trial_takes_nothing_more(write: Any) -> None:
    study = a_study()
    trial = study.ask()
    write(trial)
    before = study.tell(trial, 1.0)
    with pytest.raises(UpdateFinishedTrialError):
        write(trial)
    assert study.trials[0] == before


def test_several_objectives_have_no_reports_and_no_pruning() -> None:
    trial = a_study(directions=["minimize", "maximize"]).ask()
    with pytest.raises(NotImplementedError):
        trial.report(1.0, 1)
    with pytest.raises(NotImplementedError):
        trial.should_prune()


class Recorder(BasePruner):
    """Prunes from the second report on."""

    def __init__(self) -> None:
        self.seen: list[tuple[Study, FrozenTrial]] = []

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        self.seen.append((study, trial))
        return len(trial.intermediate_values) > 1


def test_the_pruner_is_asked_with_what_was_reported(storage: BaseStorage) -> None:
    pruner = Recorder()
    study = a_study(storage, pruner=pruner)
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.report(1.0, 1)
    assert trial.should_prune() is False
    trial.report(2.0, 2)
    assert trial.should_prune() is True
    assert [t.intermediate_values for _, t in pruner.seen] == [{1: 1.0}, {1: 1.0, 2: 2.0}]
    assert all(s is study and t.params == trial.params for s, t in pruner.seen)


def test_of_two_values_for_a_constraint_the_first_counts() -> None:
    trial = a_study().ask()
    trial.set_constraint("c", 1)
    with pytest.warns(UserWarning, match="'c'") as caught:
        trial.set_constraint("c", 2)
    assert caught[0].filename == __file__
    assert trial.constraints == {"c": 1.0}


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("c", "a", TypeError),
        ("c", None, TypeError),
        ("c", math.nan, ValueError),
        (3, 1.0, TypeError),
    ],
)
def test_other_constraints_are_refused(key: Any, value: Any, error: type[Exception]) -> None:
    trial = a_study().ask()
    with pytest.raises(error, match="must"):
        trial.set_constraint(key, value)
    assert trial.constraints == {}


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("s"), "s"),
        ((1, (2, np.int8(3))), [1, [2, 3]]),
        ({"a": (1,), 2: np.float64(1)}, {"a": [1], "2": 1.0}),
        (None, None),
    ],
)
def test_attributes_are_kept_as_json_gives_them_back(
    storage: BaseStorage, given_value: Any, kept: Any
) -> None:
    study = a_study(storage)
    trial = study.ask()
    trial.set_user_attr("k", given_value)
    study.set_user_attr("k", given_value)
    for found in (
        trial.user_attrs,
        study.trials[0].user_attrs,
        study.user_attrs,
        study.tell(trial, 1.0).user_attrs,
    ):
        assert found == {"k": kept} and type(found["k"]) is type(kept)


def test_an_attribute_can_be_set_again() -> None:
    study = a_study()
    trial = study.ask()
    trial.set_user_attr("k", 1)
    trial.set_user_attr("k", "two")
    assert study.tell(trial, 1.0).user_attrs == {"k": "two"}


def test_attributes_are_copies(storage: BaseStorage) -> None:
    study = a_study(storage)
    trial = study.ask()
    mine = [1]
    trial.set_user_attr("k", mine)
    study.set_user_attr("k", mine)
    mine.append(2)
    trial.user_attrs["k"].append(3)
    study.user_attrs["k"].append(3)
    study.trials[0].user_attrs["k"].append(4)
    assert trial.user_attrs == study.user_attrs == {"k": [1]}


@pytest.mark.parametrize("key", [3, None, ("a",)])
def test_the_name_of_an_attribute_is_a_str(key: Any) -> None:
    study = a_study()
    trial = study.ask()
    for owner in (trial, study):
        with pytest.raises(TypeError, match="`key` must be a str"):
            owner.set_user_attr(key, 1)


def test_memory_keeps_any_object_and_a_file_says_what_it_cannot_keep(tmp_path: Any) -> None:
    thing = object()
    study = a_study()
    trial = study.ask()
    trial.set_user_attr("k", thing)
    assert trial.user_attrs["k"] is thing
    study = a_study(f"sqlite:///{tmp_path / 'a.db'}")
    trial = study.ask()
    for owner in (trial, study):
        with pytest.raises(TypeError, match="JSON"):
            owner.set_user_attr("k", thing)
    assert study.tell(trial, 1.0).user_attrs == {} and study.user_attrs == {}


def test_parameters_distributions_and_relative_parameters_are_copies() -> None:
    study = a_study()
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)
    trial = study.ask()
    assert trial.relative_params.keys() == trial.relative_search_space.keys() == {"x"}
    x = trial.suggest_float("x", 0, 1)
    assert trial.relative_params == {"x": x}
    trial.params.clear()
    trial.distributions.clear()
    assert trial.params == {"x": x} and list(trial.distributions) == ["x"]
