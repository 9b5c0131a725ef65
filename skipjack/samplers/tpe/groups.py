"""Which trials are good, and which of the others stand for all of them: a fold over the history."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator
from itertools import filterfalse, islice
from typing import NamedTuple, Protocol, TypeAlias, final

import numpy as np

from skipjack.errors import invalid
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray
from skipjack.records.states import TrialState
from skipjack.samplers.tpe.pruned import Outlook, last_report

Key: TypeAlias = tuple[int, float, float, int]  # tier, first, second; the row last

FRONTIER = 64  # the best of the trials that are not good: all kept
RECENT = 64  # the newest of the others: all kept
SAMPLED = 128  # so many stand for the rest
CAP = FRONTIER + RECENT + SAMPLED
EVERY = 8  # once there are more than these, they are chosen anew after so many trials
_FULL = 25  # the newest trials weigh 1, older ones less the older they are
COMPLETED, CUT_SHORT, INFEASIBLE = range(3)  # tiers
_TIERS = {int(TrialState.COMPLETE): COMPLETED, int(TrialState.PRUNED): CUT_SHORT}


class Split(NamedTuple):
    """Rows of the good trials, best first, and of the bad with their weights."""

    good: IntArray
    n_best: int  # how many of the good ones nothing is better than
    bad: IntArray
    weights: FloatArray  # of `bad`
    n_bad: int  # how many trials `bad` stands for


@final
class Sample:
    """Some of all rows: those with the least u / weight, u uniform.

    As weights are proportional to the row (newer trials count more), the sample can be kept up to
    date, and is the one that would be drawn afresh.

    Source: N. Duffield, C. Lund, M. Thorup, "Priority sampling for estimation of arbitrary subset
        sums", J. ACM 54 (2007), doi:10.1145/1314690.1314696.
    """

    __slots__ = ("_pairs", "_salt")

    def __init__(self, salt: int) -> None:
        """Begin with no rows. Another `salt` gives another sample."""
        self._pairs: list[tuple[float, int]] = []  # priority and row, some more than are drawn
        self._salt = salt

    def note(self, row: int) -> None:
        """Take a row, greater than all before, into account."""
        pairs = self._pairs
        priority = scatter(row, self._salt) / (row + 1)
        if len(pairs) <= SAMPLED + EVERY:
            insort(pairs, (priority, row))
        elif priority < pairs[-1][0]:
            insort(pairs, (priority, row))
            pairs.pop()

    def drawn(self, n: int) -> tuple[list[int], float]:
        """The sample of the rows below `n`, of which at most `EVERY` rows are not; in order.

        With it a factor: how likely a row was to be drawn, given the rest of the sample, is this
        times its number, the first being 1, or 1 if that is less.
        """
        pairs = [pair for pair in self._pairs if pair[1] < n]
        return sorted(row for _, row in pairs[:SAMPLED]), pairs[SAMPLED][0]


class Ranking(Protocol):
    """The best trials in order, and a sample of all.

    Attributes:
        counted: How many trials have completed or were pruned.
        sample: Of the rows of all trials.
    """

    counted: int
    sample: Sample

    def order(self, n_good: int) -> list[int]:
        """Rows of the best trials, the best first, when so many are good."""
        ...

    def n_best(self) -> int:
        """How many of them nothing is better than, when the order is known."""
        ...


@final
class Ladder:
    """A ranking by keys.

    Feasible trials by loss, pruned ones among them by the loss that they would have come to; then
    the pruned ones of which nothing good can be said, by the step that they reached and their
    last report; then infeasible ones by how much they violate.
    """

    __slots__ = ("_best", "_limit", "_rows", "counted", "outlook", "sample")

    def __init__(self, limit: int | None, salt: int) -> None:
        """Begin with no trials. `limit` is how many of the best are kept, None for all."""
        self._best: list[Key] = []
        self._rows: list[int] | None = None  # of the best
        self._limit = limit
        self.counted = 0
        self.sample = Sample(salt)
        self.outlook = Outlook()

    def add(self, key: Key) -> None:
        """Take in a trial that completed or was pruned."""
        self.counted += 1
        best = self._best
        full = self._limit is not None and len(best) >= self._limit
        if full and key > best[-1]:
            return
        insort(best, key)
        if full:
            best.pop()
        self._rows = None

    def order(self, n_good: int) -> list[int]:
        """Rows of the best trials, the best first."""
        if self._rows is None:
            self._rows = [key[3] for key in self._best]
        return self._rows

    def n_best(self) -> int:
        """One: ties go to the earlier trial."""
        return min(1, len(self._best))


@final
class LadderFold:
    """Keeps the ranking of a study with one objective; two of them are not the same.

    Args:
        limit: How many of the best are kept, None for all.
        salt: Another number gives another sample of the same trials.
        feasible_first: Whether trials that violate a constraint come last.
    """

    def __init__(self, limit: int | None, salt: int = 0, feasible_first: bool = True) -> None:
        self._limit, self._salt, self._feasible_first = limit, salt, feasible_first

    def start(self, history: History) -> Ladder:
        """No trials yet."""
        return Ladder(self._limit, self._salt)

    def extend(self, state: Ladder, history: History, first: int, last: int) -> Ladder:
        """Take in rows; O(log n) each."""
        losses = history.losses[first:last, 0].tolist()
        for (row, tier, violation), loss in zip(tiers(history, first, last), losses, strict=True):
            state.sample.note(row)
            if tier is not None:
                if not self._feasible_first:
                    tier = _TIERS[int(history.states[row])]
                state.add(key_of(history, row, tier, loss, violation, state.outlook))
        return state


def tiers(history: History, first: int, last: int) -> Iterator[tuple[int, int | None, float]]:
    """Row, tier and violation of trials; failed ones have no tier."""
    rows = zip(
        range(first, last),
        history.states[first:last].tolist(),
        history.feasible[first:last].tolist(),
        history.violation[first:last].tolist(),
        strict=True,
    )
    for row, state, feasible, violation in rows:
        tier = _TIERS.get(state)
        yield row, tier if tier is None or feasible else INFEASIBLE, violation


def key_of(
    history: History, row: int, tier: int, loss: float, violation: float, outlook: Outlook
) -> Key:
    """Where a trial stands among others."""
    if tier == COMPLETED:
        return tier, loss, 0.0, row
    if tier == INFEASIBLE:
        return tier, violation, 0.0, row
    expected = outlook.expect(history, row)
    if expected is not None:
        return COMPLETED, expected, 1.0, row
    step, report = last_report(history, row) or (-np.inf, np.inf)
    return tier, -step, report, row


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
        n: Of the first so many trials, which are all but at most `EVERY`.
        n_good: How many of the best are good.

    Cost: the same for any `n`.
    """
    order = [row for row in ranking.order(n_good) if row < n]
    good = order[:n_good]
    n_best = min(ranking.n_best(), len(good))
    if n - len(good) <= CAP:
        others = np.ones(n, bool)
        others[good] = False
        bad = np.flatnonzero(others)
        return Split(np.array(good, np.intp), n_best, bad, recency(bad, n), len(bad))
    frontier = order[n_good : n_good + FRONTIER]
    kept = {*good, *frontier}
    newest = filterfalse(kept.__contains__, range(n - 1, -1, -1))
    recent = list(islice(newest, RECENT))[::-1]
    kept.update(recent)
    sample, factor = ranking.sample.drawn(n)
    drawn = list(filterfalse(kept.__contains__, sample))
    bad = np.array([*frontier, *recent, *drawn], np.intp)
    weights = recency(bad, n)
    first = len(bad) - len(drawn)
    weights[first:] /= np.minimum(1.0, factor * (bad[first:] + 1.0))
    return Split(np.array(good, np.intp), n_best, bad, weights, n - len(good))


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
