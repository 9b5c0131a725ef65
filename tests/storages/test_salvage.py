"""Storages are checked, and what is intact in damaged files is saved, never with a wrong value."""

from __future__ import annotations

import os
import random
import sqlite3
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.errors import DuplicatedStudyError, StorageInternalError, UnsupportedError
from skipjack.samplers import RandomSampler
from skipjack.storages import InMemoryStorage, check, compact, salvage
from skipjack.storages.port import Compacted
from skipjack.testing.courses import all_told
from tests.conftest import Require
from tests.storages import work

KINDS = {"sqlite": "sqlite:///{}/study.db", "file": "journal:///{}/study.log"}
N_TRIALS = 40
Told = dict[str, list[dict[str, Any]]]


def conditional(trial: skipjack.Trial) -> float:
    if trial.suggest_categorical("deep", [True, False]):
        trial.suggest_int(f"k{trial.number % 3}", 0, 9)
    trial.set_user_attr("number", trial.number)
    if trial.number % 7 == 3:
        raise skipjack.TrialPruned
    return trial.suggest_float("x", -1, 1)


def filled(url: str) -> Told:
    """Two studies and one that was deleted; all the trials that there ever were, by name."""
    said = {}
    for name, objective in (("a", work.objective), ("gone", conditional), ("b", conditional)):
        study = skipjack.create_study(
            storage=url, study_name=name, sampler=RandomSampler(seed=1), direction="maximize"
        )
        study.optimize(objective, n_trials=N_TRIALS if name != "gone" else 5)
        study.set_user_attr("name", name)
        said[name] = all_told(study._storage, study._study_id)
    skipjack.delete_study(study_name="gone", storage=url)
    study._ledger.log.close()  # type: ignore[union-attr]  # it has one
    return said


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return KINDS[request.param].format(tmp_path)


@pytest.fixture(scope="module", params=[(k, c) for k in KINDS for c in (False, True)], ids=str)
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, bytes, Told]:
    """The kind of a file, its bytes, and what it says; with a snapshot half-way or not."""
    kind, is_compacted = request.param
    folder = tmp_path_factory.mktemp("whole")
    url = KINDS[kind].format(folder)
    said = filled(url)
    if is_compacted:
        compact(url)
        for name in ("a", "b"):
            study = skipjack.load_study(study_name=name, storage=url, sampler=RandomSampler(seed=2))
            study.optimize(work.objective if name == "a" else conditional, n_trials=N_TRIALS)
            said[name] = all_told(study._storage, study._study_id)
            study._ledger.log.close()  # type: ignore[union-attr]  # it has one
    path = folder / ("study.db" if kind == "sqlite" else "study.log")
    return kind, path.read_bytes(), said


# ----------------------------------------------------------------------------------------- check


def test_an_intact_storage_is_said_to_be_intact(url: str) -> None:
    filled(url)
    report = check(url)
    assert report
    assert report.studies == {"a": N_TRIALS, "b": N_TRIALS}
    assert repr(report) == f"{url}: intact\n  study 'a': 40 trials\n  study 'b': 40 trials"


def test_a_storage_in_memory_and_one_that_is_used_can_be_checked(tmp_path: Path) -> None:
    for storage in (None, f"sqlite:///{tmp_path}/study.db"):
        study = skipjack.create_study(storage=storage, study_name="s")
        study.optimize(work.objective, n_trials=5)
        study.withdraw_trial(2, "no")
        study.ask()
        study.enqueue_trial({"x": 1})
        assert check(study._storage).studies == {"s": 7}
        assert check(study._storage)


def test_a_file_that_is_not_there_is_a_problem_and_not_made(url: str, tmp_path: Path) -> None:
    report = check(url)
    assert not report
    assert report.problems == ["there is no such file"]
    assert os.listdir(tmp_path) == []


def test_a_password_is_not_shown(require: Require) -> None:
    require("psycopg")
    report = check("postgresql://me:secret@127.0.0.1:1/nothing")
    assert not report
    assert "secret" not in repr(report)


