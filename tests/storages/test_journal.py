"""Journals under Optuna's names, and those that users write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.errors import StorageInternalError
from skipjack.samplers import RandomSampler
from skipjack.storages import JournalStorage
from skipjack.storages.journal import (
    BaseJournalBackend,
    JournalFileBackend,
    JournalFileOpenLock,
    JournalRedisBackend,
)
from tests.storages import work
from tests.storages.journals import Shelf


class Memory(BaseJournalBackend):
    """The entries themselves, for looking at them."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.entries = list(entries)

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        return self.entries[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.entries.extend(logs)


def run(storage: JournalStorage) -> skipjack.Study:
    study = skipjack.create_study(storage=storage, study_name="study", sampler=RandomSampler())
    study.optimize(work.objective, n_trials=5)
    return study


def test_it_is_called_a_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(JournalStorage(JournalFileBackend(str(tmp_path / "study.log"))))
    assert "A new study created in Journal with name: study" in capsys.readouterr().err


def test_a_url_and_a_backend_lead_to_the_same_file(tmp_path: Path) -> None:
    path = str(tmp_path / "study.log")
    study = run(JournalStorage(JournalFileBackend(path, lock_obj=JournalFileOpenLock(path))))
    again = skipjack.load_study(study_name="study", storage=f"journal:///{path}")
    assert [t.value for t in again.trials] == [t.value for t in study.trials]


@pytest.fixture(params=["file", "redis", "file of a subclass"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> BaseJournalBackend:
    if request.param == "redis":
        url, prefix = map(request.getfixturevalue, ("redis_url", "prefix"))
        return JournalRedisBackend(url, prefix=prefix)
    kind = Counting if request.param == "file of a subclass" else JournalFileBackend
    return kind(str(tmp_path / "study.log"))


class Counting(JournalFileBackend):
    """A backend of Optuna's that a user has changed."""

    n = 0

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.n += len(logs)
        super().append_logs(logs)


def test_entries_of_your_own_are_kept_in_order(backend: BaseJournalBackend) -> None:
    assert list(backend.read_logs(0)) == []
    entries = [{"n": n, "x": 0.1 * n} for n in range(6)]
    backend.append_logs(entries[:1])
    backend.append_logs(entries[1:4])
    assert list(backend.read_logs(2)) == entries[2:4]
    backend.append_logs(entries[4:])
    for first in range(8):
        assert list(backend.read_logs(first)) == entries[first:]


def test_what_a_user_has_overridden_is_used(tmp_path: Path) -> None:
    backend = Counting(str(tmp_path / "study.log"))
    study = run(JournalStorage(backend))
    assert backend.n >= len(study.trials)
    again = JournalStorage(Counting(str(tmp_path / "study.log")))
    assert [t.value for t in again.get_all_trials(0)] == [t.value for t in study.trials]


def test_entries_are_dicts_of_texts_and_whole_numbers(tmp_path: Path) -> None:
    backend = Memory()
    study = run(JournalStorage(backend))
    study.set_user_attr("nan", float("nan"))
    kinds = {type(value) for entry in backend.entries for value in entry.values()}
    assert kinds == {str, int}
    assert len({entry["skipjack"] for entry in backend.entries}) == 1


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"op_code": 0, "study_name": "s"}, "holds studies of Optuna"),
        ({"song": "x"}, "holds entries of another program"),
        ({"skipjack": 2, "name": "x"}, "newer Skipjack .format 2.*pip install -U skipjack"),
    ],
)
def test_a_journal_of_something_else_is_named_and_left_alone(
    entry: dict[str, Any], says: str
) -> None:
    backend = Memory(entry)
    with pytest.raises(StorageInternalError, match=says):
        JournalStorage(backend)
    assert backend.entries == [entry]


class Broken(Memory):
    """A journal whose medium fails, or forgets."""

    fails, forgets = False, False

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        if self.fails:
            raise OSError("no space")
        if not self.forgets:
            super().append_logs(logs)

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        if self.fails:
            raise OSError("no line")
        return super().read_logs(log_number_from)


def test_a_journal_that_fails_says_so_and_loses_nothing() -> None:
    backend = Broken()
    study = run(JournalStorage(backend))
    backend.fails = True
    for use in (study.ask, lambda: study.trials):
        with pytest.raises(StorageInternalError, match="no (space|line)"):
            use()
    backend.fails, backend.forgets = False, True
    with pytest.raises(StorageInternalError, match="does not give back what was appended"):
        study.ask()
    backend.forgets = False
    assert study.ask().number == 5


def test_what_is_no_journal_is_refused() -> None:
    wrong: Any = object()
    with pytest.raises(TypeError, match="have a method `read_logs`"):
        JournalStorage(wrong)


def test_deprecated_names_warn_and_are_the_new_ones(tmp_path: Path) -> None:
    with pytest.warns(FutureWarning, match="`storages.journal.JournalFileBackend`"):
        old = skipjack.storages.JournalFileStorage
    assert old is JournalFileBackend
    with pytest.warns(FutureWarning):
        assert issubclass(Shelf, skipjack.storages.BaseJournalLogStorage)
    with pytest.warns(FutureWarning):
        lock = skipjack.storages.JournalFileOpenLock
    assert lock is JournalFileOpenLock


def test_a_snapshot_of_optuna_is_not_loaded(tmp_path: Path) -> None:
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
    study = run(storage)
    storage.restore_replay_result(b"\x80\x04cos\nsystem\n.")
    assert len(study.trials) == 5
