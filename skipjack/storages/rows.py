"""The rows of a log in SQLite: what their keys say, and the checksums of their texts.

A row is a batch, at its position; a snapshot, at the place of the last batch that it stands for; or
a tombstone, behind all places there are.
"""

from __future__ import annotations

import zlib
from typing import Any

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
