"""Hyperband: several brackets of successive halving, from early stopping to none."""

from __future__ import annotations

import math
import zlib
from functools import cache

from skipjack.errors import invalid
from skipjack.pruners.base import Contender, RulePruner, count
from skipjack.pruners.halving import Climbs, FirstLength, Rungs, resource
from skipjack.records.history import History
from skipjack.records.parts import Parts

_FIRST_LENGTH = FirstLength()


class HyperbandPruner(RulePruner):
    """Spreads trials over brackets of successive halving that begin to stop trials at other steps.

    Which bracket a trial belongs to is a hash of the study's name and its number. Trials compete
    within their bracket, and our samplers see the trials of that bracket alone.

    Args:
        min_resource: The step of the lowest rung of the first bracket.
        max_resource: The last step of a trial, plus 1; "auto": as that of the first complete
            trial. Nothing is stopped before there is one.
        reduction_factor: One in how many goes on from rung to rung.
        bootstrap_count: No trial goes beyond a rung before more than so many of its bracket have
            reached it.

    Raises:
        ValueError: If an argument is out of its range, or `bootstrap_count` is given and
            `max_resource` is not.
        TypeError: If one is no whole number.

    Source: L. Li et al., "Hyperband: a novel bandit-based approach to hyperparameter
        optimization", JMLR 18 (2018) 185, algorithm 1, with asynchronous brackets.
    """

    reads_running = True

    def __init__(
        self,
        min_resource: int = 1,
        max_resource: str | int = "auto",
        reduction_factor: int = 3,
        bootstrap_count: int = 0,
    ) -> None:
        self._min_resource = count("min_resource", min_resource, 1)
        self._max_resource = resource("max_resource", max_resource)
        if self._max_resource is not None and self._max_resource < self._min_resource:
            raise invalid("max_resource", f"be at least {min_resource}", max_resource)
        self._reduction_factor = count("reduction_factor", reduction_factor, 2)
        self._bootstrap_count = count("bootstrap_count", bootstrap_count, 0)
        if self._bootstrap_count and self._max_resource is None:
            raise invalid("bootstrap_count", "be 0 when `max_resource` is 'auto'", bootstrap_count)
        self._climbs = Climbs()

    def stops(self, history: History, trial: Contender) -> bool:
        """Whether the trial has reached a rung of its bracket and is not among the best there."""
        shares = self._shares(history)
        if not shares:
            return False
        index = bracket(trial.study, trial.number, shares)
        lowest = self._min_resource * self._reduction_factor**index
        late = self._max_resource is None
        brackets = _brackets(trial.study, shares)
        rungs = Rungs(lowest, self._reduction_factor, late, (brackets.name, index), brackets.part)
        return self._climbs.stops(rungs, history, trial, self._bootstrap_count)

    def shown(self, history: History, number: int, study: str) -> History:
        """The trials of the same bracket, once it is known what the brackets are."""
        shares = self._shares(history)
        return _brackets(study, shares).of(history, number) if len(shares) > 1 else history

    def _shares(self, history: History) -> tuple[int, ...]:
        """How trials are spread over brackets; empty while that is not known."""
        length = self._max_resource
        if length is None:
            last = history.derived(_FIRST_LENGTH)
            if last is None:
                return ()
            length = max(last + 1, self._min_resource)
        return budgets(length, self._min_resource, self._reduction_factor)


def _brackets(study: str, shares: tuple[int, ...]) -> Parts:
    return Parts((study, shares), lambda number: bracket(study, number, shares))


@cache
def budgets(longest: int, shortest: int, factor: int) -> tuple[int, ...]:
    """How many trials each bracket gets, relative to the others, the most eager bracket first."""
    n = 1
    while shortest * factor**n <= longest:  # 1 + the integer part of log(longest / shortest)
        n += 1
    return tuple(math.ceil(n * factor**s / (s + 1)) for s in range(n - 1, -1, -1))


def bracket(study: str, number: int, shares: tuple[int, ...]) -> int:
    """The bracket of a trial."""
    place = zlib.crc32(f"{study}_{number}".encode()) % sum(shares)
    for index, share in enumerate(shares):
        place -= share
        if place < 0:
            return index
    raise AssertionError
