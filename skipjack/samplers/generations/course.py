"""The course of generations: which trial was which candidate's."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, final

import numpy as np

from skipjack.records.history import History, Layout
from skipjack.records.states import TrialState
from skipjack.samplers.generations.axes import Axes
from skipjack.samplers.generations.batch import Batch, Drawn, Result

_EARLIER = 4  # generations whose trials are known when they are late
_SAME = 1e-7  # relative differences up to here are those of another machine
_MOST_SKIPPED = 1000
_COMPLETE, _PRUNED = int(TrialState.COMPLETE), int(TrialState.PRUNED)


class Finished(NamedTuple):
    """A finished trial.

    Attributes:
        number: Its number.
        values: Its internal values, the numeric parameters first.
        result: What it came to, None if that does not count.
        is_own: Whether it may be a candidate: the log does not say that another proposed it.
    """

    number: int
    values: list[float]
    result: Result | None
    is_own: bool


@final
class Course:
    """The generation under way and some before it.

    Args:
        axes: The parameters.
        drawer: Makes what draws blocks of candidates of the generation that begins; see `Batch`.
        purpose: What the log says of who proposed its trials.
        sign: +1 where values are minimised, else -1.
        pruned: Whether pruned trials count, with their last report.

    Attributes:
        drawn: The generation under way; None before it is drawn.
        latest: The highest number of a finished trial.
    """

    def __init__(
        self,
        axes: Axes,
        drawer: Callable[[], Callable[[int], Drawn]],
        purpose: str,
        sign: float,
        pruned: bool,
    ) -> None:
        self.axes = axes
        self.latest = -1
        self._drawer, self._purpose = drawer, purpose
        self._sign, self._pruned = sign, pruned
        self._layout: Layout | None = None  # that of the last trial, and
        self._order: list[int] = []  # which of its values are those of the parameters
        self._sorted = False  # and whether that is all of them as they are
        self._earlier: deque[Batch] = deque(maxlen=_EARLIER)
        self.drawn: Batch | None = None

    @property
    def batch(self) -> Batch:
        """The generation under way, drawn when it is needed."""
        if self.drawn is None:
            self.drawn = Batch(self._drawer(), self.axes, self.latest)
        return self.drawn

    def turn(self) -> None:
        """The generation is over."""
        if self.drawn is not None:
            self._earlier.append(self.drawn)
        self.drawn = None

    # ----------------------------------------------------------------------------- trials

    def read(self, history: History, row: int) -> Finished | None:
        """A finished trial; None if it has not all parameters."""
        number, state, _, by, violation = history.head(row)
        if number > self.latest:
            self.latest = number
        layout, values = history.internal(row)
        if layout is not self._layout:
            if not layout.by_name.keys() >= self.axes.whole.keys():
                return None
            self._layout = layout
            self._order = [layout.names.index(name) for name in self.axes.whole]
            self._sorted = self._order == list(range(len(values)))
        if not self._sorted:
            values = [values[i] for i in self._order]
        proposer = history.samplers[by]
        is_own = not proposer or self._purpose in proposer
        loss = self._loss(history, row, state)
        return Finished(number, values, None if loss != loss else Result(violation, loss), is_own)

    def _loss(self, history: History, row: int, state: int) -> float:
        """What a trial came to; NaN if that does not count."""
        if state == _COMPLETE:
            return float(history.losses[row, 0])
        elif state == _PRUNED and self._pruned and row in history.curves:
            steps, values = history.curves[row]
            return self._sign * float(values[np.argmax(steps)])
        return math.nan

    def find(self, trial: Finished) -> tuple[Batch, int] | None:
        """The open candidate, of this generation or an earlier one, that a trial was."""
        if not trial.is_own:
            return None
        wanted, now = trial.values, self.batch
        i = now.find(wanted, trial.number)
        if i is not None:
            return now, i
        for batch in reversed(self._earlier):
            i = batch.find(wanted, trial.number)
            if i is not None:
                return batch, i
        i = now.alike(wanted, self._near(wanted))
        return None if i is None else (now, i)

    def _near(self, values: list[float]) -> list[float]:
        """How much values may differ: in the last digits where they are real numbers."""
        real = [*(~self.axes.discrete).tolist(), *[False] * len(self.axes.choices)]
        return [abs(x) * _SAME if free else 0.0 for x, free in zip(values, real, strict=True)]

    def next(self, history: History, trial: int) -> dict[str, float]:
        """What `trial` tries: a candidate that no other trial has."""
        others = history.open if history.others is None else history.others
        began = self.latest
        if others:
            drafts = list(others.items())
            began = max([began, *(n for n, d in drafts if d.state is TrialState.RUNNING)])
        # Trials that began at the same time, of which nothing is known yet, come first.
        skipped = max(0, min(trial - 1 - began, _MOST_SKIPPED))
        if not others:
            return self.batch.next([], skipped, trial)
        names = self.axes.whole.names
        running = [
            [known[name] for name in names]
            for known in history.running(trial)
            if known.keys() >= self.axes.whole.keys()
        ]
        return self.batch.next(running, skipped, trial)
