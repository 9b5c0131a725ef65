"""Attributes and metric names of a study, and the names that companions use."""

import warnings
from typing import Any

import pytest

import skipjack
from skipjack.storages import BaseStorage
from skipjack.trial import TrialState
from tests.studies import a_study, told


def test_attributes_are_kept_with_the_study(storage: BaseStorage) -> None:
    study = a_study(storage, study_name="s")
    study.set_user_attr("k", {"a": [1, None, "ü"]})
    study.set_user_attr("n", 1)
    study.set_user_attr("n", 2)
    again = skipjack.load_study(study_name="s", storage=storage)
    assert again.user_attrs == {"k": {"a": [1, None, "ü"]}, "n": 2}


def test_metric_names_are_kept_with_the_study(storage: BaseStorage) -> None:
    study = a_study(storage, study_name="s", directions=["minimize", "maximize"])
    assert study.metric_names is None
    study.set_metric_names(("loss", "gain"))  # type: ignore[arg-type]
    again = skipjack.load_study(study_name="s", storage=storage)
    assert again.metric_names == study.metric_names == ["loss", "gain"]
    system = study._storage.get_study_system_attrs(study._study_id)
    assert system == {"study:metric_names": ["loss", "gain"]}
    study.metric_names.append("x")
    assert study.metric_names == ["loss", "gain"]


@pytest.mark.parametrize(
    ("names", "error"),
    [
        (["a"], ValueError),
        (["a", "b", "c"], ValueError),
        ([], ValueError),
        ("ab", TypeError),
        (3, TypeError),
        (None, TypeError),
        ([1, 2], TypeError),
    ],
)
def test_there_is_a_name_per_objective(names: Any, error: type[Exception]) -> None:
    study = a_study(directions=["minimize", "maximize"])
    with pytest.raises(error, match="`metric_names` must"):
        study.set_metric_names(names)
    assert study.metric_names is None


def test_naming_metrics_is_no_experiment_and_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a_study().set_metric_names(["loss"])


def test_companions_find_optunas_private_names(storage: BaseStorage) -> None:
    study = told(1.0, study=a_study(storage))
    trial = study.ask()
    assert study._storage is trial.storage and trial.study is study
    assert study._storage.get_study_name_from_id(study._study_id) == study.study_name
    assert study._storage.get_trial(trial._trial_id).number == 1
    assert study._get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) == study.trials[:1]
    assert study._is_multi_objective() is False
    assert study._directions == study.directions
    assert not getattr(study._thread_local, "in_optimize_loop", False)
    assert trial._relative_params == trial.relative_params == {}
    study._storage.set_trial_system_attr(trial._trial_id, "k", [1])
    assert study.trials[1].system_attrs == {"k": [1]}


def test_directions_are_a_copy() -> None:
    study = a_study()
    study.directions.clear()
    assert len(study.directions) == 1
