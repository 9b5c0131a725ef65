"""The log in Redis: lost answers, servers that stop, refuse or are full, and keys of others."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis as driver

import skipjack
from skipjack.errors import InvalidValueError, MissingDependencyError, StorageInternalError
from skipjack.samplers import RandomSampler
from skipjack.storages import redis
from skipjack.storages.journal import JournalRedisBackend, JournalStorage
from skipjack.storages.redis import RedisLog
from skipjack.testing.logs import batch, plain_batches
from tests.conftest import Require
from tests.storages import work
from tests.storages.ports import free_port
from tests.storages.redis_server import RedisServer, redis_server

SECRET = "se:cr@et"


@pytest.fixture
def own(require: Require, tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may stop."""
    with redis_server(require, tmp_path) as server:
        yield server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "_PATIENCE", 0.5)
    monkeypatch.setattr(redis, "_AT_FIRST", 0.3)


def test_prefixes_keep_logs_apart(redis_url: str, prefix: str) -> None:
    first, second = RedisLog(redis_url, f"{prefix}1"), RedisLog(redis_url, f"{prefix}2")
    first.append(0, batch(1))
    first.beat("me")
    assert list(second.read(0, 0)) == []
    assert second.ages() == {}
    assert first.key != second.key


def test_all_keys_of_a_log_are_on_one_node_of_a_cluster(redis_url: str, prefix: str) -> None:
    log = RedisLog(redis_url, prefix)
    log.append(0, batch(1))
    log.append(1, batch(1))
    log.save(0, 1, "one")
    log.beat("me")
    with driver.Redis.from_url(redis_url) as client:
        keys = [key.decode() for key in client.scan_iter(f"*{prefix}*")]
    assert len(keys) == 5
    assert {key[: key.index("}") + 1] for key in keys} == {f"{{{prefix}skipjack}}"}


def test_a_log_of_many_batches_is_read_in_parts(
    redis_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "_AT_ONCE", 4)
    log, made = RedisLog(redis_url, prefix), [batch(n) for n in range(12)]
    for one in made:
        log.append(0, one)
    for after in range(14):
        assert plain_batches(log.read(0, after)) == plain_batches(made[after:])


# ------------------------------------------------------------------------------ lost and found


def test_a_server_that_is_killed_and_comes_back_loses_nothing(own: RedisServer) -> None:
    study = skipjack.create_study(
        storage=own.url, study_name="study", sampler=RandomSampler(), pruner=None
    )
    told: list[float] = []

    def restart() -> None:
        for _ in range(3):
            time.sleep(0.3)
            own.kill()
            own.start()
        study.stop()

    def note(study: skipjack.Study, trial: Any) -> None:
        told.append(trial.value)

    restarter = threading.Thread(target=restart)
    restarter.start()
    study.optimize(work.objective, callbacks=[note])
    restarter.join()
    log = RedisLog(own.url)
    found = skipjack.load_study(study_name="study", storage=own.url).trials
    assert [t.number for t in found] == list(range(len(found)))
    assert [t.value for t in found] == told
    assert len(log.read(0, 0)) >= 2 * len(told)


