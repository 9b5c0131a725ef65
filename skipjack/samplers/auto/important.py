"""The few of many parameters that matter most: those that differ most among the best trials.

Source: S. Watanabe, A. Bansal, F. Hutter, "PED-ANOVA: efficiently quantifying hyperparameter
    importance in arbitrary subspaces", IJCAI 2023, arXiv:2304.10255 (equation 16).
"""

from __future__ import annotations

import math

import numpy as np

from skipjack.numerics import divergence
from skipjack.records.history import History
from skipjack.records.space import BoolArray, FloatArray, Space
from skipjack.records.states import TrialState

_BEST = 0.1  # share of the trials
_LEAST = 5  # trials that are the best, if there are so many
_CELLS = 16  # of a numeric parameter


def most_important(history: History, space: Space, k: int) -> Space:
    """The `k` parameters of a space that matter most, in the order of the space.

    Args:
        history: With one objective.
        space: What they are chosen from; those with one value alone are not.
        k: How many; all if there are no more.
    """
    free = Space({name: dist for name, dist in space.items() if not dist.single()})
    if len(free) <= k:
        return free
    rows = history.where(TrialState.COMPLETE)
    order = np.lexsort((history.losses[rows, 0], history.violation[rows]))
    best = np.zeros(len(rows), bool)
    best[order[: max(_LEAST, math.ceil(_BEST * len(rows)))]] = True
    found = _differences(free, history.unit(free, rows), best)
    chosen = set(np.argsort(-found, kind="stable")[:k].tolist())
    return Space({name: dist for j, (name, dist) in enumerate(free.items()) if j in chosen})


def _differences(space: Space, places: FloatArray, best: BoolArray) -> FloatArray:
    """How much the best trials differ from all, by parameter; places of shape (n, d) to (d,)."""
    d = len(space)
    cells = np.where(space.choices > 0, space.choices, _CELLS)
    found = np.zeros(d)
    for b in np.unique(cells).tolist():
        for categorical in (False, True):
            which = np.flatnonzero((cells == b) & (space.categorical == categorical))
            if not len(which):
                continue
            smooth = divergence.density_of_choices if categorical else divergence.density
            here = places[:, which]
            top, region = (smooth(_counts(x, b)) for x in (here[best], here))
            found[which] = divergence.pearson(top, region)
    return found


def _counts(places: FloatArray, b: int) -> FloatArray:
    """How many places lie in each of `b` cells, shape (n, r) to (r, b); NaN in none."""
    r = places.shape[1]
    at = np.nan_to_num(places * b, nan=-1.0)
    there = at >= 0
    flat = np.minimum(at.astype(np.int64), b - 1) + b * np.arange(r)
    return np.bincount(flat[there], minlength=r * b).reshape(r, b).astype(float)
