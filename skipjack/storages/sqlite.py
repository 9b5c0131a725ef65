"""The log in an SQLite file, for any number of processes on one machine."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, TypeVar, final
from urllib.parse import quote

from skipjack import _optional, platform
from skipjack.errors import NotFoundError, StorageInternalError
from skipjack.records.attributes import to_text
from skipjack.storages.port import Batch

sqlite3 = _optional.lazy("sqlite3")

T = TypeVar("T")

FORMAT = 1  # of the tables below
_PATIENCE = 60.0  # seconds to wait for other processes before giving up
_CHECKED_WHOLE = 256 * 2**20  # bytes; larger files are not checked when they are opened
_SPAN = 2**40  # id = (stream + 1) * _SPAN + position: rows of a stream stand together
_TOMBSTONE = _SPAN - 1  # the position of one
_SMALLEST = 512  # bytes; SQLite takes a smaller file for an empty one
_OUR_TABLES = {
    "skipjack_log": "CREATE TABLE skipjack_log "
    "(id INTEGER PRIMARY KEY, batch TEXT NOT NULL, crc INTEGER NOT NULL)",
    "skipjack_format": "CREATE TABLE skipjack_format (version INTEGER NOT NULL)",
}
_OPTUNAS_TABLES = {"studies", "trials", "version_info"}


@final
class SqliteLog:
    """Batches as rows (id, JSON text, checksum) of one table.

    Write-ahead logging with full synchronisation: what is committed survives SIGKILL and power
    loss, and readers never wait for writers. On a network file system a rollback journal.

    Args:
        path: The file; made, with its tables, when it does not exist.

    Raises:
        StorageInternalError: If it cannot be opened, is no database, or is of a newer Skipjack.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.path.abspath(path)
        self._begin()
        self._perform(lambda connection: None, may_create=True)

    def _begin(self) -> None:
        self._connection: Any = None
        self._inherited: list[Any] = []
        self._file: tuple[int, int] | None = None  # device and inode of what is open
        self._is_snapshot = False  # whether the connection does not see what others write

    @property
    def key(self) -> Hashable:
        """The file itself, by whatever path."""
        return (type(self).__name__, self._file)

    def append(self, stream: int, batch: Batch) -> int:
        """Add a batch; see `Log.append`."""
        text = to_text(batch)
        row = (text, _checksum(stream, text))

        def insert(connection: Any) -> int:
            position = _length(connection, stream)
            if position > _TOMBSTONE:
                raise NotFoundError(f"No study with id {stream}; it was deleted.")
            connection.execute(
                "INSERT INTO skipjack_log VALUES (?, ?, ?)", (_id(stream, position), *row)
            )
            return position

        return self._write(insert)

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches of a stream but the first `after`."""
        first = _id(stream, after)
        rows = self._perform(
            lambda connection: connection.execute(
                "SELECT id, batch, crc FROM skipjack_log WHERE id BETWEEN ? AND ? ORDER BY id",
                (first, _id(stream, _TOMBSTONE)),
            ).fetchall()
        )
        if self._is_snapshot:
            self.close()
        if rows and rows[-1][0] == _id(stream, _TOMBSTONE):
            raise NotFoundError(f"No study with id {stream}; it was deleted.")
        for i, (id_, text, checksum) in enumerate(rows):
            if id_ != first + i:
                raise self._damaged(f"record {after + i} of stream {stream} is missing")
            if checksum != _checksum(stream, text):
                raise self._damaged(f"record {after + i} of stream {stream} has changed")
        found: list[Batch] = json.loads(f"[{','.join(text for _, text, _ in rows)}]")
        return found

    def drop(self, stream: int) -> None:
        """Delete a stream; see `Log.drop`."""

        def delete(connection: Any) -> None:
            between = (_id(stream, 0), _id(stream, _TOMBSTONE))
            connection.execute("DELETE FROM skipjack_log WHERE id BETWEEN ? AND ?", between)
            connection.execute("INSERT INTO skipjack_log VALUES (?, '', 0)", between[1:])

        self._write(delete)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def reset(self) -> None:
        """Leave a connection of the parent process alone, and open one when needed."""
        # Closing it here would drop the locks that the parent holds on the file (POSIX locks
        # belong to the process), so it is kept open, unused.
        self._inherited.append(self._connection)
        self._connection = None

    def __del__(self) -> None:
        if getattr(self, "_connection", None) is not None:
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"_path": self._path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._path = state["_path"]
        self._begin()
        self._perform(lambda connection: None)

    # ---------------------------------------------------------------------------- connection

    def _perform(self, action: Callable[[Any], T], may_create: bool = False) -> T:
        """Do something with the connection, waiting for other processes as long as needed."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                if self._connection is None:
                    self._connection = self._open(may_create)
                return action(self._connection)
            except (sqlite3.Error, UnicodeError) as error:  # the latter if a message is damaged
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise self._explained(error) from error
                time.sleep(0.01)

    def _write(self, action: Callable[[Any], T]) -> T:
        """Do something in a transaction: all of it or nothing, durable on return."""

        def transaction(connection: Any) -> T:
            if self._identity() != self._file:
                raise StorageInternalError(
                    f"{self._path} was deleted or replaced while it was in use, so nothing more "
                    f"is written. What was told before is still known to this process: save it "
                    f"with skipjack.copy_study(from_storage=study._storage, to_storage=...)."
                )
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = action(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

        return self._perform(transaction)

    def _open(self, may_create: bool) -> Any:
        known = self._file
        if not may_create and (known or self._identity()) != self._identity():
            raise StorageInternalError(
                f"{self._path} was deleted or replaced while it was in use. Move it back, or open "
                f"the study again."
            )
        if not may_create and self._identity() is None:
            raise StorageInternalError(f"{self._path} does not exist (any more).")
        # Only by its size: closing the file here would drop the locks of all our connections to it.
        if os.path.isfile(self._path) and 0 < os.path.getsize(self._path) < _SMALLEST:
            raise self._damaged("it is too small for an SQLite database, which would overwrite it")
        if os.path.exists(self._path) and not _is_writable(self._path):
            connection = self._open_for_reading()
        else:
            # Waiting happens in `_perform`, so that Ctrl-C is heard.
            connection = self._connect(self._path)
        try:
            self._prepare(connection, check=may_create)
            self._file = self._identity()
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, database: str, uri: bool = False) -> Any:
        return sqlite3.connect(
            database, timeout=1.0, isolation_level=None, check_same_thread=False, uri=uri
        )

    def _open_for_reading(self) -> Any:
        """A connection to a file that must not be written; appends will say so."""
        location = f"file:{quote(Path(self._path).as_posix())}?mode=ro"
        connection = self._connect(location, uri=True)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            if os.path.exists(f"{self._path}-wal"):
                raise
            # Nobody writes to it: then it can be read without the files that a reader needs.
            connection = self._connect(f"{location}&immutable=1", uri=True)
            self._is_snapshot = True
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _prepare(self, connection: Any, check: bool) -> None:
        """Make the tables when they are missing, or check that they are ours and intact."""
        tables = _tables(connection)
        ours = tables.keys() & _OUR_TABLES.keys()
        if not ours:
            if tables:
                raise self._foreign(set(tables))
            if connection.execute("PRAGMA query_only").fetchone()[0]:
                raise StorageInternalError(
                    f"{self._path} is read-only and holds no studies of Skipjack."
                )
        elif len(ours) < len(_OUR_TABLES):
            raise self._damaged(f"of its tables there are only {', '.join(sorted(tables))}")
        mode = "DELETE" if platform.is_remote(self._path) else "WAL"
        if not connection.execute("PRAGMA query_only").fetchone()[0]:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            connection.execute("PRAGMA synchronous = FULL")
        if not ours:
            self._create(connection)
            return
        self._check_format(connection)
        if any(tables[name] != text for name, text in _OUR_TABLES.items()):
            raise self._damaged("the description of its tables has changed")
        if check and os.path.getsize(self._path) <= _CHECKED_WHOLE:
            self._check_structure(connection)

    def _create(self, connection: Any) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if not _tables(connection):  # nobody was faster
            for statement in _OUR_TABLES.values():
                connection.execute(statement)
            connection.execute("INSERT INTO skipjack_format VALUES (?)", (FORMAT,))
        connection.execute("COMMIT")

    def _check_structure(self, connection: Any) -> None:
        """Look for damage to what holds the records; each has a checksum for itself."""
        found = connection.execute("PRAGMA quick_check(1)").fetchall()
        if found != [("ok",)]:
            raise self._damaged(str(found[0][0]))
        # With a gap, or without a beginning: a key has changed, so a record is not where it was.
        gap = connection.execute(
            "SELECT id / ?1 - 1 AS stream FROM skipjack_log GROUP BY stream "
            "HAVING max(id) % ?1 != ?2 AND max(id) % ?1 != count(*) - 1",
            (_SPAN, _TOMBSTONE),
        ).fetchone()
        if gap is not None:
            raise self._damaged(f"records of stream {gap[0]} are missing")

    def _check_format(self, connection: Any) -> None:
        versions = [v for (v,) in connection.execute("SELECT version FROM skipjack_format")]
        if versions == [FORMAT]:
            return
        if len(versions) == 1 and isinstance(versions[0], int) and versions[0] > FORMAT:
            raise StorageInternalError(
                f"{self._path} was written by a newer Skipjack (format {versions[0]}, this version "
                f"knows {FORMAT}). Upgrade with: pip install -U skipjack"
            )
        raise self._damaged(f"its format is {versions}")

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    # -------------------------------------------------------------------------------- errors

    def _damaged(self, what: str) -> StorageInternalError:
        return StorageInternalError(
            f"{self._path} is damaged: {what}. Nothing was changed in it; restore it from a copy, "
            f"or use another file."
        )

    def _foreign(self, tables: set[str]) -> StorageInternalError:
        if tables >= _OPTUNAS_TABLES:
            what = "is a database of Optuna, which this version of Skipjack cannot read yet"
        else:
            names = ", ".join(sorted(tables)[:5])
            what = f"is a database of another program (its tables are {names})"
        return StorageInternalError(
            f"{self._path} {what}. Nothing was changed in it; give the study a file of its own."
        )

    def _explained(self, error: Exception) -> StorageInternalError:
        text, folder = str(error), os.path.dirname(self._path)
        if os.path.isdir(self._path):
            hint = "It is a folder; name a file in it."
        elif not os.path.isdir(folder):
            hint = f"The folder {folder} does not exist; make it first."
        elif "readonly" in text or "read-only" in text:
            hint = "The file or its folder is read-only: studies in it can be read, not continued."
        elif "unable to open" in text:
            hint = "Check the permissions of the file and its folder."
        elif _is_busy(error):
            hint = f"Another program has kept the file locked for more than {_PATIENCE:.0f} s."
        elif "full" in text or "disk I/O" in text:
            hint = (
                "The disk may be full, or fail. What was told before is not lost; what was to be "
                "written now is not in the file: make room, and tell it again."
            )
        elif _tells_of_damage(error):
            hint = (
                "The file is damaged, or no SQLite database. Nothing was changed in it; restore it "
                "from a copy, or use another file."
            )
        else:
            hint = "What was told before is not lost."
        return StorageInternalError(f"SQLite cannot use {self._path}: {text}. {hint}")


