"""Where companions of Optuna look for the hypervolume."""

from __future__ import annotations

import numpy as np

from skipjack.errors import invalid
from skipjack.numerics.hypervolume import FloatArray, hypervolume

__all__ = ["compute_hypervolume"]


def compute_hypervolume(
    loss_vals: FloatArray, reference_point: FloatArray, assume_pareto: bool = False
) -> float:
    """The volume that points dominate up to a reference; see `numerics.hypervolume`.

    Args:
        loss_vals: Losses to minimise, shape (n, m).
        reference_point: The worst losses that count, shape (m,).
        assume_pareto: Has no effect: points that others dominate cost next to nothing.

    Returns:
        The volume; inf if the reference is not finite.

    Raises:
        ValueError: If a loss is worse than the reference, or NaN.
    """
    points, reference = np.asarray(loss_vals, float), np.asarray(reference_point, float)
    if not (points <= reference).all():
        raise invalid("loss_vals", "nowhere be above `reference_point`", loss_vals)
    if not np.isfinite(reference).all():
        return float("inf")
    return hypervolume(points.reshape(-1, len(reference)), reference)
