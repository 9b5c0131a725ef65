"""How a trial begins: what was lost is taken back, what was queued is claimed, the rest is new."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from skipjack import logging
from skipjack.errors import invalid
from skipjack.records.attributes import FIXED, told_float
from skipjack.records.draft import Draft
from skipjack.records.events import Event
from skipjack.records.replay import StudyState
from skipjack.records.space import Space
from skipjack.records.still import still
from skipjack.samplers.base import Exhausted, ModelSampler, proposal
from skipjack.storages import leases
from skipjack.storages.ledger import Ledger
from skipjack.storages.port import Overtaken
from skipjack.study import telling
from skipjack.trial.trial import Trial, shown, stream_of

_logger = logging.get_logger(__name__)
_NOTHING: Mapping[str, float] = {}
_FRESH = 0.01  # seconds for which a loop does without asking a log for news that is far


class Start(NamedTuple):
    """How trials start.

    Attributes:
        held: Whether this process holds a lease on the trial and tells its end itself. A trial
            that is not held may be told by any process.
        timeout: For how many seconds a result is waited for; None: for ever.
        limit: How many trials the study may have. Those that wait count, and are started.
    """

    held: bool
    timeout: float | None = None
    limit: int | None = None

    def event(self, ledger: Ledger, do: str) -> Event:
        """An event that starts a trial now."""
        now = time.time()
        # In memory nobody else could ask who runs it.
        worker = ledger.worker if self.held and ledger.shared else None
        event: Event = {"do": do, "time": now, "worker": worker}
        if self.timeout is not None:
            event["deadline"] = now + self.timeout
        if self.limit is not None and do == "create":
            event["limit"] = self.limit
        return event


def not_held(timeout: Any) -> Start:
    """How a trial starts that any process may tell.

    Raises:
        TypeError: If `timeout` is no number.
        ValueError: If it is negative, infinite or NaN.
    """
    if timeout is not None:
        timeout = told_float("timeout", timeout)
        if not 0 <= timeout < math.inf:
            raise invalid("timeout", "be a number of seconds, or None", timeout)
    return Start(held=False, timeout=timeout)


def begin(study: Any, start: Start) -> Trial | None:
    """Start the next trial of a study.

    Returns:
        The trial; None if there are `limit` trials, or if it would be held and the sampler has
        nothing left to try.
    """
    ledger: Ledger = study._ledger
    if ledger.is_far and not _others_run(ledger, ledger.study(study._study_id)):
        # Likely nothing is new: then it is known at once, by the creation itself.
        try:
            return _begin(study, start, is_hasty=True)
        except Overtaken:
            pass
    return _begin(study, start)


def _begin(study: Any, start: Start, is_hasty: bool = False) -> Trial | None:
    """Start the next trial.

    Args:
        study: The study.
        start: How.
        is_hasty: Whether to do without asking the log for news.

    Raises:
        Overtaken: If that would have been better.
    """
    ledger: Ledger = study._ledger
    sampler, held = study._sampler, start.held
    state = ledger.study(study._study_id)
    if ledger.shared or state.timed:
        # In a loop the end of the last trial has just brought the news.
        is_fresh = is_hasty or (held and time.monotonic() - state.heard < _FRESH)
        state = leases.reclaim(study, start.limit, synced=not is_fresh)
    if held and ledger.shared:
        with ledger.lock:
            ledger.watch.hold()
    number = _claim(ledger, state, start) if state.waiting else None
    if number is None and start.limit is not None and len(state.rows) >= start.limit:
        return None
    if study._proposes:
        try:
            return _propose(study, sampler, state, number, start, is_hasty)
        except BaseException as error:
            if number is not None:
                telling.give_up(study, number, error)
            raise
    if number is None:
        if held and _is_exhausted(sampler, study):
            return None
        number = ledger.commit(state.study_id, start.event(ledger, "create"), alone=is_hasty)
        if number is None:
            return None
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


def _claim(ledger: Ledger, state: StudyState, start: Start) -> int | None:
    """Start the oldest trial that waits; None if none does."""
    while state.waiting:
        with ledger.lock:
            if not state.waiting:
                break
            number = state.waiting[0]
            is_first = ledger.commit(state.study_id, {**start.event(ledger, "claim"), "n": number})
        if is_first:
            _logger.debug("Trial %d popped from the trial queue.", number)
            return number
    return None


def _propose(
    study: Any,
    sampler: ModelSampler,
    state: StudyState,
    number: int | None,
    start: Start,
    is_hasty: bool,
) -> Trial | None:
    """Start trial `number`, or a new one, with a proposal from one of our samplers.

    The proposal is made from what is known at one moment, `seen`, while others go on. A sampler
    that does not look at the past has drawn before anybody could.
    """
    ledger: Ledger = study._ledger
    looks_back, given = study._looks_back, _NOTHING
    with ledger.proposing if looks_back else ledger.lock:
        with ledger.lock:
            everything, seen = state.history, state.position
            if looks_back:
                everything = still(state, ledger.shared)
            expected = len(state.rows) if number is None else number
            history = shown(study, everything, expected) if study._hides else everything
            space = history.space
            if number is not None:
                given = _given(state.any_draft(number), space)
        stream = stream_of(study, sampler, state, expected)
        draw = proposal if looks_back else type(sampler).propose
        params, by = draw(sampler, history, space, stream, given), sampler.purpose
        if type(params) is not dict:
            by = getattr(params, "by", by)
            if isinstance(params, Exhausted):
                if number is None and is_hasty:
                    raise Overtaken
                if number is None and start.held:
                    return None
                params = dict(params)
        if given:
            params = {**params, **given}
        made = None
        if number is None:
            event = start.event(ledger, "create")
            # The creation carries the proposal, for the case that nobody else takes the number.
            event.update(expect=expected, params=params, seen=seen, by=by)
            number = ledger.commit(state.study_id, event, alone=is_hasty)
            if number is None:
                return None
            if number != expected:
                stream = stream_of(study, sampler, state, number)
                history = shown(study, everything, number)
                made = draw(sampler, history, space, stream, given)
                by = getattr(made, "by", by)
        elif params or by != sampler.purpose:
            made = params
    # What nobody reads and no retry repeats need not be kept: it can be drawn again.
    if made is not None and (looks_back or given or ledger.record(state.study_id).retries):
        event = {"do": "propose", "n": number, "params": dict(made), "seen": seen, "by": by}
        ledger.commit(state.study_id, event)
    return Trial._started(study, ledger, state, number, space, stream, made)


def _given(draft: Draft, space: Space) -> Mapping[str, float]:
    """What a trial that waited has already, of the space so far, as internal values."""
    given = {name: value for name, value in draft.internal.items() if name in space}
    for name, value in draft.system.get(FIXED, {}).items():
        dist = space.get(name)
        if dist is None or name in given:
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
    return len(state.leases) > (ledger.worker in state.leases)
