"""Learning rates that adapt to how much of a step is signal, for many optima and for noise.

Source: M. Nomura, Y. Akimoto, I. Ono, "CMA-ES with learning rate adaptation: can CMA-ES with
default population size solve multimodal and noisy problems?", GECCO 2023,
doi:10.1145/3583131.3590358 (section 4).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skipjack.numerics.cma.evolution import FloatArray, State, decomposed

_ALPHA, _GAMMA = 1.4, 0.1
_BETA_MEAN, _BETA_COV = 0.1, 0.03


class Rate(NamedTuple):
    """One learning rate: averages of steps, shape (k,), of their squared lengths, and itself."""

    step: FloatArray
    square: float
    eta: float


class Rates(NamedTuple):
    """The rates of the mean and of the covariance."""

    mean: Rate
    cov: Rate


def start(d: int) -> Rates:
    """Full rates, before the first generation."""
    return Rates(Rate(np.zeros(d), 0.0, 1.0), Rate(np.zeros(d * d), 0.0, 1.0))


def slowed(old: State, new: State, rates: Rates) -> tuple[State, Rates]:
    """The part of the step from `old` to `new` that the rates allow, and the rates after it.

    Both are full states without scales; `old` is decomposed, and so is what comes back.
    """
    d = len(old.mean)
    inverse = old.inverse / old.sigma
    moved = new.mean - old.mean
    before, after = old.sigma**2 * old.cov, new.sigma**2 * new.cov
    changed = after - before
    mean = _adapted(rates.mean, moved @ inverse, _BETA_MEAN)
    local = (inverse.T @ changed @ inverse).ravel() / math.sqrt(2)
    cov = _adapted(rates.cov, local, _BETA_COV)
    total = before + cov.eta * changed
    _, log_det = np.linalg.slogdet(total)
    sigma = math.exp(log_det / (2 * d))
    state = new._replace(
        mean=old.mean + mean.eta * moved,
        cov=total / sigma**2,
        sigma=sigma * rates.mean.eta / mean.eta,
    )
    return decomposed(state), Rates(mean, cov)


def _adapted(rate: Rate, step: FloatArray, beta: float) -> Rate:
    mean = (1 - beta) * rate.step + beta * step
    square = (1 - beta) * rate.square + beta * float(step @ step)
    signal = float(mean @ mean)
    noise = square - signal
    ratio = (signal - beta / (2 - beta) * square) / noise if noise > 0 else math.inf
    push = max(-1.0, min(1.0, ratio / (_ALPHA * rate.eta) - 1))
    eta = rate.eta * math.exp(min(_GAMMA * rate.eta, beta) * push)
    return Rate(mean, square, min(eta, 1.0))
