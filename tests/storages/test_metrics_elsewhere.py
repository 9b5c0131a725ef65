"""Metrics and reports of several objectives where storages have no place of their own for them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.records.attributes import packed, unpacked
from skipjack.storages import InMemoryStorage
from skipjack.storages.leases import _retry
from skipjack.study import Study
from skipjack.testing.logs import bits
from tests.conftest import Require
from tests.studies import a_study

METRICS = {"acc": {3: 0.5, 1: math.nan}, "é": {0: -0.0}}
REPORTS = {2: [1.0, math.nan], 0: [math.inf, 2.0]}


def made(storage: Any = None) -> Study:
    study = a_study(storage, directions=["minimize", "maximize"], study_name="metrics")
    for _ in range(2):
        trial = study.ask()
        for step, values in REPORTS.items():
            trial.report(values, step)
        for name, logged in METRICS.items():
            for step, value in logged.items():
                trial.log({name: value}, step)
    study.tell(0, [1.0, 2.0])
    return study


def check(study: Study) -> None:
    assert len(study.trials) == 2
    for trial in study.trials:
        assert bits(trial.intermediate_values) == bits(REPORTS)
        assert bits(trial.metrics) == bits(METRICS)
        assert trial.system_attrs == {}


@pytest.mark.parametrize("url", ["optuna+sqlite:///{}.db", "optuna+journal:///{}.log"])
def test_they_survive_a_stay_with_optuna(tmp_path: Path, url: str, require: Require) -> None:
    if "sqlite" in url:
        require("sqlalchemy")
    there = url.format(tmp_path / "theirs")
    skipjack.copy_study(from_study_name="metrics", from_storage=made()._storage, to_storage=there)
    check(skipjack.load_study(study_name="metrics", storage=there))
    back = InMemoryStorage()
    skipjack.copy_study(from_study_name="metrics", from_storage=there, to_storage=back)
    check(skipjack.load_study(study_name="metrics", storage=back))


def test_an_attribute_that_only_looks_like_metrics_stays_one() -> None:
    odd = {"metrics:a": "text", "metrics:b": [[0, "x"]], "metrics:c": [[0.5, 1.0]], "reports": [1]}
    assert unpacked({}, odd) == ({}, {}, odd)
    study = a_study()
    study.add_trial(skipjack.create_trial(value=1.0, system_attrs=odd))
    assert study.trials[0].system_attrs == odd and study.trials[0].metrics == {}
    numbers, system = packed({0: 1.0, 1: [2.0, 3.0]}, {"a": {0: 1.0}})
    assert numbers == {0: 1.0} and unpacked(numbers, system)[0] == {0: 1.0, 1: [2.0, 3.0]}
    assert unpacked({}, system)[1:] == ({"a": {0: 1.0}}, {})


def test_attributes_that_hold_metrics_become_those() -> None:
    storage = InMemoryStorage()
    study = storage.create_new_study([skipjack.study.StudyDirection.MINIMIZE], "x")
    trial = storage.create_new_trial(study)
    storage.set_trial_system_attr(trial, "metrics:a", [[0, 1.0], [1, 2.0]])
    found = storage.get_trial(trial)
    assert found.metrics == {"a": {0: 1.0, 1: 2.0}} and found.system_attrs == {}


def test_a_retry_begins_with_the_metrics_of_before_if_that_is_asked_for() -> None:
    study = made()
    state = study._ledger.study(study._study_id)
    content = _retry(state.open[1], state, reports=True)
    assert bits(content["metrics"]) == bits({n: list(of.items()) for n, of in METRICS.items()})
    assert "metrics" not in _retry(state.open[1], state, reports=False)
    callback = skipjack.storages.RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=True)
    callback(study, study.trials[1])
    assert bits(study.trials[2].metrics) == bits(METRICS)
    assert bits(study.trials[2].intermediate_values) == bits(REPORTS)
