"""Optuna's tables in its newest schema, and a study written into them."""

from __future__ import annotations

import datetime
import functools
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from skipjack import _optional
from skipjack.distributions import distribution_to_json
from skipjack.errors import DuplicatedStudyError
from skipjack.records.attributes import packed
from skipjack.records.frozen import FrozenTrial
from skipjack.records.times import epoch_seconds, local_time
from skipjack.storages.optuna_files.tables import REVISION, Tables
from skipjack.storages.whole import WholeStudy

sa = _optional.lazy("sqlalchemy")

_LIBRARY = "5.0.0"  # whose schema and whose times these are
_SCHEMA_VERSION = 12  # of before `REVISION`; it has not changed since
_KINDS = ("FINITE", "INF_POS", "INF_NEG")


@functools.cache
def _metadata() -> Any:
    """The tables, as SQLAlchemy describes them."""
    metadata = sa.MetaData()
    for name, key, *columns in (*_of_studies(), *_of_trials()):
        sa.Table(name, metadata, sa.Column(key, sa.Integer, primary_key=True), *columns)
    sa.Table(
        "version_info",
        metadata,
        sa.Column("version_info_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("schema_version", sa.Integer),
        sa.Column("library_version", sa.String(256)),
        sa.CheckConstraint("version_info_id=1"),
    )
    sa.Table(
        "alembic_version",
        metadata,
        sa.Column("version_num", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    )
    return metadata


def _of_studies() -> Iterator[tuple[Any, ...]]:
    """Name, key and columns of the tables about studies."""
    yield "studies", "study_id", _short("study_name", index=True, unique=True, nullable=False)
    yield (
        "study_directions",
        "study_direction_id",
        _one_of("direction", "studydirection", "NOT_SET", "MINIMIZE", "MAXIMIZE"),
        _owner("study_id", nullable=False),
        _whole("objective"),
        sa.UniqueConstraint("study_id", "objective"),
    )
    yield from _of_attributes("study")


def _of_trials() -> Iterator[tuple[Any, ...]]:
    """Name, key and columns of the tables about trials."""
    yield (
        "trials",
        "trial_id",
        sa.Column("number", sa.Integer),
        _owner("study_id", index=True),
        _one_of("state", "trialstate", "RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING"),
        sa.Column("datetime_start", sa.DateTime),
        sa.Column("datetime_complete", sa.DateTime),
    )
    yield from _of_attributes("trial")
    yield (
        "trial_params",
        "param_id",
        _owner("trial_id"),
        _short("param_name"),
        sa.Column("param_value", sa.Float(precision=53)),
        sa.Column("distribution_json", sa.Text),
        sa.UniqueConstraint("trial_id", "param_name"),
    )
    for name, value, place, kinds in (
        ("trial_value", "value", "objective", _KINDS),
        ("trial_intermediate_value", "intermediate_value", "step", (*_KINDS, "NAN")),
    ):
        yield (
            f"{name}s",
            f"{name}_id",
            _owner("trial_id", nullable=False),
            _whole(place),
            sa.Column(value, sa.Float(precision=53)),
            _one_of(f"{value}_type", f"{name.replace('_', '')}type", *kinds),
            sa.UniqueConstraint("trial_id", place),
        )
    yield (
        "trial_heartbeats",
        "trial_heartbeat_id",
        _owner("trial_id", nullable=False),
        sa.Column("heartbeat", sa.DateTime, nullable=False),
        sa.UniqueConstraint("trial_id"),
    )


def _of_attributes(of: str) -> Iterator[tuple[Any, ...]]:
    for whose in ("user", "system"):
        yield (
            f"{of}_{whose}_attributes",
            f"{of}_{whose}_attribute_id",
            _owner(f"{of}_id"),
            _short("key"),
            sa.Column("value_json", sa.Text),
            sa.UniqueConstraint(f"{of}_id", "key"),
        )


def _short(name: str, **options: Any) -> Any:
    return sa.Column(name, sa.String(512), **options)


def _whole(name: str) -> Any:
    return sa.Column(name, sa.Integer, nullable=False)


def _one_of(column: str, name: str, *names: str) -> Any:
    return sa.Column(column, sa.Enum(*names, name=name), nullable=False)


def _owner(key: str, **options: Any) -> Any:
    table = "studies" if key == "study_id" else "trials"
    return sa.Column(key, sa.Integer, sa.ForeignKey(f"{table}.{key}"), **options)


def write(connection: Any, study: WholeStudy, where: str) -> None:
    """Add a study, and the tables if they are missing, in the transaction of a connection.

    Raises:
        DuplicatedStudyError: If its name is taken.
        StorageInternalError: If the tables there are of another schema than Optuna's from 3.0 on.
    """
    tables = _metadata().tables
    if not sa.inspect(connection).has_table("version_info"):
        _metadata().create_all(connection)
        connection.execute(
            tables["version_info"].insert(),
            {"version_info_id": 1, "schema_version": _SCHEMA_VERSION, "library_version": _LIBRARY},
        )
        connection.execute(tables["alembic_version"].insert(), {"version_num": REVISION})
    known = Tables(lambda query: connection.exec_driver_sql(query).fetchall(), where)
    try:
        inserted = connection.execute(tables["studies"].insert(), {"study_name": study.name})
    except sa.exc.IntegrityError as error:
        raise DuplicatedStudyError(
            f"A study named {study.name!r} exists in {where} already. Choose another name."
        ) from error
    (study_id,) = inserted.inserted_primary_key

    def insert(table: str, rows: list[dict[str, Any]]) -> None:
        if rows:
            connection.execute(tables[table].insert(), rows)

    insert(
        "study_directions",
        [
            {"study_id": study_id, "direction": direction.name, "objective": i}
            for i, direction in enumerate(study.directions)
        ],
    )
    for whose, attrs in (("user", study.user), ("system", study.system)):
        insert(f"study_{whose}_attributes", list(_attributes("study_id", study_id, attrs)))
    insert(
        "trials",
        [
            {
                "number": number,
                "study_id": study_id,
                "state": trial.state.name,
                "datetime_start": _time(trial.datetime_start, known.has_utc),
                "datetime_complete": _time(trial.datetime_complete, known.has_utc),
            }
            for number, trial in enumerate(study.trials)
        ],
    )
    trials = tables["trials"]
    ids = connection.execute(
        sa.select(trials.c.trial_id).where(trials.c.study_id == study_id).order_by(trials.c.number)
    ).scalars()
    pairs = list(zip(ids, study.trials, strict=True))
    for table, rows in _ROWS_OF_TRIALS.items():
        insert(table, [row for trial_id, trial in pairs for row in rows(trial_id, trial)])


def _attributes(key: str, id_: int, attrs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in attrs.items():
        yield {key: id_, "key": name, "value_json": json.dumps(value)}


def _params(trial_id: int, trial: FrozenTrial) -> Iterator[dict[str, Any]]:
    for name, value in trial.params.items():
        dist = trial.distributions[name]
        yield {
            "trial_id": trial_id,
            "param_name": name,
            "param_value": dist.to_internal_repr(value),
            "distribution_json": distribution_to_json(dist),
        }


def _values(trial_id: int, trial: FrozenTrial) -> Iterator[dict[str, Any]]:
    for objective, value in enumerate(trial.values or ()):
        yield {"trial_id": trial_id, "objective": objective, **_number("value", value)}


def _reports(trial_id: int, trial: FrozenTrial) -> Iterator[dict[str, Any]]:
    for step, value in packed(trial.intermediate_values, trial.metrics)[0].items():
        yield {"trial_id": trial_id, "step": step, **_number("intermediate_value", value)}


_RowsOfTrial = Callable[[int, FrozenTrial], Iterator[dict[str, Any]]]
_ROWS_OF_TRIALS: dict[str, _RowsOfTrial] = {
    "trial_params": _params,
    "trial_values": _values,
    "trial_intermediate_values": _reports,
    "trial_user_attributes": lambda id_, t: _attributes("trial_id", id_, t.user_attrs),
    "trial_system_attributes": lambda id_, t: _attributes(
        "trial_id", id_, {**t.system_attrs, **packed(t.intermediate_values, t.metrics)[1]}
    ),
}


def _number(column: str, value: float) -> dict[str, Any]:
    if math.isfinite(value):
        return {column: value, f"{column}_type": "FINITE"}
    kind = "NAN" if math.isnan(value) else "INF_POS" if value > 0 else "INF_NEG"
    return {column: None, f"{column}_type": kind}


def _time(time: datetime.datetime | None, in_utc: bool) -> datetime.datetime | None:
    seconds = epoch_seconds(time)
    if seconds is None or not in_utc:
        return local_time(seconds)
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).replace(tzinfo=None)
