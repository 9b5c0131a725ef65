"""A terminator as a callback of `optimize`."""

from __future__ import annotations

from typing import Any, final

from skipjack import logging
from skipjack.errors import wrong_type
from skipjack.terminator.base import BaseTerminator
from skipjack.terminator.expected import Terminator

_logger = logging.get_logger(__name__)


@final
class TerminatorCallback:
    """Stops the run when a terminator says so; `optimize(stop=...)` does the same, and says why.

    Args:
        terminator: Decides; `Terminator()` if None.

    Raises:
        TypeError: If it is none.
    """

    def __init__(self, terminator: BaseTerminator | None = None) -> None:
        self._terminator = Terminator() if terminator is None else terminator
        if isinstance(terminator, type) or not hasattr(self._terminator, "should_terminate"):
            raise wrong_type("terminator", "be a terminator", terminator)

    def __call__(self, study: Any, trial: Any) -> None:
        """Ask the terminator, and stop `study`.

        Args:
            study: The study that runs.
            trial: Has no effect.
        """
        if self._terminator.should_terminate(study):
            _logger.info("The study has been stopped by the terminator.")
            study.stop()
