"""Where the good trials lie in their ranges, and which ranges would suit them better."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from skipjack.distributions import BaseDistribution, FloatDistribution, IntDistribution
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray

_NEAR = 0.03  # of a range, from its end
_MANY = 0.5  # of the good trials near an end
_FEWEST_GOOD = 5
_WIDER = 0.5  # of a range, added at an end
_NARROW = 0.4  # of a range, that all good trials lie in
_MARGIN = 0.5  # of the width of where they lie, kept on both sides,
_LEAST_MARGIN = 0.05  # and of the range, at least


class Place(NamedTuple):
    """Where the good trials of a parameter lie.

    Attributes:
        name: The parameter's.
        dist: Its range.
        end: "low" or "high" if they lie at an end, "inside" if they lie close together, "".
        share: Of the good trials near that end, or of the range that they take up.
        better: A range that would suit them better; None: there is none.
    """

    name: str
    dist: FloatDistribution | IntDistribution
    end: str
    share: float
    better: BaseDistribution | None


def places(history: History, good: IntArray, best: int) -> Iterator[Place]:
    """What is to be said of each numerical parameter.

    Args:
        history: The trials.
        good: Rows of the good ones.
        best: The row of the best one.
    """
    space = history.space
    columns = history.columns(space)
    for (name, dist), column in zip(space.items(), columns.tolist(), strict=True):
        if not isinstance(dist, FloatDistribution | IntDistribution) or dist.single():
            continue
        values = history.values[good, column]
        values = values[~np.isnan(values)]
        top = float(history.values[best, column])
        if len(values) >= _FEWEST_GOOD and not math.isnan(top):
            yield _place(name, dist, values, top)


def _place(
    name: str, dist: FloatDistribution | IntDistribution, values: FloatArray, best: float
) -> Place:
    scaled, top = _scaled(dist, values), float(_scaled(dist, np.array([best]))[0])
    near = _NEAR if dist.step is None or isinstance(dist, FloatDistribution) else 1e-9
    for end, away, mine in (("low", scaled, top), ("high", 1.0 - scaled, 1.0 - top)):
        share = float((away <= near).mean())
        if share >= _MANY and mine <= near:
            return Place(name, dist, end, share, _widened(dist, end))
    low, high = float(scaled.min()), float(scaled.max())
    width = high - low
    if _cells(dist) > 8 and 0 < width <= _NARROW:
        margin = max(_MARGIN * width, _LEAST_MARGIN)
        low, high = max(0.0, low - margin), min(1.0, high + margin)
        return Place(name, dist, "inside", width, _within(dist, low, high))
    return Place(name, dist, "", 0.0, None)


def _scaled(dist: Any, values: FloatArray) -> FloatArray:
    """Places from 0 to 1 between the ends, which themselves are 0 and 1."""
    low, high = float(dist.low), float(dist.high)
    if dist.log:
        return np.asarray(np.log(values / low) / math.log(high / low))
    return np.asarray((values - low) / (high - low))


def _cells(dist: Any) -> float:
    step = dist.step
    return math.inf if step is None else (dist.high - dist.low) / step + 1


def _widened(dist: Any, end: str) -> BaseDistribution | None:
    """The range with more beyond one end; None where 0 is a natural end."""
    low, high = dist.low, dist.high
    if dist.log:
        factor = max(10.0, (high / low) ** (_WIDER / 2)) if isinstance(low, float) else 4
        low, high = (low / factor, high) if end == "low" else (low, high * factor)
    else:
        more = _WIDER * (high - low)
        if end == "low":
            if low == 0 or (isinstance(dist, IntDistribution) and low == 1):
                return None
            low = max(low - more, 0 * low) if low > 0 else low - more
        else:
            if isinstance(dist, FloatDistribution) and low >= 0 and high == 1.0:
                return None  # a share
            high = high + more
    return _made(dist, low, high)


def _within(dist: Any, low: float, high: float) -> BaseDistribution | None:
    """The part of a range between two places."""
    a, b = dist.low, dist.high
    ends = [a * (b / a) ** u if dist.log else a + u * (b - a) for u in (low, high)]
    return _made(dist, *ends)


def _made(dist: Any, low: float, high: float) -> BaseDistribution | None:
    if isinstance(dist, IntDistribution):
        first = dist.low + math.floor((low - dist.low) / dist.step) * dist.step
        last = dist.low + math.ceil((high - dist.low) / dist.step) * dist.step
        least = 1 if dist.low >= 1 else 0 if dist.low >= 0 else first
        while first < least:
            first += dist.step
        made: BaseDistribution = IntDistribution(first, last, log=dist.log, step=dist.step)
    elif dist.step is not None:
        before, after = (math.floor((v - dist.low) / dist.step) for v in (low, high))
        low, high = (round(dist.low + k * dist.step, 12) for k in (before, after + 1))
        made = FloatDistribution(low, high, step=dist.step)
    else:
        made = FloatDistribution(_rounded(low), _rounded(high), log=dist.log)
    return None if made == dist else made


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
