"""A study from what is left of its records; where some are lost, only what is certain.

The number of a trial is where its creation stands among others, and a layout is named by where it
was spelled out. So behind a gap those are not certain: an event that names a later trial shows that
it was made, and a layout that may have been in the gap is not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from skipjack.records import snapshot
from skipjack.records.attributes import FAIL_REASON
from skipjack.records.events import RULES, Event
from skipjack.records.frozen import FrozenTrial
from skipjack.records.replay import Catalogue, StudyRecord, StudyState
from skipjack.records.states import TrialState
from skipjack.storages.intact import Stream
from skipjack.storages.port import CATALOGUE
from skipjack.storages.whole import WholeStudy

REMAINS = "remains"  # the system attribute of a trial that is lost: what is known of its end
_FAIL = TrialState.FAIL


def mended(record: StudyRecord, stream: Stream) -> tuple[WholeStudy, list[str]]:
    """A study, and what of it is lost, in words."""
    mender = _Mender(record, stream)
    mender.replay()
    state = mender.state
    trials = [mender.certain(trial) for trial in state.all_frozen()]
    study = WholeStudy(
        record.name,
        state.directions,
        state.user,
        state.system,
        trials,
        retries=record.retries,
        reports=record.reports,
        seed=record.seed,
    )
    return study, mender.lost


@final
class _Mender:
    """Replays what there is.

    Attributes:
        state: What it amounts to.
        lost: What is lost, in words.
    """

    def __init__(self, record: StudyRecord, stream: Stream) -> None:
        self.state = StudyState(record.study_id, record.directions, record.rules)
        self.lost: list[str] = []
        self._stream = stream
        self._n_layouts: int | None = None  # so many are known for certain; None: all
        self._was_open: set[int] = set()  # when records were lost
        self._without: dict[int, str] = {}  # numbers of trials that are not certain, and why

    def replay(self) -> None:
        """Replay the snapshot, if there is one, and the batches behind it."""
        first, batches = 0, self._stream.batches
        if self._stream.snapshot is not None:
            first, text = self._stream.snapshot
            snapshot.restore_study(self.state, text)
        for position in sorted(batches):
            if position < first:
                continue
            if position > first:
                self._note_gap(first, position - 1)
            first = position + 1
            writer, sequence, events = batches[position]
            if self._n_layouts is not None:
                events = [self._sure(event) for event in events]
            try:
                self.state.apply(writer, sequence, events, False)
            except Exception as error:
                self._note_gap(position, position)
                self.lost.append(f"record {position} cannot be understood ({error!r})")

    def certain(self, trial: FrozenTrial) -> FrozenTrial:
        """The trial, or if its end or its parameters are not certain, a failed one that says so."""
        number, why = trial.number, self._without.get(trial.number)
        if not trial.state.is_finished():
            if trial.state is TrialState.WAITING and self._n_layouts is None:
                return trial
            why = "It had not ended, or its end is lost."
        if why is None:
            return trial
        self.lost.append(f"trial {number}: {why}")
        trial.system_attrs[FAIL_REASON] = why
        if trial.values is not None:
            trial.system_attrs[REMAINS] = {"state": trial.state.name, "values": trial.values}
        trial.state, trial.values = _FAIL, None
        trial.datetime_start = trial.datetime_start or trial.datetime_complete
        trial.datetime_complete = trial.datetime_complete or trial.datetime_start
        return trial

    def _note_gap(self, first: int, last: int) -> None:
        self.lost.append(f"record {first}" if first == last else f"records {first} to {last}")
        if self._n_layouts is None:
            self._n_layouts = len(self.state.history.layouts)
        self._was_open.update(self.state.open)

    def _sure(self, event: Event) -> Event:
        """What of an event behind a gap is certain."""
        for number in (event.get("n", -1), event.get("expect", 0) - 1):
            while self.state.n_trials <= number:  # it was made in the gap
                self._was_open.add(self.state.n_trials)
                start = event.get("time")
                self.state.replay([{"do": "create", "time": start, "worker": None}], False)
                self.state.position -= 1
        number = event.get("n", self.state.n_trials)
        layout = event.get("layout")
        assert self._n_layouts is not None
        if isinstance(layout, int) and layout >= self._n_layouts:
            self._without[number] = "The names of its parameters are lost."
            return {key: value for key, value in event.items() if key not in ("layout", "x")}
        if event["do"] == "tell" and number in self._was_open and number in self.state.open:
            if layout is None:
                self._without[number] = "Some of its parameters may be lost."
            else:
                self.lost.append(
                    f"trial {number}: reports and attributes of before it ended, maybe"
                )
        return event


def studies(streams: Mapping[int, Stream]) -> tuple[list[StudyRecord], list[str]]:
    """The studies that there were when the file was whole, and what is lost of their list."""
    listed, lost = _listed(streams.get(CATALOGUE, Stream()))
    found = [
        record
        for stream, record in listed.studies.items()
        if stream not in streams or not streams[stream].is_dropped
    ]
    for stream, one in sorted(streams.items()):
        if stream == CATALOGUE or one.is_dropped or stream in listed.studies:
            continue
        if lost or stream >= listed.made:  # otherwise it was deleted, and so were most records
            found.append(_nameless(stream, one))
            lost.append(
                f"the name of study {stream}, which is called {found[-1].name!r}"
                + ("" if one.snapshot else ", and its directions, taken to minimise")
            )
    return found, lost


def _listed(stream: Stream) -> tuple[Catalogue, list[str]]:
    """The catalogue, as far as it is certain."""
    catalogue, lost, first = Catalogue(), [], 0
    if stream.snapshot is not None:
        first, text = stream.snapshot
        snapshot.restore_catalogue(catalogue, text)
    for position in sorted(stream.batches):
        if position < first:
            continue
        if position > first:
            lost.append(f"records {first} to {position - 1} of the list of studies")
        first = position + 1
        writer, sequence, events = stream.batches[position]
        if lost:  # which id a study got is not certain any more
            events = [event for event in events if event["do"] == "drop"]
        if events:
            catalogue.apply(writer, sequence, events, False)
    return catalogue, lost


def _nameless(stream: int, found: Stream) -> StudyRecord:
    if found.snapshot is not None:
        directions = snapshot.directions_of(found.snapshot[1])
    else:
        told = (e.get("values") for *_, events in found.batches.values() for e in events)
        directions = [1] * next((len(values) for values in told if values), 1)
    event = {"name": f"salvaged study {stream}", "directions": directions, "seed": 0, "retries": 1}
    return StudyRecord(stream, {**event, "rules": RULES})
