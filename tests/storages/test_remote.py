"""A server of studies: how it is opened, who is let in, and what is said when something else is."""

from __future__ import annotations

import http.server
import pickle
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.errors import StorageInternalError, UnsupportedError, WrongStateError
from skipjack.storages import (
    GrpcStorageProxy,
    InMemoryStorage,
    RemoteServer,
    get_storage,
    run_grpc_proxy_server,
)
from skipjack.storages.port import Batch
from skipjack.storages.remote import server as server_module
from skipjack.storages.remote.cache import Cache
from skipjack.storages.remote.client import RemoteLog
from skipjack.storages.remote.memory import MemoryLog
from skipjack.testing.courses import all_told
from skipjack.testing.logs import batch
from tests.conftest import Require
from tests.storages import work
from tests.storages.ports import free_port
from tests.storages.remote import ROOT


@pytest.fixture(autouse=True)
def needs_grpc(require: Require) -> None:
    require("grpc")


@pytest.fixture
def server() -> Iterator[RemoteServer]:
    with RemoteServer(InMemoryStorage(), port=0) as server:
        yield server


def refusal(**options: Any) -> str:
    """What a client is told when it asks for the studies."""
    storage = GrpcStorageProxy(patience=0.2, **options)
    with pytest.raises(StorageInternalError) as caught:
        storage.get_all_studies()
    assert f":{options['port']}" in str(caught.value)
    return str(caught.value)


# -------------------------------------------------------------------------------------- a server


def test_a_server_shares_the_storage_of_its_own_process() -> None:
    storage = InMemoryStorage()
    with RemoteServer(storage, port=0) as server:
        here = skipjack.create_study(storage=storage, study_name="s")
        there = skipjack.load_study(study_name="s", storage=server.url)
        here.optimize(work.objective, n_trials=3)
        there.optimize(work.objective, n_trials=3)
        assert [t.number for t in here.trials] == list(range(6))
        assert all_told(storage, 0) == all_told(there._storage, 0)
    here.optimize(work.objective, n_trials=1)
    assert len(here.trials) == 7


def test_a_memory_that_holds_studies_is_not_taken_over() -> None:
    storage = InMemoryStorage()
    skipjack.create_study(storage=storage)
    with pytest.raises(UnsupportedError, match="before the first study"):
        RemoteServer(storage)


def test_a_server_starts_and_stops_as_often_as_one_likes(tmp_path: Path) -> None:
    server = RemoteServer(f"sqlite:///{tmp_path}/study.db", port=0)
    server.stop()
    for n in range(3):
        with server:
            with pytest.raises(WrongStateError, match="runs already"):
                server.start()
            assert server.address == f"localhost:{server.port}"
            study = skipjack.create_study(storage=server.url, study_name="s", load_if_exists=True)
            study.tell(study.ask(), 1.0)
            assert len(study.trials) == n + 1
    server.wait()


def test_a_port_that_is_taken_is_refused(server: RemoteServer) -> None:
    with pytest.raises(ValueError, match="`port` must be free"):
        RemoteServer(InMemoryStorage(), port=server.port).start()


def test_a_port_that_another_program_has_at_one_address_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]  # which may be free at ::1, where localhost leads first
        with pytest.raises(ValueError, match="`port` must be free"):
            RemoteServer(InMemoryStorage(), port=port).start()


def test_a_server_may_stand_before_a_server(server: RemoteServer) -> None:
    with RemoteServer(server.url, port=0) as front:
        study = skipjack.create_study(storage=front.url, study_name="s")
        study.optimize(work.objective, n_trials=2)
        behind = skipjack.load_study(study_name="s", storage=server.url)
        assert [t.values for t in behind.trials] == [t.values for t in study.trials]


def test_the_function_of_optuna_serves_from_a_thread(tmp_path: Path) -> None:
    port = free_port()
    code = (
        "import threading, skipjack\n"
        "from skipjack.storages import *\n"
        f"threading.Thread(target=run_grpc_proxy_server, args=(InMemoryStorage(),),\n"
        f"                 kwargs={{'port': {port}}}, daemon=True).start()\n"
        f"storage = GrpcStorageProxy(port={port})\n"
        "storage.wait_server_ready(timeout=200)\n"
        "study = skipjack.create_study(storage=storage)\n"
        "study.optimize(lambda trial: trial.suggest_float('x', 0, 1), n_trials=3)\n"
        "storage.remove_session()\n"
        "print(len(study.trials))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=250
    )
    assert done.stdout.strip() == "3", done.stderr


