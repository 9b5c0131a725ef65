"""Heartbeats and callbacks of a storage, as in Optuna."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack import platform
from skipjack.records.states import TrialState
from skipjack.storages import (
    RDBStorage,
    RetryHeartbeatStaleTrialCallback,
    fail_stale_trials,
)
from skipjack.storages.sqlite import SqliteLog
from tests.storages import work
from tests.storages.crews import Crew, needs_fork
from tests.storages.test_buffer import wait_for
from tests.storages.test_leases import a_study, hearing, states

FAIL, WAITING = TrialState.FAIL, TrialState.WAITING
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


@needs_fork
def test_a_callback_of_the_storage_takes_the_place_of_the_studys_policy(
    forks: Crew, url: str
) -> None:
    a_study(url, max_retries=5)
    retry, called = RetryHeartbeatStaleTrialCallback(2), []

    def callback(study: skipjack.Study, trial: Any) -> None:
        called.append((trial.number, trial.state))
        retry(study, trial)

    study = hearing(url, heartbeat_stale_trial_callback=callback)
    xs = set()
    for number in range(3):
        answers = forks.context.Queue()  # who is killed may leave it locked
        holder = forks.start(work.hold, url, answers)
        found, x = answers.get(timeout=200)
        assert found == number
        wait_for(lambda: study.trials[-1].intermediate_values)
        holder.kill()
        holder.join(200)
        xs.add(x)
        fail_stale_trials(study)
    assert called == [(0, FAIL), (1, FAIL), (2, FAIL)]
    assert states(study) == [FAIL] * 3
    assert len(xs) == 1
    last = study.trials[2]
    assert RetryHeartbeatStaleTrialCallback.retried_trial_number(last) == 0
    assert RetryHeartbeatStaleTrialCallback.retry_history(last) == [0, 1]
    assert RetryHeartbeatStaleTrialCallback.retried_trial_number(study.trials[0]) is None
    assert RetryHeartbeatStaleTrialCallback.retry_history(study.trials[0]) == []


def test_retries_of_a_callback_begin_with_what_they_inherit() -> None:
    lost = skipjack.trial.create_trial(
        state=FAIL,
        params={"x": 0.5},
        distributions={"x": skipjack.distributions.FloatDistribution(0, 1)},
        user_attrs={"a": 1},
        system_attrs={"fail_reason": "lost", "constraints:c": 1.0},
        intermediate_values={0: 2.0},
    )
    for inherit in (False, True):
        study = skipjack.create_study()
        study.add_trial(lost)
        RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=inherit)(
            study, study.trials[0]
        )
        found = study.trials[1]
        assert (found.state, found.params, found.user_attrs) == (WAITING, {"x": 0.5}, {"a": 1})
        assert found.intermediate_values == ({0: 2.0} if inherit else {})
        assert found.system_attrs == {
            "failed_trial": 0,
            "retry_history": [0],
            "constraints:c": 1.0,
        }
        trial = study.ask()
        assert trial.suggest_float("x", 0, 1) == 0.5
        study.tell(trial, 1.0)
    with pytest.raises(ValueError, match="max_retry"):
        RetryHeartbeatStaleTrialCallback(-1)


def test_heartbeats_can_be_recorded_and_looked_up_as_in_optuna(url: str, path: Path) -> None:
    with pytest.warns(FutureWarning, match="heartbeat_stale_trial_callback"):
        storage = RDBStorage(url, heartbeat_interval=7, failed_trial_callback=print)
    assert storage.get_heartbeat_interval() == 7
    assert storage.get_heartbeat_stale_trial_callback() is print
    with pytest.warns(FutureWarning, match="get_heartbeat_stale_trial_callback"):
        assert storage.get_failed_trial_callback() is print
    study = a_study(storage)
    trial = study.ask()
    storage.record_heartbeat(trial._trial_id)
    assert SqliteLog(path).ages().keys() == {platform.worker()}
    assert storage._get_stale_trial_ids(0) == []
    event = {"do": "create", "time": 1.0, "worker": changed(platform.worker())}
    number = storage.ledger.commit(0, event)
    assert storage._get_stale_trial_ids(0) == [number]
    with pytest.raises(KeyError):
        storage.record_heartbeat(99)
    cached = skipjack.storages._CachedStorage(storage)
    assert cached._get_stale_trial_ids(0) == [number]
    assert cached.get_heartbeat_interval() == 7
    assert len(cached.get_all_trials(0)) == 2


def changed(worker: str) -> str:
    """A process of this machine that is gone: its id belongs to another one now."""
    found = platform.Worker.parse(worker)
    assert found is not None
    return str(found._replace(start="1"))
