"""Database servers that are away, slow or strange: nothing is lost."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy

import skipjack
from skipjack.errors import StorageInternalError
from skipjack.records.states import TrialState
from skipjack.samplers import RandomSampler
from skipjack.storages import sql
from skipjack.storages.ledger import Ledger
from skipjack.storages.sql import SqlLog
from skipjack.testing.logs import batch
from tests.conftest import Require
from tests.storages import work
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
