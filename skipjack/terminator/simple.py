"""Rules that look at numbers, times and values of trials. None of them keeps anything."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, final

import numpy as np

from skipjack.errors import invalid
from skipjack.records.fronts import FrontFold
from skipjack.records.history import History
from skipjack.records.states import TrialState
from skipjack.terminator.arguments import at_least, real
from skipjack.terminator.base import history_of
from skipjack.terminator.rules import StopRule

_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


@final
class MaxTrials(StopRule):
    """Ends a study that has so many trials: finished or running, whoever runs them.

    In `optimize` the number is exact, also with several threads and processes.

    Args:
        n: How many.

    Raises:
        ValueError: If it is negative.
    """

    def __init__(self, n: int) -> None:
        self._n = at_least("n", n, 0)

    def reason(self, study: Any) -> str | None:
        """That there are so many."""
        history = history_of(study)
        running = sum(d.state is TrialState.RUNNING for d in list(history.open.values()))
        return self._phrase() if len(history) + running >= self._n else None

    @property
    def limit(self) -> int:
        """The number."""
        return self._n

    def _phrase(self) -> str:
        return f"the study has {self._n} trials"

    def __repr__(self) -> str:
        return f"MaxTrials({self._n})"


@final
class _Busy:
    """For how long trials ran: of disjoint intervals starts and ends, and their total."""

    __slots__ = ("spans", "total")

    def __init__(self) -> None:
        self.spans: list[tuple[float, float]] = []
        self.total = 0.0

    def add(self, start: float, end: float) -> None:
        """Take in an interval; those that come later mostly end later."""
        later = []
        while self.spans and self.spans[-1][1] >= start:
            first, last = self.spans.pop()
            if first > end:
                later.append((first, last))
                continue
            self.total -= last - first
            start, end = min(start, first), max(end, last)
        self.spans.append((start, end))
        self.spans += reversed(later)
        self.total += end - start


@final
class _BusyFold:
    """Keeps for how long trials ran, with the history."""

    def start(self, history: History) -> _Busy:
        """No trials yet."""
        return _Busy()

    def extend(self, state: _Busy, history: History, first: int, last: int) -> _Busy:
        """Take in rows."""
        starts, ends = history.start[first:last].tolist(), history.end[first:last].tolist()
        for start, end in zip(starts, ends, strict=True):
            if end > start:  # NaN is not
                state.add(start, end)
        return state


_BUSY = _BusyFold()


@final
class MaxTime(StopRule):
    """Ends a study on which so much time was spent: in which at least one trial ran.

    Time counts from all runs of the study, also of other processes; pauses between them, and
    trials that still run, do not.

    Args:
        seconds: How much; a number of seconds or a timedelta.

    Raises:
        TypeError: If it is neither.
        ValueError: If it is negative.
    """

    def __init__(self, seconds: float | timedelta) -> None:
        value = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        self._seconds = real("seconds", value)
        if not self._seconds >= 0:
            raise invalid("seconds", "be at least 0", seconds)

    def reason(self, study: Any) -> str | None:
        """How much time it was."""
        spent = history_of(study).derived(_BUSY).total
        if spent < self._seconds:
            return None
        return f"trials ran for {spent:.4g} seconds, at least {self._seconds:g}"

    def __repr__(self) -> str:
        return f"MaxTime({self._seconds:g})"


@final
class Target(StopRule):
    """Ends a study when a complete trial that keeps all constraints is as good as a value.

    Args:
        value: The value, or one per objective, all of which one trial must reach.

    Raises:
        TypeError: If it is no number, nor several.
        ValueError: If it is NaN.
    """

    def __init__(self, value: float | Iterable[float]) -> None:
        several = isinstance(value, Iterable) and not isinstance(value, str | bytes)
        given: Any = value if several else [value]
        self._values = [real("value", x) for x in given]
        if any(map(math.isnan, self._values)) or not self._values:
            raise invalid("value", "be a number, or one per objective", value)

    def check(self, study: Any) -> None:
        """Check that there is one value per objective.

        Raises:
            ValueError: If there is not.
        """
        m = len(history_of(study).signs)
        if len(self._values) != m:
            raise invalid("value", f"be one number per objective, {m}", self._values)

    def reason(self, study: Any) -> str | None:
        """Which trial reached it."""
        self.check(study)
        history = history_of(study)
        wanted = np.array(history.signs) * self._values
        if len(wanted) == 1 and history.best is not None:
            rows = np.array([history.best])
        else:
            rows = np.flatnonzero((history.states == TrialState.COMPLETE) & history.feasible)
        reached = rows[(history.losses[rows] <= wanted).all(axis=1)]
        if not len(reached):
            return None
        row = int(reached[0])
        values = history.user_values(row) or []
        shown = values[0] if len(values) == 1 else values
        return f"trial {history.row(row)[0]} reached {shown}, the target is {self._shown()}"

    def _shown(self) -> Any:
        return self._values[0] if len(self._values) == 1 else self._values

    def __repr__(self) -> str:
        return f"Target({self._shown()!r})"


@final
class Patience(StopRule):
    """Ends a study whose best value did not improve for so many trials, complete or pruned.

    With several objectives: when no trial came to the Pareto front. Before the first complete trial
    that keeps the constraints nothing is counted.

    Args:
        n: For how many trials.
        least: An improvement by less does not count, in the unit of the objective; with several
            objectives it must be 0.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, n: int, least: float = 0.0) -> None:
        self._n = at_least("n", n, 1)
        self._least = real("least", least)
        if not 0 <= self._least < math.inf:
            raise invalid("least", "be at least 0 and finite", least)

    def check(self, study: Any) -> None:
        """Check that `least` is 0, if there are several objectives.

        Raises:
            ValueError: If it is not.
        """
        if self._least and len(history_of(study).signs) > 1:
            raise invalid("least", "be 0 for several objectives", self._least)

    def reason(self, study: Any) -> str | None:
        """For how many trials it did not."""
        self.check(study)
        history = history_of(study)
        if len(history) <= self._n:
            return None
        if len(history.signs) == 1:
            n = history.derived(_SinceFold(self._least)).trials
            what = "the best value did not improve"
            what += f" by {self._least:g}" if self._least else ""
        else:
            n = _since_front(history)
            what = "no trial came to the Pareto front"
        return f"{what} in the last {n} trials" if n >= self._n else None

    def __repr__(self) -> str:
        return f"Patience({self._n}{f', least={self._least:g}' if self._least else ''})"


