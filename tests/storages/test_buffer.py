"""The buffer: what a process has yet to write, over what the log says."""

from __future__ import annotations

import copy
import itertools
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

import skipjack
from skipjack import TrialPruned
from skipjack.distributions import FloatDistribution
from skipjack.errors import StorageError, StorageInternalError, UpdateFinishedTrialError
from skipjack.pruners import BasePruner, NopPruner
from skipjack.records.draft import Draft
from skipjack.records.events import Event
from skipjack.records.states import StudyDirection, TrialState
from skipjack.samplers import RandomSampler
from skipjack.storages import keeper
from skipjack.storages.face import LedgerStorage
from skipjack.storages.ledger import Ledger
from skipjack.storages.sqlite import SqliteLog
from skipjack.testing.courses import all_told
from skipjack.testing.logs import QUICK

UNIT = FloatDistribution(0, 1)


def process(path: Path, name: str) -> LedgerStorage:
    """A storage that shares nothing with others in this process, and says it is another worker."""
    ledger = Ledger(SqliteLog(path))
    ledger.worker = f"boot/namespace/1/{name}"
    return LedgerStorage(ledger)


def held_trial(storage: LedgerStorage, study: int) -> Draft:
    event = {"do": "create", "time": time.time(), "worker": storage.ledger.worker}
    number = storage.ledger.commit(study, event)
    return storage.ledger.study(study).open[number]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def no_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper.Keeper, "later", lambda self, waiting, callback: None)


def wait_for(condition: Callable[[], Any], seconds: float = 200.0) -> None:
    """Wait until something holds."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "waited in vain"
        time.sleep(0.005)


def objective_with_report(trial: skipjack.Trial) -> float:
    trial.report(1.0, 0)
    return trial.suggest_float("x", 0, 1)


# ------------------------------------------------------------------------- two views of one trial


class TwoProcesses(RuleBasedStateMachine):
    """A trial that one process holds and both write to: in the end all say the same of it."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__()
        self.path = path
        self.views = [process(path, "holder"), process(path, "other")]
        self.study = self.views[0].create_new_study([StudyDirection.MINIMIZE], name)
        self.drafts: list[Draft] = [held_trial(self.views[0], self.study)]
        self.drafts.append(self.views[1].ledger.sync(self.study).open[0])
        self.trial = self.study * 2**32

    who = st.integers(0, 1)
    value = st.integers(0, 99)

    def _wrote(self, who: int) -> None:
        ledger = self.views[who].ledger
        try:
            ledger.wrote(ledger.study(self.study), self.drafts[who])
        except UpdateFinishedTrialError:
            pass

    def _open(self, who: int) -> bool:
        return not self.drafts[who].state.is_finished()

    @rule(who=who, kind=st.sampled_from(["user", "system", "reports"]), key=value, value=value)
    def note(self, who: int, kind: str, key: int, value: int) -> None:
        if self._open(who):
            name: Any = key % 3 if kind == "reports" else f"key {key % 3}"
            self.drafts[who].note(kind, name, float(value))
            self._wrote(who)

    @rule(who=who, name=st.sampled_from("xyz"), value=st.floats(0, 1))
    def suggest(self, who: int, name: str, value: float) -> None:
        if self._open(who) and name not in self.drafts[who].internal:
            self.drafts[who].suggest(name, UNIT, value)
            self._wrote(who)

    @rule(who=who)
    def flush(self, who: int) -> None:
        ledger = self.views[who].ledger
        try:
            ledger.flush(ledger.study(self.study), self.drafts[who])
        except UpdateFinishedTrialError:
            pass

    @rule(who=who)
    def look(self, who: int) -> None:
        self.views[who].ledger.sync(self.study)

    @precondition(lambda self: self._open(0))
    @rule(who=who, state=st.sampled_from([TrialState.COMPLETE, TrialState.FAIL]))
    def tell(self, who: int, state: TrialState) -> None:
        values = [1.0] if state is TrialState.COMPLETE else None
        try:
            self.views[who].set_trial_state_values(self.trial, state, values)
        except UpdateFinishedTrialError:
            assert not self._open(who)

    @precondition(lambda self: self._open(0))
    @rule(retry=st.booleans())
    def reclaim(self, retry: bool) -> None:
        event: Event = {"do": "reclaim", "n": 0, "time": 1.0, "reason": "lost"}
        if retry:
            event["retry"] = {"user": {"again": 1}, "system": {}}
        self.views[1].ledger.commit(self.study, event)

    def teardown(self) -> None:
        for who in (0, 1, 0):
            self.flush(who)
            self.look(who)
        cold = all_told(process(self.path, "cold"), self.study)
        for view in self.views:
            assert all_told(view, self.study) == cold
            state = view.ledger.study(self.study)
            assert len(state.history) + len(state.open) == state.n_trials


