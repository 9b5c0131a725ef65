"""One study and many processes: nothing is lost, doubled, blocked or left behind."""

from __future__ import annotations

import faulthandler
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.records.states import TrialState
from skipjack.samplers import RandomSampler
from skipjack.testing.courses import told
from tests.storages import work
from tests.storages.conftest import NewUrl
from tests.storages.crews import Crew, needs_fork

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),  # of a process with threads
    pytest.mark.timeout(600),
]


@pytest.fixture
def url(new_url: NewUrl) -> str:
    return new_url()


def new_study(url: str, **options: Any) -> skipjack.Study:
    return skipjack.create_study(
        storage=url, study_name="study", sampler=RandomSampler(), **options
    )


def seen_by_all(url: str) -> list[Any]:
    """The trials as a new process sees them, and this one too."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        there = pool.apply(all_trials, (url,))
    here = all_trials(url)
    assert [told(t) for t in there] == [told(t) for t in here]
    return here


def all_trials(url: str) -> list[Any]:
    return work.opened(url).trials


def is_whole(trials: list[Any]) -> None:
    """Numbers are dense, and whatever is complete has the value of its parameters."""
    assert [t.number for t in trials] == list(range(len(trials)))
    for trial in trials:
        if trial.state is TrialState.COMPLETE:
            assert trial.value == work.value_of(trial.params)
            assert trial.intermediate_values == {s: trial.params["x"] * s for s in range(3)}


# ------------------------------------------------------------------------------- many at once


def test_processes_share_a_study_without_gaps_losses_or_errors(crew: Crew, url: str) -> None:
    study = new_study(url)
    study.optimize(work.objective, n_trials=3)  # so that a connection is open when it is carried
    barrier = crew.context.Barrier(4)
    for carried in (study, study, url, url):
        crew.start(work.optimize, carried, 25, barrier)
    crew.join()
    trials = seen_by_all(url)
    is_whole(trials)
    assert Counter(t.state for t in trials) == {TrialState.COMPLETE: 103}
    pids = Counter(t.user_attrs["pid"] for t in trials)
    assert sorted(pids.values()) == [3, 25, 25, 25, 25]


def test_a_study_that_all_make_at_once_is_made_once(crew: Crew, new_url: NewUrl) -> None:
    for _ in range(3 if crew.context.get_start_method() == "fork" else 1):
        url = new_url()
        barrier, answers = crew.context.Barrier(8), crew.context.Queue()
        for _ in range(8):
            crew.start(work.create, url, barrier, answers)
        assert [answers.get(timeout=200) for _ in range(8)] == [0] * 8
        crew.join()
        assert skipjack.get_all_study_names(url) == ["study"]
        trials = skipjack.load_study(study_name="study", storage=url).trials
        assert [t.state for t in trials] == [TrialState.WAITING] * 8


def test_a_trial_is_asked_for_here_and_told_there(crew: Crew, url: str) -> None:
    study = new_study(url)
    trials = [study.ask() for _ in range(3)]
    xs = [trial.suggest_float("x", 0, 1) for trial in trials]
    for trial in reversed(trials):
        crew.start(work.tell, url, trial.number, float(trial.number)).join(200)
    crew.join()
    assert [t.value for t in study.trials] == [0.0, 1.0, 2.0]
    assert [t.params["x"] for t in study.trials] == xs
    for trial in trials:
        with pytest.raises(ValueError, match="told already"):
            study.tell(trial, 5.0)


# --------------------------------------------------------------------------- those who are killed


def test_a_trial_that_was_only_asked_for_outlives_its_process(crew: Crew, url: str) -> None:
    study = new_study(url)
    answers = crew.context.Queue()
    asker = crew.start(work.ask, url, answers)
    number, x = answers.get(timeout=200)
    asker.join(200)
    assert asker.exitcode == -signal.SIGKILL
    study.optimize(work.objective, n_trials=3)
    found = study.trials[number]
    assert (found.state, found.params) == (TrialState.RUNNING, {"x": x})
    study.tell(number, 1.0)
    assert study.trials[number].value == 1.0


def test_a_killed_trial_fails_with_a_reason_and_is_tried_again_as_often_as_allowed(
    forks: Crew, url: str
) -> None:
    study = new_study(url, max_retries=2)
    answers = forks.context.Queue()
    held = []
    for _ in range(3):
        holder = forks.start(work.hold, url, answers)
        held.append(answers.get(timeout=200))
        deadline = time.monotonic() + 200
        while not study.trials[held[-1][0]].intermediate_values:  # until the buffer is written
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert study.trials[held[-1][0]].state is TrialState.RUNNING
        holder.kill()
        holder.join(200)
    trial = study.ask()
    trials = study.trials
    assert [number for number, _ in held] == [0, 1, 2]
    assert len({x for _, x in held}) == 1, "a retry has the same parameters"
    for number in range(3):
        found = trials[number]
        assert found.state is TrialState.FAIL
        assert "died" in found.system_attrs["fail_reason"]
        assert found.params == {"x": held[0][1]}
        assert found.user_attrs == {"note": work.HOLDS}
        assert found.intermediate_values == {0: held[0][1]}
    assert trials[2].system_attrs["retry_history"] == [0, 1]
    assert trials[2].system_attrs["failed_trial"] == 0
    assert (trial.number, len(trials)) == (3, 4)
    assert "retry_history" not in trials[3].system_attrs


def test_a_study_may_forbid_retries(forks: Crew, url: str) -> None:
    study = new_study(url, max_retries=0)
    answers = forks.context.Queue()
    holder = forks.start(work.hold, url, answers)
    answers.get(timeout=200)
    holder.kill()
    holder.join(200)
    trial = study.ask()
    assert [t.state for t in study.trials] == [TrialState.FAIL, TrialState.RUNNING]
    assert "failed_trial" not in study.trials[trial.number].system_attrs


def test_a_worker_that_lives_keeps_its_trial(forks: Crew, url: str) -> None:
    study = new_study(url)
    answers = forks.context.Queue()
    holder = forks.start(work.hold, url, answers)
    answers.get(timeout=200)
    study.optimize(work.objective, n_trials=5)
    assert study.trials[0].state is TrialState.RUNNING
    os.kill(holder.pid, signal.SIGSTOP)  # suspended is not dead
    time.sleep(0.3)
    study.optimize(work.objective, n_trials=5)
    assert study.trials[0].state is TrialState.RUNNING
    assert [t.number for t in study.trials] == list(range(11))


def told_in(diary: str) -> list[str]:
    return Path(diary).read_text().splitlines() if os.path.exists(diary) else []


def until_told(diary: str, n: int) -> None:
    """Wait until the workers have told so many trials, however slow this machine is."""
    deadline = time.monotonic() + 200
    while len(told_in(diary)) < n:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def survive(crew: Crew, url: str, diary: str, kills: int, retries: int) -> Counter[str]:
    """Kill workers at random moments, and check that the study is what they said it was."""
    chance = random.Random(kills)
    study = new_study(url, max_retries=retries)
    study.optimize(work.objective, n_trials=1)
    workers = [crew.start(work.work_until_killed, url, diary) for _ in range(3)]
    for kill in range(kills):
        until_told(diary, kill + 1)
        time.sleep(chance.expovariate(1 / 0.05))
        victim = chance.randrange(len(workers))
        workers[victim].kill()
        workers[victim].join(200)
        assert workers[victim].exitcode == -signal.SIGKILL, "a worker had ended by itself"
        workers[victim] = crew.start(work.work_until_killed, url, diary)
    for worker in workers:
        worker.kill()
        worker.join(200)
    study.optimize(work.objective, n_trials=1 + len(workers) * (retries + 1))

    trials = seen_by_all(url)
    is_whole(trials)
    lines = told_in(diary)
    for number, value, params in map(json.loads, lines):
        assert (trials[number].value, trials[number].params) == (value, params)
    states = Counter(t.state for t in trials)
    assert not states[TrialState.RUNNING]
    assert not states[TrialState.WAITING]
    for trial in trials:
        if trial.state is TrialState.FAIL:
            assert "died" in trial.system_attrs["fail_reason"]
        past = trial.system_attrs.get("retry_history", [])
        assert len(past) <= retries
        for number in past:
            assert number < trial.number
            assert trials[number].state is TrialState.FAIL
            assert trials[number].params.items() <= trial.params.items() or not trial.params
    return Counter(told=len(lines), trials=len(trials), failed=states[TrialState.FAIL])


@needs_fork
def test_twenty_kills_lose_nothing(forks: Crew, url: str, tmp_path: Path) -> None:
    found = survive(forks, url, str(tmp_path / "told"), kills=20, retries=1)
    assert found["told"] >= 20


@needs_fork
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_hundreds_of_kills_lose_nothing(
    forks: Crew, url: str, tmp_path: Path, retries: int
) -> None:
    found = survive(forks, url, str(tmp_path / "told"), kills=400, retries=retries)
    print(f"400 kills, {retries} retries: {dict(found)}")
    assert found["told"] >= 400


# ------------------------------------------------------------------------------------------ fork


def in_a_child(act: Callable[[], Any]) -> None:
    """Do something in a forked child, which must end well; one that hangs shows where."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            faulthandler.dump_traceback_later(200, exit=True, file=sys.__stderr__)
            act()
            code = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@needs_fork
