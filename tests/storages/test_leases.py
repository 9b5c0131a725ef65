"""Leases: whose process is gone loses the trial, and whoever comes back has it all the same."""

from __future__ import annotations

import os
import signal
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack import platform
from skipjack.errors import StorageError, StorageInternalError
from skipjack.records.events import RULES
from skipjack.records.states import TrialState
from skipjack.samplers import RandomSampler
from skipjack.storages import (
    InMemoryStorage,
    RDBStorage,
    fail_stale_trials,
    get_storage,
    keeper,
)
from skipjack.storages.face import LedgerStorage
from skipjack.storages.ledger import Ledger
from skipjack.storages.port import CATALOGUE
from skipjack.storages.sqlite import SqliteLog
from tests.storages import work
from tests.storages.conftest import NewUrl
from tests.storages.crews import Crew, needs_fork
from tests.storages.test_buffer import held_trial, wait_for
from tests.studies import listening

COMPLETE, FAIL = TrialState.COMPLETE, TrialState.FAIL
RUNNING, WAITING = TrialState.RUNNING, TrialState.WAITING
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


def a_study(storage: Any, **options: Any) -> skipjack.Study:
    return skipjack.create_study(
        storage=storage, study_name="study", sampler=RandomSampler(), **options
    )


def states(study: skipjack.Study) -> list[TrialState]:
    return [trial.state for trial in study.trials]


# --------------------------------------------------------------------------------- detached trials


def test_one_process_asks_another_asks_and_a_third_tells(crew: Crew, url: str) -> None:
    study, answers = a_study(url), crew.context.Queue()
    numbers = []
    for _ in range(2):
        asker = crew.start(work.ask, url, answers)
        numbers.append(answers.get(timeout=200)[0])
        asker.join(200)
    fail_stale_trials(study)
    assert states(study) == [RUNNING, RUNNING]
    for number in numbers:
        crew.start(work.tell, url, number, number + 0.5).join(200)
    assert [(t.state, t.value) for t in study.trials] == [(COMPLETE, 0.5), (COMPLETE, 1.5)]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_deadline_reclaims_what_was_only_asked_for(kind: str, url: str) -> None:
    study = a_study(InMemoryStorage() if kind == "memory" else url)
    kept, timed = study.ask(), study.ask(timeout=0.05)
    x = timed.suggest_float("x", 0, 1)
    timed.report(1.5, 0)
    assert states(study) == [RUNNING, RUNNING]
    time.sleep(0.15)
    again = study.ask()
    assert states(study) == [RUNNING, FAIL, RUNNING]
    failed = study.trials[1]
    assert (failed.params, failed.intermediate_values) == ({"x": x}, {0: 1.5})
    assert "deadline" in failed.system_attrs["fail_reason"]
    assert again.suggest_float("x", 0, 1) == x
    assert again.number == 2
    assert study.tell(timed, 7.0).value == 7.0
    assert study.tell(again, 8.0).value == 8.0
    with pytest.raises(ValueError, match="told already"):
        study.tell(timed, 9.0)
    assert [t.value for t in study.trials] == [None, 7.0, 8.0]
    assert study.best_trial.number == 1
    study.tell(kept, 1.0)


def test_a_deadline_that_is_kept_changes_nothing(url: str) -> None:
    study = a_study(url)
    study.tell(study.ask(timeout=60), 1.0)
    study.enqueue_trial({"x": 0.5})
    trial = study.ask(timeout=60.0)
    study.tell(trial, trial.suggest_float("x", 0, 1))
    assert study._ledger.study(0).timed == set()
    assert [t.value for t in study.trials] == [1.0, 0.5]


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf")])
def test_a_deadline_must_be_possible(timeout: float) -> None:
    with pytest.raises(ValueError, match="`timeout` must be a number of seconds"):
        skipjack.create_study().ask(timeout=timeout)


# --------------------------------------------------------------------------- workers that are lost


@needs_fork
@pytest.mark.parametrize("reports", [False, True])
def test_a_retry_has_the_reports_if_the_study_wants_it(
    forks: Crew, url: str, reports: bool
) -> None:
    study, answers = a_study(url, retry_with_reports=reports), forks.context.Queue()
    holder = forks.start(work.hold, url, answers)
    _, x = answers.get(timeout=200)
    wait_for(lambda: study.trials[0].intermediate_values)
    holder.kill()
    holder.join(200)
    fail_stale_trials(study)
    assert states(study) == [FAIL, WAITING]
    assert study.trials[1].intermediate_values == ({0: x} if reports else {})
    skipjack.copy_study(
        from_study_name="study", from_storage=url, to_storage=url, to_study_name="copy"
    )
    assert study._ledger.record(1).reports is reports


