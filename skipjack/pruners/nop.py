"""No pruning."""

from __future__ import annotations

from typing import final

from skipjack.pruners.base import Contender, RulePruner
from skipjack.records.history import History


@final
class NopPruner(RulePruner):
    """Stops no trial, so that a study without pruning needs no other objective."""

    def stops(self, history: History, trial: Contender) -> bool:
        """Return False."""
        return False
