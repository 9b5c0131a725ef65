"""Snapshots: what a process loads is what it would have replayed, whoever is open meanwhile."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

import skipjack
from skipjack.errors import UpdateFinishedTrialError
from skipjack.records import snapshot
from skipjack.records.replay import Catalogue, StudyState
from skipjack.records.states import TrialState
from skipjack.samplers import RandomSampler
from skipjack.storages import RDBStorage, compaction
from skipjack.storages.face import LedgerStorage
from skipjack.storages.ledger import Ledger
from skipjack.storages.port import CATALOGUE, Batch, Compacted
from skipjack.storages.sqlite import SqliteLog
from skipjack.testing.courses import StorageMachine, all_told
from skipjack.testing.logs import QUICK
from tests.records.test_replay import GOLDEN, replayed, written
from tests.storages import work


def cold(path: Path) -> LedgerStorage:
    """The storage as another process would see it."""
    return LedgerStorage(Ledger(SqliteLog(path)))


def compact(storage: LedgerStorage) -> None:
    """Make snapshots of the catalogue and of the newest study."""
    newest = max(storage.ledger.studies(), default=CATALOGUE)
    for stream in {CATALOGUE, newest}:
        storage.ledger.compact(stream)


def through_text(state: StudyState) -> StudyState:
    """A state that was made from a snapshot of another."""
    made = StudyState(state.study_id, state.directions, state.rules)
    snapshot.restore_study(made, snapshot.of_study(state))
    return made


# ------------------------------------------------------------------------------------- the text


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_state_that_is_loaded_anywhere_goes_on_like_one_that_was_replayed(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    studies, state, verdicts = replayed(golden["catalogue"], [])
    expected, _, said = replayed(golden["catalogue"], golden["study"])[1], 0, verdicts
    for batch in golden["study"]:
        state = through_text(state)
        said.append(state.apply(*batch, False))
    assert json.dumps(written(studies, state, said)) == json.dumps(
        written(*replayed(golden["catalogue"], golden["study"]))
    )
    assert snapshot.of_study(state) == snapshot.of_study(expected)
    assert state.leases == expected.leases
    assert state.timed == expected.timed
    assert state.kinds == expected.kinds
    assert list(state.rows) == list(expected.rows)
    catalogue = Catalogue()
    snapshot.restore_catalogue(catalogue, snapshot.of_catalogue(studies))
    assert snapshot.of_catalogue(catalogue) == snapshot.of_catalogue(studies)
    assert catalogue.ids == studies.ids


def test_an_empty_state_survives() -> None:
    state = StudyState(0, [1, 2])
    assert snapshot.of_study(through_text(state)) == snapshot.of_study(state)
    catalogue = Catalogue()
    snapshot.restore(catalogue, snapshot.of(catalogue))
    assert catalogue.studies == {}


def test_what_is_only_in_the_buffer_is_not_in_a_snapshot(tmp_path: Path) -> None:
    study = skipjack.create_study(storage=f"sqlite:///{tmp_path}/study.db")
    texts = []

    def objective(trial: skipjack.Trial) -> float:
        trial.set_user_attr("written", 1)
        study._ledger.flush(trial._state, trial._draft)
        with study._ledger.lock:  # so that nothing is flushed
            for change in (2, 3):
                texts.append(json.loads(snapshot.of_study(trial._state)))
                trial.suggest_float("x", 0, 1)
                trial.report(0.5, change)
                trial.set_user_attr("written", change)
                trial.set_user_attr("new", change)
        return 1.0

    study.optimize(objective, n_trials=1)
    assert texts[0] == texts[1]
    assert texts[0]["open"][0]["user"] == {"written": 1}


# ------------------------------------------------------------------------------- any course of it


class Either:
    """A storage of which three processes do the next thing in turn, when they know of the last."""

    def __init__(self, path: Path) -> None:
        self._storages = itertools.cycle([cold(path) for _ in range(3)])
        self._n = 0

    def __getattr__(self, name: str) -> Any:
        storage = next(self._storages)
        for study in list(storage.ledger.studies())[-1:]:
            storage.ledger.sync(study)
        self._n += 1
        if self._n % 5 == 0:
            compact(storage)
        return getattr(storage, name)


def test_any_course_with_snapshots_is_what_memory_says(tmp_path: Path) -> None:
    names = (f"study {i}" for i in itertools.count())
    path = tmp_path / "study.db"
    either: Any = Either(path)

    def machine() -> StorageMachine:
        return StorageMachine(either, lambda: cold(path), next(names))

    run_state_machine_as_test(machine, settings=settings(QUICK, max_examples=20))  # type: ignore[arg-type]  # any factory
    with pytest.raises(Compacted):
        SqliteLog(path).read(CATALOGUE, 0)


# --------------------------------------------------------------------------- who is open meanwhile


def test_a_worker_that_was_away_keeps_what_it_has_yet_to_write(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    study = skipjack.create_study(storage=f"sqlite:///{path}", sampler=RandomSampler(seed=1))
    other = cold(path)

    def objective(trial: skipjack.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.report(0.25, 1)
        assert other.set_trial_state_values(other.create_new_trial(0), TrialState.COMPLETE, [-1.0])
        other.create_new_trial(0)
        compact(other)
        trial.report(math.nan, 2)
        trial.set_user_attr("mine", x)
        assert [t.state for t in study.trials[1:]] == [TrialState.COMPLETE, TrialState.RUNNING]
        assert trial.params == {"x": x}
        return x

    study.optimize(objective, n_trials=1)
    trial = cold(path).get_trial(0)
    assert trial.values == [trial.params["x"]]
    assert trial.user_attrs == {"mine": trial.params["x"]}
    assert list(trial.intermediate_values) == [1, 2]
    assert all_told(cold(path), 0) == all_told(study._storage, 0)


def test_a_trial_that_another_process_ended_before_a_snapshot_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    study = skipjack.create_study(storage=f"sqlite:///{path}", sampler=RandomSampler(seed=1))
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    other = cold(path)
    other.set_trial_state_values(0, TrialState.COMPLETE, [7.0])
    compact(other)
    with pytest.raises(UpdateFinishedTrialError):
        trial._ledger.tell(trial._state, 0, TrialState.COMPLETE, [8.0])
    with pytest.raises(UpdateFinishedTrialError):
        trial.set_user_attr("too", "late")
    assert study.best_value == 7.0
    assert study.trials[0].params.keys() == {"x"}


class Meddling:
    """A log of which another process makes a snapshot after each write, before it is read."""

    def __init__(self, path: Path) -> None:
        self.log, self.other = SqliteLog(path), cold(path)

    def append(self, stream: int, batch: Batch) -> int:
        if stream != CATALOGUE:
            self.other.create_new_trial(stream)  # so that it must be read
        position = self.log.append(stream, batch)
        compact(self.other)
        return position

    def __getattr__(self, name: str) -> Any:
        return getattr(self.log, name)

    def save(self, stream: int, position: int, text: str) -> None:
        self.log.save(stream, position, text)

    def load(self, stream: int) -> tuple[int, str] | None:
        return self.log.load(stream)


def test_verdicts_survive_in_the_snapshot_that_overtakes_them(tmp_path: Path) -> None:
    log: Any = Meddling(tmp_path / "study.db")
    storage = LedgerStorage(Ledger(log))
    study = storage.create_new_study([skipjack.study.StudyDirection.MINIMIZE], "a study")
    with pytest.raises(skipjack.exceptions.DuplicatedStudyError, match="named 'a study' exists"):
        storage.create_new_study([skipjack.study.StudyDirection.MINIMIZE], "a study")
    numbers = [storage.get_trial_number_from_id(storage.create_new_trial(study)) for _ in range(4)]
    assert numbers == [1, 3, 5, 7]
    assert storage.set_trial_state_values(numbers[0], TrialState.WAITING)
    assert not storage.set_trial_state_values(numbers[0], TrialState.WAITING)
    storage.set_trial_state_values(numbers[1], TrialState.COMPLETE, [1.0])
    with pytest.raises(UpdateFinishedTrialError, match="Trial 3 has finished already"):
        storage.ledger.commit(study, {"do": "write", "n": 3})
    assert all_told(storage, study) == all_told(cold(tmp_path / "study.db"), study)


# --------------------------------------------------------------------------------- when it is made


def study_of(path: Path, n_trials: int) -> skipjack.Study:
    study = skipjack.create_study(
        storage=f"sqlite:///{path}", study_name="study", sampler=RandomSampler(seed=1)
    )
    study.optimize(work.objective, n_trials=n_trials)
    return study


def position_of(path: Path) -> int:
    """How many batches of the first study are in a snapshot."""
    return (SqliteLog(path).load(0) or (0,))[0]


def test_a_long_log_is_compacted_each_time_when_it_has_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, positions = tmp_path / "study.db", set()
    monkeypatch.setattr(compaction, "LONG", 10)
    study = study_of(path, 0)
    for _ in range(60):
        study.optimize(work.objective, n_trials=1)
        positions.add(position_of(path))
    assert positions == {0, 10, 20, 40, 80}
    assert all_told(cold(path), 0) == all_told(study._storage, 0)


def test_whoever_opens_a_long_log_compacts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.db"
    said = all_told(study_of(path, 12)._storage, 0)
    monkeypatch.setattr(compaction, "LONG", 10)
    assert position_of(path) == 0
    assert all_told(cold(path), 0) == said
    assert position_of(path) > 10
    assert all_told(cold(path), 0) == said


def test_a_log_that_cannot_be_compacted_works_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.db"
    monkeypatch.setattr(compaction, "LONG", 4)

    def fail(*args: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(SqliteLog, "save", fail)
    study = study_of(path, 12)
    assert all_told(cold(path), 0) == all_told(study._storage, 0)
    assert position_of(path) == 0


def test_a_snapshot_that_would_lose_something_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.db"
    study = study_of(path, 3)
    whole: Callable[..., Any] = snapshot._to_draft
    monkeypatch.setattr(
        snapshot, "_to_draft", lambda kept, draft: whole({**kept, "x": [], "layout": []}, draft)
    )
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    study._ledger.compact(0)
    assert position_of(path) == 0


def test_a_study_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    plain, compacted = tmp_path / "plain.db", tmp_path / "compacted.db"
    params = []
    for path in (plain, compacted):
        study = skipjack.create_study(
            storage=f"sqlite:///{path}",
            study_name="s",
            sampler=skipjack.samplers.TPESampler(seed=1),
        )
        study.optimize(work.objective, n_trials=25)
        if path == compacted:
            storage = cold(path)
            compact(storage)
            study = skipjack.load_study(
                study_name="s", storage=storage, sampler=skipjack.samplers.TPESampler(seed=1)
            )
        study.optimize(work.objective, n_trials=15)
        params.append([t.params for t in study.trials])
    assert params[0] == params[1]
    assert RDBStorage(f"sqlite:///{compacted}").get_n_trials(0) == 40