class _Since:
    """How many trials ended since the last improvement, and the loss that it came to."""

    __slots__ = ("loss", "trials")

    def __init__(self) -> None:
        self.loss: float | None = None
        self.trials = 0


@final
@dataclass(frozen=True)
class _SinceFold:
    """Keeps how long ago the last improvement was; one by less than `least` is none."""

    least: float

    def start(self, history: History) -> _Since:
        """No trials yet."""
        return _Since()

    def extend(self, state: _Since, history: History, first: int, last: int) -> _Since:
        """Take in rows."""
        rows = slice(first, last)
        states = history.states[rows]
        usable = (states == TrialState.COMPLETE) & history.feasible[rows]
        losses = np.where(usable, history.losses[rows, 0], np.inf).tolist()
        for loss, ended, counts in zip(losses, np.isin(states, _ENDED).tolist(), usable.tolist()):
            if counts and (state.loss is None or _improves(loss, state.loss, self.least)):
                state.loss, state.trials = loss, 0
            elif ended and state.loss is not None:
                state.trials += 1
        return state


def _improves(loss: float, best: float, least: float) -> bool:
    return loss < best and loss <= best - least


def _since_front(history: History) -> int:
    """How many trials ended since one came to the front; 0 if none ever did.

    One of the same values as an earlier one brings nothing new.
    """
    rows = np.sort(history.derived(FrontFold()).tags)
    if not len(rows):
        return 0
    _, firsts = np.unique(history.losses[rows], axis=0, return_index=True)
    came = int(rows[firsts].max())
    return int(np.isin(history.states[came + 1 :], _ENDED).sum())
