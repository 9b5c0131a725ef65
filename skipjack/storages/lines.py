"""The lines of a file log: one record each, with its length and two checksums.

    skipjack log 1 0123456789abcdef
    B 00000001 00000000 00000049 3d2c1b0a 9f8e7d6c ["9b1f…",1,[{"do":"study",…}]]

The first line says what the file is, its format, and what it is called, at random. Each other line
has a head of fixed length, a body of JSON and an end. The head is a letter for the kind and, as
hexadecimal digits, stream + 1, position, length of the body, checksum of the body, and checksum of
the head up to there. The end is a space while the body is on its way to the disk, and a line feed
from when it has arrived, with all that stands before; a tab is the end of a line that counts before
it has. JSON as we write it has none of these but spaces, and no NUL. So a line feed always ends a
line, and NUL is what a disk did not write before the power failed: only after the last line feed.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from io import FileIO
from typing import NamedTuple, final

FORMAT = 1
BATCH, SNAPSHOT, DROP = b"BSD"
FIRST = 32  # bytes of the first line

_MAGIC = b"skipjack log "
HEAD = 47  # bytes of a head
_SUMMED = 38  # bytes of it that its checksum is of
_PENDING, _EARLY, _WRITTEN = b" ", b"\t", b"\n"  # ends of lines; the first does not count yet
_CHUNK = 2**18  # bytes that are looked through at once
_LIKE_A_HEAD = re.compile(rb"[BSD] (?=[0-9a-f]{8} )")
_fields = struct.Struct(">IIIII")


class Damaged(Exception):
    """A file is not what was written to it; the text says where."""


class Foreign(Exception):
    """A file is not one of ours; its argument is how it begins."""


class Newer(Exception):
    """A file is of a later format, which is its argument."""


class Head(NamedTuple):
    """What stands before the body of a record.

    Attributes:
        kind: BATCH; SNAPSHOT, which takes the place of the batches before its position; or DROP,
            after which there is no such stream.
        stream: The stream.
        position: How many batches of the stream stand before.
        length: Bytes of the body.
        checksum: CRC-32 of the body.
    """

    kind: int
    stream: int
    position: int
    length: int
    checksum: int

    @property
    def size(self) -> int:
        """Bytes of the whole line."""
        return HEAD + self.length + 1


def first_line(name: bytes) -> bytes:
    """The first line of a file of that name, which has 16 letters."""
    return b"%s%d %s\n" % (_MAGIC, FORMAT, name)


def line(kind: int, stream: int, position: int, body: bytes) -> bytes:
    """A whole line that does not count yet."""
    head = b"%c %08x %08x %08x %08x " % (kind, stream + 1, position, len(body), zlib.crc32(body))
    return b"%s%08x %s%s" % (head, zlib.crc32(head), body, _PENDING)


def name_of(file: FileIO) -> bytes | None:
    """The name that the first line of a file says; None if it is not (yet) whole.

    Raises:
        Foreign: If it is no file of ours.
        Newer: If its format is not known here.
    """
    start = _read(file, 0, 2 * FIRST)
    if len(start) < FIRST and b"\n" not in start and start[: len(_MAGIC)] == _MAGIC[: len(start)]:
        return None
    text, feed, _ = start.partition(b"\n")
    format_, _, name = text.removeprefix(_MAGIC).partition(b" ")
    if not (feed and text.startswith(_MAGIC) and format_.isdigit()):
        raise Foreign(start)
    if int(format_) > FORMAT:
        raise Newer(int(format_))
    if len(text) != FIRST - 1 or int(format_) != FORMAT:
        raise Damaged("its first line has changed")
    return name


def _head(data: bytes, at: int) -> Head | None:
    """The head that stands at a place, if there is an intact one."""
    try:
        fields = bytes.fromhex(data[at + 2 : at + HEAD].decode("ascii"))
        stream, position, length, body, checksum = _fields.unpack(fields)
    except (ValueError, struct.error):
        return None
    if zlib.crc32(data[at : at + _SUMMED]) != checksum:
        return None
    return Head(data[at], stream - 1, position, length, body)


def intact(data: bytes) -> Iterator[tuple[Head, bytes]]:
    """All records of a file that are what was written, with their bodies, wherever they stand."""
    for found in _LIKE_A_HEAD.finditer(data):
        head = _head(data, found.start())
        if head is None:
            continue
        body, end = found.start() + HEAD, found.start() + head.size
        counts = data[end - 1 : end] in (_EARLY, _WRITTEN)
        if counts and zlib.crc32(data[body : end - 1]) == head.checksum:
            yield head, data[body : end - 1]


def _read(file: FileIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


def _write(file: FileIO, place: int, data: bytes) -> None:
    file.seek(place)
    while data:
        data = data[file.write(data) :]


@final
class Places:
    """Where the records of one stream stand.

    Attributes:
        first: The position of the first batch that is still there.
        batches: Where each of them begins.
        snapshot: Where the snapshot begins that took the place of those before.
        is_dropped: Whether the stream is no more.
        size: Bytes of all its lines.
    """

    __slots__ = ("batches", "first", "is_dropped", "size", "snapshot")

    def __init__(self) -> None:
        self.first = 0
        self.batches = array("q")
        self.snapshot: int | None = None
        self.is_dropped = False
        self.size = 0

    @property
    def end(self) -> int:
        """The position of the next batch."""
        return self.first + len(self.batches)


@final
class Lines:
    """What is known of the lines of an open file, which others may be writing to.

    Attributes:
        name: What the file is called, by its first line; None if that is not whole.
        end: Bytes up to where they are known.
        streams: Where the records of each stream stand.
    """

    def __init__(self) -> None:
        self.name: bytes | None = None
        self.end = 0
        self.streams: dict[int, Places] = {}

    def look(self, file: FileIO) -> bool:
        """Take notice of new lines.

        Returns:
            Whether what is left at the end, if anything, can be a line on its way. If not, it has
            to be looked at again while nobody writes: see `mend`.

        Raises:
            Damaged: If a line is missing, or the file has become shorter.
            Foreign: If it is no file of ours.
            Newer: If its format is not known here.
        """
        size = file.seek(0, 2)
        if self.name is None:
            self.name = name_of(file)
            if self.name is None:
                return False
            self.end = FIRST
        if size < self.end:
            raise Damaged("it is shorter than it was")
        data, base = b"", self.end
        while self.end + HEAD < size:
            at = self.end - base
            if at + HEAD > len(data):
                data, base, at = _read(file, self.end, _CHUNK), self.end, 0
            head = _head(data, at)
            if head is None:
                return False
            last = self.end + head.size - 1
            if last >= size:
                break
            if last - base >= len(data):
                data, base = _read(file, last, _CHUNK), last
            end = data[last - base : last - base + 1]
            if end == _EARLY:
                if zlib.crc32(_read(file, self.end + HEAD, head.length)) != head.checksum:
                    return False
            elif end != _WRITTEN:
                return end == _PENDING and last + 1 == size
            self._note(head, self.end)
        return True

    def mend(self, file: FileIO) -> None:
        """Finish, or cut off, what was left when a process was killed, or the power failed.

        Call it after `look`, while nobody writes. A file that is open for reading stays as it is.

        Raises:
            Damaged: If what is left at the end was not left so by anybody.
        """
        if self.name is None:
            self.name = self._started(file)
        size = file.seek(0, 2) - self.end
        if not size:
            return
        rest = _read(file, self.end, size)
        head = _head(rest, 0)
        if head is not None:
            body, end = rest[HEAD : head.size - 1], rest[head.size - 1 : head.size]
            is_last = head.size >= len(rest)
            if (
                zlib.crc32(body) == head.checksum
                and end in (_PENDING, b"\0", b"")
                and (is_last or file.writable())
            ):
                if file.writable():
                    _write(file, self.end + head.size - 1, _EARLY)
                    # What came after it may have arrived in part, and its own line feed not.
                    self.look(file)
                    self.mend(file)
                return
        is_short = len(rest) <= HEAD or (head is not None and head.size > len(rest))
        # What was not written before the power failed is NUL, and nothing behind it had arrived.
        has_more = b"\n" in rest[:-1] or any(rest.endswith(b + _WRITTEN) for _, b in intact(rest))
        if not is_short and (b"\0" not in rest or has_more):
            raise Damaged(f"there is no intact record at byte {self.end}")
        if file.writable():
            file.truncate(self.end)

    def _started(self, file: FileIO) -> bytes | None:
        """Write the first line, if that may be, and return the name in it."""
        if not file.writable():
            return None
        name = os.urandom(8).hex().encode()
        _write(file, 0, first_line(name))
        file.truncate(FIRST)
        self.end = FIRST
        return name

    def add(
        self, file: FileIO, made: bytes, flush: Callable[[int], None] | None, early: bool = False
    ) -> None:
        """Write a line: it counts when it was flushed, and not if anything fails before.

        If `early` it counts at once, and is on the disk when the next one that is flushed is.

        Call it after `look` has found the end of the file, while nobody else writes.
        """
        try:
            _write(file, self.end, made[:-1] + _EARLY if early else made)
            if flush is not None and not early:
                flush(file.fileno())
        except BaseException:
            with contextlib.suppress(OSError):
                file.truncate(self.end)
            raise
        if not early:
            _write(file, self.end + len(made) - 1, _WRITTEN)
        head = _head(made, 0)
        assert head is not None
        self._note(head, self.end)

    def copied(
        self, file: FileIO, stream: int, position: int, snapshot: bytes | None
    ) -> Iterator[bytes]:
        """The lines of a new file that says the same in less room.

        Streams that were dropped are left out; and if a snapshot is given, the batches of a
        stream before a position.
        """
        for number, places in self.streams.items():
            if places.is_dropped:
                yield line(DROP, number, 0, b"null")[:-1] + _WRITTEN
                continue
            skipped = 0
            if number == stream and snapshot is not None:
                yield line(SNAPSHOT, number, position, snapshot)[:-1] + _WRITTEN
                skipped = position - places.first
            elif places.snapshot is not None:
                yield _line_at(file, places.snapshot)
            for start in places.batches[skipped:]:
                yield _line_at(file, start)

    def _note(self, head: Head, start: int) -> None:
        """Take notice of one line, the next one."""
        self.end = start + head.size
        places = self.streams.get(head.stream)
        if places is None:
            places = self.streams[head.stream] = Places()
        places.size += head.size
        if head.kind == DROP:
            places.is_dropped = True
            places.batches = array("q")
        elif head.kind == SNAPSHOT and not places.batches:
            places.first, places.snapshot = head.position, start
        elif head.kind == BATCH and head.position == places.end and not places.is_dropped:
            places.batches.append(start)
        else:
            raise Damaged(
                f"at byte {start} is record {head.position} of stream {head.stream}, where "
                f"{places.end} should be"
            )


def bodies(
    file: FileIO, kind: int, stream: int, first: int, starts: Sequence[int]
) -> Iterator[bytes]:
    """The bodies of records that begin at ascending places; the first has position `first`.

    Raises:
        Damaged: If one is not what was written.
    """
    data, base = b"", 0
    for position, start in enumerate(starts, first):
        at = start - base
        if at < 0 or at + HEAD > len(data):
            data, base, at = _read(file, start, _CHUNK), start, 0
        head = _head(data, at)
        if head is not None and at + head.size > len(data):
            data, base, at = _read(file, start, max(head.size, _CHUNK)), start, 0
        body = b"" if head is None else data[at + HEAD : at + head.size - 1]
        if (
            head is None
            or head[:3] != (kind, stream, position)
            or zlib.crc32(body) != head.checksum
        ):
            raise Damaged(f"record {position} of stream {stream} has changed")
        yield body


def _line_at(file: FileIO, place: int) -> bytes:
    head = _head(_read(file, place, HEAD), 0)
    if head is None:
        raise Damaged(f"there is no intact record at byte {place}")
    return _read(file, place, head.size)
