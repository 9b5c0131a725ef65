"""Asynchronous successive halving: at some steps only the best part of the trials goes on."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias, final

import numpy as np

from skipjack import _optional
from skipjack.errors import invalid
from skipjack.pruners.base import Contender, RulePruner, count
from skipjack.records.history import History
from skipjack.records.space import IntArray
from skipjack.records.states import TrialState

dominance = _optional.lazy("skipjack.pruners.dominance")

_KEPT = 256  # running trials whose climb is remembered
_FEW = 16  # so many new losses are sorted in one by one
Loss: TypeAlias = "float | tuple[float, ...]"  # a tuple if there are several objectives


def loss_of(signs: tuple[float, ...], report: Any) -> Loss | None:
    """The loss of a report; None if it is NaN, or a number where there are several objectives."""
    if len(signs) == 1:
        loss: float = signs[0] * report
        return loss if loss == loss else None
    if not isinstance(report, list):
        return None
    losses = tuple(sign * value for sign, value in zip(signs, report, strict=True))
    return None if any(loss != loss for loss in losses) else losses


@final
@dataclass(frozen=True)
class FirstLength:
    """A fold: the last step of the first COMPLETE trial that has reports; None before it."""

    def start(self, history: History) -> int | None:
        """No trial yet."""
        return None

    def extend(self, state: int | None, history: History, first: int, last: int) -> int | None:
        """Look at rows until one is found."""
        if state is None:
            for row in range(first, last):
                if history.states[row] == TrialState.COMPLETE and row in history.curves:
                    return int(history.curves[row][0].max())
        return state


@final
class Climb:
    """How far a trial has come on the ladder of rungs, kept up to date at the cost of what is new.

    Attributes:
        losses: At each rung that it has reached, its loss then.
        asked: At so many of them it was asked whether the trial may go on.
    """

    __slots__ = ("_height", "_read", "_top", "asked", "losses")

    def __init__(self, height: Callable[[int], int]) -> None:
        """Begin below all rungs; `height` is the step of each."""
        self.losses: list[Any] = []
        self.asked = 0
        self._height = height
        self._read = 0
        self._top = -1

    def update(self, reports: Mapping[int, Any], signs: tuple[float, ...]) -> None:
        """Read the reports that have come since the last call."""
        for step, _ in islice(reports.items(), self._read, None):
            self._top = max(self._top, step)
            loss = loss_of(signs, reports[self._top])
            while loss is not None and self._height(len(self.losses)) <= self._top:
                self.losses.append(loss)
        self._read = len(reports)

    def is_lost(self, reports: Mapping[int, float]) -> bool:
        """Whether the next rung is reached, but with NaN."""
        return self._top >= self._height(len(self.losses)) and bool(reports)


@final
@dataclass(frozen=True)
class Rungs:
    """A fold: the losses of finished trials at each rung, in ascending order.

    Attributes:
        height: Steps of the rungs: `height` times the powers of `factor`.
        factor: See `height`.
        late: Whether trials count only from when a first COMPLETE one with reports was told.
        group: Which trials count, a name whose last item is
        part: what this function of their number gives; None if all do.
    """

    height: int
    factor: int
    late: bool = False
    group: tuple[Hashable, ...] = ()
    part: Callable[[int], Hashable] | None = field(default=None, compare=False)

    def step(self, rung: int) -> int:
        """The step at which a rung is reached."""
        return self.height * int(self.factor**rung)

    def has(self, number: int) -> bool:
        """Whether a trial counts."""
        return self.part is None or self.part(number) == self.group[-1]

    def start(self, history: History) -> Reached:
        """No trials yet."""
        return Reached([], not self.late)

    def extend(self, state: Reached, history: History, first: int, last: int) -> Reached:
        """Take in the curves of trials, however they ended; O(their reports)."""
        new: list[list[Any]] = []  # by rung
        places: dict[bytes, list[int] | None] = {}
        for row, number in enumerate(history.numbers[first:last].tolist(), start=first):
            if row not in history.curves:
                continue
            if not state.begun:
                state.begun = bool(history.states[row] == TrialState.COMPLETE)
            elif self.has(number):
                for rung, loss in enumerate(self._losses(history, row, places)):
                    if rung == len(new):
                        new.append([])
                    new[rung].append(loss)
        for rung, losses in enumerate(new):
            if rung == len(state.losses):
                state.losses.append([])
            known = state.losses[rung]
            if len(losses) > _FEW or len(history.signs) > 1:
                known += losses
                if len(history.signs) == 1:
                    known.sort()
            else:
                for loss in losses:
                    insort(known, loss)
        return state

    def _losses(
        self, history: History, row: int, places: dict[bytes, list[int] | None]
    ) -> list[Any]:
        """The losses of a trial at the rungs that it reached; `places` are those of other trials.

        They say where in a curve of the same steps the rungs are; None if steps do not rise.
        """
        steps, values = history.curves[row]
        if values.ndim == 1 and not np.isnan(values).any():
            key = steps.tobytes()
            if key not in places:
                places[key] = self._places(steps)
            found = places[key]
            if found is not None:
                return [history.signs[0] * loss for loss in values[found].tolist()]
        climb = Climb(self.step)
        climb.update(dict(zip(steps.tolist(), values.tolist(), strict=True)), history.signs)
        return climb.losses

    def _places(self, steps: IntArray) -> list[int] | None:
        """Where the rungs are reached, if the steps rise."""
        if not (steps[1:] > steps[:-1]).all():
            return None
        last, rung, found = int(steps[-1]), 0, []
        while (height := self.step(rung)) <= last:
            found.append(int(steps.searchsorted(height)))
            rung += 1
        return found


@final
@dataclass
class Reached:
    """Who has reached the rungs.

    Attributes:
        losses: At each rung, in ascending order; with several objectives in any.
        begun: Whether trials count from now on.
    """

    losses: list[list[Any]]
    begun: bool


class SuccessiveHalvingPruner(RulePruner):
    """Lets the best `1 / reduction_factor` of the trials that reach a rung go on to the next one.

    Rungs are at the steps `min_resource * reduction_factor ** (min_early_stopping_rate + k)`.
    Whoever reaches one is compared with all that have reached it before, those included that run
    now. With fewer than `reduction_factor` of them the best one goes on. Between rungs no trial is
    stopped. A trial that reaches a rung with NaN is stopped.

    With several objectives, those trials are better that fewer others at the rung dominate.

    Args:
        min_resource: The step of the lowest rung at rate 0; "auto": a hundredth of the last step
            of the first complete trial, at least 1. Nothing is stopped before there is one.
        reduction_factor: One in how many goes on.
        min_early_stopping_rate: How many of the lowest rungs to leave out.
        bootstrap_count: No trial goes beyond a rung before more than so many have reached it.

    Raises:
        ValueError: If an argument is out of its range, or `bootstrap_count` is given and
            `min_resource` is not.
        TypeError: If one is no whole number.

    Cost: O(reports) once per trial, O(log n + running trials) per rung.

    Source: L. Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020,
        arXiv:1810.05934, algorithm 2, without promotion of trials that were stopped.
    """

    reads_running = True

    def __init__(
        self,
        min_resource: str | int = "auto",
        reduction_factor: int = 4,
        min_early_stopping_rate: int = 0,
        bootstrap_count: int = 0,
    ) -> None:
        self._min_resource = resource("min_resource", min_resource)
        self._reduction_factor = count("reduction_factor", reduction_factor, 2)
        self._rate = count("min_early_stopping_rate", min_early_stopping_rate, 0)
        self._bootstrap_count = count("bootstrap_count", bootstrap_count, 0)
        if self._bootstrap_count and self._min_resource is None:
            raise invalid("bootstrap_count", "be 0 when `min_resource` is 'auto'", bootstrap_count)
        self._climbs = Climbs()

    def stops(self, history: History, trial: Contender) -> bool:
        """Whether the trial has reached a rung and is not among the best there."""
        lowest, late = self._min_resource, False
        if lowest is None:
            length = history.derived(_FIRST_LENGTH)
            if length is None:
                return False
            lowest, late = max(length // 100, 1), True
        rungs = Rungs(lowest * self._reduction_factor**self._rate, self._reduction_factor, late)
        return self._climbs.stops(rungs, history, trial, self._bootstrap_count)


@final
class Climbs:
    """The climbs of running trials; a cache, but for which rungs they were asked at."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, Rungs, int], Climb] = {}

    def __reduce__(self) -> tuple[type[Climbs], tuple[()]]:
        return Climbs, ()

    def stops(self, rungs: Rungs, history: History, trial: Contender, bootstrap: int) -> bool:
        """Whether a trial is not among the best at a rung where it was not asked yet."""
        climb = self._climb(rungs, history, trial.number, trial.reports)
        if climb.asked == len(climb.losses):
            return climb.is_lost(trial.reports)
        past = history.derived(rungs).losses
        others = [
            self._climb(rungs, history, number, draft.reports).losses
            for number, draft in list(history.open.items())
            if number != trial.number and draft.reports and rungs.has(number)
        ]
        while climb.asked < len(climb.losses):
            rung = climb.asked
            climb.asked += 1
            loss, done = climb.losses[rung], past[rung] if rung < len(past) else []
            now = [losses[rung] for losses in others if rung < len(losses)]
            n = len(done) + len(now) + 1
            if isinstance(loss, tuple):
                better = dominance.better_than([*done, *now], loss)
            else:
                better = bisect_left(done, loss) + sum(other < loss for other in now)
            if n <= bootstrap or better > max(0, n // rungs.factor - 1):
                return True
        return climb.is_lost(trial.reports)

    def _climb(
        self, rungs: Rungs, history: History, number: int, reports: Mapping[int, float]
    ) -> Climb:
        key = id(history), rungs, number
        climb = self._known.get(key)
        if climb is None:
            if len(self._known) >= _KEPT:
                self._known = {k: c for k, c in self._known.items() if k[2] in history.open}
            climb = self._known[key] = Climb(rungs.step)
        climb.update(reports, history.signs)
        return climb


def resource(name: str, value: str | int) -> int | None:
    """An argument that is a number of steps, or "auto", which is None.

    Raises:
        InvalidValueError: If it is another text, or below 1.
        InvalidTypeError: If it is neither text nor a whole number.
    """
    if value == "auto":
        return None
    if isinstance(value, str):
        raise invalid(name, "be 'auto' or an int", value)
    return count(name, value, 1)


_FIRST_LENGTH = FirstLength()
