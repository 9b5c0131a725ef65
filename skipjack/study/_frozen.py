"""Where companions of Optuna look for `FrozenStudy`."""

from __future__ import annotations

from skipjack.records.frozen import FrozenStudy

__all__ = ["FrozenStudy"]