def test_forks_amid_the_writes_of_other_threads_hang_and_lose_nothing(url: str) -> None:
    study, forked = new_study(url), []

    def forking(trial: skipjack.Trial) -> float:
        value = work.objective(trial)
        if trial.number % 5 == 0:
            in_a_child(lambda: work.optimize(url, 2))
            forked.append(trial.number)
        return value

    study.optimize(forking, n_trials=60, n_jobs=4)
    assert forked
    trials = seen_by_all(url)
    is_whole(trials)
    assert Counter(t.state for t in trials) == {TrialState.COMPLETE: 60 + 2 * len(forked)}


@needs_fork
def test_forks_amid_the_writes_of_a_study_in_memory_go_on_with_a_whole_copy() -> None:
    study = skipjack.create_study(sampler=RandomSampler())
    study.optimize(work.objective, n_trials=1)  # imports in threads do not go with forks anywhere
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            study.tell(study.ask(), 1.0)
            time.sleep(1e-3)

    def check() -> None:
        trials = study.trials
        assert [t.number for t in trials] == list(range(len(trials)))
        assert sum(t.state is TrialState.RUNNING for t in trials) <= 3
        study.optimize(work.objective, n_trials=3)

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            in_a_child(check)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    before = len(study.trials)
    study.optimize(work.objective, n_trials=1)
    assert len(study.trials) == before + 1, "what a child does stays in the child"


