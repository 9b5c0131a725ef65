"""Database servers that are not ours, newer, damaged or refuse us; their drivers and URLs."""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

import skipjack
from skipjack.errors import MissingDependencyError
from skipjack.storages import RDBStorage
from skipjack.storages.ledger import Ledger
from skipjack.storages.port import Compacted
from skipjack.storages.sql import SqlLog
from skipjack.testing.logs import batch, plain_batches
from tests.conftest import Require
from tests.storages import work
from tests.storages.ports import free_port
from tests.storages.servers import (
    SECRET,
    DatabaseServer,
    with_driver,
)
from tests.storages.test_servers import error_of, is_whole, new_study


@pytest.fixture
def url(server: DatabaseServer) -> str:
    return server.new()


# -------------------------------------------------------------------------- those who are wrong


def test_nobody_listens_there(server: DatabaseServer) -> None:
    port = free_port()
    url = server.url("nowhere", user=f"guarded:{quote(SECRET, safe='')}")
    url = url.replace(f":{server.port}/", f":{port}/")
    said = error_of(lambda: new_study(url))
    assert f"guarded:***@127.0.0.1:{port}/nowhere" in said
    assert "Is the server running there" in said


def test_a_host_that_there_is_not(server: DatabaseServer) -> None:
    url = server.url("x").replace("127.0.0.1", "no-such-host.invalid")
    assert "Is the server running there, and the URL right?" in error_of(lambda: new_study(url))


def test_a_database_that_there_is_not(server: DatabaseServer) -> None:
    said = error_of(lambda: new_study(server.url("missing_database")))
    assert "missing_database" in said
    assert "Make the database first" in said


def test_a_wrong_password_is_never_shown(server: DatabaseServer) -> None:
    wrong = quote(SECRET, safe="")[:-3]
    database = "postgres" if server.dialect == "postgresql" else "mysql"
    for password in (wrong, ""):
        said = error_of(lambda p=password: new_study(server.url(database, f"guarded:{p}")))
        assert "Check the user and the password" in said
        assert wrong not in said


def test_a_right_password_with_strange_letters_opens(server: DatabaseServer, url: str) -> None:
    place = url.partition(f":{server.port}/")[2]
    name = place.rpartition("%3D")[2]
    rights = {
        "postgresql": f"GRANT ALL ON SCHEMA {name} TO guarded",
        "mysql": f"GRANT ALL ON {name}.* TO guarded@'127.0.0.1'",
    }
    server.run(rights[server.dialect])
    guarded = server.url(place, f"guarded:{quote(SECRET, safe='')}")
    study = new_study(guarded)
    assert SECRET not in repr(study._storage) + repr(study._ledger.log)
    assert study._ledger is not RDBStorage(url).ledger or study._ledger.log is not None


