"""A Gaussian process of the objective, standardised and to be maximised, and what it bounds."""

from __future__ import annotations

import math
from typing import NamedTuple, final

import numpy as np

from skipjack.numerics.gp.climb import climb
from skipjack.numerics.gp.fit import Data, Prior, settle
from skipjack.numerics.gp.posterior import Posterior, posterior
from skipjack.records.space import FloatArray, IntArray, Space
from skipjack.rng import Stream

_PART = 96  # observations that parameters are settled with, at most
_STEPS = 50
_LENGTHS = (0.3, 1.5)  # that settling starts from, times √d
_SAMPLES = 2048
_STARTS = 8
_CLIMB = 20


@final
class Features:
    """Places of a space as features: numbers from -½ to ½, and a corner for each choice.

    Attributes:
        groups: The length-scale of each of the D features, shape (D,).
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._numeric = np.flatnonzero(~space.categorical)
        self._cells = space.cells[self._numeric]
        self._cells = np.where(space.log[self._numeric], np.inf, self._cells)
        counts = [max(1, choices) for choices in space.choices.tolist()]
        self.groups: IntArray = np.repeat(np.arange(len(space)), counts)
        self._firsts = np.cumsum(counts) - counts

    def of(self, places: FloatArray) -> FloatArray:
        """Features of places, shape (n, D)."""
        found = np.zeros((len(places), len(self.groups)))
        found[:, self._firsts[self._numeric]] = places[:, self._numeric] - 0.5
        for j in np.flatnonzero(self._space.categorical).tolist():
            k = self._space.choices[j]
            code = np.minimum((places[:, j] * k).astype(np.int64), k - 1)
            found[np.arange(len(places)), self._firsts[j] + code] = math.sqrt(0.5)
        return found

    def spread(self, n: int, stream: Stream) -> FloatArray:
        """Features of points all over the space, shape (n, D), in the middle of their cells."""
        u = stream.uniform(n * len(self._space)).reshape(n, -1)
        with np.errstate(invalid="ignore"):
            cell = (np.floor(u[:, self._numeric] * self._cells) + 0.5) / self._cells
        u[:, self._numeric] = np.where(np.isfinite(self._cells), cell, u[:, self._numeric])
        return self.of(u)

    def reach(self, features: FloatArray) -> tuple[FloatArray, FloatArray]:
        """How far features of points may be moved: lower and upper bounds, shape (n, D)."""
        lower, upper = features.copy(), features.copy()
        free = self._firsts[self._numeric]
        lower[:, free], upper[:, free] = -0.5, 0.5
        return lower, upper


class Fit(NamedTuple):
    """A process, and what it was given.

    Attributes:
        data: The observations.
        log: Logarithms of the settled parameters.
        process: Given all observations.
    """

    data: Data
    log: FloatArray
    process: Posterior


def fit(features: FloatArray, groups: IntArray, scores: FloatArray, exact: bool = False) -> Fit:
    """A process that is given scores, shape (n,), of mean 0 and variance 1.

    Args:
        features: Shape (n, D).
        groups: Of the features.
        scores: To be maximised.
        exact: Whether there is no noise.
    """
    n, d = len(scores), int(groups.max()) + 1
    lengths = 0.5 * math.log(d) - 1.0, 0.8
    prior = Prior(lengths, scale=(0.0, 0.3), noise=None if exact else (-6.0, 2.0))  # variance 1
    data = Data(features, groups, scores, np.zeros(n))
    part = np.unique(np.linspace(0, n - 1, min(n, _PART)).astype(np.int64))
    less = Data(features[part], groups, scores[part], np.zeros(len(part)))
    settled = []
    for length in _LENGTHS:
        start = np.full(d + 2, math.log(length * math.sqrt(d)))
        start[-2:] = 0.0, -5.0
        settled.append(settle(less, prior, start, _STEPS))
    log = min(settled, key=lambda found: found.badness).log
    return Fit(data, log, posterior(data, log))


def without_last(fitted: Fit) -> Posterior:
    """The same process before the last observation."""
    data = fitted.data
    less = Data(data.features[:-1], data.groups, data.values[:-1], data.extra[:-1])
    return posterior(less, fitted.log)


def regret_bound(
    process: Posterior, observed: FloatArray, features: Features, delta: float, stream: Stream
) -> float:
    """How far the best of the observed points is below the best of all, with high probability.

    The highest upper confidence bound in the space minus the highest lower one of the observed.

    Args:
        process: Given what was observed.
        observed: Features of the n points, shape (n, D).
        features: Of the space.
        delta: The probability that the bound does not hold.
        stream: Decides where to look first.

    Source: A. Makarova et al., "Automatic termination for hyperparameter optimization", AutoML
        2022, equation 6 and section 4; the confidence as in N. Srinivas, A. Krause, S. Kakade,
        M. Seeger, "Gaussian process optimization in the bandit setting", ICML 2010, theorem 1,
        divided by 5 as in their experiments.
    """
    n, d = len(observed), int(features.groups.max()) + 1
    beta = 2.0 * math.log(d * n * n * math.pi**2 / (6.0 * delta)) / 5.0
    width = math.sqrt(max(beta, 0.0))

    def upper(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        at = process.at(x)
        spread = np.sqrt(at.variance)
        slope = at.gradient(np.ones_like(at.means), 0.5 * width / spread)
        return at.means[:, 0] + width * spread, slope

    tried = np.concatenate([observed, features.spread(_SAMPLES, stream)])
    at = process.at(tried)
    means, reach = at.means[:, 0], width * np.sqrt(at.variance)
    lowest = float((means - reach)[:n].max())
    heights = means + reach
    starts = tried[np.argsort(-heights)[:_STARTS]]
    climbed = climb(upper, starts, *features.reach(starts), _CLIMB)[1]
    return float(max(heights.max(), climbed.max())) - lowest
