"""The log in a file: whatever is cut off or changed, nothing wrong is read and nothing hangs."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack import platform
from skipjack.errors import InvalidValueError, StorageInternalError
from skipjack.samplers import RandomSampler
from skipjack.storages import lines
from skipjack.storages.file import FileLog
from skipjack.storages.port import CATALOGUE, Batch
from skipjack.testing.logs import batch
from tests.storages import work

STREAMS = (CATALOGUE, 0, 1)
Told = dict[int, list[Any]]


def all_of(log: FileLog) -> Told:
    return {stream: [list(b) for b in log.read(stream, 0)] for stream in STREAMS}


def same(batches: list[Batch]) -> list[Any]:
    return [[writer, number, list(events)] for writer, number, events in batches]


def filled(path: Path, n: int = 30, seed: int = 0) -> tuple[bytes, list[tuple[int, int, Any]]]:
    """A file, and for each record where it ends, its stream, and what it says."""
    chance, log, made = random.Random(seed), FileLog(path, durability="process"), []
    for number in range(n):
        stream = chance.choice(STREAMS)
        one = batch(number, chance.random(), "x" * chance.randrange(60), writer=f"w{number % 3}")
        log.append(stream, one)
        made.append((os.path.getsize(path), stream, same([one])[0]))
    log.close()
    return path.read_bytes(), made


def said(made: list[tuple[int, int, Any]], size: int) -> Told:
    """What is whole in so many bytes of a file."""
    return {s: [b for end, stream, b in made if stream == s and end <= size] for s in STREAMS}


def goes_on(path: Path, before: Told) -> None:
    """A log that says something can be continued."""
    log = FileLog(path, durability="process")
    assert all_of(log) == before
    for stream in STREAMS:
        assert log.append(stream, batch(99, stream)) == len(before[stream])
        before[stream].append(same([batch(99, stream)])[0])
    log.close()
    assert all_of(FileLog(path)) == before


# ---------------------------------------------------------------------------------- cut anywhere


def test_every_prefix_of_a_file_says_what_was_whole_in_it_and_can_be_continued(
    tmp_path: Path,
) -> None:
    content, made = filled(tmp_path / "whole", 8)
    path = tmp_path / "cut"
    for size in range(len(content)):
        path.write_bytes(content[:size])
        goes_on(path, said(made, size + 1))  # the end of a record is not needed
        # So it was when a writer was killed after `size` bytes: the end of a record is a space.
        path.write_bytes(content[:size] + b" " * (size + 1 in [end for end, _, _ in made]))
        goes_on(path, said(made, size + 1))


def test_readers_pass_over_half_a_record_and_leave_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    content, made = filled(path, 8)
    start, end = made[-2][0], made[-1][0]
    for size in range(start, end):
        path.write_bytes(content[:start])
        log = FileLog(path)
        half = content[:size] + b" " * (size == end - 1)
        path.write_bytes(half)
        assert all_of(log) == said(made, start)
        assert path.read_bytes() == half


def test_a_record_counts_for_others_when_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.log"
    writer, reader = FileLog(path), FileLog(path)
    writer.append(0, batch(1))
    seen = []
    flush = platform.flush

    def watched(file: int) -> None:
        flush(file)
        seen.append(len(reader.read(0, 0)))

    monkeypatch.setattr(platform, "flush", watched)
    writer.append(0, batch(2))
    assert (seen, len(reader.read(0, 0))) == ([1], 2)


def test_what_could_not_be_flushed_was_never_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.log"
    writer, reader = FileLog(path), FileLog(path)
    writer.append(0, batch(1))
    with monkeypatch.context() as patch:
        patch.setattr(platform, "flush", failing)
        with pytest.raises(StorageInternalError, match="make room, and tell it again"):
            writer.append(0, batch(2))
    assert len(reader.read(0, 0)) == len(writer.read(0, 0)) == 1
    assert writer.append(0, batch(2)) == 1
    assert reader.append(0, batch(3)) == 2


def failing(file: int) -> None:
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize("torn", [b"\0" * 80, b"B 0000", b"B 00000001 00000000" + b"\0" * 100])
def test_what_the_power_left_behind_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "study.log"
    content, made = filled(path, 5)
    path.write_bytes(content + torn)
    goes_on(path, said(made, len(content)))
    start, end = made[-2][0], made[-1][0]
    for hole in range(start, end - 20):
        path.write_bytes(content[:hole] + bytes(end - hole))
        goes_on(path, said(made, start))


def begun(number: int) -> Any:
    """The batch of a worker that begins a trial."""
    return ("w", number, [{"do": "create", "time": 1.0, "worker": "x" * 40}])


def test_of_trials_that_had_begun_the_power_takes_the_last_and_nothing_told(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    log, ends = FileLog(path), [os.path.getsize(path)]
    for made in (batch(0, "told"), begun(1), begun(2), begun(3)):
        log.append(1, made)
        ends.append(os.path.getsize(path))
    content = path.read_bytes()
    assert [content[end - 1 : end] for end in ends[1:]] == [b"\n", b"\t", b"\t", b"\t"]
    log.append(1, batch(4, "told"))
    log.close()
    whole = path.read_bytes()
    all_said = same(FileLog(path).read(1, 0))
    for first in range(ends[1], ends[-1], 7):
        for last in (first + 1, first + 30, ends[-2], ends[-1]):
            if first < last <= ends[-1]:
                path.write_bytes(content[:first] + bytes(last - first) + content[last:])
                log = FileLog(path)
                found = same(log.read(1, 0))
                assert found == all_said[: len(found)]
                assert len(found) >= sum(end <= first for end in ends[1:])
                assert log.append(1, batch(9)) == len(found)
                log.close()
                assert len(FileLog(path).read(1, 0)) == len(found) + 1
                path.write_bytes(whole[:first] + bytes(last - first) + whole[last:])
                if first // 7 % 5 == 0 and content[first:last].strip(b"\0"):
                    with pytest.raises(StorageInternalError, match="has changed|no intact record"):
                        FileLog(path).read(1, 0)


@pytest.mark.parametrize("feed", [b" ", b"\0"])
def test_what_was_told_stays_when_its_line_feed_and_a_part_of_the_next_are_lost(
    tmp_path: Path, feed: bytes
) -> None:
    path = tmp_path / "study.log"
    log = FileLog(path)
    log.append(1, batch(0, "told"))
    end = os.path.getsize(path)
    log.append(1, begun(1))
    log.append(1, begun(2))
    log.close()
    content = path.read_bytes()
    for hole in (0, 20, len(content) - end - 30):
        path.write_bytes(content[: end - 1] + feed + bytes(hole) + content[end + hole :])
        log = FileLog(path)
        assert len(found := log.read(1, 0)) == (1 if hole else 3)
        assert found[0][1] == 0
        assert log.append(1, batch(9)) == len(found)
        log.close()
        assert len(FileLog(path).read(1, 0)) == len(found) + 1


# ----------------------------------------------------------------------------- changed anywhere


def is_noticed(path: Path, damaged: bytes, whole: Told, last: int) -> bool:
    """Whether damage is an error; otherwise all but the last record must be as it was."""
    path.write_bytes(damaged)
    try:
        log = FileLog(path, durability="process")
        found = all_of(log)
        log.close()
    except StorageInternalError as error:
        assert str(path) in str(error)
        assert str(error).endswith((".", "skipjack"))
        assert path.read_bytes()[: len(damaged) - 200] == damaged[: len(damaged) - 200]
        return True
    for stream in STREAMS:
        kept = whole[stream][:-1] if stream == last else whole[stream]
        assert found[stream] in (whole[stream], kept)
    return False


def flips(tmp_path: Path, n: int, seed: int) -> int:
    """How many of so many random changes of bytes are errors."""
    path, chance = tmp_path / "study.log", random.Random(seed)
    content, made = filled(path, 40)
    whole, noticed = said(made, len(content)), 0
    for _ in range(n):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 1, 1, 3))):
            place = chance.randrange(len(content))
            damaged[place] ^= chance.choice((1 << chance.randrange(8), chance.randrange(1, 256)))
        noticed += is_noticed(path, bytes(damaged), whole, made[-1][1])
    return noticed


def test_a_changed_byte_is_noticed_or_does_no_harm(tmp_path: Path) -> None:
    assert flips(tmp_path, 500, seed=1) > 450


def truncations(tmp_path: Path, n: int, seed: int) -> None:
    path, chance = tmp_path / "cut.log", random.Random(seed)
    content, made = filled(path, 40)
    for _ in range(n):
        size = chance.randrange(len(content) + 1)
        path.write_bytes(content[:size])
        log = FileLog(path, durability="process")
        assert all_of(log) == said(made, size + 1)
        log.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thousands_of_cuts_and_changed_bytes_are_noticed_or_do_no_harm(tmp_path: Path) -> None:
    truncations(tmp_path, 10_000, seed=2)
    assert flips(tmp_path, 10_000, seed=3) > 9_000


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [*rows[:3], *rows[4:]],
        lambda rows: [*rows[:3], rows[3], *rows[3:]],
        lambda rows: [*rows[:3], rows[4], rows[3], *rows[5:]],
        lambda rows: [*rows[:3], b"\n", *rows[3:]],
        lambda rows: [*rows[:3], bytes(len(rows[3])), *rows[4:]],
        lambda rows: [*rows[:-1], rows[-1].replace(b'"do"', b'"du"')],
        lambda rows: [*rows[:-1], rows[-1].replace(b"B 0", b"B 1")],
    ],
)
def test_records_that_are_missing_doubled_or_swapped_are_noticed(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    path = tmp_path / "study.log"
    log = FileLog(path)
    for number in range(8):
        log.append(0, batch(number, writer=f"writer{number}"))
    log.close()
    rows = path.read_bytes().splitlines(keepends=True)
    damaged = b"".join(change(rows))
    path.write_bytes(damaged)
    with pytest.raises(StorageInternalError, match="damaged"):
        FileLog(path).read(0, 0)
    assert path.read_bytes() == damaged


def test_a_damaged_record_of_one_study_does_no_harm_to_the_others(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    log = FileLog(path)
    log.append(0, batch(1, "spoiled"))
    log.append(1, batch(1, "good"))
    log.close()
    path.write_bytes(path.read_bytes().replace(b"spoiled", b"spilled"))
    log = FileLog(path)
    assert same(list(log.read(1, 0))) == same([batch(1, "good")])
    with pytest.raises(StorageInternalError, match="record 0 of stream 0 has changed"):
        log.read(0, 0)


def test_a_file_that_shrinks_while_it_is_open_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    content, _ = filled(path)
    log = FileLog(path)
    os.truncate(path, len(content) // 2)
    with pytest.raises(StorageInternalError, match="shorter than it was"):
        log.read(0, 0)


# ------------------------------------------------------------------------------- other files


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (b'{"op_code": 0, "worker_id": "x", "study_name": "s"}\n', "damaged, or not of Optuna"),
        (b"SQLite format 3\0" + bytes(100), "is an SQLite database; open it as 'sqlite:///"),
        (b"x", "is a file of another program"),
        (b"skipjack log one\n", "is a file of another program"),
        (bytes(5000), "is a file of another program"),
        (b"skipjack log 2 0123456789abcdef\n", "newer Skipjack .format 2.*pip install -U"),
        (b"skipjack log 0 0123456789abcdef\n", "damaged: its first line"),
    ],
)
def test_a_file_of_another_kind_is_named_and_left_alone(
    tmp_path: Path, start: bytes, says: str
) -> None:
    path = tmp_path / "study.log"
    path.write_bytes(start)
    for _ in range(2):
        with pytest.raises(StorageInternalError, match=says):
            FileLog(path)
    assert path.read_bytes() == start
    assert os.listdir(tmp_path) == ["study.log"]


def test_options_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="'full' or 'process'"):
        FileLog(tmp_path / "study.log", durability="perhaps")
    with pytest.raises(InvalidValueError, match="no options but `durability` and"):
        skipjack.create_study(storage=f"journal:///{tmp_path}/study.log?mode=ro")
    with pytest.raises(InvalidValueError, match="three slashes"):
        skipjack.create_study(storage="journal://study.log")
    assert os.listdir(tmp_path) == []
    study = skipjack.create_study(storage=f"journal:///{tmp_path}/study.log?durability=process")
    study.optimize(work.objective, n_trials=2)
    assert len(study.trials) == 2


# --------------------------------------------------------------------------------- compaction


def test_a_compaction_that_was_killed_leaves_all(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    content, made = filled(path)
    (tmp_path / "study.log.new").write_bytes(content[:100])
    log = FileLog(path)
    log.save(0, 2, "two")
    assert os.listdir(tmp_path) == ["study.log"]
    assert log.load(0) == (2, "two")
    assert same(list(log.read(0, 2))) == said(made, len(content))[0][2:]


def test_a_compaction_that_fails_leaves_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.log"
    content, made = filled(path)
    log = FileLog(path)
    with monkeypatch.context() as patch:
        patch.setattr(platform, "flush", failing)
        with pytest.raises(StorageInternalError, match="make room"):
            log.save(0, 2, "two")
    assert os.listdir(tmp_path) == ["study.log"]
    assert path.read_bytes() == content
    goes_on(path, said(made, len(content)))


def test_what_was_dropped_makes_room(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    log, other = FileLog(path), FileLog(path)
    log.append(1, batch(1, "kept"))
    for number in range(20):
        other.append(0, batch(number, "x" * 1000))
    log.drop(0)
    assert path.stat().st_size < 1000
    for one in (log, other, FileLog(path)):
        assert same(list(one.read(1, 0))) == same([batch(1, "kept")])
        with pytest.raises(KeyError):
            one.read(0, 0)
    assert other.append(1, batch(2)) == 1


def test_a_path_may_be_a_link_to_the_file(tmp_path: Path) -> None:
    path, link = tmp_path / "study.log", tmp_path / "link"
    log = FileLog(path)
    os.symlink(path, link)
    other = FileLog(link)
    assert other.key == log.key
    log.append(0, batch(1))
    other.save(0, 1, "one")
    assert link.is_symlink()
    assert log.load(0) == (1, "one")


def test_a_file_is_copied_while_nobody_writes(tmp_path: Path) -> None:
    path, copy = tmp_path / "study.log", tmp_path / "copy.log"
    content, made = filled(path)
    copy.write_bytes(content)
    assert FileLog(copy).key != FileLog(path).key
    goes_on(copy, said(made, len(content)))
    assert path.read_bytes() == content


def test_a_file_is_text_that_can_be_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    study = skipjack.create_study(storage=f"journal:///{path}", sampler=RandomSampler())
    study.optimize(work.objective, n_trials=2)
    study.set_user_attr("greek", "αβγ\n\0")
    text = path.read_bytes().decode("ascii")
    assert "\0" not in text
    rows = text.splitlines()
    assert rows[0].startswith("skipjack log 1 ")
    assert all(row[lines.HEAD :].startswith('["') for row in rows[1:])
