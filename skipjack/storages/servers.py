"""What differs between database servers: drivers, statements, and what their errors mean."""

from __future__ import annotations

import importlib.util
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, final

from skipjack.errors import MissingDependencyError

TOMBSTONE = 2**62  # the position of the record that says that a stream was dropped


_NONE: Mapping[str, str] = MappingProxyType({})


class Server(ABC):
    """A kind of database server, spoken to through the cursor of a driver that commits by itself.

    Attributes:
        name: As people write it.
        extra: The extra of Skipjack with a driver.
        drivers: From the driver's name in URLs to its module and package; the best one first.
        now: Seconds since the epoch, by the server's clock.
    """

    name: ClassVar[str]
    extra: ClassVar[str]
    drivers: ClassVar[dict[str, tuple[str, str]]]
    text: ClassVar[str]  # the type of texts of any length
    worker: ClassVar[str]  # the type of a worker's name
    now: ClassVar[str]
    patience: ClassVar[str]  # ends a wait for a lock
    upsert: ClassVar[str]  # begins the changes of a row whose key is there already
    schema: ClassVar[str]  # where our tables are
    counter: ClassVar[str]  # makes the counter of a stream unless it is there
    passing: ClassVar[frozenset[Any]]  # codes of errors that go away by themselves
    hints: ClassVar[dict[Any, str]]  # by code, or by a pattern in the text

    def driver(self, wanted: str) -> str:
        """The driver that a URL wants, or the best that is installed.

        Raises:
            MissingDependencyError: If it is not installed, or none is.
        """
        for name, (module, _) in self.drivers.items():
            if wanted in ("", name) and importlib.util.find_spec(module) is not None:
                return name
        if wanted in self.drivers:
            module, package = self.drivers[wanted]
            raise MissingDependencyError(
                f"A URL with +{wanted} needs the package `{package}`, which is not installed. "
                f"Install it with: pip install {package} -- or leave +{wanted} out, so that any "
                f"driver will do.",
                name=module,
            )
        packages = " or ".join(f"`{package}`" for _, package in self.drivers.values())
        raise MissingDependencyError(
            f"A {self.name} storage needs the package {packages}. Install one with: "
            f"pip install 'skipjack[{self.extra}]'",
            name=next(iter(self.drivers.values()))[0],
        )

    @property
    def tables(self) -> dict[str, str]:
        """The columns of our tables, by name."""
        key = "BIGINT NOT NULL PRIMARY KEY"
        return {
            # One row per stream, which appends to it lock one after the other: so positions
            # become visible in their order. The length is negative when it was dropped.
            "skipjack_streams": f"stream {key}, length BIGINT NOT NULL",
            "skipjack_log": "stream BIGINT NOT NULL, position BIGINT NOT NULL, "
            f"batch {self.text} NOT NULL, checksum BIGINT NOT NULL, PRIMARY KEY (stream, position)",
            "skipjack_leases": f"worker {self.worker} NOT NULL PRIMARY KEY, "
            "beat DOUBLE PRECISION NOT NULL",
            "skipjack_parts": "stream BIGINT NOT NULL, position BIGINT NOT NULL, part INTEGER "
            f"NOT NULL, content {self.text} NOT NULL, PRIMARY KEY (stream, position, part)",
            "skipjack_format": "one INTEGER NOT NULL PRIMARY KEY, version INTEGER NOT NULL, "
            "storage VARCHAR(32) NOT NULL",
        }

    def completed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a connection, with what we need besides."""
        return {"connect_timeout": 10, **arguments}

    def prepare(self, cursor: Any) -> None:
        """Set up a new connection: do not wait for ever for what somebody else leaves open."""
        cursor.execute(self.patience)

    @abstractmethod
    def has_tables(self, cursor: Any) -> bool:
        """Whether our last table is there."""

    @abstractmethod
    def create(
        self, cursor: Any, version: int, storage: str, also: Mapping[str, str] = _NONE
    ) -> None:
        """Make the tables that are missing; any number of processes may do so at once.

        Args:
            cursor: What to make them with.
            version: Of the format.
            storage: A name for the storage, if it has none yet.
            also: Columns of more tables, by name, which are there before the format is.
        """

    def table_names(self, cursor: Any) -> set[str]:
        """The names of all tables, of ours and of others."""
        cursor.execute(
            f"SELECT table_name FROM information_schema.tables WHERE table_schema = {self.schema}"
        )
        return {name for (name,) in cursor.fetchall()}

    @abstractmethod
    def append(self, cursor: Any, stream: int, text: str, checksum: int) -> int | None:
        """Add a record and return its position; None if the stream was dropped."""

    def lock(self, cursor: Any, stream: int) -> int:
        """Keep others from appending until the transaction ends; how many records there are.

        Negative if the stream was dropped.
        """
        cursor.execute(self.counter, (stream,))
        cursor.execute(
            "SELECT length FROM skipjack_streams WHERE stream = %s FOR UPDATE", (stream,)
        )
        return int(cursor.fetchone()[0])

    @abstractmethod
    def code(self, error: Exception) -> Any:
        """What the server, or the driver, calls the error; None if it has no code."""

    def is_passing(self, error: Exception, was_open: bool) -> bool:
        """Whether it is worth to try again, on a connection of its own.

        Args:
            error: Of the driver.
            was_open: Whether there has been a connection before, so that the server exists.
        """
        code = self.code(error)
        if code in self.passing or re.search(r"starting up|shutting down|too many", str(error)):
            return True
        lost = type(error).__name__ in ("OperationalError", "InterfaceError")
        return was_open and lost and code is None and not self.hint(error)

    def hint(self, error: Exception) -> str:
        """What to do about an error; empty if only trying again may help."""
        code, text = self.code(error), str(error)
        for known, hint in self.hints.items():
            if known == code or (isinstance(known, str) and re.search(known, text)):
                return hint
        return ""


_DENIED = "Check the user and the password in the URL."
_NO_DATABASE = "Make the database first (CREATE DATABASE ...), or correct its name in the URL."
_READ_ONLY = (
    "The user, or the server, may only read: studies there can be read, not continued. A user "
    "that continues them needs to SELECT, INSERT, UPDATE, DELETE and, once, CREATE tables."
)


@final
class PostgreSQL(Server):
    """PostgreSQL 10 or newer."""

    name = "PostgreSQL"
    extra = "postgresql"
    drivers: ClassVar = {
        "psycopg": ("psycopg", "psycopg[binary]"),
        "psycopg2": ("psycopg2", "psycopg2-binary"),
    }
    text = "TEXT"
    worker = "TEXT"
    schema = "current_schema()"
    now = "extract(epoch FROM clock_timestamp())"
    patience = "SET lock_timeout = '20s'"
    upsert = "ON CONFLICT ({key}) DO UPDATE SET"
    counter = "INSERT INTO skipjack_streams VALUES (%s, 0) ON CONFLICT DO NOTHING"
    passing = frozenset(
        {
            *("40001", "40P01", "55P03"),  # serialization, deadlock, lock timeout
            *("57P01", "57P02", "57P03", "57P05", "57014", "53300"),  # restart, cancel, too many
            *("08000", "08001", "08003", "08004", "08006"),
        }
    )
    hints: ClassVar = {
        "28P01": _DENIED,
        "authentication failed|no password supplied|role .* does not exist": _DENIED,
        "3D000": _NO_DATABASE,
        "database .* does not exist": _NO_DATABASE,
        "42501": _READ_ONLY,
        "25006": _READ_ONLY,
        "53100": "The disk of the server is full.",
        "54000": "What was to be written at once is too large for the server.",
    }
    _APPEND = (
        "WITH place AS (INSERT INTO skipjack_streams AS s VALUES (%s, 1) ON CONFLICT (stream) "
        "DO UPDATE SET length = s.length + 1 WHERE s.length >= 0 RETURNING stream, length) "
        "INSERT INTO skipjack_log SELECT stream, length - 1, %s, %s FROM place RETURNING position"
    )

    def has_tables(self, cursor: Any) -> bool:
        """Whether our last table is there."""
        cursor.execute("SELECT to_regclass('skipjack_format') IS NOT NULL")
        return bool(cursor.fetchone()[0])

    def create(
        self, cursor: Any, version: int, storage: str, also: Mapping[str, str] = _NONE
    ) -> None:
        """Make the tables in one transaction."""
        cursor.execute("BEGIN")
        cursor.execute("SELECT pg_advisory_xact_lock(7310587)")  # CREATE TABLE does not wait
        for name, columns in {**also, **self.tables}.items():
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
        cursor.execute(
            "INSERT INTO skipjack_format VALUES (1, %s, %s) ON CONFLICT DO NOTHING",
            (version, storage),
        )
        cursor.execute("COMMIT")

    def append(self, cursor: Any, stream: int, text: str, checksum: int) -> int | None:
        """Add a record in one statement."""
        cursor.execute(self._APPEND, (stream, text, checksum))
        found = cursor.fetchone()
        return None if found is None else int(found[0])

    def code(self, error: Exception) -> str | None:
        """The SQLSTATE."""
        return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)


@final
class MySQL(Server):
    """MySQL 8 or MariaDB 10.5, or newer."""

    name = "MySQL"
    extra = "mysql"
    drivers: ClassVar = {
        "mysqldb": ("MySQLdb", "mysqlclient"),
        "pymysql": ("pymysql", "PyMySQL"),
    }
    text = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    worker = "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    schema = "database()"
    now = "CAST(unix_timestamp(sysdate(6)) AS DOUBLE)"
    patience = "SET innodb_lock_wait_timeout = 20"
    upsert = "ON DUPLICATE KEY UPDATE"
    counter = "INSERT IGNORE INTO skipjack_streams VALUES (%s, 0)"
    passing = frozenset(
        {
            *(1205, 1213),  # lock wait, deadlock
            1062,  # a position that is taken, if READ COMMITTED was set: another was faster
            *(1040, 1203, 1053, 1047, 1927),  # too many connections, restart, killed
            *(2006, 2013, 2055),  # connection lost
        }
    )
    hints: ClassVar = {
        1045: _DENIED,
        1698: _DENIED,
        1044: "The user has no rights in this database; grant them, or correct the URL.",
        1049: _NO_DATABASE,
        **dict.fromkeys((1142, 1143, 1290, 1792, 1836), _READ_ONLY),
        1153: "What was to be written at once is too large for the server's max_allowed_packet.",
        **dict.fromkeys((1021, 1114), "The disk of the server is full."),
        "cryptography": "Install it with: pip install cryptography",
    }
    # The lock on the counter makes appends wait for each other; that counter itself stands still,
    # which saves an update. LAST_INSERT_ID(x) makes x known to the client.
    _APPEND = (
        "INSERT INTO skipjack_log SELECT stream, LAST_INSERT_ID((SELECT coalesce(max(position) "
        "+ 1, 0) FROM skipjack_log WHERE stream = counters.stream)), %s, %s "
        "FROM skipjack_streams AS counters WHERE stream = %s AND length >= 0 FOR UPDATE"
    )

    def completed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a connection, with what we need besides."""
        if arguments.get("host") == "localhost" and "port" in arguments:
            # To mysqlclient that host means a socket, of whatever server, and not the port.
            arguments = {**arguments, "host": "127.0.0.1"}
        return super().completed(arguments)

    def has_tables(self, cursor: Any) -> bool:
        """Whether our last table is there, with its row."""
        cursor.execute("SHOW TABLES LIKE 'skipjack_format'")
        if not cursor.fetchall():
            return False
        cursor.execute("SELECT count(*) FROM skipjack_format")
        return bool(cursor.fetchone()[0])

    def create(
        self, cursor: Any, version: int, storage: str, also: Mapping[str, str] = _NONE
    ) -> None:
        """Make one table after the other; whoever comes after one that was killed goes on."""
        for name, columns in {**also, **self.tables}.items():
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns}) ENGINE = InnoDB")
        cursor.execute("INSERT IGNORE INTO skipjack_format VALUES (1, %s, %s)", (version, storage))

    def append(self, cursor: Any, stream: int, text: str, checksum: int) -> int | None:
        """Add a record in one statement, and in some more if it is the first of its stream."""
        while True:
            cursor.execute(self._APPEND, (text, checksum, stream))
            if cursor.rowcount:
                return int(cursor.lastrowid)
            if self.lock(cursor, stream) < 0:
                return None

    def lock(self, cursor: Any, stream: int) -> int:
        """Keep others from appending; see `Server.lock`."""
        if super().lock(cursor, stream) < 0:
            return -1
        cursor.execute(
            "SELECT coalesce(max(position) + 1, 0) FROM skipjack_log WHERE stream = %s FOR UPDATE",
            (stream,),
        )
        return int(cursor.fetchone()[0])

    def code(self, error: Exception) -> int | None:
        """The number of the error; None also for 0, of a connection that is closed."""
        code = error.args[0] if error.args else None
        return code if isinstance(code, int) and code not in (0, 2002, 2003) else None
