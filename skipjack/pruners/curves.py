"""Learning curves as pruners need them: the past by step, and where a trial stands."""

from __future__ import annotations

import math
from array import array
from bisect import insort
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, final

from skipjack.records.history import History

_FEW = 16  # so many new losses are sorted in one by one
_MANY = 32  # reports from which on it pays to remember what was read
_KEPT = 32  # trials remembered at the same time


@final
class StepLosses:
    """The losses at one step among the COMPLETE trials, sorted as they come."""

    __slots__ = ("_sorted", "reported")

    def __init__(self) -> None:
        self.reported = 0  # how many, those that are NaN included
        self._sorted = array("d")

    def ordered(self, values: array[float], sign: float) -> array[float]:
        """Those that are not NaN, in ascending order.

        Args:
            values: All that were reported, those of the call before first.
            sign: Makes losses of them.
        """
        new = [sign * value for value in values[self.reported :] if value == value]
        self.reported = len(values)
        if len(new) <= _FEW:
            for loss in new:
                insort(self._sorted, loss)
        else:
            self._sorted = array("d", sorted([*self._sorted, *new]))
        return self._sorted


@final
class LossesByStep:
    """A fold: `StepLosses` by step, each made when it is asked for. All pruners share it."""

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
        """Nothing: the history has the values step by step."""
        return state

    def at(self, history: History, step: int) -> tuple[int, array[float]]:
        """How many COMPLETE trials reported at a step, and their losses in ascending order."""
        values = history.curves.at(step)
        if not values:
            return 0, values
        found = history.derived(self).setdefault(step, StepLosses())
        return len(values), found.ordered(values, history.signs[0])


@final
class Progress:
    """Where a trial stands, kept up to date at the cost of what is new.

    Attributes:
        reports: Values by step, as the trial's worker adds to them.
        best: The lowest loss so far; NaN if there is none but NaN, or there are several objectives.
        last: The highest step so far, -1 if there is none.
        before: The highest step but `last`, -1 if there is none.
    """

    __slots__ = ("_read", "_sign", "before", "best", "last", "reports")

    def __init__(self, reports: Mapping[int, Any], sign: float) -> None:
        self.reports = reports
        self.best = math.nan
        self.last = self.before = -1
        self._sign = sign
        self._read = 0

    def update(self) -> None:
        """Read the reports that are new since the last call: steps never change or go away."""
        reports, sign = self.reports, self._sign
        for step, value in islice(_newest(reports), len(reports) - self._read):
            loss = math.nan if type(value) is list else sign * value
            if not loss >= self.best and loss == loss:
                self.best = loss
            if step > self.last:
                self.last, self.before = step, self.last
            elif step > self.before:
                self.before = step
        self._read = len(reports)


def _newest(reports: Mapping[int, Any]) -> Iterable[tuple[int, Any]]:
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


def is_due(here: Progress, n_warmup_steps: int, interval_steps: int) -> bool:
    """Whether the last step is the first one that the trial reported in its interval.

    Intervals begin at `n_warmup_steps`, before which nothing is due.
    """
    beyond = here.last - n_warmup_steps
    return beyond >= 0 and here.before < here.last - beyond % interval_steps
