"""Rows of an SQLite file that SQLite itself cannot read any more, from the bytes of its pages.

Source: the description of the database file format by SQLite's authors, sections 1.3 (header), 1.6
(pages of b-trees), 2.1 (records) and 4.1 (write-ahead log).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import final

_LEAF = 0x0D  # of a table
_FIRST = 100  # bytes of the header, which stands before the first page's own
_WAL, _FRAME = 32, 24  # bytes of the header of a write-ahead log, and of each of its pages
_SIZES = [2**n for n in range(9, 17)]


@final
class Pages:
    """All images of pages that there are, also older ones.

    Args:
        data: The file.
        wal: Its write-ahead log, which may be empty.
    """

    def __init__(self, data: bytes, wal: bytes) -> None:
        size = int.from_bytes(data[16:18], "big")
        size = 2**16 if size == 1 else size
        self._size = size if size in _SIZES else 4096
        self._usable = self._size - (data[20] if len(data) > 20 and data[20] <= 32 else 0)
        self._images = [data[i : i + self._size] for i in range(0, len(data), self._size)]
        self._newest = dict(enumerate(self._images, 1))
        salt, frames, committed = wal[16:24], [], 0
        for i in range(_WAL, len(wal) - _FRAME - self._size + 1, _FRAME + self._size):
            number, commit = struct.unpack(">II", wal[i : i + 8])
            if wal[i + 8 : i + 16] != salt:
                break
            frames.append((number, wal[i + _FRAME : i + _FRAME + self._size]))
            committed = len(frames) if commit else committed
        for number, image in frames[:committed]:
            self._newest[number] = image
            self._images.append(image)

    def rows(self) -> Iterator[tuple[int, list[object]]]:
        """Key and columns of each row of a table that can be made out, none twice in one image."""
        for i, image in enumerate(self._images):
            start = _FIRST if i == 0 else 0
            if len(image) < self._size or image[start] != _LEAF:
                continue
            n = int.from_bytes(image[start + 3 : start + 5], "big")
            for at in range(start + 8, min(start + 8 + 2 * n, self._size - 1), 2):
                try:
                    yield self._row(image, int.from_bytes(image[at : at + 2], "big"))
                except (IndexError, KeyError, ValueError):
                    continue  # this cell is damaged

    def _row(self, image: bytes, at: int) -> tuple[int, list[object]]:
        length, at = _varint(image, at)
        key, at = _varint(image, at)
        here = self._usable - 35
        if length > here:
            least = (self._usable - 12) * 32 // 255 - 23
            here_too = least + (length - least) % (self._usable - 4)
            here = here_too if here_too <= here else least
        payload = bytearray(image[at : at + min(length, here)])
        page = int.from_bytes(image[at + here : at + here + 4], "big") if length > here else 0
        seen = set()
        while page and len(payload) < length:
            if page in seen:
                raise ValueError("pages that lead to each other")
            seen.add(page)
            overflow = self._newest[page]
            payload += overflow[4 : self._usable]
            page = int.from_bytes(overflow[:4], "big")
        if len(payload) < length:
            raise ValueError("a part is missing")
        return key, list(_columns(bytes(payload[:length])))


def _columns(payload: bytes) -> Iterator[object]:
    """The values of a record."""
    end, at = _varint(payload, 0)
    place = end
    while at < end:
        kind, at = _varint(payload, at)
        if kind >= 12:
            size = (kind - 12) // 2
            value = payload[place : place + size]
            yield value.decode() if kind % 2 else value
        elif kind in (8, 9):
            size = 0
            yield kind - 8
        elif kind <= 6:
            size = (0, 1, 2, 3, 4, 6, 8)[kind]
            yield int.from_bytes(payload[place : place + size], "big", signed=True)
        else:
            raise ValueError("no integer, no text")
        place += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for i in range(8):
        byte = data[at + i]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + i + 1
    return value << 8 | data[at + 8], at + 9
