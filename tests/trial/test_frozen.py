"""`FrozenTrial` and `create_trial`: a record with Optuna's fields, text, order and checks."""

import copy
import datetime
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipjack.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from skipjack.study import StudyDirection
from skipjack.trial import FrozenTrial, TrialState, create_trial
from tests.studies import a_study, told

X = {"x": FloatDistribution(0, 1)}


def a_trial(**changes: Any) -> FrozenTrial:
    fields: dict[str, Any] = {
        "number": 3,
        "state": TrialState.COMPLETE,
        "value": 0.5,
        "datetime_start": datetime.datetime(2026, 1, 2, 3, 4, 5),
        "datetime_complete": datetime.datetime(2026, 1, 2, 3, 4, 7),
        "params": {"x": 0.25},
        "distributions": dict(X),
        "user_attrs": {"u": [1]},
        "system_attrs": {"constraints:c": -1.0},
        "intermediate_values": {1: 2.0},
        "trial_id": 9,
    }
    return FrozenTrial(**{**fields, **changes})


def test_its_text_is_optunas_field_by_field() -> None:
    text = (
        "FrozenTrial(number=3, state=<TrialState.COMPLETE: 1>, values=[0.5], "
        "datetime_start=datetime.datetime(2026, 1, 2, 3, 4, 5), "
        "datetime_complete=datetime.datetime(2026, 1, 2, 3, 4, 7), params={'x': 0.25}, "
        "user_attrs={'u': [1]}, system_attrs={'constraints:c': -1.0}, "
        "intermediate_values={1: 2.0}, "
        "distributions={'x': FloatDistribution(high=1.0, log=False, low=0.0, step=None)}, "
        "trial_id=9, value=None)"
    )
    assert repr(a_trial()) == str(a_trial()) == text


def test_it_answers_what_is_derived() -> None:
    trial = a_trial()
    assert trial.duration == datetime.timedelta(seconds=2)
    assert trial.last_step == 1 and a_trial(intermediate_values={}).last_step is None
    assert trial.constraints == {"c": -1.0}
    assert a_trial(system_attrs={"constraints": [1.0, -2.0]}).constraints == {"0": 1.0, "1": -2.0}
    assert a_trial(datetime_complete=None).duration is None


def test_equal_trials_are_equal_by_content_and_have_equal_hashes() -> None:
    assert a_trial() == a_trial() and hash(a_trial()) == hash(a_trial())
    assert a_trial() != a_trial(value=0.6) and a_trial() != a_trial(trial_id=8)
    assert a_trial() != 3 and len({a_trial(), a_trial(), a_trial(number=4)}) == 2


def test_a_report_of_nan_equals_itself(tmp_path: Any) -> None:
    for study in (a_study(), a_study(f"sqlite:///{tmp_path / 'a.db'}")):
        trial = study.ask()
        trial.report(math.nan, 1)
        assert study.trials == study.trials
        study.tell(trial, 1.0)
        assert study.trials == study.trials == pickle.loads(pickle.dumps(study.trials))


def test_trials_are_ordered_by_number() -> None:
    trials = [a_trial(number=n) for n in (2, 0, 1)]
    assert [t.number for t in sorted(trials)] == [0, 1, 2]
    assert trials[1] < trials[0] and trials[0] >= trials[1] and trials[0] <= trials[0]
    for compare in (lambda: trials[0] < 3, lambda: trials[0] >= 3):
        with pytest.raises(TypeError):
            compare()


def test_value_and_values_are_one_thing() -> None:
    trial = a_trial()
    trial.value = 3
    assert trial.values == [3]
    trial.values = [4]
    assert trial.value == 4
    trial.value = None
    assert trial.values is None and trial.value is None
    trial.values = (1, 2)
    assert trial.values == [1, 2]
    with pytest.raises(RuntimeError, match="several"):
        assert trial.value
    with pytest.raises(RuntimeError, match="several"):
        trial.value = 1


def test_a_copy_changes_nothing_in_the_study() -> None:
    study = told(1.0)
    trial = study.trials[0]
    trial.set_user_attr("k", 1)
    trial.params = {"y": 1}
    trial.number, trial.datetime_start, trial.state = 9, None, TrialState.FAIL
    trial.user_attrs["k"] = 2
    assert study.trials[0].number == 0 and study.trials[0].user_attrs == {}
    assert study.trials[0].state == TrialState.COMPLETE


@given(st.floats(0, 1), st.integers(1, 9), st.sampled_from(["a", None, 1, True, 1.0]))
def test_an_objective_runs_again_with_the_same_parameters(x: float, i: int, c: Any) -> None:
    choices = CategoricalDistribution(["a", None, 1, True, 1.0])
    params = {"x": x, "i": i, "c": c}
    trial = create_trial(
        value=1.0, params=params, distributions={**X, "i": IntDistribution(1, 9), "c": choices}
    )
    assert trial.suggest_float("x", 0, 1) == x
    assert trial.suggest_int("i", 1, 9) == i
    assert type(trial.suggest_categorical("c", choices.choices)) is type(c)
    trial.report(1.0, 1)
    assert trial.should_prune() is False and trial.intermediate_values == {}


