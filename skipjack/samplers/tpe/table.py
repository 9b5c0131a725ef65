"""Kernels of trials, kept from one proposal to the next."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple, final

import numpy as np

from skipjack.records.space import BoolArray, FloatArray, IntArray
from skipjack.samplers.tpe.groups import CAP

_SLOTS = 2 * CAP
_FIRST = np.zeros(1, np.intp)


class Rows(NamedTuple):
    """Kernels without weights, and made ready for scoring; see `parzen.Kernels`, `parzen.Fused`."""

    centres: FloatArray  # (m, p)
    widths: FloatArray  # (m, p)
    codes: IntArray  # (m, q)
    linear: FloatArray  # (m, 1 + 2 p + all choices)
    absent: FloatArray  # (m, p)
    lacks: BoolArray  # (m,): which are of trials that lack a parameter

    def part(self, first: int, last: int | None) -> Rows:
        """Some of the kernels in a row."""
        return Rows._make(a[first:last] for a in self)


@final
class Table:
    """Kernels by trial, so that each is made once.

    What a proposal finds does not depend on what was in the table before.

    Attributes:
        kept: The kernels, by slot.
        age: Raised whenever kernels give way to others.
    """

    def __init__(self, prior: Rows) -> None:
        """Begin with one kernel, which is that of no trial; it stays in the first slot."""
        self.kept = Rows(*(np.empty((_SLOTS, *a.shape[1:]), a.dtype) for a in prior))
        for kept, first in zip(self.kept, prior, strict=True):
            kept[:1] = first
        self._slot_of = np.full(0, -1, np.intp)  # by trial; -1 for none
        self._used = 1
        self._key: Hashable = None
        self.age = 0

    def begin(self, key: Hashable) -> None:
        """Keep kernels that depend on `key` and their own trial from now on."""
        if key != self._key:
            self._key = key
            self._clear()

    def unknown(self, trials: IntArray) -> IntArray:
        """Those of at most `CAP` trials whose kernels must be made and given to `fill`.

        Args:
            trials: Rows of the history, shape (m,).
        """
        most = int(trials.max(initial=0))
        if most >= len(self._slot_of):
            more = np.full(most + _SLOTS, -1, np.intp)
            self._slot_of = np.concatenate([self._slot_of, more])
        new = trials[self._slot_of[trials] < 0]
        if self._used + len(new) > _SLOTS:
            self._clear()
            return trials
        return new

    def slots(self, trials: IntArray) -> IntArray:
        """Where in `kept` the kernels of trials are, and at last that of no trial."""
        return np.concatenate([self._slot_of[trials], _FIRST])

    def _clear(self) -> None:
        self.age += 1
        self._used = 1
        self._slot_of.fill(-1)

    def fill(self, trials: IntArray, made: Rows) -> None:
        """Keep kernels of unknown trials; see `begin`."""
        first, self._used = self._used, self._used + len(trials)
        for kept, new in zip(self.kept, made, strict=True):
            kept[first : self._used] = new
        self._slot_of[trials] = np.arange(first, self._used)
