"""When a run is over, and how large the population of the next one is.

Source: N. Hansen, "The CMA evolution strategy: a tutorial", 2016, arXiv:1604.00772 (appendix B.3);
A. Auger, N. Hansen, "A restart CMA evolution strategy with increasing population size", CEC 2005,
doi:10.1109/CEC.2005.1554902; N. Hansen, "Benchmarking a bi-population CMA-ES on the BBOB-2009
function testbed", GECCO 2009, doi:10.1145/1570256.1570333.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skipjack.numerics.cma.evolution import BoolArray, State, spread

_SMALL, _FLAT, _ILL = 1e-11, 1e-12, 1e14


class Progress(NamedTuple):
    """The losses of past generations of one run.

    Attributes:
        best, median: Of each generation, the latest last; as many as are needed.
        widest: The range of losses in the latest generation.
    """

    best: tuple[float, ...] = ()
    median: tuple[float, ...] = ()
    widest: float = math.inf


def noted(progress: Progress, losses: Sequence[float], d: int, n: int) -> Progress:
    """The progress with one more generation; `losses` in ascending order."""
    keep = 120 + math.ceil(30 * d / n)
    return Progress(
        (*progress.best[-keep:], losses[0]),
        (*progress.median[-keep:], losses[len(losses) // 2]),
        losses[-1] - losses[0],
    )


def is_over(
    state: State, progress: Progress, n: int, sigma: float, discrete: BoolArray | None = None
) -> bool:
    """Whether going on is of no use.

    Args:
        state: The state after a generation.
        progress: The losses so far.
        n: The population size.
        sigma: The step size that the run began with.
        discrete: Parameters that have values rather than places, whose spread does not count.
    """
    width = spread(state)
    if not (np.isfinite(width).all() and np.isfinite(state.mean).all()):
        return True
    d = len(width)
    free = width if discrete is None else width[~discrete]
    if len(free) and (free < _SMALL * sigma).all():
        return True
    lengths = np.diagonal(state.cov) if state.cov.ndim == 2 else state.cov
    if state.sigma * math.sqrt(float(lengths.max())) > 1e4 * max(sigma, 1e-300):
        return True
    if float(lengths.max()) > _ILL * max(float(lengths.min()), 1e-300):
        return True
    recent = 10 + math.ceil(30 * d / n)
    best = progress.best
    if len(best) >= recent:
        latest = best[-recent:]
        span = max(latest) - min(latest)
        if span <= _FLAT * (1 + abs(min(latest))) and progress.widest <= _FLAT * (
            1 + abs(min(latest))
        ):
            return True
    return _stagnates(progress, recent + 110)


def _stagnates(progress: Progress, least: int) -> bool:
    """Whether the best and the median of late generations are no better than of earlier ones."""
    n = len(progress.best)
    if n < least:
        return False
    part = max(1, int(0.3 * n))
    return all(
        np.median(series[-part:]) >= np.median(series[:part])
        for series in (progress.best, progress.median)
    )


class Regime(NamedTuple):
    """How the next run begins.

    Attributes:
        population: Its population size.
        shrunk: What the step size is multiplied by.
        runs: How many runs there were with a growing population.
        large, small: Evaluations spent in runs of growing and of small populations.
        is_small: Whether this run is of the second kind.
    """

    population: int
    shrunk: float = 1.0
    runs: int = 0
    large: int = 0
    small: int = 0
    is_small: bool = False


def following(
    regime: Regime,
    spent: int,
    strategy: str | None,
    first: int,
    factor: int,
    u: tuple[float, float],
) -> Regime:
    """The next regime.

    Args:
        regime: The one of the run that is over, and `spent`, its evaluations.
        spent: See there.
        strategy: "ipop": populations grow; "bipop": runs with small ones take as many
            evaluations as those with large ones; None: the population stays.
        first: The population size of the first run.
        factor: By how much it grows.
        u: Two uniform numbers.
    """
    large = regime.large + (0 if regime.is_small else spent)
    small = regime.small + (spent if regime.is_small else 0)
    if strategy is None:
        return regime._replace(large=large, small=small, runs=regime.runs + 1)
    runs = regime.runs
    if strategy == "bipop" and runs > 0 and small < large:
        greatest = first * factor**runs
        size = int(first * (0.5 * greatest / first) ** (u[0] ** 2))
        return Regime(max(2, size), 10 ** (-2 * u[1]), runs, large, small, True)
    return Regime(first * factor ** (runs + 1), 1.0, runs + 1, large, small)
