"""When conditional parameters exist: rules learned from complete trials, a fold over the history.

A rule says that a parameter exists for some values of an earlier one, its parent, and for no
others. It is drawn from what has been seen: no value of the parent may have come both with and
without the parameter. A parameter whose presence nothing explains has no rule.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, final

import numpy as np
import numpy.typing as npt

from skipjack.records.history import History, Layout
from skipjack.records.space import BoolArray, FloatArray, IntArray, Space
from skipjack.records.states import TrialState

Bits: TypeAlias = npt.NDArray[np.uint64]  # one for each value of a parameter

_REMEMBERED = 4096
_MOST_VALUES = 62  # that a parent can have
_NO_VALUE = np.uint64(1 << 63)  # the trial has not the parent
_UNKNOWN = np.uint64(0)  # a value that was never seen


class Rule(NamedTuple):
    """`child` (a column) exists where `parent` has a value among `values`."""

    child: int
    parent: int
    values: np.uint64


@final
class Activity:
    """Which values of each column came with and without each other column.

    Trials are only counted; rules are made when asked for, which a study without conditional
    parameters never does.
    """

    def __init__(self) -> None:
        self._rows = 0  # known
        self._counted = 0  # of those, taken in
        self._bits: list[dict[float, int] | None] = []  # of each value of possible parents
        self._present = np.zeros((0, 0), np.uint64)  # (children, parents)
        self._absent = np.zeros((0, 0), np.uint64)
        self._seen = np.zeros(0, np.uint64)  # values of each parent
        self._layouts: set[int] = set()
        self._taken: set[tuple[int, ...]] = set()  # layouts and bits: again, they change nothing
        self._rules: list[Rule] | None = []

    def know(self, rows: int) -> None:
        """There are so many trials now."""
        self._rows = rows

    def rules(self, history: History) -> list[Rule]:
        """At most one rule for each conditional column, parents before their children."""
        if self._counted < self._rows:
            self._count(history)
        if self._rules is None:
            self._rules = list(self._found())
        return self._rules

    def _found(self) -> list[Rule]:
        sometimes = (self._present.any(axis=1) & self._absent.any(axis=1)).nonzero()[0]
        rules = []
        for child in sometimes.tolist():
            present, absent = self._present[child, :child], self._absent[child, :child]
            explains = ((present & absent) == 0) & (present != 0) & (absent != 0)
            if explains.any():
                parent = int(explains.argmax())
                rules.append(Rule(child, parent, present[parent]))
        return rules

    def _count(self, history: History) -> None:
        states = history.states[self._counted : self._rows]
        for row in (np.flatnonzero(states == TrialState.COMPLETE) + self._counted).tolist():
            layout, values = history.internal(row)
            columns = layout.columns.tolist()
            if history.choices.unions:
                columns, values = _united(history, layout, values)
            if columns and max(columns) >= len(self._bits):
                self._widen(max(columns) + 1)
            if layout.index not in self._layouts:
                self._layouts.add(layout.index)
                for column, dist in zip(columns, layout.dists, strict=True):
                    if dist.grid is not None and dist.grid.cells <= _MOST_VALUES:
                        self._bits[column] = self._bits[column] or {}
            bits = [self._bit(column, value) for column, value in zip(columns, values, strict=True)]
            taken = (layout.index, *bits)
            if taken in self._taken:
                continue
            if len(self._taken) >= _REMEMBERED:
                self._taken.clear()
            self._taken.add(taken)
            now = np.full(len(self._bits), _NO_VALUE)
            now[columns] = bits
            there = np.zeros(len(now), bool)
            there[columns] = True
            self._present[there] |= now
            self._absent[~there] |= now
            self._seen |= now
            self._rules = None
        self._counted = self._rows

    def _bit(self, column: int, value: float) -> int:
        known = self._bits[column]
        if known is None:
            return 1
        if value not in known:
            known[value] = 1 << min(len(known), _MOST_VALUES)
        return known[value]

    def _widen(self, n: int) -> None:
        """Make room for columns up to `n`, which no trial so far had."""
        old = len(self._bits)
        self._taken.clear()
        self._rules = None
        self._bits += [None] * (n - old)
        present, absent = np.zeros((n, n), np.uint64), np.zeros((n, n), np.uint64)
        present[:old, :old], absent[:old, :old] = self._present, self._absent
        present[:old, old:] = np.where(self._present.any(axis=1), _NO_VALUE, _UNKNOWN)[:, None]
        absent[:old, old:] = np.where(self._absent.any(axis=1), _NO_VALUE, _UNKNOWN)[:, None]
        anything = _NO_VALUE if self._seen.any() else _UNKNOWN
        seen = np.full(n, anything)
        seen[:old] = self._seen
        absent[old:] = seen
        self._present, self._absent, self._seen = present, absent, seen

    def bits(self, column: int, values: FloatArray) -> Bits:
        """The bits of internal values of a column; 0 for one never seen."""
        known = self._bits[column] or {}
        return np.array([known.get(value, 0) for value in values.tolist()], np.uint64)


class Presence(NamedTuple):
    """Says which parameters of a space points have."""

    activity: Activity
    rules: list[Rule]
    columns: IntArray  # (d,); -1 for a parameter without
    codes: list[tuple[int, FloatArray]]  # of parameters whose choices changed; see `Choices`

    def of(self, values: FloatArray) -> BoolArray:
        """Which of the parameters points have, shape (c, d).

        Args:
            values: Internal values of the points, shape (c, d).
        """
        if self.codes:
            values = values.copy()
            for j, codes in self.codes:
                values[:, j] = codes[values[:, j].astype(np.intp)]
        there = np.ones(values.shape, bool)
        at = {column: j for j, column in enumerate(self.columns.tolist()) if column >= 0}
        found: dict[tuple[int, np.uint64], BoolArray] = {}  # siblings share a rule
        for child, parent, wanted in self.rules:
            if child in at and parent in at:
                alike = found.get((parent, wanted))
                if alike is None:
                    j = at[parent]
                    bits = self.activity.bits(parent, values[:, j])
                    now = np.where(there[:, j], bits, _NO_VALUE)
                    alike = found[parent, wanted] = (now & wanted != 0) | (now == _UNKNOWN)
                there[:, at[child]] = alike
        return there


def presence(history: History, space: Space) -> Presence:
    """What the history says of the parameters of a space."""
    activity, choices = history.derived(_ACTIVITY), history.choices
    columns = choices.first(space, history.columns(space))
    return Presence(activity, activity.rules(history), columns, choices.codes(space))


def _united(history: History, layout: Layout, values: list[float]) -> tuple[list[int], list[float]]:
    """Columns and values, with choices that changed as those of one parameter."""
    space = Space(layout.by_name)
    known = history.choices.united(dict(zip(layout.names, values, strict=True)), space)
    return history.choices.first(space, layout.columns).tolist(), list(known.values())


@final
class ActivityFold:
    """Keeps `Activity`; two of them are not the same, so use one."""

    def start(self, history: History) -> Activity:
        """No trials yet."""
        return Activity()

    def extend(self, state: Activity, history: History, first: int, last: int) -> Activity:
        """Take in rows."""
        state.know(last)
        return state


_ACTIVITY = ActivityFold()
