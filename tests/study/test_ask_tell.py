"""`ask` and `tell`: trials whose objective runs wherever the user likes."""

import datetime
import math
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import skipjack
from skipjack.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    UniformDistribution,
)
from skipjack.samplers import TPESampler
from skipjack.storages import BaseStorage
from skipjack.study import Study, _tell
from skipjack.trial import Trial, TrialState, create_trial
from tests.studies import a_study, listening, told

COMPLETE, PRUNED, FAIL, RUNNING = (
    TrialState.COMPLETE,
    TrialState.PRUNED,
    TrialState.FAIL,
    TrialState.RUNNING,
)


def test_a_trial_runs_until_it_is_told(storage: BaseStorage) -> None:
    study = a_study(storage)
    before = datetime.datetime.now()
    trial = study.ask()
    x = trial.suggest_float("x", 0, 1)
    running = study.trials[0]
    assert running.state == RUNNING and running.params == {"x": x} and running.values is None
    assert running.datetime_complete is None
    assert trial.datetime_start == running.datetime_start
    assert running.datetime_start is not None and running.datetime_start >= before
    finished = study.tell(trial, x)
    assert finished.state == COMPLETE and finished.value == x and finished == study.trials[0]
    assert finished.datetime_complete is not None
    assert before <= running.datetime_start <= finished.datetime_complete


def test_trials_are_numbered_in_the_order_in_which_they_are_asked_for(storage: BaseStorage) -> None:
    study = a_study(storage)
    trials = [study.ask() for _ in range(4)]
    assert [t.number for t in trials] == [0, 1, 2, 3]
    for trial in trials[::-1]:
        study.tell(trial, trial.number)
    assert [t.value for t in study.trials] == [0, 1, 2, 3]


def test_fixed_distributions_are_suggested_at_once_and_in_order() -> None:
    study = a_study()
    space = {
        "x": FloatDistribution(0, 1),
        "i": IntDistribution(1, 9),
        "c": CategoricalDistribution([1, True]),
    }
    trial = study.ask(space)
    assert list(trial.params) == ["x", "i", "c"] and trial.distributions == space
    assert study.trials[0].params == trial.params
    assert trial.suggest_float("x", 0, 1) == trial.params["x"]


@pytest.mark.parametrize("wrong", [3, ["x"], {"x": 3}, {3: FloatDistribution(0, 1)}])
def test_other_fixed_distributions_are_refused_before_a_trial_is_made(wrong: Any) -> None:
    study = a_study()
    with pytest.raises(TypeError, match="must"):
        study.ask(wrong)
    assert study.trials == []


def test_a_trial_that_cannot_be_handed_out_is_failed_with_its_reason(storage: BaseStorage) -> None:
    study = a_study(storage)
    study.ask({"x": FloatDistribution(0, 1)})
    with pytest.raises(ValueError, match="kind"):
        study.ask({"x": IntDistribution(0, 1)})
    assert study.trials[1].state == FAIL
    assert "kind" in study.trials[1].system_attrs["fail_reason"]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (1, 1.0),
        (-0.0, 0.0),
        (True, 1.0),
        ([1.5], 1.5),
        ((1.5,), 1.5),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
        (np.float32(1.5), 1.5),
        (np.int64(3), 3.0),
        (np.bool_(True), 1.0),
        (np.array(1.5), 1.5),
        (np.array([1.5]), 1.5),
    ],
)
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_whatever_is_a_number_is_a_value(values: Any, kept: float, direction: Any) -> None:
    study = a_study(direction=direction)
    trial = study.tell(study.ask(), values)
    assert trial.state == COMPLETE and trial.values == [kept] and type(trial.value) is float
    assert study.best_value == kept


class Tensor:
    """Something that raises what it pleases, as tensors of several elements do."""

    def __float__(self) -> float:
        raise RuntimeError("only one element tensors can be converted")

    def __repr__(self) -> str:
        return "Tensor"


BAD = [
    (None, "The value None could not be cast to float."),
    (math.nan, "The value nan is not acceptable"),
    (np.float64("nan"), "The value nan is not acceptable"),
    ("nan", "The value 'nan' could not be cast to float"),
    ("1.0", "The value '1.0' could not be cast to float"),
    ("abc", "The value 'abc' could not be cast to float"),
    ({}, "The value {} could not be cast to float"),
    (1j, "The value 1j could not be cast to float"),
    (Tensor(), "The value Tensor could not be cast to float"),
    ([None], "The value None could not be cast to float"),
    ([1, 2], "The number of the values 2 did not match the number of the objectives 1"),
    ([], "The number of the values 0 did not match the number of the objectives 1"),
    (np.zeros(3), "The number of the values 3 did not match the number of the objectives 1"),
]


