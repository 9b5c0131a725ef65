"""Leases: this process says that it is alive, and finds trials whose worker is not.

A worker that ran on this machine and in this process-id namespace is dead when its process is gone,
and alive as long as that exists. Any other is taken for dead when the log, if it keeps `Leases`,
has not heard of it for the grace period; in a log that keeps none, it is never given up.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, final

from skipjack import _optional, logging, platform
from skipjack.errors import StorageError
from skipjack.records.attributes import FIXED, RETRIED, RETRIES
from skipjack.records.curves import in_content
from skipjack.records.draft import Draft
from skipjack.records.events import Event
from skipjack.records.replay import NO_RETRY, StudyState
from skipjack.records.thaw import TRIALS_PER_STUDY
from skipjack.storages.port import Leases

keeper = _optional.lazy("skipjack.storages.keeper")

_logger = logging.get_logger(__name__)

_LOOK_EVERY = 0.1  # seconds between two looks for dead workers of a study
_ASK_EVERY = 5.0  # seconds between two questions to the log, at most a quarter of the grace period
_FORGOTTEN = 7 * 86400.0  # seconds after which nobody asks for a dead worker any more
_DIED = "The process that ran this trial died before it told a result."


@final
class Watch:
    """What a ledger knows of workers: its own, which it keeps alive, and the others.

    The ledger's lock is held when a method is called.
    """

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self._log: Leases | None = ledger.log if isinstance(ledger.log, Leases) else None
        self._is_beating = False
        self._is_failing = False
        self._next_beat = 0.0
        self._held_at = 0.0
        self._next_look: dict[int, float] = {}
        self._ages: Mapping[str, float] | None = {}
        self._asked_at = float("-inf")
        self._missed_since: dict[str, float] = {}  # workers of which the log has never heard

    # ----------------------------------------------------------------------------------- own

    def hold(self) -> None:
        """Say that this process is alive, from now until it has run no trial for a while."""
        if self._log is None:
            return
        self._held_at = time.monotonic()
        if not self._is_beating:
            try:
                self._beat(self._log)
                for worker, age in self._log.ages().items():
                    if age > _FORGOTTEN:
                        self._log.leave(worker)
            except StorageError:
                self._next_beat = 0.0  # the keeper tries again at once, and warns
            self._is_beating = True
            self._ledger.keeper.regularly(self._keep)

    def _beat(self, log: Leases) -> None:
        log.beat(self._ledger.worker)
        self._next_beat = time.monotonic() + self._ledger.beat_every

    def beat_for(self, worker: str) -> None:
        """Say of a worker that it is alive, if the log keeps that."""
        if self._log is not None:
            self._log.beat(worker)

    def _keep(self) -> float | None:
        """Beat if it is time, or leave; seconds until the next call, None if there is none."""
        log = self._log
        assert log is not None
        with self._ledger.lock:
            now = time.monotonic()
            try:
                if now - self._held_at >= keeper.IDLE and not self._ledger.runs():
                    self._is_beating = False
                    log.leave(self._ledger.worker)
                    return None
                if now >= self._next_beat:
                    self._beat(log)
                self._is_failing = False
            except Exception as error:  # a server that is away now may be back soon
                if not self._is_beating:
                    return None
                if not self._is_failing:
                    _logger.warning("Others may take this process for dead: %s", error)
                self._is_failing = True
                return min(1.0, float(self._ledger.beat_every))
            return max(0.0, self._next_beat - now)

    def end(self) -> None:
        """Leave, at the end of the process; who still runs a trial is lost."""
        if self._is_beating and self._log is not None and not self._ledger.runs():
            self._is_beating = False
            self._log.leave(self._ledger.worker)

    # -------------------------------------------------------------------------------- others

    def looks(self, state: StudyState, at_once: bool = False) -> bool:
        """Whether it is time to look for trials that were lost, and there may be some."""
        leases = state.leases
        if not state.timed and len(leases) <= (self._ledger.worker in leases):
            return False
        return at_once or time.monotonic() >= self._next_look.get(state.study_id, 0.0)

    def lost(self, state: StudyState, at_once: bool) -> list[tuple[Draft, str]]:
        """Trials that nobody is going to tell, each with the reason.

        Costs nothing while nobody else runs one, and is thorough ten times a second only, unless
        `at_once`.
        """
        if not self.looks(state, at_once):
            return []
        mine, leases, now = self._ledger.worker, state.leases, time.monotonic()
        if at_once:
            self._asked_at = float("-inf")
        found = []
        for worker in leases:
            reason = "" if worker == mine else self._death(worker, now)
            if reason:
                found += [(state.open[number], reason) for number in sorted(leases[worker])]
        clock = time.time()
        for number in sorted(state.timed):
            draft = state.open[number]
            if draft.deadline is not None and draft.deadline < clock:
                found.append((draft, "No result was told by the deadline of this trial."))
        self._next_look[state.study_id] = now if found else now + _LOOK_EVERY
        return found

    def _death(self, worker: str, now: float) -> str:
        """Why a worker is taken for dead, "" if it is not."""
        if platform.is_near(worker):
            return _DIED if platform.is_dead(worker) else ""
        if self._log is None:
            return ""
        grace = self._ledger.grace
        if now - self._asked_at > min(_ASK_EVERY, grace / 4):
            self._asked_at = now
            try:
                self._ages = self._log.ages()
            except StorageError:
                self._ages = None
        if self._ages is None:
            return ""  # nobody is given up by what cannot be asked
        age = self._ages.get(worker)
        if age is None:  # killed before it was heard of, or of a version that did not beat
            age = now - self._missed_since.setdefault(worker, now)
        elif self._missed_since:
            self._missed_since.pop(worker, None)
        if age <= grace:
            return ""
        return (
            f"Nothing was heard for {age:.0f} s of the process that ran this trial, on another "
            f"machine or in another container."
        )


def reclaim(
    study: Any, limit: int | None = None, at_once: bool = False, synced: bool = True
) -> StudyState:
    """Fail the trials of a study that were lost, and queue them again as its policy says.

    A `heartbeat_stale_trial_callback` of the storage takes the place of the policy.

    Args:
        study: The study.
        limit: How many trials it may have; then none is queued again.
        at_once: Whether to look now, however short ago that was done.
        synced: Whether to ask the log for news first.

    Returns:
        The state of the study.
    """
    ledger, callback = study._ledger, study._storage.stale_callback
    with ledger.lock:
        state: StudyState = (ledger.sync if synced else ledger.study)(study._study_id)
        if not ledger.shared and not state.timed:
            return state
        failed = [
            draft.number
            for draft, reason in ledger.watch.lost(state, at_once)
            if _reclaim(ledger, state, draft, reason, callback is None, limit)
        ]
    if callback is not None:
        for number in failed:
            trial_id = state.study_id * TRIALS_PER_STUDY + number
            callback(study, study._storage.get_trial(trial_id))
    return state


def _reclaim(
    ledger: Any, state: StudyState, draft: Draft, reason: str, again: bool, limit: int | None
) -> bool:
    """Fail a trial; whether nobody was faster."""
    if not ledger.shared:
        draft.settle()
    event: Event = {
        "do": "reclaim",
        "n": draft.number,
        "time": time.time(),
        "reason": reason,
        "worker": draft.worker,
    }
    record = ledger.record(state.study_id)
    if again and len(draft.system.get(RETRIES, ())) < record.retries:
        event["retry"] = _retry(draft, state, record.reports)
    if limit is not None:
        event["limit"] = limit
    retry = ledger.commit(state.study_id, event)
    if retry is not None:
        then = "" if retry == NO_RETRY else f" It is queued again as trial {retry}."
        _logger.warning("Trial %d failed. %s%s", draft.number, reason, then)
    return retry is not None


def _retry(draft: Draft, state: StudyState, reports: bool) -> Event:
    """The content of the trial that repeats a lost one: the same parameters, a new number."""
    space = draft.proposed_from
    params = {
        name: space[name].to_external_repr(value)
        for name, value in draft.proposal.items()
        if name in space and space[name]._contains(value)
    }
    system = {
        RETRIED: draft.system.get(RETRIED, draft.number),
        RETRIES: [*draft.system.get(RETRIES, ()), draft.number],
        FIXED: {**params, **draft.system.get(FIXED, {}), **draft.params},
    }
    content: Event = {"user": dict(draft.user), "system": system}
    if reports:
        content["reports"] = list(draft.reports.items())
        if draft.metrics:
            content["metrics"] = in_content({key: draft.metrics[key] for key in draft.metrics})
    return content


def fail_stale_trials(study: Any) -> None:
    """Fail the trials whose worker is gone now, and queue them again as the study's policy says.

    `ask` and `optimize` do so by themselves. Other processes on this machine are known to be gone
    as soon as they are; those elsewhere when nothing was heard of them for the grace period.

    Args:
        study: The study.
    """
    reclaim(study, at_once=True)
