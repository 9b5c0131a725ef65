"""Monotone maps that make observed values look more like draws from a Gaussian process.

Source: I.-K. Yeo, R. A. Johnson, "A new family of power transformations to improve normality or
symmetry", Biometrika 87 (2000), doi:10.1093/biomet/87.4.954; D. Eriksson, M. Poloczek, "Scalable
constrained Bayesian optimization", AISTATS 2021, arXiv:2002.08526 (the logarithm on both sides of
a limit).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skipjack.numerics.gp.kernel import FloatArray

_LEAST = 1e-13  # of the largest deviation, for a range to count
_POWERS = (0.5, 0.25, 0.0, -0.25)
_FAR = 4.0  # where the worst value should be
_QUARTILES = 1.349  # the interquartile range of the standard normal distribution


class Warp(NamedTuple):
    """value -> (bent((value - centre) / unit) - shift) / scale.

    Attributes:
        centre, unit: Of the values.
        above, below: Powers on either side of the centre: 1 changes nothing, less compresses what
            is far, more spreads it.
        shift, scale: Of what comes out.
    """

    centre: float
    unit: float
    above: float
    below: float
    shift: float
    scale: float

    def __call__(self, values: FloatArray) -> FloatArray:
        """The images of values, any shape."""
        z = (values - self.centre) / self.unit
        return np.asarray((bent(z, self.above, self.below) - self.shift) / self.scale)

    def log_slope(self, values: FloatArray) -> FloatArray:
        """The log of the derivative, up to that of 1 / unit."""
        z = (values - self.centre) / self.unit
        powers = np.where(z >= 0, self.above, self.below) - 1.0
        return np.asarray(powers * np.log1p(np.abs(z)) - math.log(self.scale))


def bent(z: FloatArray, above: float, below: float) -> FloatArray:
    """((1 + z) to the power `above`, minus 1) / `above`; below 0 minus the same of -z; any shape.

    It is smooth with slope 1 at 0. With powers p and 2 - p it is that of Yeo and Johnson.
    """
    log = np.log1p(np.abs(z))
    return np.where(z >= 0, _box_cox(log, above), -_box_cox(log, below))


def _box_cox(log: FloatArray, power: float) -> FloatArray:
    """(x to the power, minus 1) / power, given log x."""
    if abs(power) < 1e-9:
        return log
    return np.asarray(np.expm1(power * log) / power)


def warps(values: FloatArray, below: Sequence[float]) -> list[Warp]:
    """Maps that bring the worst values near the others, one for each power; then a linear one.

    Each makes mean 0 and variance 1 of the values.

    Args:
        values: Shape (n,), finite, below 1e150 in size.
        below: Powers for what is better than the median.
    """
    low, centre, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    unit = (high - low) / _QUARTILES
    if unit <= _LEAST * float(np.abs(values - centre).max()):
        unit = float(values.std())
    unit = unit if unit > 0 else 1.0
    z = (values - centre) / unit
    top = np.log1p(np.array(max(float(z.max()), 0.0)))
    above = next((p for p in _POWERS if _box_cox(top, p) <= _FAR), _POWERS[-1])
    made = []
    for powers in [*((above, power) for power in below), (1.0, 1.0)]:
        image = bent(z, *powers)
        spread = float(image.std())
        spread = spread if spread > 0 else 1.0
        made.append(Warp(centre, unit, *powers, float(image.mean()), spread))
    return made


def two_sided_log(values: FloatArray, unit: float) -> FloatArray:
    """asinh(v / unit): keeps the sign, is smooth, and compresses large values."""
    return np.asarray(np.arcsinh(values / unit))
