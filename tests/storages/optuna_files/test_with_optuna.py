"""The real Optuna opens what is written for it, says the same, and goes on with it.

Skipped where Optuna is not installed, which it need not be. To run it, take the Python of an
environment that has Optuna 5 beside pytest and hypothesis.
"""

from __future__ import annotations

import json
import pickle
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.errors import DuplicatedStudyError, NotFoundError
from skipjack.storages import InMemoryStorage, import_optuna
from tests.storages.optuna_files.fixtures import said, told, url

optuna = pytest.importorskip("optuna", minversion="5.0")
make = pytest.importorskip("tests.storages.optuna_files.make_fixtures")


def goes_on(storage: Any) -> None:
    """Optuna runs more trials in the studies of a storage."""
    study = optuna.load_study(study_name="several objectives, with constraints", storage=storage)
    study.optimize(lambda t: (t.suggest_float("a", 0, 1), t.suggest_int("b", 0, 3)), n_trials=3)
    assert [t.number for t in study.trials] == list(range(12))
    assert study.best_trials
    study = optuna.load_study(study_name="added", storage=storage)
    study.optimize(lambda t: t.suggest_float("x", 0.0, 1.0), n_trials=2)
    assert study.trials[4].params == {"x": 1.0}, "the waiting trial comes first"
    assert study.best_value == 1.0


def opened(path: Path) -> Any:
    """A file as a storage of Optuna's."""
    return make.journal_at(path) if path.suffix == ".journal" else make.rdb(f"sqlite:///{path}")


@pytest.mark.parametrize("name", ["new.db", "new.journal"])
def test_optuna_reads_and_continues_what_is_written(
    name: str, untouched: Path, tmp_path: Path, in_tokyo: None
) -> None:
    path = tmp_path / name
    import_optuna(url(untouched / "v5.db"), url(path))
    # Through JSON, in which tuples are lists.
    assert json.loads(json.dumps(make.told(opened(path)))) == said(untouched / "v5.db")
    goes_on(opened(path))


def test_the_schema_is_optunas_own(untouched: Path, tmp_path: Path) -> None:
    def schema(path: Path) -> dict[str, str]:
        connection = sqlite3.connect(path)
        found = connection.execute("SELECT name, sql FROM sqlite_master").fetchall()
        connection.close()
        return {name: re.sub(r"\s+", " ", sql or "") for name, sql in found}

    import_optuna(url(untouched / "v5.db"), url(tmp_path / "new.db"))
    assert schema(tmp_path / "new.db") == schema(untouched / "v5.db")
    storage = opened(tmp_path / "new.db")
    assert storage.get_current_version() == storage.get_head_version()


@pytest.mark.parametrize("name", ["v5.db", "v5.journal"])
def test_studies_and_storages_of_optuna_are_taken_as_objects(
    name: str, untouched: Path, tmp_path: Path
) -> None:
    source = opened(tmp_path / name)
    for study_name in skipjack.get_all_study_names(url(untouched / "v5.db")):
        skipjack.copy_study(
            from_study_name=study_name, from_storage=url(untouched / "v5.db"), to_storage=source
        )
    target = InMemoryStorage()
    assert len(import_optuna(source, target)) == 5
    assert told(target) == told(url(untouched / "v5.db"))
    study = optuna.load_study(study_name="every kind", storage=source)
    for i, given in enumerate((study, pickle.loads(pickle.dumps(study)))):
        skipjack.copy_study(
            from_study_name=None, from_storage=given, to_storage=target, to_study_name=f"{i}"
        )
        assert len(skipjack.load_study(study_name=f"{i}", storage=target).trials) == 9
    with pytest.raises(NotFoundError, match="'mine'.*'every kind'"):
        skipjack.copy_study(from_study_name="mine", from_storage=source, to_storage=target)
    with pytest.raises((DuplicatedStudyError, optuna.exceptions.DuplicatedStudyError)):
        skipjack.copy_study(from_study_name="added", from_storage=target, to_storage=source)


def test_a_study_of_ours_goes_into_optunas_memory_and_on(untouched: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    import_optuna(url(untouched / "v5.db"), storage)
    goes_on(storage)
