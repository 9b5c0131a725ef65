"""The log in a database server: PostgreSQL, MySQL or MariaDB."""

from __future__ import annotations

import json
import random
import time
import zlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar, final
from uuid import uuid4

from skipjack import _optional, logging
from skipjack.errors import InvalidValueError, NotFoundError, StorageInternalError
from skipjack.records.attributes import to_text
from skipjack.storages.port import CATALOGUE, Batch, Compacted
from skipjack.storages.servers import TOMBSTONE, MySQL, PostgreSQL, Server

optuna_files = _optional.lazy("skipjack.storages.optuna_files")
sqlalchemy = _optional.lazy("sqlalchemy")

_logger = logging.get_logger(__name__)
_chance = random.SystemRandom()  # never the numbers that a user has seeded

T = TypeVar("T")

FORMAT = 1  # of the tables
_PATIENCE = 60.0  # seconds to wait for a server that is away before giving up
_PART = 2**18  # letters; a longer text stands in parts, of which a server takes any number
_LONG = "long"  # instead of a batch that stands in parts
_SNAPSHOT = "snapshot"  # instead of the last batch that a snapshot stands for, which is in parts
_LOCAL = ("", "localhost", "127.0.0.1", "::1")
_inherited: list[Any] = []  # connections of processes that this one was forked from


