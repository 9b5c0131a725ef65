"""What every storage must keep of named metrics, and of reports of several objectives."""

from __future__ import annotations

import math
from typing import Any
from uuid import uuid4

from skipjack.records.states import StudyDirection, TrialState
from skipjack.storages import BaseStorage
from skipjack.study import Study, copy_study, create_study, load_study
from skipjack.testing.courses import Reopen
from skipjack.testing.logs import FLOATS, bits


def copied_to(storage: BaseStorage, study: Study) -> Study:
    """A copy of a study under another name."""
    name = f"{study.study_name} {uuid4()}"
    copy_study(
        from_study_name=study.study_name,
        from_storage=study._storage,
        to_storage=storage,
        to_study_name=name,
    )
    return load_study(study_name=name, storage=storage)


def check_metrics(storage: BaseStorage, reopen: Reopen, directions: list[StudyDirection]) -> None:
    """Check that they come back to the bit, also from another handle and from a copy."""
    study = create_study(storage=storage, directions=directions, study_name="metrics")
    reports: dict[int, Any] = {2: math.nan, 0: -0.0}
    if len(directions) > 1:
        reports = {2: [math.nan, 1 / 3], 0: [-0.0, math.inf]}
    metrics = {"acc": {3: 1 / 3, 1: math.nan}, "é": dict(enumerate(FLOATS))}
    for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING):
        trial = study.ask()
        for step, value in reports.items():
            trial.report(value, step)
        for name, values in metrics.items():
            for step, value in values.items():
                trial.log({name: value}, step)
        if state is not TrialState.RUNNING:
            told = [1.0] * len(directions) if state is TrialState.COMPLETE else None
            study.tell(trial, told, state)
    copies = [copied_to(kept, study) for kept in (storage, reopen())]
    for kept in (study, load_study(study_name="metrics", storage=reopen()), *copies):
        for frozen in kept.trials:
            assert bits(frozen.intermediate_values) == bits(reports), frozen.state
            assert bits(frozen.metrics) == bits(metrics), frozen.state
            assert frozen.system_attrs.keys().isdisjoint(["metrics:acc", "reports"])
