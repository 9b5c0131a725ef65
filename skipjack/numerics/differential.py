"""Differential evolution: differences between members of a population are steps of others.

Shapes: n members of p numeric parameters on the unit interval and q categorical ones.

Source: R. Storn, K. Price, "Differential evolution: a simple and efficient heuristic for global
optimization over continuous spaces", Journal of Global Optimization 11 (1997),
doi:10.1023/A:1008202821328 (DE/rand/1/bin); N. Awad, N. Mallik, F. Hutter, "DEHB", IJCAI 2021,
arXiv:2105.09821 (F and CR of 0.5 for hyperparameters).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]


def words(n: int, p: int, q: int) -> int:
    """How many uniform numbers `offspring` needs."""
    return n * (4 + p + 2 * q)


def spread(n: int, u: FloatArray) -> FloatArray:
    """A first population: each range is cut in n parts, each of which has one member.

    Args:
        n: How many members.
        u: Uniform numbers, shape (2, n, p).
    """
    parts = np.argsort(u[0], axis=0, kind="stable")
    places: FloatArray = (parts + u[1]) / n
    return places


def offspring(
    places: FloatArray, codes: IntArray, f: float, cr: float, u: FloatArray
) -> tuple[FloatArray, IntArray]:
    """A rival for each member: DE/rand/1/bin.

    A place beyond an end of its range is put half way between that end and where it came from. A
    choice is that of a random member, or with probability `f`, where two others differ, of one of
    those.

    Args:
        places: Shape (n, p), with n at least 4.
        codes: Shape (n, q).
        f: What differences are multiplied by.
        cr: The probability that a parameter is not the member's own; for at least one it is not.
        u: `words(n, p, q)` uniform numbers.
    """
    (n, p), q = places.shape, codes.shape[1]
    ends = np.cumsum([3 * n, n, n * p, n * q])
    picks, forced, cross, cross_codes, moved = np.split(u, ends)
    a, b, c = _three_others(n, picks.reshape(3, n))
    base = places[a]
    step = base + f * (places[b] - places[c])
    step = np.where(step < 0, base / 2, np.where(step > 1, (1 + base) / 2, step))
    chosen = np.where((codes[b] != codes[c]) & (moved.reshape(n, q) < f), codes[b], codes[a])
    taken = np.concatenate([cross.reshape(n, p), cross_codes.reshape(n, q)], axis=1) < cr
    taken[np.arange(n), np.minimum((forced * (p + q)).astype(int), p + q - 1)] = True
    return np.where(taken[:, :p], step, places), np.where(taken[:, p:], chosen, codes)


def _three_others(n: int, u: FloatArray) -> tuple[IntArray, IntArray, IntArray]:
    """For each of n members three others that are not the same, shape (n,) each."""
    own = np.arange(n)
    used = own[None]
    found = []
    for k, row in enumerate(u):
        pick = np.minimum((row * (n - 1 - k)).astype(int), n - 2 - k)
        for other in np.sort(used, axis=0):  # the pick-th of those not used
            pick = pick + (pick >= other)
        found.append(pick)
        used = np.concatenate([used, pick[None]])
    return found[0], found[1], found[2]
