"""What every log that keeps snapshots must do, also one of your own."""

from __future__ import annotations

import itertools
import pickle
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from skipjack.storages.port import CATALOGUE, Batch, Compacted, Log, Snapshots
from skipjack.testing.logs import QUICK, batch, plain_batches


class CompactedLog(Log, Snapshots, Protocol):
    """A log that keeps snapshots."""


OpenSnapshots = Callable[[], CompactedLog]


def filled(log: Log, stream: int, n: int) -> list[Batch]:
    """`n` batches, appended to a stream."""
    made = [batch(i) for i in range(n)]
    for one in made:
        log.append(stream, one)
    return made


class SnapshotContract:
    """The tests of a log that keeps snapshots. Fixture `open_log`: as for `LogContract`."""

    @pytest.fixture
    def open_log(self) -> OpenSnapshots:
        """A function that opens one more handle of the same log."""
        raise pytest.UsageError("a SnapshotContract needs the fixture `open_log`")

    def test_it_says_that_it_keeps_snapshots(self, open_log: OpenSnapshots) -> None:
        assert isinstance(open_log(), Snapshots)

    def test_a_stream_has_none_until_one_is_saved(self, open_log: OpenSnapshots) -> None:
        log = open_log()
        assert log.load(CATALOGUE) is None
        filled(log, 0, 3)
        assert log.load(0) is None

    @pytest.mark.parametrize("position", [1, 3, 5])
    def test_a_snapshot_takes_the_place_of_the_batches_before(
        self, open_log: OpenSnapshots, position: int
    ) -> None:
        first, second = open_log(), open_log()
        made = filled(first, 0, 5)
        second.read(0, 0)
        first.save(0, position, "what they amount to")
        for log in (first, second, open_log()):
            assert log.load(0) == (position, "what they amount to")
            for after in range(position):
                with pytest.raises(Compacted):
                    log.read(0, after)
            for after in range(position, 8):
                assert plain_batches(log.read(0, after)) == plain_batches(made[after:])

    @pytest.mark.parametrize("position", [2, 5])
    def test_positions_go_on_as_before(self, open_log: OpenSnapshots, position: int) -> None:
        log, other = open_log(), open_log()
        filled(log, 0, 5)
        log.save(0, position, "s")
        assert other.append(0, batch(5)) == 5
        assert log.append(0, batch(6)) == 6
        assert plain_batches(other.read(0, 5)) == plain_batches([batch(5), batch(6)])

    def test_the_newest_snapshot_counts_whoever_saves_last(self, open_log: OpenSnapshots) -> None:
        first, second = open_log(), open_log()
        made = filled(first, 0, 9)
        first.save(0, 4, "four")
        second.save(0, 3, "three")
        second.save(0, 4, "another four")
        assert first.load(0) == second.load(0) == (4, "four")
        assert plain_batches(second.read(0, 4)) == plain_batches(made[4:])
        second.save(0, 7, "seven")
        for log in (first, second, open_log()):
            assert log.load(0) == (7, "seven")
            with pytest.raises(Compacted):
                log.read(0, 4)
            assert plain_batches(log.read(0, 7)) == plain_batches(made[7:])

    def test_streams_are_kept_apart(self, open_log: OpenSnapshots) -> None:
        log, streams = open_log(), (CATALOGUE, 0, 1, 2**21 - 1)
        for stream in streams:
            filled(log, stream, 3)
        for stream in streams:
            log.save(stream, 2, f"of {stream}")
        for stream in streams:
            assert log.load(stream) == (2, f"of {stream}")
            assert plain_batches(log.read(stream, 2)) == plain_batches([batch(2)])

    def test_a_long_snapshot_survives_to_the_letter(self, open_log: OpenSnapshots) -> None:
        log = open_log()
        filled(log, 0, 2)
        text = random.Random(1).randbytes(6_000_000).hex() + "\n\t\"'\\{}[]%:;--?"
        log.save(0, 2, text)
        assert open_log().load(0) == (2, text)

    def test_a_dropped_stream_has_no_snapshot_and_gets_none(self, open_log: OpenSnapshots) -> None:
        log, other = open_log(), open_log()
        for stream in (0, 1):
            filled(log, stream, 3)
        log.save(0, 2, "s")
        for stream in (0, 1):
            log.drop(stream)
            for handle in (log, other, open_log()):
                with pytest.raises(KeyError):
                    handle.load(stream)
                with pytest.raises(KeyError):
                    handle.save(stream, 3, "too late")
                with pytest.raises(KeyError):
                    handle.read(stream, 0)
                with pytest.raises(KeyError):
                    handle.append(stream, batch(4))

    def test_a_closed_or_pickled_handle_finds_it(self, open_log: OpenSnapshots) -> None:
        log = open_log()
        filled(log, 0, 3)
        log.close()
        log.save(0, 3, "s")
        log.close()
        assert log.load(0) == (3, "s")
        copy = pickle.loads(pickle.dumps(log))
        assert copy.load(0) == (3, "s")
        assert copy.append(0, batch(3)) == 3

    def test_readers_beside_a_writer_see_all_batches_or_that_they_are_gone(
        self, open_log: OpenSnapshots
    ) -> None:
        n, writer = 60, open_log()
        writer.append(0, batch(0))

        def write() -> None:
            for i in range(1, n):
                writer.append(0, batch(i))
                if i % 7 == 0:
                    writer.save(0, i - 2, str(i - 2))

        def read() -> None:
            log, seen = open_log(), 0
            while seen < n:
                try:
                    found = list(log.read(0, seen))
                except Compacted:
                    loaded = log.load(0)
                    assert loaded is not None
                    assert loaded[0] > seen
                    assert loaded[1] == str(loaded[0])
                    seen = loaded[0]
                else:
                    assert [b[1] for b in found] == list(range(seen, seen + len(found)))
                    seen += len(found)
            log.close()

        with ThreadPoolExecutor(3) as pool:
            for done in [pool.submit(write), pool.submit(read), pool.submit(read)]:
                done.result(60)

    def test_any_course_of_events_is_what_two_lists_would_say(
        self, open_log: OpenSnapshots
    ) -> None:
        streams = itertools.count(0, 2)  # each example has two of its own

        def machine() -> SnapshotMachine:
            return SnapshotMachine(open_log(), open_log(), next(streams))

        run_state_machine_as_test(machine, settings=QUICK)  # type: ignore[arg-type]  # any factory


