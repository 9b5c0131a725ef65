"""Categorical parameters: independent probabilities that follow a natural gradient.

Shapes: q parameters of at most k choices each; n candidates.

Source: R. Hamano, S. Saito, M. Nomura, K. Uchida, S. Shirakawa, "CatCMA: stochastic optimization
for mixed-category problems", GECCO 2024, doi:10.1145/3638529.3654198; Y. Akimoto et al., "Adaptive
stochastic natural gradient method for one-shot neural architecture search", ICML 2019,
arXiv:1905.08537 (section 3: the trust region and how it adapts).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skipjack.numerics.cma.evolution import FloatArray, IntArray

_ALPHA = 1.5  # signal to noise
_MOST = 1e300


class Odds(NamedTuple):
    """Probabilities of choices, and how far they may move.

    Attributes:
        p: Shape (q, k), rows sum to 1; 0 where a parameter has no such choice.
        sizes: The number of choices of each parameter, shape (q,).
        least: A probability that no choice falls below, shape (q,).
        path: The accumulated steps, shape (q, k - 1), and `gamma`, its normalisation.
        delta: What the length of a step is divided by.
    """

    p: FloatArray
    sizes: IntArray
    least: FloatArray
    path: FloatArray
    gamma: float
    delta: float


def start(sizes: IntArray, margin: float) -> Odds:
    """All choices equally likely.

    Args:
        sizes: The number of choices of each parameter, at least 2, shape (q,).
        margin: The probability that the choices of a parameter but the likeliest share at least.
    """
    k = int(sizes.max())
    p = (np.arange(k) < sizes[:, None]) / sizes[:, None]
    least = np.minimum(margin / (sizes - 1), 1 / sizes)
    return Odds(p, sizes, least, np.zeros((len(sizes), k - 1)), 0.0, 1.0)


def ask(odds: Odds, u: FloatArray) -> IntArray:
    """Choices from uniform numbers in [0, 1), both of shape (n, q)."""
    cumulated = np.cumsum(odds.p, axis=1)
    drawn = (u[:, :, None] >= cumulated[None]).sum(axis=2)
    codes: IntArray = np.minimum(drawn, odds.sizes - 1)
    return codes


def tell(odds: Odds, codes: IntArray, weights: FloatArray) -> Odds:
    """The probabilities after a generation.

    Args:
        odds: Those before.
        codes: The choices of the candidates, best first, shape (n, q).
        weights: By rank, shape (n,); what is negative does not count.
    """
    k = odds.p.shape[1]
    weights = np.where(weights > 0, weights, 0.0)
    hot = codes[:, :, None] == np.arange(k)
    gradient = np.einsum("i,iqk->qk", weights, hot - odds.p)
    root = _fisher_root(odds, gradient)
    length = math.sqrt(float((root * root).sum())) + 1e-8
    size = 1 / odds.delta
    beta = size / math.sqrt(float((odds.sizes - 1).sum()))
    path = (1 - beta) * odds.path + math.sqrt(beta * (2 - beta)) * root / length
    gamma = (1 - beta) ** 2 * odds.gamma + beta * (2 - beta)
    grown = beta * (gamma - float((path * path).sum()) / _ALPHA)
    p = np.maximum(odds.p + size / length * gradient, 0.0)
    return odds._replace(
        p=_with_least(odds, p),
        path=path,
        gamma=gamma,
        delta=max(1.0, min(odds.delta * math.exp(grown), _MOST)),
    )


def _fisher_root(odds: Odds, gradient: FloatArray) -> FloatArray:
    """A root of the Fisher matrix of the probabilities but the last, times `gradient`.

    The matrix is diag(1 / p) + 1 / p_last.
    """
    q, _ = odds.p.shape
    rows, last = np.arange(q), odds.sizes - 1
    p_last = np.maximum(odds.p[rows, last], 1e-300)
    free = np.arange(odds.p.shape[1] - 1) < last[:, None]
    root = np.sqrt(np.where(free, np.maximum(odds.p[:, :-1], 1e-300), 1.0))
    given = np.where(free, gradient[:, :-1], 0.0)
    shared = given.sum(axis=1) / (p_last + np.sqrt(p_last))
    return np.where(free, given / root + root * shared[:, None], 0.0)


def _with_least(odds: Odds, p: FloatArray) -> FloatArray:
    """Probabilities of which none is below the least; what the others give keeps the sum."""
    there = np.arange(p.shape[1]) < odds.sizes[:, None]
    least = odds.least[:, None]
    p = np.where(there, np.maximum(p, least), 0.0)
    spare = np.where(there, p - least, 0.0)
    total, left = spare.sum(axis=1, keepdims=True), 1 - odds.least * odds.sizes
    share = np.where(
        total > 0, spare / np.where(total > 0, total, 1.0), there / odds.sizes[:, None]
    )
    return np.where(there, least + share * left[:, None], 0.0)
