"""How much better a study could still become."""

from __future__ import annotations

import math
import sys
from typing import final

import numpy as np

from skipjack import _optional
from skipjack.errors import InvalidValueError, invalid
from skipjack.numerics.gp.kernel import matern, squared_distances
from skipjack.numerics.gp.posterior import Posterior
from skipjack.records.space import FloatArray, IntArray
from skipjack.rng import stream
from skipjack.terminator import model
from skipjack.terminator.arguments import at_least, seed_of
from skipjack.terminator.base import OnColumns, Past, need_trials

special = _optional.lazy("scipy.special")

_MOST = 256  # observations of a process
_BAD = -2.0  # standard deviations: what a choice is that the best trials do not have
_OF_OTHERS = 8  # trials of such a choice
_NEVER = sys.float_info.max * 0.5  # more than any error


@final
class RegretBoundEvaluator(OnColumns):
    """An upper bound of how far the best value is from the best possible, with 90 % probability.

    A Gaussian process is given the better half of the trials, at most the 256 best. A choice that
    none of these has is known to be bad from its best trials.

    Args:
        top_trials_ratio: The share of the trials that the process is given.
        min_n_trials: How many it is given at least.
        seed: Decides where the bound is looked for first; None: always the same.

    Raises:
        ValueError: If an argument is out of range.

    Source: Makarova et al. 2022 (see `terminator.model`).
    """

    def __init__(
        self, top_trials_ratio: float = 0.5, min_n_trials: int = 20, seed: int | None = None
    ) -> None:
        if not 0.0 < top_trials_ratio <= 1.0:
            raise invalid("top_trials_ratio", "be above 0 and at most 1", top_trials_ratio)
        self._ratio = float(top_trials_ratio)
        self._least = at_least("min_n_trials", min_n_trials, 1)
        self._seed = seed_of(seed)

    def judge(self, past: Past) -> float:
        """The bound, in the unit of the objective.

        Args:
            past: The trials to look at.

        Raises:
            ValueError: If there are no complete trials, or they have no parameter in common.
        """
        need_trials(past, "RegretBoundEvaluator")
        if not len(past.space):
            raise InvalidValueError(
                "RegretBoundEvaluator needs a parameter that all complete trials have in the same "
                "range, but there is none. Use BestValueStagnationEvaluator."
            )
        losses = _finite(past.losses)
        n = len(losses)
        k = min(max(int(n * self._ratio), self._least), n, _MOST)
        order = np.argsort(losses, kind="stable")
        scores, unit = _scores(losses[order[:k]])
        others = _first_of_each(past, order, k)
        scores = np.append(scores, np.full(len(others), min(float(scores.min()), _BAD)))
        features = model.Features(past.space)
        x = features.of(past.places[np.append(order[:k], others)])
        fitted = model.fit(x, features.groups, scores)
        drawing = stream(self._seed, n, "regret")
        return unit * model.regret_bound(fitted.process, x, features, 0.1, drawing)


@final
class BestValueStagnationEvaluator(OnColumns):
    """How many trials are left until the best value has been the same for too long.

    Args:
        max_stagnation_trials: For how many trials it may.

    Raises:
        ValueError: If that is negative.
    """

    def __init__(self, max_stagnation_trials: int = 30) -> None:
        self._most = at_least("max_stagnation_trials", max_stagnation_trials, 0)

    def judge(self, past: Past) -> float:
        """The number of trials that are left; negative, if none are.

        Args:
            past: The trials to look at.

        Raises:
            ValueError: If there are no complete trials.
        """
        need_trials(past, "BestValueStagnationEvaluator")
        return self._most - (len(past.losses) - 1 - past.best)


