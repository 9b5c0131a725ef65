"""How many trials are good and what trials weigh in Hyperopt, for `hyperopt_parameters`."""

from __future__ import annotations

import math

import numpy as np

from skipjack.records.space import FloatArray


def hyperopt_gamma(n: int) -> int:
    """A quarter of the root of the number of trials, at most 25."""
    return min(math.ceil(0.25 * math.sqrt(n)), 25)


def ramp(n: int) -> FloatArray:
    """Weights of `n` trials, oldest first: rising to 1 linearly, 1 for the last 25."""
    if n < 25:
        return np.ones(n)
    return np.concatenate([np.linspace(1.0 / n, 1.0, n - 25), np.ones(25)])
