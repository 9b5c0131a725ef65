"""Where studies are kept."""

from __future__ import annotations

from typing import Any

from skipjack._deprecate import TABLE, forwarding
from skipjack._optional import lazy_names
from skipjack.storages.base import BaseStorage
from skipjack.storages.names import InMemoryStorage, RDBStorage, get_storage

__all__ = [
    "BaseStorage",
    "GrpcStorageProxy",
    "InMemoryStorage",
    "JournalStorage",
    "RDBStorage",
    "RemoteServer",
    "RetryHeartbeatStaleTrialCallback",
    "_CachedStorage",
    "check",
    "compact",
    "fail_stale_trials",
    "get_storage",
    "import_optuna",
    "journal",
    "run_grpc_proxy_server",
    "salvage",
]

_later = lazy_names(
    GrpcStorageProxy="skipjack.storages.remote.proxy",
    JournalStorage="skipjack.storages.journal",
    RemoteServer="skipjack.storages.remote.server",
    RetryHeartbeatStaleTrialCallback="skipjack.storages.retrying",
    _CachedStorage="skipjack.storages.cached",
    check="skipjack.storages.checking",
    compact="skipjack.storages.checking",
    fail_stale_trials="skipjack.storages.leases",
    import_optuna="skipjack.storages.copying",
    journal="skipjack.storages.journal",
    run_grpc_proxy_server="skipjack.storages.remote.server",
    salvage="skipjack.storages.checking",
)
_older = forwarding(__name__)


def __getattr__(name: str) -> Any:
    return _older(name) if f"storages.{name}" in TABLE else _later(name)
