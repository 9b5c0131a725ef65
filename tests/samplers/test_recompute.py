"""What a worker proposed can be worked out again from the log alone, in a fresh process."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.records.replay import StudyState
from skipjack.rng import stream
from skipjack.samplers import AutoSampler, CmaEsSampler, DESampler, TPESampler
from skipjack.samplers.base import ModelSampler
from skipjack.storages.ledger import Ledger
from skipjack.study import Study

ROOT = str(Path(__file__).parents[2])
WORK = """
import sys
from tests.samplers.test_recompute import work
work(sys.argv[1], sys.argv[2], int(sys.argv[3]))
"""


def branching(trial: Any) -> float:
    loss = trial.suggest_float("x", -5, 5) ** 2
    if trial.suggest_categorical("kind", ["a", "b"]) == "b":
        loss += abs(trial.suggest_float("only b", 0, 1) - 0.5)
    for i in range(trial.suggest_int("layers", 1, 3)):
        loss += trial.suggest_int(f"width {i}", 1, 64, log=True) / 64
    return loss


def pruned(trial: Any) -> float:
    loss = branching(trial)
    trial.set_constraint("c", loss - 20)
    for step in range(3):
        trial.report(loss + step, step)
    if trial.number % 3 == 1:
        raise skipjack.TrialPruned
    return loss


def several(trial: Any) -> Any:
    loss = branching(trial)
    return loss, (trial.params["x"] - 2) ** 2


def noisy(trial: Any) -> float:
    x, n = trial.suggest_float("x", -5, 5), trial.suggest_int("n", 1, 9)
    return float(x**2 + n + trial.number * 0.618 % 1)


def wishful() -> ModelSampler:
    return AutoSampler(seed=5, effort="fast", n_trials=300, noisy=True, reevaluate=True)


def tpe() -> ModelSampler:
    return TPESampler(seed=5)


OBJECTIVES: dict[str, tuple[Callable[[Any], Any], Callable[[], ModelSampler]]] = {
    "branching": (branching, tpe),
    "pruned": (pruned, tpe),
    "several": (several, tpe),
    "cma-es": (pruned, lambda: CmaEsSampler(seed=5, warn_independent_sampling=False)),
    "de": (branching, lambda: DESampler(seed=5, warn_independent_sampling=False)),
    "auto": (pruned, lambda: AutoSampler(seed=5, effort="fast")),
    "wishful": (noisy, wishful),
}


def work(url: str, name: str, n: int) -> None:
    """Some trials of a study, as one worker of several."""
    objective, sampler = OBJECTIVES[name]
    study = skipjack.load_study(study_name=name, storage=url, sampler=sampler())
    study.optimize(objective, n_trials=n)


def recomputed(study: Study) -> tuple[int, list[int]]:
    """How many proposals were worked out again from the log, and which are not the same."""
    ledger: Ledger = study._ledger
    assert ledger.log is not None
    batches = list(ledger.log.read(study._study_id, 0))
    live = ledger.sync(study._study_id)
    state, position = StudyState(study._study_id, live.directions), 0
    wanted = sorted(
        (event["seen"], event.get("expect", event.get("n")), event["params"])
        for _, _, events in batches
        for event in events
        if "seen" in event
    )
    wrong = []
    for seen, number, params in wanted:
        while position < seen:
            writer, sequence, events = batches[position]
            state.apply(writer, sequence, list(events), False)
            position += 1
        sampler = OBJECTIVES[study.study_name][1]()
        numbers = stream(5, number, sampler.purpose)
        if dict(sampler.propose(state.history, state.history.space, numbers, {})) != params:
            wrong.append(number)
    return len(wanted), wrong


@pytest.mark.parametrize("name", OBJECTIVES)
def test_one_worker(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    directions = ["minimize"] * (2 if name == "several" else 1)
    study = skipjack.create_study(
        study_name=name, storage=url, sampler=OBJECTIVES[name][1](), directions=directions
    )
    study.optimize(OBJECTIVES[name][0], n_trials=300)
    assert recomputed(study) == (300, [])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_workers_in_turns_threads_and_processes(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    directions = ["minimize"] * (2 if name == "several" else 1)
    study = skipjack.create_study(
        study_name=name, storage=url, sampler=OBJECTIVES[name][1](), directions=directions
    )
    command = [sys.executable, "-c", WORK, url, name, "25"]
    others = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    study.optimize(OBJECTIVES[name][0], n_trials=60, n_jobs=3)
    assert [other.wait(250) for other in others] == [0, 0]
    waiting = [study.ask() for _ in range(4)]
    for trial in reversed(waiting):
        trial.suggest_float("x", -5, 5)
    study.ask()
    study.optimize(OBJECTIVES[name][0], n_trials=5)
    n, wrong = recomputed(study)
    assert n >= 115
    assert wrong == []
