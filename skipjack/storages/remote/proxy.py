"""The storage at a server, under Optuna's name."""

from __future__ import annotations

import math
from typing import final

from skipjack.storages.face import LedgerStorage
from skipjack.storages.ledger import opened
from skipjack.storages.remote.client import RemoteLog, Tls
from skipjack.storages.remote.wire import PORT


@final
class GrpcStorageProxy(LedgerStorage):
    """The studies of a server (see `run_grpc_proxy_server` and `RemoteServer`).

    The server is first called when something is asked for. If it does not answer any more, calls
    wait and try again, and what they do is done once; trials that are running go on.

    Args:
        host: Where the server is.
        port: Its port.
        token: What the server wants to hear from those it lets in.
        tls: True for TLS with a certificate that the system trusts; the file (PEM) of one that is
            to be trusted; or an `ssl.SSLContext`, which cannot be carried into other processes.
        patience: Seconds to go on trying before a call fails; five at most before the server has
            answered for the first time.
    """

    medium = "gRPC"

    def __init__(
        self,
        *,
        host: str = "localhost",
        port: int = PORT,
        token: str | None = None,
        tls: Tls = False,
        patience: float = 60.0,
    ) -> None:
        self._log = RemoteLog(host, port, token=token, tls=tls, patience=patience)
        super().__init__(opened(self._log))

    def wait_server_ready(self, timeout: float | None = None) -> None:
        """Wait until the server answers.

        Args:
            timeout: Seconds to wait; None: for ever.

        Raises:
            ConnectionError: If it has not answered by then.
            StorageInternalError: If another kind of server does, or it wants a token or TLS.
        """
        self._log.meet(math.inf if timeout is None else timeout)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._log.close()
        with self.ledger.lock:
            if self.ledger.log is not None:
                self.ledger.log.close()

    def remove_session(self) -> None:
        """Close the connection, as `close`."""
        self.close()
