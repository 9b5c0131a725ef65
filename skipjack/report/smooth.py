"""What the neighbours of a trial say of it: smoothed losses.

Source: C. E. Rasmussen, C. K. I. Williams, "Gaussian processes for machine learning", MIT Press
2006, chapter 2; T. Hastie, R. Tibshirani, J. Friedman, "The elements of statistical learning",
2nd edition, section 6.1 (kernel smoothers).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skipjack.numerics.gp.fit import Data, Prior, settle
from skipjack.numerics.gp.posterior import posterior
from skipjack.records.space import FloatArray, IntArray
from skipjack.report.judged import Judged

_MOST = 250  # trials that the process is given
_NOISE = (-2.0, 1.5)
_LEAST_NOISE = 0.03  # of the variance of the losses, without scores of folds
_WIDTHS = (0.1, 0.15, 0.2)  # of neighbourhoods, in units of a range
_CANDIDATES = 1000  # of the lowest losses, that neighbourhoods are looked at for
_PRIOR = 2.0  # trials of median loss that each neighbourhood has besides


class _Belief(NamedTuple):
    """What a process is made with.

    Attributes:
        clip: Quantile of the losses; how bad the worse ones are tells nothing of the good ones.
        lengths: Mean and standard deviation of the log of length-scales.
        caution: Times the variance between folds: folds of the same data agree too much.
    """

    clip: float
    lengths: tuple[float, float]
    caution: float


_BELIEFS = (_Belief(0.7, (-0.3, 0.8), 8.0), _Belief(0.8, (0.3, 0.8), 4.0))


class Smoothed(NamedTuple):
    """What a model expects of n trials.

    Attributes:
        mean: Expected losses, shape (n,); those far above the good ones are too low.
        score: What trials are ranked by, lower is better, shape (n,); infinite for those that are
            not among the 1,000 of the lowest losses.
        noise: The standard deviation of a loss by chance.
    """

    mean: FloatArray
    score: FloatArray
    noise: float


def smoothed(trials: Judged) -> Smoothed:
    """Expected losses of trials, given those of all.

    The score is the sum of two Gaussian processes and of kernel smoothers of three widths: the
    processes find which parameters matter, the smoothers do not believe a lone good value, and
    what several of them agree on is more than what one says.

    Cost: O(min(n, 250)³ + n min(n, 1000)).
    """
    losses = trials.losses
    known = noise_of_folds(trials)
    found = [_process(trials, belief, known) for belief in _BELIEFS]
    if any(each is None for each in found):
        return Smoothed(losses.copy(), np.zeros(len(losses)), 0.0)
    (mean, noise), *_ = fitted = [each for each in found if each is not None]
    chosen = np.sort(np.argsort(losses, kind="stable")[:_CANDIDATES])
    score = np.full(len(losses), np.inf)
    score[chosen] = np.sum([_standard(means[chosen]) for means, _ in fitted], axis=0)
    values = _compressed(losses)
    for width in _WIDTHS:
        score[chosen] += 0.5 * _standard(_local(trials.features, chosen, values, width))
    return Smoothed(mean, score, noise if known is None else known)


def _process(
    trials: Judged, belief: _Belief, known: float | None
) -> tuple[FloatArray, float] | None:
    """Means of a process at all trials, shape (n,), and its noise; None if all are equal."""
    losses = trials.losses
    top = float(np.quantile(losses, belief.clip, method="higher"))
    clipped = np.minimum(losses, top)
    centre, unit = float(clipped.mean()), float(clipped.std())
    if not unit > 1e-13 * float(np.abs(clipped).max()):
        return None
    z = (clipped - centre) / unit
    least = _LEAST_NOISE
    if known is not None:
        least = min(max(belief.caution * (known / unit) ** 2, 1e-4), 0.9)
    chosen = _representative(losses)
    start = np.full(int(trials.groups.max(initial=-1)) + 3, belief.lengths[0])
    start[-2:] = 0.0, -1.0
    data = Data(trials.features[chosen], trials.groups, z[chosen], np.zeros(len(chosen)))
    settled = settle(data, Prior(belief.lengths, noise=_NOISE, least_noise=least), start, 60)
    mean = posterior(data, settled.log).means(trials.features)[:, 0]
    return centre + unit * mean, unit * math.exp(0.5 * float(settled.log[-1]))


def noise_of_folds(trials: Judged) -> float | None:
    """The standard deviation of a mean over folds that trial and fold together make.

    What a fold adds to all trials is no noise between them. Of the better half of the trials.
    """
    if trials.folds is None:
        return None
    there = np.flatnonzero(np.isfinite(trials.folds).all(axis=1))
    chosen = there[np.argsort(trials.losses[there], kind="stable")[: (len(there) + 1) // 2]]
    n, k = len(chosen), trials.folds.shape[1]
    if n < 3:
        return None
    table = trials.folds[chosen]
    rest = table - table.mean(axis=0) - table.mean(axis=1)[:, None] + table.mean()
    return math.sqrt(float(np.square(rest).sum()) / ((n - 1) * (k - 1) * k))


def _representative(losses: FloatArray) -> IntArray:
    """Indices of all trials; of very many, half the best and half evenly of the others."""
    order = np.argsort(losses, kind="stable")
    if len(order) > _MOST:
        half = _MOST // 2
        others = np.linspace(half, len(order) - 1, half).astype(int)
        order = np.concatenate([order[:half], order[others]])
    return np.sort(order)


def _compressed(losses: FloatArray) -> FloatArray:
    """Losses in units of the spread of the better ones, the worse ones drawn near."""
    centre = float(np.median(losses))
    spread = float(np.std(losses[losses <= np.quantile(losses, 0.75)]))
    z = (losses - centre) / max(spread, 1e-300)
    return np.where(z > 0, np.log1p(np.maximum(z, 0.0)), z)


def _local(features: FloatArray, chosen: IntArray, values: FloatArray, width: float) -> FloatArray:
    """Weighted means over the neighbourhoods of chosen trials, shape (len(chosen),)."""
    squares = np.einsum("ij,ij->i", features, features)
    d2 = squares[chosen, None] + squares - 2.0 * features[chosen] @ features.T
    weights = np.exp(np.maximum(d2, 0.0) * (-0.5 / width**2))
    sums = weights @ values + _PRIOR * float(np.median(values))
    return np.asarray(sums / (weights.sum(axis=1) + _PRIOR))


def _standard(values: FloatArray) -> FloatArray:
    spread = float(values.std())
    return np.asarray((values - values.min()) / (spread if spread > 0 else 1.0))