def test_a_user_who_may_only_read_reads(server: DatabaseServer, url: str) -> None:
    place = url.partition(f":{server.port}/")[2]
    name = place.rpartition("%3D")[2]
    reader = server.url(place, "reader")
    grants = {
        "postgresql": [f"GRANT USAGE ON SCHEMA {name} TO reader"],
        "mysql": [f"GRANT SELECT ON {name}.* TO reader@'127.0.0.1'"],
    }
    server.run(*grants[server.dialect])
    assert "may only read" in error_of(lambda: new_study(reader))  # not even tables
    new_study(url).optimize(work.objective, n_trials=3)
    if server.dialect == "postgresql":
        server.run(f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO reader")
    # A ledger of its own: in one process both users would share that of the writer.
    ledger = Ledger(SqlLog(reader))
    state = ledger.sync(0)
    assert state.n_trials == 3
    assert "may only read" in error_of(lambda: ledger.log.append(0, batch(1)))
    is_whole(url, 3)


def run_there(server: DatabaseServer, url: str, *statements: str) -> list[Any]:
    """Execute statements where the URL leads."""
    name = url.rpartition("/")[2].rpartition("%3D")[2]
    if server.dialect == "postgresql":
        return server.run(f"SET search_path = {name}", *statements)
    return server.run(f"USE {name}", *statements)


def test_a_newer_format_is_left_alone(server: DatabaseServer, url: str) -> None:
    new_study(url)
    run_there(server, url, "UPDATE skipjack_format SET version = 99")
    assert "pip install -U skipjack" in error_of(lambda: SqlLog(url))


def test_tables_that_are_gone_or_others_are_noticed(server: DatabaseServer, url: str) -> None:
    study = new_study(url)
    study.optimize(work.objective, n_trials=2)
    log: Any = study._ledger.log
    tables = ("skipjack_format", "skipjack_log", "skipjack_streams", "skipjack_parts")
    run_there(server, url, *(f"DROP TABLE {table}" for table in tables))
    log.close()
    assert "deleted or replaced" in error_of(study.ask)
    new_study(url, "another")
    assert "deleted or replaced" in error_of(study.ask)
    assert skipjack.get_all_study_names(url) == ["another"]


def test_a_table_of_others_by_our_name_is_an_error(server: DatabaseServer, url: str) -> None:
    run_there(server, url, "CREATE TABLE skipjack_format (fish INTEGER)")
    assert "skipjack" in error_of(lambda: SqlLog(url))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DELETE FROM skipjack_log WHERE stream = 0 AND position = 2", "is missing"),
        (
            "UPDATE skipjack_log SET batch = replace(batch, '\"n\"', '\"m\"') WHERE stream = 0",
            "has changed",
        ),
    ],
)
def test_records_that_are_gone_or_changed_are_noticed(
    server: DatabaseServer, url: str, change: str, says: str
) -> None:
    new_study(url).optimize(work.objective, n_trials=4)
    run_there(server, url, change)
    said = error_of(lambda: SqlLog(url).read(0, 0))
    assert says in said
    assert "is damaged" in said


def test_it_stands_beside_tables_of_others(server: DatabaseServer, url: str) -> None:
    run_there(
        server,
        url,
        "CREATE TABLE users (id INTEGER PRIMARY KEY)",
        "CREATE TABLE trials (id INTEGER PRIMARY KEY)",
        "INSERT INTO users VALUES (7)",
    )
    new_study(url).optimize(work.objective, n_trials=2)
    skipjack.delete_study(study_name="study", storage=url)
    assert [tuple(r) for r in run_there(server, url, "SELECT * FROM users")] == [(7,)]


def test_what_is_larger_than_the_server_takes_at_once_is_written_all_the_same(
    mariadb: DatabaseServer,
) -> None:
    mariadb.run("SET GLOBAL max_allowed_packet = 1048576")
    try:
        url = mariadb.new()
        study = new_study(url)
        texts = ("x" * 1_500_000, '"\\' * 800_000, '"' * 3_000_000)
        for i, text in enumerate(texts):
            study.set_user_attr(str(i), text)
            study.optimize(work.objective, n_trials=2)
        is_whole(url, 6)
        assert work.opened(url).user_attrs == dict(zip("012", texts))
    finally:
        mariadb.run("SET GLOBAL max_allowed_packet = 16777216")