@needs_fork
def test_a_trial_that_a_forked_child_inherits_writes_through(url: str) -> None:
    study = new_study(url)

    def shared(trial: skipjack.Trial) -> float:
        x = trial.suggest_float("x", -1, 1)
        trial.report(x, 0)

        def child() -> None:
            trial.report(2 * x, 1)
            trial.set_user_attr("child", trial.suggest_int("k", 0, 9))
            found = study.trials[trial.number]
            assert found.intermediate_values == {0: x, 1: 2 * x}
            assert found.user_attrs["child"] == found.params["k"]

        in_a_child(child)
        found = study.trials[trial.number]
        assert found.intermediate_values == {0: x, 1: 2 * x}
        assert found.user_attrs["child"] == found.params["k"]
        assert found.params["x"] == x
        return x

    study.optimize(shared, n_trials=3)
    trials = seen_by_all(url)
    assert [list(t.params) for t in trials] == [["x", "k"]] * 3
    assert all(t.intermediate_values == {0: t.value, 1: 2 * t.value} for t in trials)


@needs_fork
def test_a_child_that_outlives_its_parent_loses_nothing(url: str, tmp_path: Path) -> None:
    # SQLite's locks belong to processes: a child that went on with its parent's connection
    # would write into a file that others, once the parent is gone, take for nobody's.
    new_study(url)
    go = tmp_path / "go"
    code = f"from tests.storages.work import orphan; orphan({url!r}, {str(go)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200, cwd=ROOT)
    for _ in range(3):
        seen_by_all(url)  # opens and closes, as the last one it knows of
    go.touch()
    deadline = time.monotonic() + 200
    while len(all_trials(url)) < 14 or all_trials(url)[-1].state is TrialState.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    trials = seen_by_all(url)
    is_whole(trials)
    assert Counter(t.state for t in trials) == {TrialState.COMPLETE: 14}
