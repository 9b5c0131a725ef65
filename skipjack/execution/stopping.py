"""When a run ends because a rule says so, and what is kept and said of it."""

from __future__ import annotations

import threading
from typing import Any, final

from skipjack import logging
from skipjack.records.attributes import STOP_REASON
from skipjack.terminator.rules import StopForm, rule_of

_logger = logging.get_logger(__name__)


@final
class Stop:
    """What one run is to end at."""

    def __init__(self, stop: StopForm, study: Any) -> None:
        """Check the rules.

        Raises:
            TypeError: If there is none.
            ValueError: If one makes no sense for the study.
        """
        self._rule = rule_of(stop)
        self._rule.check(study)
        self._study = study
        self._lock = threading.Lock()
        self._reason: str | None = None

    def within(self, limit: int | None) -> int | None:
        """The most trials that the study may have, by the rules and by `limit`; None: any."""
        limits = [n for n in (limit, self._rule.limit) if n is not None]
        return min(limits, default=None)

    def now(self) -> bool:
        """Whether no further trial is to begin; asked before each, in any thread."""
        with self._lock:
            if self._reason is None:
                self._reason = self._rule.reason(self._study)
            return self._reason is not None

    def conclude(self) -> None:
        """Keep and log the reason, if there is one when the run has ended."""
        if not self.now():
            return
        study, reason = self._study, str(self._reason)
        _logger.info(f"Stopped: {reason}.")
        if study.stop_reason != reason:
            study._storage.set_study_system_attr(study._study_id, STOP_REASON, reason)


def reason_of(study: Any) -> str | None:
    """Why a rule ended the last run of the study; None if none did."""
    found: str | None = study._ledger.sync(study._study_id).system.get(STOP_REASON)
    return found
