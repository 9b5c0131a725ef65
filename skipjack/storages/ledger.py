"""A storage over any log, or none: commits events, replays what others wrote, keeps the buffer."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Hashable, Sequence
from typing import Any, final

from skipjack import _optional, logging, platform
from skipjack.errors import NotFoundError, StorageError, StorageInternalError
from skipjack.records.attributes import to_text
from skipjack.records.draft import Draft
from skipjack.records.events import RULES, Event
from skipjack.records.replay import Catalogue, StudyRecord, StudyState
from skipjack.records.states import StudyDirection, TrialState
from skipjack.records.thaw import TRIALS_PER_STUDY
from skipjack.rng import fresh_seed
from skipjack.storages.port import CATALOGUE, Batch, Log

keeper = _optional.lazy("skipjack.storages.keeper")

_logger = logging.get_logger(__name__)
_SIMPLE = (float, int, str, bool, type(None))


@final
class Ledger:
    """Studies and trials, as the log tells them, overlaid with what this process has yet to write.

    Thread-safe: `lock` is held while events are committed or replayed, and may be held by a
    caller that needs several steps to see the same state.

    Attributes:
        log: Where the events are kept; None: they are folded at once and forgotten, and only
            this process knows the studies.
        shared: Whether there is a log, so that other processes may read and write it.
        worker: Identity of this process, as it stands in the events.
    """

    def __init__(self, log: Log | None = None) -> None:
        self.log = log
        self.shared = log is not None
        self._begin()
        self._catalogue = Catalogue()
        self._states: dict[int, StudyState] = {}
        self._sequence = 0
        with _registry:
            _ledgers.add(self)

    def _begin(self) -> None:
        self.lock = threading.RLock()
        self.worker = platform.worker()
        self.checked: dict[str, float] = {}  # when other workers were last seen alive
        self._writer = os.urandom(8).hex()

    def _forked(self) -> None:
        """Begin anew in a child process: the parent keeps its buffer, handles and leases."""
        self._begin()
        if self.log is not None:
            self.log.reset()
            self._catalogue = Catalogue()
            self._states = {}

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.log is not None:
            return opened, (self.log,)
        return super().__reduce_ex__(protocol)

    def __getstate__(self) -> dict[str, Any]:
        with self.lock:
            return {name: self.__dict__[name] for name in _KEPT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()
        with _registry:
            _ledgers.add(self)

    # --------------------------------------------------------------------------------- log

    def commit(self, stream: int, *events: Event, own: bool = True) -> Any:
        """Write events in one batch and return the verdict on the last one, or raise it.

        `own` says that their content comes from drafts of the study's state, which know it.
        """
        with self.lock:
            state = self._catalogue if stream == CATALOGUE else self.study(stream)
            if self.log is None:
                verdicts: Sequence[Any] = state.replay(events, own)
            else:
                self._sequence += 1
                batch = (self._writer, self._sequence, events)
                if self.log.append(stream, batch) == state.position:
                    verdicts = self._replay(state, stream, (batch,), own)
                else:
                    verdicts = self._catch_up(state, stream)
        if not verdicts:
            raise StorageError("The log does not give back what was written to it.")
        if isinstance(verdicts[-1], Exception):
            raise verdicts[-1]
        return verdicts[-1]

    def _catch_up(self, state: Catalogue | StudyState, stream: int) -> Sequence[Any]:
        """Replay what is new, and return the verdicts on the newest batch of our own."""
        if self.log is None:
            return ()
        return self._replay(state, stream, self.log.read(stream, state.position), own=False)

    def _replay(
        self, state: Catalogue | StudyState, stream: int, batches: Sequence[Batch], own: bool
    ) -> Sequence[Any]:
        verdicts: Sequence[Any] = ()
        for writer, sequence, events in batches:
            try:
                found = state.apply(writer, sequence, events, own)
            except Exception as error:
                # The state is half changed. The next one who asks begins anew and hears the same.
                self._states.pop(stream, None)
                if stream == CATALOGUE:
                    self._catalogue = Catalogue()
                raise StorageInternalError(
                    f"This storage holds something that this version of Skipjack does not "
                    f"understand (record {state.position - 1} of stream {stream}: {error!r}). It "
                    f"may come from a newer one: pip install -U skipjack"
                ) from error
            if found and writer == self._writer and sequence == self._sequence:
                verdicts = found
        return verdicts

    # ---------------------------------------------------------------------------- catalogue

    def create_study(
        self,
        name: str,
        directions: Sequence[StudyDirection],
        retries: int = 1,
        seed: int | None = None,
    ) -> int:
        """Make a study and return its id.

        Args:
            name: Its name, which no other study has.
            directions: The direction of each objective.
            retries: How often a trial whose worker died is tried again.
            seed: For samplers that have none of their own; None: a fresh one.

        Raises:
            DuplicatedStudyError: If the name is taken.
        """
        study_id: int = self.commit(
            CATALOGUE,
            {
                "do": "study",
                "name": name,
                "directions": [int(d) for d in directions],
                "seed": fresh_seed() if seed is None else seed,
                "retries": retries,
                "rules": RULES,
                "time": time.time(),
            },
        )
        return study_id

    def delete_study(self, study_id: int) -> None:
        """Delete a study for ever.

        Raises:
            KeyError: If there is none of that id.
        """
        with self.lock:
            self.commit(CATALOGUE, {"do": "drop", "study": study_id})
            if self.log is not None:
                self.log.drop(study_id)
            self._states.pop(study_id, None)

    def studies(self) -> dict[int, StudyRecord]:
        """All studies by id."""
        with self.lock:
            self._catch_up(self._catalogue, CATALOGUE)
            return self._catalogue.studies

    def record(self, study_id: int) -> StudyRecord:
        """A study's name, directions, seed and retry policy.

        Raises:
            KeyError: If there is none of that id.
        """
        record = self._catalogue.studies.get(study_id) or self.studies().get(study_id)
        if record is None:
            raise NotFoundError(f"No study with id {study_id}.")
        return record

    def study_id(self, name: str) -> int:
        """The id of a study.

        Raises:
            KeyError: If there is none of that name; the text lists those that there are.
        """
        with self.lock:
            self.studies()
            if name not in self._catalogue.ids:
                known = ", ".join(repr(n) for n in list(self._catalogue.ids)[:10]) or "none yet"
                raise NotFoundError(f"No study {name!r}; this storage has {known}.")
            return self._catalogue.ids[name]

    # ------------------------------------------------------------------------------- studies

    def study(self, study_id: int) -> StudyState:
        """What is known of a study, without asking the log for news.

        Raises:
            KeyError: If there is none of that id.
        """
        state = self._states.get(study_id)
        if state is None:
            with self.lock:
                record = self.record(study_id)
                state = self._states.setdefault(study_id, StudyState(study_id, record.directions))
                self._catch_up(state, study_id)
        return state

    def sync(self, study_id: int) -> StudyState:
        """What is known of a study now, news from other processes included."""
        state = self.study(study_id)
        if self.shared:
            with self.lock:
                self.record(study_id)
                self._catch_up(state, study_id)
        return state

    def find(self, trial_id: int) -> tuple[StudyState, int]:
        """The study of a trial, and its number.

        Raises:
            KeyError: If there is no such trial.
        """
        if trial_id < 0:
            raise NotFoundError(f"No trial with id {trial_id}.")
        study_id, number = divmod(trial_id, TRIALS_PER_STUDY)
        state = self.study(study_id)
        if number >= state.n_trials:
            state = self.sync(study_id)
        if number >= state.n_trials:
            raise NotFoundError(f"No trial with id {trial_id}.")
        return state, number

    # -------------------------------------------------------------------------------- buffer

    def holds(self, draft: Draft) -> bool:
        """Whether writes to the draft may wait in the buffer: nobody else may finish it."""
        return not self.shared or draft.worker == self.worker

    def check(self, value: Any) -> None:
        """Refuse a value that the log could not keep, before it is noted anywhere.

        Raises:
            TypeError: If it is no JSON value and the log writes text.
        """
        if self.shared and type(value) not in _SIMPLE:
            to_text(value)

    def wrote(self, state: StudyState, draft: Draft) -> None:
        """Take notice of a write to a draft: commit it now, later, or with its end."""
        if not self.shared:
            return
        if draft.worker != self.worker:
            self.flush(state, draft)
        elif not draft.is_due:
            draft.is_due = True
            keeper.KEEPER.later(lambda: self._flush_due(state, draft))

    def _flush_due(self, state: StudyState, draft: Draft) -> None:
        """Commit what has been in the buffer for long enough, if it still is."""
        try:
            if draft.state is TrialState.RUNNING:
                self.flush(state, draft)
        except Exception as error:  # the trial's own end says so again, if it lasts
            _logger.warning("Reports of trial %d are not written yet: %s", draft.number, error)

    def flush(self, state: StudyState, draft: Draft, end: Event | None = None) -> None:
        """Commit what the log does not have of a draft; with `end` as part of that event.

        When it cannot be written it stays in the buffer.
        """
        with self.lock:
            if end is None and not draft.is_dirty:
                return
            draft.is_due = False
            content = state.content(draft)
            content.update(end or {"do": "write", "n": draft.number})
            # A draft that a forked process has inherited belongs to no state of this ledger.
            own = self.log is None or self.study(state.study_id).open.get(draft.number) is draft
            self.commit(state.study_id, content, own=own)
            draft.settle()

    def tell(
        self, state: StudyState, number: int, result: TrialState, values: list[float] | None
    ) -> None:
        """End a trial.

        Raises:
            UpdateFinishedTrialError: If it had ended before.
        """
        with self.lock:
            draft = state.open.get(number) or state.open_draft(number)
            now, final = time.time(), int(result)
            end = {"do": "tell", "n": number, "time": now, "state": final, "values": values}
            self.flush(state, draft, end)


_KEPT = ("log", "shared", "_sequence", "_catalogue", "_states")  # of a pickled ledger in memory
_PATIENCE = 60.0  # seconds that a fork waits for writes of other threads to end

_registry = threading.RLock()
_ledgers: weakref.WeakSet[Ledger] = weakref.WeakSet()
_by_key: weakref.WeakValueDictionary[Hashable, Ledger] = weakref.WeakValueDictionary()
_held_for_fork: list[Ledger] = []


def opened(log: Log) -> Ledger:
    """The ledger over a log: one per log in a process, so that all handles share its buffer."""
    with _registry:
        ledger = _by_key.get(log.key)
        if ledger is None:
            ledger = _by_key[log.key] = Ledger(log)
        return ledger


def _before_fork() -> None:
    """Let other threads finish their writes; close what a child must not inherit."""
    _registry.acquire()
    for ledger in list(_ledgers):
        if ledger.lock.acquire(timeout=_PATIENCE):
            _held_for_fork.append(ledger)
            if ledger.log is not None:
                ledger.log.close()


def _after_fork_in_parent() -> None:
    while _held_for_fork:
        _held_for_fork.pop().lock.release()
    _registry.release()


def _after_fork() -> None:
    global _registry
    _registry = threading.RLock()
    _held_for_fork.clear()
    for ledger in list(_ledgers):
        ledger._forked()


def _close() -> None:
    """Close the logs when the interpreter ends, so that a file is whole without its side files."""
    for ledger in list(_ledgers):
        if ledger.log is not None and ledger.lock.acquire(timeout=1.0):
            try:
                ledger.log.close()
            finally:
                ledger.lock.release()


atexit.register(_close)
platform.after_fork(_after_fork, _before_fork, _after_fork_in_parent)
