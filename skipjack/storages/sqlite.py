"""The log in an SQLite file, for any number of processes on one machine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, final

from skipjack import _optional
from skipjack.errors import NotFoundError, StorageInternalError
from skipjack.records.attributes import to_text
from skipjack.storages.port import Batch

sqlite3 = _optional.lazy("sqlite3")

T = TypeVar("T")

FORMAT = 1  # of the tables below
_PATIENCE = 60.0  # seconds to wait for other processes before giving up
_DROPPED = -1  # the position of a tombstone
_TABLES = (
    """CREATE TABLE IF NOT EXISTS skipjack_log (
        stream INTEGER NOT NULL, position INTEGER NOT NULL, batch TEXT NOT NULL,
        PRIMARY KEY (stream, position)) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS skipjack_format (version INTEGER NOT NULL)",
)


@final
class SqliteLog:
    """Batches as rows (stream, position, JSON text) of one table.

    Write-ahead logging with full synchronisation: what is committed survives SIGKILL and power
    loss, and readers never wait for writers.

    Args:
        path: The file; made, with its tables, when it does not exist.

    Raises:
        StorageInternalError: If it cannot be opened, is no database, or is of a newer Skipjack.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.path.abspath(path)
        self._connection: Any = None
        self._inherited: list[Any] = []
        self._perform(lambda connection: None)

    def append(self, stream: int, batch: Batch) -> None:
        """Add a batch; see `Log.append`."""
        text = to_text(batch)

        def insert(connection: Any) -> None:
            connection.execute("BEGIN IMMEDIATE")
            try:
                first, last = connection.execute(
                    "SELECT min(position), max(position) FROM skipjack_log WHERE stream = ?",
                    (stream,),
                ).fetchone()
                if first == _DROPPED:
                    raise NotFoundError(f"No study with id {stream}; it was deleted.")
                connection.execute(
                    "INSERT INTO skipjack_log VALUES (?, ?, ?)",
                    (stream, 0 if last is None else last + 1, text),
                )
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

        self._perform(insert)

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches of a stream but the first `after`."""
        rows = self._perform(
            lambda connection: connection.execute(
                "SELECT batch FROM skipjack_log WHERE stream = ? AND position >= ? "
                "ORDER BY position",
                (stream, after),
            ).fetchall()
        )
        try:
            return [_batch(text) for (text,) in rows]
        except (ValueError, TypeError) as error:
            raise StorageInternalError(
                f"{self._path} holds a record that is damaged ({error}); nothing was changed."
            ) from error

    def drop(self, stream: int) -> None:
        """Delete a stream; see `Log.drop`."""

        def delete(connection: Any) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM skipjack_log WHERE stream = ?", (stream,))
            connection.execute("INSERT INTO skipjack_log VALUES (?, ?, '')", (stream, _DROPPED))
            connection.execute("COMMIT")

        self._perform(delete)

    def reset(self) -> None:
        """Leave the connection of the parent process alone, and open one when needed."""
        # Closing it here would drop the locks that the parent holds on the file (POSIX locks
        # belong to the process), so it is kept open, unused.
        self._inherited.append(self._connection)
        self._connection = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_path": self._path, "_connection": None, "_inherited": []}

    # ---------------------------------------------------------------------------- connection

    def _perform(self, action: Callable[[Any], T]) -> T:
        """Do something with the connection, waiting for other processes as long as needed."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                if self._connection is None:
                    self._connection = self._open()
                return action(self._connection)
            except sqlite3.Error as error:
                busy = "locked" in str(error) or "busy" in str(error)
                if not busy or time.monotonic() > deadline:
                    raise self._explained(error) from error
                time.sleep(0.01)

    def _open(self) -> Any:
        connection = sqlite3.connect(
            self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if not _is_writable(self._path):
                return self._open_for_reading(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_for_reading(self, connection: Any) -> Any:
        """A connection to a file that must not be written; appends will say so."""
        connection.execute("PRAGMA query_only = ON")
        found = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name = 'skipjack_log'"
        ).fetchone()
        if found == (0,):
            raise StorageInternalError(
                f"{self._path} is read-only and holds no studies of Skipjack."
            )
        return connection

    def _prepare(self, connection: Any) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            connection.execute(statement)
        row = connection.execute("SELECT max(version) FROM skipjack_format").fetchone()
        if row == (None,):
            connection.execute("INSERT INTO skipjack_format VALUES (?)", (FORMAT,))
        connection.execute("COMMIT")
        if row[0] is not None and row[0] > FORMAT:
            raise StorageInternalError(
                f"{self._path} was written by a newer Skipjack (format {row[0]}, this version "
                f"knows {FORMAT}). Upgrade with: pip install -U skipjack"
            )

    def _explained(self, error: Exception) -> StorageInternalError:
        text = str(error)
        if "not a database" in text or "malformed" in text:
            hint = "The file is damaged or no SQLite database; nothing was changed in it."
        elif "readonly" in text or "read-only" in text:
            hint = "The file or its folder is read-only: studies in it can be read, not continued."
        elif "unable to open" in text:
            folder = Path(self._path).parent
            hint = (
                f"Check that the folder {folder} exists and can be written to."
                if not folder.is_dir()
                else "Check the permissions of the file and its folder."
            )
        elif "locked" in text or "busy" in text:
            hint = f"Another program has kept the file locked for more than {_PATIENCE:.0f} s."
        elif "full" in text:
            hint = "The disk is full. Nothing that was told is lost; free some space and go on."
        else:
            hint = "Nothing that was told before is lost."
        return StorageInternalError(f"SQLite cannot use {self._path}: {text}. {hint}")


def _batch(text: str) -> Batch:
    writer, sequence, events = json.loads(text)
    return writer, sequence, events


def _is_writable(path: str) -> bool:
    return os.access(path, os.W_OK) and os.access(os.path.dirname(path), os.W_OK)