def test_a_long_batch_that_is_compacted_while_it_is_read_is_no_damage(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, other = SqlLog(url), SqlLog(url)
    log.append(0, batch(0, "x" * 1_000_000))
    log.append(0, batch(1))
    parts = SqlLog._parts

    def late(self: SqlLog, stream: int, position: int) -> str:
        other.save(0, 2, "what they amount to")
        return parts(self, stream, position)

    monkeypatch.setattr(SqlLog, "_parts", late)
    with pytest.raises(Compacted):
        log.read(0, 0)
    assert log.load(0) == (2, "what they amount to")
    assert list(log.read(0, 2)) == []


# ---------------------------------------------------------------------------------- drivers, URLs


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that hides modules, as if they were not installed."""
    find = importlib.util.find_spec

    def hide(*names: str) -> None:
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, *a: None if name in names else find(name, *a)
        )

    return hide


@pytest.mark.parametrize(
    ("url", "extra"),
    [
        ("postgresql://me:{}@127.0.0.1/x", "pip install 'skipjack[postgresql]'"),
        ("postgres://me:{}@127.0.0.1/x", "pip install 'skipjack[postgresql]'"),
        ("postgresql+psycopg2://me:{}@127.0.0.1/x", "pip install psycopg2-binary"),
        ("mysql://me:{}@127.0.0.1/x", "pip install 'skipjack[mysql]'"),
        ("mariadb://me:{}@127.0.0.1/x", "pip install 'skipjack[mysql]'"),
        ("mariadb+mysqldb://me:{}@127.0.0.1/x", "pip install mysqlclient"),
    ],
)
def test_a_driver_that_is_missing_is_named(
    url: str, extra: str, without: Callable[..., None]
) -> None:
    without("psycopg", "psycopg2", "pymysql", "MySQLdb")
    with pytest.raises(MissingDependencyError) as caught:
        new_study(url.format("secret"))
    assert extra in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_url_without_a_driver_takes_one_that_is_installed(
    server: DatabaseServer, url: str, without: Callable[..., None], require: Require
) -> None:
    hidden, used = {
        "postgresql": (["psycopg"], "psycopg2"),
        "mysql": (["MySQLdb"], "pymysql"),
    }[server.dialect]
    require(used)
    without(*hidden)
    assert SqlLog(url)._driver.__name__ == used


def test_every_spelling_leads_to_one_study(server: DatabaseServer, url: str) -> None:
    first = RDBStorage(url)
    rest = url.partition("://")[2]
    names = {
        "postgresql": ("postgres", "postgresql+psycopg"),
        "mysql": ("mariadb", "mysql+pymysql"),
    }
    for scheme in names[server.dialect]:
        assert RDBStorage(f"{scheme}://{rest}").ledger is first.ledger
    assert RDBStorage(url.replace("127.0.0.1", "localhost")).ledger.log.key == (
        first.ledger.log.key
    )


@pytest.mark.parametrize("scheme", ["postgresql+asyncpg", "mysql+mysqlconnector"])
def test_other_drivers_are_refused_with_those_that_would_do(scheme: str) -> None:
    with pytest.raises(ValueError, match="Leave the driver out") as caught:
        new_study(f"{scheme}://me:secret@127.0.0.1/x")
    assert "secret" not in str(caught.value)


def test_a_url_that_cannot_be_read_shows_no_password() -> None:
    with pytest.raises(ValueError, match="special characters") as caught:
        new_study("postgresql://me:secret@[::1/x")
    assert "secret" not in str(caught.value)


def test_options_of_engines_are_heard(server: DatabaseServer, url: str) -> None:
    names = {"postgresql": "application_name", "mysql": "program_name"}
    name = names[server.dialect]
    storage = RDBStorage(
        with_driver(url, "psycopg" if server.dialect == "postgresql" else "pymysql"),
        engine_kwargs={"pool_size": 3, "pool_pre_ping": True, "connect_args": {name: "fisher"}},
    )
    copy = pickle.loads(pickle.dumps(storage))
    assert copy.engine_kwargs["pool_size"] == 3
    if server.dialect == "postgresql":
        rows = server.run("SELECT application_name FROM pg_stat_activity")
        assert ("fisher",) in [tuple(row) for row in rows]
    with pytest.raises(TypeError, match="fish"):
        RDBStorage(url, engine_kwargs={"fish": 1})


def test_plain_batches_come_back_through_every_server(url: str) -> None:
    log = SqlLog(url)
    made = [batch(i, "%s %% ; -- ' \" \\ \x00 ü") for i in range(3)]
    for one in made:
        log.append(0, one)
    assert plain_batches(SqlLog(url).read(0, 0)) == plain_batches(made)