def falls(ages: list[float]) -> int:
    """How often an age fell, as it does when its owner says that it is alive."""
    return sum(after < before for before, after in pairwise(ages))


def hearing(url: str, **options: Any) -> skipjack.Study:
    """The study as a process sees it that hears of a death elsewhere after two seconds."""
    storage = RDBStorage(url, heartbeat_interval=1, grace_period=2, **options)
    return skipjack.load_study(study_name="study", storage=storage, sampler=RandomSampler())


def test_a_worker_elsewhere_is_lost_after_the_grace_period_and_not_before(
    stranger: Crew, new_url: NewUrl, tmp_path: Path
) -> None:
    url, ages = new_url(), list[float]()
    storage: Any = get_storage(url)
    storage.ledger.grace = 600.0  # longer than anybody may have to wait for a processor
    study, answers = a_study(storage), stranger.context.Queue()
    holder = stranger.start(work.hold_elsewhere, url, answers, str(tmp_path / "never"))
    _, x = answers.get(timeout=200)
    wait_for(lambda: study.trials[0].intermediate_values)

    def has_beaten() -> bool:
        ages.extend(storage.ledger.log.ages().values())
        return falls(ages) >= 3

    wait_for(has_beaten)
    assert max(ages) < 600, "whatever its clock says"
    fail_stale_trials(study)
    assert states(study) == [RUNNING]
    holder.kill()
    holder.join(200)
    fail_stale_trials(study)
    assert states(study) == [RUNNING], "nobody here can know so soon"
    storage.ledger.grace = 1.0
    with listening() as heard:
        wait_for(lambda: fail_stale_trials(study) or states(study) == [FAIL, WAITING])
    assert "another machine" in study.trials[0].system_attrs["fail_reason"]
    assert any("another machine" in text and "trial 1" in text for text in heard.texts)
    assert study.trials[1].system_attrs["fixed_params"] == {"x": x}
    assert study.ask().suggest_float("x", -1, 1) == x


@needs_fork
@pytest.mark.parametrize("started", [False, True])
def test_a_worker_that_was_suspended_has_its_trial_after_all(
    stranger: Crew, url: str, tmp_path: Path, started: bool
) -> None:
    a_study(url)
    study, answers, go = hearing(url), stranger.context.Queue(), tmp_path / "go"
    holder = stranger.start(work.hold_elsewhere, url, answers, str(go))
    _, x = answers.get(timeout=200)
    os.kill(holder.pid, signal.SIGSTOP)
    wait_for(lambda: fail_stale_trials(study) or states(study) == [FAIL, WAITING])
    retry = study.ask() if started else None
    go.touch()
    os.kill(holder.pid, signal.SIGCONT)
    assert answers.get(timeout=200) == "ended well"
    holder.join(200)
    late, again = study.trials
    assert (late.state, late.value) == (COMPLETE, 3 * x)
    assert late.params.keys() == {"x", "y"}
    assert late.intermediate_values == {0: x, 1: 2 * x}
    assert "fail_reason" not in late.system_attrs
    if retry is not None:
        assert study.tell(retry, -5.0).state is COMPLETE
        assert study.best_value == -5.0
    else:
        assert again.state is FAIL
        assert "Trial 0" in again.system_attrs["fail_reason"]
        assert study.best_trial.number == 0
    with pytest.raises(ValueError, match="told already"):
        study.tell(0, 1.0)
    cold = LedgerStorage(Ledger(SqliteLog(url.removeprefix("sqlite:///")))).get_all_trials(0)
    assert [str(t) for t in cold] == [str(t) for t in study.trials]


class Silent:
    """A log that keeps no leases."""

    def __init__(self, log: SqliteLog) -> None:
        for name in ("key", "append", "read", "drop", "close", "reset"):
            setattr(self, name, getattr(log, name))


