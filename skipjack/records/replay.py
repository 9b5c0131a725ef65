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

from skipjack.distributions import (
    BaseDistribution,
    distribution_to_json,
    intern,
    json_to_distribution,
)
from skipjack.errors import DuplicatedStudyError, NotFoundError, UpdateFinishedTrialError
from skipjack.records.draft import Draft
from skipjack.records.events import Event
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History, Layout
from skipjack.records.states import StudyDirection, TrialState
from skipjack.records.thaw import of_draft, of_rows

_RUNNING, _WAITING = TrialState.RUNNING, TrialState.WAITING
_STATES = tuple(TrialState)
_UNFINISHED = -1


@final
class StudyState:
    """All that the log of one study says, and what this process is about to add to it."""

    def __init__(self, study_id: int, directions: Iterable[int]) -> None:
        self.study_id = study_id
        self.directions = [StudyDirection(d) for d in directions]
        signs = [-1.0 if d == StudyDirection.MAXIMIZE else 1.0 for d in self.directions]
        self.history = History(signs)
        self.open: dict[int, Draft] = self.history.open
        self.waiting: deque[int] = deque()
        self.user: dict[str, Any] = {}
        self.system: dict[str, Any] = {}
        self.kinds: dict[str, BaseDistribution] = {}
        self.position = 0
        self.rows = array("q")  # of each trial number, the row in the history or _UNFINISHED
        self.memo: dict[str, Any] = {}  # what higher floors derive from the trials and keep here
        self._cache: dict[int, FrozenTrial] = {}
        self._cached = 0, 0  # so many rows, at that version of the history
        self._applied: dict[str, int] = {}
        self._spelled: list[Layout] = []  # by the events of the batch that is applied

    def apply(self, writer: str, sequence: int, events: Sequence[Event], own: bool) -> list[Any]:
        """Replay a batch and return the verdicts on its events.

        A batch that was applied before (an acknowledgement was lost, and it was sent again) has
        no effect and no verdicts. `own` says that this process wrote it from drafts of this very
        state, and nothing came between, so that they know its content already.
        """
        if self._applied.get(writer, 0) >= sequence:
            self.position += 1
            return []
        self._applied[writer] = sequence
        return self.replay(events, own)

    def replay(self, events: Sequence[Event], own: bool) -> list[Any]:
        """Replay events that come for the first time, and return the verdicts; see `apply`."""
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
        row, history = self.rows[number], self.history
        _, state, start, _ = history.row(row)
        draft = Draft(number, _STATES[state], start, None)
        layout, values = history.internal(row)
        draft.put_params(layout.names, layout.dists, values)
        user, system = history.attrs.get(row, ({}, {}))
        draft.merge({"user": user, "system": system})
        return draft

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
        names = tuple(name for name, _ in spelling)
        dists = tuple(intern(json_to_distribution(json.dumps(d))) for _, d in spelling)
        layout = self.history.layout(names, dists)
        for name, dist in zip(names, dists, strict=True):
            self.kinds.setdefault(name, dist)
        self._spelled.append(layout)
        return layout

    def _new(self, state: TrialState, start: float | None, worker: str | None) -> Draft:
        draft = Draft(len(self.rows), state, start, worker)
        self.rows.append(_UNFINISHED)
        self.open[draft.number] = draft
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

    def _finish(self, draft: Draft, e: Event, layout: Layout | None, own: bool) -> None:
        if not own:
            draft.discard()
            if layout is not None and tuple(draft.internal) != layout.names:
                layout, e = None, {**e, "x": None}  # two processes suggested different ones
        if layout is None:
            names, dists = tuple(draft.internal), tuple(draft.dists.values())
            layout = self.history.layout(names, dists)
        self.rows[draft.number] = self.history.append(draft, layout, e)
        del self.open[draft.number]
        if draft.state is _WAITING:
            self.waiting.remove(draft.number)
        draft.state = _STATES[e["state"]]  # whoever still holds the draft sees that it ended

    # --------------------------------------------------------------------------------- rules

    def _create(self, e: Event, own: bool) -> int:
        draft = self._new(_RUNNING, e["time"], e.get("worker"))
        if e.get("expect") == draft.number:
            draft.proposal, draft.seen, draft.by = e["params"], e["seen"], e["by"]
        return draft.number

    def _add(self, e: Event, own: bool) -> int:
        state = _STATES[e["state"]]
        draft = self._new(state, e.get("start"), None)
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
        draft.state, draft.start, draft.worker = _RUNNING, e["time"], e.get("worker")
        self.waiting.remove(draft.number)
        return True

    def _queue(self, e: Event, own: bool) -> bool:
        draft = self.open.get(e["n"])
        if draft is None or draft.state is _WAITING:
            return False
        draft.state, draft.worker = _WAITING, None
        self.waiting.append(draft.number)
        return True

    def _propose(self, e: Event, own: bool) -> None:
        draft = self.open.get(e["n"])
        if draft is not None:
            draft.proposal, draft.seen, draft.by = e["params"], e["seen"], e["by"]

    def _write(self, e: Event, own: bool) -> Exception | None:
        draft = self.open.get(e["n"])
        if draft is None:
            return finished(e["n"])
        self._take_over(draft, e, own)
        return None

    def _tell(self, e: Event, own: bool) -> Exception | None:
        draft = self.open.get(e["n"])
        if draft is None:
            return finished(e["n"])
        self._finish(draft, e, self._take_over(draft, e, own), own)
        return None

    def _reclaim(self, e: Event, own: bool) -> int | None:
        draft = self.open.get(e["n"])
        if draft is None or draft.state is not _RUNNING:
            return None
        draft.discard()
        draft.system[FAIL_REASON] = e["reason"]
        end = {"state": TrialState.FAIL, "values": None, "time": e["time"]}
        self._finish(draft, end, None, own=False)
        if "retry" not in e:
            return NO_RETRY
        retry = self._new(_WAITING, None, None)
        retry.merge(e["retry"])
        self.waiting.append(retry.number)
        return retry.number

    def _attr(self, e: Event, own: bool) -> None:
        (self.user if e["kind"] == "user" else self.system)[e["key"]] = e["value"]


