"""Servers in processes of their own, and a way to them that breaks off."""

from __future__ import annotations

import contextlib
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skipjack.storages.remote.client import RemoteLog
from tests.storages.ports import free_port

ROOT = Path(__file__).parents[2]


class ServerProcess:
    """`run_grpc_proxy_server` in a process, which can be killed and started again."""

    def __init__(self, storage: str, options: str = "") -> None:
        self.port = free_port()
        self.url = f"grpc://127.0.0.1:{self.port}"
        self._code = (
            "import skipjack; from skipjack.storages import *\n"
            f"run_grpc_proxy_server({storage}, host='127.0.0.1', port={self.port}{options})"
        )
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", self._code], cwd=ROOT, stderr=subprocess.PIPE
        )
        log = RemoteLog("127.0.0.1", self.port)
        log.meet(120)
        log.close()

    def end(self, how: int = signal.SIGKILL) -> tuple[int, str]:
        """End it with a signal; its exit code and what it said."""
        self.process.send_signal(how)
        said = self.process.communicate(timeout=120)[1].decode()
        return self.process.returncode, said


@contextlib.contextmanager
def running(storage: str, options: str = "") -> Iterator[ServerProcess]:
    server = ServerProcess(storage, options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end()


class Forwarder:
    """A way to a port on which connections are cut, by chance, at any point of a call."""

    def __init__(self, port: int, chance: float, seed: int) -> None:
        self.target, self.chance, self.random = port, chance, random.Random(seed)
        self.cuts = {"before": 0, "within": 0, "after": 0}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._stopped = False
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def __enter__(self) -> Forwarder:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stopped = True
        self._thread.join(120)
        self._listener.close()

    def _accept(self) -> None:
        carriers = []
        while not self._stopped:
            if select.select([self._listener], [], [], 0.05)[0]:
                client = self._listener.accept()[0]
                carriers.append(threading.Thread(target=self._carry, args=(client,)))
                carriers[-1].start()
        for carrier in carriers:
            carrier.join(120)

    def _carry(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self.target))
        with client, server, contextlib.suppress(OSError):
            while not self._stopped:
                for source in select.select([client, server], [], [], 0.05)[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is server:
                        client.sendall(data)
                    elif self.random.random() >= self.chance:
                        server.sendall(data)
                    else:
                        self._cut(server, data)
                        return

    def _cut(self, server: socket.socket, data: bytes) -> None:
        """Let a request vanish, or a part of it, or what the server answers."""
        where = self.random.choice(list(self.cuts))
        self.cuts[where] += 1
        if where == "within":
            server.sendall(data[: self.random.randrange(len(data))])
        elif where == "after":
            server.sendall(data)
            select.select([server], [], [], 0.1)
            time.sleep(0.002)  # the answer to the whole request, not only to its first frame
