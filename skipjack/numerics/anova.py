"""How much of the variance of trees over their whole range single features explain, and pairs.

Source: F. Hutter, H. Hoos, K. Leyton-Brown, "An efficient approach for assessing hyperparameter
importance", ICML 2014 (algorithm 2 and equations 4 to 9).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from skipjack.numerics.forest import FloatArray, Forest


def variances(forest: Forest) -> FloatArray:
    """The variance of each tree over its range, shape (trees,)."""
    volumes, away = _centred(forest)
    return np.add.reduceat(volumes * np.square(away), forest.firsts)


def marginals(forest: Forest) -> FloatArray:
    """The mean of each tree over all features but one, minus that over all, shape (trees, d, b)."""
    volumes, away = _centred(forest)
    weights = (volumes * away)[:, None] / forest.sides
    return np.array(
        [np.einsum("ldb,ld->db", forest.masks[at], weights[at]) for at in forest.leaves]
    )


def single_variances(forest: Forest) -> FloatArray:
    """The variance of each tree's mean over all features but one, shape (trees, d)."""
    squares = np.square(marginals(forest))
    return np.asarray(np.einsum("tdb,db->td", squares, forest.bins.shares))


def pair_variances(forest: Forest, pairs: Iterable[tuple[int, int]]) -> FloatArray:
    """The variance that two features explain together and neither alone, shape (trees, pairs).

    Args:
        forest: The trees.
        pairs: Two features each, not the same.
    """
    chosen = list(pairs)
    alone, sides, bins = single_variances(forest), forest.sides, forest.bins
    volumes, away = _centred(forest)
    found = np.empty((len(forest.gains), len(chosen)))
    for t, leaves in enumerate(forest.leaves):
        masks, side = forest.masks[leaves].astype(float), sides[leaves]
        weights = volumes[leaves] * away[leaves]
        for p, (i, j) in enumerate(chosen):
            here = masks[:, i] * (weights / (side[:, i] * side[:, j]))[:, None]
            squares = np.square(here.T @ masks[:, j])
            both = bins.shares[i] @ squares @ bins.shares[j]
            found[t, p] = both - alone[t, i] - alone[t, j]
    return np.asarray(np.maximum(found, 0.0))


def _centred(forest: Forest) -> tuple[FloatArray, FloatArray]:
    """The volume of each leaf, and its value minus the mean of its tree, shape (l,)."""
    volumes = forest.sides.prod(axis=1)
    mean = np.add.reduceat(volumes * forest.values, forest.firsts)
    mean /= np.add.reduceat(volumes, forest.firsts)
    return volumes, forest.values - mean[forest.trees]
