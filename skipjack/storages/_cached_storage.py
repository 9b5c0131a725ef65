"""Where companions of Optuna look for the storage in front of a database."""

from __future__ import annotations

from skipjack.storages.cached import _CachedStorage

__all__ = ["_CachedStorage"]
