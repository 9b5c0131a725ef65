"""How much the distribution of a few good points differs from that of all, parameter by parameter.

Densities live on a grid of cells 0 ... b - 1. Those of counts are smoothed by one normal kernel per
cell, truncated to the grid, and a wide one for what is believed before; choices are smoothed by a
little of every other choice.

Source: S. Watanabe, A. Bansal, F. Hutter, "PED-ANOVA: efficiently quantifying hyperparameter
importance in arbitrary subspaces", IJCAI 2023, arXiv:2304.10255 (equation 16, section 4);
D. W. Scott, "Multivariate density estimation", Wiley 1992 (the width).
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

FloatArray: TypeAlias = npt.NDArray[np.float64]

_LEAST_WIDTH = 0.5 / 1.64  # so that nine tenths of a kernel lie in its own cell
_LEAST = 1e-12  # that a density has everywhere
_ROOT_HALF = math.sqrt(0.5)
_FINE = 512  # steps of a table of the normal distribution, per unit
_FAR = 9.0


def _below(z: FloatArray) -> FloatArray:
    """The normal distribution function, with an absolute error below 1e-7."""
    x = np.clip(z, -_FAR, _FAR) + _FAR
    return np.asarray(np.interp(x, _AT, _NORMAL))


_AT = np.arange(int(2 * _FAR * _FINE) + 1) / _FINE
_NORMAL = np.array([0.5 * math.erfc(_ROOT_HALF * (_FAR - x)) for x in _AT.tolist()])


def widths(counts: FloatArray) -> FloatArray:
    """The width of the kernels for counts, in cells, shape (r,).

    Args:
        counts: How much is in each cell, shape (r, b); rows are data sets.
    """
    cells = np.arange(counts.shape[1], dtype=float)
    n = counts.sum(axis=1)
    some = np.maximum(n, 1e-300)
    mean = counts @ cells / some
    spread = np.sqrt((counts * np.square(cells - mean[:, None])).sum(axis=1) / np.maximum(1, n - 1))
    up_to = np.cumsum(counts, axis=1)
    # Quartiles are taken among the cells that are not empty.
    low = (up_to < (n // 4)[:, None]).sum(axis=1)
    high = (up_to <= (n * 3 // 4)[:, None]).sum(axis=1)
    filled = counts > 0
    last = counts.shape[1] - 1 - filled[:, ::-1].argmax(axis=1)
    following = np.where(filled, np.arange(counts.shape[1]), counts.shape[1])
    following = np.minimum.accumulate(following[:, ::-1], axis=1)[:, ::-1]
    at = np.arange(len(counts))
    end = counts.shape[1] - 1
    quartiles = (np.minimum(following[at, np.minimum(q, end)], last) for q in (low, high))
    first, third = quartiles
    sigma = 1.059 * np.minimum((third - first) / 1.34, spread) * some**-0.2
    return np.asarray(np.maximum(sigma, _LEAST_WIDTH))


def density(counts: FloatArray) -> FloatArray:
    """The density of ordered cells, shape (r, b), each row with the sum 1.

    Args:
        counts: How much is in each cell, shape (r, b); weighs against 1 for what is believed
            before.
    """
    b = counts.shape[1]
    steps = np.arange(b + 1) - 0.5  # a kernel's mass k cells away lies between k - ½ and k + ½
    ends = _below(steps / widths(counts)[:, None])
    masses = np.diff(ends, axis=1)  # (r, b)
    inside = ends[:, :0:-1] + ends[:, 1:] - 1.0  # of the kernel of each cell
    both_ways = np.concatenate([masses[:, :0:-1], masses], axis=1)
    kernels = sliding_window_view(both_ways, b, axis=1)[:, ::-1]  # (r, b, b)
    wide = np.diff(_below((np.arange(b + 1) - 0.5 - (b - 1) / 2) / b))
    total = np.einsum("rb,rbc->rc", counts / inside, kernels) + wide / wide.sum()
    return np.asarray(total / (counts.sum(axis=1, keepdims=True) + 1.0))


def density_of_choices(counts: FloatArray) -> FloatArray:
    """The density of choices without an order, shape (r, b); see `density`."""
    b = counts.shape[1]
    other = 1.0 / ((counts > 0).sum(axis=1, keepdims=True) + 1.0)
    n = counts.sum(axis=1, keepdims=True)
    smoothed = (counts + n * other) / (1.0 + b * other)
    return np.asarray((smoothed + 1.0 / b) / (n + 1.0))


def pearson(top: FloatArray, region: FloatArray) -> FloatArray:
    """The Pearson divergence of densities, shape (r,).

    Args:
        top, region: Shape (r, b).
    """
    top, region = top + _LEAST, region + _LEAST
    return np.asarray((region * np.square(top / region - 1.0)).sum(axis=1))