def test_a_log_without_leases_gives_up_only_who_is_known_to_be_dead(
    stranger: Crew, url: str, path: Path
) -> None:
    a_study(url)
    ledger = Ledger(Silent(SqliteLog(path)))  # type: ignore[arg-type]
    ledger.grace = 0.01
    study = skipjack.load_study(study_name="study", storage=LedgerStorage(ledger))
    for target in (work.hold_elsewhere, work.hold):
        more = (str(path.with_name("never")),) if target is work.hold_elsewhere else ()
        answers = stranger.context.Queue()  # who is killed may leave it locked
        holder = stranger.start(target, url, answers, *more)
        answers.get(timeout=200)
        holder.kill()
        holder.join(200)
    for _ in range(3):
        fail_stale_trials(study)
        time.sleep(0.05)
    assert states(study) == [RUNNING, FAIL, WAITING]
    study.optimize(work.objective, n_trials=1)
    assert states(study) == [RUNNING, FAIL, COMPLETE]


def test_this_process_is_known_as_alive_while_it_runs_trials(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "IDLE", 0.1)
    storage = RDBStorage(url, heartbeat_interval=1)
    study, elsewhere, ages = a_study(storage), SqliteLog(path), []
    assert (storage.ledger.beat_every, storage.ledger.grace) == (1, 2)
    elsewhere.beat("of-last-month")

    def objective(trial: skipjack.Trial) -> float:
        wait_for(goes_on_beating)
        return 0.0

    def goes_on_beating() -> bool:
        ages.append(elsewhere.ages()[platform.worker()])
        return falls(ages) >= 2

    study.optimize(objective, n_trials=1)
    wait_for(lambda: elsewhere.ages().keys() == {"of-last-month"})


def test_bare_asks_need_no_heartbeat(url: str, path: Path) -> None:
    study = a_study(url)
    study.tell(study.ask(), 1.0)
    assert SqliteLog(path).ages() == {}


def test_a_study_of_a_newer_skipjack_can_be_read_but_not_changed(path: Path, url: str) -> None:
    study = a_study(url)
    study.optimize(work.objective, n_trials=2)
    log = SqliteLog(path)
    [(_, _, [made])] = log.read(CATALOGUE, 0)
    newer = SqliteLog(path.with_name("newer.db"))
    newer.append(CATALOGUE, ("w", 1, [{**made, "rules": RULES + 1}]))
    for batch in log.read(0, 0):
        newer.append(0, batch)
    found = skipjack.load_study(study_name=None, storage=f"sqlite:///{path.parent}/newer.db")
    assert len(found.trials) == 2
    with pytest.raises(StorageError, match="newer Skipjack"):
        found.optimize(work.objective, n_trials=1)


# ------------------------------------------------------------------------------ storages that fail


def test_the_end_of_a_trial_that_could_not_be_written_is_written_when_it_can_be(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, append = a_study(url), SqliteLog.append

    def fails(self: Any, stream: int, batch: Any) -> int:
        raise StorageInternalError("The disk is full.")

    def fails_beside(self: Any, stream: int, batch: Any) -> int:
        if threading.current_thread() is threading.main_thread():
            return append(self, stream, batch)
        return fails(self, stream, batch)

    def objective(trial: skipjack.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        monkeypatch.setattr(SqliteLog, "append", fails)
        if trial.number == 1:
            raise ValueError("its own")
        return x

    for _ in range(3):
        with pytest.raises(StorageInternalError, match="disk is full"):
            study.optimize(objective, n_trials=1)
        assert study.trials[-1].state is RUNNING
        if len(study.trials) == 3:  # who does not want to wait for the keeper
            monkeypatch.setattr(SqliteLog, "append", fails_beside)
            study.tell(2, 7.0)
        monkeypatch.setattr(SqliteLog, "append", append)
        wait_for(lambda: study.trials[-1].state is not RUNNING)
    cold = LedgerStorage(Ledger(SqliteLog(path))).get_all_trials(0)
    assert [t.state for t in cold] == [COMPLETE, FAIL, COMPLETE]
    assert (cold[0].value, cold[2].value) == (cold[0].params["x"], 7.0)
    assert "its own" in cold[1].system_attrs["fail_reason"]
    assert cold[1].params
    study.optimize(work.objective, n_trials=1)


def test_a_log_that_cannot_say_who_lives_is_asked_once_for_all(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, asked = a_study(url), []
    for _ in range(3):
        other = Ledger(SqliteLog(path))
        other.worker = f"other boot/1/{len(study.trials) + 1}/1"
        held_trial(LedgerStorage(other), study._study_id)

    def fails(self: Any) -> Any:
        asked.append(self)
        raise StorageInternalError("The server is away.")

    monkeypatch.setattr(SqliteLog, "ages", fails)
    fail_stale_trials(study)
    assert (len(asked), states(study)) == (1, [RUNNING] * 3)
