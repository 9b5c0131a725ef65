"""What client and server say to each other: messages of a JSON head and lines, over gRPC.

Each call is a unary one of the service `skipjack.Log`, with plain bytes. Batches travel as the
JSON text in which they are kept, so NaN and infinities survive. The calls, and their heads:

    hello     []                        {protocol, version, log}: which log answers
    append    [stream, after, alone]    one line, the batch. {position}: where it stands, None if
                                        it was not added as it was to be `alone` but others had
                                        come; {far}: whether `after` is so far back that it must
                                        be read; else lines: the batches from `after` to there
    read      [stream, after]           {first, more}: the position of the first line, and whether
                                        there are others behind; may begin before `after`
    drop      [stream]                  {}
    beat      [worker]                  {}
    ages      []                        {worker: seconds}
    leave     [worker]                  {}
    save      [stream, position]        lines: the snapshot. {}
    load      [stream]                  {position}, None if there is none; lines: the snapshot

Every call may be repeated: the server knows a batch again by its writer and sequence number. Where
something is wrong, the head is {error, text}, with one of the names in ERRORS.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

from skipjack.errors import NotFoundError, StorageInternalError
from skipjack.storages.port import Compacted

PROTOCOL = 1
SERVICE = "skipjack.Log"
PORT = 13000
LARGEST = 512 * 2**20  # bytes of one message, unpacked
PAGE = 256 * 2**10  # bytes of batches that are sent together, unless one alone is larger
ERRORS: dict[str, type[Exception]] = {
    "gone": NotFoundError,
    "compacted": Compacted,
    "failed": StorageInternalError,
}
_LONG = 16 * 2**10  # bytes from which on a message is compressed
_PACKED = b"z"  # begins a compressed message; a head begins with a bracket


def pack(head: Any, lines: Sequence[bytes] = ()) -> bytes:
    """A message."""
    message = b"\n".join((json.dumps(head).encode(), *lines))
    return message if len(message) < _LONG else _PACKED + zlib.compress(message, 1)


def unpack(message: bytes) -> tuple[Any, list[bytes]]:
    """Head and lines of a message.

    Raises:
        ValueError: If it is none, or too large.
    """
    if message[:1] == _PACKED:
        unpacking = zlib.decompressobj()
        try:
            message = unpacking.decompress(message[1:], LARGEST)
        except zlib.error as error:
            raise ValueError(str(error)) from error
        if not unpacking.eof:
            raise ValueError(f"it is cut off, or longer than {LARGEST} bytes")
    head, *lines = message.split(b"\n")
    return json.loads(head), lines


def said(error: Exception) -> dict[str, str] | None:
    """The head that tells of an error; None if it is not one of those in ERRORS."""
    for name, kind in ERRORS.items():
        if isinstance(error, kind):
            return {"error": name, "text": str(error)}
    return None
