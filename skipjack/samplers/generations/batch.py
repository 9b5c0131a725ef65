"""The candidates of one generation, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import NamedTuple, final

import numpy as np

from skipjack.records.space import FloatArray, IntArray
from skipjack.samplers.generations.axes import Axes


class Result(NamedTuple):
    """A candidate that was evaluated, or a trial from elsewhere; the least is the best."""

    violation: float
    loss: float


class Drawn(NamedTuple):
    """Some candidates: places, shape (n, p), and choices, shape (n, q)."""

    places: FloatArray
    codes: IntArray


@final
class Batch:
    """The candidates of a generation, in the order in which trials take them.

    More than the population are drawn when more are asked for, because trials failed or run. A
    candidate's values are worked out when they are needed.

    Args:
        draw: From the number of a block, as many candidates as the population has; always the same.
        axes: The parameters.
        began: The highest number of a finished trial when the generation began.

    Attributes:
        told: What is known, by candidate.
        late: Results, places and choices of trials of earlier generations or from elsewhere.
        wanted: After how many results the generation is over, or is looked at.
        order: The candidates as they are to be taken.
    """

    def __init__(self, draw: Callable[[int], Drawn], axes: Axes, began: int) -> None:
        self._draw, self._axes, self._began = draw, axes, began
        self.places, self.codes = draw(0)
        self.size = self.wanted = len(self.places)
        self.order = list(range(self.size))
        self.told: dict[int, Result] = {}
        self.late: list[tuple[Result, FloatArray, IntArray]] = []
        self._gone: set[int] = set()
        self._rows: list[list[float] | None] = []
        self._seen: FloatArray | None = None  # where all are evaluated
        self._at = 0  # before this place of `order` all are gone
        self._work_out()

    def _work_out(self) -> None:
        """The values of the latest block, where those of all are cheap."""
        n = len(self.places) - self.size
        rows = self._axes.points(self.places[n:])
        self._rows += rows or [None] * self.size

    def values(self, i: int) -> list[float]:
        """The internal values of a candidate, the numeric parameters first."""
        row = self._rows[i]
        if row is None:
            row = self._rows[i] = self._axes.values(self.places[i], self.codes[i])
        return row

    def seen(self, i: int | None = None) -> FloatArray:
        """Where a candidate was evaluated, shape (p,); or where those of the first block are."""
        if self._seen is None:
            self._seen = self._axes.snapped(self.places)
        found: FloatArray = self._seen[: self.size] if i is None else self._seen[i]
        return found

    def _grow(self) -> None:
        first = len(self.places)
        more = self._draw(first // self.size)
        self.places = np.concatenate([self.places, more.places])
        self.codes = np.concatenate([self.codes, more.codes])
        self.order = [*self.order, *range(first, len(self.places))]
        self._seen = None
        self._work_out()

    def find(self, values: list[float], number: int, busy: Set[int] = frozenset()) -> int | None:
        """The candidate that is still open and has these values; None if there is none.

        Args:
            values: Internal values, in the order of the parameters.
            number: Of the trial that has them, or of a later one. No more candidates were taken
                than there were trials since the generation began.
            busy: Candidates that other trials have.
        """
        at = self._at
        while True:
            for i in self.order[at:]:  # most likely the first of them
                if self.values(i) == values and i not in self._gone and i not in busy:
                    return i
            if len(self.places) >= number - self._began:
                return None
            at = len(self.order)
            self._grow()

    def alike(self, values: list[float], near: list[float]) -> int | None:
        """The same for values that may differ by as much as `near` says."""
        for i in range(len(self.places)):
            own = self.values(i)
            if i not in self._gone and all(
                abs(a - b) <= d for a, b, d in zip(own, values, near, strict=True)
            ):
                return i
        return None

    def tell(self, i: int, result: Result | None) -> None:
        """Note what became of a candidate; None if nothing that counts."""
        self._gone.add(i)
        if result is not None:
            self.told[i] = result

    def next(self, running: list[list[float]], skipped: int, number: int) -> dict[str, float]:
        """The values of the next candidate by name.

        Args:
            running: The values of trials that run.
            skipped: How many trials have begun of which nothing is known.
            number: Of the trial that is going to have it.
        """
        busy: set[int] = set()
        for values in running:
            i = self.find(values, number, busy)
            if i is not None:
                busy.add(i)
        while self._at < len(self.order) and self.order[self._at] in self._gone:
            self._at += 1
        at = self._at
        while True:
            while at >= len(self.order):
                self._grow()
            i = self.order[at]
            at += 1
            if i in self._gone or i in busy:
                continue
            if skipped == 0:
                return dict(zip(self._axes.whole.names, self.values(i), strict=True))
            skipped -= 1

    def sort(self, first: list[int]) -> None:
        """Take candidates in this order; those that are not named come last."""
        named = set(first)
        self.order = [*first, *(i for i in range(len(self.places)) if i not in named)]
        self._at = 0

    @property
    def is_full(self) -> bool:
        """Whether there are as many results as the population is large."""
        return len(self.told) + len(self.late) >= self.size

    def ranked(self) -> tuple[list[Result], FloatArray, IntArray]:
        """All results, best first, with their places and choices."""
        order = sorted(self.told, key=self.told.__getitem__)
        if not self.late:
            return [self.told[i] for i in order], self.places[order], self.codes[order]
        found = [(self.told[i], self.places[i], self.codes[i]) for i in order]
        found = sorted([*found, *self.late], key=lambda one: one[0])
        results, places, codes = zip(*found, strict=True)
        return list(results), np.array(places), np.array(codes)
