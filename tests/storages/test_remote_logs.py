"""The log at a server keeps the contracts, whatever stands behind the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skipjack.storages import BaseStorage, InMemoryStorage
from skipjack.storages.face import LedgerStorage
from skipjack.storages.ledger import Ledger
from skipjack.storages.remote.client import RemoteLog
from skipjack.storages.remote.memory import MemoryLog
from skipjack.storages.remote.proxy import GrpcStorageProxy
from skipjack.storages.remote.server import RemoteServer
from skipjack.testing.logs import LeaseContract, LogContract, OpenLog
from skipjack.testing.snapshots import SnapshotContract
from skipjack.testing.storages import Reopen, StorageContract
from tests.conftest import Require

BEHIND = ("memory", "sqlite")


@pytest.fixture(params=BEHIND)
def server(
    request: pytest.FixtureRequest, tmp_path: Path, require: Require
) -> Iterator[RemoteServer]:
    require("grpc")
    storage: Any = InMemoryStorage()
    if request.param == "sqlite":
        storage = f"sqlite:///{tmp_path}/study.db"
    with RemoteServer(storage, port=0) as server:
        yield server


@pytest.fixture
def open_remote(server: RemoteServer) -> Iterator[OpenLog]:
    opened: list[RemoteLog] = []

    def open_log() -> RemoteLog:
        opened.append(RemoteLog("localhost", server.port))
        return opened[-1]

    yield open_log
    for log in opened:
        log.close()


class TestRemoteLog(LogContract):
    @pytest.fixture
    def open_log(self, open_remote: OpenLog) -> OpenLog:
        return open_remote


class TestRemoteLeases(LeaseContract):
    @pytest.fixture
    def open_log(self, open_remote: Any) -> Any:
        return open_remote


class TestRemoteSnapshots(SnapshotContract):
    @pytest.fixture
    def open_log(self, open_remote: Any) -> Any:
        return open_remote


class TestMemoryLog(LogContract):
    @pytest.fixture
    def open_log(self) -> Any:
        first = MemoryLog()
        return lambda: MemoryLog(first.memory)


class TestMemoryLeases(LeaseContract):
    @pytest.fixture
    def open_log(self) -> Any:
        first = MemoryLog()
        return lambda: MemoryLog(first.memory)


class TestMemorySnapshots(SnapshotContract):
    @pytest.fixture
    def open_log(self) -> Any:
        first = MemoryLog()
        return lambda: MemoryLog(first.memory)


class TestGrpcStorageProxy(StorageContract):
    @pytest.fixture
    def storage(self, server: RemoteServer) -> Iterator[BaseStorage]:
        storage = GrpcStorageProxy(host="localhost", port=server.port)
        yield storage
        storage.close()

    @pytest.fixture
    def reopen(self, storage: BaseStorage, open_remote: OpenLog) -> Reopen:
        return lambda: LedgerStorage(Ledger(open_remote()))
