"""Small steps round the best trial, for the end of a study of known length.

Source: I. Rechenberg, "Evolutionsstrategie", Frommann-Holzboog 1973 (the one-fifth rule); S. Kern,
    S. D. Müller, N. Hansen, D. Büche, J. Ocenasek, P. Koumoutsakos, "Learning probability
    distributions in continuous evolutionary algorithms", Natural Computing 3 (2004),
    doi:10.1023/B:NACO.0000023416.59689.4e (its form for one trial at a time).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple, final

import numpy as np

from skipjack.distributions import CategoricalDistribution
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.records.states import TrialState
from skipjack.rng import Stream
from skipjack.samplers.auto.incumbent import KNOWN, LOCAL, Standing
from skipjack.samplers.tpe.seen import Seen, SeenFold, point_of

_FIRST, _LEAST, _MOST = 0.01, 0.002, 0.1  # standard deviations of a step, in units of a range
_UP = 1.5  # with success; without it the fourth root of the inverse
_LAST = 1.0 - 2.0**-53
_WIDER = 1.5  # each further try to find a point that has not been tried
_TRIES = 16
_COMPLETE = int(TrialState.COMPLETE)
_SEEN = SeenFold()


class Steps(NamedTuple):
    """How far to go, and from where.

    Attributes:
        best: Violation and loss of the best trial.
        row: Of that trial, -1 while there is none.
        size: Standard deviation of a step.
    """

    best: Standing
    row: int
    size: float


@final
class StepsFold:
    """Keeps `Steps` of a study with one objective."""

    def start(self, history: History) -> Steps:
        """No trials yet."""
        return Steps((math.inf, math.inf), -1, _FIRST)

    def extend(self, state: Steps, history: History, first: int, last: int) -> Steps:
        """Take in trials."""
        best, at, size = state
        for row in range(first, last):
            complete = int(history.states[row]) == _COMPLETE
            now = float(history.violation[row]), float(history.losses[row, 0])
            better = complete and now < best
            if better:
                best, at = now, row
            if history.samplers[int(history.by[row])].startswith(LOCAL):
                size *= _UP if better else _UP**-0.25
                size = min(max(size, _LEAST), _MOST)
        return Steps(best, at, size)


_STEPS = StepsFold()


def again(
    history: History, space: Space, stream: Stream, given: Mapping[str, float]
) -> dict[str, float]:
    """Internal values of the trials whose mean is the best, for as much of `space` as they had.

    As `step`; nothing is drawn.
    """
    found = {name: given[name] for name in space if name in given}
    leader = history.derived(KNOWN).leader
    if leader is None:
        return found
    layout, values = history.internal(leader.row)
    had = dict(zip(layout.names, values, strict=True))
    same = {n: had[n] for n, dist in space.items() if layout.by_name.get(n) == dist}
    return {**same, **found}


def step(
    history: History, space: Space, stream: Stream, given: Mapping[str, float]
) -> dict[str, float]:
    """Internal values near those of the best trial, for as much of `space` as it had.

    Each number moves by a normal deviate, and one in so many as there are parameters by a cell at
    least or to another choice. A point that was tried is left for another, further
    away, sixteen times.

    Args:
        history: The finished trials, one of them complete.
        space: What to draw.
        stream: Random numbers.
        given: Internal values that the trial has already.

    Returns:
        Values by name; only those given if no trial is complete.
    """
    state: Steps = history.derived(_STEPS)
    found = {name: given[name] for name in space if name in given}
    if state.row < 0:
        return found
    at = history.unit(space, np.array([state.row]))[0].tolist()
    base = {name: x for name, x in zip(space, at, strict=True) if x == x and name not in given}
    there = Space({name: space[name] for name in base})
    running = {point_of(point) for point in history.running(stream.trial)}
    seen = Seen(history.derived(_SEEN), running, space, history.choices)
    for k in range(_TRIES):
        found |= _moved(there, base, state.size * _WIDER**k, stream)
        if not seen.has(found):
            break
    return found


def _moved(
    there: Space, base: Mapping[str, float], size: float, stream: Stream
) -> dict[str, float]:
    """A point near that whose places are `base`."""
    n, moved = len(there), {}
    deviates = stream.normal(n).tolist()
    lots, targets = stream.uniform(2 * n).reshape(2, n).tolist()
    draws = zip(there.items(), there.cells.tolist(), deviates, lots, targets, strict=True)
    for (name, dist), cells, z, lot, target in draws:
        place, is_far = base[name], lot * n < 1
        if isinstance(dist, CategoricalDistribution):
            place = target if is_far else place
        elif is_far:
            place += math.copysign(max(size * abs(z), 1 / cells), z)
        else:
            place += size * z
        moved[name] = dist.at(_within(place))
    return moved


def _within(place: float) -> float:
    """The place, if need be reflected by an end of the range."""
    place = abs(place)
    return min(max(min(place, 2.0 - place), 0.0), _LAST)
