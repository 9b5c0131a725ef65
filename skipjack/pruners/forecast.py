"""How a trial is predicted to end: a regression of final on early losses of complete trials."""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np

from skipjack import _optional
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray
from skipjack.records.states import TrialState

special = _optional.lazy("scipy.special")

LEAST = 4  # trials that a prediction is made from
_RUNGS = 32  # the first rung is this part of the length of a trial
_GROWTH = 1.2  # from rung to rung
_SLOPES = np.array([1.0, 0.0])  # prior: the final loss is the early one, whatever the trend;
_DOUBT = 0.5  # deviation of both
_FREEDOM = 6.0  # of the prior of the residual variance,
_SHARE = 0.5  # which is at most this part of the variance of the final losses, and falls
_FALL = 1.5  # with this power of the part of the steps that is left
_STILL = 0.3  # how far a trial that has stopped moving may yet move, warped
_SMOOTH = 3  # reports whose median is the loss at a step
_MOST = 0.9  # leverage of one trial
_EIGHTY = 1.4  # Student's t of few degrees of freedom lies within this with probability 0.8


class Line(NamedTuple):
    """A regression of final losses on early ones and their trend, all warped; see `fitted`."""

    slopes: FloatArray  # (2,)
    intercept: float
    at: FloatArray  # mean of the features, (2,)
    inverse: FloatArray  # of their sums of squares about it, and the prior's, (2, 2)
    n: int
    scale: float  # residual standard deviation of a trial that moves as `typical` ones do
    typical: float
    part: float
    doubt: float  # the probability that early losses say nothing of the final one

    def ends(self, early: FloatArray) -> tuple[float, float, float]:
        """Centre, scale and degrees of freedom of the final loss (Student's t)."""
        away = early - self.at
        wide = float(_moves(early, self.part)) / self.typical
        wide += 1.0 / self.n + float(away @ self.inverse @ away)
        centre = self.intercept + float(away @ self.slopes)
        return centre, self.scale * math.sqrt(wide), self.n + _FREEDOM


def fitted(early: FloatArray, final: FloatArray, part: float) -> Line:
    """The line, with a prior that the final loss is about the early one.

    How far a trial will yet move is as uncertain as it has moved lately: each weighs accordingly.
    The residuals are those of predictions from all other trials (jackknife), so that few trials
    do not look like a good fit. Those of the mean alone tell whether the early losses say
    anything; before looking, both are as likely.

    Args:
        early: Loss at a step and how it had changed since half of it, shape (n, 2), n > 0.
        final: Losses of the same trials, shape (n,).
        part: The step, as a part of all, above 0 and at most 1.

    Source: A. Gelman et al., "Bayesian data analysis", 3rd ed., 14.2 (normal linear model), 14.7
        (unequal variances), 14.8 (prior as further data) and 2.6 (scaled inverse chi-squared
        prior); J. G. MacKinnon, H. White, J. Econometrics 29 (1985) 305-325, for the jackknife.
    """
    moves = _moves(early, part)
    typical = 1.0 / (1.0 / moves).mean()  # 0 or NaN if losses are near the largest number
    n, weights = len(early), typical / moves
    at, centre = weights @ early / n, float(weights @ final) / n
    x, y = early - at, final - centre
    variance = max(float(final.var()), 1e-12)
    expected = variance * (0.002 + _SHARE * (1.0 - part) ** _FALL)
    prior = expected / (_DOUBT * _DOUBT)
    weighted = x * weights[:, None]
    inverse = np.linalg.inv(weighted.T @ x + prior * np.eye(2))
    slopes = inverse @ (weighted.T @ y + prior * _SLOPES)
    leverage = weights / n + ((weighted @ inverse) * x).sum(axis=1)
    left = (y - x @ slopes) / (1.0 - np.minimum(leverage, _MOST))
    alone = y / (1.0 - np.minimum(weights / n, _MOST))
    missed, rest = float(weights @ (alone * alone)), float(weights @ (left * left))
    gain = math.log(max(missed, 1e-300) / max(rest, 1e-300))
    doubt = float(special.expit(-0.5 * n * gain))
    scale = math.sqrt((rest + _FREEDOM * expected) / (n + _FREEDOM))
    return Line(slopes, centre, at, inverse, n, scale, float(typical), part, doubt)


def _moves(early: FloatArray, part: float) -> FloatArray:
    """How far trials may yet move, squared; shape (...) for features of shape (..., 2).

    As far as they have moved since half of the steps, for each time that the steps double.
    """
    return np.asarray(_STILL * _STILL + (early[..., 1] * math.log2(part)) ** 2)