def test_an_answer_that_is_lost_is_asked_for_again_and_applied_once(
    redis_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = JournalStorage(JournalRedisBackend(redis_url, prefix=prefix))
    study = skipjack.create_study(storage=storage, sampler=RandomSampler())
    log: Any = storage.ledger.log
    true, lost = driver.Redis.evalsha, []

    def losing(self: Any, *arguments: Any) -> Any:
        answer = true(self, *arguments)
        if len(lost) % 2 == 0:
            lost.append(answer)
            raise driver.ConnectionError("the line is dead")
        lost.append(None)
        return answer

    monkeypatch.setattr(driver.Redis, "evalsha", losing)
    study.optimize(work.objective, n_trials=10)
    assert lost
    trials = study.trials
    assert [t.number for t in trials] == list(range(10))
    assert [t.value for t in trials] == [work.value_of(t.params) for t in trials]
    batches = list(log.read(0, 0))
    names = [(writer, number) for writer, number, _ in batches]
    assert len(set(names)) < len(names), "some are there twice"
    fresh = JournalStorage(JournalRedisBackend(redis_url, prefix=prefix))
    assert [t.value for t in fresh.get_all_trials(0)] == [t.value for t in trials]


def test_who_has_never_answered_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    here = threading.current_thread()  # and not a keeper that another test has left waiting

    def nap(seconds: float) -> None:
        (naps.append if threading.current_thread() is here else time.sleep)(seconds)

    def now() -> float:
        return sum(naps) if threading.current_thread() is here else time.monotonic()

    monkeypatch.setattr(redis, "time", SimpleNamespace(monotonic=now, sleep=nap))
    with pytest.raises(StorageInternalError, match="Check that it runs and can be reached"):
        RedisLog(f"redis://:{SECRET}@127.0.0.1:{free_port()}/0")
    assert 1 < sum(naps) <= redis._AT_FIRST


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_server_that_stays_away_is_named_without_the_password(own: RedisServer) -> None:
    log = RedisLog(f"redis://default:{SECRET}@127.0.0.1:{own.port}/0")
    own.kill()
    with pytest.raises(StorageInternalError, match="What was told before is not lost") as caught:
        log.append(0, batch(1))
    assert SECRET not in str(caught.value)
    assert f"127.0.0.1:{own.port}" in str(caught.value)
    own.start()
    assert log.append(0, batch(1)) == 0


# ------------------------------------------------------------------------------------- refusals


def test_a_wrong_password_is_never_printed(require: Require, tmp_path: Path) -> None:
    with redis_server(require, tmp_path, "--requirepass", "right") as server:
        for who in (f":{SECRET}@", ""):
            with pytest.raises(StorageInternalError, match="user or the password") as caught:
                RedisLog(f"redis://{who}127.0.0.1:{server.port}/0")
            assert SECRET not in repr(caught.value)
        RedisLog(f"redis://:right@127.0.0.1:{server.port}/0").append(0, batch(1))


def test_full_memory_loses_nothing_that_was_told(require: Require, tmp_path: Path) -> None:
    with redis_server(require, tmp_path, "--appendonly", "yes") as server:
        log = RedisLog(server.url)
        log.append(0, batch(1))
        with server.client as client:
            client.config_set("maxmemory", 1)
        with pytest.raises(StorageInternalError, match=r"make room \(`maxmemory`\)"):
            log.append(0, batch(2))
        assert plain_batches(log.read(0, 0)) == plain_batches([batch(1)])
        with server.client as client:
            client.config_set("maxmemory", 0)
        assert log.append(0, batch(2)) == 1


def test_a_replica_can_be_read(require: Require, own: RedisServer, tmp_path: Path) -> None:
    RedisLog(own.url).append(0, batch(1))
    (tmp_path / "replica").mkdir()
    options = ("--replicaof", f"127.0.0.1 {own.port}")
    with redis_server(require, tmp_path / "replica", *options) as replica:
        deadline = time.monotonic() + 200
        while not replica.client.exists("{skipjack}:0"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        log = RedisLog(replica.url)
        assert plain_batches(log.read(0, 0)) == plain_batches([batch(1)])
        for write in (lambda: log.append(0, batch(2)), lambda: log.beat("me")):
            with pytest.raises(StorageInternalError, match="use the URL of its primary"):
                write()


def test_keys_of_another_program_are_left_alone(redis_url: str, prefix: str) -> None:
    with driver.Redis.from_url(redis_url) as client:
        client.rpush(f"{{{prefix}1skipjack}}:log", "x")
        client.set(f"{{{prefix}2skipjack}}:log", "x")
        client.set(f"{{{prefix}3skipjack}}:log", "2 name")
        client.rpush(f"{{{prefix}4skipjack}}:0", "x")
        with pytest.raises(StorageInternalError, match="use another prefix"):
            RedisLog(redis_url, f"{prefix}1")
        with pytest.raises(StorageInternalError, match="that is not ours"):
            RedisLog(redis_url, f"{prefix}2")
        with pytest.raises(StorageInternalError, match="format 2.*pip install -U skipjack"):
            RedisLog(redis_url, f"{prefix}3")
        log = RedisLog(redis_url, f"{prefix}4")
        for use in (lambda: log.append(0, batch(1)), lambda: log.read(0, 0)):
            with pytest.raises(StorageInternalError, match="use another prefix"):
                use()
        assert client.lrange(f"{{{prefix}4skipjack}}:0", 0, -1) == [b"x"]


def test_studies_that_are_deleted_while_they_are_used_are_missed(own: RedisServer) -> None:
    log = RedisLog(own.url)
    log.append(0, batch(1))
    with own.client as client:
        client.flushall()
    for use in (
        lambda: log.append(0, batch(2)),
        lambda: log.read(0, 0),
        lambda: log.load(0),
        lambda: log.drop(0),
        lambda: log.save(0, 1, "one"),
    ):
        with pytest.raises(StorageInternalError, match="deleted or replaced"):
            use()
    assert RedisLog(own.url).append(0, batch(1)) == 0


def test_a_server_that_keeps_nothing_gets_one_warning(
    require: Require, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = ("--save", "", "--appendonly", "no")
    with redis_server(require, tmp_path, *nothing) as server:
        for _ in range(3):
            RedisLog(server.url).append(0, batch(1))
        assert capsys.readouterr().err.count("does not write to disk") == 1
        with server.client as client:
            client.config_set("appendonly", "yes")
        RedisLog(server.url, "other")
        assert capsys.readouterr().err == ""


# ---------------------------------------------------------------------------------------- names


def test_urls_lead_to_redis(own: RedisServer) -> None:
    study = skipjack.create_study(storage=f"{own.url}?prefix=a", study_name="study")
    study.tell(study.ask(), 1.0)
    assert skipjack.get_all_study_names(f"{own.url}?prefix=a&socket_timeout=5") == ["study"]
    assert skipjack.get_all_study_names(own.url) == []
    storage = JournalStorage(JournalRedisBackend(own.url, prefix="a"))
    assert [t.value for t in storage.get_all_trials(0)] == [1.0]


def test_a_url_of_something_else_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="redis://localhost:6379/0") as caught:
        RedisLog(f"http://me:{SECRET}@host")
    assert SECRET not in str(caught.value)


def test_bytes_of_a_users_own_can_be_kept(redis_url: str, prefix: str) -> None:
    backend = JournalRedisBackend(redis_url, prefix=prefix)
    assert backend.load_snapshot() is None
    backend.save_snapshot(b"\x80\0")
    backend.save_snapshot(b"\x80\1")
    assert JournalRedisBackend(redis_url, prefix=prefix).load_snapshot() == b"\x80\1"


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis.client, "_module", None)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'skipjack\[redis\]'"):
        RedisLog("redis://localhost")


def test_a_spawned_process_opens_the_same_log(redis_url: str, prefix: str) -> None:
    log = RedisLog(redis_url, prefix)
    process = multiprocessing.get_context("spawn").Process(target=log.append, args=(0, batch(1)))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert plain_batches(log.read(0, 0)) == plain_batches([batch(1)])
