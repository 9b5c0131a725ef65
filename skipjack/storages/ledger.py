"""A storage over any log, or none: commits events, replays what others wrote, keeps the buffer."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast, final

from skipjack import _optional, logging, platform
from skipjack.errors import NotFoundError, StorageError, StorageInternalError, UnsupportedError
from skipjack.records.attributes import to_text
from skipjack.records.draft import Draft
from skipjack.records.events import RULES, Event
from skipjack.records.replay import Catalogue, StudyRecord, StudyState
from skipjack.records.states import StudyDirection, TrialState
from skipjack.records.thaw import TRIALS_PER_STUDY
from skipjack.rng import fresh_seed
from skipjack.storages import handles
from skipjack.storages.port import CATALOGUE, Batch, Compacted, Exchange, Log, Overtaken, Piecewise

compaction = _optional.lazy("skipjack.storages.compaction")
keeper = _optional.lazy("skipjack.storages.keeper")
leases = _optional.lazy("skipjack.storages.leases")

_logger = logging.get_logger(__name__)
BEAT_EVERY = 15.0  # seconds between two beats of a worker
GRACE = 60.0  # seconds without a beat after which a worker elsewhere is taken for dead
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
        is_far: Whether each step of the log is long, so that there should be few.
        worker: Identity of this process, as it stands in the events.
        proposing: Held while a proposal is made, before `lock` if both are: proposals take turns,
            and other threads go on writing meanwhile.
        beat_every, grace: Seconds between two beats, and for which another one may be silent.
    """

    beat_every = BEAT_EVERY
    grace = GRACE
    _is_away = False  # whether what was due could not be written

    def __init__(self, log: Log | None = None) -> None:
        self.log = log
        self.shared = log is not None
        self._begin()
        self._catalogue = Catalogue()
        self._states: dict[int, StudyState] = {}
        self._sequence = 0
        handles.keep(self)

    def _begin(self) -> None:
        self.lock = threading.RLock()
        self.proposing = threading.RLock()
        self.worker = platform.worker()
        self._watch: Any = None
        self._keeper: Any = None
        self._writer = os.urandom(8).hex()
        self.is_far = isinstance(self.log, Exchange)
        self.is_piecewise = isinstance(self.log, Piecewise)

    def forked(self) -> None:
        """Begin anew in a child process: the parent keeps its buffer, handles and leases."""
        self._begin()
        if self.log is not None:
            self.log.reset()
            self._catalogue = Catalogue()
            self._states = {}
        for state in self._states.values():
            state.standing = None  # a proposal may have been half made

    def end(self) -> None:
        """Leave, at the end of the process."""
        if self._watch is not None:
            self._watch.end()

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.log is not None:
            return opened, (self.log, self.beat_every, self.grace)
        return super().__reduce_ex__(protocol)

    def __getstate__(self) -> dict[str, Any]:
        with self.lock:
            return {name: self.__dict__[name] for name in _KEPT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()
        handles.keep(self)

    # --------------------------------------------------------------------------------- log

    def commit(self, stream: int, *events: Event, own: bool = True, alone: bool = False) -> Any:
        """Write events in one batch and return the verdict on the last one, or raise it.

        `own` says that their content comes from drafts of the study's state, which know it; `alone`
        to write only if nothing is new, and else, where the log can tell, raise `Overtaken`.
        """
        return _heard(self._commit(stream, events, own, alone)[-1])

    def _commit(
        self, stream: int, events: Sequence[Event], own: bool = True, alone: bool = False
    ) -> Sequence[Any]:
        """The verdicts on all; None for those but the last if a snapshot has come in between."""
        with self.lock:
            state: Catalogue | StudyState = self._catalogue
            if stream != CATALOGUE:
                state = self.study(stream)
                if state.rules > RULES:
                    raise StorageError(
                        f"Study {self.record(stream).name!r} was made by a newer Skipjack, so this "
                        f"one can only read it. Upgrade with: pip install -U skipjack"
                    )
            if self.log is None:
                return state.replay(events, own)
            length = self._append(self.log, state, stream, events, own, alone)
            last, known = self._verdict(state, alone), self._verdicts
            if compaction.is_milestone(length):
                self._try_to_compact(stream)
            return known if len(known) == len(events) else [*[None] * (len(events) - 1), last]

    def _append(
        self,
        log: Log,
        state: Catalogue | StudyState,
        stream: int,
        events: Sequence[Event],
        own: bool,
        alone: bool,
    ) -> int:
        """Write events, replay them behind what is new; how long the log was with them."""
        self._sequence += 1
        self._verdicts: Sequence[Any] = ()
        batch = (self._writer, self._sequence, events)
        position, news = None, None
        try:
            if self.is_far:
                news = cast(Exchange, log).exchange(stream, batch, state.position, alone)
            else:
                position = log.append(stream, batch)
                is_next = position == state.position
                news = (batch,) if is_next else log.read(stream, state.position)
        except Compacted:
            self._catch_up(state, stream)
        else:
            is_alone = len(news) == 1 and news[0] is batch
            self._replay(state, stream, news, own and is_alone)
        state.heard = time.monotonic()
        return state.position if position is None else position + 1

    def _verdict(self, state: Catalogue | StudyState, alone: bool) -> Any:
        """The verdict on what this process wrote last."""
        sequence, verdict = state.applied.get(self._writer, (0, None))
        if sequence != self._sequence and alone:
            raise Overtaken
        if sequence != self._sequence:
            raise StorageError("The log does not give back what was written to it.")
        return verdict

    def _catch_up(self, state: Catalogue | StudyState, stream: int) -> None:
        """Replay what is new; from a snapshot on, where there is one and all is new."""
        log, is_new = self.log, state.position == 0
        if log is None:
            return
        while True:
            if is_new:
                with self._understanding(stream, state.position):
                    compaction.load(log, stream, state)
            before = state.position
            try:
                self._replay(state, stream, log.read(stream, before), own=False)
                break
            except Compacted:
                is_new = True
        if is_new and state.position - before > compaction.LONG:
            self._try_to_compact(stream)

    def compact(self, stream: int) -> None:
        """Let a snapshot take the place of all that was replayed, where the log keeps snapshots."""
        with self.lock:
            if stream == CATALOGUE:
                compaction.save(self.log, stream, self._catalogue, Catalogue())
            else:
                compaction.save(self.log, stream, self.study(stream), self._blank(stream))

    def _try_to_compact(self, stream: int) -> None:
        try:
            self.compact(stream)
        except Exception as error:  # the log is as good without: read-only, say, or a full disk
            _logger.debug("Stream %d is not compacted: %s", stream, error)

    def _replay(
        self, state: Catalogue | StudyState, stream: int, batches: Sequence[Batch], own: bool
    ) -> None:
        with self._understanding(stream, state.position):
            for writer, sequence, events in batches:
                verdicts = state.apply(writer, sequence, events, own)
                if verdicts and writer == self._writer and sequence == self._sequence:
                    self._verdicts = verdicts

    @contextmanager
    def _understanding(self, stream: int, position: int) -> Iterator[None]:
        """Word what goes wrong while something of the log is taken over."""
        try:
            yield
        except (NotFoundError, StorageError):
            raise
        except Exception as error:
            # The state is half changed. The next one who asks begins anew and hears the same.
            self._states.pop(stream, None)
            if stream == CATALOGUE:
                self._catalogue = Catalogue()
            raise StorageInternalError(
                f"This storage holds something that this version of Skipjack does not "
                f"understand (stream {stream}, from record {position} on: {error!r}). It may come "
                f"from a newer one: pip install -U skipjack"
            ) from error

    def share(self, log: Log) -> None:
        """Go on over an empty log, to which others may write too; UnsupportedError if in use."""
        with self.lock:
            if self.log is not None or self._catalogue.studies:
                raise UnsupportedError(
                    "A storage in memory can be shared only before the first study is made in it."
                )
            self.log, self.shared = log, True
            self.is_far = isinstance(log, Exchange)
            self._catalogue = Catalogue()

    # ---------------------------------------------------------------------------- catalogue

    def create_study(
        self,
        name: str,
        directions: Sequence[StudyDirection],
        retries: int = 1,
        seed: int | None = None,
        reports: bool = False,
    ) -> int:
        """Make a study and return its id.

        Args:
            name: Its name, which no other study has.
            directions: The direction of each objective.
            retries: How often a trial whose worker died is tried again.
            seed: For samplers that have none of their own; None: a fresh one.
            reports: Whether a trial that is tried again begins with the reports of before.

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
                "reports": reports,
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

    def deleted(self) -> list[int]:
        """The ids of studies that there are no more."""
        studies = self.studies()
        return [study_id for study_id in range(self._catalogue.made) if study_id not in studies]

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
                state = self._states.setdefault(study_id, self._blank(study_id))
                self._catch_up(state, study_id)
        return state

    def _blank(self, study_id: int) -> StudyState:
        """The state of a study of which nothing was replayed yet."""
        record = self.record(study_id)
        return StudyState(study_id, record.directions, record.rules)

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
        if number >= state.n_trials and number >= self.sync(study_id).n_trials:
            raise NotFoundError(f"No trial with id {trial_id}.")
        return state, number

    # ------------------------------------------------------------------------------- workers

    @property
    def watch(self) -> Any:
        """Who is alive, this process included."""
        self._watch = self._watch or leases.Watch(self)
        return self._watch

    @property
    def keeper(self) -> Any:
        """The thread that writes and beats beside the trials; it exists while it has work."""
        with self.lock:
            self._keeper = self._keeper or keeper.Keeper()
            return self._keeper

    def runs(self) -> bool:
        """Whether this process runs a trial."""
        return any(self.worker in state.leases for state in self._states.values())

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
        if self.shared and draft.worker != self.worker:
            self.flush(state, draft)
        elif self.shared and not draft.is_due:
            draft.is_due = True
            self.keeper.later(draft, lambda: self._flush_due(state, draft))

    def _flush_due(self, state: StudyState, draft: Draft) -> None:
        """Commit what has been in the buffer for long enough, if it still is."""
        try:
            if draft.state is TrialState.RUNNING:
                self.flush(state, draft)
            self._is_away = False
        except Exception as error:  # the trial's own end says so again, if it lasts
            if not self._is_away:
                _logger.warning("Reports of trial %d are not written yet: %s", draft.number, error)
            self._is_away = isinstance(error, StorageInternalError)
            if self._is_away:
                self.wrote(state, draft)  # to try again, until it is back

    def flush(
        self,
        state: StudyState,
        draft: Draft,
        end: Event | None = None,
        following: Event | None = None,
    ) -> Any:
        """Commit what the log lacks of a draft, and `end`; what cannot be written stays there.

        Returns:
            The verdict on the `following` event, which is committed behind it.
        """
        with self.lock:
            if end is None and not draft.is_dirty:
                return None
            draft.is_due, own = False, True
            events: list[Event] = [end or {"do": "write", "n": draft.number}]
            if self.log is not None:  # else the draft is all that is kept
                events[0] = {**state.content(draft), **events[0]}
                own = self.study(state.study_id).tellable(draft.number) is draft  # not after a fork
            if following is not None:
                events.append(following)
            verdicts = self._commit(state.study_id, events, own)
            draft.settle()
            if following is not None and isinstance(verdicts[0], Exception) and verdicts[1]:
                self.tell(state, verdicts[1], TrialState.FAIL, None)  # nobody is going to run it
            return [_heard(verdict) for verdict in verdicts][-1]

    def tell(
        self,
        state: StudyState,
        number: int,
        result: TrialState,
        values: list[float] | None,
        following: Event | None = None,
    ) -> Any:
        """End a trial; one that was reclaimed ends after all as it is told here.

        Returns:
            The verdict on the `following` event, which is committed behind the end.

        Raises:
            UpdateFinishedTrialError: If it had ended before.
        """
        with self.lock:
            draft = state.open.get(number) or state.tellable(number) or state.open_draft(number)
            now, final = time.time(), int(result)
            end = {"do": "tell", "n": number, "time": now, "state": final, "values": values}
            return self.flush(state, draft, end, following)


def _heard(verdict: Any) -> Any:
    """A verdict; raises one that is an exception."""
    if isinstance(verdict, Exception):
        raise type(verdict)(*verdict.args)  # the state keeps the other, and no traceback
    return verdict


_KEPT = ("log", "shared", "_sequence", "_catalogue", "_states")  # of a pickled ledger in memory

_by_key: weakref.WeakValueDictionary[Hashable, Ledger] = weakref.WeakValueDictionary()


def opened(log: Log, beat_every: float | None = None, grace: float | None = None) -> Ledger:
    """The ledger over a log, of which all handles in a process share one; sets what is given."""
    with handles.registry():
        ledger = _by_key.get(log.key)
        if ledger is None or getattr(ledger.log, "is_gone", False):
            ledger = _by_key[log.key] = Ledger(log)
        ledger.beat_every = ledger.beat_every if beat_every is None else beat_every
        ledger.grace = ledger.grace if grace is None else grace
        return ledger
