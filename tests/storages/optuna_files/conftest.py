"""The fixtures, and the place in which they were written."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.storages.optuna_files import fixtures

Server = tuple[str, str, Callable[[str], None]]  # kind, URL of a database, what runs SQL there


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all fixtures, for tests that only read."""
    folder = tmp_path_factory.mktemp("optuna")
    fixtures.unpack(folder)
    return folder


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local time is that of the fixtures."""
    if not hasattr(time, "tzset"):
        pytest.skip("the time zone of a process cannot be changed here")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", fixtures.ZONE)
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(params=["postgresql", "mysql"])
def server(request: pytest.FixtureRequest, require: Any) -> Iterator[Server]:
    """The kind of a server, the URL of a new database in it, and what runs SQL there."""
    kind, name = request.param, f"skipjack_{uuid4().hex}"
    require("psycopg" if kind == "postgresql" else "pymysql")
    import sqlalchemy

    base = {
        "postgresql": os.environ.get(
            "SKIPJACK_POSTGRESQL", "postgresql+psycopg://root@127.0.0.1:5432/postgres"
        ),
        "mysql": os.environ.get("SKIPJACK_MYSQL", "mysql+pymysql://root@127.0.0.1:3306/test"),
    }[kind]
    admin = sqlalchemy.create_engine(base, isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except sqlalchemy.exc.OperationalError as error:
        require(kind, there=False, reason=f"no {kind} answers: {error}")
    address = sqlalchemy.make_url(base).set(database=name)

    def run(script: str) -> None:
        options = {} if kind == "postgresql" else {"client_flag": 1 << 16}  # several statements
        engine = sqlalchemy.create_engine(address, connect_args=options)
        raw = engine.raw_connection()
        cursor = raw.cursor()
        cursor.execute(script)
        while kind == "mysql" and cursor.nextset():
            pass
        raw.commit()
        raw.close()
        engine.dispose()

    try:
        yield kind, address.render_as_string(hide_password=False), run
    finally:
        force = " WITH (FORCE)" if kind == "postgresql" else ""
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}{force}")
        admin.dispose()
