"""Where studies are kept."""

from __future__ import annotations

from skipjack.storages.base import BaseStorage
from skipjack.storages.names import InMemoryStorage, RDBStorage, get_storage

__all__ = ["BaseStorage", "InMemoryStorage", "RDBStorage", "get_storage"]
