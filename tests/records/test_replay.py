"""Replay: the same events give the same records, whoever replays them and whenever."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.errors import UpdateFinishedTrialError
from skipjack.records.events import RULES
from skipjack.records.replay import Catalogue, StudyState
from skipjack.records.times import epoch_seconds
from skipjack.samplers import RandomSampler
from skipjack.storages.port import CATALOGUE
from skipjack.storages.sqlite import SqliteLog

HERE = Path(__file__).parent
GOLDEN = [HERE / f"golden_rules_{rules}.json" for rules in range(1, RULES + 1)]
SEVERAL = HERE / "golden_rules_3_several.json"  # objectives
Batches = list[Any]


def replayed(
    catalogue: Batches, study: Batches, own: bool = False
) -> tuple[Catalogue, StudyState, list[Any]]:
    """A catalogue and its first study, after all their batches, and the verdicts."""
    studies = Catalogue()
    verdicts = [studies.apply(*batch, False) for batch in catalogue]
    record = studies.studies[0]
    state = StudyState(0, record.directions, record.rules)
    verdicts += [state.apply(*batch, own) for batch in study]
    return studies, state, verdicts


def written(studies: Catalogue, state: StudyState, verdicts: Sequence[Any]) -> dict[str, Any]:
    """All that a replay says, as JSON could write it."""
    history = state.history
    metrics = [[[n, list(of.items())] for n, of in t.metrics.items()] for t in state.all_frozen()]
    found: dict[str, Any] = {"metrics": metrics} if any(metrics) else {}
    return found | {
        "verdicts": [
            [f"{type(v).__name__}: {v}" if isinstance(v, Exception) else v for v in found]
            for found in verdicts
        ],
        "studies": [[r.study_id, r.name, r.directions, r.seed] for r in studies.studies.values()],
        "attributes": {"user": state.user, "system": state.system},
        "trials": [
            {
                "number": t.number,
                "state": t.state.name,
                "values": t.values,
                "params": t.params,
                "distributions": {n: repr(d) for n, d in t.distributions.items()},
                "user": t.user_attrs,
                "system": t.system_attrs,
                "reports": list(t.intermediate_values.items()),
                "start": epoch_seconds(t.datetime_start),
                "end": epoch_seconds(t.datetime_complete),
            }
            for t in state.all_frozen()
        ],
        "rows": [
            {
                "number": int(history.numbers[row]),
                "state": int(history.states[row]),
                "loss": history.losses[row].tolist(),
                "params": dict(zip(history.internal(row)[0].names, history.internal(row)[1])),
                "layout": int(history.layout_indices[row]),
                "constraints": history.constraints[row].tolist(),
                "violation": float(history.violation[row]),
                "seen": int(history.seen[row]),
                "by": history.samplers[int(history.by[row])],
            }
            for row in range(len(history))
        ],
        "open": [
            {"number": d.number, "state": d.state.name, "worker": d.worker, "known": d.known}
            for d in state.open.values()
        ],
        "space": {name: repr(dist) for name, dist in history.space.items()},
        "summary": {
            "waiting": list(state.waiting),
            "best": None if history.best is None else int(history.numbers[history.best]),
            "counts": list(history.counts),
            "position": [studies.position, state.position],
        },
    }


def text(found: tuple[Catalogue, StudyState, list[Any]]) -> str:
    return json.dumps(written(*found))


@pytest.fixture(scope="module", params=[*GOLDEN, SEVERAL], ids=lambda path: path.stem)
def golden_file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def golden(golden_file: Path) -> Any:
    return json.loads(golden_file.read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------ golden log


def test_the_rules_of_a_version_never_change(golden: Any) -> None:
    # If this fails, other versions of Skipjack would come to other verdicts about the logs that
    # there are: a new meaning needs a new number in `RULES` and a golden log of its own.
    assert {e["rules"] for *_, events in golden["catalogue"] for e in events if "rules" in e} == {
        golden["rules"]
    }
    found = json.loads(text(replayed(golden["catalogue"], golden["study"])))
    for part, expected in golden["expected"].items():
        assert json.dumps(found[part]) == json.dumps(expected), part
    assert found.keys() == golden["expected"].keys()


def test_the_newest_golden_log_has_every_event_there_is() -> None:
    golden = json.loads(GOLDEN[-1].read_text(encoding="utf-8"))
    told = [event for *_, events in golden["catalogue"] + golden["study"] for event in events]
    from_docs = {line.split()[0] for line in rules_of_events()}
    assert {event["do"] for event in told} == from_docs


def rules_of_events() -> list[str]:
    """The lines of the table of events that begin one."""
    doc = sys.modules["skipjack.records.events"].__doc__ or ""
    table = doc[: doc.index("Content:")].splitlines()
    return [line for line in table if line.startswith("    ") and line[4] != " "]


def test_a_new_process_comes_to_the_same_records(golden: Any, golden_file: Path) -> None:
    code = (
        "import json, sys; from tests.records.test_replay import replayed, text;"
        "golden = json.load(open(sys.argv[1], encoding='utf-8'));"
        "print(text(replayed(golden['catalogue'], golden['study'])))"
    )
    expected = text(replayed(golden["catalogue"], golden["study"]))
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(golden_file)],
            cwd=HERE.parents[1],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == expected


def test_replay_can_stop_and_look_anywhere(golden: Any) -> None:
    studies, state, verdicts = replayed(golden["catalogue"], [])
    for batch in golden["study"]:
        verdicts.append(state.apply(*batch, False))
        written(studies, state, verdicts)
        state.shared_frozen()
        state.history.unit(state.history.space)
    assert json.dumps(written(studies, state, verdicts)) == json.dumps(
        written(*replayed(golden["catalogue"], golden["study"]))
    )


def test_a_batch_that_comes_twice_has_no_effect(golden: Any) -> None:
    once = written(*replayed(golden["catalogue"], golden["study"]))
    chance = random.Random(5)
    for _ in range(10):
        doubled: dict[str, Batches] = {}
        for part in ("catalogue", "study"):
            doubled[part] = []
            for batch in golden[part]:
                sent = [b for b in doubled[part] if b[0] == batch[0]]
                doubled[part] += [batch] * chance.choice((1, 2, 3))
                doubled[part] += chance.sample(sent, chance.randrange(len(sent) + 1))[:2]
        twice = written(*replayed(doubled["catalogue"], doubled["study"]))
        for part in twice.keys() - {"verdicts", "summary"}:
            assert json.dumps(twice[part]) == json.dumps(once[part])
        said = [verdict for found in twice["verdicts"] for verdict in found]
        assert said == [verdict for found in once["verdicts"] for verdict in found]


def test_events_are_not_changed_by_being_replayed(golden: Any) -> None:
    before = json.dumps(golden)
    first = replayed(golden["catalogue"], golden["study"])
    first[1].user.clear()
    for trial in first[1].all_frozen():
        trial.user_attrs.clear()
        trial.system_attrs["x"] = 1
    assert json.dumps(golden) == before


# ------------------------------------------------------------------------------- what a study logs


def test_the_log_of_a_study_replays_to_what_its_process_says(tmp_path: Path) -> None:
    study = skipjack.create_study(
        storage=f"sqlite:///{tmp_path}/study.db", sampler=RandomSampler(seed=1)
    )
    study.set_user_attr("a", 1)

    def objective(trial: skipjack.Trial) -> float:
        x = trial.suggest_float("x", -1, 1)
        if trial.suggest_categorical("deep", [True, False]):
            x += trial.suggest_int("k", 0, trial.number + 1)
        trial.set_constraint("c", x - 0.5)
        for step in range(trial.number % 4):
            trial.report(x * step, step)
            if trial.should_prune():
                raise skipjack.TrialPruned
        if trial.number % 7 == 3:
            raise ValueError("now and then")
        return math.inf if trial.number == 12 else x

    study.enqueue_trial({"x": 0.5, "deep": True})
    study.optimize(objective, n_trials=40, catch=ValueError)
    detached = study.ask()
    detached.suggest_float("x", -1, 1)
    study.add_trials(study.get_trials()[:5])
    log: Any = study._ledger.log
    batches = json.loads(json.dumps(log.read(study._study_id, 0)))
    catalogue = json.loads(json.dumps(log.read(CATALOGUE, 0)))
    here = written(study._ledger._catalogue, study._ledger.sync(study._study_id), ())
    there = replayed(catalogue, batches)
    assert json.dumps(here) == json.dumps(written(there[0], there[1], ()))


def test_verdicts_that_are_errors_are_raised_by_who_asked_and_by_nobody_else(
    tmp_path: Path,
) -> None:
    study = skipjack.create_study(storage=f"sqlite:///{tmp_path}/study.db")
    trial = study.ask()
    other = StudyState(0, [1])
    for batch in SqliteLog(tmp_path / "study.db").read(0, 0):
        other.apply(*batch, False)
    study.tell(trial, 1.0)
    late = {"do": "tell", "n": 0, "time": 1.0, "state": 1, "values": [2.0]}
    with pytest.raises(UpdateFinishedTrialError):
        study._ledger.commit(0, late)
    verdicts = [other.apply(*b, False) for b in SqliteLog(tmp_path / "study.db").read(0, 1)]
    assert verdicts[0] == [None]
    assert isinstance(verdicts[1][0], UpdateFinishedTrialError)
    assert other.frozen(0).value == 1.0