@final
class SqlLog:
    """Batches as rows (stream, position, JSON text, checksum) of one table.

    An append is durable as the server makes a commit durable. A connection that breaks is opened
    anew and the call repeated: a batch that was written twice that way counts once, since replay
    knows it by its writer and number. Our tables, all called skipjack_..., may stand beside those
    of others.

    A snapshot takes the row of the last batch that it stands for; those before are deleted.

    Args:
        url: As SQLAlchemy reads it; without a driver it takes one that is installed.
        options: What `sqlalchemy.create_engine` takes; of these `connect_args` and `creator`
            matter, since a log has a single connection and mends it itself.

    Raises:
        ValueError: If the URL cannot be understood.
        MissingDependencyError: If there is no driver.
        StorageInternalError: If the server cannot be reached or used, or the tables are of a
            newer Skipjack.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self._url, self._options = url, dict(options or {})
        self._storage = ""  # which storage it is; known once there has been a connection
        self._begin()
        self._perform(lambda cursor: None)

    def _begin(self) -> None:
        self._connection: Any = None
        self._cursor: Any = None
        self._server, url, self._shown = located(self._url)
        self._engine = sqlalchemy.create_engine(url, **self._options)
        self._driver = self._engine.dialect.dbapi

    @property
    def key(self) -> Hashable:
        """Server, database and the tables' own name."""
        url = self._engine.url
        host = url.host or url.query.get("host") or url.query.get("unix_socket") or ""
        place = ("" if host in _LOCAL else host, url.port, url.database)
        return (type(self).__name__, self._server.name, place, self._storage)

    def append(self, stream: int, batch: Batch) -> int:
        """Add a batch; see `Log.append`."""
        text = to_text(batch)
        checksum = _checksum(stream, text)

        def append_parts(cursor: Any) -> int | None:
            cursor.execute("BEGIN")
            length = self._append_parts(cursor, stream, text)
            cursor.execute("COMMIT")
            return length if length >= 0 else None

        if len(text) > _PART:
            position = self._perform(append_parts)
        else:
            position = self._perform(lambda c: self._server.append(c, stream, text, checksum))
        if position is None:
            raise _dropped(stream)
        return position

    def _append_parts(self, cursor: Any, stream: int, text: str) -> int:
        """Add a batch in the transaction of the caller; negative if the stream was dropped."""
        length = self._server.lock(cursor, stream)
        if length >= 0:
            _put(cursor, stream, length, _LONG, text)
            cursor.execute(
                "UPDATE skipjack_streams SET length = length + 1 WHERE stream = %s", (stream,)
            )
        return length

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches of a stream but the first `after`."""
        rows = self._rows(
            "SELECT position, batch, checksum FROM skipjack_log "
            "WHERE stream = %s AND position >= %s ORDER BY position",
            (stream, after),
        )
        if not rows:
            return ()
        if rows[-1][0] == TOMBSTONE:
            raise _dropped(stream)
        texts = []
        for i, (position, text, checksum) in enumerate(rows, after):
            if text == _SNAPSHOT:
                raise Compacted
            if position != i:
                raise self._damaged(f"record {i} of stream {stream} is missing")
            if text == _LONG:
                text = self._parts(stream, i)
            if checksum != _checksum(stream, text):
                if text == "" and (self.load(stream) or (0,))[0] > i:
                    raise Compacted  # between the two queries
                raise self._damaged(f"record {i} of stream {stream} has changed")
            texts.append(text)
        found: list[Batch] = json.loads(f"[{','.join(texts)}]")
        return found

    def _parts(self, stream: int, position: int) -> str:
        query = (
            "SELECT content FROM skipjack_parts WHERE stream = %s AND position = %s ORDER BY part"
        )
        return "".join([content for (content,) in self._rows(query, (stream, position))])

    def drop(self, stream: int) -> None:
        """Delete a stream; see `Log.drop`."""

        def delete(cursor: Any) -> None:
            cursor.execute("BEGIN")
            if self._server.lock(cursor, stream) >= 0:
                for table in ("skipjack_log", "skipjack_parts"):
                    cursor.execute(f"DELETE FROM {table} WHERE stream = %s", (stream,))
                cursor.execute(
                    "INSERT INTO skipjack_log VALUES (%s, %s, '', 0)", (stream, TOMBSTONE)
                )
                cursor.execute(
                    "UPDATE skipjack_streams SET length = -1 WHERE stream = %s", (stream,)
                )
            cursor.execute("COMMIT")

        self._perform(delete)

    # ------------------------------------------------------------------------ leases, snapshots

    def beat(self, worker: str) -> None:
        """Keep that a worker is alive now, by the clock of the server."""
        now, upsert = self._server.now, self._server.upsert.format(key="worker")
        query = f"INSERT INTO skipjack_leases VALUES (%s, {now}) {upsert} beat = {now}"
        self._perform(lambda cursor: cursor.execute(query, (worker,)))

    def ages(self) -> dict[str, float]:
        """Seconds since the last beat of each worker."""
        rows = self._rows(f"SELECT worker, {self._server.now} - beat FROM skipjack_leases")
        return {worker: max(0.0, float(age)) for worker, age in rows}

    def leave(self, worker: str) -> None:
        """Forget a worker."""
        query = "DELETE FROM skipjack_leases WHERE worker = %s"
        self._perform(lambda cursor: cursor.execute(query, (worker,)))

    def save(self, stream: int, position: int, text: str) -> None:
        """Let a snapshot take the place of the first batches; see `Snapshots.save`."""

        def replace(cursor: Any) -> bool:
            cursor.execute("BEGIN")
            is_there = self._server.lock(cursor, stream) >= 0
            if is_there and _snapshot(cursor, stream)[0] < position:
                for table in ("skipjack_log", "skipjack_parts"):
                    cursor.execute(
                        f"DELETE FROM {table} WHERE stream = %s AND position < %s",
                        (stream, position),
                    )
                _put(cursor, stream, position - 1, _SNAPSHOT, text)
            cursor.execute("COMMIT")
            return is_there

        if not self._perform(replace):
            raise _dropped(stream)

    def load(self, stream: int) -> tuple[int, str] | None:
        """The newest snapshot of a stream and its position; see `Snapshots.load`."""
        position, text, checksum = self._perform(lambda cursor: _snapshot(cursor, stream))
        if position > TOMBSTONE:
            raise _dropped(stream)
        if position == 0:
            return None
        if checksum != _checksum(stream, text):
            raise self._damaged(f"the snapshot of stream {stream} has changed")
        return position, text

    # ---------------------------------------------------------------------------- connection

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            try:
                connection.close()
            except self._driver.Error:
                pass  # it was lost before

    def reset(self) -> None:
        """Leave a connection of the parent process alone, and open one when needed."""
        # Closing it, or letting it be collected, might say good-bye in the parent's name.
        _inherited.append((self._connection, self._cursor))
        self._connection = self._cursor = None

    def __del__(self) -> None:
        if getattr(self, "_connection", None) is not None:
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"_url": self._url, "_options": self._options, "_storage": self._storage}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> Sequence[Any]:
        def fetch(cursor: Any) -> Sequence[Any]:
            cursor.execute(query, values)
            found: Sequence[Any] = cursor.fetchall()
            return found

        return self._perform(fetch)

    def _perform(self, action: Callable[[Any], T]) -> T:
        """Do something with the connection, as often as it takes while the server is away."""
        deadline, pause = time.monotonic() + _PATIENCE, 0.01
        while True:
            try:
                if self._cursor is None:
                    self._connect()
                return action(self._cursor)
            except BaseException as error:
                # Whatever is half done on the connection ends with it.
                is_connected = self._connection is not None
                self.close()
                if not isinstance(error, self._driver.Error):
                    raise
                if not self._server.is_passing(error, was_open=bool(self._storage)):
                    raise self._explained(error, is_connected) from error
                if time.monotonic() > deadline:
                    raise self._given_up(error) from error
            time.sleep(pause * _chance.uniform(0.5, 1.0))
            pause = min(2 * pause, 1.0)

    def _connect(self) -> None:
        dialect = self._engine.dialect
        arguments, named = dialect.create_connect_args(self._engine.url)
        named = self._server.completed({**named, **self._options.get("connect_args", {})})
        creator = self._options.get("creator")
        try:
            made = creator() if creator is not None else dialect.connect(*arguments, **named)
        except (OSError, RuntimeError, TypeError) as error:  # no connection, but no `Error`
            raise self._explained(error, is_connected=False) from error
        self._connection = made
        dialect.set_isolation_level(made, "AUTOCOMMIT")
        cursor = made.cursor()
        self._server.prepare(cursor)
        self._check(cursor)
        self._cursor = cursor

    def _check(self, cursor: Any) -> None:
        """Make the tables when they are missing, or check that they are those of before."""
        if not self._server.has_tables(cursor):
            if self._storage:
                raise self._replaced()
            is_optunas = optuna_files.is_optunas(self._server.table_names(cursor), self._shown)
            also = optuna_files.IMPORTED if is_optunas else {}
            self._server.create(cursor, FORMAT, uuid4().hex, also)
        cursor.execute("SELECT version, storage FROM skipjack_format")
        rows = cursor.fetchall()
        if len(rows) != 1:
            raise self._damaged(f"skipjack_format has {len(rows)} rows")
        version, storage = rows[0]
        if version > FORMAT:
            raise StorageInternalError(
                f"{self._shown} was written by a newer Skipjack (format {version}, this version "
                f"knows {FORMAT}). Upgrade with: pip install -U skipjack"
            )
        if self._storage not in ("", storage):
            raise self._replaced()
        if not self._storage and optuna_files.IMPORTED.keys() & self._server.table_names(cursor):
            self._import(cursor)
        self._storage = storage

    def _import(self, cursor: Any) -> None:
        """Take over what Optuna has in the database, once, all or nothing."""

        def execute(statement: str) -> Sequence[Any]:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else ()

        def insert(stream: int, batch: Batch) -> None:
            self._append_parts(cursor, stream, to_text(batch))

        if optuna_files.check_growth(execute, self._shown):
            return
        cursor.execute("BEGIN")
        self._server.lock(cursor, CATALOGUE)
        news = optuna_files.import_tables(execute, self._shown, insert)
        cursor.execute("COMMIT")
        if news is not None:
            _logger.info(news)

    # -------------------------------------------------------------------------------- errors

    def _damaged(self, what: str) -> StorageInternalError:
        return StorageInternalError(
            f"{self._shown} is damaged: {what}. Nothing was changed in it; restore it from a "
            f"copy, or use another database."
        )

    def _replaced(self) -> StorageInternalError:
        return StorageInternalError(
            f"The tables of Skipjack in {self._shown} were deleted or replaced while they were in "
            f"use, so nothing more is written. Restore them, or open the study again."
        )

    def _explained(self, error: Exception, is_connected: bool) -> StorageInternalError:
        hint = self._server.hint(error)
        if not hint and is_connected:
            hint = "Are its tables skipjack_... as Skipjack made them? Nothing was changed in them."
        elif not hint:
            hint = "Is the server running there, and the URL right?"
        return StorageInternalError(
            f"{self._server.name} cannot use {self._shown}: {_text(error)}. {hint}"
        )

    def _given_up(self, error: Exception) -> StorageInternalError:
        return StorageInternalError(
            f"{self._server.name} at {self._shown} has been away, or has kept the study locked, "
            f"for more than {_PATIENCE:.0f} s: {_text(error)}. What was told before is kept; once "
            f"the server is back, load the study and go on."
        )


def located(text: str) -> tuple[Server, Any, str]:
    """The server that a URL names, the URL with a driver, and the URL as it may be shown.

    Raises:
        ValueError: If the URL cannot be understood.
        MissingDependencyError: If there is no driver.
    """
    try:
        url = sqlalchemy.make_url(text)
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        raise InvalidValueError(
            "`storage` must be a URL such as 'postgresql://user:password@host/name', with "
            "special characters of the password written as urllib.parse.quote does."
        ) from error
    server: Server = PostgreSQL() if url.drivername.startswith("postgres") else MySQL()
    dialect, _, driver = url.drivername.replace("postgres:", "postgresql:").partition("+")
    dialect = "postgresql" if dialect == "postgres" else dialect
    url = url.set(drivername=f"{dialect}+{server.driver(driver)}")
    shown = url.set(drivername=dialect, query={}).render_as_string(hide_password=True)
    return server, url, shown


def log_at(url: str, options: Mapping[str, Any]) -> SqlLog:
    """The log that a URL names, with options of `sqlalchemy.create_engine`."""
    return SqlLog(url, options)


def _text(error: Exception) -> str:
    parts = [part for part in error.args if isinstance(part, str)]
    return " ".join(" ".join(parts or [type(error).__name__]).split()).rstrip(".")


def _dropped(stream: int) -> NotFoundError:
    return NotFoundError(f"No study with id {stream}; it was deleted.")


def _put(cursor: Any, stream: int, position: int, kind: str, text: str) -> None:
    """Write a text in parts, and that it stands at a position."""
    for i in range(0, max(1, len(text)), _PART):
        cursor.execute(
            "INSERT INTO skipjack_parts VALUES (%s, %s, %s, %s)",
            (stream, position, i // _PART, text[i : i + _PART]),
        )
    cursor.execute(
        "INSERT INTO skipjack_log VALUES (%s, %s, %s, %s)",
        (stream, position, kind, _checksum(stream, text)),
    )


def _snapshot(cursor: Any, stream: int) -> tuple[int, str, int]:
    """A stream's snapshot: how many batches it stands for, its text, and the checksum of that.

    Zero batches if there is none; more than `TOMBSTONE` if the stream was dropped.
    """
    cursor.execute(
        "SELECT log.position, log.batch, log.checksum, parts.content FROM skipjack_log AS log "
        "LEFT JOIN skipjack_parts AS parts ON parts.stream = log.stream "
        "AND parts.position = log.position AND log.batch = %s WHERE log.stream = %s "
        "AND log.position = (SELECT min(position) FROM skipjack_log WHERE stream = %s) "
        "ORDER BY parts.part",
        (_SNAPSHOT, stream, stream),
    )
    rows = cursor.fetchall()
    if not rows or (rows[0][1] != _SNAPSHOT and rows[0][0] != TOMBSTONE):
        return 0, "", 0
    return rows[0][0] + 1, "".join([content or "" for *_, content in rows]), rows[0][2]


def _checksum(stream: int, text: str) -> int:
    return zlib.crc32(text.encode(), stream + 1)
