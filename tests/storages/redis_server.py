"""Redis servers of the tests' own, which may be killed and started again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.conftest import Require
from tests.storages.ports import free_port


class RedisServer:
    """A server on loopback that writes everything to disk at once, unless told otherwise."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.port = folder, free_port()
        self.options = options or ("--appendonly", "yes", "--appendfsync", "always")
        self.process: Any = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    def start(self) -> None:
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", *place, *self.options], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 120
        while True:
            try:
                with self.client as client:
                    client.ping()
                return
            except redis.AuthenticationError:
                return
            except redis.RedisError:
                assert self.process.poll() is None, (self.folder / "server.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(120)


@contextmanager
def redis_server(require: Require, folder: Path, *options: str) -> Iterator[RedisServer]:
    """A server as long as it is needed; skips if Redis is not installed."""
    there = shutil.which("redis-server") is not None
    require("redis-server", there, "the program redis-server is not installed")
    server = RedisServer(folder, *options)
    try:
        yield server
    finally:
        server.kill()
