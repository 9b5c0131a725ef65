"""The benchmark of recommendations runs, and keeps what it says it keeps."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    not (Path(__file__).parents[2] / "benchmarks").is_dir(), reason="benchmarks are not here"
)


@pytest.fixture
def recommend() -> Any:
    """The benchmark."""
    return importlib.import_module("benchmarks.recommend")


def test_the_sets_of_tasks_have_none_in_common(recommend: Any) -> None:
    assert not set(recommend.TUNED) & set(recommend.HELDOUT)
    models = {task.model for task in (*recommend.TUNED, *recommend.HELDOUT)}
    assert len(models) >= 7


@pytest.mark.slow
def test_a_run_is_kept_and_judged(recommend: Any, require: Callable[..., None]) -> None:
    require("sklearn")
    task = recommend.Task("moons", 40, "tree", "error")
    made = json.loads(json.dumps(recommend.run(task, "random", 0)))
    assert len(made["tests"]) == len(made["trials"]) == recommend.N_TRIALS
    found = recommend.regrets(made, folds=True)
    assert found is not None and found.keys() == recommend.CHOICES.keys()
    study = recommend.study_of(made, folds=True)
    best = made["tests"][study.best_trial.number]
    assert found["best value"][1] == (best > made["tests"][0])
    assert found["best value"][2:] == (False, False)
    assert len(study.trials[0].metrics) == recommend.FOLDS
