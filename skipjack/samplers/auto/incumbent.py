"""Trials of equal parameters taken together: the best of them, and whether there is noise."""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias, final

from skipjack.records.history import History
from skipjack.records.states import TrialState

_COMPLETE = int(TrialState.COMPLETE)
LOCAL = "auto/local"  # what the log says of small steps round the best

Standing: TypeAlias = tuple[float, float]  # violation of the constraints and loss


class Point(NamedTuple):
    """What is known of some parameters.

    Attributes:
        row: Of the first trial that had them.
        n: How many trials had them.
        mean: Their mean violation and loss.
    """

    row: int
    n: int
    mean: Standing


@final
class KnownFold:
    """Keeps `Known` of a study, by its first objective."""

    def start(self, history: History) -> Known:
        """No trials yet."""
        return Known()

    def extend(self, state: Known, history: History, first: int, last: int) -> Known:
        """Look at new trials."""
        for row in range(first, last):
            if int(history.states[row]) == _COMPLETE:
                state.note(history, row)
        return state


@final
class Known:
    """Complete trials by their parameters.

    Attributes:
        differs: How many trials had finished when equal ones first came to different values, 0
            if they never did.
        best: The standing of the best trial.
        improved: How many trials had finished with the best one that no small step had found.
    """

    def __init__(self) -> None:
        self.differs = 0
        self.best: Standing = math.inf, math.inf
        self.improved = 0
        self._points: dict[int, Point] = {}
        self._leader: Point | None = None

    def note(self, history: History, row: int) -> None:
        """Take in a complete trial."""
        losses = history.losses[row]
        now = float(history.violation[row]), float(losses[0])
        if now < self.best:
            self.best = now
            if not history.samplers[int(history.by[row])].startswith(LOCAL):
                self.improved = row + 1
        layout, values = history.internal(row)
        key = hash((layout.index, *values))
        known = self._points.get(key)
        if known is None:
            self._points[key] = point = Point(row, 1, now)
        else:
            if not self.differs and history.losses[known.row].tobytes() != losses.tobytes():
                self.differs = row + 1
            n = known.n + 1
            mean = tuple(a + (b - a) / n for a, b in zip(known.mean, now, strict=True))
            self._points[key] = point = Point(known.row, n, (mean[0], mean[1]))
        self._lead(point)

    def _lead(self, point: Point) -> None:
        """Keep which point has the best mean."""
        leader = self._leader
        if leader is None or point.mean < leader.mean:
            self._leader = point
        elif point.row == leader.row:  # it may be worse than before
            self._leader = min(self._points.values(), key=lambda p: (p.mean, p.row))

    @property
    def leader(self) -> Point | None:
        """The parameters with the best mean; None while no trial is complete."""
        return self._leader


KNOWN = KnownFold()
