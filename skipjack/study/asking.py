"""How a trial begins: what was lost is taken back, what was queued is claimed, the rest is new."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from skipjack import logging, platform
from skipjack.records.draft import Draft
from skipjack.records.replay import NO_RETRY, StudyState
from skipjack.records.states import TrialState
from skipjack.samplers.base import Exhausted, ModelSampler
from skipjack.storages.ledger import Ledger
from skipjack.study import telling
from skipjack.trial.trial import FIXED, RETRIED, Trial, stream_of

_logger = logging.get_logger(__name__)
RETRIES = "retry_history"  # the system attribute of a retry that names the trials before it
_CHECK_EVERY = 0.1  # seconds between two looks at whether a worker is alive


def begin(study: Any, held: bool) -> Trial | None:
    """Start the next trial of a study.

    Args:
        study: The study.
        held: Whether this process holds a lease on the trial and tells its end itself. A trial
            that is not held may be told by any process.

    Returns:
        The trial; None if it would be held and the sampler has nothing left to try.
    """
    ledger: Ledger = study._ledger
    sampler = study.sampler
    worker = ledger.worker if held else None
    with ledger.lock:
        state = ledger.sync(study._study_id)
        if ledger.shared:
            _reclaim(ledger, state)
        number = _claim(ledger, state, worker)
        if study._proposes:
            try:
                return _propose(study, sampler, state, number, worker, held)
            except BaseException as error:
                if number is not None:
                    telling.give_up(study, number, error)
                raise
        if number is None:
            if held and _is_exhausted(sampler, study):
                return None
            event = {"do": "create", "time": time.time(), "worker": worker}
            number = ledger.commit(state.study_id, event)
        trial = Trial._started(study, ledger, state, number, None, None)
    try:
        sampler.before_trial(study, study._storage.get_trial(trial._trial_id))
    except BaseException as error:
        telling.give_up(study, trial.number, error)
        raise
    return trial


def _is_exhausted(sampler: Any, study: Any) -> bool:
    """Whether a sampler that is asked by Optuna's methods says that all has been tried."""
    says = getattr(sampler, "is_exhausted", None)
    return says is not None and bool(says(study))


def _claim(ledger: Ledger, state: StudyState, worker: str | None) -> int | None:
    """Start the oldest trial that waits; None if none does."""
    while state.waiting:
        number = state.waiting[0]
        event = {"do": "claim", "n": number, "time": time.time(), "worker": worker}
        if ledger.commit(state.study_id, event):
            _logger.debug("Trial %d popped from the trial queue.", number)
            return number
    return None


def _propose(
    study: Any,
    sampler: ModelSampler,
    state: StudyState,
    number: int | None,
    worker: str | None,
    held: bool,
) -> Trial | None:
    """Start trial `number`, or a new one, with a proposal from one of our samplers."""
    ledger: Ledger = study._ledger
    expected = state.n_trials if number is None else number
    space, stream = state.history.space, stream_of(study, sampler, state, expected)
    given = {} if number is None else _given(state.open[number], state)
    params = sampler.propose(state.history, space, stream, given)
    if isinstance(params, Exhausted):
        if number is None and held:
            return None
        params = dict(params)
    if given:
        params = {**params, **given}
    seen, made = state.position, None
    if number is None:
        event = {"do": "create", "time": time.time(), "worker": worker}
        # The creation carries the proposal while nobody else can take the expected number.
        if alone := not ledger.shared or not _others_run(ledger, state):
            event["expect"], event["params"] = expected, params
            event["seen"], event["by"] = seen, sampler.purpose
        number = ledger.commit(state.study_id, event)
        if number != expected:
            stream = stream_of(study, sampler, state, number)
            made = sampler.propose(state.history, space, stream, given)
        elif not alone:
            made = params
    elif params:
        made = params
    if made is not None:
        proposed = {"do": "propose", "n": number, "params": dict(made), "seen": seen}
        ledger.commit(state.study_id, {**proposed, "by": sampler.purpose})
    return Trial._started(study, ledger, state, number, space, stream)


def _given(draft: Draft, state: StudyState) -> Mapping[str, float]:
    """The enqueued values that lie in the space so far, as internal ones."""
    given = {}
    for name, value in draft.system.get(FIXED, {}).items():
        dist = state.history.space.get(name)
        if dist is None:
            continue
        try:
            internal = dist.to_internal_repr(value)
        except (ValueError, TypeError):
            continue
        if dist._contains(internal):
            given[name] = internal
    return given


def _others_run(ledger: Ledger, state: StudyState) -> bool:
    """Whether another process holds a lease on a trial that runs."""
    return any(draft.worker not in (None, ledger.worker) for draft in state.open.values())


def _reclaim(ledger: Ledger, state: StudyState) -> None:
    """Fail trials whose worker is dead, and queue them again as the study's policy says."""
    now = time.monotonic()
    for draft in list(state.open.values()):
        worker = draft.worker
        if worker is None or worker == ledger.worker:
            continue
        if now - ledger.checked.get(worker, -_CHECK_EVERY) < _CHECK_EVERY:
            continue
        if not platform.is_dead(worker):
            ledger.checked[worker] = now
            continue
        if draft.state is not TrialState.RUNNING:  # another process was faster
            continue
        event: dict[str, Any] = {
            "do": "reclaim",
            "n": draft.number,
            "time": time.time(),
            "reason": "The process that ran this trial died before it told a result.",
        }
        past = draft.system.get(RETRIES, [])
        if len(past) < ledger.record(state.study_id).retries:
            event["retry"] = _retry(draft, state, past)
        retry = ledger.commit(state.study_id, event)
        if retry is not None:
            again = "" if retry == NO_RETRY else f" It is queued again as trial {retry}."
            _logger.warning(
                "Trial %d failed because the process that ran it died.%s", draft.number, again
            )


def _retry(draft: Draft, state: StudyState, past: list[int]) -> dict[str, Any]:
    """Attributes of the trial that repeats a lost one: the same parameters, a new number."""
    space = state.history.space
    params = {
        name: space[name].to_external_repr(value)
        for name, value in draft.proposal.items()
        if name in space
    }
    fixed = {**params, **draft.system.get(FIXED, {}), **draft.params}
    system = {
        RETRIED: draft.system.get(RETRIED, draft.number),
        RETRIES: [*past, draft.number],
        FIXED: fixed,
    }
    return {"user": dict(draft.user), "system": system}