def test_what_others_write_directly_is_seen_through_the_server(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    with RemoteServer(url, port=0) as server:
        there = skipjack.create_study(storage=server.url, study_name="s")
        here = skipjack.load_study(study_name="s", storage=url)
        for study in (there, here, here, there, here):
            study.optimize(work.objective, n_trials=2)
            assert all_told(here._storage, 0) == all_told(there._storage, 0)
        here.enqueue_trial({"x": 0.25})
        assert there.ask().suggest_float("x", -1, 1) == 0.25
        assert [t.number for t in there.trials] == list(range(11))


def test_long_studies_are_read_in_pages(server: RemoteServer) -> None:
    study = skipjack.create_study(storage=server.url, study_name="s")
    for i in range(8):
        study.add_trials(
            [
                skipjack.trial.create_trial(value=float(j), user_attrs={"text": f"{i}.{j}" * 50})
                for j in range(400)
            ]
        )
    log = RemoteLog("localhost", server.port)
    fresh = skipjack.storages.ledger.Ledger(log)
    storage = skipjack.storages.face.LedgerStorage(fresh)
    assert all_told(storage, 0) == all_told(study._storage, 0)
    assert len(study.trials) == 3200
    log.close()


# ------------------------------------------------------------------------------ many at a time


class Slow:
    """A log that is asked to write again only when `n` batches wait."""

    def __init__(self, cache_of: Any, n: int) -> None:
        self.log, self.n, self.groups = MemoryLog(), n, list[int]()
        self.cache_of = cache_of
        self.key = "slow"

    def append(self, stream: int, batch: Batch) -> int:
        return self.append_all(stream, [batch])

    def append_all(self, stream: int, batches: Any) -> int:
        deadline = time.monotonic() + 200
        while not self.groups and len(self.cache_of()) < self.n and time.monotonic() < deadline:
            time.sleep(0.001)
        self.groups.append(len(batches))
        return min(self.log.append(stream, one) for one in list(batches))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.log, name)


def test_those_who_write_at_the_same_time_are_written_together() -> None:
    log = Slow(lambda: cache._shared[0].pending, 5)
    cache = Cache(log)  # type: ignore[arg-type]  # the rest is found in MemoryLog

    def append(i: int) -> int | None:
        text = f'["w{i}", 1, [{{"do": "attr"}}]]'.encode()
        return cache.append(0, text, 0, alone=False)[0]

    with ThreadPoolExecutor(6) as pool:
        positions = list(pool.map(append, range(6)))
    assert sorted(p for p in positions if p is not None) == list(range(6))
    assert log.groups == [1, 5]
    assert [append(i) for i in range(6)] == positions, "a batch that comes again stays where it is"
    assert log.groups == [1, 5]


def test_a_batch_that_is_to_be_alone_is_refused_where_others_came_first() -> None:
    log = MemoryLog()
    cache = Cache(log)
    text = b'["w", 1, [{"do": "attr"}]]'
    log.append(0, batch(1, writer="another"))
    position, news = cache.append(0, text, 0, alone=True)
    assert position is None
    assert news is not None and len(news) == 1
    assert cache.append(0, text, 1, alone=True) == (1, [])


# -------------------------------------------------------------------------------- who is let in


def test_only_those_who_know_the_token_are_let_in() -> None:
    with RemoteServer(InMemoryStorage(), port=0, token="sesame") as server:
        assert "`token` is missing" in refusal(port=server.port)
        assert "`token` is not the right one" in refusal(port=server.port, token="simsim")
        study = skipjack.create_study(storage=f"{server.url}?token=sesame")
        study.optimize(work.objective, n_trials=1)
        storage = GrpcStorageProxy(port=server.port, token="sesame")
        assert len(storage.get_all_studies()) == 1
        assert "sesame" not in repr(storage.ledger.log.key)  # type: ignore[union-attr]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory, require: Require) -> tuple[Path, Path]:
    """Key and certificate of localhost, made by ourselves."""
    require("openssl", there=shutil.which("openssl") is not None)
    folder = tmp_path_factory.mktemp("tls")
    key, chain = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(chain)),
        ],
        check=True,
        capture_output=True,
    )
    return key, chain


