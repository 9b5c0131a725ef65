"""Exact totals: `n_trials_total` is reached and not passed, whoever works on a study."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.records.states import TrialState
from skipjack.storages import (
    InMemoryStorage,
)
from tests.storages import work
from tests.storages.crews import Crew, needs_fork
from tests.storages.test_leases import a_study, states

COMPLETE, FAIL = TrialState.COMPLETE, TrialState.FAIL
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_total_is_reached_and_not_passed(kind: str, url: str) -> None:
    study = a_study(InMemoryStorage() if kind == "memory" else url)
    study.optimize(work.objective, n_trials=3)
    study.enqueue_trial({"x": 0.25})
    study.optimize(work.objective, n_trials_total=6)
    assert states(study) == [COMPLETE] * 6
    assert study.trials[3].params["x"] == 0.25
    study.optimize(work.objective, n_trials_total=6)
    assert len(study.trials) == 6
    study.enqueue_trial({"x": 0.75})  # beyond the total, but somebody wants it
    study.optimize(work.objective, n_trials_total=6)
    assert states(study) == [COMPLETE] * 7
    study.optimize(work.objective, n_trials=2, n_trials_total=100)
    assert len(study.trials) == 9
    study.optimize(work.objective, n_trials_total=29, n_jobs=4)
    assert states(study) == [COMPLETE] * 29
    study.optimize(work.objective, n_trials_total=0)
    assert len(study.trials) == 29


def test_a_total_holds_for_users_samplers_too() -> None:
    class Mine(skipjack.samplers.BaseSampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            return {}

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
            return {}

        def sample_independent(self, study: Any, trial: Any, name: str, dist: Any) -> Any:
            return dist.to_external_repr(dist.at(0.5))

    study = skipjack.create_study(sampler=Mine())
    study.optimize(work.objective, n_trials_total=4, n_jobs=3)
    assert len(study.trials) == 4


def test_many_processes_reach_a_total_exactly(crew: Crew, url: str) -> None:
    study, barrier = a_study(url), crew.context.Barrier(8)
    for _ in range(8):
        crew.start(work.share, url, 60, barrier)
    crew.join()
    assert states(study) == [COMPLETE] * 60
    assert len(Counter(t.user_attrs["pid"] for t in study.trials)) == 8


@needs_fork
def test_a_retry_takes_a_number_of_the_total_and_is_left_out_when_there_is_none(
    forks: Crew, url: str
) -> None:
    study = a_study(url)
    for number, total in ((0, 5), (5, 6)):
        answers = forks.context.Queue()  # who is killed may leave it locked
        holder = forks.start(work.hold, url, answers)
        assert answers.get(timeout=200)[0] == number
        holder.kill()
        holder.join(200)
        time.sleep(0.15)  # longer than a look for the dead lasts
        study.optimize(work.objective, n_trials_total=total)
        assert len(study.trials) == total
    assert states(study) == [FAIL, *[COMPLETE] * 4, FAIL]
    assert study.trials[1].system_attrs["retry_history"] == [0]


def test_a_total_is_a_whole_number() -> None:
    with pytest.raises(TypeError, match="n_trials_total"):
        skipjack.create_study().optimize(work.objective, n_trials_total="many")  # type: ignore[arg-type]