METRIC_NAMES = "study:metric_names"  # the system attribute of a study that names its objectives
NO_RETRY = -1  # the verdict on a reclaim that queues nothing
FAIL_REASON = "fail_reason"  # the system attribute that says why a trial failed

_RULES: dict[str, Callable[[StudyState, Event, bool], Any]] = {
    "create": StudyState._create,
    "add": StudyState._add,
    "claim": StudyState._claim,
    "queue": StudyState._queue,
    "propose": StudyState._propose,
    "write": StudyState._write,
    "tell": StudyState._tell,
    "reclaim": StudyState._reclaim,
    "attr": StudyState._attr,
}


@final
class StudyRecord:
    """A study in the catalogue."""

    __slots__ = ("directions", "name", "retries", "seed", "study_id")

    def __init__(self, study_id: int, e: Event) -> None:
        self.study_id = study_id
        self.name: str = e["name"]
        self.directions: list[int] = e["directions"]
        self.seed: int = e["seed"]
        self.retries: int = e["retries"]


@final
class Catalogue:
    """The studies that there are: a replay of the one stream that lists them."""

    def __init__(self) -> None:
        self.studies: dict[int, StudyRecord] = {}
        self.ids: dict[str, int] = {}
        self.position = 0
        self._made = 0
        self._applied: dict[str, int] = {}

    def apply(self, writer: str, sequence: int, events: Iterable[Event], own: bool) -> list[Any]:
        """Replay a batch; as `StudyState.apply`."""
        if self._applied.get(writer, 0) >= sequence:
            self.position += 1
            return []
        self._applied[writer] = sequence
        return self.replay(events, own)

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
        record = StudyRecord(self._made, e)
        self._made += 1
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
