"""Where companions of Optuna look for the interface of heartbeats."""

from __future__ import annotations

from skipjack.storages.base import BaseHeartbeat

__all__ = ["BaseHeartbeat"]
