"""Learning curves as pruners need them: the past by step, and where a trial stands."""

from __future__ import annotations

import math
from array import array
from bisect import insort
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import final

from skipjack.records.history import History
from skipjack.records.states import TrialState

_FEW = 16  # so many new losses are sorted in one by one
_MANY = 32  # reports from which on it pays to remember what was read
_KEPT = 32  # trials remembered at the same time


@final
class StepLosses:
    """The losses that COMPLETE trials reported at one step."""

    __slots__ = ("_new", "_sorted", "reported")

    def __init__(self) -> None:
        self.reported = 0  # how many, those that are NaN included
        self._sorted = array("d")
        self._new = array("d")

    def add(self, loss: float) -> None:
        """Take in one more."""
        self.reported += 1
        if loss == loss:
            self._new.append(loss)

    @property
    def ordered(self) -> array[float]:
        """Those that are not NaN, in ascending order."""
        if self._new:
            if len(self._new) <= _FEW:
                for loss in self._new:
                    insort(self._sorted, loss)
            else:
                self._sorted = array("d", sorted([*self._sorted, *self._new]))
            self._new = array("d")
        return self._sorted


@final
class LossesByStep:
    """A fold: `StepLosses` by step. All pruners of a study share it."""

    def __hash__(self) -> int:
        return hash(LossesByStep)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LossesByStep)

    def start(self, history: History) -> dict[int, StepLosses]:
        """No step yet."""
        return {}

    def extend(
        self, state: dict[int, StepLosses], history: History, first: int, last: int
    ) -> dict[int, StepLosses]:
        """Add the curves of the trials that are COMPLETE; O(their reports)."""
        sign, curves = history.signs[0], history.curves
        for row, done in enumerate(history.states[first:last].tolist(), start=first):
            if done != TrialState.COMPLETE or row not in curves:
                continue
            steps, values = curves[row]
            for step, loss in zip(steps.tolist(), (sign * values).tolist(), strict=True):
                found = state.get(step)
                if found is None:
                    found = state[step] = StepLosses()
                found.add(loss)
        return state


@final
class Progress:
    """Where a trial stands, kept up to date at the cost of what is new.

    Attributes:
        reports: Values by step, as the trial's worker adds to them.
        best: The lowest loss so far; NaN if there is none but NaN.
        last: The highest step so far, -1 if there is none.
        before: The highest step but `last`, -1 if there is none.
    """

    __slots__ = ("_read", "_sign", "before", "best", "last", "reports")

    def __init__(self, reports: Mapping[int, float], sign: float) -> None:
        self.reports = reports
        self.best = math.nan
        self.last = self.before = -1
        self._sign = sign
        self._read = 0

    def update(self) -> None:
        """Read the reports that are new since the last call: steps never change or go away."""
        reports, sign = self.reports, self._sign
        for step, value in islice(_newest(reports), len(reports) - self._read):
            loss = sign * value
            if not loss >= self.best and loss == loss:
                self.best = loss
            if step > self.last:
                self.last, self.before = step, self.last
            elif step > self.before:
                self.before = step
        self._read = len(reports)


def _newest(reports: Mapping[int, float]) -> Iterable[tuple[int, float]]:
    return reversed(reports.items() if isinstance(reports, dict) else list(reports.items()))


@final
class Running:
    """The progress of the trials that were asked about last; a cache, nothing that matters.

    It holds the reports themselves, so that no other trial can be taken for one that it knows.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, float], Progress] = {}

    def __reduce__(self) -> tuple[type[Running], tuple[()]]:
        return Running, ()

    def progress(self, reports: Mapping[int, float], sign: float) -> Progress:
        """Where the trial of these reports stands."""
        key = (id(reports), sign)
        known = self._known.get(key)
        if known is None:
            known = Progress(reports, sign)
            if len(reports) >= _MANY:
                if len(self._known) >= _KEPT:
                    self._known.clear()
                self._known[key] = known
        known.update()
        return known
