"""What Optuna wrote is read as Optuna reads it, from 3.0 to 5."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import skipjack
from skipjack.errors import (
    DuplicatedStudyError,
    NotFoundError,
    StorageInternalError,
)
from skipjack.storages import InMemoryStorage, get_storage, import_optuna
from tests.storages.optuna_files.conftest import Server
from tests.storages.optuna_files.fixtures import FILES, in_one_order, said, told, url


@pytest.mark.parametrize("name", FILES)
def test_every_version_is_read_exactly(name: str, untouched: Path, in_tokyo: None) -> None:
    found = told(url(untouched / name))
    assert (in_one_order(found) if name == "v3.0.db" else found) == said(untouched / name)


def test_the_fixtures_have_what_optuna_can_keep(untouched: Path) -> None:
    for name in FILES:
        trials = [trial for study in said(untouched / name) for trial in study["trials"]]
        assert {t["state"] for t in trials} == set(skipjack.trial.TrialState.__members__)
        assert {"inf", "-inf"} < {v for t in trials for v in t["values"] or ()}
        assert {"nan", "inf", "-inf"} < {v for t in trials for v in t["reports"].values()}
        kinds = {kind for t in trials for _, kind, _ in t["params"]}
        assert kinds >= {"bool", "int", "float", "str"}
        assert {None, True, 2, 2.5, "zwei", "日本"} == {
            choice
            for t in trials
            for choice in t["distributions"].get("mixed", {"attributes": {"choices": ()}})[
                "attributes"
            ]["choices"]
        }
        assert any("constraints" in key for t in trials for key in t["system_attrs"])


def test_dates_before_optuna_5_are_local_and_then_utc(
    untouched: Path, monkeypatch: pytest.MonkeyPatch, in_tokyo: None
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    for name, shift in (("v4.5.db", 14), ("v4.5.journal", 14), ("v5.db", 0), ("v5.journal", 0)):
        study = skipjack.load_study(study_name="added", storage=url(untouched / name))
        start = study.trials[0].datetime_start
        assert start is not None
        # One minute before midnight in Tokyo, where it was written; 14 hours behind New York.
        expected = "2024-02-29T23:59:59.123456" if shift else "2024-02-29T09:59:59.123456"
        assert start.isoformat() == expected


def test_reading_changes_nothing_and_needs_no_right_to_write(
    untouched: Path, tmp_path: Path
) -> None:
    for name in ("v5.db", "v5.journal"):
        path = tmp_path / name
        shutil.copy(untouched / name, path)
        before, beside = path.read_bytes(), sorted(os.listdir(tmp_path))
        study = skipjack.load_study(study_name="added", storage=url(path))
        assert study.best_value == 1e-300
        assert len(study.trials) == 5
        assert path.read_bytes() == before
        assert sorted(os.listdir(tmp_path)) == beside


def test_what_is_read_through_optunas_url_cannot_be_written(untouched: Path) -> None:
    study = skipjack.load_study(study_name="added", storage=url(untouched / "v5.db"))
    for write in (
        study.ask,
        lambda: study.set_user_attr("a", 1),
        lambda: skipjack.create_study(storage=url(untouched / "v5.db")),
        lambda: skipjack.delete_study(study_name="added", storage=url(untouched / "v5.db")),
    ):
        with pytest.raises(StorageInternalError, match=r"only read .*without 'optuna\+'"):
            write()
    assert len(study.trials) == 5


@pytest.mark.parametrize("name", FILES)
def test_all_studies_are_imported_into_any_storage(
    name: str, untouched: Path, tmp_path: Path
) -> None:
    source = url(untouched / name)
    target = f"sqlite:///{tmp_path}/new.db"
    names = import_optuna(source, target)
    assert names == [study["name"] for study in told(source)]
    assert told(target) == told(source)
    memory = InMemoryStorage()
    import_optuna(target, memory)
    assert told(memory) == told(source)


def test_an_import_that_would_meet_a_taken_name_copies_nothing(untouched: Path) -> None:
    target = InMemoryStorage()
    skipjack.create_study(storage=target, study_name="empty")
    with pytest.raises(DuplicatedStudyError, match="'empty'.*to_study_name"):
        import_optuna(url(untouched / "v5.db"), target)
    assert skipjack.get_all_study_names(target) == ["empty"]


def test_one_study_is_copied_under_another_name_and_goes_on(
    untouched: Path, tmp_path: Path
) -> None:
    target = f"sqlite:///{tmp_path}/new.db"
    skipjack.copy_study(
        from_study_name="every kind",
        from_storage=url(untouched / "v5.journal"),
        to_storage=target,
        to_study_name="mine",
    )
    study = skipjack.load_study(study_name="mine", storage=target)
    study.optimize(lambda t: t.suggest_float("x", -1.5, 2.5), n_trials=3)
    assert [t.number for t in study.trials] == list(range(12))


def test_a_study_that_is_not_there_is_answered_with_those_that_are(untouched: Path) -> None:
    for name in ("v5.db", "v5.journal"):
        with pytest.raises(NotFoundError, match="No study 'mine'.*'every kind'.*'added'"):
            skipjack.load_study(study_name="mine", storage=url(untouched / name))


def test_ten_thousand_trials_come_over_whole(tmp_path: Path) -> None:
    source = skipjack.create_study(study_name="large")
    for i in range(10_000):
        trial = source.ask()
        for j in range(3):
            trial.suggest_float(f"x{j}", 0, 1)
        source.tell(trial, float(i))
    for file in ("large.db", "large.journal"):
        skipjack.copy_study(
            from_study_name=None, from_storage=source, to_storage=url(tmp_path / file)
        )
        back = skipjack.load_study(study_name="large", storage=url(tmp_path / file))
        assert [t.params for t in back.trials] == [t.params for t in source.trials]
        assert [t.value for t in back.trials] == [t.value for t in source.trials]


# ---------------------------------------------------------------------------------- databases


def edited(untouched: Path, folder: Path, *statements: str) -> Path:
    """A copy of a fixture that somebody has been at."""
    path = folder / "edited.db"
    shutil.copy(untouched / "v5.db", path)
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


@pytest.mark.parametrize(
    ("revision", "says"),
    [
        ("v2.6.0.a", "Upgrade it with Optuna first"),
        ("v3.0.0.c", "Upgrade it with Optuna first"),
        ("v5.1.0.a", "pip install -U skipjack"),
    ],
)
def test_other_schemas_are_refused_with_what_to_do(
    revision: str, says: str, untouched: Path, tmp_path: Path
) -> None:
    path = edited(untouched, tmp_path, f"UPDATE alembic_version SET version_num = '{revision}'")
    before = path.read_bytes()
    for storage in (url(path), f"sqlite:///{path}"):
        with pytest.raises(StorageInternalError, match=f"{revision}.*{says}"):
            skipjack.get_all_study_names(storage)
    with pytest.raises(StorageInternalError, match=revision):
        skipjack.copy_study(
            from_study_name=None, from_storage=skipjack.create_study(), to_storage=url(path)
        )
    assert path.read_bytes() == before


def test_a_database_of_before_alembic_is_to_be_upgraded(untouched: Path, tmp_path: Path) -> None:
    path = edited(untouched, tmp_path, "DROP TABLE alembic_version")
    for storage in (url(path), f"sqlite:///{path}"):
        with pytest.raises(StorageInternalError, match="Upgrade it with Optuna first"):
            skipjack.get_all_study_names(storage)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trials SET state = 'DONE' WHERE number = 1",
        "UPDATE trials SET datetime_start = 'yesterday'",
        "UPDATE trials SET number = 0",
        "UPDATE trials SET number = number - 1",
        "UPDATE trials SET number = 1000000000 WHERE number = 3",
        "UPDATE trials SET number = 'one' WHERE number = 1",
        "UPDATE trial_params SET distribution_json = '{}'",
        "UPDATE trial_params SET distribution_json = '{\"name\": 1'",
        "UPDATE trial_params SET param_value = 17 WHERE param_name = 'mixed'",
        "UPDATE trial_params SET param_value = -1 WHERE param_name = 'mixed'",
        "UPDATE trial_params SET param_value = 0.5 WHERE param_name = 'mixed'",
        "UPDATE trial_params SET param_value = NULL WHERE param_name = 'x'",
        "UPDATE trial_params SET param_value = 'nan' WHERE param_name = 'x'",
        "UPDATE trial_values SET value_type = 'BIG'",
        "UPDATE trial_values SET value = NULL",
        "UPDATE trial_values SET objective = 7 WHERE objective = 1",
        "DELETE FROM trial_values",
        "UPDATE trial_intermediate_values SET step = -step - 1",
        "UPDATE trial_intermediate_values SET intermediate_value = x'00'",
        "UPDATE trial_user_attributes SET value_json = '['",
        "UPDATE study_user_attributes SET value_json = NULL",
        "UPDATE study_directions SET direction = 'UP'",
        "DELETE FROM study_directions",
        "UPDATE version_info SET library_version = 'new'",
        "DELETE FROM version_info",
        "DELETE FROM alembic_version",
    ],
)
def test_what_optuna_cannot_have_written_is_damage(
    change: str, untouched: Path, tmp_path: Path
) -> None:
    path = edited(untouched, tmp_path, change)
    before = path.read_bytes()
    for storage in (url(path), f"sqlite:///{path}"):
        with pytest.raises(StorageInternalError, match="damaged, or not of Optuna"):
            told(storage)
    assert path.read_bytes() == before


def test_trials_that_were_deleted_by_hand_leave_failed_ones_that_say_so(
    untouched: Path, tmp_path: Path
) -> None:
    path = edited(untouched, tmp_path, "DELETE FROM trials WHERE number = 1 AND study_id = 1")
    study = skipjack.load_study(study_name="every kind", storage=url(path))
    whole = skipjack.load_study(study_name="every kind", storage=url(untouched / "v5.db"))
    assert study.trials[1].state.name == "FAIL"
    assert "deleted" in study.trials[1].system_attrs["fail_reason"]
    assert study.trials[0].params == whole.trials[0].params
    assert [t.params for t in study.trials[2:]] == [t.params for t in whole.trials[2:]]


def test_a_storage_of_optunas_without_studies_has_none(untouched: Path, tmp_path: Path) -> None:
    emptied = [f"DELETE FROM {table}" for table in ("studies", "study_directions", "trials")]
    path = edited(untouched, tmp_path, *emptied)
    (tmp_path / "new.journal").touch()
    for storage in (url(path), url(tmp_path / "new.journal"), f"sqlite:///{path}"):
        assert skipjack.get_all_study_names(storage) == []
    assert import_optuna(url(path), InMemoryStorage()) == []


def test_what_is_no_storage_of_optunas_is_named(untouched: Path, tmp_path: Path) -> None:
    skipjack.create_study(storage=f"sqlite:///{tmp_path}/ours.db")
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("No database at all. " * 100)
    (tmp_path / "text.journal").write_text("No journal at all.\n" * 100)
    for name, says in (
        ("missing.db", "There is no file"),
        ("missing.journal", "There is no file"),
        ("empty.db", "is empty"),
        ("ours.db", "another program"),
        ("text.db", "damaged, or not of Optuna"),
        ("text.journal", "Line 1 of .* is damaged, or not of Optuna"),
    ):
        with pytest.raises(StorageInternalError, match=says):
            skipjack.get_all_study_names(url(tmp_path / name))
    for wrong in ("optuna+sqlite://", "optuna+sqlite:///", "optuna+journal://here", "optuna+x://"):
        with pytest.raises(ValueError, match="storage"):
            get_storage(wrong)


# ------------------------------------------------------------------------------------ journals


def test_a_torn_end_of_a_journal_is_passed_over(untouched: Path, tmp_path: Path) -> None:
    whole = (untouched / "v5.journal").read_bytes()
    path = tmp_path / "torn.journal"
    last = whole.rfind(b"\n", 0, -1) + 1
    path.write_bytes(whole[:last])
    expected = told(url(path))
    for end in range(last + 1, len(whole), 7):
        path.write_bytes(whole[:end])
        assert told(url(path)) == expected


def test_half_a_line_before_another_writers_line_is_passed_over(
    untouched: Path, tmp_path: Path
) -> None:
    lines = (untouched / "v5.journal").read_bytes().splitlines(keepends=True)
    lines[20] = lines[20][:30] + lines[20]
    (tmp_path / "torn.journal").write_bytes(b"".join(lines))
    assert told(url(tmp_path / "torn.journal")) == told(url(untouched / "v5.journal"))


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[]",
        b"null",
        b'{"op_code":99}',
        b'{"op_code":4,"study_id":17,"worker_id":"a","datetime_start":null}',
        b'{"op_code":5,"trial_id":0,"worker_id":"a"}',
        b'{"op_code":7,"trial_id":999,"worker_id":"a","step":1,"intermediate_value":1.0}',
        b'{"op_code":7,"trial_id":0,"worker_id":"a","step":"1","intermediate_value":1.0}',
        b'{"op_code":2,"study_id":0,"worker_id":"a","user_attr":{}}',
        b'{"op_code":0,"study_name":5,"directions":[1],"worker_id":"a"}',
        b'{"op_code":0,"study_name":"a","directions":[3],"worker_id":"a"}',
    ],
)
def test_an_operation_that_cannot_be_is_damage(
    line: bytes, untouched: Path, tmp_path: Path
) -> None:
    path = tmp_path / "edited.journal"
    path.write_bytes((untouched / "v5.journal").read_bytes() + line + b"\n")
    with pytest.raises(StorageInternalError, match=r"Line \d+ of .* is damaged"):
        told(url(path))


def test_operations_that_came_too_late_have_no_effect(untouched: Path, tmp_path: Path) -> None:
    path = tmp_path / "late.journal"
    late = [
        {
            "op_code": 6,
            "trial_id": 0,
            "state": 3,
            "values": None,
            "datetime_complete": "2024-01-01",
        },
        {"op_code": 7, "trial_id": 0, "step": 77, "intermediate_value": 1.0},
        {"op_code": 8, "trial_id": 0, "user_attr": {"late": True}},
        {"op_code": 0, "study_name": "empty", "directions": [2]},
        {"op_code": 1, "study_id": 4},
        {"op_code": 4, "study_id": 4, "datetime_start": "2024-01-01"},
        {"op_code": 10, "study_id": 0},
    ]
    text = "".join(json.dumps({**operation, "worker_id": "a"}) + "\n" for operation in late)
    path.write_bytes((untouched / "v5.journal").read_bytes() + text.encode())
    assert told(url(path)) == told(url(untouched / "v5.journal"))


def test_a_name_that_changes_its_kind_is_kept_as_it_is(untouched: Path, tmp_path: Path) -> None:
    path = tmp_path / "kinds.journal"
    dist = {"name": "IntDistribution", "attributes": {"low": 1, "high": 9, "log": False, "step": 1}}
    trial = {
        "op_code": 4,
        "worker_id": "a",
        "study_id": 0,
        "state": 3,
        "values": None,
        "datetime_start": "2024-01-01",
        "datetime_complete": "2024-01-02",
        "params": {"x": 3.0},
        "distributions": {"x": json.dumps(dist)},
    }
    whole = (untouched / "v5.journal").read_bytes()
    path.write_bytes(whole + json.dumps(trial).encode() + b"\n")
    study = skipjack.load_study(study_name="every kind", storage=url(path))
    assert study.trials[9].params == {"x": 3}
    study = skipjack.load_study(study_name="every kind", storage=f"journal:///{path}")
    study.optimize(lambda t: t.suggest_float("x", -1.5, 2.5), n_trials=2)
    assert study.trials[9].params == {"x": 3}
    assert type(study.trials[9].params["x"]) is int


def test_a_journal_in_redis_is_read_by_its_prefix(untouched: Path, require: Any) -> None:
    require("redis")
    import redis

    address = os.environ.get("SKIPJACK_REDIS", "redis://127.0.0.1:6379/0")
    prefix = f"skipjack-test-{uuid4()}"
    client = redis.Redis.from_url(address)
    try:
        client.ping()
    except redis.ConnectionError:
        require("redis", there=False, reason="no Redis answers")
    try:
        source = url(untouched / "v5.journal")
        target = f"optuna+{address}?prefix={prefix}"
        with pytest.raises(StorageInternalError, match="no journal of Optuna under the prefix"):
            told(target)
        assert len(import_optuna(source, target)) == 5
        assert told(target) == told(source)
        with pytest.raises(DuplicatedStudyError):
            skipjack.copy_study(from_study_name="added", from_storage=source, to_storage=target)
        client.set(f"{prefix}:log:3", "{")
        with pytest.raises(StorageInternalError, match="Record 3 of"):
            told(target)
    finally:
        for key in client.scan_iter(f"{prefix}:*"):
            client.delete(key)
        client.close()


# ------------------------------------------------------------------------------------- servers


@pytest.mark.parametrize("version", ["v3.0", "v5"])
def test_databases_of_servers_are_read_exactly(
    version: str, server: Server, untouched: Path, in_tokyo: None
) -> None:
    kind, address, run = server
    run((untouched / f"{version}.{kind}.sql").read_text(encoding="utf-8"))
    expected = said(untouched / f"{version}.{kind}")
    found = told(f"optuna+{address}")
    assert (in_one_order(found) if version == "v3.0" else found) == expected


def test_a_study_is_written_to_a_server_and_read_back(server: Server, untouched: Path) -> None:
    kind, address, _ = server
    target, source = f"optuna+{address}", url(untouched / "v5.db")
    with pytest.raises(StorageInternalError, match="is empty"):
        told(target)
    import_optuna(source, target)
    found, expected = told(target), told(source)
    if kind == "mysql":  # whose times are whole seconds in these tables
        for study in (*found, *expected):
            for trial in study["trials"]:
                trial["start"] = trial["complete"] = None
    assert found == expected
    with pytest.raises(DuplicatedStudyError, match="'added'"):
        skipjack.copy_study(from_study_name="added", from_storage=source, to_storage=target)