def test_what_it_does_not_have_cannot_be_suggested() -> None:
    with pytest.raises(ValueError, match="got 'z'"):
        a_trial().suggest_float("z", 0, 1)
    with pytest.warns(UserWarning, match="0.25 of parameter 'x' lies outside") as caught:
        assert a_trial().suggest_float("x", 0.5, 1) == 0.25
    assert caught[0].filename == __file__
    with pytest.raises(ValueError), pytest.warns(UserWarning):
        a_trial().suggest_int("x", 0, 1)


def test_of_two_values_for_a_constraint_the_first_counts() -> None:
    trial = a_trial(system_attrs={})
    trial.set_constraint("c", 1)
    with pytest.warns(UserWarning, match="'c'"):
        trial.set_constraint("c", 2)
    assert trial.constraints == {"c": 1.0} and trial.system_attrs == {"constraints:c": 1.0}


def test_a_made_trial_starts_and_ends_now() -> None:
    before = datetime.datetime.now()
    trial = create_trial(value=1, constraints={"a": 1}, intermediate_values={0: 1.0})
    assert before <= trial.datetime_start == trial.datetime_complete <= datetime.datetime.now()
    assert (trial.number, trial._trial_id, trial.state) == (-1, -1, TrialState.COMPLETE)
    assert trial.system_attrs == {"constraints:a": 1.0} and trial.values == [1]
    waiting, running = (create_trial(state=s) for s in (TrialState.WAITING, TrialState.RUNNING))
    assert waiting.datetime_start is None and waiting.datetime_complete is None
    assert running.datetime_start is not None and running.datetime_complete is None
    assert create_trial(state=TrialState.PRUNED, value=1.0).value == 1.0
    assert create_trial(state=TrialState.PRUNED).value is None


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({"value": 1, "values": [1]}, ValueError, "not be given both"),
        ({}, ValueError, "`values` must be set"),
        ({"value": math.nan}, ValueError, "NaN"),
        ({"value": "1"}, TypeError, "number"),
        ({"values": 3}, TypeError, "list of numbers"),
        ({"values": "12"}, TypeError, "list of numbers"),
        ({"values": [1, None]}, TypeError, "number"),
        ({"state": TrialState.FAIL, "value": 1.0}, ValueError, "`values` must be None"),
        ({"state": "COMPLETE", "value": 1.0}, TypeError, "`state` must be a TrialState"),
        ({"state": 1, "value": 1.0}, TypeError, "`state` must be a TrialState"),
        ({"value": 1, "params": {"x": 1}}, ValueError, "same names"),
        ({"value": 1, "distributions": X}, ValueError, "same names"),
        ({"value": 1, "params": {"x": 5}, "distributions": X}, ValueError, "lie in"),
        ({"value": 1, "params": {"x": "a"}, "distributions": X}, ValueError, "number"),
        ({"value": 1, "params": {"x": 1}, "distributions": {"x": 3}}, TypeError, "a distribution"),
        ({"value": 1, "user_attrs": [1]}, TypeError, "`user_attrs` must be a dict"),
        ({"value": 1, "constraints": {"c": math.nan}}, ValueError, "NaN"),
        ({"value": 1, "constraints": {"c": None}}, TypeError, "number"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(
    fields: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        create_trial(**fields)


def test_arguments_of_create_trial_are_keywords() -> None:
    with pytest.raises(TypeError):
        create_trial(TrialState.COMPLETE, 1.0)  # type: ignore[misc]


def test_it_copies_and_pickles() -> None:
    trial = a_trial()
    assert copy.deepcopy(trial) == copy.copy(trial) == pickle.loads(pickle.dumps(trial)) == trial
    copied = copy.deepcopy(trial)
    copied.user_attrs["u"].append(2)
    assert trial.user_attrs == {"u": [1]}


def test_a_notebook_shows_a_table_without_running_what_it_shows() -> None:
    html = a_trial(params={"<b>": "a & b"})._repr_html_()
    assert html.startswith("<table>") and html.endswith("</table>")
    assert "COMPLETE" in html and "&lt;b&gt;" in html and "a &amp; b" in html and "<b>" not in html


def test_states_and_directions_are_numbered_and_shown_as_in_optuna() -> None:
    assert [(s.name, s.value) for s in TrialState] == [
        ("RUNNING", 0),
        ("COMPLETE", 1),
        ("PRUNED", 2),
        ("FAIL", 3),
        ("WAITING", 4),
    ]
    assert str(TrialState.FAIL) == f"{TrialState.FAIL}" == "TrialState.FAIL"
    assert repr(TrialState.RUNNING) == "<TrialState.RUNNING: 0>"
    assert [s.is_finished() for s in TrialState] == [False, True, True, True, False]
    assert [(d.name, d.value) for d in StudyDirection] == [
        ("NOT_SET", 0),
        ("MINIMIZE", 1),
        ("MAXIMIZE", 2),
    ]
    assert str(StudyDirection.MINIMIZE) == "1"
    assert repr(StudyDirection.MINIMIZE) == "<StudyDirection.MINIMIZE: 1>"
