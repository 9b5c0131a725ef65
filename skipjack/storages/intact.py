"""What of a file of studies is intact, record by record, however damaged the rest is."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from skipjack import _optional
from skipjack.storages import lines
from skipjack.storages.pages import Pages
from skipjack.storages.port import Batch
from skipjack.storages.rows import record

sqlite3 = _optional.lazy("sqlite3")


@final
@dataclass(slots=True)
class Stream:
    """The intact records of a stream.

    Attributes:
        batches: By position.
        snapshot: The newest one, and how many batches it stands for.
        is_dropped: Whether the stream was deleted.
    """

    batches: dict[int, Batch] = field(default_factory=dict)
    snapshot: tuple[int, str] | None = None
    is_dropped: bool = False


def streams(path: str, is_sqlite: bool) -> dict[int, Stream]:
    """All that is intact in a file."""
    records = _of_sqlite(path) if is_sqlite else _of_lines(path)
    found: dict[int, Stream] = {}
    for stream, position, kind, text in records:
        one = found.setdefault(stream, Stream())
        if kind == "tombstone":
            one.is_dropped = True
        elif kind == "snapshot":
            if one.snapshot is None or position > one.snapshot[0]:
                one.snapshot = position, text
        elif position not in one.batches:
            one.batches[position] = json.loads(text)
    for one in found.values():
        _drop_misplaced(one.batches)
    return found


def _drop_misplaced(batches: dict[int, Batch]) -> None:
    """Drop what stands at a wrong position: each writer's batches are numbered in their order.

    The key of a row of SQLite is under no checksum. As few batches as possible are dropped.
    """
    by_writer: dict[str, list[int]] = {}
    for position in sorted(batches):
        by_writer.setdefault(batches[position][0], []).append(position)
    for positions in by_writer.values():
        # The longest series that ascends: where each could stand in one, from the last of it back.
        ends: list[int] = []
        length = []
        for position in positions:
            sequence = batches[position][1]
            at = bisect_left(ends, sequence)
            ends[at : at + 1] = [sequence]
            length.append(at)
        wanted = len(ends) - 1
        for position, at in zip(reversed(positions), reversed(length), strict=True):
            if at == wanted:
                wanted -= 1
            else:
                del batches[position]


_Record = tuple[int, int, str, str]  # stream, position, kind, text


def _of_lines(path: str) -> Iterator[_Record]:
    for head, body in lines.intact(Path(path).read_bytes()):
        text = json.loads(body) if head.kind == lines.SNAPSHOT else body.decode()
        kind = {lines.BATCH: "batch", lines.SNAPSHOT: "snapshot", lines.DROP: "tombstone"}
        yield head.stream, head.position, kind[head.kind], text


def _of_sqlite(path: str) -> Iterator[_Record]:
    """By SQLite as far as it goes, then by the bytes of the pages; of a copy, in either case."""
    wal = f"{path}-wal"
    with tempfile.TemporaryDirectory(prefix="skipjack-") as folder:
        copy = os.path.join(folder, "copy.db")
        shutil.copyfile(path, copy)
        if os.path.exists(wal):
            shutil.copyfile(wal, f"{copy}-wal")
        data, log = Path(copy).read_bytes(), b""
        if os.path.exists(f"{copy}-wal"):
            log = Path(f"{copy}-wal").read_bytes()
        rows = list(_by_sqlite(copy))
    rows += [(key, *row[1:3]) for key, row in Pages(data, log).rows() if len(row) == 3]
    for key, text, checksum in rows:
        found = record(key, text, checksum)
        if found is not None:
            yield found


def _by_sqlite(path: str) -> Iterator[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    try:
        yield from connection.execute("SELECT id, batch, crc FROM skipjack_log")
    except (sqlite3.Error, UnicodeError, OverflowError):  # of a row, or of the error's own text
        pass  # what is left is read from the pages
    finally:
        connection.close()
