"""Where companions of Optuna look for the core of `Study.tell`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skipjack.records.attributes import warn_user
from skipjack.records.states import TrialState
from skipjack.study import telling


def _tell_with_warning(
    study: Any,
    trial: Any,
    value_or_values: float | Sequence[float] | None = None,
    state: TrialState | None = None,
    skip_if_finished: bool = False,
    suppress_warning: bool = False,
) -> tuple[TrialState, list[float] | None, str | None]:
    """End a trial; the arguments mean what they do in `Study.tell`.

    Returns:
        The final state, the values, and what was wrong with them (None if nothing).

    Raises:
        ValueError: As `Study.tell`.
    """
    number, final, problem = telling.tell(study, trial, value_or_values, state, skip_if_finished)
    if problem and not suppress_warning:
        warn_user(problem)
    values = study._ledger.study(study._study_id).frozen(number).values
    return final, values, problem or None
