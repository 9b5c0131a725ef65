"""How a trial ends: its values are checked, samplers hear of it, and it is written."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from skipjack import _optional, logging
from skipjack.errors import (
    InvalidValueError,
    StorageInternalError,
    UpdateFinishedTrialError,
    invalid,
    wrong_type,
)
from skipjack.records.attributes import FAIL_REASON, FIXED, float_value, warn_user
from skipjack.records.draft import Draft
from skipjack.records.events import Event
from skipjack.records.frozen import FrozenTrial
from skipjack.records.replay import StudyState
from skipjack.records.states import TrialState, state_of
from skipjack.records.thaw import of_draft
from skipjack.samplers.constraints import CONSTRAINTS, checked_constraints
from skipjack.storages.ledger import Ledger
from skipjack.trial.trial import Trial

metric = _optional.lazy("skipjack.pruners.metric")

_logger = logging.get_logger(__name__)
_SOON, _LATE = 0.5, 30.0  # seconds until what could not be written is tried again: first, at most
_COMPLETE, _PRUNED, _FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


def checked_values(values: Any, n_objectives: int) -> tuple[list[float] | None, str]:
    """The objective values as floats, or None and what is wrong with them."""
    if type(values) is float and n_objectives == 1:  # the common case
        return ([values], "") if values == values else (None, "The value nan is not acceptable")
    if values is None:
        return None, "The value None could not be cast to float."
    if type(values) is tuple and len(values) == n_objectives and _are_usual(values):
        return list(values), ""
    if isinstance(values, Sequence) and not isinstance(values, (str, bytes)):
        items = list(values)
    elif getattr(values, "ndim", 0) == 1 and hasattr(values, "tolist"):
        items = values.tolist()
    else:
        items = [values]
    if len(items) != n_objectives:
        return None, (
            f"The number of the values {len(items)} did not match the number of the objectives "
            f"{n_objectives}"
        )
    numbers = []
    for item in items:
        try:
            number = float_value("values", item)
        except TypeError:
            return None, f"The value {item!r} could not be cast to float"
        if math.isnan(number):
            return None, f"The value {number} is not acceptable"
        numbers.append(number)
    return numbers, ""


def _are_usual(values: Sequence[Any]) -> bool:
    """Whether all are floats and none is NaN."""
    return {*map(type, values)} == {float} and not any(map(math.isnan, values))


def told_state(state: Any) -> TrialState | None:
    """A state that a trial can end with, also one of the real Optuna's.

    Raises:
        ValueError: If it is none.
    """
    if state is None:
        return None
    known = state_of(state)
    if known is None or not known.is_finished():
        raise invalid("state", "be COMPLETE, PRUNED, FAIL or None", state)
    return known


def number_of(study: Any, trial: Any) -> int:
    """The number of a trial that was given as an object or a number.

    Raises:
        TypeError: If it is neither.
    """
    if isinstance(trial, (Trial, FrozenTrial)):
        return trial.number
    if isinstance(trial, bool) or not hasattr(trial, "__index__"):
        number = getattr(trial, "number", None)
        if number is None or isinstance(trial, (str, float)):
            raise wrong_type("trial", "be a trial or the number of one", trial)
        return int(number)
    return int(trial.__index__())


def tell(
    study: Any, trial: Any, values: Any, state: Any, skip_if_finished: bool
) -> tuple[int, TrialState, str]:
    """End a trial for a user who asked for it.

    Returns:
        Its number, its final state, and what was wrong with the values ("" if nothing).

    Raises:
        TypeError: If `trial` is neither a trial nor a number.
        ValueError: If there is no such trial, it had ended, or state and values do not fit.
    """
    ledger: Ledger = study._ledger
    number = number_of(study, trial)
    with ledger.lock:
        found = ledger.study(study._study_id)
        if number >= found.n_trials or number not in found.open:
            found = ledger.sync(study._study_id)
        if not 0 <= number < found.n_trials:
            raise invalid("trial", f"be one of the {found.n_trials} trials of the study", number)
        draft = found.tellable(number)
        if draft is None:
            return _told_before(study, found, number, values, state, skip_if_finished)
        if draft.state is TrialState.WAITING:
            raise InvalidValueError(f"Trial {number} waits; ask for it before it is told.")
    known = told_state(state)
    if known is _COMPLETE and values is None:
        raise invalid("values", "be given for a trial that is COMPLETE", None)
    if known in (_PRUNED, _FAIL) and values is not None:
        raise invalid("values", f"not be given for a trial that is {known.name}", values)
    checked, problem, final = None, "", known or _COMPLETE
    if final is _COMPLETE:
        checked, problem = checked_values(values, len(found.directions))
    if problem:
        if known is _COMPLETE:
            raise InvalidValueError(f"{problem.rstrip('.')}.")
        final = _FAIL
    try:
        finish(study, found, draft, checked, final, problem)
    except UpdateFinishedTrialError:
        return _told_before(study, found, number, values, state, skip_if_finished)
    if draft.system and final is _COMPLETE:
        warn_unused(draft)
    return number, final, problem


def _told_before(
    study: Any, found: StudyState, number: int, values: Any, state: Any, skip: bool
) -> tuple[int, TrialState, str]:
    trial = found.frozen(number)
    if not skip:
        raise InvalidValueError(
            f"Trial {number} was told already: it is {trial.state.name} with values "
            f"{trial.values}. Pass `skip_if_finished=True` to ignore this."
        )
    _logger.info(
        f"Skipped telling trial {number} with values {values} and state {state} since trial was "
        f"already finished. Finished trial has values {trial.values} and state {trial.state}."
    )
    return number, trial.state, ""


def finish(
    study: Any,
    found: StudyState,
    draft: Draft,
    values: list[float] | None,
    state: TrialState,
    reason: str = "",
    following: Event | None = None,
) -> tuple[TrialState, str, Any]:
    """Write the end of a trial, after the sampler has heard of it.

    Args:
        study: The study.
        found: Its state.
        draft: The trial.
        values: The checked values, None unless it is COMPLETE.
        state: How it ended; a pruned trial takes its last report as its value.
        reason: Why it failed.
        following: What is to be written behind it, in one step.

    Returns:
        The final state, the reason, and the verdict on the `following` event.
    """
    if state is _PRUNED:
        values = _last_reported(draft, len(found.directions))
    sampler = study._sampler
    try:
        if not study._proposes:
            trial = of_draft(draft, found.study_id)
            sampler.after_trial(study, trial, state, values)
        elif sampler._constraints_func is not None:
            _note_constraints(sampler._constraints_func, found, draft, values, state)
    finally:
        verdict = _write(study._ledger, found, draft, values, state, reason, following)
    return state, reason, verdict


def _last_reported(draft: Draft, n_objectives: int) -> list[float] | None:
    """The values that a pruned trial takes; None if there are none, or one is NaN."""
    if draft.reports:
        last = draft.reports[max(draft.reports)]
        values = last if isinstance(last, list) else [last]
    else:
        values = [metric.mean_of_folds(draft.metrics.by_name)] if draft.metrics else []
    if len(values) != n_objectives or any(v is None or math.isnan(v) for v in values):
        return None
    return list(values)


def _write(
    ledger: Ledger,
    found: StudyState,
    draft: Draft,
    values: list[float] | None,
    state: TrialState,
    reason: str,
    following: Event | None,
) -> Any:
    """Write the end of a trial; one that this process runs as soon as it is possible."""
    try:
        if reason:
            return fail(ledger, found, draft.number, reason, following)
        return ledger.tell(found, draft.number, state, values, following)
    except StorageInternalError:
        if ledger.shared and draft.worker == ledger.worker:
            again = functools.partial(ledger.tell, found, draft.number, state, values)
            if reason:
                again = functools.partial(fail, ledger, found, draft.number, reason)
            ledger.keeper.regularly(_Overdue(ledger, found, draft, again))
        raise


class _Overdue:
    """The end of a trial that could not be written: tried again until it is, or was told."""

    def __init__(
        self, ledger: Ledger, found: StudyState, draft: Draft, write: Callable[[], None]
    ) -> None:
        self._ledger, self._found, self._draft, self._write = ledger, found, draft, write
        self._wait = _SOON
        self._next = time.monotonic() + self._wait

    def __call__(self) -> float | None:
        now = time.monotonic()
        if now < self._next:
            return self._next - now
        with self._ledger.lock:
            if self._found.tellable(self._draft.number) is not self._draft:
                return None
            try:
                self._write()
            except UpdateFinishedTrialError:
                return None
            except Exception:  # whatever it is, it was raised and may pass
                self._wait = min(2 * self._wait, _LATE)
                self._next = time.monotonic() + self._wait
                return self._wait
        _logger.info("Trial %d, which could not be written before, is now.", self._draft.number)
        return None


def fail(
    ledger: Ledger, found: StudyState, number: int, reason: str, following: Event | None = None
) -> Any:
    """End a trial as FAIL and keep the reason with it; see `Ledger.tell`.

    Raises:
        UpdateFinishedTrialError: If it had ended before.
    """
    with ledger.lock:
        draft = found.tellable(number) or found.open_draft(number)
        draft.note("system", FAIL_REASON, reason)
        return ledger.tell(found, number, _FAIL, None, following)


def give_up(study: Any, number: int, error: BaseException) -> None:
    """Fail a trial that `error` left behind, unless it has ended."""
    ledger: Ledger = study._ledger
    with ledger.lock:
        found = ledger.study(study._study_id)
        if number in found.open:
            fail(ledger, found, number, repr(error))


def warn_unused(draft: Draft) -> None:
    """Warn of enqueued values that a complete trial never asked for."""
    unused = [name for name in draft.system.get(FIXED) or () if name not in draft.internal]
    if unused:
        warn_user(
            f"Trial {draft.number} was enqueued with {', '.join(map(repr, unused))}, which the "
            f"objective did not ask for."
        )


def _note_constraints(
    func: Any, found: StudyState, draft: Draft, values: list[float] | None, state: TrialState
) -> None:
    """Store what a sampler's deprecated `constraints_func` says of a trial."""
    if state not in (_COMPLETE, _PRUNED):
        return
    trial = of_draft(draft, found.study_id)
    trial.state, trial.values = state, values
    draft.note("system", CONSTRAINTS, checked_constraints(func, trial))