def test_a_connection_may_be_encrypted(certificate: tuple[Path, Path]) -> None:
    chain = str(certificate[1])
    with RemoteServer(InMemoryStorage(), port=0, tls=certificate, token="sesame") as server:
        assert server.url == f"grpcs://localhost:{server.port}"
        url = f"{server.url}?token=sesame&ca={chain}"
        study = skipjack.create_study(storage=url, study_name="s")
        study.optimize(work.objective, n_trials=3)
        study.set_user_attr("long", "x" * 300_000)
        storage = GrpcStorageProxy(port=server.port, token="sesame", tls=chain)
        assert len(storage.get_all_trials(0)) == 3
        assert len(pickle.loads(pickle.dumps(study)).trials) == 3
        assert "speaks TLS; pass `tls=True`" in refusal(port=server.port, token="sesame")
        assert "certificate cannot be trusted" in refusal(port=server.port, tls=True)


def test_encryption_that_the_server_does_not_know_is_named(server: RemoteServer) -> None:
    assert "TLS" in refusal(port=server.port, tls=True)


def test_files_that_are_no_certificates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`tls` must be"):
        RemoteServer(InMemoryStorage(), port=0, tls=(tmp_path / "k", tmp_path / "c")).start()
    with pytest.raises(ValueError, match="`tls` must be True, a file of certificates"):
        GrpcStorageProxy(tls=str(tmp_path / "ca"))


# ------------------------------------------------------------------------ something else answers


def test_nobody_at_the_port_is_named_soon() -> None:
    port = free_port()
    assert "Is it running there?" in refusal(port=port)
    with pytest.raises(ConnectionError, match=f"localhost:{port} has not answered"):
        GrpcStorageProxy(port=port).wait_server_ready(timeout=0.2)


def test_a_web_server_is_named() -> None:
    with http.server.ThreadingHTTPServer(
        ("localhost", 0), http.server.SimpleHTTPRequestHandler
    ) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        said = refusal(port=web.server_address[1])
        web.shutdown()
        thread.join()
    assert "answers there" in said and "no gRPC server" in said


def test_a_server_of_another_service_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "SERVICE", "another.Service")
    with RemoteServer(InMemoryStorage(), port=0) as other:
        assert "a gRPC server answers there, but none of Skipjack" in refusal(port=other.port)


def test_another_protocol_is_named_with_both_versions(
    server: RemoteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PROTOCOL", 99)
    said = refusal(port=server.port)
    assert "protocol 99 is not 1" in said and skipjack.__version__ in said


def test_another_client_is_told_what_this_is(server: RemoteServer) -> None:
    code = (
        "import grpc, sys\n"
        f"channel = grpc.insecure_channel('localhost:{server.port}')\n"
        "try: channel.unary_unary('/optuna.StorageService/CreateNewStudy')(b'', timeout=30)\n"
        "except grpc.RpcError as error: print(error.code().name, error.details())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("UNIMPLEMENTED This is a server of Skipjack"), done.stderr


@pytest.mark.parametrize("why", ["away", "there"])
def test_grpcio_is_needed_by_servers_only(why: str, server: RemoteServer) -> None:
    lacking = "import sys; sys.modules['grpc'] = None\n" if why == "away" else "import sys\n"
    client = (
        "import skipjack\n"
        f"study = skipjack.create_study(storage='{server.url}')\n"
        "study.optimize(lambda trial: trial.suggest_float('x', 0, 1), n_trials=3)\n"
        "assert len(study.trials) == 3 and not sys.modules.get('grpc')\n"
        "skipjack.storages.RemoteServer('sqlite://', port=0).start()"
    )
    done = subprocess.run(
        [sys.executable, "-c", lacking + client], cwd=ROOT, capture_output=True, text=True
    )
    if why == "away":
        assert "pip install 'skipjack[grpc]'" in done.stderr.splitlines()[-1]
    else:
        assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    "url",
    [
        *("grpc://", "grpc://host:0", "grpc://host:x", "grpc://host:99999", "grpc://host/path"),
        *("grpc://me:secret@host", "grpc://host?tokem=secret"),
    ],
)
def test_wrong_addresses_are_refused_without_secrets(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        get_storage(url)
    if "me:" in url:
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"port": 0}, {"port": 70000}, {"host": ""}, {"patience": -1}])
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        GrpcStorageProxy(**wrong)
    with pytest.raises(TypeError):
        GrpcStorageProxy(port="13000")  # type: ignore[arg-type]


def test_a_storage_of_somebody_else_cannot_be_served() -> None:
    class Own(skipjack.storages.BaseStorage):  # type: ignore[misc]
        pass

    Own.__abstractmethods__ = frozenset()
    with pytest.raises(UnsupportedError, match="A Own cannot be served"):
        run_grpc_proxy_server(Own())  # type: ignore[abstract]
