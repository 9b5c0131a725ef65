"""What the processes of the tests do; a module of its own, so that spawned ones can import it."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from typing import Any

import skipjack
from skipjack import platform
from skipjack.pruners import NopPruner
from skipjack.samplers import RandomSampler

HOLDS = "the process holds this trial"


def value_of(params: dict[str, Any]) -> float:
    return float(params["x"] / 3 + params["k"] * 1e-3 + (params["c"] == "b"))


def objective(trial: skipjack.Trial) -> float:
    x = trial.suggest_float("x", -1, 1)
    k = trial.suggest_int("k", 0, 9)
    c = trial.suggest_categorical("c", ["a", "b"])
    for step in range(3):
        trial.report(x * step, step)
    trial.set_user_attr("pid", os.getpid())
    return value_of({"x": x, "k": k, "c": c})


def opened(url: str, name: str = "study") -> skipjack.Study:
    skipjack.logging.set_verbosity(skipjack.logging.ERROR)
    return skipjack.load_study(
        study_name=name, storage=url, sampler=RandomSampler(), pruner=NopPruner()
    )


def optimize(study: Any, n_trials: int, barrier: Any = None) -> None:
    """Run trials of a study that was carried into this process, or of one at a URL."""
    if barrier is not None:
        barrier.wait(200)
    study = opened(study) if isinstance(study, str) else study
    study.optimize(objective, n_trials=n_trials)


def create(url: str, barrier: Any, answers: Any) -> None:
    """Make the study together with others, and say its id and number of trials."""
    skipjack.logging.set_verbosity(skipjack.logging.ERROR)
    barrier.wait(200)
    try:
        study = skipjack.create_study(storage=url, study_name="study", load_if_exists=True)
        study.enqueue_trial({"x": 0.5})
        answers.put(study._study_id)
    except BaseException as error:
        answers.put(repr(error))


def ask(url: str, answers: Any) -> None:
    """Ask for a trial, write something, and be gone without an end."""
    trial = opened(url).ask()
    trial.suggest_float("x", -1, 1)
    answers.put((trial.number, trial.params["x"]))
    answers.close()
    answers.join_thread()
    os.kill(os.getpid(), signal.SIGKILL)


def hold(url: str, answers: Any) -> None:
    """Run a trial for ever."""

    def stuck(trial: skipjack.Trial) -> float:
        x = trial.suggest_float("x", -1, 1)
        trial.report(x, 0)
        trial.set_user_attr("note", HOLDS)
        answers.put((trial.number, x))
        time.sleep(600)
        return x

    opened(url).optimize(stuck, n_trials=1)


def tell(url: str, number: int, value: float) -> None:
    opened(url).tell(number, value)


def work_until_killed(url: str, diary: str) -> None:
    """Run trials, and write into a file which were told, after they were."""

    def note(study: Any, trial: Any) -> None:
        line = json.dumps([trial.number, trial.value, trial.params]) + "\n"
        file = os.open(diary, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, line.encode())
        os.close(file)

    def lengthy(trial: skipjack.Trial) -> float:
        value = objective(trial)
        time.sleep(random.uniform(0, 0.01))  # so that about half of the kills hit a trial
        return value

    opened(url).optimize(lengthy, callbacks=[note])


def orphan(url: str, go: str) -> None:
    """Fork a child that works on after this process has ended."""
    study = opened(url)
    study.optimize(objective, n_trials=2)
    if os.fork() == 0:
        try:
            study.optimize(objective, n_trials=5)
            while not os.path.exists(go):
                time.sleep(0.01)
            study.optimize(objective, n_trials=5)
        finally:
            os._exit(0)
    study.optimize(objective, n_trials=2)


def elsewhere(machine: str = "another-boot") -> None:
    """Let this process be one of another machine, whose clock is wrong by a day."""
    _, found, _ = platform._this()
    other = found._replace(boot=machine)
    platform._self = (os.getpid(), other, str(other))
    true = time.time
    time.time = lambda: true() + 86400.0


def hold_elsewhere(url: str, answers: Any, go: str) -> None:
    """Run a trial on another machine until there is a file `go`, and say what came of it."""
    elsewhere()
    skipjack.logging.set_verbosity(skipjack.logging.ERROR)
    storage: Any = skipjack.storages.get_storage(url)
    storage.ledger.beat_every, storage.ledger.grace = 1.0, 2.0
    study = skipjack.load_study(study_name="study", storage=storage, sampler=RandomSampler())

    def slow(trial: skipjack.Trial) -> float:
        x = trial.suggest_float("x", -1, 1)
        trial.report(x, 0)
        answers.put((trial.number, x))
        while not os.path.exists(go):
            study.get_trials()  # so that it hears of whatever happens to its trial
            time.sleep(0.01)
        trial.report(2 * x, 1)
        trial.set_user_attr("y", trial.suggest_float("y", 0, 1))
        return 3 * x

    study.optimize(slow, n_trials=1)
    answers.put("ended well")


def share(url: str, total: int, barrier: Any) -> None:
    """Run trials with others until the study has so many, the first when all have one."""
    waited: list[int] = []

    def together(trial: skipjack.Trial) -> float:
        if not waited:
            waited.append(barrier.wait(200))
        return objective(trial)

    opened(url).optimize(together, n_trials_total=total)