def test_each_damaged_study_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    filled(url)
    with closing(sqlite3.connect(tmp_path / "study.db")) as database, database:
        database.execute("UPDATE skipjack_log SET crc = 1 WHERE id = 3 * ?", (2**40 + 7,))
        database.execute("UPDATE skipjack_log SET crc = 1 WHERE id = ?", (3 * 2**41 // 2 + 7,))
        (key,) = database.execute("SELECT max(id) FROM skipjack_log").fetchone()
        database.execute("UPDATE skipjack_log SET crc = 1 WHERE id = ?", (key,))
    report = check(url)
    assert not report
    assert report.studies == {"a": N_TRIALS}
    assert len(report.problems) == 1
    assert "study 'b'" in repr(report)
    assert "1 problem\n" in repr(report)


# --------------------------------------------------------------------------------------- salvage


def saved(path: Path, kind: str, said: Told) -> tuple[int, list[str]]:
    """Salvage a file; check all that comes out. How many trials are as they were, and problems."""
    target = InMemoryStorage()
    before = path.read_bytes()
    report = salvage(KINDS[kind].format(path.parent), target)
    assert path.read_bytes() == before
    n_intact = 0
    for name in report.studies:
        study = target.get_study_id_from_name(name)
        trials = all_told(target, study)
        assert report.studies[name] == len(trials)
        original = said.get(name)  # also of one that was deleted, if just that is lost
        if original is None:
            assert name.startswith("salvaged study")
            original = max(said.values(), key=lambda one: sum(t in one for t in trials))
        else:
            assert int(target.get_study_directions(study)[0]) == 2
        for trial, was in zip(trials, original, strict=False):
            if trial == was:
                n_intact += 1
                continue
            assert not report, (trial, was)
            maybe = f"trial {trial['number']}: maybe, what it"
            if any(maybe in problem for problem in report.problems):
                assert (trial["values"], trial["params"]) == (was["values"], was["params"])
            else:
                assert "fail_reason" in trial["system"], (trial, was)
                assert trial["values"] is None
    return n_intact, report.problems


def damaged_file(tmp_path: Path, kind: str, content: bytes) -> Path:
    path = tmp_path / ("study.db" if kind == "sqlite" else "study.log")
    path.write_bytes(content)
    return path


def test_all_of_an_intact_file_is_copied(tmp_path: Path, whole: tuple[str, bytes, Told]) -> None:
    kind, content, said = whole
    n_intact, problems = saved(damaged_file(tmp_path, kind, content), kind, said)
    assert problems == []
    assert n_intact == len(said["a"]) + len(said["b"])


DAMAGES: dict[str, Callable[[bytearray, random.Random], None]] = {
    "bits": lambda data, chance: flip(data, chance, 3),
    "many bits": lambda data, chance: flip(data, chance, 100),
    "block": lambda data, chance: blank(data, chance, 4096),
    "large block": lambda data, chance: blank(data, chance, len(data) // 4),
    "tail": lambda data, chance: data.__delitem__(slice(chance.randrange(len(data)), None)),
    "noise": lambda data, chance: noise(data, chance),
}


def flip(data: bytearray, chance: random.Random, n: int) -> None:
    for _ in range(n):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def blank(data: bytearray, chance: random.Random, size: int) -> None:
    first = chance.randrange(max(1, len(data) // size)) * size
    data[first : first + size] = bytes(len(data[first : first + size]))


def noise(data: bytearray, chance: random.Random) -> None:
    first = chance.randrange(len(data))
    data[first : first + 3000] = chance.randbytes(len(data[first : first + 3000]))


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_salvaged_is_never_wrong(
    tmp_path: Path, whole: tuple[str, bytes, Told], damage: str
) -> None:
    kind, content, said = whole
    chance, share = random.Random(f"{kind}{damage}"), []
    for _ in range(15):
        data = bytearray(content)
        DAMAGES[damage](data, chance)
        path = damaged_file(tmp_path, kind, bytes(data))
        check(KINDS[kind].format(tmp_path))
        for beside in tmp_path.iterdir():
            if beside != path:
                beside.unlink()
        path.write_bytes(bytes(data))
        share.append(saved(path, kind, said)[0] / sum(map(len, said.values())))
    if damage in ("bits", "block"):
        assert sum(share) / len(share) > 0.6


@pytest.mark.parametrize("lost", range(20))
def test_a_record_that_is_lost_costs_what_it_held(tmp_path: Path, lost: int) -> None:
    url, path = f"sqlite:///{tmp_path}/study.db", tmp_path / "study.db"
    said = filled(url)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM skipjack_log WHERE id = ?", (2**40 + 20 + lost,))
    assert not check(url)
    n_intact, problems = saved(path, "sqlite", said)
    assert any("record " in problem for problem in problems)
    assert n_intact >= 2 * N_TRIALS - 2


def test_without_the_list_of_studies_they_get_names(tmp_path: Path) -> None:
    url, path = f"sqlite:///{tmp_path}/study.db", tmp_path / "study.db"
    said = filled(url)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM skipjack_log WHERE id = 0")
    target = InMemoryStorage()
    report = salvage(url, target)
    assert report.studies == {"salvaged study 0": N_TRIALS, "salvaged study 2": N_TRIALS}
    assert len(report.problems) == 3
    for name, original in (("salvaged study 0", "a"), ("salvaged study 2", "b")):
        trials = all_told(target, target.get_study_id_from_name(name))
        assert [t["params"] for t in trials] == [t["params"] for t in said[original]]


def test_a_running_trial_is_failed_and_a_waiting_one_waits(url: str) -> None:
    study = skipjack.create_study(storage=url, study_name="s")
    study.ask()
    study.enqueue_trial({"x": 1})
    target = InMemoryStorage()
    assert salvage(url, target).problems == [
        "study 's': trial 0: It had not ended, or its end is lost."
    ]
    assert [t.state.name for t in target.get_all_trials(0)] == ["FAIL", "WAITING"]


def test_what_cannot_be_salvaged_says_why(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="Only files"):
        salvage(InMemoryStorage(), InMemoryStorage())
    with pytest.raises(StorageInternalError, match="There is no file"):
        salvage(f"sqlite:///{tmp_path}/none.db", InMemoryStorage())
    with pytest.raises(TypeError, match="`storage` must be a URL or a storage"):
        check(3)  # type: ignore[arg-type]  # on purpose
    url, target = f"sqlite:///{tmp_path}/study.db", InMemoryStorage()
    filled(url)
    salvage(url, target)
    with pytest.raises(DuplicatedStudyError):
        salvage(url, target)
    assert os.listdir(tmp_path) == ["study.db"]


# --------------------------------------------------------------------------------------- compact


def test_compacting_changes_nothing_that_one_can_see(url: str) -> None:
    said = filled(url)
    study = skipjack.load_study(study_name="a", storage=url)
    compact(url)
    compact(study._storage)
    with pytest.raises(Compacted):
        study._ledger.log.read(0, 0)  # type: ignore[union-attr]  # it has one
    assert all_told(study._storage, study._study_id) == said["a"]
    assert check(url)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compact(InMemoryStorage())
