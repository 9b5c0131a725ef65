"""What each feature contributes to what a forest says of a point: Shapley values, exactly.

What is known of a point when only some of its features are is the mean of the forest over the
ranges of the others. A leaf says then v times a product over the features: of a feature that is
known whether the leaf has its bin, of another the leaf's share of the range. The Shapley values of
a product are the integral of a polynomial, for which a few nodes are exact, so that no subsets need
be tried, however many features there are.

Source: L. S. Shapley, "A value for n-person games", 1953; G. Owen, "Multilinear extensions of
games", Management Science 18 (1972), doi:10.1287/mnsc.18.5.64 (the integral); S. Lundberg,
S.-I. Lee, "A unified approach to interpreting model predictions", NeurIPS 2017.
"""

from __future__ import annotations

import numpy as np

from skipjack.numerics.forest import BoolArray, FloatArray, Forest, IntArray


def contributions(forest: Forest, codes: IntArray) -> FloatArray:
    """What each feature contributes, tree by tree, shape (trees, n, d).

    Summed over the features this is what the tree says of the point, minus its mean.

    Args:
        forest: The trees.
        codes: The bins of n points, shape (n, d).

    Cost: O(n) times the leaves, times the square of the splits above a leaf.
    """
    sides = forest.sides
    found = np.empty((len(forest.gains), *codes.shape))
    for t, leaves in enumerate(forest.leaves):
        found[t] = _of_tree(forest.masks[leaves], forest.values[leaves], sides[leaves], codes)
    return found


def _of_tree(
    masks: BoolArray, values: FloatArray, sides: FloatArray, codes: IntArray
) -> FloatArray:
    """The same of one tree, shape (n, d)."""
    active = sides < 1.0 - 1e-12
    most = int(active.sum(axis=1).max(initial=0))
    n, d = codes.shape
    if not most:
        return np.zeros((n, d))
    slots = np.argsort(~active, axis=1, kind="stable")[:, :most]  # (l, k)
    share = np.take_along_axis(sides, slots, axis=1)
    share = np.where(np.take_along_axis(active, slots, axis=1), share, 1.0)
    has = masks[np.arange(len(masks))[:, None], slots, codes[:, slots]].astype(float)  # (n, l, k)
    has = np.where(share < 1.0, has, 1.0)
    nodes, weights = np.polynomial.legendre.leggauss((most + 1) // 2)
    total = np.zeros_like(has)
    for node, weight in zip((nodes + 1.0) / 2.0, weights / 2.0, strict=True):
        factors = node * has + (1.0 - node) * share
        product = factors.prod(axis=2, keepdims=True)
        total += weight * product / factors
    total *= (has - share) * values[:, None]
    owners = np.zeros((slots.size, d))
    owners[np.arange(slots.size), slots.ravel()] = 1.0
    return np.asarray(total.reshape(n, -1) @ owners)
