"""A margin, below which no neighbouring value of an integer parameter becomes improbable.

Source: R. Hamano, S. Saito, M. Nomura, S. Shirakawa, "CMA-ES with margin: lower-bounding marginal
probability for mixed-integer black-box optimization", GECCO 2022, doi:10.1145/3512290.3528827
(section 4); the same with K. Uchida, "CatCMA with margin", GECCO 2025, arXiv:2504.07884 (the
probability).
"""

from __future__ import annotations

import math

import numpy as np

from skipjack.numerics.cma.evolution import BoolArray, FloatArray, State, spread

_LEAST, _MOST = 1e-12, 0.5 - 1e-9


def probability(n_discrete: int) -> float:
    """The margin with which no parameter is left as it is in 27 % of the candidates."""
    return float(1 - 0.73 ** (1 / max(1, n_discrete)))


def widened(
    state: State, which: BoolArray, below: FloatArray, above: FloatArray, alpha: float
) -> State:
    """The state, moved and widened so that values beside that of the mean keep a probability.

    Args:
        state: Any state.
        which: Which parameters are discrete, shape (d,).
        below, above: The ends of the cell that the mean lies in, shape (d,); -inf and inf where
            there is no other cell on that side.
        alpha: The probability that a value of another cell is drawn, at least.
    """
    mean, width = state.mean.copy(), spread(state)
    scale = state.scale.copy()
    for j in np.flatnonzero(which).tolist():
        low, high = below[j], above[j]
        if low == -math.inf and high == math.inf:
            continue
        if low == -math.inf or high == math.inf:  # at one end of the range
            edge, sign = (high, -1.0) if low == -math.inf else (low, 1.0)
            most = width[j] * _quantile(alpha)
            mean[j] = edge + sign * min(abs(mean[j] - edge), most)
            continue
        p_low, p_high = _beyond((mean[j] - low) / width[j]), _beyond((high - mean[j]) / width[j])
        if min(p_low, p_high) >= alpha / 2:
            continue
        p_mid = 1 - p_low - p_high
        low_1, high_1 = max(alpha / 2, p_low), max(alpha / 2, p_high)
        rest = low_1 + high_1 + p_mid - 3 * alpha / 2
        give = (1 - low_1 - high_1 - p_mid) / rest if rest > 0 else 0.0
        low_2 = low_1 + give * (low_1 - alpha / 2)
        high_2 = high_1 + give * (high_1 - alpha / 2)
        at_low, at_high = _quantile(low_2), _quantile(high_2)
        mean[j] = (low * at_high + high * at_low) / (at_low + at_high)
        scale[j] *= (high - low) / (width[j] * (at_low + at_high))
    return state._replace(mean=mean, scale=scale)


def _beyond(x: float) -> float:
    """The probability that a standard normal number is above `x`."""
    return math.erfc(x / math.sqrt(2)) / 2


def _quantile(p: float) -> float:
    """Where a standard normal number is above with probability `p` in (0, 0.5).

    Accuracy: Newton's method on `_beyond` from a crude start, to about 1e-14.
    """
    p = min(max(p, _LEAST), _MOST)
    x = math.sqrt(max(0.0, -2 * math.log(2 * p)))
    for _ in range(60):
        density = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        step = (_beyond(x) - p) / density
        x += max(-0.5, min(0.5, step))
        if abs(step) < 1e-14 * max(1.0, x):
            break
    return x
