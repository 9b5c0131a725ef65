"""Which trials are good, and which of the others stand for all of them: a fold over the history."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, final

import numpy as np

from skipjack.errors import invalid
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray
from skipjack.records.states import TrialState

Key: TypeAlias = tuple[int, float, float, int]  # tier, first, second; the row last

FRONTIER = 64  # the best of the trials that are not good: all kept
RECENT = 64  # the newest of the others: all kept
SAMPLED = 128  # so many stand for the rest
CAP = FRONTIER + RECENT + SAMPLED
_FULL = 25  # the newest trials weigh 1, older ones less the older they are
_COMPLETE, _PRUNED = int(TrialState.COMPLETE), int(TrialState.PRUNED)
_FEASIBLE, _CUT_SHORT, _INFEASIBLE = range(3)  # tiers


class Split(NamedTuple):
    """Rows of the good trials, best first, and of the bad with their weights."""

    good: IntArray
    bad: IntArray
    weights: FloatArray  # of `bad`
    n_bad: int  # how many trials `bad` stands for


@final
class Ranking:
    """Trials from the best on, and a sample of all.

    Attributes:
        best: Keys in order: feasible trials by loss, then pruned ones by the step that they reached
            and their last report, then infeasible ones by how much they violate. At most `limit`.
        counted: How many trials have completed or were pruned.
        sample: Pairs of priority and row, in order: the trials with the least priorities.
        limit: How many of the best are kept, None for all.
    """

    __slots__ = ("best", "counted", "limit", "sample")

    def __init__(self, limit: int | None) -> None:
        self.best: list[Key] = []
        self.counted = 0
        self.sample: list[tuple[float, int]] = []
        self.limit = limit

    def add(self, key: Key) -> None:
        """Take in a trial that completed or was pruned."""
        self.counted += 1
        best = self.best
        if self.limit is None or len(best) < self.limit:
            insort(best, key)
        elif key < best[-1]:
            insort(best, key)
            best.pop()

    def note(self, row: int, salt: int) -> None:
        """Take a trial into the sample, or not.

        Priority sampling: the rows with the least u / weight, u uniform. As weights are
        proportional to the row, the sample can be kept up to date, and is what a sample drawn
        afresh would be.

        Source: N. Duffield, C. Lund, M. Thorup, "Priority sampling for estimation of arbitrary
            subset sums", J. ACM 54 (2007), doi:10.1145/1314690.1314696.
        """
        priority = scatter(row, salt) / (row + 1)
        if len(self.sample) <= SAMPLED:
            insort(self.sample, (priority, row))
        elif priority < self.sample[-1][0]:
            insort(self.sample, (priority, row))
            self.sample.pop()


@final
@dataclass(frozen=True)
class RankingFold:
    """Keeps a `Ranking` of a study with one objective.

    Args:
        limit: How many of the best are kept, None for all.
        salt: Another number gives another sample of the same trials.
    """

    limit: int | None
    salt: int = 0

    def start(self, history: History) -> Ranking:
        """No trials yet."""
        return Ranking(self.limit)

    def extend(self, state: Ranking, history: History, first: int, last: int) -> Ranking:
        """Take in rows; O(log n) each."""
        rows = zip(
            range(first, last),
            history.states[first:last].tolist(),
            history.losses[first:last, 0].tolist(),
            history.feasible[first:last].tolist(),
            history.violation[first:last].tolist(),
        )
        for row, kind, loss, feasible, violation in rows:
            state.note(row, self.salt)
            if kind != _COMPLETE and kind != _PRUNED:
                continue
            if not feasible:
                state.add((_INFEASIBLE, violation, 0.0, row))
            elif kind == _COMPLETE:
                state.add((_FEASIBLE, loss, 0.0, row))
            else:
                step, report = last_report(history, row)
                state.add((_CUT_SHORT, -step, report, row))
        return state


def last_report(history: History, row: int) -> tuple[float, float]:
    """The last step that a trial reported, -inf for none, and what, as a loss; NaN counts as inf."""
    curve = history.curves.get(row)
    if curve is None:
        return -np.inf, np.inf
    steps, values = curve
    last = int(steps.argmax())
    loss = history.signs[0] * float(values[last])
    return float(steps[last]), np.inf if loss != loss else loss


def scatter(row: int, salt: int) -> float:
    """A number in (0, 1) of a row, as good as random and always the same.

    Source: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators",
        OOPSLA 2014 (the finalizer of SplitMix64).
    """
    z = (row + 1 + (salt << 40)) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (((z ^ (z >> 31)) >> 12) + 0.5) * 2.0**-52


def split(ranking: Ranking, n: int, n_good: int) -> Split:
    """The good trials, and at most `CAP` for the others.

    Up to `CAP` others stand for themselves. Beyond that the frontier (just worse than the good)
    and the most recent do, and of the rest a sample in which each trial stands for as many as
    its weight over the probability of its being drawn says (Horvitz-Thompson), so that every
    sum over the others is estimated without bias.

    Args:
        ranking: Of all trials.
        n: How many trials there are, failed ones included.
        n_good: How many of the best are good.

    Cost: the same for any `n`.
    """
    good = [key[3] for key in ranking.best[:n_good]]
    if n - len(good) <= CAP:
        others = np.ones(n, bool)
        others[good] = False
        bad = np.flatnonzero(others)
        return Split(np.array(good, np.intp), bad, recency(bad, n), len(bad))
    kept = set(good)
    frontier = [key[3] for key in ranking.best[n_good : n_good + FRONTIER]]
    kept.update(frontier)
    row = n
    recent: list[int] = []
    while len(recent) < RECENT:
        row -= 1
        if row not in kept:
            recent.append(row)
    kept.update(recent)
    threshold = ranking.sample[-1][0]
    drawn = [row for _, row in ranking.sample[:-1] if row not in kept]
    bad = np.array(frontier + recent + drawn, np.intp)
    weights = recency(bad, n)
    if drawn:
        weights[-len(drawn) :] /= np.minimum(1.0, threshold * (bad[-len(drawn) :] + 1.0))
    return Split(np.array(good, np.intp), bad, weights, n - len(good))


def recency(rows: IntArray, n: int) -> FloatArray:
    """Weights of rows among `n`: 1 for the newest, falling to 0 linearly towards the oldest."""
    return np.minimum(1.0, (rows + 1.0) / max(1, n - _FULL))


def reweighted(groups: Split, n: int, weights: Callable[[int], FloatArray]) -> Split:
    """The groups with weights of the bad trials by a function of how many there are.

    Args:
        groups: The groups with their own weights.
        n: How many trials there are.
        weights: From a number of trials, the weight of each, the oldest first.

    Raises:
        InvalidValueError: If the weights are not as many, not finite, or negative.
    """
    given = np.asarray(weights(groups.n_bad), float)
    if given.shape != (groups.n_bad,) or not np.isfinite(given).all() or (given < 0).any():
        raise invalid("weights", f"give {groups.n_bad} finite numbers, none negative", given)
    older = np.searchsorted(np.sort(groups.good), groups.bad)  # good trials before each
    factor = groups.weights / recency(groups.bad, n)
    return groups._replace(weights=np.maximum(factor * given[groups.bad - older], 1e-300))
