"""No pruning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from skipjack.pruners.base import RulePruner
from skipjack.records.history import History


@final
class NopPruner(RulePruner):
    """Stops no trial, so that a study without pruning needs no other objective."""

    def stops(self, history: History, reports: Mapping[int, float]) -> bool:
        """Return False."""
        return False
