"""The servers, one of each for all tests, and what can be shared by processes."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import Require
from tests.storages.crews import METHODS, Crew
from tests.storages.redis_server import redis_server
from tests.storages.remote import ServerProcess, running
from tests.storages.servers import DatabaseServer, MariaDBServer, PostgreSQLServer, serving

NewUrl = Callable[[], str]


@pytest.fixture(scope="session")
def postgresql(require: Require) -> Iterator[DatabaseServer]:
    yield from serving(PostgreSQLServer, require)


@pytest.fixture(scope="session")
def mariadb(require: Require) -> Iterator[DatabaseServer]:
    yield from serving(MariaDBServer, require)


@pytest.fixture(scope="session", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Each of them."""
    found: DatabaseServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def redis_url(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server for all tests that take a prefix of their own."""
    with redis_server(require, tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture
def prefix() -> str:
    """A prefix of keys that nobody else uses."""
    return f"test-{uuid.uuid4().hex}-"


FILES = {
    "sqlite": "sqlite:///{}.db",
    "journal": "journal:///{}.log",
    "journal with links": "journal:///{}.log?lock=symlink",
    "journal with files": "journal:///{}.log?lock=open",
}


BEHIND = {
    "grpc, memory": "InMemoryStorage()",
    "grpc, sqlite": "get_storage('sqlite:///{}.db')",
}


@pytest.fixture
def start_server(require: Require) -> Iterator[Callable[[str], ServerProcess]]:
    """A function that starts a server of studies, which ends with the test."""
    require("grpc")
    with ExitStack() as servers:
        yield lambda storage: servers.enter_context(running(storage))


QUICK = ("sqlite", "journal", "grpc, sqlite", "postgresql")  # with the others it takes too long
KINDS = [
    kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow)
    for kind in (*FILES, *BEHIND, "redis", "postgresql", "mariadb")
]


@pytest.fixture(params=KINDS)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> NewUrl:
    """A function that names an empty storage: of each kind that processes may share."""
    numbers = itertools.count(1)
    if request.param in FILES:
        return lambda: FILES[request.param].format(tmp_path / f"study{next(numbers)}")
    if request.param in BEHIND:
        start = request.getfixturevalue("start_server")
        return lambda: start(BEHIND[request.param].format(tmp_path / f"study{next(numbers)}")).url
    if request.param == "redis":
        address = request.getfixturevalue("redis_url")
        return lambda: f"{address}?prefix=test-{uuid.uuid4().hex}-"
    server: DatabaseServer = request.getfixturevalue(request.param)
    return server.new


def crew_of(method: str) -> Iterator[Crew]:
    made = Crew(method)
    yield made
    made.end()


@pytest.fixture(params=METHODS)
def crew(request: pytest.FixtureRequest) -> Iterator[Crew]:
    """Processes of each start method."""
    yield from crew_of(request.param)


@pytest.fixture
def forks() -> Iterator[Crew]:
    """Processes that begin with a copy of this one."""
    yield from crew_of("fork")


@pytest.fixture
def stranger() -> Iterator[Crew]:
    """Processes that share nothing with this one, and so can say that they run elsewhere."""
    yield from crew_of("spawn")
