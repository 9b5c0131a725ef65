"""Database servers that are away, slow, strange or not ours: errors are clear, nothing is lost."""

from __future__ import annotations

import contextlib
import importlib.util
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy

import skipjack
from skipjack.errors import MissingDependencyError, StorageInternalError
from skipjack.records.states import TrialState
from skipjack.samplers import RandomSampler
from skipjack.storages import RDBStorage, sql
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
    MariaDBServer,
    PostgreSQLServer,
    serving,
    with_driver,
)


@pytest.fixture
def url(server: DatabaseServer) -> str:
    return server.new()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """For as long as it is not undone."""
    with monkeypatch.context() as patch:
        patch.setattr(sql, "_PATIENCE", 0.5)
        yield patch


def new_study(url: str, name: str = "study") -> skipjack.Study:
    return skipjack.create_study(storage=url, study_name=name, sampler=RandomSampler())


def error_of(call: Callable[[], Any]) -> str:
    """What a call that must fail says; never a password."""
    with pytest.raises(StorageInternalError) as caught:
        call()
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in str(error)
        assert quote(SECRET, safe="") not in str(error)
        error = error.__cause__
    return str(caught.value)


def is_whole(url: str, n: int) -> None:
    trials = work.opened(url).trials
    assert [t.number for t in trials] == list(range(n))
    assert all(t.state is TrialState.COMPLETE for t in trials)
    assert all(t.value == work.value_of(t.params) for t in trials)


# ---------------------------------------------------------------------------- those who are away