@pytest.mark.parametrize(("values", "reason"), BAD)
def test_other_values_fail_the_trial_with_a_warning_and_a_reason(values: Any, reason: str) -> None:
    study = a_study()
    with pytest.warns(UserWarning) as caught:
        trial = study.tell(study.ask(), values)
    assert str(caught[0].message) == reason and caught[0].filename == __file__
    assert trial.state == FAIL and trial.values is None
    assert trial.system_attrs == {"fail_reason": reason}


def test_a_number_too_large_for_a_float_fails_the_trial() -> None:
    study = a_study()
    with pytest.warns(UserWarning, match="could not be cast"):
        assert study.tell(study.ask(), 10**400).state == FAIL


@pytest.mark.parametrize(("values", "reason"), BAD[1:])
def test_with_state_complete_such_values_are_an_error(values: Any, reason: str) -> None:
    study = a_study()
    trial = study.ask()
    with pytest.raises(ValueError) as caught:
        study.tell(trial, values, COMPLETE)
    assert str(caught.value) == f"{reason}."
    assert study.tell(trial, 1.0, COMPLETE).state == COMPLETE


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (None, COMPLETE),
        (1.0, PRUNED),
        (1.0, FAIL),
        (1.0, RUNNING),
        (None, RUNNING),
        (None, TrialState.WAITING),
        (1.0, "COMPLETE"),
        (1.0, 1),
    ],
)
def test_a_state_that_does_not_fit_is_a_value_error_and_changes_nothing(
    values: Any, state: Any
) -> None:
    study = a_study()
    trial = study.ask()
    with pytest.raises(ValueError, match="`state` must|`values` must"):
        study.tell(trial, values, state)
    assert study.trials[0].state == RUNNING


@pytest.mark.parametrize(
    ("reports", "value"),
    [
        ({}, None),
        ({3: 1.0, 1: 2.0}, 1.0),
        ({1: 2.0, 2: math.inf}, math.inf),
        ({1: 2.0, 2: math.nan}, None),
    ],
)
def test_a_pruned_trial_has_its_last_report_as_value(
    storage: BaseStorage, reports: dict[int, float], value: float | None
) -> None:
    study = a_study(storage)
    trial = study.ask()
    for step, report in reports.items():
        trial.report(report, step)
    pruned = study.tell(trial, state=PRUNED)
    assert pruned.state == PRUNED and pruned.value == value and study.trials[0].value == value


def test_a_trial_is_told_by_object_or_number(storage: BaseStorage) -> None:
    study = a_study(storage)
    for _ in range(4):
        study.ask()
    assert study.tell(0, 1.0).number == 0
    assert study.tell(np.int64(1), 1.0).number == 1
    assert study.tell(Trial(study, study.trials[2]._trial_id), 1.0).number == 2
    assert study.tell(study.trials[3], 1.0).number == 3  # type: ignore[arg-type]
    assert {t.state for t in study.trials} == {COMPLETE}


@pytest.mark.parametrize("wrong", ["x", "0", None, 0.0, True, [0], object()])
def test_what_is_no_trial_is_a_type_error(wrong: Any) -> None:
    study = a_study()
    study.ask()
    with pytest.raises(TypeError, match="`trial` must be a trial or the number of one"):
        study.tell(wrong, 1.0)


@pytest.mark.parametrize("number", [-1, 1, 99])
def test_a_trial_that_is_not_there_is_a_value_error(number: int) -> None:
    study = a_study()
    study.ask()
    with pytest.raises(ValueError, match="`trial` must be one of the 1 trials"):
        study.tell(number, 1.0)


def test_a_trial_that_waits_cannot_be_told() -> None:
    study = a_study()
    study.enqueue_trial({"x": 1})
    with pytest.raises(ValueError, match="waits"):
        study.tell(0, 1.0)
    assert study.trials[0].state == TrialState.WAITING


