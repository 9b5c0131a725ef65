"""Optuna's name for the log in Redis."""

from __future__ import annotations

from skipjack.storages.journal._base import BaseJournalSnapshot
from skipjack.storages.journal._logs import LogBackend
from skipjack.storages.redis import RedisLog


class JournalRedisBackend(LogBackend, BaseJournalSnapshot):
    """Studies in a Redis server or cluster, for any number of machines.

    Args:
        url: `redis://host:6379/0`, `rediss://` with TLS, or `unix://` and a path.
        use_cluster: Whether it is a node of a cluster.
        prefix: What the names of all keys begin with: studies of different prefixes do not see
            each other.

    Raises:
        MissingDependencyError: If there is no redis-py.
        StorageInternalError: If it cannot be reached or used.
    """

    def __init__(self, url: str, use_cluster: bool = False, prefix: str = "") -> None:
        log = RedisLog(url, prefix, use_cluster)
        super().__init__(log)
        self._redis = log

    def save_snapshot(self, snapshot: bytes) -> None:
        """Keep some bytes of your own, in the place of those before; our logs do not read them."""
        self._redis.keep("snapshot", snapshot)

    def load_snapshot(self) -> bytes | None:
        """The bytes that `save_snapshot` kept last, if any."""
        return self._redis.kept("snapshot")
