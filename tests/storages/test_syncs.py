"""What waits for the disk: whatever was told or handed out, and not that a worker began a trial."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack import platform
from skipjack.samplers import RandomSampler
from skipjack.storages import keeper
from tests.storages import work


def test_a_trial_in_sqlite_waits_for_the_disk_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a slow machine a trial might take half a second.
    monkeypatch.setattr(keeper.Keeper, "later", lambda self, waiting, callback: None)
    study = skipjack.create_study(storage=f"sqlite:///{tmp_path}/s.db", sampler=RandomSampler())
    study.optimize(work.objective, n_trials=1)
    said: list[str] = []
    study._ledger.log._connection.set_trace_callback(said.append)
    study.optimize(work.objective, n_trials=3)
    modes = [text.rpartition(" ")[2] for text in said if "synchronous" in text]
    assert modes == ["NORMAL"] + ["FULL"] * 3  # with the beginning of the next one
    said.clear()
    trial = study.ask()  # may be told by anybody, years from now
    study.set_user_attr("key", 1)
    study.enqueue_trial({"x": 0.5})
    study.tell(trial, 1.0)
    assert {text.rpartition(" ")[2] for text in said if "synchronous" in text} == {"FULL"}


def test_a_trial_in_a_file_waits_for_the_disk_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = skipjack.create_study(storage=f"journal:///{tmp_path}/s.log", sampler=RandomSampler())
    monkeypatch.setattr(keeper.Keeper, "later", lambda self, waiting, callback: None)
    flushed, flush = [], platform.flush

    def noted(file: int) -> Any:
        flushed.append(file)
        return flush(file)

    monkeypatch.setattr(platform, "flush", noted)
    study.optimize(work.objective, n_trials=5)
    assert len(flushed) == 5
    study.tell(study.ask(), 1.0)
    assert len(flushed) == 7


@pytest.mark.parametrize("url", ["sqlite:///{}/s.db", "journal:///{}/s.log"])
def test_a_server_waits_for_the_disk_since_its_clients_live_on(tmp_path: Path, url: str) -> None:
    from skipjack.storages.remote.cache import Cache

    log: Any = skipjack.create_study(storage=url.format(tmp_path))._ledger.log
    begun = ("w", 1, [{"do": "create", "time": 1.0, "worker": "x"}])
    said: list[str] = []
    if url.startswith("sqlite"):
        log._connection.set_trace_callback(said.append)
    Cache(log)
    for each in (log, pickle.loads(pickle.dumps(log))):
        assert not each.is_hasty
    log.append(0, begun)
    if url.startswith("sqlite"):
        assert "PRAGMA synchronous = FULL" in said
    else:
        assert (tmp_path / "s.log").read_bytes().endswith(b"\n")


def test_reports_do_not_wait_for_the_disk(tmp_path: Path) -> None:
    study = skipjack.create_study(storage=f"sqlite:///{tmp_path}/s.db", sampler=RandomSampler())
    trial = study.ask()
    said: list[str] = []
    study._ledger.log._connection.set_trace_callback(said.append)

    def modes() -> set[str]:
        found = {text.rpartition(" ")[2] for text in said if "synchronous" in text}
        said.clear()
        return found

    for step in range(3):
        trial.report(1.0, step)
        trial.log({"a": 1.0}, step)
    assert modes() == {"NORMAL"}
    trial.set_user_attr("key", 1)
    assert modes() == {"FULL"}
    trial.suggest_float("x", 0, 1)
    assert modes() == {"FULL"}
    study.tell(trial, 1.0)
    assert modes() == {"FULL"}
    there = skipjack.load_study(study_name=study.study_name, storage=f"sqlite:///{tmp_path}/s.db")
    assert there.trials == study.trials