@pytest.mark.usefixtures("no_keeper")
def test_two_processes_that_write_to_one_trial_come_to_the_same_record(path: Path) -> None:
    names = (f"study {i}" for i in itertools.count())
    run_state_machine_as_test(
        lambda: TwoProcesses(path, next(names)),  # type: ignore[arg-type]  # any factory
        settings=QUICK,
    )


@pytest.mark.usefixtures("no_keeper")
def test_what_comes_too_late_is_in_no_ones_view(path: Path) -> None:
    mine, other = process(path, "mine"), process(path, "other")
    study = mine.create_new_study([StudyDirection.MINIMIZE], "s")
    draft = held_trial(mine, study)
    draft.note("user", "kept", 1)
    draft.suggest("x", UNIT, 0.25)
    mine.ledger.flush(mine.ledger.study(study), draft)
    draft.note("user", "kept", 2)
    draft.note("reports", 0, 0.5)
    draft.suggest("y", UNIT, 0.75)
    trial = study * 2**32
    assert mine.get_trial(trial).params == {"x": 0.25, "y": 0.75}
    other.set_trial_state_values(trial, TrialState.COMPLETE, [3.0])
    with pytest.raises(UpdateFinishedTrialError):
        mine.ledger.tell(mine.ledger.study(study), 0, TrialState.COMPLETE, [4.0])
    assert all_told(mine, study) == all_told(other, study)
    found = mine.get_trial(trial)
    assert (found.value, found.params, found.user_attrs) == (3.0, {"x": 0.25}, {"kept": 1})
    assert found.intermediate_values == {}


@pytest.mark.usefixtures("no_keeper")
def test_parameters_that_two_processes_suggest_for_one_trial_are_all_kept(path: Path) -> None:
    mine, other = process(path, "mine"), process(path, "other")
    study = mine.create_new_study([StudyDirection.MINIMIZE], "s")
    draft = held_trial(mine, study)
    draft.suggest("y", UNIT, 0.75)
    other.set_trial_param(study * 2**32, "x", 0.25, UNIT)
    mine.ledger.tell(mine.ledger.study(study), 0, TrialState.COMPLETE, [3.0])
    for view in (mine, other, process(path, "cold")):
        assert view.get_trial(study * 2**32).params == {"x": 0.25, "y": 0.75}


# ------------------------------------------------------------------------------------ visibility


