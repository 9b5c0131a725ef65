"""The backends, with servers of our own, and the troubles that each can be given."""

from __future__ import annotations

import contextlib
import itertools
import random
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pymysql

from tests.storages.redis_server import RedisServer
from tests.storages.remote import ServerProcess
from tests.storages.servers import DatabaseServer, MariaDBServer, PostgreSQLServer

SIZE = 16  # megabytes of the disk that is filled


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that goes wrong for a while, besides the kills."""

    name: str
    begin: Callable[[], Any]
    end: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Round:
    """A storage to be tortured."""

    url: str
    troubles: tuple[Trouble, ...] = ()


Place = Callable[[Path], contextlib.AbstractContextManager[Callable[[int], Round]]]


def file(scheme: str, options: str = "") -> Place:
    """A file, on the disk and on a small tmpfs in turn."""

    @contextlib.contextmanager
    def place(folder: Path) -> Iterator[Callable[[int], Round]]:
        small = folder / "small"
        small.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", str(small)]
        is_mounted = subprocess.run(mount, stderr=subprocess.DEVNULL).returncode == 0
        filler = small / "filler"

        def fill() -> None:
            with open(filler, "wb", buffering=0) as full, contextlib.suppress(OSError):
                while True:
                    full.write(b"x" * 1000)

        def new(i: int) -> Round:
            if not (is_mounted and i % 2):
                return Round(f"{scheme}:///{folder}/study{i}{options}")
            for old in small.iterdir():
                old.unlink()
            full = Trouble("disk full", fill, filler.unlink)
            return Round(f"{scheme}:///{small}/study{i}{options}", (full,))

        try:
            yield new
        finally:
            if is_mounted:
                subprocess.run(["umount", "-l", str(small)], check=True)

    return place


def database(kind: type[DatabaseServer], hows: tuple[int, ...]) -> Place:
    """A database server, which is stopped and started, and whose rows another program locks."""

    @contextlib.contextmanager
    def place(folder: Path) -> Iterator[Callable[[int], Round]]:
        with tempfile.TemporaryDirectory() as own:  # that another user may enter
            server = kind(Path(own))

            def new(i: int) -> Round:
                url = server.new()
                restart = Trouble(
                    "server away", lambda: server.stop(random.choice(hows)), server.start
                )
                return Round(url, (restart, _held(server, url)))

            try:
                yield new
            finally:
                server.kill()

    return place


def _held(server: DatabaseServer, url: str) -> Trouble:
    """A transaction that holds the rows which every append must change."""
    held: list[Any] = []

    def begin() -> None:
        if isinstance(server, PostgreSQLServer):
            held.append(psycopg.connect(url))
        else:
            database = url.rpartition("/")[2]
            held.append(
                pymysql.connect(host="127.0.0.1", port=server.port, user="root", database=database)
            )
        held[-1].cursor().execute("SELECT * FROM skipjack_streams FOR UPDATE")

    return Trouble("rows locked", begin, lambda: held.pop().close())


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[Callable[[int], Round]]:
    """Redis that writes to disk before it answers, killed and started again."""
    server = RedisServer(folder)
    restart = Trouble("server away", server.kill, server.start)
    try:
        yield lambda i: Round(f"{server.url}?prefix=torture{i}-", (restart,))
    finally:
        server.kill()


def remote(behind: str, may_restart: bool) -> Place:
    """A server of studies; one that keeps them in memory is not killed."""

    @contextlib.contextmanager
    def place(folder: Path) -> Iterator[Callable[[int], Round]]:
        with contextlib.ExitStack() as stack:
            numbers = itertools.count()

            def new(i: int) -> Round:
                server = ServerProcess(behind.format(folder / f"study{next(numbers)}"))
                stack.callback(server.end)
                restart = Trouble("server away", lambda: server.end(signal.SIGKILL), server.start)
                return Round(server.url, (restart,) if may_restart else ())

            yield new

    return place


PLACES: dict[str, Place] = {
    "sqlite": file("sqlite"),
    "journal": file("journal"),
    "journal-links": file("journal", "?lock=symlink"),
    "postgresql": database(PostgreSQLServer, (signal.SIGINT, signal.SIGQUIT)),
    "mariadb": database(MariaDBServer, (signal.SIGTERM, signal.SIGKILL)),
    "redis": redis_server,
    "grpc-memory": remote("InMemoryStorage()", may_restart=False),
    "grpc-sqlite": remote("get_storage('sqlite:///{}.db')", may_restart=True),
}
