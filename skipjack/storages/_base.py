"""Where companions of Optuna look for the interface of a storage."""

from __future__ import annotations

from skipjack.storages.base import DEFAULT_STUDY_NAME_PREFIX, BaseStorage

__all__ = ["DEFAULT_STUDY_NAME_PREFIX", "BaseStorage"]
