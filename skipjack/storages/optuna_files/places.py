"""Where Optuna keeps studies: what each kind of URL names, to be read and to be added to."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar, final
from urllib.parse import quote

from skipjack import _optional
from skipjack.errors import StorageInternalError, invalid
from skipjack.storages.optuna_files.journal import Journal, operations, parsed
from skipjack.storages.optuna_files.judging import Head, NothingThereError, damaged
from skipjack.storages.optuna_files.tables import Tables, is_optunas
from skipjack.storages.urls import masked
from skipjack.storages.whole import WholeStudy

sa = _optional.lazy("sqlalchemy")
schema = _optional.lazy("skipjack.storages.optuna_files.schema")
sql = _optional.lazy("skipjack.storages.sql")
sqlite3 = _optional.lazy("sqlite3")
redis = _optional.lazy("redis", extra="redis", needed_by="A journal in Redis")

T = TypeVar("T")
_PATIENCE = 60.0  # seconds to wait for a lock; Optuna takes one over after half of that


class Content(Protocol):
    """What `Tables` and `Journal` know of the studies somewhere."""

    def heads(self) -> list[Head]:
        """All studies, in the order in which they were made."""
        ...

    def study(self, head: Head) -> WholeStudy:
        """A study with all its trials."""
        ...

    def n_trials(self) -> int:
        """A number that grows with every trial made in any study."""
        ...


class Place(Protocol):
    """Somewhere that Optuna keeps studies.

    Attributes:
        where: What errors call it.
    """

    where: str

    def read(self, ask: Callable[[Content], T]) -> T:
        """What `ask` finds in one state of the content.

        Raises:
            NothingThereError: If there is nothing.
            StorageInternalError: If what is there is not Optuna's, or damaged.
        """
        ...

    def write(self, study: WholeStudy) -> None:
        """Add a study, whole or not at all.

        Raises:
            DuplicatedStudyError: If its name is taken.
            StorageInternalError: If it cannot be written.
        """
        ...


@final
class SqliteFile:
    """A database in a file."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self.where = self._path

    def read(self, ask: Callable[[Content], T]) -> T:
        """See `Place.read`; the file is not written, whatever it holds."""
        must_exist(self._path)
        location = f"file:{quote(Path(self._path).as_posix())}?mode=ro"
        try:
            try:
                return self._read(location, ask)
            except sqlite3.OperationalError:
                if os.path.exists(f"{self._path}-wal") or os.path.exists(f"{self._path}-journal"):
                    raise
                # In a folder that is read-only; so nobody writes to it either.
                return self._read(f"{location}&immutable=1", ask)
        except (sqlite3.Error, UnicodeError) as error:
            raise damaged(self.where, error) from error

    def _read(self, location: str, ask: Callable[[Content], T]) -> T:
        connection = sqlite3.connect(location, uri=True, isolation_level=None, timeout=_PATIENCE)
        try:
            connection.execute("BEGIN")
            found = "SELECT name FROM sqlite_master WHERE type = 'table'"
            require_tables({name for (name,) in connection.execute(found)}, self.where)
            check = connection.execute("PRAGMA quick_check(1)").fetchall()
            if check != [("ok",)]:
                raise damaged(self.where, check[0][0])
            return ask(Tables(connection.execute, self.where))
        finally:
            connection.close()

    def write(self, study: WholeStudy) -> None:
        """Add a study; see `Place.write`."""
        engine = sa.create_engine(f"sqlite:///{self._path}", connect_args={"timeout": _PATIENCE})
        try:
            # The driver would begin a transaction only at the first row, after the tables.
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    schema.write(connection, study, self.where)
                    connection.exec_driver_sql("COMMIT")
                except BaseException:
                    connection.exec_driver_sql("ROLLBACK")
                    raise
        except sa.exc.DBAPIError as error:
            raise _unwritable(self.where, error) from error
        finally:
            engine.dispose()


@final
class Server:
    """A database on a server."""

    def __init__(self, url: str) -> None:
        self._server, self._url, self.where = sql.located(url)

    def _engine(self, **options: Any) -> Any:
        _, named = self._url.get_dialect()().create_connect_args(self._url)
        return sa.create_engine(self._url, connect_args=self._server.completed(named), **options)

    def read(self, ask: Callable[[Content], T]) -> T:
        """See `Place.read`."""
        engine = self._engine(isolation_level="REPEATABLE READ")
        try:
            with engine.connect() as connection:
                require_tables(set(sa.inspect(connection).get_table_names()), self.where)
                return ask(Tables(lambda q: connection.exec_driver_sql(q).fetchall(), self.where))
        except sa.exc.DBAPIError as error:
            raise _unreadable(self.where, error) from error
        finally:
            engine.dispose()

    def write(self, study: WholeStudy) -> None:
        """Add a study; see `Place.write`."""
        engine = self._engine()
        try:
            with engine.begin() as connection:
                schema.write(connection, study, self.where)
        except sa.exc.DBAPIError as error:
            raise _unwritable(self.where, error) from error
        finally:
            engine.dispose()


