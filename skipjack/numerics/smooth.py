"""A smooth surface through scattered values, on a grid: for pictures, not for decisions."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]

_LEAST = 0.2  # of the weight of a point at distance 0: where there is less nothing is said


def surface(x: FloatArray, y: FloatArray, z: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Local means of `z` on a grid over the unit square.

    Each place gets the mean of the values around it, weighted by a Gaussian of the width
    0.3 n^(-1/6). A place is NaN where no value is near, that is within about two widths.

    Args:
        x, y: Where the values are, on the unit interval, shape (n,).
        z: The values, finite, shape (n,).
        shape: Numbers (p, q) of cells along x and y; of choices one below 0: they have no
            neighbours, and `x` or `y` is the centre of a cell.

    Returns:
        Shape (q, p), of absolute numbers: values at the centres of the cells.

    Cost: O(n + pq (p + q)).
    Source: E. A. Nadaraya, "On estimating regression", Theory Probab. Appl. 9 (1964),
        doi:10.1137/1109020, on values counted in cells; the width falls as D. W. Scott's rule
        for two dimensions, "Multivariate Density Estimation" (1992), equation 6.42.
    """
    p, q = abs(shape[0]), abs(shape[1])
    column = np.clip((x * p).astype(np.intp), 0, p - 1)
    row = np.clip((y * q).astype(np.intp), 0, q - 1)
    cell = row * p + column
    counts = np.bincount(cell, minlength=p * q).reshape(q, p).astype(float)
    middle = float(z.mean()) if len(z) else 0.0  # so that sums lose no digits
    sums = np.bincount(cell, z - middle, minlength=p * q).reshape(q, p)
    width = 0.3 * max(len(z), 1) ** (-1 / 6)
    across, along = _weights(shape[0], width), _weights(shape[1], width)
    is_near = along @ (counts > 0) @ across.T >= _LEAST
    with np.errstate(divide="ignore", invalid="ignore"):
        means = middle + (along @ sums @ across.T) / (along @ counts @ across.T)
    return np.where(is_near, means, np.nan)


def _weights(cells: int, width: float) -> FloatArray:
    """The weight that each cell has at each, shape (cells, cells); 1 for itself."""
    if cells < 0:
        return np.eye(-cells)
    centres = (np.arange(cells) + 0.5) / cells
    return np.asarray(np.exp(-0.5 * ((centres[:, None] - centres) / width) ** 2))
