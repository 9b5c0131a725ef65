"""What may be given as a storage: URLs, storages, and nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.errors import InvalidValueError
from skipjack.storages import RDBStorage, get_storage


def test_relative_and_absolute_urls_name_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    skipjack.create_study(storage="sqlite:///a.db", study_name="here")
    skipjack.create_study(storage="sqlite:///sub/b c%20.db", study_name="below")
    assert (tmp_path / "sub" / "b c%20.db").exists()
    assert skipjack.get_all_study_names(f"sqlite:///{tmp_path}/a.db") == ["here"]
    assert skipjack.get_all_study_names(f"sqlite+pysqlite:///{tmp_path}/a.db") == ["here"]
    monkeypatch.chdir(tmp_path / "sub")
    assert skipjack.get_all_study_names("sqlite:///../a.db?timeout=10") == ["here"]


def test_all_handles_of_one_file_share_what_is_not_yet_written(tmp_path: Path) -> None:
    path, link = tmp_path / "study.db", tmp_path / "link.db"
    first = RDBStorage(f"sqlite:///{path}")
    link.symlink_to(path)
    assert RDBStorage(f"sqlite:///{link}").ledger is first.ledger
    copied = tmp_path / "copy.db"
    shutil.copy(path, copied)
    assert RDBStorage(f"sqlite:///{copied}").ledger is not first.ledger


@pytest.mark.parametrize(
    "memory", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///:memory:?timeout=3"]
)
def test_memory_has_urls_too(memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert skipjack.create_study(storage=memory).trials == []
    assert skipjack.get_all_study_names(memory) == []
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("study.db", "sqlite:///study.db"),
        ("/tmp/study.db", "such as 'sqlite:///"),
        ("", "such as 'sqlite:///"),
        ("sqlite:study.db", "sqlite:///study.db"),
        ("sqlite://study.db", "Write 'sqlite:///study.db'"),
        ("sqlite://folder/study.db", "Write 'sqlite:///folder/study.db'"),
        ("oracle://localhost/x", "such as 'sqlite:///"),
        ("oracle://me:pa:ss@w@host/x", "'oracle://me:***@host/x'"),
        ("oracle://host/x?user=me&password=pa:ss@w&a=b", "user=me&password=***&a=b"),
        ("sqlite:///study.db?mode=ro", "'mode=ro'"),
        ("sqlite:///file:study.db", "URI"),
    ],
)
def test_urls_that_name_nothing_are_refused_with_one_that_would_do(
    wrong: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidValueError) as caught:
        skipjack.create_study(storage=wrong)
    assert says in str(caught.value)
    assert "pa:ss@w" not in str(caught.value)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("wrong", [1, b"sqlite:///x.db", Path("x.db"), object(), ["x"]])
def test_a_storage_is_none_or_a_url_or_a_storage(wrong: Any) -> None:
    for call in (get_storage, lambda s: skipjack.create_study(storage=s)):
        with pytest.raises(TypeError, match="`storage` must be None, a URL or a storage"):
            call(wrong)
    with pytest.raises(TypeError, match="`url` must be a str"):
        RDBStorage(wrong)


@pytest.mark.parametrize("name", ["heartbeat_interval", "grace_period"])
def test_times_of_heartbeats_are_positive(name: str) -> None:
    for value in (0, -1):
        with pytest.raises(ValueError, match=name):
            RDBStorage("sqlite://", **{name: value})
    RDBStorage("sqlite://", **{name: 1})


def test_the_format_of_a_file_has_a_version() -> None:
    storage = RDBStorage("sqlite://")
    assert storage.get_current_version() == storage.get_head_version()
    assert storage.get_all_versions()[-1] == storage.get_head_version()
    storage.upgrade()