class Warp(NamedTuple):
    """A scale on which losses near the best count as much as all those far from it."""

    least: float
    unit: float

    def to(self, losses: Any) -> Any:
        """Warped losses."""
        away = (losses - self.least) / self.unit
        return np.sign(away) * np.log1p(np.abs(away))

    @np.errstate(all="ignore")
    def back(self, warped: float) -> float:
        """The loss that has this warped value."""
        return float(self.least + self.unit * np.copysign(np.expm1(abs(warped)), warped))


@final
class Ended:
    """A fold: COMPLETE trials with reports, as what follows needs them.

    Attributes:
        rows: Theirs.
        finals: Their losses, finite.
        length: The last step of the longest, -1 while there is none.
        cut: How many trials had been pruned when each of them ended.
        is_best: Whether final losses are the least of the reported ones, not the last.
    """

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.finals: list[float] = []
        self.length = -1
        self.cut: list[int] = []
        self.n_cut = 0
        self._best = self._last = 0
        self._early: dict[int, tuple[int, list[int], list[Levels], list[float]]] = {}
        self._lines: dict[int, tuple[tuple[int, int], tuple[Warp, Line] | None]] = {}
        self._sorted: tuple[int, FloatArray] = (0, np.empty(0))

    @property
    def is_best(self) -> bool:
        """See above."""
        return self._best > self._last

    def start(self, history: History) -> Ended:
        """No trials yet."""
        return Ended()

    def extend(self, state: Ended, history: History, first: int, last: int) -> Ended:
        """Take in trials; O(their reports)."""
        for row in range(first, last):
            ended = history.states[row]
            state.n_cut += int(ended == TrialState.PRUNED)
            loss = float(history.losses[row, 0])
            if ended != TrialState.COMPLETE or row not in history.curves or not math.isfinite(loss):
                continue
            steps, values = history.curves[row]
            losses = history.signs[0] * values
            state.rows.append(row)
            state.finals.append(loss)
            state.cut.append(state.n_cut)
            state.length = max(state.length, int(steps.max()))
            best, last_one = float(np.fmin.reduce(losses)), float(losses[-1])
            state._best += abs(best - loss) < abs(last_one - loss)
            state._last += abs(best - loss) > abs(last_one - loss)
        return state

    def pairs(self, history: History, step: int, n: int) -> tuple[FloatArray, FloatArray]:
        """Losses up to a step and final ones, of those of the first `n` that went beyond it.

        Returns:
            Losses half-way and at the step, shape (k, 2), and final ones, shape (k,).
        """
        read, which, early, final = self._early.get(step, (0, [], [], []))
        for i in range(read, len(self.rows)):
            steps, values = history.curves[self.rows[i]]
            if steps[-1] < step:
                continue
            found = levels(steps, history.signs[0] * values, step, self.is_best)
            if math.isfinite(found[1]):
                which.append(i)
                early.append(found)
                final.append(self.finals[i])
        self._early[step] = len(self.rows), which, early, final
        last = bisect_left(which, n)
        return np.array(early[:last]).reshape(-1, 2), np.array(final[:last])

    def line(self, history: History, step: int, n: int) -> tuple[Warp, Line] | None:
        """The regression at a step, of those of the first `n` that went beyond it; None if few."""
        key, known = (n, self.length), self._lines.get(step)
        if known is None or known[0] != key:
            early, final = self.pairs(history, step, n)
            found = None
            if len(early) >= LEAST:
                least = float(final.min())
                unit = max(float(np.median(final)) - least, 1e-12 * (1.0 + abs(least)))
                warp = Warp(least, unit)
                part = min(1.0, step / self.length)
                found = warp, fitted(_features(warp, early), warp.to(final), part)
            known = self._lines[step] = key, found
        return known[1]

    def ordered(self, n: int) -> FloatArray:
        """The final losses of the first `n`, in ascending order."""
        known, losses = self._sorted
        if known != n:
            losses = np.sort(self.finals[:n])
            self._sorted = n, losses
        return losses

    def seen(self, n: int) -> int:
        """How many trials had ended when the first `n` of these had, pruned ones included."""
        return n + (self.n_cut if n == len(self.rows) else self.cut[n])

    def goal(self, share: float, n: int) -> float:
        """The final loss within the best share of trials when the first `n` had ended.

        Those that were pruned are not in it.
        """
        rank = max(1, math.ceil(share * self.seen(n)))
        return float(self.ordered(n)[min(rank, n) - 1])

    def chance(self, found: Look, share: float, n: int) -> float:
        """The probability to end among the best share of all trials, of which there are few yet.

        Which place a trial takes among those that have ended, is by what is predicted; that such a
        place is within the best share of all is the probability that an order statistic of as
        many uniform numbers is below it.

        Source: H. A. David, H. N. Nagaraja, "Order statistics", 3rd ed., 2.1.
        """
        total = self.seen(n) + 1
        most = min(n, int(share * total + 4.0 * math.sqrt(share * total)) + 4)
        better = found.chances(self.ordered(n)[:most])
        places = np.diff(better, prepend=0.0)
        return found.hedged(float(places @ _within(share, total, most)), share)


