"""The rules of a storage, once: what each event does, and the verdict on it.

Every process replays the same events in the same order, so all come to the same verdicts. A
verdict that is an exception is raised by whoever committed the event.
"""

from __future__ import annotations

import json
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

from skipjack import _optional
from skipjack.distributions import (
    BaseDistribution,
    distribution_to_json,
    intern,
    json_to_distribution,
)
from skipjack.errors import DuplicatedStudyError, NotFoundError, UpdateFinishedTrialError
from skipjack.records.attributes import FAIL_REASON
from skipjack.records.draft import Draft
from skipjack.records.events import RULES, Event
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History, Layout
from skipjack.records.states import StudyDirection, TrialState
from skipjack.records.suggest import check_kind
from skipjack.records.thaw import draft_of, of_draft, of_rows

amendments = _optional.lazy("skipjack.records.amendments")

_RUNNING, _WAITING = TrialState.RUNNING, TrialState.WAITING
_STATES = tuple(TrialState)
UNFINISHED = -1  # the row of a trial that has not ended


@final
class StudyState:
    """All that the log of one study says, and what this process is about to add to it."""

    def __init__(self, study_id: int, directions: Iterable[int], rules: int = RULES) -> None:
        self.study_id = study_id
        self.rules = rules
        self.directions = [StudyDirection(d) for d in directions]
        signs = [-1.0 if d == StudyDirection.MAXIMIZE else 1.0 for d in self.directions]
        self.history = History(signs)
        self.open: dict[int, Draft] = self.history.open
        self.waiting: deque[int] = deque()
        self.leases: dict[str, set[int]] = {}  # worker: the trials that it runs
        self.timed: set[int] = set()  # trials that run and have a deadline
        self.lost: dict[int, tuple[Draft, int]] = {}  # reclaimed, as they were, and their retries
        self.user: dict[str, Any] = {}
        self.system: dict[str, Any] = {}
        self.kinds: dict[str, BaseDistribution] = {}
        self.position = 0
        self.heard = 0.0  # when the log told all, by `time.monotonic`, where asking takes long
        self.rows = array("q")  # of each trial number, the row in the history or UNFINISHED
        self.memo: dict[str, Any] = {}  # what higher floors derive from the trials and keep here
        self.standing: History | None = None  # for one proposal at a time; see `records.still`
        self._cache: dict[int, FrozenTrial] = {}
        self._cached = 0, 0  # so many rows, at that version of the history
        self.applied: dict[str, tuple[int, Any]] = {}  # of each writer, the newest batch, verdict
        self._spelled: list[Layout] = []  # by the events of the batch that is applied

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "standing": None}

    def apply(self, writer: str, sequence: int, events: Sequence[Event], own: bool) -> list[Any]:
        """Replay a batch and return the verdicts on its events.

        A batch that was applied before (an acknowledgement was lost, and it was sent again) has
        no effect and no verdicts. `own` says that this process wrote it from drafts of this very
        state, and nothing came between, so that they know its content already.
        """
        known = self.applied.get(writer)
        if known is not None and known[0] >= sequence:
            self.position += 1
            return []
        verdicts = self.replay(events, own)
        self.applied[writer] = sequence, verdicts[-1]
        return verdicts

    def replay(self, events: Sequence[Event], own: bool) -> list[Any]:
        """Replay events that come for the first time, and return the verdicts; see `apply`.

        Events of its own that are kept nowhere need no content: the drafts have it.
        """
        self.position += 1
        if self._spelled:
            self._spelled.clear()
        if len(events) == 1:
            return [_RULES[events[0]["do"]](self, events[0], own)]
        return [_RULES[event["do"]](self, event, own) for event in events]

    # ------------------------------------------------------------------------------- reading

    @property
    def n_trials(self) -> int:
        """How many trials were created."""
        return len(self.rows)

    def draft(self, number: int) -> Draft | None:
        """The trial if it waits or runs, None if it has finished.

        Raises:
            NotFoundError: If there is no such trial.
        """
        if not 0 <= number < len(self.rows):
            raise NotFoundError(
                f"No trial {number}; the study has {len(self.rows)} trials, counted from 0."
            )
        return self.open.get(number)

    def tellable(self, number: int) -> Draft | None:
        """The trial if its end may be told: it is open, or was lost and never told."""
        draft = self.open.get(number)
        if draft is None and number in self.lost:
            draft = self.lost[number][0]
        return draft

    def open_draft(self, number: int) -> Draft:
        """The trial, which must wait or run.

        Raises:
            UpdateFinishedTrialError: If it has finished.
        """
        draft = self.draft(number)
        if draft is None:
            raise finished(number)
        return draft

    def any_draft(self, number: int) -> Draft:
        """The trial, or if it has finished a copy of what it was, which leads nowhere."""
        draft = self.draft(number)
        if draft is not None:
            return draft
        return draft_of(self.history, self.rows[number])

    def frozen(self, number: int) -> FrozenTrial:
        """The trial as it is now, as a record of its own."""
        draft = self.draft(number)
        if draft is not None:
            return of_draft(draft, self.study_id)
        row = self.rows[number]
        return next(of_rows(self.history, self.study_id, row, row + 1))

    def all_frozen(self) -> list[FrozenTrial]:
        """All trials by number, each a record of its own."""
        found: dict[int, FrozenTrial] = {}
        for trial in of_rows(self.history, self.study_id, 0, len(self.history)):
            found[trial._number] = trial
        return [found.get(number) or self.frozen(number) for number in range(len(self.rows))]

    def shared_frozen(self) -> list[FrozenTrial]:
        """All trials by number, in a new list; finished ones are the same objects every time."""
        cache, (done, version) = self._cache, self._cached
        if version != self.history.version:
            done = 0
        n = len(self.history)
        for trial in of_rows(self.history, self.study_id, done, n):
            cache[trial._number] = trial
        self._cached = n, self.history.version
        return [cache.get(number) or self.frozen(number) for number in range(len(self.rows))]

    # ------------------------------------------------------------------------------- writing

    def admit(self, name: str, dist: BaseDistribution) -> None:
        """Check that a trial may have `name` with this distribution, given those of others.

        Raises:
            InvalidValueError: If it was another kind of parameter, or had other choices and the
                study does not say that they may change.
        """
        known = self.kinds.setdefault(name, dist)
        if known is not dist:
            check_kind(known, dist, bool(self.system.get(DYNAMIC_CHOICES)))

    def content(self, draft: Draft) -> Event:
        """What the log does not have of a draft yet, as the content of an event."""
        content = draft.unlogged()
        if draft.has_new_params:
            names, dists = tuple(draft.internal), tuple(draft.dists.values())
            known = self.history.known_layout(names, dists)
            content["layout"] = spelled(names, dists) if known is None else known
            content["x"] = list(draft.internal.values())
        return content

    def _layout(self, spelling: int | list[Any]) -> Layout:
        if isinstance(spelling, int):
            return self.history.layouts[spelling] if spelling >= 0 else self._spelled[-1 - spelling]
        layout = self._new_layout(spelling)
        self._spelled.append(layout)
        return layout

    def _new_layout(self, spelling: list[Any]) -> Layout:
        names = tuple(name for name, _ in spelling)
        dists = tuple(intern(json_to_distribution(json.dumps(d))) for _, d in spelling)
        layout = self.history.layout(names, dists)
        for name, dist in zip(names, dists, strict=True):
            self.kinds.setdefault(name, dist)
        return layout

    def _layout_of(self, draft: Draft) -> Layout:
        """The layout of what was suggested; a new one as it would be read from a log."""
        names, dists = tuple(draft.internal), tuple(draft.dists.values())
        known = self.history.known_layout(names, dists)
        if known is None:
            return self._new_layout(spelled(names, dists))
        return self.history.layouts[known]

    def _new(self, state: TrialState, start: float | None = None) -> Draft:
        number = len(self.rows)
        self.open[number] = draft = Draft(number, state, start, None)
        self.rows.append(UNFINISHED)
        return draft

    def _take_over(self, draft: Draft, e: Event, own: bool) -> Layout | None:
        """Put the content of an event into a draft.

        Returns:
            The layout if the event has all parameters of the trial.
        """
        layout = None
        if "layout" in e:
            layout = self._layout(e["layout"])
            if not own:
                draft.put_params(layout.names, layout.dists, e["x"])
        if not own:
            draft.merge(e)
        return layout

    def _start(self, draft: Draft, e: Event) -> None:
        draft.state, draft.start = _RUNNING, e["time"]
        draft.worker = worker = e.get("worker")
        if worker is not None:
            self.leases.setdefault(worker, set()).add(draft.number)
        if "deadline" in e:
            draft.deadline = e["deadline"]
            self.timed.add(draft.number)

    def _stop(self, draft: Draft) -> None:
        """Take a trial that ran from its worker."""
        if draft.worker is not None:
            held = self.leases[draft.worker]
            held.remove(draft.number)
            if not held:
                del self.leases[draft.worker]
        self.timed.discard(draft.number)

    def _finish(self, draft: Draft, e: Event, layout: Layout | None, own: bool) -> None:
        if layout is None or not own:
            layout, e = self._end(draft, e, layout, own)
        number = draft.number
        self.rows[number] = self.history.append(draft, layout, e)
        del self.open[number]
        if draft.state is _WAITING:
            self.waiting.remove(number)
        elif draft.worker is not None or self.timed:
            self._stop(draft)
        draft.state = _STATES[e["state"]]  # whoever still holds the draft sees that it ended

    def _end(
        self, draft: Draft, e: Event, layout: Layout | None, own: bool
    ) -> tuple[Layout, Event]:
        """The layout of a trial that ends, and the event as a row is made from it."""
        if own:
            return layout or self._layout_of(draft), e
        draft.discard()
        if layout is not None and tuple(draft.internal) != layout.names:
            layout, e = None, {**e, "x": None}  # two processes suggested different ones
        if layout is None:
            names, dists = tuple(draft.internal), tuple(draft.dists.values())
            layout = self.history.layout(names, dists)
        return layout, e

    # --------------------------------------------------------------------------------- rules

    def _is_full(self, e: Event) -> bool:
        return self.rules > 1 and "limit" in e and len(self.rows) >= e["limit"]

    def _create(self, e: Event, own: bool) -> int | None:
        if "limit" in e and self._is_full(e):
            return None
        draft = self._new(_RUNNING)
        self._start(draft, e)
        number = draft.number
        if e.get("expect") == number:
            self._note_proposal(draft, e)
        return number

    def _note_proposal(self, draft: Draft, e: Event) -> None:
        draft.proposal, draft.seen, draft.by = e["params"], e["seen"], e["by"]
        draft.proposed_from = self.history.space

    def _add(self, e: Event, own: bool) -> int:
        state = _STATES[e["state"]]
        draft = self._new(state, e.get("start"))
        layout = self._take_over(draft, e, own=False)
        if state is _WAITING:
            self.waiting.append(draft.number)
        elif state is not _RUNNING:
            self._finish(draft, e, layout, own=False)
        return draft.number

    def _claim(self, e: Event, own: bool) -> bool:
        draft = self.open.get(e["n"])
        if draft is None or draft.state is not _WAITING:
            return False
        self._start(draft, e)
        self.waiting.remove(draft.number)
        return True

    def _queue(self, e: Event, own: bool) -> bool:
        draft = self.open.get(e["n"])
        if draft is None or draft.state is _WAITING:
            return False
        self._stop(draft)
        draft.state, draft.worker, draft.deadline = _WAITING, None, None
        self.waiting.append(draft.number)
        return True

    def _propose(self, e: Event, own: bool) -> None:
        draft = self.open.get(e["n"])
        if draft is not None:
            self._note_proposal(draft, e)

    def _write(self, e: Event, own: bool) -> Exception | None:
        draft = self.tellable(e["n"])
        if draft is None:
            return finished(e["n"])
        self._take_over(draft, e, own)
        return None

    def _tell(self, e: Event, own: bool) -> Exception | None:
        draft = self.open.get(e["n"])
        if draft is not None:
            layout = None if own and "layout" not in e else self._take_over(draft, e, own)
            self._finish(draft, e, layout, own)
            return None
        if e["n"] not in self.lost:
            return finished(e["n"])
        draft, retry = self.lost.pop(e["n"])
        layout, e = self._end(draft, e, self._take_over(draft, e, own), own)
        self.history.rewrite(self.rows[draft.number], draft, layout, e)
        draft.state = _STATES[e["state"]]
        self._withdraw_retry(retry, e)
        return None

    def _withdraw_retry(self, number: int, e: Event) -> None:
        """End the retry of a trial that was told after all, or the last of its own retries."""
        while number in self.lost:
            number = self.lost[number][1]
        draft = self.open.get(number)
        if draft is not None and draft.state is _WAITING:
            self._fail(draft, f"Trial {e['n']}, which this one was to repeat, was told.", e)

    def _fail(self, draft: Draft, reason: str, e: Event) -> None:
        draft.discard()
        draft.system[FAIL_REASON] = reason
        end = {"state": TrialState.FAIL, "values": None, "time": e["time"]}
        self._finish(draft, end, None, own=False)

    def _reclaim(self, e: Event, own: bool) -> int | None:
        draft = self.open.get(e["n"])
        if draft is None or draft.state is not _RUNNING:
            return None
        if self.rules == 1:
            self._fail(draft, e["reason"], e)
            return self._retry(e)
        if e.get("worker", draft.worker) != draft.worker:
            return None
        # Who runs it may live all the same, and goes on with the draft.
        self.open[draft.number] = failed = draft.logged()
        self._fail(failed, e["reason"], e)
        retry = NO_RETRY if self._is_full(e) else self._retry(e)
        self.lost[draft.number] = draft, retry
        return retry

    def _retry(self, e: Event) -> int:
        """Queue the trial again, if the event says so."""
        if "retry" not in e:
            return NO_RETRY
        retry = self._new(_WAITING)
        retry.merge(e["retry"])
        self.waiting.append(retry.number)
        return retry.number

    def _change(self, e: Event, own: bool) -> Exception | None:
        problem: Exception | None = amendments.change(self, e)
        if problem is None:
            self.lost.pop(e["n"], None)  # from now on it is what people say
        return problem

    def _attr(self, e: Event, own: bool) -> None:
        (self.user if e["kind"] == "user" else self.system)[e["key"]] = e["value"]


