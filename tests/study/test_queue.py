"""`enqueue_trial` and `add_trial`: what comes next, and what came from elsewhere."""

import math
import threading
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipjack.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from skipjack.storages import BaseStorage
from skipjack.trial import Trial, TrialState, create_trial
from tests.studies import a_study, listening, told

WAITING = TrialState.WAITING
X = {"x": FloatDistribution(0, 1)}


def objective(trial: Trial) -> float:
    return trial.suggest_float("x", 0, 1) + trial.suggest_int("i", 0, 9)


def test_queued_trials_wait_and_are_taken_oldest_first(storage: BaseStorage) -> None:
    study = a_study(storage)
    study.enqueue_trial({"x": 0.25, "i": 3}, user_attrs={"by": "hand"})
    study.enqueue_trial({"x": 0.5})
    waiting = study.trials
    assert [t.state for t in waiting] == [WAITING, WAITING]
    assert waiting[0].system_attrs == {"fixed_params": {"x": 0.25, "i": 3}}
    assert waiting[0].user_attrs == {"by": "hand"} and waiting[0].datetime_start is None
    study.optimize(objective, n_trials=3)
    first, second, third = study.trials
    assert first.params == {"x": 0.25, "i": 3} and first.user_attrs == {"by": "hand"}
    assert second.params["x"] == 0.5 and second.number == 1 and third.number == 2
    assert first.datetime_start is not None


def test_the_log_says_that_a_trial_was_taken_from_the_queue() -> None:
    study = a_study()
    study.enqueue_trial({"x": 0.25})
    with listening(10) as heard:
        study.ask()
    assert heard.texts == ["Trial 0 popped from the trial queue."]


def test_ask_takes_from_the_queue_too_with_fixed_distributions() -> None:
    study = a_study()
    study.enqueue_trial({"x": 0.25})
    assert study.ask(X).params == {"x": 0.25} and study.ask(X).params != {"x": 0.25}


def test_a_value_that_is_out_of_range_is_not_used_and_warned_of(storage: BaseStorage) -> None:
    study = a_study(storage)
    study.enqueue_trial({"x": 7, "i": "three"})
    with pytest.warns(UserWarning) as caught:
        study.optimize(objective, n_trials=1)
    texts = [str(w.message) for w in caught]
    assert len(texts) == 2 and {w.filename for w in caught} == {__file__}
    assert "7 of parameter 'x' lies outside FloatDistribution" in texts[0]
    assert "'three' of parameter 'i' lies outside IntDistribution" in texts[1]
    params = study.trials[0].params
    assert 0 <= params["x"] <= 1 and 0 <= params["i"] <= 9
    assert study.trials[0].system_attrs["fixed_params"] == {"x": 7, "i": "three"}


def test_a_value_that_is_never_asked_for_is_warned_of() -> None:
    study = a_study()
    for _ in range(2):
        study.enqueue_trial({"x": 0.5, "i": 1, "typo": 3})
    with pytest.warns(UserWarning, match="Trial 0 was enqueued with 'typo', which the objective"):
        study.optimize(objective, n_trials=1)
    trial = study.ask()
    objective(trial)
    with pytest.warns(UserWarning, match="'typo'") as caught:
        study.tell(trial, 1.0)
    assert caught[0].filename == __file__


def test_a_trial_that_ended_early_need_not_have_asked_for_everything() -> None:
    study = a_study()
    for _ in range(2):
        study.enqueue_trial({"x": 0.5})

    def fails(trial: Trial) -> float:
        raise ValueError

    study.optimize(fails, n_trials=1, catch=ValueError)
    study.tell(study.ask(), state=TrialState.PRUNED)


@pytest.mark.parametrize(
    ("params", "user_attrs"),
    [(3, None), ([1], None), (None, None), ({3: 1}, None), ({}, [1]), ({}, "a"), ({}, {3: 1})],
)
def test_what_is_no_dict_by_name_is_a_type_error(
    storage: BaseStorage, params: Any, user_attrs: Any
) -> None:
    study = a_study(storage)
    with pytest.raises(TypeError, match="must"):
        study.enqueue_trial(params, user_attrs)
    assert study.trials == []
    assert a_study(storage, study_name="after").ask().number == 0


