"""Opening what Optuna wrote under its plain URL imports it once, beside what Optuna wrote."""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.errors import StorageInternalError
from skipjack.storages import JournalStorage, ledger
from skipjack.storages.journal import JournalFileBackend
from tests.storages.optuna_files import fixtures
from tests.storages.optuna_files.conftest import Server
from tests.storages.optuna_files.fixtures import FILES, in_one_order, said, told

ROOT = Path(__file__).parents[3]


def plain(path: Path) -> str:
    """The URL as users write it."""
    return f"{'journal' if path.suffix == '.journal' else 'sqlite'}:///{path}"


@pytest.fixture
def copied(untouched: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Makes a copy of a fixture that may be written."""

    def copy(name: str) -> Path:
        shutil.copy(untouched / name, tmp_path / name)
        return tmp_path / name

    return copy


def optunas(path: Path) -> Any:
    """All that Optuna has in a file."""
    if path.suffix == ".journal":
        return path.read_bytes()
    connection = sqlite3.connect(path)
    try:
        found = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%skipjack%' ORDER BY name"
        tables = connection.execute(found).fetchall()
        return tables, {
            name: connection.execute(f"SELECT rowid, * FROM {name} ORDER BY rowid").fetchall()
            for name, sql in tables
            if sql and sql.startswith("CREATE TABLE")
        }
    finally:
        connection.close()


def close(storage: str) -> None:
    """Let go of the file, as the end of a program does."""
    kept = skipjack.storages.get_storage(storage)
    kept.ledger.log.close()  # type: ignore[attr-defined]  # one of ours


@pytest.mark.parametrize("name", FILES)
def test_a_script_goes_on_with_its_old_study(
    name: str,
    copied: Callable[[str], Path],
    untouched: Path,
    in_tokyo: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = copied(name)
    before, news = optunas(path), []
    with caplog.at_level(logging.INFO, "skipjack"):
        found = told(plain(path))
        news = [r.getMessage() for r in caplog.records if "Imported" in r.getMessage()]
    assert (in_one_order(found) if name == "v3.0.db" else found) == said(untouched / name)
    assert len(news) == 1
    assert re.search(f"{re.escape(str(path))}, 5 with 25 trials", news[0])
    study = skipjack.create_study(study_name="every kind", storage=plain(path), load_if_exists=True)
    study.optimize(lambda t: t.suggest_float("x", -1.5, 2.5), n_trials=3)
    assert [t.number for t in study.trials] == list(range(12))
    close(plain(path))
    again = skipjack.load_study(study_name="every kind", storage=plain(path))
    assert len(again.trials) == 12, "and it is not imported again"
    assert optunas(path) == before


def test_the_backend_of_a_journal_imports_it_too(copied: Callable[[str], Path]) -> None:
    path = copied("v5.journal")
    storage = JournalStorage(JournalFileBackend(str(path)))
    assert told(storage) == told(fixtures.url(path))
    assert sorted(p.name for p in path.parent.iterdir()) == ["v5.journal", "v5.journal.skipjack"]


@pytest.mark.parametrize("name", ["v5.db", "v5.journal"])
def test_what_optuna_adds_later_is_warned_of_once(
    name: str, copied: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    path = copied(name)
    told(plain(path))
    close(plain(path))
    told(plain(path))
    assert "has added" not in caplog.text
    close(plain(path))
    if name == "v5.db":
        connection = sqlite3.connect(path)
        connection.execute("INSERT INTO trials (number, study_id, state) VALUES (9, 1, 'RUNNING')")
        connection.commit()
        connection.close()
    else:
        with open(path, "ab") as file:
            file.write(b'{"op_code":4,"worker_id":"a","study_id":0,"datetime_start":null}\n')
    study = skipjack.load_study(study_name="every kind", storage=plain(path))
    assert len(study.trials) == 9
    close(plain(path))
    told(plain(path))
    assert caplog.text.count("Optuna has added") == 1
    assert "optuna+" in caplog.text


# ----------------------------------------------------------------------------- at once, and killed


def open_and_ask(storage: str, ready: Any, results: Any) -> None:
    """What a worker does: open the old study, and begin a trial."""
    ready.wait()
    study = skipjack.load_study(study_name="every kind", storage=storage)
    results.put((study.ask().number, len(skipjack.get_all_study_names(storage))))


@pytest.mark.parametrize("name", ["v5.db", "v5.journal"])
def test_processes_that_open_it_at_once_import_it_once(
    name: str, copied: Callable[[str], Path]
) -> None:
    path = copied(name)
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(4), context.Queue()
    workers = [
        context.Process(target=open_and_ask, args=(plain(path), ready, results)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    found = sorted(results.get(timeout=200) for _ in workers)
    for worker in workers:
        worker.join(200)
    assert found == [(number, 5) for number in (9, 10, 11, 12)]
    study = skipjack.load_study(study_name="every kind", storage=plain(path))
    assert [t.number for t in study.trials] == list(range(13))


KILLED = """
import os, signal, sys
from skipjack.storages import whole, get_storage
from skipjack.storages.optuna_files import log
left, stream = int(sys.argv[2]), log.stream

def dying(study_id, study):
    global left
    for batch in stream(study_id, study):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        yield batch

log.stream = dying
get_storage(sys.argv[1])
print("whole")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("name", ["v5.db", "v5.journal"])
def test_a_process_killed_in_the_middle_leaves_nothing_or_all(
    name: str, copied: Callable[[str], Path]
) -> None:
    path = copied(name)
    before = optunas(path)
    for left in range(10):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, plain(path), str(left)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=250,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        assert optunas(path) == before
        if done.returncode == 0:
            break
        if path.suffix == ".journal":
            assert not Path(f"{path}.skipjack").exists()
        else:
            connection = sqlite3.connect(path)
            count = "SELECT count(*) FROM sqlite_master WHERE name LIKE '%skipjack%'"
            assert connection.execute(count).fetchone() == (0,)
            connection.close()
    assert left > 2, "it was killed several times"
    assert told(plain(path)) == told(fixtures.url(path))


# ------------------------------------------------------------------------ read-only and damaged


@pytest.mark.parametrize("name", ["v5.db", "v5.journal"])
def test_a_read_only_one_says_how_to_read_it(
    name: str, copied: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied(name)
    before = path.read_bytes()
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, mode, **kw: mode != os.W_OK and real(p, mode, **kw))
    with pytest.raises(StorageInternalError, match=r"read-only .*'optuna\+(sqlite|journal):///"):
        skipjack.get_all_study_names(plain(path))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [name]
    assert len(skipjack.get_all_study_names(fixtures.url(path))) == 5


@pytest.mark.parametrize("name", ["v5.db", "v5.journal"])
def test_a_damaged_one_is_left_as_it_is(name: str, copied: Callable[[str], Path]) -> None:
    path = copied(name)
    if name == "v5.db":
        connection = sqlite3.connect(path)
        connection.execute("UPDATE trials SET state = 'DONE' WHERE trial_id = 17")
        connection.commit()
        connection.close()
    else:
        path.write_bytes(path.read_bytes().replace(b'"op_code":6', b'"op_code":6x', 1))
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(StorageInternalError, match="damaged"):
            skipjack.get_all_study_names(plain(path))
        assert path.read_bytes() == before
        assert os.listdir(path.parent) == [name]


# ------------------------------------------------------------------------------------- servers


@pytest.mark.parametrize("version", ["v3.0", "v5"])
def test_a_database_of_a_server_is_imported_when_it_is_opened(
    version: str,
    server: Server,
    untouched: Path,
    in_tokyo: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kind, address, run = server
    run((untouched / f"{version}.{kind}.sql").read_text(encoding="utf-8"))
    with caplog.at_level(logging.INFO, "skipjack"):
        found = told(address)
    expected = said(untouched / f"{version}.{kind}")
    assert (in_one_order(found) if version == "v3.0" else found) == expected
    assert caplog.text.count("Imported Optuna's studies") == 1
    study = skipjack.load_study(study_name="every kind", storage=address)
    study.optimize(lambda t: t.suggest_float("x", -1.5, 2.5), n_trials=2)
    close(address)
    ledger._by_key.clear()
    again = skipjack.load_study(study_name="every kind", storage=address)
    assert [t.number for t in again.trials] == list(range(11))
    assert told(f"optuna+{address}") == found or version == "v3.0", "Optuna's tables are as before"
    close(address)
    ledger._by_key.clear()
    run("INSERT INTO trials (number, study_id, state) VALUES (9, 1, 'RUNNING')")
    for _ in range(2):
        told(address)
    assert caplog.text.count("Optuna has added") == 1


def test_processes_that_open_a_server_at_once_import_it_once(
    server: Server, untouched: Path
) -> None:
    kind, address, run = server
    run((untouched / f"v5.{kind}.sql").read_text(encoding="utf-8"))
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(4), context.Queue()
    workers = [
        context.Process(target=open_and_ask, args=(address, ready, results)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    found = sorted(results.get(timeout=200) for _ in workers)
    for worker in workers:
        worker.join(200)
    assert found == [(number, 5) for number in (9, 10, 11, 12)]


def test_a_damaged_database_of_a_server_leaves_no_study(server: Server, untouched: Path) -> None:
    kind, address, run = server
    run((untouched / f"v5.{kind}.sql").read_text(encoding="utf-8"))
    run("UPDATE trial_user_attributes SET value_json = '[' WHERE trial_id = 20")
    for _ in range(2):
        with pytest.raises(StorageInternalError, match="damaged"):
            skipjack.get_all_study_names(address)
    run("UPDATE trial_user_attributes SET value_json = '1' WHERE trial_id = 20")
    assert len(skipjack.get_all_study_names(address)) == 5