@final
class EMMREvaluator(OnColumns):
    """The gap of expected minimum model regrets: what the newest trial taught of the optimum.

    A Gaussian process is given all trials, at most the 128 best and the 128 newest.

    Args:
        deterministic_objective: Whether the objective has no noise.
        delta: The probability that the bound inside does not hold.
        min_n_trials: Below so many trials nothing is said: the value is huge.
        seed: Decides where that bound is looked for first; None: always the same.

    Raises:
        ValueError: If an argument is out of range.

    Source: H. Ishibashi, M. Karasuyama, I. Takeuchi, H. Hino, "A stopping criterion for Bayesian
        optimization by the gap of expected minimum simple regrets", AISTATS 2023, theorem 1,
        equation 4 and algorithm 1. Both regrets are those of one process, before and after the
        newest trial.
    """

    def __init__(
        self,
        deterministic_objective: bool = False,
        delta: float = 0.1,
        min_n_trials: int = 2,
        seed: int | None = None,
    ) -> None:
        if not 0.0 < delta < 1.0:
            raise invalid("delta", "be between 0 and 1", delta)
        self._exact = bool(deterministic_objective)
        self._delta = float(delta)
        self._least = at_least("min_n_trials", min_n_trials, 2)
        self._seed = seed_of(seed)

    def judge(self, past: Past) -> float:
        """The gap, in standard deviations of the objective's values.

        Args:
            past: The trials to look at.
        """
        n = len(past.losses)
        if n < self._least or not len(past.space):
            return _NEVER
        losses = _finite(past.losses)
        rows = _best_and_newest(losses)
        scores, _ = _scores(losses[rows])
        features = model.Features(past.space)
        x = features.of(past.places[rows])
        fitted = model.fit(x, features.groups, scores, self._exact)
        before = model.without_last(fitted)
        bound = model.regret_bound(
            before, x[:-1], features, self._delta, stream(self._seed, n, "emmr")
        )
        gap = _gap(before, fitted.process, x, scores) + bound * _learnt(before, x[-1:], scores[-1])
        return min(gap, _NEVER)


def _gap(before: Posterior, now: Posterior, x: FloatArray, scores: FloatArray) -> float:
    """How much the expected regret of the best point can have changed, shape (n, D) and (n,)."""
    pair = x[[int(scores.argmax()), int(scores[:-1].argmax())]]
    at = now.at(pair)
    change = float(before.at(pair[1:]).means[0, 0] - at.means[0, 0])
    kernel = matern(squared_distances(at.x, now.points))[0] * now.scale
    across = now.scale * matern(squared_distances(at.x, at.x))[0][0, 1]
    across -= float(at.weights[0] @ kernel[1])
    v = math.sqrt(max(1e-10, float(at.variance.sum()) - 2.0 * float(across)))
    g = -change / v
    density = math.exp(-0.5 * g * g) / math.sqrt(2.0 * math.pi)
    return change + v * (density + g * float(special.ndtr(g)))


def _learnt(before: Posterior, x: FloatArray, score: float) -> float:
    """√(KL / 2) of the process after a score at x, shape (1, D), from that before."""
    at = before.at(x)
    variance, noise = float(at.variance[0]), before.noise
    total = variance + noise
    divergence = math.log1p(variance / noise) - variance / total
    divergence += variance * (score - float(at.means[0, 0])) ** 2 / total**2
    return math.sqrt(max(0.5 * 0.5 * divergence, 0.0))


def _best_and_newest(losses: FloatArray) -> IntArray:
    """Which trials a process is given, ascending; the newest is always one."""
    n = len(losses)
    if n <= _MOST:
        return np.arange(n)
    best = np.argsort(losses, kind="stable")[: _MOST // 2]
    return np.union1d(best, np.arange(n - _MOST // 2, n))


def _first_of_each(past: Past, order: IntArray, k: int) -> IntArray:
    """The best trials of each choice that the k best do not have, from all in `order`."""
    found = np.zeros(0, np.int64)
    for j in np.flatnonzero(past.space.categorical).tolist():
        codes = past.places[order, j]
        for code in np.setdiff1d(codes[k:], codes[:k]).tolist():
            found = np.union1d(found, order[codes == code][:_OF_OTHERS])
    return found


def _finite(losses: FloatArray) -> FloatArray:
    """Losses with infinite ones as bad, or as good, as the others are."""
    some = losses[np.isfinite(losses)]
    low, high = (some.min(), some.max()) if len(some) else (0.0, 0.0)
    return np.clip(losses, low, high)


def _scores(losses: FloatArray) -> tuple[FloatArray, float]:
    """Losses standardised and turned round, shape (n,), and their unit."""
    size = float(np.abs(losses).max()) or 1.0
    moderate = losses / size
    unit = max(1e-10, float(moderate.std()))
    return np.asarray((moderate.mean() - moderate) / unit), unit * size
