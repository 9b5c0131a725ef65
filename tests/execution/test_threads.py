"""`n_jobs`: threads that share a study."""

import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from skipjack.samplers import RandomSampler, TPESampler
from skipjack.storages import BaseStorage
from skipjack.study import Study
from skipjack.trial import Trial, TrialState, create_trial
from tests.execution.own import Middle
from tests.studies import KINDS, a_study, storage_of

COMPLETE = TrialState.COMPLETE


def test_threads_run_trials_at_the_same_time_under_standard_names() -> None:
    barrier = threading.Barrier(4, timeout=200)
    names: set[str] = set()

    def objective(trial: Trial) -> float:
        barrier.wait()
        names.add(threading.current_thread().name)
        return 1.0

    a_study().optimize(objective, n_trials=8, n_jobs=4)
    assert len(names) == 4
    assert all(re.fullmatch(r"ThreadPoolExecutor-\d+_[0-3]", name) for name in names)


def test_one_job_runs_in_the_thread_of_the_caller() -> None:
    threads: list[Any] = []
    a_study().optimize(lambda t: threads.append(threading.current_thread()) or 1.0, n_trials=1)
    assert threads == [threading.current_thread()]


def test_minus_one_is_a_thread_per_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    barrier = threading.Barrier(3, timeout=200)
    a_study().optimize(lambda t: float(barrier.wait()), n_trials=3, n_jobs=-1)


@pytest.mark.parametrize("sampler", [RandomSampler(), TPESampler(), Middle()])
def test_numbers_are_given_once_and_nothing_is_lost(storage: BaseStorage, sampler: Any) -> None:
    study = a_study(storage, sampler)
    seen: list[int] = []

    def objective(trial: Trial) -> float:
        seen.append(trial.number)
        x = trial.suggest_float("x", 0, 1)
        trial.report(x, 0)
        trial.set_user_attr("x", x)
        return x

    called: list[int] = []
    study.optimize(
        objective, n_trials=40, n_jobs=8, callbacks=[lambda s, t: called.append(t.number)]
    )
    assert sorted(seen) == sorted(called) == list(range(40))
    for trial in study.trials:
        assert trial.state == COMPLETE
        assert trial.value == trial.params["x"] == trial.user_attrs["x"]
        assert trial.intermediate_values == {0: trial.value}


@pytest.mark.parametrize("storage_url", [None, "sqlite"])
def test_two_handles_in_two_threads_fill_one_study(storage_url: Any, tmp_path: Any) -> None:
    where: Any = f"sqlite:///{tmp_path / 'a.db'}" if storage_url else a_study()._storage
    studies = [a_study(where, study_name="s", load_if_exists=True) for _ in range(2)]

    def objective(trial: Trial) -> float:
        return trial.suggest_float("x", 0, 1)

    threads = [
        threading.Thread(target=s.optimize, args=(objective,), kwargs={"n_trials": 20})
        for s in studies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [t.number for t in studies[0].trials] == list(range(40))
    assert studies[0].trials == studies[1].trials


def test_the_first_error_ends_the_run_when_the_trials_that_run_have_ended() -> None:
    study = a_study()
    started = threading.Barrier(2, timeout=200)

    def objective(trial: Trial) -> float:
        if trial.number < 2:
            started.wait()
        if trial.number == 0:
            raise ValueError("boom")
        time.sleep(0.05)
        return 1.0

    with pytest.raises(ValueError, match="boom"):
        study.optimize(objective, n_trials=1000, n_jobs=2)
    assert study.trials[0].state == TrialState.FAIL
    assert {t.state for t in study.trials[1:]} == {COMPLETE} and len(study.trials) < 1000


def test_an_objective_may_use_threads_of_its_own() -> None:
    def objective(trial: Trial) -> float:
        threads = [
            threading.Thread(target=trial.suggest_float, args=(f"x{i}", 0, 1)) for i in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(trial.params.values())

    study = a_study()
    study.optimize(objective, n_trials=5, n_jobs=2)
    assert all(sorted(t.params) == ["x0", "x1", "x2", "x3"] for t in study.trials)


def test_results_can_be_read_while_a_run_goes_on(storage: BaseStorage) -> None:
    study = a_study(storage)
    errors: list[Exception] = []
    done = threading.Event()

    def read(reader: Study) -> None:
        while not done.is_set():
            try:
                trials = reader.trials
                assert [t.number for t in trials] == list(range(len(trials)))
                if any(t.state == COMPLETE for t in trials):
                    assert reader.best_value <= max(t.value or 0.0 for t in trials)
                    assert reader.best_trials and reader.get_trials(deepcopy=False)
                time.sleep(0.001)
            except Exception as error:
                errors.append(error)
                return

    thread = threading.Thread(target=read, args=(study,))
    thread.start()
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=60, n_jobs=2)
    done.set()
    thread.join()
    assert errors == []


class Slow(RandomSampler):
    """Waits in the middle of a proposal, and looks at the history before and after."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go = threading.Event(), threading.Event()
        self.seen: list[tuple[int, float]] = []

    def propose(self, history: Any, space: Any, stream: Any, given: Any) -> Any:
        for is_second in (False, True):
            self.seen.append((len(history), float(history.losses.sum())))
            if not is_second:
                self.reached.set()
                assert self.go.wait(200)
        return super().propose(history, space, stream, given)


@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_sampler_keeps_no_result_waiting_and_sees_one_moment(
    kind: str, tmp_path: Path
) -> None:
    study = a_study(storage_of(kind, tmp_path))
    trials = [study.ask() for _ in range(3)]
    study.tell(trials[0], 1.0)
    study.sampler = slow = Slow()
    asking = threading.Thread(target=lambda: trials.append(study.ask()))
    asking.start()
    assert slow.reached.wait(200)
    trials[1].report(0.5, 0)
    study.tell(trials[1], 2.0)
    study.tell(trials[2], 3.0)
    assert [t.value for t in study.trials] == [1.0, 2.0, 3.0]
    study.add_trial(create_trial(value=4.0))  # takes the number that was expected
    slow.go.set()
    asking.join(200)
    assert slow.seen == [(1, 1.0)] * 4, "the second proposal is for another number"
    assert trials[3].number == 4
    assert study.best_value == 1.0
