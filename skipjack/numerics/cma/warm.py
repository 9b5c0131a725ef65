"""A first distribution from solutions of a similar task.

Source: M. Nomura, S. Watanabe, Y. Akimoto, Y. Ozaki, M. Onishi, "Warm starting CMA-ES for
hyperparameter optimization", AAAI 2021, doi:10.1609/aaai.v35i10.17109 (section 4.2).
"""

from __future__ import annotations

import math

import numpy as np

from skipjack.numerics.cma.evolution import FloatArray

_BEST, _WIDTH = 0.1, 0.1


def promising(
    points: FloatArray, best: float = _BEST, width: float = _WIDTH
) -> tuple[FloatArray, float, FloatArray]:
    """The normal distribution nearest to a mixture of one kernel at each of the best points.

    Args:
        points: On the unit cube, best first, shape (n, d), n > 0.
        best: The share of them that counts.
        width: The standard deviation of a kernel.

    Returns:
        Mean, step size and covariance with determinant 1.
    """
    top = points[: max(1, math.ceil(best * len(points)))]
    mean = top.mean(axis=0)
    cov = width**2 * np.eye(points.shape[1]) + (top - mean).T @ (top - mean) / len(top)
    _, log_det = np.linalg.slogdet(cov)
    sigma = math.exp(log_det / (2 * points.shape[1]))
    return mean, sigma, cov / sigma**2
