"""The server of a log, over gRPC: an object to be embedded, and a function that runs one."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import pickle
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias, final

from skipjack import _optional, logging, version
from skipjack.errors import UnsupportedError, WrongStateError, invalid, wrong_type
from skipjack.storages.base import BaseStorage
from skipjack.storages.face import LedgerStorage
from skipjack.storages.names import get_storage
from skipjack.storages.port import Log
from skipjack.storages.remote.cache import Cache
from skipjack.storages.remote.memory import MemoryLog
from skipjack.storages.remote.wire import LARGEST, PORT, PROTOCOL, SERVICE, pack, said, unpack

grpc = _optional.lazy("grpc", extra="grpc", needed_by="A server of studies")

_logger = logging.get_logger(__name__)
_THREADS = 8  # that answer; a call takes one for less than a millisecond
_GRACE = 5.0  # seconds for calls under way when the server stops
_LOCAL = ("localhost", "127.0.0.1", "::1")
Certificate: TypeAlias = tuple[str | os.PathLike[str], str | os.PathLike[str]]


@final
class RemoteServer:
    """Serves the studies of a storage to any number of processes and machines.

        with RemoteServer("sqlite:///study.db", port=13000) as server:
            print(server.url)

    Clients open `server.url`, or `GrpcStorageProxy(host=..., port=...)`. Whoever reaches the port
    can read and change all studies, unless a token is asked for; and without TLS both can be read
    on the way.

    Args:
        storage: The storage, or its URL. Other processes may use it directly as well.
        host: On which of its names this machine listens; "0.0.0.0" is all of them.
        port: The port; 0 picks one that is free.
        token: What clients must know.
        tls: The files (PEM) of the key and of the certificate, with those that vouch for it.
        threads: What answers the calls; None: eight threads of its own.

    Attributes:
        port: The port; the one that was picked once the server has started.

    Raises:
        TypeError: If it is neither a storage nor a URL.
        UnsupportedError: If the storage is a class of somebody else's.
    """

    def __init__(
        self,
        storage: BaseStorage | str,
        host: str = "localhost",
        port: int = PORT,
        *,
        token: str | None = None,
        tls: Certificate | None = None,
        threads: ThreadPoolExecutor | None = None,
    ) -> None:
        if isinstance(port, bool) or not isinstance(port, int):
            raise wrong_type("port", "be an int", port)
        self.host, self.port = host, port
        self._token, self._tls, self._threads = token, tls, threads
        self._log = _log_of(get_storage(storage))
        self._lock = threading.Lock()
        self._server: Any = None
        self._stopped = threading.Event()

    @property
    def address(self) -> str:
        """Host and port, as in "localhost:13000"."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """What clients on this machine open; it says nothing of the token."""
        return f"{'grpc' if self._tls is None else 'grpcs'}://{self.address}"

    def start(self) -> None:
        """Begin to answer.

        Raises:
            WrongStateError: If it has started already.
            ValueError: If the port is taken, or a certificate cannot be read.
            MissingDependencyError: If the package grpcio is not installed.
        """
        with self._lock:
            if self._server is not None:
                raise WrongStateError(f"The server at {self.address} runs already.")
            pool = self._threads or ThreadPoolExecutor(_THREADS, "skipjack-server")
            options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", LARGEST)]
            server = grpc.server(pool, options=options)
            calls = _Calls(self._log, self._token)
            server.add_generic_rpc_handlers((calls,))
            self.port = self._listen(server)
            server.start()
            self._server, self._calls, self._pool = server, calls, pool
            self._stopped.clear()
        _logger.info("Server started at %s", self.address)
        if self.host not in _LOCAL and (self._token is None or self._tls is None):
            lacks = "a token" if self._token is None else "TLS"
            _logger.warning("The server at %s is open to others, without %s.", self.address, lacks)

    def stop(self) -> None:
        """End: calls under way are answered, clients try again elsewhere or later."""
        with self._lock:
            server, self._server = self._server, None
            if server is None:
                return
            ended = server.stop(_GRACE)
            while not ended.wait(0.02) and self._calls.n_active:  # idle clients keep it open
                pass
            server.stop(None).wait()
            if self._threads is None:
                self._pool.shutdown()
            self._calls.cache.close()
            self._stopped.set()
        _logger.info("Server stopped at %s", self.address)

    def wait(self) -> None:
        """Wait until another thread stops the server."""
        self._stopped.wait()

    def __enter__(self) -> RemoteServer:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _listen(self, server: Any) -> int:
        port: int
        given, self.port = self.port, self.port or _free_port(self.host)
        try:
            if _is_taken(self.host, self.port):
                port = 0
            elif self._tls is None:
                port = server.add_insecure_port(self.address)
            else:
                port = server.add_secure_port(self.address, _credentials(self._tls))
        except RuntimeError:
            port = 0
        if port == 0:
            self.port = given
            raise invalid(
                "port",
                f"be free, and {self.host!r} a name of this machine",
                self.port,
                "Port 0 picks one that is free.",
            )
        return port


def _addresses(host: str) -> list[tuple[Any, ...]]:
    """Where a name leads to: "localhost" often to ::1 and to 127.0.0.1."""
    try:
        return socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except OSError:
        return []


def _is_taken(host: str, port: int) -> bool:
    """Whether somebody answers at the port, at any address of the host.

    gRPC is content with one address that is free; clients would reach whoever has the others.
    """
    for family, kind, protocol, _, address in _addresses(host):
        with contextlib.suppress(OSError), socket.socket(family, kind, protocol) as probe:
            probe.settimeout(1.0)
            if probe.connect_ex((address[0], port, *address[2:])) == 0:
                return True
    return False


def _free_port(host: str) -> int:
    """A port that nobody has at any address of the host; 0 if gRPC is to find out why not."""
    for family, kind, protocol, _, address in _addresses(host) * 10:
        with contextlib.suppress(OSError), socket.socket(family, kind, protocol) as probe:
            probe.bind(address)
            port: int = probe.getsockname()[1]
            probe.close()
            if not _is_taken(host, port):
                return port
    return 0


def run_grpc_proxy_server(
    storage: BaseStorage,
    *,
    host: str = "localhost",
    port: int = PORT,
    thread_pool: ThreadPoolExecutor | None = None,
    token: str | None = None,
    tls: Certificate | None = None,
) -> None:
    """Serve a storage until the process is interrupted (Ctrl-C) or terminated.

    Args:
        storage: The storage, or its URL.
        host: On which of its names this machine listens; "0.0.0.0" is all of them.
        port: The port.
        thread_pool: What answers the calls; None: eight threads.
        token: What clients must know.
        tls: The files (PEM) of the key and of the certificate.
    """
    server = RemoteServer(storage, host, port, token=token, tls=tls, threads=thread_pool)
    ended = threading.Event()
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for which in (signal.SIGINT, signal.SIGTERM):
            before[which] = signal.signal(which, lambda *_: ended.set())
    try:
        with server:
            while not ended.wait(1.0):  # on Windows a signal is noticed in between
                pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@final
class _Calls:
    """From calls to the methods of a cache: what gRPC calls a generic handler."""

    def __init__(self, log: Log, token: str | None) -> None:
        self.cache = Cache(log)
        self.n_active = 0  # calls that are being answered
        self._counting = threading.Lock()
        self._name = _name(log)
        self._secret = None if token is None else f"Bearer {token}".encode()
        methods: dict[str, Callable[[Any, Sequence[bytes]], bytes]] = {
            "hello": self._hello,
            "append": self._append,
            "read": lambda head, _: self.cache.read(*head),
            "drop": _doing(self.cache.drop),
            "beat": _doing(self.cache.beat),
            "ages": lambda head, _: pack(dict(self.cache.ages())),
            "leave": _doing(self.cache.leave),
            "save": _doing(self.cache.save),
            "load": self._load,
        }
        self._methods = {
            f"/{SERVICE}/{name}": grpc.unary_unary_rpc_method_handler(self._answering(method))
            for name, method in methods.items()
        }
        self._unknown = _refusal(
            grpc.StatusCode.UNIMPLEMENTED,
            "This is a server of Skipjack: open it with skipjack.storages.GrpcStorageProxy of the "
            f"version {version.__version__}.",
        )
        self._strange = _refusal(grpc.StatusCode.UNAUTHENTICATED, "The token is not right.")

    def service(self, call: Any) -> Any:
        """The handler of a call."""
        if self._secret is not None:
            given = dict(call.invocation_metadata).get("authorization", "")
            if not hmac.compare_digest(given.encode(), self._secret):
                return self._strange
        return self._methods.get(call.method, self._unknown)

    def _answering(
        self, method: Callable[[Any, Sequence[bytes]], bytes]
    ) -> Callable[[bytes, Any], bytes]:
        """The behaviour of a handler: errors become answers."""

        def answer(message: bytes, context: Any) -> bytes:
            with self._counting:
                self.n_active += 1
            try:
                return method(*unpack(message))
            except Exception as error:
                head = said(error)
                if head is None:
                    _logger.exception("A call could not be answered.")
                    head = {"error": "failed", "text": f"The server failed: {error!r}"}
                return pack(head)
            finally:
                with self._counting:
                    self.n_active -= 1

        return answer

    def _hello(self, head: Any, lines: Sequence[bytes]) -> bytes:
        return pack({"protocol": PROTOCOL, "version": version.__version__, "log": self._name})

    def _append(self, head: Any, lines: Sequence[bytes]) -> bytes:
        stream, after, alone = head
        (text,) = lines
        position, news = self.cache.append(stream, text, after, alone)
        return pack({"position": position, "far": news is None}, news or ())

    def _load(self, head: Any, lines: Sequence[bytes]) -> bytes:
        found = self.cache.load(*head)
        if found is None:
            return pack({"position": None})
        return pack({"position": found[0]}, (found[1].encode(),))


def _refusal(code: Any, text: str) -> Any:
    def refuse(message: bytes, context: Any) -> None:
        context.abort(code, text)

    return grpc.unary_unary_rpc_method_handler(refuse)


def _doing(method: Callable[..., None]) -> Callable[[Any, Sequence[bytes]], bytes]:
    """What calls a method that has nothing to say; lines are its last argument, a text."""

    def act(head: Any, lines: Sequence[bytes]) -> bytes:
        method(*head, *([b"\n".join(lines).decode()] if lines else []))
        return pack({})

    return act


def _log_of(storage: BaseStorage) -> Log:
    """A handle of its own of the log that a storage stands on; memory gets one."""
    if not isinstance(storage, LedgerStorage):
        raise UnsupportedError(
            f"A {type(storage).__name__} cannot be served: only Skipjack's own storages have a log "
            f"that many may write to."
        )
    ledger = storage.ledger
    if ledger.log is None:
        ledger.share(MemoryLog())
    copy: Log = pickle.loads(pickle.dumps(ledger.log))
    return copy


def _name(log: Log) -> str:
    """What tells a log from all others, as long as it exists."""
    return hashlib.sha256(repr(log.key).encode()).hexdigest()[:32]


def _credentials(tls: Certificate) -> Any:
    try:
        key, chain = (Path(file).read_bytes() for file in tls)
    except (OSError, TypeError, ValueError) as error:
        raise invalid("tls", f"be the files of a key and a certificate ({error})", tls) from error
    return grpc.ssl_server_credentials(((key, chain),))
