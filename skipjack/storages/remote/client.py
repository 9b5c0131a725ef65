"""The log at a server: one connection for each process, and calls that are repeated until heard."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import socket
import ssl
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias, TypeVar, final

from skipjack import logging, version
from skipjack.errors import StorageInternalError, invalid, wrong_type
from skipjack.records.attributes import to_text
from skipjack.storages.port import Batch
from skipjack.storages.remote.http2 import Broken, Connection, Foreign, Refused
from skipjack.storages.remote.streams import batches_of
from skipjack.storages.remote.wire import ERRORS, PORT, PROTOCOL, SERVICE, pack, unpack

T = TypeVar("T")
Tls: TypeAlias = bool | str | os.PathLike[str] | ssl.SSLContext

__all__ = ["PORT", "NoAnswerError", "RemoteLog", "Tls"]

_logger = logging.get_logger(__name__)
_chance = random.SystemRandom()  # never the numbers that a user has seeded
_FIRST = 5.0  # seconds for a server that has never answered
_ANSWER = 30.0  # seconds for one answer, before the question is asked again
_BRIEF = 2.0  # the same where it is asked beside the work, and again soon
_STALE = 60.0  # seconds without a call after which a connection may have been forgotten on the way
_TOO_LARGE, _UNIMPLEMENTED, _UNAUTHENTICATED = 8, 12, 16  # codes of gRPC


class NoAnswerError(StorageInternalError, ConnectionError):
    """A server has not answered for as long as it was waited for."""


@final
class RemoteLog:
    """The streams of a server, with its leases and snapshots.

    Args:
        host: Where the server is.
        port: Its port.
        token: What the server wants to hear from those it lets in.
        tls: True for a connection with TLS whose certificate the system trusts, a file of
            certificates (PEM) to be trusted instead, or an `ssl.SSLContext`.
        patience: Seconds to go on trying when the server does not answer any more; at the first
            contact five at most.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        token: str | None = None,
        tls: Tls = False,
        patience: float = 60.0,
    ) -> None:
        if not isinstance(host, str):
            raise wrong_type("host", "be a str", host)
        if isinstance(port, bool) or not isinstance(port, int):
            raise wrong_type("port", "be an int", port)
        if not host or not 0 < port < 65536:
            raise invalid("port", "be from 1 to 65535, with a host", (host, port))
        if not patience >= 0:
            raise invalid("patience", "not be negative", patience)
        if token is not None and not (token.isascii() and token.isprintable() and token):
            raise invalid("token", "be of printable ASCII characters", "***")
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._host, self._port, self._token = host, port, token
        self._tls, self._patience = tls, patience
        self._security = secured(tls)
        self._name: str | None = None  # of the log that the server has
        self._begin()

    def _begin(self) -> None:
        self._connection: Connection | None = None

    @property
    def key(self) -> Hashable:
        """Where it is, and how one gets in."""
        secret = hashlib.sha256((self._token or "").encode()).hexdigest()
        tls = self._tls if isinstance(self._tls, bool | ssl.SSLContext) else os.fspath(self._tls)
        return (type(self).__name__, self._host, self._port, secret, tls)

    def append(self, stream: int, batch: Batch) -> int:
        """Add a batch; see `Log.append`."""
        head, _ = self._ask("append", [stream, 0, False], to_text(batch))
        position: int = head["position"]
        return position

    def exchange(
        self, stream: int, batch: Batch, after: int, alone: bool = False
    ) -> Sequence[Batch]:
        """Add a batch and return it behind what is new; see `Exchange.exchange`."""
        head, lines = self._ask("append", [stream, after, alone], to_text(batch))
        if head["far"]:
            return self.read(stream, after)
        found = batches_of(lines) if lines else []
        return found if head["position"] is None else [*found, batch]

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches of a stream but the first `after`."""
        texts: list[bytes] = []
        more = True
        while more:
            start = after + len(texts)
            head, lines = self._ask("read", [stream, start])
            lines, more = lines[max(0, start - head["first"]) :], head["more"]
            texts += lines
        return batches_of(texts)

    def drop(self, stream: int) -> None:
        """Delete a stream; see `Log.drop`."""
        self._ask("drop", [stream])

    # -------------------------------------------------------------------- leases and snapshots

    # These hardly wait for a server: they are called beside the work, and again soon.

    def beat(self, worker: str) -> None:
        """Keep that a worker is alive now, by the clock of the server."""
        self._ask("beat", [worker], patience=0.0)

    def ages(self) -> dict[str, float]:
        """Seconds since the last beat of each worker."""
        found: dict[str, float] = self._ask("ages", [], patience=0.0)[0]
        return found

    def leave(self, worker: str) -> None:
        """Forget a worker."""
        self._ask("leave", [worker], patience=0.0)

    def save(self, stream: int, position: int, text: str) -> None:
        """Replace batches by a snapshot; see `Snapshots.save`."""
        self._ask("save", [stream, position], text)

    def load(self, stream: int) -> tuple[int, str] | None:
        """The snapshot of a stream; see `Snapshots.load`."""
        head, lines = self._ask("load", [stream])
        if head["position"] is None:
            return None
        return head["position"], b"\n".join(lines).decode()

    # ---------------------------------------------------------------------------- connection

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def reset(self) -> None:
        """Close this process's copy of a connection of the parent's, which goes on with its own."""
        self.close()
        self._begin()

    def __del__(self) -> None:
        if getattr(self, "_connection", None) is not None:
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        kept = ("address", "_host", "_port", "_token", "_tls", "_patience", "_name")
        return {name: self.__dict__[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._security = secured(self._tls)
        self._begin()

    def meet(self, patience: float) -> None:
        """See that the server answers.

        Raises:
            NoAnswerError: If it does not for so many seconds.
            StorageInternalError: If another kind of server does, or wants a token or TLS.
        """
        self._persist(lambda: self._connected(_ANSWER, anew=True), patience)

    def _ask(
        self, what: str, head: Any, text: str | None = None, patience: float | None = None
    ) -> tuple[Any, list[bytes]]:
        """What the server answers, who may be asked several times."""
        if patience is None:
            known = self._name is not None
            patience = self._patience if known else min(_FIRST, self._patience)
        return _checked(*unpack(self._message(what, head, text, patience)))

    def _message(self, what: str, head: Any, text: str | None, patience: float) -> bytes:
        question = pack(head, () if text is None else (text.encode(),))

        def call() -> bytes:
            timeout = _ANSWER if patience else _BRIEF
            connection = self._connected(timeout)
            found = connection.call(f"/{SERVICE}/{what}", question, timeout)
            if connection.is_leaving:
                self.close()
            return found

        return self._persist(call, patience)

    def _connected(self, timeout: float, anew: bool = False) -> Connection:
        connection = self._connection
        if connection is None or anew or time.monotonic() - connection.used > _STALE:
            self.close()
            metadata = {} if self._token is None else {"authorization": f"Bearer {self._token}"}
            connection = Connection(self._host, self._port, self._security, metadata, timeout)
            self._connection = connection
            self._greet(connection, timeout)
        return connection

    def _greet(self, connection: Connection, timeout: float) -> None:
        """See which log answers, and whether it is still the same."""
        answer = connection.call(f"/{SERVICE}/hello", pack([]), timeout)
        head, _ = _checked(*unpack(answer))
        if head["protocol"] != PROTOCOL:
            raise Foreign(
                f"it is Skipjack {head['version']}, whose protocol {head['protocol']} is not "
                f"{PROTOCOL}, that of Skipjack {version.__version__} here; use the same version"
            )
        if self._name not in (None, head["log"]):
            raise Foreign(
                "it keeps other studies than before. A server in memory forgets them when it is "
                "started anew; begin anew here as well"
            )
        self._name = head["log"]

    def _persist(self, action: Callable[[], T], patience: float) -> T:
        """Do something again until it succeeds, or will never, or too long has passed."""
        deadline = time.monotonic() + patience
        for attempt in itertools.count(1):
            try:
                found = action()
            except (OSError, Broken, Foreign, Refused) as error:
                self.close()
                problem = self._problem(error, is_first=attempt == 1)
                if attempt > 1 and time.monotonic() >= deadline:
                    raise NoAnswerError(
                        f"Skipjack's server at {self.address} has not answered for {patience:.0f} "
                        f"s ({problem}). Is it running there? What was told before is not lost."
                    ) from error
            except BaseException:  # perhaps in the middle of an answer
                self.close()
                raise
            else:
                if attempt > 2:
                    _logger.info("The server at %s answers again.", self.address)
                return found
            if attempt == 2 and self._name is not None:
                _logger.warning(
                    "The server at %s does not answer (%s); trying again for %.0f seconds.",
                    *(self.address, problem, patience),
                )
            if attempt > 1:  # the first time it may just have forgotten this connection
                pause = _chance.uniform(0.5, 1.0) * min(0.05 * 2 ** min(attempt, 6), 1.0)
                time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        raise AssertionError

    def _problem(self, error: Exception, is_first: bool) -> str:
        """What a failure is called that may pass; raises one that will not."""
        if isinstance(error, Refused):
            code = error.code
            if code == _UNAUTHENTICATED:
                hint = "is not the right one" if self._token else "is missing"
                raise StorageInternalError(
                    f"The server at {self.address} asks for a token, and `token` {hint}."
                ) from error
            if code == _UNIMPLEMENTED:
                raise self._unreachable(
                    "a gRPC server answers there, but none of Skipjack (of Optuna, perhaps)"
                ) from error
            if code == _TOO_LARGE:
                raise StorageInternalError(
                    f"The server at {self.address} does not take that much at once: {error}"
                ) from error
        elif isinstance(error, Foreign):
            raise self._unreachable(str(error)) from error
        elif is_first and not self._tls and self._name is None and self._speaks_tls():
            raise self._unreachable("it speaks TLS; pass `tls=True`, or use 'grpcs://'")
        if isinstance(error, socket.gaierror):
            return f"the name {self._host!r} is not known"
        return str(error) or type(error).__name__

    def _speaks_tls(self) -> bool:
        """Whether a server that hung up on us would take us with TLS."""
        anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection((self._host, self._port), 5.0) as plain,
                anyone.wrap_socket(plain, server_hostname=self._host),
            ):
                return True
        except OSError:
            return False

    def _unreachable(self, problem: str) -> StorageInternalError:
        return StorageInternalError(
            f"There is no server of studies at {self.address} that can be used: {problem}."
        )


def _checked(head: Any, lines: list[bytes]) -> tuple[Any, list[bytes]]:
    """Head and lines of an answer; raises what the server says is wrong."""
    if "error" in head:
        kind = ERRORS.get(head["error"], StorageInternalError)
        raise kind(head["text"])
    return head, lines


def secured(tls: Tls) -> ssl.SSLContext | None:
    """What stands for `tls`; None: a plain connection."""
    if tls is False:
        return None
    if isinstance(tls, ssl.SSLContext):
        security = tls
    else:
        try:
            security = ssl.create_default_context(cafile=None if tls is True else os.fspath(tls))
        except (OSError, TypeError) as error:
            raise invalid(
                "tls", f"be True, a file of certificates or an SSLContext ({error})", tls
            ) from error
    security.set_alpn_protocols(["h2"])
    return security
