"""What every log must do, also one of your own; see `skipjack.testing.storages`."""

from __future__ import annotations

import itertools
import math
import pickle
import struct
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from skipjack.storages.port import CATALOGUE, Batch, Leases, Log

FLOATS = [
    *(0.0, -0.0, 0.1, 1 / 3, -1e-300, 5e-324, 1e16, 2.0**53 + 2, math.pi),
    *(sys.float_info.max, sys.float_info.min, math.inf, -math.inf),
]
VALUES = [
    *(None, True, False, 0, -1, 2**80, "", "text", "ünï\x00\n\u2028\ud800🎣", 0.1, [], {}),
    *([1, [2.5, None]], {"a": {"b": [True]}, "": 0}),
]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
QUICK = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    stateful_step_count=30,
    max_examples=50,
)

WORKERS = (
    "0b1c2d3e-1111-2222-3333-444455556666/pid:[4026531836]/17/2345",
    "0b1c2d3e-1111-2222-3333-444455556666/pid:[4026531836]/17/2346",
    "//5/18c3a",  # of a system that names neither boot nor namespace
)

OpenLog = Callable[[], Log]


class LeasedLog(Log, Leases, Protocol):
    """A log that keeps leases."""


OpenLeases = Callable[[], LeasedLog]


def bits(value: Any) -> Any:
    """`value` with floats as bit patterns, so that NaN equals NaN and 0.0 is not -0.0."""
    if isinstance(value, float):
        return struct.pack("<d", value) if value == value else "NaN"
    if isinstance(value, dict):
        return {key: bits(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [bits(inner) for inner in value]
    return value


def batch(number: int, *events: Any, writer: str = "w") -> Batch:
    """A batch whose events are whatever is given."""
    return writer, number, [{"do": "attr", "value": event} for event in events or (number,)]


def plain_batches(found: Any) -> list[Any]:
    """Batches as lists of lists, whatever sequences they were."""
    return [bits([writer, number, list(events)]) for writer, number, events in found]


class LogContract:
    """The tests of a log. Fixture `open_log`: a function that opens the same new log each time."""

    @pytest.fixture
    def open_log(self) -> OpenLog:
        """A function that opens one more handle of the same log."""
        raise pytest.UsageError("a LogContract needs the fixture `open_log`")

    def test_a_stream_that_nobody_wrote_to_is_empty(self, open_log: OpenLog) -> None:
        assert list(open_log().read(CATALOGUE, 0)) == []
        assert list(open_log().read(5, 0)) == []
        assert list(open_log().read(5, 7)) == []

    def test_every_handle_reads_what_any_handle_appended_in_one_order(
        self, open_log: OpenLog
    ) -> None:
        first, second = open_log(), open_log()
        made = [batch(i) for i in range(6)]
        for i, one in enumerate(made):
            assert (first, second)[i % 2].append(0, one) == i
        for log in (first, second, open_log()):
            assert plain_batches(log.read(0, 0)) == plain_batches(made)

    def test_reading_begins_after_a_position(self, open_log: OpenLog) -> None:
        log = open_log()
        made = [batch(i) for i in range(5)]
        for one in made:
            log.append(3, one)
        for after in range(7):
            assert plain_batches(log.read(3, after)) == plain_batches(made[after:])

    def test_streams_are_kept_apart(self, open_log: OpenLog) -> None:
        log, streams = open_log(), (CATALOGUE, 0, 1, 2**21 - 1)
        for stream in streams:
            assert log.append(stream, batch(stream + 10)) == 0
        for stream in streams:
            assert plain_batches(log.read(stream, 0)) == plain_batches([batch(stream + 10)])

    def test_a_batch_keeps_its_events_together_and_in_order(self, open_log: OpenLog) -> None:
        many = batch(1, *range(1000))
        log = open_log()
        assert log.append(0, many) == 0
        assert log.append(0, batch(2)) == 1
        assert plain_batches(open_log().read(0, 0)) == plain_batches([many, batch(2)])

    def test_every_value_survives_to_the_bit(self, open_log: OpenLog) -> None:
        made = batch(1, *VALUES, *FLOATS, math.nan, [math.nan, {"x": -math.inf}])
        open_log().append(0, made)
        assert plain_batches(open_log().read(0, 0)) == plain_batches([made])

    def test_what_json_cannot_write_is_refused_whole(self, open_log: OpenLog) -> None:
        log = open_log()
        with pytest.raises(TypeError):
            log.append(0, batch(1, 1, object()))
        assert list(log.read(0, 0)) == []
        assert log.append(0, batch(2)) == 0

    def test_a_dropped_stream_stays_dropped_for_every_handle(self, open_log: OpenLog) -> None:
        first, second = open_log(), open_log()
        first.append(0, batch(1))
        first.append(1, batch(2))
        second.read(0, 0)
        first.drop(0)
        for log in (first, second, open_log()):
            with pytest.raises(KeyError):
                log.append(0, batch(3))
            for after in (0, 1, 2):
                with pytest.raises(KeyError):
                    log.read(0, after)
        second.drop(0)
        with pytest.raises(KeyError):
            second.append(0, batch(4))
        assert plain_batches(second.read(1, 0)) == plain_batches([batch(2)])

    def test_a_stream_that_was_never_written_can_be_dropped(self, open_log: OpenLog) -> None:
        open_log().drop(4)
        with pytest.raises(KeyError):
            open_log().append(4, batch(1))

    def test_a_closed_handle_opens_again_by_itself(self, open_log: OpenLog) -> None:
        log = open_log()
        log.append(0, batch(1))
        log.close()
        log.close()
        assert log.append(0, batch(2)) == 1
        log.close()
        assert plain_batches(log.read(0, 0)) == plain_batches([batch(1), batch(2)])

    def test_a_pickled_handle_opens_the_same_log(self, open_log: OpenLog) -> None:
        log = open_log()
        log.append(0, batch(1))
        copy = pickle.loads(pickle.dumps(log))
        assert copy.append(0, batch(2)) == 1
        assert plain_batches(log.read(0, 1)) == plain_batches([batch(2)])
        assert copy.key == log.key == open_log().key
        assert hash(copy.key) == hash(log.key)

    def test_any_course_of_events_is_what_two_lists_would_say(self, open_log: OpenLog) -> None:
        streams = itertools.count(0, 2)  # each example has two of its own

        def machine() -> LogMachine:
            return LogMachine(open_log(), open_log(), next(streams))

        run_state_machine_as_test(machine, settings=QUICK)  # type: ignore[arg-type]  # any factory


class LeaseContract:
    """The tests of a log that keeps leases. Fixture `open_log`: as for `LogContract`."""

    @pytest.fixture
    def open_log(self) -> OpenLeases:
        """A function that opens one more handle of the same log."""
        raise pytest.UsageError("a LeaseContract needs the fixture `open_log`")

    def test_it_says_that_it_keeps_leases(self, open_log: OpenLeases) -> None:
        assert isinstance(open_log(), Leases)

    def test_who_never_beat_is_not_known(self, open_log: OpenLeases) -> None:
        assert dict(open_log().ages()) == {}

    def test_every_handle_sees_who_is_alive(self, open_log: OpenLeases) -> None:
        first, second = open_log(), open_log()
        first.beat(WORKERS[0])
        second.beat(WORKERS[1])
        for log in (first, second, open_log(), pickle.loads(pickle.dumps(first))):
            ages = log.ages()
            assert ages.keys() == set(WORKERS[:2])
            assert all(0 <= age < 60 for age in ages.values())

    def test_age_is_counted_from_the_last_beat(self, open_log: OpenLeases) -> None:
        log, other = open_log(), open_log()
        log.beat(WORKERS[0])
        time.sleep(1.2)
        log.beat(WORKERS[1])
        ages = other.ages()
        assert 1.0 <= ages[WORKERS[0]] - ages[WORKERS[1]] < 30
        other.beat(WORKERS[0])
        assert log.ages()[WORKERS[0]] < ages[WORKERS[0]]

    def test_age_does_not_depend_on_the_clock_of_who_asks(
        self, open_log: OpenLeases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log, true = open_log(), time.time
        for error in (-1e5, 1e5):
            log.beat(WORKERS[0])
            with monkeypatch.context() as patch:
                patch.setattr(time, "time", lambda error=error: true() + error)
                assert 0 <= log.ages()[WORKERS[0]] < 60

    def test_who_leaves_is_forgotten_until_the_next_beat(self, open_log: OpenLeases) -> None:
        first, second = open_log(), open_log()
        first.leave(WORKERS[0])
        for worker in WORKERS:
            first.beat(worker)
        second.leave(WORKERS[0])
        second.leave(WORKERS[0])
        assert first.ages().keys() == set(WORKERS[1:])
        first.beat(WORKERS[0])
        assert second.ages().keys() == set(WORKERS)

    def test_beats_do_not_grow_the_log(self, open_log: OpenLeases) -> None:
        log = open_log()
        log.append(0, batch(1))
        for _ in range(20):
            log.beat(WORKERS[0])
        assert list(log.read(CATALOGUE, 0)) == []
        assert log.append(0, batch(2)) == 1
        assert plain_batches(log.read(0, 0)) == plain_batches([batch(1), batch(2)])
        assert len(log.ages()) == 1

    def test_beats_outlive_closing_and_dropping(self, open_log: OpenLeases) -> None:
        log = open_log()
        log.append(0, batch(1))
        log.beat(WORKERS[0])
        log.close()
        assert log.ages().keys() == {WORKERS[0]}
        log.drop(0)
        assert open_log().ages().keys() == {WORKERS[0]}

    def test_many_may_beat_at_once(self, open_log: OpenLeases) -> None:
        names = [f"boot/pid:[1]/{i}/0" for i in range(4)]

        def work(name: str) -> None:
            log = open_log()
            for _ in range(10):
                log.beat(name)
                assert log.ages()[name] < 60
            log.close()

        with ThreadPoolExecutor(len(names)) as pool:
            for _ in pool.map(work, names):
                pass
        assert open_log().ages().keys() == set(names)


class LogMachine(RuleBasedStateMachine):
    """Two handles of a log against lists: any order of appends, reads, drops and closings."""

    def __init__(self, first: Log, second: Log, stream: int) -> None:
        super().__init__()
        self.handles = (first, second)
        self.streams: dict[int, list[Batch] | None] = {stream: [], stream + 1: []}
        self.first = stream
        self.n = 0

    handle = st.integers(0, 1)
    which = st.integers(0, 1)

    @rule(handle=handle, which=which, events=st.lists(JSON, min_size=1, max_size=4))
    def append(self, handle: int, which: int, events: list[Any]) -> None:
        """Append, which must give the next position, or fail if the stream was dropped."""
        self.n += 1
        made, model = batch(self.n, *events), self.streams[self.first + which]
        if model is None:
            with pytest.raises(KeyError):
                self.handles[handle].append(self.first + which, made)
        else:
            assert self.handles[handle].append(self.first + which, made) == len(model)
            model.append(made)

    @rule(handle=handle, which=which, after=st.integers(0, 40))
    def read(self, handle: int, which: int, after: int) -> None:
        """Read from somewhere."""
        model, log = self.streams[self.first + which], self.handles[handle]
        if model is None:
            with pytest.raises(KeyError):
                log.read(self.first + which, after)
        else:
            found = log.read(self.first + which, after)
            assert plain_batches(found) == plain_batches(model[after:])

    @rule(handle=handle)
    def drop(self, handle: int) -> None:
        """Drop the second stream."""
        self.handles[handle].drop(self.first + 1)
        self.streams[self.first + 1] = None

    @rule(handle=handle)
    def close(self, handle: int) -> None:
        """Close a handle, which opens again when it is used."""
        self.handles[handle].close()
