"""The rows of a log in SQLite: what their keys say, and the checksums of their texts.

A row is a batch, at its position; a snapshot, at the place of the last batch that it stands for; or
a tombstone, behind all places there are.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from skipjack.errors import NotFoundError

SPAN = 2**40  # key = (stream + 1) * SPAN + position: rows of a stream stand together
TOMBSTONE = SPAN - 1  # the position of one
SNAPSHOT = "snapshot "  # begins the text of one


def key_of(stream: int, position: int) -> int:
    """The key of the row at a position."""
    return (stream + 1) * SPAN + position


def checksum_of(stream: int, text: Any, stands_for: int = 0) -> int | None:
    """The checksum of a text; a snapshot's is also of how many batches it stands for."""
    return zlib.crc32(text.encode(), stream + 1 + stands_for) if isinstance(text, str) else None


def record(key: Any, text: Any, checksum: Any) -> tuple[int, int, str, str] | None:
    """Stream, position, kind and text of a row; None if it is not what was written.

    The kind is "batch", "snapshot" or "tombstone". The position of a snapshot is how many batches
    it stands for.
    """
    if not isinstance(key, int) or not isinstance(text, str) or key < 0:
        return None
    stream, position = key // SPAN - 1, key % SPAN
    if position == TOMBSTONE:
        return (stream, position, "tombstone", "") if (text, checksum) == ("", 0) else None
    try:
        if text.startswith(SNAPSHOT):
            found = stream, position + 1, "snapshot", text.removeprefix(SNAPSHOT)
            is_whole = checksum_of(stream, text, position + 1) == checksum
        else:
            found = stream, position, "batch", text
            is_whole = checksum_of(stream, text) == checksum
    except (UnicodeError, OverflowError):
        return None
    return found if is_whole else None


# Behind the last row of a stream, unless that is a tombstone.
_INSERT = (
    "INSERT INTO skipjack_log SELECT coalesce(max(id) + 1, ?1), ?3, ?4 FROM skipjack_log "
    "WHERE id BETWEEN ?1 AND ?2 HAVING coalesce(max(id), 0) < ?2"
)


def insert(connection: Any, stream: int, texts: Sequence[str]) -> int:
    """Add batches, and return the position of the first."""
    between, last = (key_of(stream, 0), key_of(stream, TOMBSTONE)), 0
    for text in texts:
        made = connection.execute(_INSERT, (*between, text, checksum_of(stream, text)))
        if made.rowcount != 1:
            raise NotFoundError(f"No study with id {stream}; it was deleted.")
        last = made.lastrowid
    return last - between[0] - len(texts) + 1


def length(connection: Any, stream: int) -> int:
    """How many batches a stream has; more than TOMBSTONE if it was dropped."""
    (last,) = connection.execute(
        "SELECT max(id) FROM skipjack_log WHERE id BETWEEN ? AND ?",
        (key_of(stream, 0), key_of(stream, TOMBSTONE)),
    ).fetchone()
    return 0 if last is None else int(last) - key_of(stream, 0) + 1
