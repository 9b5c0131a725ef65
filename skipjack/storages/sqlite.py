"""The log in an SQLite file, for any number of processes on one machine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, TypeVar, final
from urllib.parse import quote

from skipjack import _optional, logging, platform
from skipjack.errors import NotFoundError, StorageInternalError
from skipjack.records.attributes import to_text
from skipjack.records.events import is_lasting
from skipjack.storages.port import Batch, Compacted
from skipjack.storages.rows import (
    SNAPSHOT,
    SPAN,
    TOMBSTONE,
    checksum_of,
    insert,
    key_of,
    length,
)

optuna_files = _optional.lazy("skipjack.storages.optuna_files")
sqlite3 = _optional.lazy("sqlite3")

_logger = logging.get_logger(__name__)

T = TypeVar("T")

FORMAT = 1  # of the tables below
_PATIENCE = 60.0  # seconds to wait for other processes before giving up
_CHECKED_WHOLE = 256 * 2**20  # bytes; larger files are not checked when they are opened
_SMALLEST = 512  # bytes; SQLite takes a smaller file for an empty one
_OUR_TABLES = {
    "skipjack_log": "CREATE TABLE skipjack_log "
    "(id INTEGER PRIMARY KEY, batch TEXT NOT NULL, crc INTEGER NOT NULL)",
    "skipjack_format": "CREATE TABLE skipjack_format (version INTEGER NOT NULL)",
}
_LEASES = (  # made at the first beat: files of before have none
    "CREATE TABLE IF NOT EXISTS skipjack_leases "
    "(worker TEXT PRIMARY KEY, beat REAL NOT NULL) WITHOUT ROWID"
)
_NOW = "(julianday('now') - 2440587.5) * 86400.0"  # seconds since the epoch


@final
class SqliteLog:
    """Batches as rows (id, JSON text, checksum) of one table.

    A snapshot takes the row of the last batch that it stands for; those before are deleted.

    Write-ahead logging: what is committed survives SIGKILL, and power loss (see `is_lasting`);
    readers never wait for writers. On a network file system a rollback journal.

    Args:
        path: The file; made, with its tables, when it does not exist.

    Raises:
        StorageInternalError: If it cannot be opened, is no database, or is of a newer Skipjack.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path, self.is_hasty = os.path.abspath(path), True
        self._begin()
        self._perform(lambda connection: None, may_create=True)

    def _begin(self) -> None:
        self._connection: Any = None
        self._inherited: list[Any] = []
        self._file: tuple[int, int] | None = None  # device and inode of what is open
        self._is_snapshot = False  # whether the connection does not see what others write
        self._least = "FULL"  # the synchronisation of what need not survive a loss of power
        self._watched: dict[str, tuple[float, float]] = {}  # worker: its last beat, seen when

    @property
    def path(self) -> str:
        """The file."""
        return self._path

    @property
    def key(self) -> Hashable:
        """The file itself, by whatever path."""
        return (type(self).__name__, self._file)

    @property
    def is_gone(self) -> bool:
        """Whether the file is at its path no more; another one may have taken over its key."""
        return self._identity() != self._file

    def append(self, stream: int, batch: Batch) -> int:
        """Add a batch; see `Log.append`."""
        return self.append_all(stream, (batch,))

    def append_all(self, stream: int, batches: Sequence[Batch]) -> int:
        """Add batches in one transaction; see `Groups.append_all`."""
        texts = [to_text(batch) for batch in batches]
        lasting = not self.is_hasty or any(is_lasting(batch[2]) for batch in batches)
        # One alone is a transaction by itself.
        return self._write(lambda opened: insert(opened, stream, texts), lasting, len(texts) == 1)

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches of a stream but the first `after`."""
        first = key_of(stream, after)
        rows = self._perform(
            lambda connection: connection.execute(
                "SELECT id, batch, crc FROM skipjack_log WHERE id BETWEEN ? AND ? ORDER BY id",
                (first, key_of(stream, TOMBSTONE)),
            ).fetchall()
        )
        if self._is_snapshot:
            self.close()
        if rows and rows[-1][0] == key_of(stream, TOMBSTONE):
            raise NotFoundError(f"No study with id {stream}; it was deleted.")
        if rows and str(rows[0][1]).startswith(SNAPSHOT):
            raise Compacted
        for i, (id_, text, checksum) in enumerate(rows):
            if id_ != first + i:
                raise self._damaged(f"record {after + i} of stream {stream} is missing")
            if checksum != checksum_of(stream, text):
                raise self._damaged(f"record {after + i} of stream {stream} has changed")
        found: list[Batch] = json.loads(f"[{','.join(text for _, text, _ in rows)}]")
        return found

    def drop(self, stream: int) -> None:
        """Delete a stream; see `Log.drop`."""

        def delete(connection: Any) -> None:
            between = (key_of(stream, 0), key_of(stream, TOMBSTONE))
            connection.execute("DELETE FROM skipjack_log WHERE id BETWEEN ? AND ?", between)
            connection.execute("INSERT INTO skipjack_log VALUES (?, '', 0)", between[1:])

        self._write(delete)

    def save(self, stream: int, position: int, text: str) -> None:
        """Replace batches by a snapshot; see `Snapshots.save`."""
        last = key_of(stream, position - 1)
        kept = SNAPSHOT + text
        row = (last, kept, checksum_of(stream, kept, position))

        def replace(connection: Any) -> None:
            if length(connection, stream) > TOMBSTONE:
                raise NotFoundError(f"No study with id {stream}; it was deleted.")
            if position > (self._snapshot(connection, stream) or (0,))[0]:
                between = (key_of(stream, 0), last)
                connection.execute("DELETE FROM skipjack_log WHERE id BETWEEN ? AND ?", between)
                connection.execute("INSERT INTO skipjack_log VALUES (?, ?, ?)", row)

        self._write(replace)

    def load(self, stream: int) -> tuple[int, str] | None:
        """The snapshot of a stream; see `Snapshots.load`."""
        found = self._perform(lambda connection: self._snapshot(connection, stream))
        if found is None:
            return None
        position, text, checksum = found
        if position > TOMBSTONE:
            raise NotFoundError(f"No study with id {stream}; it was deleted.")
        if checksum != checksum_of(stream, text, position):
            raise self._damaged(f"the snapshot of stream {stream} has changed")
        return position, text.removeprefix(SNAPSHOT)

    def _snapshot(self, connection: Any, stream: int) -> tuple[int, str, int] | None:
        """Position, text and checksum of a stream's snapshot, or of its tombstone."""
        row = connection.execute(
            "SELECT id, batch, crc FROM skipjack_log WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1",
            (key_of(stream, 0), key_of(stream, TOMBSTONE)),
        ).fetchone()
        if row is None or not (row[1] == "" or str(row[1]).startswith(SNAPSHOT)):
            return None
        return row[0] - key_of(stream, 0) + 1, *row[1:]

    def beat(self, worker: str) -> None:
        """Keep that a worker is alive now."""

        def note(connection: Any) -> None:
            connection.execute(_LEASES)
            connection.execute(
                f"INSERT INTO skipjack_leases VALUES (?, {_NOW}) "
                f"ON CONFLICT (worker) DO UPDATE SET beat = excluded.beat",
                (worker,),
            )

        self._write(note, lasting=False)

    def ages(self) -> dict[str, float]:
        """Seconds since the last beat of each worker, by the clock of this machine.

        On a network file system, where clocks may differ: as long as this object has seen the
        same beat.
        """
        rows = self._perform(
            lambda connection: (
                connection.execute(
                    f"SELECT worker, beat, {_NOW} - beat FROM skipjack_leases"
                ).fetchall()
                if "skipjack_leases" in _tables(connection)
                else []
            )
        )
        if not platform.is_remote(self._path):
            return {worker: max(0.0, age) for worker, _, age in rows}
        now, before = time.monotonic(), self._watched
        self._watched = {
            worker: before[worker] if before.get(worker, (None,))[0] == beat else (beat, now)
            for worker, beat, _ in rows
        }
        return {worker: now - since for worker, (_, since) in self._watched.items()}

    def leave(self, worker: str) -> None:
        """Forget a worker."""

        def forget(connection: Any) -> None:
            connection.execute(_LEASES)
            connection.execute("DELETE FROM skipjack_leases WHERE worker = ?", (worker,))

        self._write(forget, lasting=False)

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
        return {"_path": self._path, "is_hasty": self.is_hasty}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
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

    def _write(self, action: Callable[[Any], T], lasting: bool = True, alone: bool = False) -> T:
        """Do all of something or nothing; then safe from loss of power, if `lasting`.

        `alone` says that it is a single statement.
        """

        def transaction(connection: Any) -> T:
            if self._identity() != self._file:
                raise StorageInternalError(
                    f"{self._path} was deleted or replaced while it was in use, so nothing more "
                    f"is written. What was told before is still known to this process: save it "
                    f"with skipjack.copy_study(from_storage=study._storage, to_storage=...)."
                )
            connection.execute(f"PRAGMA synchronous = {'FULL' if lasting else self._least}")
            if alone:
                return action(connection)
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
        is_fixed = os.path.exists(self._path) and not _is_writable(self._path)
        connection = self._open_for_reading() if is_fixed else self._connect(self._path)
        try:
            self._prepare(connection, check=may_create)
            self._file = self._identity()
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, database: str, uri: bool = False) -> Any:
        # Waiting happens in `_perform`, so that Ctrl-C is heard.
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
        is_writable = not connection.execute("PRAGMA query_only").fetchone()[0]
        if not ours:
            is_optunas = bool(tables) and optuna_files.is_optunas(tables.keys(), self._path)
            if tables and not is_optunas:
                raise self._foreign(set(tables))
            if not is_writable and is_optunas:
                raise optuna_files.cannot_import(self._path, f"sqlite:///{self._path}")
            if not is_writable:
                raise StorageInternalError(
                    f"{self._path} is read-only and holds no studies of Skipjack."
                )
            self._create(connection)
        elif len(ours) < len(_OUR_TABLES):
            raise self._damaged(f"of its tables there are only {', '.join(sorted(tables))}")
        if is_writable:
            mode = "DELETE" if platform.is_remote(self._path) else "WAL"
            connection.execute(f"PRAGMA journal_mode = {mode}")
            self._least = "NORMAL" if mode == "WAL" else "FULL"
        if not ours:
            return
        self._check_format(connection)
        if any(tables[name] != text for name, text in _OUR_TABLES.items()):
            raise self._damaged("the description of its tables has changed")
        if check and os.path.getsize(self._path) <= _CHECKED_WHOLE:
            self._check_structure(connection)
        if check and "skipjack_imported" in tables:
            optuna_files.check_growth(connection.execute, self._path)

    def _create(self, connection: Any) -> None:
        """Make the tables, and fill them with what Optuna has in the file: all or nothing."""
        news = None
        connection.execute("BEGIN IMMEDIATE")
        tables = _tables(connection)
        if not tables.keys() & _OUR_TABLES.keys():  # nobody was faster
            for statement in _OUR_TABLES.values():
                connection.execute(statement)
            connection.execute("INSERT INTO skipjack_format VALUES (?)", (FORMAT,))
            if tables:
                news = self._import(connection)
        connection.execute("COMMIT")
        if news is not None:
            _logger.info(news)

    def _import(self, connection: Any) -> Any:
        self._check_pages(connection)
        for name, columns in optuna_files.IMPORTED.items():
            connection.execute(f"CREATE TABLE {name} ({columns})")
        return optuna_files.import_tables(
            connection.execute,
            self._path,
            lambda stream, batch: insert(connection, stream, [to_text(batch)]),
        )

    def _check_structure(self, connection: Any) -> None:
        """Look for damage to what holds the records; each has a checksum for itself."""
        self._check_pages(connection)
        # With a gap, or without a beginning: a key has changed, so a record is not where it was.
        gap = connection.execute(
            "SELECT stream FROM (SELECT id / ?1 - 1 AS stream, min(id) AS first, max(id) AS last, "
            "count(*) AS n FROM skipjack_log GROUP BY stream) WHERE last % ?1 != ?2 AND "
            "(last - first != n - 1 OR first % ?1 AND (SELECT substr(batch, 1, length(?3)) "
            "FROM skipjack_log WHERE id = first) != ?3)",
            (SPAN, TOMBSTONE, SNAPSHOT),
        ).fetchone()
        if gap is not None:
            raise self._damaged(f"records of stream {gap[0]} are missing")

    def _check_pages(self, connection: Any) -> None:
        found = connection.execute("PRAGMA quick_check(1)").fetchall()
        if found != [("ok",)]:
            raise self._damaged(str(found[0][0]))

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
        names = ", ".join(sorted(tables)[:5])
        return StorageInternalError(
            f"{self._path} is a database of another program (its tables are {names}). Nothing was "
            f"changed in it; give the study a file of its own."
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
