"""Small changes of genes."""

from __future__ import annotations

import numpy as np

from skipjack.numerics.genetic.crossover import FloatArray


def polynomial(x: FloatArray, eta: float, u: FloatArray) -> FloatArray:
    """Genes after a change whose density falls as a polynomial of degree `eta`.

    Args:
        x: Genes in [0, 1].
        eta: At least 0; the larger, the smaller the change.
        u: Numbers that are uniform in [0, 1), of the same shape; 0.5 changes nothing.

    Returns:
        Genes in [0, 1], of the same shape.

    Source: K. Deb, S. Agrawal, "A niched-penalty approach for constraint handling in genetic
        algorithms", ICANNGA 1999, doi:10.1007/978-3-7091-6384-9_40 (for bounded variables).
    """
    down = u < 0.5
    room = np.where(down, 1.0 - x, x) ** (eta + 1.0)
    v = np.where(down, 2.0 * u, 2.0 * (1.0 - u))
    shift = (v + (1.0 - v) * room) ** (1.0 / (eta + 1.0)) - 1.0
    return np.asarray(np.clip(x + np.where(down, shift, -shift), 0.0, 1.0))
