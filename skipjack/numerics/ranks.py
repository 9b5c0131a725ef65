"""Tests by ranks."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_EXACT = 64  # differences up to which the distribution is counted out


def signed_rank(differences: FloatArray) -> float:
    """The probability of as many or more positive signed ranks, if the signs were fair coins.

    Half of the rank of a difference that is 0 counts as positive, whichever way coins fall;
    equal magnitudes share their mean rank.

    Args:
        differences: Finite, shape (n,).

    Accuracy: exact up to 64 differences; beyond, by the normal approximation.

    Source: F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945);
        J. W. Pratt, JASA 54 (1959) on zeros.
    """
    n = len(differences)
    if not n:
        return 1.0
    doubled = doubled_ranks(np.abs(differences))
    moved = doubled[differences != 0.0]
    observed = int(doubled[differences > 0.0].sum())  # in half ranks, zeros left out
    if n <= _EXACT:
        return _tail(moved.tolist(), observed)
    variance = float((moved.astype(float) ** 2).sum()) / 4.0
    if variance == 0.0:
        return 1.0
    z = (observed - moved.sum() / 2.0) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def doubled_ranks(values: FloatArray) -> npt.NDArray[np.int64]:
    """Twice the ranks of values, from 1; equal ones share their mean rank."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: npt.NDArray[np.int64] = (2 * last - counts + 1)[which.reshape(-1)]
    return ranks


def _tail(weights: list[int], least: int) -> float:
    """The probability that a random part of the weights, each in by a coin, sums to `least`."""
    ways = np.zeros(sum(weights) + 1)
    ways[0], top = 1.0, 0
    for weight in weights:
        top += weight
        ways[weight : top + 1] += ways[: top + 1 - weight].copy()
        ways[: top + 1] *= 0.5
    return float(ways[least:].sum())