class Wire:
    """What lies between a client and a server, and breaks when told to.

    Attributes:
        url: Of the server, through this.
        cut: Where the next request ends the connection: before the server has it ("request"), or
            before the client has the reply ("reply"); then None again.
        cuts: How often it has broken.
    """

    def __init__(self, url: str, port: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.cut, self.cuts = port, "", 0
        self.url = url.replace(f":{port}/", f":{self.listener.getsockname()[1]}/")
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
                threading.Thread(target=self._carry, args=(client, server), daemon=True).start()
                threading.Thread(
                    target=self._carry_back, args=(client, server), daemon=True
                ).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(2**16):
                if self.cut == "request":
                    self._break(client, server)
                    return
                server.sendall(data)
        self._shut(client, server)

    def _carry_back(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(2**16):
                if self.cut == "reply":
                    self._break(client, server)
                    return
                client.sendall(data)
        self._shut(client, server)

    def _break(self, *ends: socket.socket) -> None:
        self.cut = ""
        self.cuts += 1
        self._shut(*ends)

    def _shut(self, *ends: socket.socket) -> None:
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def wire(server: DatabaseServer, url: str) -> Iterator[Wire]:
    made = Wire(url, server.port)
    yield made
    made.listener.close()


@pytest.mark.parametrize("where", ["request", "reply"])
def test_a_connection_that_breaks_loses_and_doubles_nothing(wire: Wire, where: str) -> None:
    study = new_study(wire.url)

    def shaky(trial: skipjack.Trial) -> float:
        if trial.number % 3 == 0:
            wire.cut = where  # at the next commit, of this trial's end
        return work.objective(trial)

    def breaking(study: Any, trial: Any) -> None:
        if trial.number % 4 == 0:
            wire.cut = where  # when the next trial is made

    study.optimize(shaky, n_trials=24, callbacks=[breaking])
    assert wire.cuts >= 10
    is_whole(wire.url, 24)
    assert len(study.trials) == 24


def test_a_batch_whose_reply_was_lost_stands_twice_and_counts_once(wire: Wire) -> None:
    storage: Any = new_study(wire.url)._storage
    storage.create_new_trial(0)
    wire.cut = "reply"
    assert storage.create_new_trial(0) == 1
    _, first, second = storage.ledger.log.read(0, 0)
    assert first == second
    assert storage.create_new_trial(0) == 2
    assert Ledger(SqlLog(wire.url)).sync(0).n_trials == 3


@pytest.fixture(scope="module", params=[PostgreSQLServer, MariaDBServer])
def fragile(
    request: pytest.FixtureRequest,
    require: Require,
) -> Iterator[DatabaseServer]:
    """A server that a test may stop."""
    yield from serving(request.param, require)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_study_survives_that_its_server_starts_again(
    fragile: DatabaseServer, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "_PATIENCE", 250.0)  # however long it takes to start here
    url = fragile.new()
    study = new_study(url)

    def restart() -> None:
        for n in (5, 10):
            while len(study.trials) < n:
                time.sleep(0.02)
            getattr(fragile, how)()
            time.sleep(0.3)
            fragile.start()

    helper = threading.Thread(target=restart)
    helper.start()

    def until_done(study: skipjack.Study, trial: Any) -> None:
        time.sleep(0.01)
        if not helper.is_alive():
            study.stop()

    study.optimize(work.objective, callbacks=[until_done])
    helper.join()
    is_whole(url, len(study.trials))


def test_a_server_that_stays_away_is_an_error_that_keeps_what_was_told(
    fragile: DatabaseServer, impatient: pytest.MonkeyPatch
) -> None:
    url = fragile.new()
    study = new_study(url)
    study.optimize(work.objective, n_trials=3)
    fragile.kill()
    try:
        said = error_of(lambda: study.optimize(work.objective, n_trials=1))
        assert "has been away" in said
        assert "What was told before is kept" in said
        assert fragile.user in said
        said = error_of(lambda: new_study(url))
        assert "Is the server running there" in said
    finally:
        fragile.start()
    impatient.undo()
    study.optimize(work.objective, n_trials=2)
    is_whole(url, 5)


HELD = '["w",1,[{"do":"held"}]]'


def test_who_holds_a_transaction_open_delays_others_and_hides_nothing(
    server: DatabaseServer, url: str
) -> None:
    # With keys that count by themselves the held one would be overtaken: whoever reads then goes
    # on after it, and never sees it.
    log, other, order = SqlLog(url), SqlLog(url), []
    for stream in (0, 1):
        log.append(stream, batch(0))
    engine = sqlalchemy.create_engine(with_driver(url, "psycopg" if "post" in url else "pymysql"))
    with engine.connect() as held:
        held.execute(sqlalchemy.text("UPDATE skipjack_streams SET length = 2 WHERE stream = 0"))
        held.execute(
            sqlalchemy.text("INSERT INTO skipjack_log VALUES (0, 1, :text, :checksum)"),
            {"text": HELD, "checksum": sql._checksum(0, HELD)},
        )
        writer = threading.Thread(target=lambda: order.append(other.append(0, batch(2))))
        writer.start()
        writer.join(0.5)
        assert writer.is_alive()
        assert len(log.read(0, 0)) == 1
        assert log.append(1, batch(7)) == 1  # another stream does not wait
        held.commit()
    engine.dispose()
    writer.join(120)
    assert order == [2]
    assert [b[1] for b in log.read(0, 1)] == [1, 2]


def test_who_locks_a_study_for_too_long_is_told_of(
    url: str, impatient: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SqlLog(url)
    log.append(0, batch(0))
    short = {"post": "SET lock_timeout = '300ms'", "mysql": "SET innodb_lock_wait_timeout = 1"}
    engine = sqlalchemy.create_engine(with_driver(url, "psycopg" if "post" in url else "pymysql"))
    with engine.connect() as held:
        held.execute(sqlalchemy.text("UPDATE skipjack_streams SET length = 2 WHERE stream = 0"))
        monkeypatch.setattr(log._server, "patience", short["post" if "post" in url else "mysql"])
        log.close()
        assert "has kept the study locked" in error_of(lambda: log.append(0, batch(1)))
    engine.dispose()
    impatient.undo()
    assert log.append(0, batch(1)) == 1


def test_deadlocks_are_tried_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    log = SqlLog(url)
    error = log._driver.OperationalError(1213, "Deadlock found when trying to get lock")
    if "post" in url:
        error = importlib.import_module("psycopg").errors.DeadlockDetected("deadlock detected")
        log = SqlLog(with_driver(url, "psycopg"))
    errors, append = [error, error], type(log._server).append

    def unlucky(self: Any, *arguments: Any) -> Any:
        if errors:
            raise errors.pop()
        return append(self, *arguments)

    monkeypatch.setattr(type(log._server), "append", unlucky)
    assert log.append(0, batch(0)) == 0
    assert not errors


def test_an_interrupted_call_leaves_a_log_that_works(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SqlLog(url)
    log.append(0, batch(0))
    append = type(log._server).append

    def interrupted(self: Any, cursor: Any, *arguments: Any) -> Any:
        cursor.execute("BEGIN")
        append(self, cursor, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(log._server), "append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            log.append(0, batch(1))
    assert log.append(0, batch(2)) in (1, 2)  # MySQL commits what a second BEGIN finds open
    assert log.read(0, 0)[-1][1] == 2


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