def test_numpy_values_are_queued_as_pythons() -> None:
    study = a_study()
    study.enqueue_trial({"x": np.float32(0.25), "i": np.int64(3)})
    fixed = study.trials[0].system_attrs["fixed_params"]
    assert fixed == {"x": 0.25, "i": 3} and [type(v) for v in fixed.values()] == [float, int]
    study.optimize(objective, n_trials=1)
    assert study.trials[0].params == {"x": 0.25, "i": 3}


@pytest.mark.parametrize("choice", [1, True, 1.0, None, "1"])
def test_choices_that_look_alike_are_kept_apart_in_the_queue(
    storage: BaseStorage, choice: Any
) -> None:
    study = a_study(storage)
    study.enqueue_trial({"c": choice})
    found = study.ask({"c": CategoricalDistribution([True, 1.0, 1, None, "1"])}).params["c"]
    assert type(found) is type(choice) and found == choice


def test_skip_if_exists_looks_at_queued_running_and_finished_trials(storage: BaseStorage) -> None:
    study = a_study(storage)
    study.enqueue_trial({"x": 0.5}, skip_if_exists=True)
    with listening() as heard:
        study.enqueue_trial({"x": 0.5 + 1e-9}, skip_if_exists=True)
    assert heard.texts == ["Trial with params {'x': 0.500000001} already exists. Skipping enqueue."]
    study.ask(X)
    study.enqueue_trial({"x": 0.5}, skip_if_exists=True)
    study.tell(0, 1.0)
    study.enqueue_trial({"x": 0.5}, skip_if_exists=True)
    sampled = study.ask(X)
    study.tell(sampled, 1.0)
    study.enqueue_trial(sampled.params, skip_if_exists=True)
    assert len(study.trials) == 2
    study.enqueue_trial({"x": 0.5, "y": 1}, skip_if_exists=True)
    study.enqueue_trial({"x": 0.6}, skip_if_exists=True)
    study.enqueue_trial({}, skip_if_exists=True)
    study.enqueue_trial({}, skip_if_exists=True)
    assert len(study.trials) == 5
    study.enqueue_trial({"x": 0.5})
    assert len(study.trials) == 6


def test_skip_if_exists_sees_what_another_handle_queued(storage: BaseStorage) -> None:
    a_study(storage, study_name="s").enqueue_trial({"c": "a", "x": 1}, skip_if_exists=True)
    again = a_study(storage, study_name="s", load_if_exists=True)
    again.enqueue_trial({"x": 1.0, "c": "a"}, skip_if_exists=True)
    assert len(again.trials) == 1


values = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=True), st.sampled_from("ab")
)


@given(st.lists(st.dictionaries(st.sampled_from("xyz"), values, max_size=2), max_size=8))
def test_with_skip_if_exists_nothing_is_queued_twice(params: list[dict[str, Any]]) -> None:
    study = a_study()
    for _ in range(2):
        for given_params in params:
            study.enqueue_trial(given_params, skip_if_exists=True)
    queued = [t.system_attrs["fixed_params"] for t in study.trials]
    assert len(queued) <= len(params)

    def same(a: Any, b: Any) -> bool:
        numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (a, b))
        if numbers and a == a and b == b:
            return math.isclose(a, b, rel_tol=1e-6)
        return repr(a) == repr(b)

    for wanted in params:
        assert any(
            q.keys() == wanted.keys() and all(same(q[k], wanted[k]) for k in q) for q in queued
        )


def test_every_queued_trial_is_taken_by_one_of_many_threads(storage: BaseStorage) -> None:
    study = a_study(storage)
    for i in range(10):
        study.enqueue_trial({"i": i})
    taken: list[int] = []

    def take() -> None:
        for _ in range(5):
            taken.append(study.ask({"i": IntDistribution(0, 9)}).params["i"])

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(10))


