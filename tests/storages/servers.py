"""Database servers of the tests' own, which may be killed and started again."""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pymysql

from tests.conftest import Require
from tests.storages.ports import free_port

SECRET = "se:cr@et/"  # of the user "guarded"; in URLs "se%3Acr%40et%2F"
_numbers = itertools.count(1)


class DatabaseServer:
    """A server on loopback, with data in a folder."""

    name: str
    dialect: str
    user: str

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: Any = None
        self.options: dict[str, Any] = {}
        self.make()
        self.start()
        self.fill()

    def make(self) -> None:
        """Make the files of an empty server."""
        raise AssertionError("say how")

    def command(self) -> list[str]:
        raise AssertionError("say how")

    def fill(self) -> None:
        """Make the users."""
        raise AssertionError("say how")

    def run(self, *statements: str, database: str = "") -> list[Any]:
        """Execute statements and return the rows of the last."""
        raise AssertionError("say how")

    def new(self) -> str:
        """An empty database (or schema) of its own for a test; its URL."""
        raise AssertionError("say how")

    def start(self) -> None:
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, cwd=self.folder, **self.options
            )
        deadline = time.monotonic() + 120
        while True:
            try:
                self.run("SELECT 1")
                return
            except (psycopg.Error, pymysql.Error):
                assert self.process.poll() is None, (self.folder / "server.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def stop(self, how: int = signal.SIGINT) -> None:
        self.process.send_signal(how)
        self.process.wait(120)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def url(self, database: str, user: str = "", driver: str = "") -> str:
        scheme = f"{self.dialect}+{driver}" if driver else self.dialect
        return f"{scheme}://{user or self.user}@127.0.0.1:{self.port}/{database}"


class PostgreSQLServer(DatabaseServer):
    name = "PostgreSQL"
    dialect = "postgresql"
    user = "postgres"

    @staticmethod
    def programs() -> str | None:
        """Where initdb and postgres are."""
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb")) or [shutil.which("initdb")]
        return os.path.dirname(found[-1]) if found[-1] else None

    def make(self) -> None:
        if os.getuid() == 0:  # which PostgreSQL refuses to run as
            self.options = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self.folder, "postgres", "postgres")
        command = [f"{self.programs()}/initdb", "-D", f"{self.folder}/data", "-A", "trust"]
        quiet = {"stdout": subprocess.DEVNULL}
        subprocess.run(
            [*command, "-U", self.user], check=True, cwd=self.folder, **self.options, **quiet
        )
        rules = self.folder / "data" / "pg_hba.conf"
        guard = "host all guarded 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(guard + rules.read_text())

    def command(self) -> list[str]:
        place = ["-D", f"{self.folder}/data", "-k", f"{self.folder}", "-p", str(self.port)]
        return [f"{self.programs()}/postgres", *place]

    def fill(self) -> None:
        self.run(f"CREATE ROLE guarded LOGIN PASSWORD '{SECRET}'", "CREATE ROLE reader LOGIN")

    def run(self, *statements: str, database: str = "") -> list[Any]:
        with psycopg.connect(self.url(database or "postgres"), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def new(self) -> str:
        schema = f"test{next(_numbers)}"  # a database would take a second
        self.run(f"CREATE SCHEMA {schema}")
        return f"{self.url('postgres')}?options=-csearch_path%3D{schema}"


class MariaDBServer(DatabaseServer):
    name = "MariaDB"
    dialect = "mysql"
    user = "root"

    @staticmethod
    def programs() -> str | None:
        found = shutil.which("mariadbd") or shutil.which(
            "mariadbd", path="/usr/sbin:/usr/local/sbin"
        )
        return found if shutil.which("mariadb-install-db") else None

    def make(self) -> None:
        own = self.folder / "tmp"  # two that share /tmp take each other's temporary tables
        own.mkdir()
        common = ["--no-defaults", f"--datadir={self.folder}/data", f"--tmpdir={own}"]
        if os.getuid() == 0:
            common.append("--user=root")
        install = ["mariadb-install-db", *common, "--auth-root-authentication-method=normal"]
        made = subprocess.run(install, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        self.common = common

    def command(self) -> list[str]:
        network = [f"--port={self.port}", "--bind-address=127.0.0.1"]
        files = [f"--socket={self.folder}/s.sock", f"--pid-file={self.folder}/s.pid"]
        return [str(self.programs()), *self.common, *network, *files]

    def stop(self, how: int = signal.SIGTERM) -> None:
        super().stop(how)

    def fill(self) -> None:
        self.run(
            f"CREATE USER guarded@'127.0.0.1' IDENTIFIED BY '{SECRET}'",
            "CREATE USER reader@'127.0.0.1'",
        )

    def run(self, *statements: str, database: str = "") -> list[Any]:
        connection = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            autocommit=True,
            connect_timeout=100,
            database=database or None,
        )
        with contextlib.closing(connection), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def new(self) -> str:
        database = f"test{next(_numbers)}"
        self.run(f"CREATE DATABASE {database}")
        return self.url(database)


def serving(kind: type[DatabaseServer], require: Require) -> Iterator[DatabaseServer]:
    """A server that runs as long as it is needed; skips if its programs are not installed."""
    programs: Callable[[], str | None] = kind.programs
    there = programs() is not None
    require(kind.name.lower(), there, f"the programs of {kind.name} are not installed")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        server = kind(Path(folder))
        yield server
        server.kill()


def with_driver(url: str, driver: str) -> str:
    """The same URL with a driver named."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}+{driver}://{rest}"