DYNAMIC_CHOICES = "dynamic_choices"  # the system attribute of a study whose choices may change
METRIC_NAMES = "study:metric_names"  # the system attribute of a study that names its objectives
NO_RETRY = -1  # the verdict on a reclaim that queues nothing

_RULES: dict[str, Callable[[StudyState, Event, bool], Any]] = {
    "create": StudyState._create,
    "add": StudyState._add,
    "claim": StudyState._claim,
    "queue": StudyState._queue,
    "propose": StudyState._propose,
    "write": StudyState._write,
    "tell": StudyState._tell,
    "reclaim": StudyState._reclaim,
    "amend": StudyState._change,
    "withdraw": StudyState._change,
    "restore": StudyState._change,
    "attr": StudyState._attr,
}


@final
class StudyRecord:
    """A study in the catalogue."""

    __slots__ = ("directions", "name", "reports", "retries", "rules", "seed", "study_id")

    def __init__(self, study_id: int, e: Event) -> None:
        self.study_id = study_id
        self.name: str = e["name"]
        self.directions: list[int] = e["directions"]
        self.seed: int = e["seed"]
        self.retries: int = e["retries"]
        self.reports: bool = e.get("reports", False)
        self.rules: int = e["rules"]


@final
class Catalogue:
    """The studies that there are: a replay of the one stream that lists them."""

    def __init__(self) -> None:
        self.studies: dict[int, StudyRecord] = {}
        self.ids: dict[str, int] = {}
        self.position = 0
        self.heard = 0.0
        self.made = 0
        self.applied: dict[str, tuple[int, Any]] = {}  # of each writer, the newest batch, verdict

    def apply(self, writer: str, sequence: int, events: Iterable[Event], own: bool) -> list[Any]:
        """Replay a batch; as `StudyState.apply`."""
        known = self.applied.get(writer)
        if known is not None and known[0] >= sequence:
            self.position += 1
            return []
        verdicts = self.replay(events, own)
        self.applied[writer] = sequence, verdicts[-1]
        return verdicts

    def replay(self, events: Iterable[Event], own: bool) -> list[Any]:
        """Replay events; as `StudyState.replay`."""
        self.position += 1
        return [self._apply(event) for event in events]

    def _apply(self, e: Event) -> Any:
        if e["do"] == "drop":
            record = self.studies.pop(e["study"], None)
            if record is None:
                return NotFoundError(f"No study with id {e['study']}.")
            del self.ids[record.name]
            return None
        if e["name"] in self.ids:
            return DuplicatedStudyError(
                f"A study named {e['name']!r} exists already. Choose another name, or pass "
                f"`load_if_exists=True` to go on with it."
            )
        record = StudyRecord(self.made, e)
        self.made += 1
        self.studies[record.study_id] = record
        self.ids[record.name] = record.study_id
        return record.study_id


def finished(number: int) -> UpdateFinishedTrialError:
    """The error of changing a trial that has ended."""
    return UpdateFinishedTrialError(f"Trial {number} has finished already and cannot be changed.")


def spelled(names: tuple[str, ...], dists: tuple[BaseDistribution, ...]) -> list[Any]:
    """A layout in the form in which an event spells it out."""
    return [
        [name, json.loads(distribution_to_json(dist))]
        for name, dist in zip(names, dists, strict=True)
    ]
