"""Ctrl-C: the objective stops at once, nothing stays half done, and the study goes on later."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import skipjack
from skipjack.samplers import BaseSampler, RandomSampler, TPESampler
from skipjack.storages import BaseStorage
from skipjack.study import Study
from skipjack.trial import Trial, TrialState
from tests.execution.own import Middle
from tests.studies import a_study

COMPLETE, FAIL = TrialState.COMPLETE, TrialState.FAIL
ROOT = Path(__file__).parents[2]
PACKAGE = str(Path(skipjack.__file__).parent)


@pytest.fixture(autouse=True)
def default_handler() -> Any:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # "ignored" behind nohup
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def objective(trial: Trial) -> float:
    x = trial.suggest_float("x", 0, 1)
    trial.suggest_int("i", 0, 3)
    trial.report(x, 1)
    trial.should_prune()
    trial.set_user_attr("k", x)
    return x


def interrupted_at(line: int, run: Callable[[], None]) -> bool:
    """Run, with a SIGINT when so many lines of ours have begun; False if there are fewer."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            count += 1
            if count == line:
                signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return count >= line


def is_sound(study: Study) -> bool:
    """Whether every trial has ended, and the complete ones have all that they were given."""
    trials = study.trials
    assert [t.number for t in trials] == list(range(len(trials)))
    assert len(study.history) == len(trials)
    for trial in trials:
        assert trial.state in (COMPLETE, FAIL)
        if trial.state == COMPLETE:
            assert list(trial.params) == ["x", "i"] and trial.user_attrs == {"k": trial.value}
            assert (
                trial.intermediate_values == {1: trial.value} and trial.value == trial.params["x"]
            )
        else:
            assert trial.system_attrs["fail_reason"] == "KeyboardInterrupt()"
    return True


@pytest.mark.parametrize(
    ("sampler", "step"), [(RandomSampler(seed=1), 1), (Middle(), 3), (TPESampler(seed=1), 5)]
)
def test_no_line_of_ours_is_a_bad_moment(
    storage: BaseStorage, sampler: BaseSampler, step: int
) -> None:
    study = a_study(storage, sampler)
    study.optimize(objective, n_trials=12)  # so that everything is loaded and TPE begins
    line, done = 1, 12
    while interrupted_at(line, lambda: study.optimize(objective, n_trials=2)):
        line += step * (7 if study._ledger.shared else 1)
        found = study.get_trials(deepcopy=False)
        assert {t.state for t in found[done:]} <= {COMPLETE, FAIL}
        done = len(found)
    assert line > 100 and is_sound(study)
    assert study.best_trial in study.trials
    study.optimize(objective, n_trials=2)
    assert [t.state for t in study.trials[-2:]] == [COMPLETE, COMPLETE]


def test_an_interrupt_in_the_objective_stops_it_there() -> None:
    study = a_study()
    reached: list[str] = []

    def interrupted(trial: Trial) -> float:
        trial.suggest_float("x", 0, 1)
        reached.append("before")
        signal.raise_signal(signal.SIGINT)
        reached.append("after")
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        study.optimize(interrupted, n_trials=3)
    assert reached == ["before"]
    (trial,) = study.trials
    assert trial.state == FAIL and list(trial.params) == ["x"]
    assert trial.system_attrs == {"fail_reason": "KeyboardInterrupt()"}


def test_an_interrupt_in_a_callback_loses_no_trial() -> None:
    study = a_study()
    with pytest.raises(KeyboardInterrupt):
        study.optimize(
            objective, n_trials=3, callbacks=[lambda s, t: signal.raise_signal(signal.SIGINT)]
        )
    assert [t.state for t in study.trials] == [COMPLETE]


def test_an_interrupt_in_our_code_waits_for_the_next_trial_and_three_do_not() -> None:
    class Interrupted(Middle):
        times = 1

        def sample_independent(self, *arguments: Any) -> Any:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)
            return super().sample_independent(*arguments)

    study = a_study(sampler=Interrupted())
    with pytest.raises(KeyboardInterrupt):
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=9)
    assert [t.state for t in study.trials] == [COMPLETE]
    with pytest.raises(KeyboardInterrupt):
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    assert [t.state for t in study.trials] == [COMPLETE] * 2
    Interrupted.times = 3
    with pytest.raises(KeyboardInterrupt):
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=9)
    assert [t.state for t in study.trials] == [COMPLETE] * 2 + [FAIL]


def test_a_handler_of_the_users_own_is_left_alone() -> None:
    heard: list[int] = []

    def handler(number: int, frame: Any) -> None:
        heard.append(number)

    signal.signal(signal.SIGINT, handler)
    try:

        def raises(trial: Trial) -> float:
            assert signal.getsignal(signal.SIGINT) is handler
            signal.raise_signal(signal.SIGINT)
            return 1.0

        study = a_study()
        study.optimize(raises, n_trials=2)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert heard == [signal.SIGINT] * 2 and len(study.trials) == 2


def test_a_run_in_another_thread_touches_no_handler() -> None:
    seen: list[Any] = []

    def looks(trial: Trial) -> float:
        seen.append(signal.getsignal(signal.SIGINT))
        return 1.0

    study = a_study()
    thread = threading.Thread(target=lambda: study.optimize(looks, n_trials=2, n_jobs=2))
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler] * 2


def test_a_run_within_a_run_is_interrupted_with_it() -> None:
    inner, outer = a_study(), a_study()

    def nested(trial: Trial) -> float:
        inner.optimize(interrupted, n_trials=2)
        return 1.0

    def interrupted(trial: Trial) -> float:
        if trial.number == 1:
            signal.raise_signal(signal.SIGINT)
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        outer.optimize(nested, n_trials=2)
    assert [t.state for t in inner.trials] == [COMPLETE, FAIL]
    assert [t.state for t in outer.trials] == [FAIL]


CHILD = """
import os, sys, time
import skipjack

skipjack.logging.set_verbosity(skipjack.logging.ERROR)
study = skipjack.create_study(storage=sys.argv[1], study_name="s", load_if_exists=True)

def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    if trial.number >= 4:
        os.write(1, b"ready\\n")
        time.sleep(1.0 if int(sys.argv[2]) > 1 else 200.0)
    return x

try:
    study.optimize(objective, n_trials=1000, n_jobs=int(sys.argv[2]))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_program_that_was_interrupted_goes_on_when_it_is_run_again(
    tmp_path: Path, n_jobs: int
) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(n_jobs)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ) as child:
        assert child.stdout is not None
        for _ in range(n_jobs):
            assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=200)
    assert out.splitlines()[-1] == "interrupted" and child.returncode == 0
    study = skipjack.load_study(study_name="s", storage=url)
    states = [t.state for t in study.trials]
    assert states[:4] == [COMPLETE] * 4
    assert states[4:] == ([FAIL] if n_jobs == 1 else [COMPLETE] * (len(states) - 4))
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)
    assert [t.number for t in study.trials] == list(range(len(states) + 2))
