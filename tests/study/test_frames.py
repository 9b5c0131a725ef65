"""`trials_dataframe`: one row per trial, columns named as in Optuna."""

import sys
from typing import Any

import pytest

from skipjack.storages import BaseStorage
from skipjack.study import Study, frames
from skipjack.trial import TrialState
from tests.conftest import Require
from tests.studies import a_study, told


@pytest.fixture(autouse=True)
def pandas(require: Require) -> None:
    require("pandas")


def objective(trial: Any) -> float:
    x = trial.suggest_float("b", 0, 1)
    if trial.number == 0:
        trial.suggest_categorical("a", [None, 1])
    else:
        trial.suggest_int("i", 0, 3)
    trial.set_user_attr("u", {"k": 1})
    trial.set_constraint("c", -1)
    trial.report(0.5, 3)
    return float(x)


@pytest.fixture
def study(storage: BaseStorage) -> Study:
    study = a_study(storage)
    study.optimize(objective, n_trials=2)
    return study


def test_columns_come_in_order_and_nested_ones_by_name(study: Study) -> None:
    frame = study.trials_dataframe()
    assert list(frame.columns) == [
        "number",
        "value",
        "datetime_start",
        "datetime_complete",
        "duration",
        "params_a",
        "params_b",
        "params_i",
        "user_attrs_u",
        "system_attrs_constraints:c",
        "state",
    ]
    assert [str(frame[c].dtype.kind) for c in frame.columns[:5]] == ["i", "f", "M", "M", "m"]
    assert frame["state"].tolist() == ["COMPLETE", "COMPLETE"]
    assert frame["value"].tolist() == [t.value for t in study.trials]
    assert frame["params_b"].tolist() == [t.params["b"] for t in study.trials]
    assert frame["params_i"].isna().tolist() == [True, False]
    assert frame["user_attrs_u"].tolist() == [{"k": 1}] * 2
    assert frame["duration"].tolist() == [t.duration for t in study.trials]
    assert frame.index.tolist() == [0, 1]


def test_nested_columns_can_be_pairs(study: Study) -> None:
    columns = list(study.trials_dataframe(multi_index=True).columns)
    assert columns[:2] == [("number", ""), ("value", "")] and ("params", "b") in columns
    assert ("user_attrs", "u") in columns and columns[-1] == ("state", "")


def test_attributes_choose_the_columns_and_their_order(study: Study) -> None:
    frame = study.trials_dataframe(attrs=("state", "params", "number"))
    assert list(frame.columns) == ["state", "params_a", "params_b", "params_i", "number"]
    more = ("intermediate_values", "distributions", "constraints", "last_step", "_trial_id")
    assert list(study.trials_dataframe(attrs=more).columns) == [
        "intermediate_values_3",
        "distributions_a",
        "distributions_b",
        "distributions_i",
        "constraints_c",
        "last_step",
        "trial_id",
    ]
    assert list(study.trials_dataframe(attrs=["number"]).columns) == ["number"]  # type: ignore[arg-type]


def test_an_unknown_attribute_is_refused(study: Study) -> None:
    with pytest.raises(ValueError, match="'foo'"):
        study.trials_dataframe(attrs=("foo",))
    for wrong in ("number", 3):
        with pytest.raises(TypeError, match="`attrs` must"):
            study.trials_dataframe(attrs=wrong)  # type: ignore[arg-type]


def test_a_study_without_trials_gives_an_empty_frame() -> None:
    frame = a_study().trials_dataframe()
    assert len(frame) == 0 and list(frame.columns) == []


def test_trials_without_values_have_none_and_those_without_a_time_too() -> None:
    study = told(1.0)
    study.tell(study.ask(), state=TrialState.FAIL)
    study.ask()
    study.enqueue_trial({"x": 1})
    frame = study.trials_dataframe()
    assert frame["value"].isna().tolist() == [False, True, True, True]
    assert frame["datetime_complete"].isna().tolist() == [False, False, True, True]
    assert frame["datetime_start"].isna().tolist() == [False, False, False, True]
    assert frame["state"].tolist() == ["COMPLETE", "FAIL", "RUNNING", "WAITING"]


def test_several_objectives_have_a_column_each() -> None:
    study = a_study(directions=["minimize", "maximize"])
    study.tell(study.ask(), [1, 2])
    study.tell(study.ask(), state=TrialState.FAIL)
    frame = study.trials_dataframe()
    assert list(frame.columns[:3]) == ["number", "values_0", "values_1"]
    assert frame["values_1"].tolist()[0] == 2.0 and frame["values_1"].isna()[1]
    assert list(study.trials_dataframe(multi_index=True).columns[1:3]) == [
        ("values", 0),
        ("values", 1),
    ]
    study.set_metric_names(["loss", "gain"])
    for attr in ("value", "values"):
        frame = study.trials_dataframe(attrs=(attr,))
        assert list(frame.columns) == ["values_loss", "values_gain"]


def test_objectives_have_columns_before_any_trial_has_values() -> None:
    study = a_study(directions=["minimize", "maximize"])
    for state in (TrialState.FAIL, TrialState.PRUNED):
        study.tell(study.ask(), state=state)
    frame = study.trials_dataframe()
    assert frame["values_0"].isna().all() and frame["values_1"].isna().all()
    study.set_metric_names(["loss", "gain"])
    assert list(study.trials_dataframe().columns[1:3]) == ["values_loss", "values_gain"]


def test_a_named_objective_has_its_name_in_the_column() -> None:
    study = told(1.0)
    study.set_metric_names(["loss"])
    assert list(study.trials_dataframe(attrs=("value",)).columns) == ["value_loss"]
    assert list(study.trials_dataframe(attrs=("values",)).columns) == ["values_loss"]
    columns = study.trials_dataframe(attrs=("value",), multi_index=True).columns
    assert list(columns) == [("value", "loss")]


def test_a_frame_belongs_to_the_caller(study: Study) -> None:
    frame = study.trials_dataframe()
    frame["value"] = 0.0
    frame["user_attrs_u"][0]["k"] = 2
    assert study.trials[0].user_attrs == {"u": {"k": 1}} and study.best_value != 0.0
    assert study.trials_dataframe()["user_attrs_u"][0] == {"k": 1}


def test_without_pandas_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    study = told(1.0)
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setattr(frames.pandas, "_module", None)
    with pytest.raises(ImportError, match=r"skipjack\[pandas\]"):
        study.trials_dataframe()