@final
class JournalFile:
    """A file of operations."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self.where = self._path

    def read(self, ask: Callable[[Content], T]) -> T:
        """See `Place.read`."""
        must_exist(self._path)
        return ask(self._journal())

    def _journal(self) -> Journal:
        try:
            data = Path(self._path).read_bytes()
        except OSError as error:
            raise _unreadable(self.where, error) from error
        return Journal(parsed(data, self.where), self.where)

    def write(self, study: WholeStudy) -> None:
        """Add a study; see `Place.write`. A new file takes the place of the old one."""
        try:
            with self._lock():
                new = Path(f"{self._path}.{uuid.uuid4().hex}")
                try:
                    self._write(study, new)
                    os.replace(new, self._path)
                finally:
                    new.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(self.where, error) from error

    def _write(self, study: WholeStudy, new: Path) -> None:
        old = Path(self._path).read_bytes() if os.path.exists(self._path) else b""
        old = old[: old.rfind(b"\n") + 1]
        journal = Journal(parsed(old, self.where), self.where)
        with open(new, "wb") as file:
            file.write(old)
            for operation in operations(study, journal, f"{uuid.uuid4()}-0"):
                file.write(json.dumps(operation, separators=(",", ":")).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the lock under which Optuna writes: a symbolic link beside the file."""
        lock, deadline = f"{self._path}.lock", time.monotonic() + _PATIENCE
        while True:
            try:
                os.symlink(self._path, lock)
                break
            except FileExistsError as error:
                if time.monotonic() > deadline:
                    raise StorageInternalError(
                        f"{self.where} is locked. If no program writes to it, remove {lock}."
                    ) from error
                time.sleep(0.05)
        try:
            yield
        finally:
            os.unlink(lock)


@final
class RedisJournal:
    """Operations in a Redis, each under a key of its own."""

    def __init__(self, url: str) -> None:
        address, _, query = url.partition("?")
        options = dict(part.partition("=")[::2] for part in query.split("&") if part)
        self._prefix = options.pop("prefix", "")
        rest = "&".join(f"{name}={value}" for name, value in options.items())
        self._url = f"{address}?{rest}" if rest else address
        self.where = masked(url)

    def read(self, ask: Callable[[Content], T]) -> T:
        """See `Place.read`. Snapshots are left alone: they are pickles, and hold nothing more."""
        with self._client() as client:
            if client.get(f"{self._prefix}:log_number") is None:
                raise NothingThereError(
                    f"{self.where} has no journal of Optuna under the prefix {self._prefix!r}. Add "
                    f"the one that was given to Optuna's backend: redis://host/0?prefix=name"
                )
            return ask(self._journal(client))

    def _journal(self, client: Any) -> Journal:
        newest = client.get(f"{self._prefix}:log_number")
        keys = [f"{self._prefix}:log:{i}" for i in range(0 if newest is None else int(newest) + 1)]
        told = [text for i in range(0, len(keys), 1000) for text in client.mget(keys[i : i + 1000])]
        while told and told[-1] is None:  # numbered, and not yet written
            told.pop()
        return Journal(self._parsed(told), self.where)

    def _parsed(self, told: list[Any]) -> Iterator[tuple[str, Any]]:
        for i, text in enumerate(told):
            try:
                yield f"Record {i}", json.loads(text)
            except (TypeError, ValueError) as error:
                raise damaged(f"Record {i} of {self.where}", error) from error

    def write(self, study: WholeStudy) -> None:
        """Add a study; see `Place.write`."""
        counter = f"{self._prefix}:log_number"

        def add(pipe: Any) -> None:
            journal, newest = self._journal(pipe), pipe.get(counter)
            first = 0 if newest is None else int(newest) + 1
            texts = [json.dumps(o) for o in operations(study, journal, f"{uuid.uuid4()}-0")]
            pipe.multi()
            for i, text in enumerate(texts, first):
                pipe.set(f"{self._prefix}:log:{i}", text)
            pipe.set(counter, first + len(texts) - 1)

        with self._client() as client:
            client.transaction(add, counter)

    @contextmanager
    def _client(self) -> Iterator[Any]:
        client = redis.Redis.from_url(self._url)
        try:
            yield client
        except redis.RedisError as error:
            raise _unreadable(self.where, error) from error
        finally:
            client.close()


def must_exist(path: str) -> None:
    """Raise StorageInternalError unless there is a file."""
    if not os.path.isfile(path):
        raise NothingThereError(f"There is no file {path}, so no studies of Optuna either.")


def require_tables(tables: set[str], where: str) -> None:
    """Raise StorageInternalError unless tables are those of Optuna."""
    if not tables:
        raise NothingThereError(f"{where} is empty, so it has no studies of Optuna.")
    if not is_optunas(tables, where):
        raise StorageInternalError(
            f"{where} is a database of another program (its tables are "
            f"{', '.join(sorted(tables)[:5])})."
        )


def _unreadable(where: str, error: Exception) -> StorageInternalError:
    return StorageInternalError(f"{where} cannot be read: {error}")


def _unwritable(where: str, error: Exception) -> StorageInternalError:
    return StorageInternalError(f"{where} cannot be written: {error}. Nothing was changed in it.")


def place_at(url: str) -> Place:
    """The place that a URL beginning with "optuna+" names.

    Raises:
        ValueError: If it names none.
    """
    scheme, _, rest = url.removeprefix("optuna+").partition("://")
    base = scheme.partition("+")[0]
    if base in ("sqlite", "journal"):
        path = rest.removeprefix("/")
        if not rest.startswith("/") or path in ("", ":memory:"):
            raise invalid("storage", "name a file after three slashes", url)
        return SqliteFile(path) if base == "sqlite" else JournalFile(path)
    if base == "redis":
        return RedisJournal(f"{scheme}://{rest}")
    return Server(f"{scheme}://{rest}")
