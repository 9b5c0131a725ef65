"""Who survives a generation. Losses have shape (n, m), all minimised."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from skipjack.errors import invalid
from skipjack.numerics import pareto
from skipjack.numerics.pareto import FloatArray, IntArray
from skipjack.rng import Stream

PairArray: TypeAlias = npt.NDArray[np.int64]

_LARGE = 1e300
_ALMOST = 1e-6  # what an axis weighs for the extreme points of another


def by_crowding(losses: FloatArray, penalty: FloatArray | None, k: int) -> IntArray:
    """The `k` best individuals, the best first: by rank, then by the room that they have.

    Args:
        losses: Shape (n, m).
        penalty: As for `pareto.ranks_with_penalty`; None: without constraints.
        k: How many; n if there are fewer.

    Source: K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, "A fast and elitist multiobjective genetic
        algorithm: NSGA-II", IEEE TEC 6 (2002), doi:10.1109/4235.996017, section III.
    """
    ranks = pareto.ranks_with_penalty(losses, penalty)
    room = pareto.crowding(losses, ranks)
    return np.lexsort((-room, ranks))[:k]


def by_niches(
    losses: FloatArray,
    penalty: FloatArray | None,
    k: int,
    reference: FloatArray,
    stream: Stream,
) -> IntArray:
    """The `k` best individuals: whole fronts, and of the last one those in niches without others.

    Args:
        losses: Shape (n, m).
        penalty: As for `pareto.ranks_with_penalty`; None: without constraints.
        k: How many; n if there are fewer.
        reference: The directions of the niches, shape (r, m).
        stream: Chooses among niches and individuals that are equally good.

    Source: K. Deb, H. Jain, "An evolutionary many-objective optimization algorithm using
        reference-point-based nondominated sorting approach, part I", IEEE TEC 18 (2014),
        doi:10.1109/TEVC.2013.2281535, algorithms 1-4.
    """
    ranks = pareto.ranks_with_penalty(losses, penalty)
    order = np.argsort(ranks, kind="stable")
    if len(order) <= k:
        return order
    last = ranks[order[k - 1]]
    inside, partly = order[ranks[order] < last], order[ranks[order] == last]
    if len(inside) + len(partly) == k:
        return order[:k]
    both = np.concatenate([inside, partly])
    niche, distance = _niches(_normalised(losses[both], ranks[both] == 0), reference)
    counts = np.bincount(niche[: len(inside)], minlength=len(reference))
    chosen = _fill(niche[len(inside) :], distance[len(inside) :], counts, k - len(inside), stream)
    return np.concatenate([inside, partly[chosen]])


def _normalised(losses: FloatArray, is_best: npt.NDArray[np.bool_]) -> FloatArray:
    """Losses from the ideal point to the plane through the extreme points: 0 to 1, shape (n, m)."""
    losses = np.clip(losses, -_LARGE, _LARGE)
    losses = losses / max(1.0, float(np.abs(losses).max()))  # no overflow below
    shifted = losses - losses.min(axis=0)
    m = shifted.shape[1]
    front = shifted[is_best] if is_best.any() else shifted
    weights = np.where(np.eye(m, dtype=bool), 1.0, 1.0 / _ALMOST)
    extremes = front[(front[:, None, :] * weights).max(axis=2).argmin(axis=0)]
    ends = front.max(axis=0)
    try:
        plane = np.linalg.solve(extremes, np.ones(m))
    except np.linalg.LinAlgError:
        plane = np.zeros(m)
    with np.errstate(divide="ignore", over="ignore"):
        cuts = 1.0 / plane
    if np.isfinite(cuts).all() and (cuts > 1e-12).all():
        ends = cuts
    ends = np.where(ends > 1e-12, ends, np.maximum(shifted.max(axis=0), 1e-12))
    return np.asarray(shifted / ends)


def _niches(points: FloatArray, reference: FloatArray) -> tuple[IntArray, FloatArray]:
    """The nearest reference line of each point, and how far away it is; both of shape (n,)."""
    lengths = np.linalg.norm(reference, axis=1, keepdims=True)
    lines = reference / np.where(lengths > 0, lengths, 1.0)
    along = points @ lines.T
    squares = np.maximum((points**2).sum(axis=1, keepdims=True) - along**2, 0.0)
    nearest = squares.argmin(axis=1)
    return nearest, squares[np.arange(len(points)), nearest]


def _fill(
    niche: IntArray, distance: FloatArray, counts: IntArray, wanted: int, stream: Stream
) -> IntArray:
    """`wanted` of the candidates, from the emptiest niches first; of empty ones, the nearest."""
    u = stream.uniform(len(niche) + len(counts))
    luck = u[len(niche) :]  # among niches that are equally empty
    counts = counts.astype(float)
    waiting: dict[int, list[int]] = {}
    for i in np.argsort(u[: len(niche)], kind="stable").tolist():
        waiting.setdefault(int(niche[i]), []).append(i)
    for where, members in waiting.items():
        if counts[where] == 0:
            members.append(members.pop(int(np.argmin(distance[members]))))
    keys = {where: (counts[where], luck[where]) for where in waiting}
    chosen: list[int] = []
    while len(chosen) < wanted:
        where = min(keys, key=keys.__getitem__)
        chosen.append(waiting[where].pop())
        if waiting[where]:
            keys[where] = (keys[where][0] + 1.0, keys[where][1])
        else:
            del keys[where]
    return np.array(chosen, np.int64)


@lru_cache(maxsize=64)
def reference_points(m: int, divisions: int) -> FloatArray:
    """Points spread evenly on the plane where m numbers of at least 0 add up to 1, shape (r, m).

    r is the number of ways in which `divisions` can be shared out among m.

    Raises:
        InvalidValueError: If there would be more than 1,000,000 of them.

    Source: I. Das, J. E. Dennis, "Normal-boundary intersection", SIAM J. Optimization 8 (1998),
        doi:10.1137/S1052623496307510.
    """
    r = comb(divisions + m - 1, m - 1)
    if r > 1_000_000:
        raise invalid(
            "dividing_parameter", f"give at most 1,000,000 points for {m} objectives", divisions
        )
    bars = np.array(list(combinations(range(divisions + m - 1), m - 1)), np.int64).reshape(r, m - 1)
    edges = np.concatenate([np.full((r, 1), -1), bars, np.full((r, 1), divisions + m - 1)], axis=1)
    return np.asarray((np.diff(edges, axis=1) - 1) / divisions)