def test_a_trial_is_told_once(storage: BaseStorage) -> None:
    study = told(1.0, study=a_study(storage))
    for values, state in ((2.0, None), (None, FAIL), (None, PRUNED), (2.0, COMPLETE)):
        with pytest.raises(ValueError, match="told already: it is COMPLETE with values .1.0."):
            study.tell(0, values, state)
    with listening() as heard:
        assert study.tell(0, 2.0, skip_if_finished=True).value == 1.0
    assert heard.texts == [
        "Skipped telling trial 0 with values 2.0 and state None since trial was already finished. "
        "Finished trial has values [1.0] and state TrialState.COMPLETE."
    ]


@pytest.mark.parametrize("state", [None, PRUNED, FAIL])
def test_of_many_threads_that_tell_a_trial_one_succeeds(
    storage: BaseStorage, state: TrialState | None
) -> None:
    study = a_study(storage)
    trial = study.ask()
    barrier = threading.Barrier(8)
    outcomes: list[Any] = []

    def tell(value: float) -> None:
        barrier.wait()
        try:
            study.tell(trial, value if state is None else None, state)
            outcomes.append(value)
        except ValueError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=tell, args=(float(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    values = [o for o in outcomes if isinstance(o, float)]
    assert len(outcomes) == 8 and len(values) == 1
    if state is None:
        assert study.trials[0].value == values[0]
    assert len(study.trials) == 1 and study.trials[0].state == (state or COMPLETE)


def test_telling_says_nothing_in_the_log() -> None:
    with listening(10) as heard:
        told(1.0, study=a_study(study_name="s"))
    assert heard.texts == ["A new study created in memory with name: s"]


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=5))
def test_values_of_several_objectives_come_back_bit_for_bit(values: list[float]) -> None:
    directions = ["minimize", "maximize", "maximize", "minimize", "minimize"][: len(values)]
    study = a_study(directions=directions)
    assert study.tell(study.ask(), values).values == values
    assert study.trials[0].values == values


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (1.0, "The number of the values 1 did not match the number of the objectives 2"),
        ((1.0, None), "The value None could not be cast to float"),
        ((1.0, math.nan), "The value nan is not acceptable"),
        ("12", "The number of the values 1 did not match the number of the objectives 2"),
        ((1, 2, 3), "The number of the values 3 did not match the number of the objectives 2"),
    ],
)
def test_a_value_per_objective_or_a_fail(values: Any, reason: str) -> None:
    study = a_study(directions=["minimize", "maximize"])
    with pytest.warns(UserWarning, match=reason):
        trial = study.tell(study.ask(), values)
    assert trial.state == FAIL and trial.values is None


def test_other_handles_of_the_study_may_tell(storage: BaseStorage) -> None:
    study = a_study(storage, study_name="s")
    number = study.ask().number
    Study("s", storage).tell(number, 1.0)
    assert study.trials[0].value == 1.0


def test_companions_tell_through_the_private_name() -> None:
    study = a_study()
    found = _tell._tell_with_warning(study, study.ask(), 1)
    assert found == (COMPLETE, [1.0], None)
    state, values, message = _tell._tell_with_warning(
        study, study.ask(), math.nan, suppress_warning=True
    )
    assert (state, values, message) == (FAIL, None, "The value nan is not acceptable")
    with pytest.warns(UserWarning, match="nan"):
        _tell._tell_with_warning(study=study, trial=study.ask(), value_or_values=math.nan)
    assert _tell._tell_with_warning(study, 0, 2.0, skip_if_finished=True)[:2] == (COMPLETE, [1.0])


def test_ask_and_tell_goes_on_where_optimize_would_stop() -> None:
    study = a_study(sampler=TPESampler(seed=1))
    for _ in range(25):
        trial = study.ask()
        study.tell(trial, trial.suggest_float("x", -1, 1) ** 2)
    study.optimize(lambda t: t.suggest_float("x", -1, 1) ** 2, n_trials=5)
    assert [t.number for t in study.trials] == list(range(30))


def test_distributions_of_old_classes_become_todays() -> None:
    study = a_study()
    with pytest.warns(FutureWarning):
        study.ask({"x": UniformDistribution(0, 1)})
    with pytest.warns(FutureWarning):
        added = create_trial(
            value=1.0, params={"x": 0.5}, distributions={"x": UniformDistribution(0, 1)}
        )
    study.add_trial(added)
    meant = {"x": FloatDistribution(0, 1)}
    assert [str(t.distributions) for t in (*study.trials, added)] == [str(meant)] * 3
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    assert skipjack.search_space.intersection_search_space(study.trials) == meant
