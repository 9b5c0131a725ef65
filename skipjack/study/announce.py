"""What the log says of trials that have ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skipjack import logging
from skipjack.records.draft import Draft
from skipjack.records.replay import METRIC_NAMES, StudyState
from skipjack.records.states import TrialState

_logger = logging.get_logger(__name__)
_COMPLETE = TrialState.COMPLETE


def complete(state: StudyState, draft: Draft) -> None:
    """Log the values and parameters of a trial, and the best so far."""
    history = state.history
    values = history.user_values(state.rows[draft.number]) or []
    names = state.system.get(METRIC_NAMES)
    shown: Any = dict(zip(names, values, strict=True)) if names else values
    if len(values) > 1:
        _logger.info(
            f"Trial {draft.number} finished with values: {shown} and parameters: {draft.params}."
        )
        return
    text = (
        f"Trial {draft.number} finished with value: {shown if names else values[0]} and "
        f"parameters: {draft.params}."
    )
    if history.best is not None:
        best = history.user_values(history.best) or []
        text += f" Best is trial {history.row(history.best)[0]} with value: {best[0]}."
    _logger.info(text)


def pruned(draft: Draft, message: str) -> None:
    """Log that a trial was pruned."""
    _logger.info(f"Trial {draft.number} pruned. {message}")


def failed(draft: Draft, reason: str, error: BaseException | None, result: Any) -> None:
    """Log that a trial failed, why, and what the objective returned."""
    shown = repr(error) if error is not None else reason
    _logger.warning(
        f"Trial {draft.number} failed with parameters: {draft.params} because of the following "
        f"error: {shown}.",
        exc_info=error,
    )
    _logger.warning(f"Trial {draft.number} failed with value {result!r}.")


def ended(state: StudyState, draft: Draft, final: TrialState, reason: Sequence[Any]) -> None:
    """Log the end of a trial; `reason` is (message, error, what the objective returned)."""
    message, error, result = reason
    if final is _COMPLETE:
        if _logger.isEnabledFor(logging.INFO):
            complete(state, draft)
    elif final is TrialState.PRUNED:
        pruned(draft, message)
    else:
        failed(draft, message, error, result)
