"""When to give a trial up."""

from __future__ import annotations

from skipjack.pruners.base import BasePruner
from skipjack.pruners.nop import NopPruner
from skipjack.pruners.percentile import MedianPruner, PercentilePruner

__all__ = ["BasePruner", "MedianPruner", "NopPruner", "PercentilePruner"]
