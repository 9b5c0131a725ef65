"""What the tables of Optuna's databases say, from the schema of version 3.0 on.

All servers are asked in the same words. What a database holds that Optuna cannot have written is
damage, and never guessed at.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any, TypeVar, final

from skipjack.errors import StorageInternalError
from skipjack.records.frozen import FrozenTrial
from skipjack.records.states import StudyDirection, TrialState
from skipjack.storages.optuna_files.judging import (
    WRONG,
    Dists,
    Head,
    damaged,
    number,
    put_param,
    require,
    whole,
)
from skipjack.storages.whole import WholeStudy

T = TypeVar("T")
Execute = Callable[[str], Iterable[Sequence[Any]]]  # from a statement to its rows

_TABLES = {"studies", "trials", "version_info"}  # what tells a database of Optuna
REVISION = "v3.2.0.a"  # the newest of the schema
_REVISIONS = ("v3.0.0.d", REVISION)
_OLDER = ("v0.", "v1.", "v2.", "v3.0.0.a", "v3.0.0.b", "v3.0.0.c")
_UTC_SINCE = 5  # before this version of Optuna, times are those of the writer's place
_SPECIAL = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


def is_optunas(tables: Set[str], where: str) -> bool:
    """Whether the names of its tables tell a database of Optuna.

    Raises:
        StorageInternalError: If it does, but of one that is too old.
    """
    if tables >= _TABLES and "alembic_version" not in tables:
        raise _too_old(where, "has Optuna's schema of before version 1")
    return tables >= _TABLES


@final
class Tables:
    """The studies in a database of Optuna's.

    Args:
        rows: Answers queries, all from one state of the database.
        where: What to call the database.

    Raises:
        StorageInternalError: If its schema is none that is known.
    """

    def __init__(self, rows: Execute, where: str) -> None:
        self._rows, self._where, self._dists = rows, where, Dists()
        try:
            self.has_utc = self._check()
        except WRONG as error:
            raise damaged(where, error) from error

    def _check(self) -> bool:
        """Check the schema; whether times are in UTC."""
        (revision,) = [r for (r,) in self._rows("SELECT version_num FROM alembic_version")]
        if revision.startswith(_OLDER):
            raise _too_old(self._where, f"has Optuna's schema {revision}, of before version 3.0")
        if revision not in _REVISIONS:
            raise StorageInternalError(
                f"{self._where} has Optuna's schema {revision}, and this version of Skipjack "
                f"knows {' and '.join(_REVISIONS)}. Upgrade with: pip install -U skipjack"
            )
        (library,) = [v for (v,) in self._rows("SELECT library_version FROM version_info")]
        return int(library.partition(".")[0]) >= _UTC_SINCE

    def heads(self) -> list[Head]:
        """All studies, in the order in which they were made."""
        try:
            heads = {
                study_id: Head(_of(int, study_id), _of(str, name), [])
                for study_id, name in self._rows(
                    "SELECT study_id, study_name FROM studies ORDER BY study_id"
                )
            }
            for study_id, objective, direction in self._rows(
                "SELECT study_id, objective, direction FROM study_directions "
                "ORDER BY study_id, objective"
            ):
                directions = heads[study_id].directions
                require(objective == len(directions), f"objective {objective} of a study")
                directions.append(StudyDirection[direction])
            require(all(head.directions for head in heads.values()), "study without direction")
        except WRONG as error:
            raise damaged(self._where, error) from error
        return list(heads.values())

    def n_trials(self) -> int:
        """A number that grows with every trial made in any study."""
        ((highest,),) = self._rows("SELECT max(trial_id) FROM trials")
        return highest or 0

    def study(self, head: Head) -> WholeStudy:
        """A study with all its trials."""
        try:
            user, system = (self._study_attrs(of, head.study_id) for of in ("user", "system"))
            trials = self._trials(head.study_id, len(head.directions))
            return whole(head, user, system, trials)
        except WRONG as error:
            raise damaged(f"Study {head.name!r} in {self._where}", error) from error

    def _study_attrs(self, kind: str, study_id: int) -> dict[str, Any]:
        rows = self._rows(
            f"SELECT a.key, a.value_json FROM study_{kind}_attributes a "
            f"WHERE a.study_id = {study_id} ORDER BY a.study_{kind}_attribute_id"
        )
        return {_of(str, key): json.loads(text) for key, text in rows}

    def _trials(self, study_id: int, n_objectives: int) -> list[FrozenTrial]:
        by_id = {
            _of(int, trial_id): FrozenTrial(
                number=_of(int, place),
                state=TrialState[state],
                value=None,
                datetime_start=self._time(start),
                datetime_complete=self._time(complete),
                params={},
                distributions={},
                user_attrs={},
                system_attrs={},
                intermediate_values={},
                trial_id=trial_id,
            )
            for trial_id, place, state, start, complete in self._rows(
                "SELECT trial_id, number, state, datetime_start, datetime_complete "
                f"FROM trials WHERE study_id = {study_id} ORDER BY number"
            )
        }

        def each(table: str, columns: str, order: str) -> Iterator[tuple[FrozenTrial, Any]]:
            rows = self._rows(
                f"SELECT a.trial_id, {columns} FROM {table} a WHERE a.trial_id IN "
                f"(SELECT trial_id FROM trials WHERE study_id = {study_id}) ORDER BY {order}"
            )
            # A trial that came after the first query is not in it.
            return ((by_id[row[0]], row[1:]) for row in rows if row[0] in by_id)

        params = "a.param_name, a.param_value, a.distribution_json"
        for trial, (name, value, text) in each("trial_params", params, "a.param_id"):
            put_param(trial, _of(str, name), value, self._dists[text])
        for trial, (objective, value, kind) in each(
            "trial_values", "a.objective, a.value, a.value_type", "a.objective"
        ):
            values = trial.values or []
            require(objective == len(values) < n_objectives, f"objective {objective} of a trial")
            trial.values = [*values, _number(value, kind)]
        for trial, (step, value, kind) in each(
            "trial_intermediate_values",
            "a.step, a.intermediate_value, a.intermediate_value_type",
            "a.trial_intermediate_value_id",
        ):
            trial.intermediate_values[_of(int, step)] = _number(value, kind)
        for which in ("user", "system"):
            for trial, (key, text) in each(
                f"trial_{which}_attributes", "a.key, a.value_json", f"a.trial_{which}_attribute_id"
            ):
                attrs = trial.user_attrs if which == "user" else trial.system_attrs
                attrs[_of(str, key)] = json.loads(text)
        return list(by_id.values())

    def _time(self, told: Any) -> datetime.datetime | None:
        """A time: aware of UTC, or naive local time."""
        if told is None:
            return None
        time = (
            told if isinstance(told, datetime.datetime) else datetime.datetime.fromisoformat(told)
        )
        return time.replace(tzinfo=datetime.timezone.utc) if self.has_utc else time


def _too_old(where: str, what: str) -> StorageInternalError:
    return StorageInternalError(
        f"{where} {what}. Upgrade it with Optuna first: optuna storage upgrade --storage URL"
    )


def _number(value: Any, kind: str) -> float:
    return number(value) if kind == "FINITE" else _SPECIAL[kind]


def _of(kind: type[T], value: Any) -> T:
    """A value of the type that its column has; SQLite would hold any other as well."""
    if type(value) is not kind:
        raise ValueError(f"unexpected {value!r} for {kind.__name__}")
    return value
