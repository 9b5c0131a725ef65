"""What pruned trials would have come to, judged by complete ones at the step that they reached."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from typing import final

import numpy as np

from skipjack.records.history import History
from skipjack.records.states import TrialState


@final
class Sorted:
    """Numbers in ascending order; sorted when asked for."""

    __slots__ = ("_new", "_old")

    def __init__(self) -> None:
        self._old = array("d")
        self._new: list[float] = []

    def add(self, number: float) -> None:
        """Take in one more, which is not NaN."""
        self._new.append(number)

    def all(self) -> array[float]:
        """All of them."""
        if self._new:
            self._old = array("d", sorted([*self._old, *self._new]))
            self._new.clear()
        return self._old


@final
class Outlook:
    """By step, what complete trials reported there and what they came to.

    Trials are read when one that was pruned is looked at, so a study without any costs nothing.
    """

    def __init__(self) -> None:
        self._read = 0
        self._at: dict[int, tuple[Sorted, Sorted]] = {}  # by step: losses there, final losses

    def expect(self, history: History, row: int) -> float | None:
        """The loss that a pruned trial would have come to.

        If k of the complete trials before it were better at the last step that it reached, it is
        taken to come to the loss of rank k among theirs (from 0).

        Returns:
            The loss; None if it reported nothing, or was worse than all of them.
        """
        found = last_report(history, row)
        if found is None or len(history.signs) > 1:
            return None
        step, loss = found
        self._catch_up(history, row)
        if step not in self._at:
            return None
        losses, finals = self._at[step]
        better = bisect_left(losses.all(), loss)
        return finals.all()[better] if better < len(finals.all()) else None

    def _catch_up(self, history: History, row: int) -> None:
        sign, curves = history.signs[0], history.curves
        states = history.states[self._read : row].tolist()
        finals = history.losses[self._read : row, 0].tolist()
        for at, (state, final_loss) in enumerate(zip(states, finals, strict=True), self._read):
            if state != TrialState.COMPLETE or at not in curves:
                continue
            steps, values = curves[at]
            for step, loss in zip(steps.tolist(), (sign * values).tolist(), strict=True):
                if loss == loss:
                    found = self._at.get(step)
                    if found is None:
                        found = self._at[step] = Sorted(), Sorted()
                    found[0].add(loss)
                    found[1].add(final_loss)
        self._read = row


def last_report(history: History, row: int) -> tuple[int, float] | None:
    """The last step that a trial reported and the loss there; NaN counts as inf.

    With several objectives it is told from no other loss: 0 unless there is NaN among them.
    """
    curve = history.curves.get(row)
    if curve is None:
        return None
    steps, values = curve
    last = int(steps.argmax())
    if values.ndim > 1:
        return int(steps[last]), math.inf if np.isnan(values[last]).any() else 0.0
    loss = history.signs[0] * float(values[last])
    return int(steps[last]), float("inf") if loss != loss else loss