def test_added_trials_are_copies_with_the_next_number(storage: BaseStorage) -> None:
    study = told(5.0, study=a_study(storage))
    trial = create_trial(
        value=1.0,
        params={"x": 0.5},
        distributions=X,
        user_attrs={"u": [1]},
        system_attrs={"s": 2},
        intermediate_values={0: 1.0, 5: math.inf},
        constraints={"c": -1.0},
    )
    study.add_trial(trial)
    assert trial.number == -1
    added = study.trials[1]
    assert added.number == 1 and study.best_trial == added
    added.number, added._trial_id = -1, -1
    assert added == trial
    trial.user_attrs["u"].append(2)
    assert study.trials[1].user_attrs == {"u": [1]}


@pytest.mark.parametrize("state", list(TrialState))
def test_a_trial_can_be_added_in_any_state(storage: BaseStorage, state: TrialState) -> None:
    study = a_study(storage)
    value = 1.0 if state == TrialState.COMPLETE else None
    study.add_trial(create_trial(state=state, value=value, params={"x": 0.5}, distributions=X))
    (trial,) = study.trials
    assert trial.state == state and trial.params == {"x": 0.5} and trial.value == value
    assert study.ask().number == (0 if state == WAITING else 1)


def test_trials_are_added_all_or_none(storage: BaseStorage) -> None:
    study = a_study(storage)
    good, wrong = create_trial(value=1.0), create_trial(values=[1.0, 2.0])
    with pytest.raises(ValueError, match="2 values cannot be added .* with 1 objectives"):
        study.add_trials([good, wrong])
    assert study.trials == []
    study.add_trials(t for t in [good, good])
    study.add_trials([])
    assert len(study.trials) == 2


def test_an_added_trial_must_fit_the_study() -> None:
    study = a_study()
    study.ask({"x": IntDistribution(0, 1)})
    study.ask({"c": CategoricalDistribution(["a"])})
    for params, dists in (
        ({"x": 0.5}, X),
        ({"c": "b"}, {"c": CategoricalDistribution(["b"])}),
    ):
        with pytest.raises(ValueError, match="kind|dynamic"):
            study.add_trial(create_trial(value=1.0, params=params, distributions=dists))
    assert len(study.trials) == 2


@pytest.mark.parametrize("wrong", [3, None, "trial", {"x": 1}])
def test_what_is_no_frozen_trial_is_not_added(wrong: Any) -> None:
    study = a_study()
    with pytest.raises(TypeError, match="`trial` must be a FrozenTrial"):
        study.add_trial(wrong)
    with pytest.raises(TypeError):
        study.add_trials(3)  # type: ignore[arg-type]
    assert study.trials == []


def test_fields_that_were_spoilt_after_the_trial_was_made_are_refused() -> None:
    study = a_study()
    for name, value in (
        ("values", None),
        ("state", "COMPLETE"),
        ("user_attrs", [1]),
        ("params", {"x": 1}),
        ("intermediate_values", {"a": 1.0}),
        ("intermediate_values", {1: "b"}),
    ):
        trial = create_trial(value=1.0)
        setattr(trial, name, value)
        with pytest.raises((ValueError, TypeError)):
            study.add_trial(trial)
    assert study.trials == [] and study.ask().number == 0


def test_an_added_trial_that_waits_is_taken_with_its_parameters() -> None:
    study = a_study()
    study.add_trial(
        create_trial(state=WAITING, system_attrs={"fixed_params": {"x": 0.5}}, user_attrs={"u": 1})
    )
    trial = study.ask(X)
    assert trial.number == 0 and trial.params == {"x": 0.5} and trial.user_attrs == {"u": 1}


def test_adding_and_queueing_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = a_study()
        study.enqueue_trial({"x": 0.5, "i": 1})
        study.add_trial(create_trial(value=1.0))
        study.optimize(objective, n_trials=2)