@lru_cache(maxsize=256)
def _within(share: float, total: int, most: int) -> FloatArray:
    """The probability that each of the first places of `total` is within the best share of all."""
    place = np.arange(1, most + 1)
    return np.asarray(special.betainc(place, total + 1 - place, share))


Levels: TypeAlias = tuple[float, float]


def levels(steps: IntArray, losses: FloatArray, step: int, is_best: bool) -> Levels:
    """Where a trial stands after half of some steps, and after all; NaN if it has said nothing.

    That is its least loss, or the median of the last three. If it has said nothing in the first
    half, it stands there as it does later.
    """
    now = _level(losses[steps <= step], is_best)
    half = _level(losses[steps <= step // 2], is_best)
    return (half if math.isfinite(half) else now), now


@np.errstate(all="ignore")
def _level(losses: FloatArray, is_best: bool) -> float:
    there = losses[~np.isnan(losses)]
    if not len(there):
        return math.nan
    return float(there.min() if is_best else np.median(there[-_SMOOTH:]))


@cache
def rungs(length: int) -> tuple[int, ...]:
    """The steps at which trials of a length are looked at, below that length."""
    found, step = [], max(1.0, length / _RUNGS)
    while step < length:
        found.append(math.ceil(step - 1e-9))
        step *= _GROWTH
    return tuple(dict.fromkeys(found))


class Look(NamedTuple):
    """What is predicted of the final loss: Student's t on a warped scale.

    Attributes:
        warp: The scale; None if the final loss is worse than any.
        centre, spread: Of the warped loss.
        freedom: Degrees of freedom.
        doubt: The probability that nothing can be predicted.
    """

    warp: Warp | None
    centre: float = math.inf
    spread: float = 1.0
    freedom: float = _FREEDOM
    doubt: float = 0.0

    def at(self, side: float) -> float:
        """The median (`side` 0), or an end of the interval that has a probability of 0.8 (±1)."""
        if self.warp is None:
            return math.inf
        return self.warp.back(self.centre + side * _EIGHTY * self.spread)

    @np.errstate(all="ignore")  # losses near the largest number give NaN, which stops nothing
    def chances(self, goals: FloatArray) -> FloatArray:
        """The probability to reach each of some losses, in the shape of `goals`."""
        if self.warp is None:
            return np.zeros(goals.shape)
        away = (self.warp.to(goals) - self.centre) / self.spread
        return np.asarray(special.stdtr(self.freedom, away))

    def hedged(self, chance: float, share: float) -> float:
        """A chance to be among the best share, where possibly nothing can be predicted."""
        return self.doubt * share + (1.0 - self.doubt) * chance


@np.errstate(all="ignore")
def look(history: History, ended: Ended, step: int, found: Levels, n: int) -> Look | None:
    """Predict the end of a trial from its losses up to a step; None if too little is known.

    Args:
        history: The past.
        ended: What is known of it.
        step: At which step.
        found: The losses of the trial there; if NaN or infinite, it is worse than any, but nothing
            is known of one at minus infinity.
        n: Look at the first so many of `ended` only.
    """
    known = ended.line(history, step, n)
    if known is None or found[1] == -math.inf:
        return None
    if not math.isfinite(found[1]):
        return Look(None)
    warp, line = known
    ends = line.ends(_features(warp, np.array([found]))[0])
    return Look(warp, *ends, line.doubt)


def _features(warp: Warp, early: FloatArray) -> FloatArray:
    """The loss at a step, and how it has changed since half of the steps, warped; (n, 2)."""
    half, now = warp.to(early).T
    trend = np.where(np.isfinite(half), now - half, 0.0)
    return np.stack([now, trend], axis=1)
