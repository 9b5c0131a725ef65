"""A user's own storage as a log: our events become calls of its methods, its news our events.

Such a storage keeps trials, not events. So it does not know what a proposal was made from, nor who
runs a trial: a study goes on from what its trials say, and no other process finds trials whose
worker died.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Hashable, Sequence
from typing import Any, final

from skipjack.distributions import intern, json_to_distribution
from skipjack.errors import (
    DuplicatedStudyError,
    StorageError,
    UnsupportedError,
    UpdateFinishedTrialError,
)
from skipjack.records.attributes import FAIL_REASON, packed, to_text, unpacked
from skipjack.records.draft import Draft
from skipjack.records.events import RULES, Event
from skipjack.records.frozen import FrozenTrial
from skipjack.records.replay import Catalogue, StudyState
from skipjack.records.states import StudyDirection, TrialState
from skipjack.records.times import epoch_seconds, local_time
from skipjack.storages.adding import Adding
from skipjack.storages.base import BaseStorage
from skipjack.storages.face import LedgerStorage
from skipjack.storages.ledger import opened
from skipjack.storages.port import CATALOGUE, Batch

ORIGIN = "skipjack:origin"  # the system attribute of a study that keeps its seed and retry policy
_WRITER = "the storage itself"
_NOTHING = {"do": "queue", "n": -1}  # an event that changes nothing
_RUNNING, _WAITING = TrialState.RUNNING, TrialState.WAITING


@final
class ForeignStorage(LedgerStorage):
    """What a study uses in the place of a user's own storage.

    Attributes:
        storage: The user's.
    """

    def __init__(self, storage: BaseStorage) -> None:
        super().__init__(opened(ForeignLog(storage)))
        self.storage = storage
        self.medium = type(storage).__name__

    def remove_session(self) -> None:
        """Release what the calling thread holds of the storage."""
        self.storage.remove_session()


class _Stream:
    """What was read from the storage or written to it, as batches, and what they amount to."""

    def __init__(self, state: Any) -> None:
        self.state = state
        self.batches: list[Batch] = []
        self.first = 0  # the position of the first of `batches`; those before were read already
        self.ids: list[int] = []  # in the storage: of the studies, or of the trials by number

    def add(self, batch: Batch) -> None:
        self.state.apply(*batch, False)
        self.batches.append(batch)

    def news(self, events: Sequence[Event]) -> None:
        """Take in what others did."""
        if events:
            self.add((_WRITER, self.state.position + 1, events))


@final
class ForeignLog:
    """The streams of studies in a user's own storage; see `Log`.

    Whatever the storage raises reaches the user. A write that it refuses half-way is repeated
    whole with the next one, which sets the same things again.
    """

    is_piecewise = True

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage
        self.reset()

    @property
    def key(self) -> Hashable:
        """The storage object."""
        return type(self).__name__, id(self._storage)

    def __getstate__(self) -> dict[str, Any]:
        return {"_storage": self._storage}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._storage = state["_storage"]
        self.reset()

    def reset(self) -> None:
        """Forget what was read: a forked process begins anew."""
        self._streams: dict[int, _Stream] = {}

    def close(self) -> None:
        """Release what this thread holds of the storage."""
        self._storage.remove_session()

    def drop(self, stream: int) -> None:
        """Forget a study, which the storage has deleted already."""
        self._streams.pop(stream, None)

    def append(self, stream: int, batch: Batch) -> int:
        """Do what the events of a batch say; see `Log.append`."""
        to_text(batch)
        found = self._stream(stream)
        writer, sequence, events = batch
        if stream == CATALOGUE:
            for event in events:
                self._write_catalogue(found, event)
        else:
            writing = _Writing(self._storage, self._study(stream), found, self._refresh)
            for event in events:
                writing.do(event)
            if writing.is_mixed:
                del found.ids[found.state.n_trials :]
                self._refresh(found, None)
                batch = writer, sequence, [_NOTHING]
        found.add(batch)
        return int(found.state.position) - 1

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """What is new, also what others wrote; see `Log.read`."""
        found = self._stream(stream)
        if after < found.first:  # someone begins anew
            del self._streams[stream]
            found = self._stream(stream)
        if stream == CATALOGUE:
            self._refresh_catalogue(found, but=None)
        else:
            self._refresh(found, None)
        del found.batches[: after - found.first]
        found.first = after
        return list(found.batches)

    def _stream(self, stream: int) -> _Stream:
        if stream not in self._streams:
            if stream == CATALOGUE:
                state: Any = Catalogue()
            else:
                state = StudyState(
                    stream, self._storage.get_study_directions(self._study(stream)), RULES
                )
            self._streams[stream] = _Stream(state)
        return self._streams[stream]

    def _study(self, stream: int) -> int:
        """The id of a study in the storage."""
        return self._stream(CATALOGUE).ids[stream]

    # ---------------------------------------------------------------------------- catalogue

    def _write_catalogue(self, found: _Stream, event: Event) -> None:
        if event["do"] == "drop":
            self._storage.delete_study(found.ids[event["study"]])
            return
        directions = [StudyDirection(d) for d in event["directions"]]
        try:
            made = self._storage.create_new_study(directions, event["name"])
        except DuplicatedStudyError:
            self._refresh_catalogue(found, but=None)  # the event hears of the other study
            return
        origin = {name: event[name] for name in ("seed", "retries", "reports")}
        self._storage.set_study_system_attr(made, ORIGIN, origin)
        self._refresh_catalogue(found, but=made)
        found.ids.append(made)

    def _refresh_catalogue(self, found: _Stream, but: int | None) -> None:
        there = {study._study_id: study for study in self._storage.get_all_studies()}
        events: list[Event] = [
            {"do": "drop", "study": i} for i in found.state.studies if found.ids[i] not in there
        ]
        for study_id in sorted(there.keys() - set(found.ids) - {but}):
            study = there[study_id]
            directions = [int(d) for d in self._storage.get_study_directions(study_id)]
            event: Event = {"do": "study", "name": study.study_name, "directions": directions}
            event.update(seed=zlib.crc32(study.study_name.encode()), retries=0, rules=RULES)
            events.append({**event, **study.system_attrs.get(ORIGIN, {}), "time": time.time()})
            found.ids.append(study_id)
        found.news(events)

    # -------------------------------------------------------------------------------- trials

    def _refresh(self, found: _Stream, until: int | None) -> None:
        """Take in what others did to a study; of its trials only the first `until`."""
        storage, state, study = self._storage, found.state, self._study(found.state.study_id)
        trials = storage.get_all_trials(study, deepcopy=False)
        events: list[Event] = []
        for kind, attrs in (
            ("user", storage.get_study_user_attrs(study)),
            ("system", storage.get_study_system_attrs(study)),
        ):
            known = getattr(state, kind)
            for key, value in attrs.items():
                if key != ORIGIN and (key not in known or repr(known[key]) != repr(value)):
                    events.append({"do": "attr", "kind": kind, "key": key, "value": value})
        adding = Adding(state, strict=False)
        for number in list(state.open):
            events += _changes(state, trials[number], adding)
        for trial in trials[state.n_trials : until]:
            events.append(adding.event(trial))
            found.ids.append(trial._trial_id)
        found.news(events)


def _changes(state: StudyState, trial: FrozenTrial, adding: Adding) -> list[Event]:
    """What happened to a trial that had not ended."""
    known, number = state.open[trial.number], trial.number
    events: list[Event] = []
    if known.state is _WAITING and trial.state is not _WAITING:
        started = epoch_seconds(trial.datetime_start) or time.time()
        events.append({"do": "claim", "n": number, "time": started, "worker": None})
    elif known.state is _RUNNING and trial.state is _WAITING:
        events.append({"do": "queue", "n": number})
    if trial.state.is_finished():
        end = epoch_seconds(trial.datetime_complete) or time.time()
        events.append({**adding.event(trial), "do": "tell", "n": number, "time": end})
    elif _content(trial) != _content(state.frozen(number)):
        events.append({**adding.event(trial), "do": "write", "n": number})
    return events


def _content(trial: FrozenTrial) -> str:
    reports, metrics, system = unpacked(trial.intermediate_values, trial.system_attrs)
    metrics = {**metrics, **getattr(trial, "metrics", {})}
    by_name = {name: list(metrics[name].items()) for name in sorted(metrics)}
    parts = (trial.params, trial.user_attrs, system, reports, by_name)
    return repr([list(part.items()) for part in parts])


@final
class _Writing:
    """Does in a storage what the events of one batch say.

    Attributes:
        is_mixed: Whether others have made trials between those of the batch.
    """

    def __init__(
        self,
        storage: BaseStorage,
        study: int,
        found: _Stream,
        refresh: Callable[[_Stream, int | None], None],
    ) -> None:
        self.is_mixed = False
        self._storage = storage
        self._study = study
        self._found = found
        self._state: StudyState = found.state
        self._spelled: list[Any] = []
        self._made = 0
        self._refresh = refresh

    def do(self, event: Event) -> None:
        """Do what an event says; where others were faster, take in first what they did."""
        do = getattr(self, f"_{event['do']}", None)
        if do is None:
            raise UnsupportedError(
                f"A {type(self._storage).__name__} cannot change a trial that has ended. Copy the "
                f"study to one of Skipjack's storages with `copy_study`."
            )
        try:
            do(event)
        except UpdateFinishedTrialError:
            self._refresh(self._found, None)
            if event["n"] in self._state.lost:
                raise  # late, and the storage keeps what was said when it was taken for lost

    def _make(self, template: FrozenTrial | None) -> None:
        """Make a trial, behind those that others have made meanwhile."""
        made = self._storage.create_new_trial(self._study, template)
        number = self._storage.get_trial_number_from_id(made)
        if number > self._state.n_trials and not self._made:
            self._refresh(self._found, number)
        expected = self._state.n_trials + self._made
        if number < expected:
            raise StorageError(
                f"{type(self._storage).__name__} numbered a new trial {number}, where the next "
                f"number is {expected}."
            )
        self.is_mixed |= number > expected
        self._made += 1
        self._found.ids.append(made)

    def _create(self, event: Event) -> None:
        if self._state.n_trials < event.get("limit", float("inf")):
            self._make(None)

    def _add(self, event: Event) -> None:
        names, dists = self._layout(event.get("layout", []))
        pairs = list(zip(names, dists, event.get("x", ()), strict=True))
        reports, system = _packed(event)
        self._make(
            FrozenTrial(
                number=-1,
                state=TrialState(event["state"]),
                value=None,
                values=event["values"],
                datetime_start=local_time(event.get("start")),
                datetime_complete=local_time(event.get("time"))
                if event["state"] in _ENDS
                else None,
                params={name: dist.to_external_repr(x) for name, dist, x in pairs},
                distributions=dict(zip(names, dists, strict=True)),
                user_attrs=dict(event.get("user", {})),
                system_attrs={**event.get("system", {}), **system},
                intermediate_values=reports,
                trial_id=-1,
            )
        )

    def _claim(self, event: Event) -> None:
        if self._storage.set_trial_state_values(self._id(event), _RUNNING) is False:
            self._refresh(self._found, None)

    def _queue(self, event: Event) -> None:
        self._storage.set_trial_state_values(self._id(event), _WAITING)

    def _propose(self, event: Event) -> None:
        """Nothing: the storage has no place for it."""

    def _write(self, event: Event) -> None:
        trial, known = self._id(event), self._state.tellable(event["n"])
        if "layout" in event:
            there = known.internal if known else {}
            for name, dist, x in zip(*self._layout(event["layout"]), event["x"], strict=True):
                if name not in there:
                    self._storage.set_trial_param(trial, name, x, dist)
        for key, value in event.get("user", {}).items():
            self._storage.set_trial_user_attr(trial, key, value)
        reports, system = _packed(event, known)
        for key, value in {**event.get("system", {}), **system}.items():
            self._storage.set_trial_system_attr(trial, key, value)
        for step, value in reports.items():
            self._storage.set_trial_intermediate_value(trial, step, value)

    def _tell(self, event: Event) -> None:
        self._write(event)
        state = TrialState(event["state"])
        self._storage.set_trial_state_values(self._id(event), state, event["values"])

    def _reclaim(self, event: Event) -> None:
        trial = self._id(event)
        self._storage.set_trial_system_attr(trial, FAIL_REASON, event["reason"])
        self._storage.set_trial_state_values(trial, TrialState.FAIL)
        if "retry" in event and self._state.n_trials < event.get("limit", float("inf")):
            self._add({"state": int(_WAITING), "values": None, **event["retry"]})

    def _attr(self, event: Event) -> None:
        kind = "user" if event["kind"] == "user" else "system"
        method = getattr(self._storage, f"set_study_{kind}_attr")
        method(self._study, event["key"], event["value"])

    def _id(self, event: Event) -> int:
        return self._found.ids[event["n"]]

    def _layout(self, spelling: Any) -> tuple[Sequence[str], Sequence[Any]]:
        """Names and distributions of a layout that an event spells out or refers to."""
        if isinstance(spelling, int):
            if spelling >= 0:
                layout = self._state.history.layouts[spelling]
                return layout.names, layout.dists
            return self._spelled[-1 - spelling]  # type: ignore[no-any-return]  # put in below
        dists = [intern(json_to_distribution(to_text(dist))) for _, dist in spelling]
        found = [name for name, _ in spelling], dists
        if spelling:
            self._spelled.append(found)
        return found


def _packed(event: Event, known: Draft | None = None) -> tuple[dict[int, float], dict[str, Any]]:
    """The reports of an event that are numbers, and attributes that hold the others and metrics.

    What is `known` of the trial already is repeated in these, since they are set anew.
    """
    reports, metrics = dict(event.get("reports", ())), {}
    for name, pairs in event.get("metrics", {}).items():
        metrics[name] = {**(known.metrics.by_name.get(name, {}) if known else {}), **dict(pairs)}
    if known and any(isinstance(value, list) for value in reports.values()):
        reports = {**{s: v for s, v in known.reports.items() if isinstance(v, list)}, **reports}
    return packed(reports, metrics)


_ENDS = tuple(int(state) for state in TrialState if state.is_finished())