class SnapshotMachine(RuleBasedStateMachine):
    """Two handles against lists: any order of appends, reads, snapshots, drops and closings."""

    def __init__(self, first: CompactedLog, second: CompactedLog, stream: int) -> None:
        super().__init__()
        self.handles = (first, second)
        self.first = stream
        self.batches: dict[int, list[Batch] | None] = {stream: [], stream + 1: []}
        self.snapshots: dict[int, tuple[int, str] | None] = {stream: None, stream + 1: None}
        self.n = 0

    handle = st.integers(0, 1)
    which = st.integers(0, 1)

    def _is_dropped(self, stream: int, call: Callable[[], Any]) -> bool:
        """Whether a stream was dropped; then `call` must say so."""
        if self.batches[stream] is not None:
            return False
        with pytest.raises(KeyError):
            call()
        return True

    @rule(handle=handle, which=which)
    def append(self, handle: int, which: int) -> None:
        """Append, which must give the next position, snapshot or not."""
        self.n += 1
        made, log, stream = batch(self.n), self.handles[handle], self.first + which
        if not self._is_dropped(stream, lambda: log.append(stream, made)):
            model = self.batches[stream]
            assert model is not None
            assert log.append(stream, made) == len(model)
            model.append(made)

    @rule(handle=handle, which=which, position=st.integers(1, 20))
    def save(self, handle: int, which: int, position: int) -> None:
        """Save a snapshot, not always a newer one."""
        log, stream = self.handles[handle], self.first + which
        if self._is_dropped(stream, lambda: log.save(stream, position, "s")):
            return
        if position <= len(self.batches[stream] or ()):
            self.n += 1
            log.save(stream, position, str(self.n))
            if position > (self.snapshots[stream] or (0,))[0]:
                self.snapshots[stream] = position, str(self.n)

    @rule(handle=handle, which=which, after=st.integers(0, 20))
    def read(self, handle: int, which: int, after: int) -> None:
        """Read from somewhere."""
        log, stream = self.handles[handle], self.first + which
        if self._is_dropped(stream, lambda: log.read(stream, after)):
            return
        if after < (self.snapshots[stream] or (0,))[0]:
            with pytest.raises(Compacted):
                log.read(stream, after)
        else:
            model = (self.batches[stream] or [])[after:]
            assert plain_batches(log.read(stream, after)) == plain_batches(model)

    @rule(handle=handle, which=which)
    def load(self, handle: int, which: int) -> None:
        """Load the snapshot."""
        log, stream = self.handles[handle], self.first + which
        if not self._is_dropped(stream, lambda: log.load(stream)):
            assert log.load(stream) == self.snapshots[stream]

    @rule(handle=handle)
    def drop(self, handle: int) -> None:
        """Drop the second stream."""
        self.handles[handle].drop(self.first + 1)
        self.batches[self.first + 1] = None

    @rule(handle=handle)
    def close(self, handle: int) -> None:
        """Close a handle, which opens again when it is used."""
        self.handles[handle].close()
