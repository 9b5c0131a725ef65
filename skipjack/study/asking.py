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
from skipjack.records.history import History
from skipjack.records.replay import StudyState
from skipjack.records.space import Space
from skipjack.records.still import still
from skipjack.rng import Stream
from skipjack.samplers.base import Exhausted, proposal
from skipjack.storages import leases
from skipjack.storages.ledger import Ledger
from skipjack.storages.port import Overtaken
from skipjack.study import telling
from skipjack.trial.trial import Trial, shown, stream_of

_logger = logging.get_logger(__name__)
_NOTHING: Mapping[str, float] = {}
ANY = -1  # number of a trial that may get any
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


class Plan(NamedTuple):
    """What is proposed for a trial that is about to start.

    Attributes:
        number: The number that it has, or is going to get if nobody else is faster; `ANY` if the
            proposal waits until the number is known.
        event: Its creation, for the log; it carries the proposal for that number.
        history, seen: What the proposal is made from, and its place in the log.
        space: The parameters in it.
        stream: The random numbers that it was made with.
        given: What was fixed before, as internal values.
        params, by: The proposal and its sampler.
    """

    number: int
    event: Event
    history: History
    seen: int
    space: Space
    stream: Any
    given: Mapping[str, float]
    params: Mapping[str, float]
    by: str


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
            return _propose(study, state, number, start, is_hasty)
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


def ahead(study: Any, start: Start, draft: Draft) -> Plan | None:
    """A plan of the next trial, to be created in one write with the end of this one.

    None where the end of this one may matter to it, or something else comes before it.
    """
    ledger: Ledger = study._ledger
    if study._looks_back or study._hides or not (study._proposes and ledger.shared):
        return None
    if ledger.is_piecewise:  # a creation that fails must not take the end with it
        return None
    with ledger.lock:
        state = ledger.study(study._study_id)
        space = state.history.space.distributions
        if draft.dists.items() - space.items() or state.open.get(draft.number) is not draft:
            return None
        if state.waiting or ledger.watch.lost(state, at_once=False):
            return None
        ledger.watch.hold()
        return _plan(study, state, start, None)


def begun(study: Any, plan: Plan, number: int) -> Trial:
    """The trial that was created as planned, and got this number."""
    return _started(study, study._ledger.study(study._study_id), plan, number)


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
    study: Any, state: StudyState, number: int | None, start: Start, is_hasty: bool
) -> Trial | None:
    """Start trial `number`, or a new one, with a proposal from one of our samplers.

    The proposal is made from what is known at one moment, `seen`, while others go on. A sampler
    that does not look at the past has drawn before anybody could.
    """
    ledger: Ledger = study._ledger
    with ledger.proposing if study._looks_back else ledger.lock:
        plan = _plan(study, state, start, number)
        if isinstance(plan.params, Exhausted) and number is None:
            if is_hasty:
                raise Overtaken
            if start.held:
                return None
        if number is None:
            # The creation carries the proposal, for the case that nobody else takes the number.
            created = ledger.commit(state.study_id, plan.event, alone=is_hasty)
            return None if created is None else _started(study, state, plan, created)
        if plan.params or plan.by != study._sampler.purpose:
            _tell_proposal(study, state, plan, number)
        return Trial._started(study, ledger, state, number, plan.space, plan.stream, plan.params)


def _plan(study: Any, state: StudyState, start: Start, number: int | None) -> Plan:
    """What is proposed for trial `number`, or for a new one."""
    ledger: Ledger = study._ledger
    given = _NOTHING
    with ledger.lock:
        everything, seen = state.history, state.position
        if study._looks_back:
            everything = still(state, ledger.shared)
        expected = len(state.rows) if number is None else number
        history = shown(study, everything, expected) if study._hides else everything
        space = history.space
        if number is not None:
            given = _given(state.any_draft(number), space)
    event, by = start.event(ledger, "create"), study._sampler.purpose
    if number is None and not study._looks_back and _others_run(ledger, state):
        # One of them is likely to be faster.
        return Plan(ANY, event, everything, seen, space, None, given, _NOTHING, by)
    stream = stream_of(study, study._sampler, state, expected)
    params, by = _drawn(study, history, space, stream, given)
    event.update(expect=expected, params=_plain(params), seen=seen, by=by)
    return Plan(expected, event, everything, seen, space, stream, given, params, by)


def _drawn(
    study: Any, history: History, space: Space, stream: Stream, given: Mapping[str, float]
) -> tuple[Mapping[str, float], str]:
    """A proposal, and its sampler."""
    sampler = study._sampler
    draw = proposal if study._looks_back else type(sampler).propose
    params = draw(sampler, history, space, stream, given)
    by = getattr(params, "by", sampler.purpose)
    if given:
        params = {**params, **given}
    return params, by


def _plain(params: Mapping[str, float]) -> dict[str, float]:
    return params if type(params) is dict else dict(params)


def _started(study: Any, state: StudyState, plan: Plan, number: int) -> Trial:
    """A trial that was just created; proposed for now if it got another number than planned."""
    if number != plan.number:
        stream = stream_of(study, study._sampler, state, number)
        history = shown(study, plan.history, number)
        params, by = _drawn(study, history, plan.space, stream, plan.given)
        plan = plan._replace(stream=stream, params=params, by=by)
        _tell_proposal(study, state, plan, number)
    made = None if number == plan.number else plan.params
    return Trial._started(study, study._ledger, state, number, plan.space, plan.stream, made)


def _tell_proposal(study: Any, state: StudyState, plan: Plan, number: int) -> None:
    """Let the log know of a proposal that the creation of the trial did not carry.

    It does not need to where others' proposals do not depend on it, and no retry repeats it.
    """
    ledger: Ledger = study._ledger
    if study._looks_back or plan.given or ledger.record(state.study_id).retries:
        event = {"do": "propose", "n": number, "params": _plain(plan.params)}
        event.update(seen=plan.seen, by=plan.by)
        ledger.commit(state.study_id, event)


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
