"""Whether there is noise, when no trial has been repeated: by how unlike near neighbours are.

Where a function is smooth on the scale of the trials, those that are nearest to each other rank
nearly alike; where there is noise, or where the function is as rugged as if there were, they do
not, however near they are.

Source: A. Stefánsson, N. Končar, A. J. Jones, "A note on the Gamma test", Neural Computing and
    Applications 5 (1997), doi:10.1007/BF01413858 (half the mean squared difference between
    neighbours, as their distance goes to 0; here that of the nearest pairs, of ranks).
"""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np

from skipjack.distributions import BaseDistribution
from skipjack.records.history import History
from skipjack.records.space import BoolArray, FloatArray, IntArray, Space
from skipjack.records.states import TrialState

_FIRST_LOOK = 60  # finished trials; then at twice as many each time
_MOST = 240  # trials that are looked at: the latest
_LEAST, _PER_PARAMETER = 30, 5  # trials without which nothing can be said
_NEIGHBOURS = 3  # of each trial
_NEAREST = 0.25  # share of the pairs that counts
_NOISY = 0.75  # share of the variance that neighbours do not explain
_COMPLETE = int(TrialState.COMPLETE)


class Verdict(NamedTuple):
    """Whether neighbours are unlike, and from which row on that is taken to be so."""

    since: int
    noisy: bool


SMOOTH = Verdict(0, False)


@final
class VerdictFold:
    """Keeps the verdict of the latest look, and at how many finished trials the next one is."""

    def start(self, history: History) -> tuple[Verdict, int]:
        """No trials yet."""
        return SMOOTH, _FIRST_LOOK

    def extend(
        self, state: tuple[Verdict, int], history: History, first: int, last: int
    ) -> tuple[Verdict, int]:
        """Look, if it is time; what comes after a look does not count for it."""
        verdict, n = state
        while n <= last:
            noisy = unlike(history, n) > _NOISY
            if noisy != verdict.noisy:
                verdict = Verdict(n, noisy)
            n *= 2
        return verdict, n


VERDICT = VerdictFold()


def unlike(history: History, n: int) -> float:
    """The share of the variance of ranks that is there between the nearest trials too.

    Args:
        history: With one objective.
        n: Its first so many rows are looked at.

    Returns:
        About 1 if values have nothing to do with parameters, near 0 if the function is smooth; 0
        if there are too few trials to say.

    Cost: O(d) for each pair of the latest 240 trials.
    """
    rows = np.flatnonzero(history.states[:n] == _COMPLETE)[-_MOST:]
    if len(rows) < _LEAST or len(history.signs) > 1:
        return 0.0
    space = _space(history, rows)
    if len(rows) < _PER_PARAMETER * len(space):
        return 0.0
    places = history.unit(space, rows)
    there = ~np.isnan(places)
    apart = _distances(np.where(there, places, 0.5), there, space.categorical)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1, kind="stable")[:, :_NEIGHBOURS]
    losses = history.losses[rows, 0]
    ranks = _middle_ranks(losses)
    variance = float(ranks.var())
    if variance == 0.0:
        return 0.0
    unlikeness = 0.5 * np.square(ranks[:, None] - ranks[near]).ravel()
    order = np.argsort(np.take_along_axis(apart, near, axis=1).ravel(), kind="stable")
    counted = order[: max(1, int(_NEAREST * len(order)))]
    return float(unlikeness[counted].mean() / variance)


def _space(history: History, rows: IntArray) -> Space:
    """The parameters of some trials, each with the latest of their distributions."""
    latest: dict[str, BaseDistribution] = {}
    indices = history.layout_indices[rows]
    last = {index: i for i, index in enumerate(indices.tolist())}
    for index in sorted(last, key=last.__getitem__):
        latest.update(history.layouts[index].by_name)
    return Space({name: dist for name, dist in latest.items() if not dist.single()})


def _distances(places: FloatArray, there: BoolArray, categorical: BoolArray) -> FloatArray:
    """Squared distances of all pairs, shape (n, n); another choice or a missing value is far."""
    total = np.zeros((len(places), len(places)))
    for x, known, kind in zip(places.T, there.T, categorical.tolist(), strict=True):
        gap = x[:, None] - x
        total += (gap != 0.0) if kind else np.square(gap)
        total += known[:, None] != known
    return total


def _middle_ranks(values: FloatArray) -> FloatArray:
    """Ranks from 0 to 1; equal values share the middle of theirs."""
    order = np.sort(values)
    low, high = np.searchsorted(order, values), np.searchsorted(order, values, side="right")
    ranks: FloatArray = (low + high) / (2.0 * len(values))
    return ranks