def test_reports_are_seen_at_once_through_every_handle_of_the_process(url: str) -> None:
    study = skipjack.create_study(storage=url, study_name="s", pruner=NopPruner())

    def objective(trial: skipjack.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.report(0.5, 1)
        trial.set_user_attr("a", [1])
        other = skipjack.load_study(study_name="s", storage=url)
        pickled = pickle.loads(pickle.dumps(study))
        for handle in (study, other, pickled, copy.deepcopy(study)):
            for found in (
                handle.trials[trial.number],
                handle.get_trials(deepcopy=False)[trial.number],
                handle._storage.get_trial(trial._trial_id),
            ):
                assert found.params == {"x": x}
                assert found.intermediate_values == {1: 0.5}
                assert found.user_attrs == {"a": [1]}
        again = skipjack.Trial(other, trial._trial_id)
        assert again.params == {"x": x}
        again.set_user_attr("b", 2)
        assert trial.user_attrs == {"a": [1], "b": 2}
        return x

    study.optimize(objective, n_trials=3)
    assert [t.user_attrs for t in study.trials] == [{"a": [1], "b": 2}] * 3


def test_the_buffer_is_written_after_a_while(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keeper.FLUSH_AFTER == 0.5
    go, later = threading.Event(), keeper.Keeper.later

    def when_told(self: keeper.Keeper, waiting: Draft, callback: Callable[[], None]) -> None:
        later(self, waiting, lambda: go.wait(200) and callback())

    monkeypatch.setattr(keeper.Keeper, "later", when_told)
    study = skipjack.create_study(storage=url, study_name="s", pruner=NopPruner())
    elsewhere = process(path, "elsewhere")
    trial_id = study._study_id * 2**32

    def objective(trial: skipjack.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        for step in range(2):
            before = elsewhere.get_trial(trial_id).intermediate_values
            trial.report(x, step)
            assert elsewhere.get_trial(trial_id).intermediate_values == before
            go.set()
            wait_for(lambda: step in elsewhere.get_trial(trial_id).intermediate_values)  # noqa: B023
            go.clear()
        assert elsewhere.get_trial(trial_id).params == {"x": x}
        return x

    study.optimize(objective, n_trials=1)


def test_a_tell_writes_the_buffer_with_it_in_one_batch(url: str, path: Path) -> None:
    study = skipjack.create_study(storage=url, study_name="s", pruner=NopPruner())
    log = SqliteLog(path)

    def objective(trial: skipjack.Trial) -> float:
        for step in range(5):
            trial.report(step, step)
        trial.set_user_attr("a", 1)
        return trial.suggest_float("x", 0, 1)

    study.optimize(objective, n_trials=4)
    assert len(log.read(study._study_id, 0)) == 8  # created and told
    cold = process(path, "cold").get_all_trials(study._study_id)
    assert all(t.intermediate_values == {i: float(i) for i in range(5)} for t in cold)


def test_a_pruner_that_reads_running_trials_makes_others_see_the_reports(
    url: str, path: Path
) -> None:
    elsewhere = process(path, "elsewhere")
    seen = []

    class Looks(BasePruner):
        def prune(self, study: Any, trial: Any) -> bool:
            seen.append(elsewhere.get_trial(trial._trial_id).intermediate_values)
            return bool(trial.number == 1)

    def objective(trial: skipjack.Trial) -> float:
        trial.report(1.5, 3)
        if trial.should_prune():
            raise TrialPruned
        return 1.0

    study = skipjack.create_study(storage=url, pruner=Looks())
    study.optimize(objective, n_trials=2)
    assert seen == [{3: 1.5}] * 2
    assert study.trials[1].state is TrialState.PRUNED


def test_a_trial_that_was_only_asked_for_writes_everything_at_once(url: str, path: Path) -> None:
    study = skipjack.create_study(storage=url, study_name="s")
    elsewhere = process(path, "elsewhere")
    trial = study.ask()
    x = trial.suggest_float("x", 0, 1)
    assert elsewhere.get_trial(trial._trial_id).params == {"x": x}
    trial.report(0.5, 0)
    assert elsewhere.get_trial(trial._trial_id).intermediate_values == {0: 0.5}
    trial.set_user_attr("a", 1)
    assert elsewhere.get_trial(trial._trial_id).user_attrs == {"a": 1}
    assert not study._ledger.study(0).open[0].is_due


# ---------------------------------------------------------------------------- what fails half-way


def test_what_could_not_be_written_stays_and_is_written_later(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = skipjack.create_study(storage=url)
    trial = study.ask()
    append = SqliteLog.append

    def fails(self: Any, stream: int, batch: Any) -> int:
        raise StorageInternalError("The disk is full.")

    monkeypatch.setattr(SqliteLog, "append", fails)
    with pytest.raises(StorageInternalError):
        trial.suggest_float("x", 0, 1)
    with pytest.raises(StorageInternalError):
        trial.report(1.0, 0)
    with pytest.raises(StorageInternalError):
        study.tell(trial, 1.0)
    assert study.trials[0].state is TrialState.RUNNING
    monkeypatch.setattr(SqliteLog, "append", append)
    trial.set_user_attr("a", 1)
    study.tell(trial, 2.0)
    found = process(path, "cold").get_trial(trial._trial_id)
    assert (found.value, found.user_attrs) == (2.0, {"a": 1})
    assert (list(found.params), found.intermediate_values) == (["x"], {0: 1.0})
    assert all_told(study._storage, 0) == all_told(process(path, "cold"), 0)


@pytest.mark.parametrize("after", [False, True])
def test_ctrl_c_during_a_write_loses_and_doubles_nothing(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    study = skipjack.create_study(storage=url)
    trial = study.ask()
    append = SqliteLog.append

    def interrupted(self: Any, stream: int, batch: Any) -> int:
        if after:
            append(self, stream, batch)
        raise KeyboardInterrupt

    monkeypatch.setattr(SqliteLog, "append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trial.set_user_attr("a", 1)
    with pytest.raises(KeyboardInterrupt):
        trial.suggest_float("x", 0, 1)
    monkeypatch.setattr(SqliteLog, "append", append)
    trial.set_user_attr("b", 2)
    study.tell(trial, 0.5)
    found = process(path, "cold").get_trial(trial._trial_id)
    assert (found.user_attrs, list(found.params)) == ({"a": 1, "b": 2}, ["x"])
    assert all_told(study._storage, 0) == all_told(process(path, "cold"), 0)


def test_a_write_whose_acknowledgement_was_lost_counts_once(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = skipjack.create_study(storage=url, sampler=RandomSampler())
    append = SqliteLog.append

    def twice(self: Any, stream: int, batch: Any) -> int:
        append(self, stream, batch)
        return append(self, stream, batch)  # as a client does that had no answer

    monkeypatch.setattr(SqliteLog, "append", twice)
    study.optimize(objective_with_report, n_trials=5)
    study.enqueue_trial({"x": 0.5})
    assert [t.number for t in study.trials] == list(range(6))
    assert all_told(study._storage, 0) == all_told(process(path, "cold"), 0)


def test_a_log_that_forgets_is_noticed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study = skipjack.create_study(storage=url)
    monkeypatch.setattr(SqliteLog, "append", lambda self, stream, batch: 99)
    with pytest.raises(StorageError, match="does not give back"):
        study.ask()


def test_an_event_of_a_newer_version_is_named_and_never_passed_over(url: str, path: Path) -> None:
    study = skipjack.create_study(storage=url)
    study.ask()
    SqliteLog(path).append(study._study_id, ("w", 1, [{"do": "levitate", "n": 0}]))
    SqliteLog(path).append(study._study_id, ("w", 2, [{"do": "create", "time": 1.0}]))
    for _ in range(3):
        with pytest.raises(StorageInternalError, match="pip install -U skipjack"):
            study.trials  # noqa: B018
        with pytest.raises(StorageInternalError):
            study.ask()


def test_a_study_that_another_process_deleted_is_gone_here_too(path: Path) -> None:
    mine, other = process(path, "mine"), process(path, "other")
    study = mine.create_new_study([StudyDirection.MINIMIZE], "s")
    draft = held_trial(mine, study)
    draft.note("user", "a", 1)
    other.delete_study(study)
    state = mine.ledger.study(study)
    calls: list[Callable[[], Any]] = [
        lambda: mine.get_all_trials(study),
        lambda: mine.get_study_user_attrs(study),
        lambda: mine.ledger.flush(state, draft),
        lambda: mine.ledger.tell(state, 0, TrialState.COMPLETE, [1.0]),
        lambda: mine.create_new_trial(study),
    ]
    for call in calls:
        with pytest.raises(KeyError, match="deleted"):
            call()
    assert mine.get_all_studies() == []
    again = mine.create_new_study([StudyDirection.MINIMIZE], "s")
    assert again != study
    assert other.get_study_id_from_name("s") == again


def test_what_was_due_while_the_storage_was_away_is_written_when_it_is_back(
    tmp_path: Path,
) -> None:
    path, away = tmp_path / "s.db", tmp_path / "away"
    study = skipjack.create_study(study_name="a", storage=f"sqlite:///{path}")
    ledger, state = study._ledger, study._ledger.study(study._study_id)

    def objective(trial: Any) -> float:
        draft = trial._draft
        trial.log({"a": 1.0}, 0)
        path.rename(away)
        ledger._flush_due(state, draft)
        assert draft.is_due and draft.is_dirty
        away.rename(path)
        ledger._flush_due(state, draft)
        assert not draft.is_dirty
        return 1.0

    study.optimize(objective, n_trials=1)
