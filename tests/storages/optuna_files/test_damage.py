"""Damaged files of Optuna's: an error that says so, or what is intact, and never a wrong value.

Optuna's files have no checksums, so a letter that became another letter cannot be noticed. What can
be asked of a damaged file is that it is read as what it says now, by rules that are written here
a second time: SQLite's own answers for a database, lines of JSON for a journal.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from skipjack.errors import StorageInternalError
from tests.storages.optuna_files.fixtures import told, url

Studies = list[dict[str, Any]]

# So many damaged files of each kind are looked at; SKIPJACK_FUZZ=10000 takes half an hour.
MANY = int(os.environ.get("SKIPJACK_FUZZ", "1000"))


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The content, cut off or with some bytes changed."""
    if chance.random() < 0.2:
        return content[: chance.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 3))):
        changed[chance.randrange(len(content))] ^= chance.choice(
            (1 << chance.randrange(8), chance.randrange(1, 256))
        )
    return bytes(changed)


def read(path: Path) -> Studies | None:
    """What is read; None if there was an error that says what is wrong."""
    try:
        return told(url(path))
    except StorageInternalError as error:
        assert str(path) in str(error)
        return None


def without_params(trial: dict[str, Any]) -> dict[str, Any]:
    """The rest of a trial."""
    return {k: v for k, v in trial.items() if k not in ("params", "distributions")}


def by_name(studies: Studies) -> dict[tuple[str, int], Any]:
    """Trials by the name of their study and their number."""
    return {(s["name"], t["number"]): t for s in studies for t in s["trials"]}


# ----------------------------------------------------------------------------------- journals


class Owners:
    """Which trial each line of a journal is about, by the name of its study and its number."""

    def __init__(self, content: bytes) -> None:
        self.trials: list[tuple[str, int]] = []
        self.lines: list[tuple[str, int] | None] = []  # None: about studies
        names: list[str] = []
        numbers: Counter[str] = Counter()
        for line in content.splitlines():
            operation = json.loads(line)
            if operation["op_code"] == 0:
                names.append(operation["study_name"])
            elif operation["op_code"] == 4:
                name = names[operation["study_id"]]
                self.trials.append((name, numbers[name]))
                numbers[name] += 1
            self.lines.append(self.of(operation))

    def of(self, operation: dict[str, Any]) -> tuple[str, int] | None:
        """The trial that an operation is about."""
        code = operation["op_code"]
        return self.trials[operation["trial_id"] if code > 4 else -1] if code >= 4 else None

    def touched(self, changed: dict[int, bytes]) -> set[tuple[str, int]] | None:
        """The trials that these lines, now otherwise, were or are about; None if about more."""
        found: set[tuple[str, int]] = set()
        for i, line in changed.items():
            before = self.lines[i]
            try:
                operation = json.loads(line)
                if before is None or operation["op_code"] <= 4:
                    return None  # which study is which, or which trial
                found |= {before, self.trials[operation["trial_id"]]}
            except ValueError:  # passed over
                if before is None:
                    return None
                found.add(before)
        return found


def fuzz_journal(content: bytes, folder: Path, n: int, seed: int) -> Counter[str]:
    """Damage a journal n times; what came of it."""
    path, chance = folder / "damaged.journal", random.Random(seed)
    path.write_bytes(content)
    intact, owners = by_name(told(url(path))), Owners(content)
    lines, counts = content.splitlines(keepends=True), Counter[str]()
    for _ in range(n):
        changed = damaged(content, chance)
        path.write_bytes(changed)
        found = read(path)
        counts["error" if found is None else "read"] += 1
        if found is None:
            continue
        now = changed.splitlines(keepends=True)
        touched: set[tuple[str, int]] | None = None
        if len(now) == len(lines):  # otherwise it was cut off, or a line end has changed
            touched = owners.touched({i: now[i] for i, old in enumerate(lines) if now[i] != old})
        elif content.startswith(changed[: changed.rfind(b"\n") + 1]):
            rest = owners.lines[changed.count(b"\n") :]
            touched = None if None in rest else {owner for owner in rest if owner is not None}
        if touched is None:
            continue
        trials = by_name(found)
        for key in intact.keys() - touched:
            same = without_params(trials[key]) == without_params(intact[key])
            # A parameter that is of another kind than in a damaged trial before has no effect.
            near = any(name == key[0] for name, _ in touched)
            assert trials[key] == intact[key] or (near and same), (key, touched)
            counts["trials intact"] += 1
    return counts


def test_a_damaged_journal_is_an_error_or_loses_nothing_that_is_intact(
    untouched: Path, tmp_path: Path
) -> None:
    counts = fuzz_journal((untouched / "v5.journal").read_bytes(), tmp_path, 100, seed=1)
    assert counts["error"] > 20 and counts["read"] > 20, counts


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_damaged_journals(untouched: Path, tmp_path: Path) -> None:
    print(fuzz_journal((untouched / "v5.journal").read_bytes(), tmp_path, MANY, seed=2))


# ---------------------------------------------------------------------------------- databases


def numbers_in(path: Path) -> dict[str, set[Any]]:
    """All numbers and texts that a database says it has, by SQLite itself."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return {
            "values": {v for (v,) in connection.execute("SELECT value FROM trial_values")},
            "params": {v for (v,) in connection.execute("SELECT param_value FROM trial_params")},
            "names": {v for (v,) in connection.execute("SELECT study_name FROM studies")},
            "trials": {v for (v,) in connection.execute("SELECT count(*) FROM trials")},
        }
    finally:
        connection.close()


def fuzz_database(content: bytes, folder: Path, n: int, seed: int) -> Counter[str]:
    """Damage a database n times; what came of it."""
    path, chance, counts = folder / "damaged.db", random.Random(seed), Counter[str]()
    for _ in range(n):
        path.write_bytes(damaged(content, chance))
        found = read(path)
        counts["error" if found is None else "read"] += 1
        if found is None:
            continue
        there = numbers_in(path)
        assert {study["name"] for study in found} == there["names"]
        trials = [t for s in found for t in s["trials"] if "fail_reason" not in t["system_attrs"]]
        assert len(trials) <= min(there["trials"])
        for trial in trials:
            values = {float.fromhex(v) for v in trial["values"] or ()}
            assert {v for v in values if abs(v) != float("inf")} <= there["values"]
            for name, kind, value in trial["params"]:
                if kind == "float" and trial["distributions"][name]["name"] == "FloatDistribution":
                    assert float.fromhex(value) in there["params"]
    return counts


def test_a_damaged_database_is_an_error_or_what_sqlite_says(
    untouched: Path, tmp_path: Path
) -> None:
    counts = fuzz_database((untouched / "v5.db").read_bytes(), tmp_path, 100, seed=1)
    assert counts["error"] > 20 and counts["read"] > 20, counts


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_damaged_databases(untouched: Path, tmp_path: Path) -> None:
    print(fuzz_database((untouched / "v5.db").read_bytes(), tmp_path, MANY, seed=2))
