"""How far a place is from its neighbours among many, from a table of a fixed size."""

from __future__ import annotations

from typing import final

import numpy as np

from skipjack.records.space import FloatArray, IntArray

BINS = 128  # per column
_SAME = 1e-12  # places nearer than this are one, computed in two ways
_EMPTY = {"_least": np.nan, "_most": np.nan, "_held": 0.0}


@final
class Bins:
    """The least and the greatest place in each of `BINS` bins, column by column.

    A neighbour that is farther away than the width of a bin lies in another bin, so that these
    places are all that is needed to find its distance.
    """

    def __init__(self) -> None:
        self._least = np.zeros((BINS, 0))
        self._most = np.zeros((BINS, 0))
        self._held = np.zeros((BINS, 0))  # how many places each bin holds
        self._tables: FloatArray | None = None

    def widen(self, more: int) -> None:
        """Make room for more columns."""
        for name, empty in _EMPTY.items():
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.full((BINS, more), empty)], axis=1))
        self._tables = None

    def clear(self, column: int) -> None:
        """Forget the places of a column."""
        for name, empty in _EMPTY.items():
            getattr(self, name)[:, column] = empty
        self._tables = None

    def enter(self, places: FloatArray, columns: IntArray) -> None:
        """Take in places, shape (rows, len(columns)); NaN are left out."""
        rows, offset = np.nonzero(~np.isnan(places))
        found, column = places[rows, offset], columns[offset]
        at = (_bin(found), column)
        np.fmin.at(self._least, at, found)
        np.fmax.at(self._most, at, found)
        np.add.at(self._held, at, 1.0)
        self._tables = None

    def gaps(self, places: FloatArray, columns: IntArray) -> FloatArray:
        """Distance to the farther of both neighbours, as `places`, shape (m, len(columns)).

        Exact where it is more than the width of a bin, less than that or 0 elsewhere. The lowest
        and the highest have one neighbour. Places that are equal are each other's neighbours. NaN
        where there is no place, or no other.
        """
        if self._tables is None:
            self._tables = self._made()
        flat = _bin(places) * self._least.shape[1] + columns
        least, most, before, after = self._tables.take(flat, axis=1)
        left = np.where(places > least, 0.0, places - before)
        right = np.where(places < most, 0.0, after - places)
        gaps: FloatArray = np.fmax(left, right)
        return gaps

    def _made(self) -> FloatArray:
        """Per bin: least and most, and the nearest place in the bins below and above, or NaN.

        Shape (4, bins of all columns); least and most with some room.
        """
        several = (self._held > 1.0) & (self._most <= self._least)  # all at one place
        tables = np.full((4, *self._least.shape), np.nan)
        np.fmin(self._least, 2.0, out=tables[0])  # 2 and -1 where there is none
        np.fmax(self._most, -1.0, out=tables[1])
        np.copyto(tables[0], -1.0, where=several)
        np.copyto(tables[1], 2.0, where=several)
        tables[0] += _SAME
        tables[1] -= _SAME
        np.fmax.accumulate(self._most[:-1], axis=0, out=tables[2, 1:])
        np.fmin.accumulate(self._least[:0:-1], axis=0, out=tables[3, -2::-1])
        return tables.reshape(4, -1)


def _bin(places: FloatArray) -> IntArray:
    """The bins of places; the first and last for those outside, the first for NaN."""
    bins: IntArray = np.minimum((np.fmax(places, 0.0) * BINS).astype(np.intp), BINS - 1)
    return bins