def _id(stream: int, position: int) -> int:
    return (stream + 1) * _SPAN + position


def _length(connection: Any, stream: int) -> int:
    """How many batches a stream has; more than _TOMBSTONE if it was dropped."""
    (last,) = connection.execute(
        "SELECT max(id) FROM skipjack_log WHERE id BETWEEN ? AND ?",
        (_id(stream, 0), _id(stream, _TOMBSTONE)),
    ).fetchone()
    return 0 if last is None else int(last) - _id(stream, 0) + 1


def _checksum(stream: int, text: Any) -> int | None:
    return zlib.crc32(text.encode(), stream + 1) if isinstance(text, str) else None


def _tables(connection: Any) -> dict[str, str]:
    """What each table was made with."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    return dict(connection.execute(query).fetchall())


def _is_busy(error: Exception) -> bool:
    """Whether it is enough to wait: SQLITE_BUSY, _LOCKED and _PROTOCOL."""
    code = getattr(error, "sqlite_errorcode", None)  # from Python 3.11 on
    if code is not None:
        return code & 0xFF in (5, 6, 15)
    return any(word in str(error) for word in ("is locked", "busy", "locking protocol"))


def _tells_of_damage(error: Exception) -> bool:
    kinds = (sqlite3.OperationalError, sqlite3.ProgrammingError)
    return not isinstance(error, kinds) or "decode" in str(error)


def _is_writable(path: str) -> bool:
    return os.access(path, os.W_OK) and os.access(os.path.dirname(path), os.W_OK)
