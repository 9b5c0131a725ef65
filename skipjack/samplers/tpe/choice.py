"""Which of the candidates is proposed: the one with the best ratio that has not been tried."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from skipjack.numerics import parzen
from skipjack.records.space import BoolArray, FloatArray
from skipjack.rng import Stream
from skipjack.samplers.tpe.axes import Axes
from skipjack.samplers.tpe.candidates import Points, apart, fixed, joint, mix
from skipjack.samplers.tpe.estimate import Good, Model, places_of
from skipjack.samplers.tpe.seen import ENUMERABLE, Seen, all_points

_SAME = 1e-12  # places nearer than this are one, computed in two ways
_FOR_LIMIT = 8  # candidates drawn for each constraint with a model of its own
_LEAST_SHARE = 1e-3  # of trials, and of the others
_ROUNDS = 3  # of drawing candidates, if all have been tried


class Search(NamedTuple):
    """What candidates are drawn from and compared by.

    Attributes:
        axes: Of the space.
        model: The good trials and the others.
        known: The given coordinates as one point, or None.
        given: The given internal values by name.
        exists: From internal values, shape (c, d), which parameters the points have; None: all.
        limits: Models of the constraints, and the share of trials that keep each.
        share: Of good trials.
    """

    axes: Axes
    model: Model
    known: Points | None
    given: Mapping[str, float]
    exists: Exists | None
    limits: Sequence[tuple[Model, float]] = ()
    share: float = 0.0

    def best(self, draw: Draw, stream: Stream, n: int, seen: Seen | None) -> dict[str, float]:
        """Internal values of the best candidate that is not in `seen`.

        If all candidates are, more are drawn; a small space is searched to its last point. When
        all of it has been seen, the best of the last candidates is taken.
        """
        values: dict[str, float] = {}
        for _ in range(_ROUNDS):
            points, scores = draw(self, stream, n)
            if seen is None:
                i = int(scores.argmax())
                return {**self.axes.values(points.x[i], points.codes[i]), **self.given}
            for i in np.argsort(-scores, kind="stable").tolist():
                values = {**self.axes.values(points.x[i], points.codes[i]), **self.given}
                if not seen.has(self.active(values)):
                    return values
        if seen is None or self.axes.space.cells.prod() > ENUMERABLE:
            return values
        unseen = [{**p, **self.given} for p in all_points(self.axes.space)]
        unseen = [p for p in unseen if not seen.has(self.active(p))]
        if not unseen:
            return values
        at = places_of(self.axes, unseen)
        scores = self.score(self.trimmed(Points(self.axes.numbers(at), self.axes.codes(at))))
        return unseen[int(scores.argmax())]

    def active(self, values: dict[str, float]) -> dict[str, float]:
        """The values of the parameters that the point has."""
        if self.exists is None:
            return values
        names = self.axes.free.names
        [there] = self.exists(np.array([[values[name] for name in names]]))
        gone = {name for name, present in zip(names, there.tolist(), strict=True) if not present}
        return {name: value for name, value in values.items() if name not in gone}

    def trimmed(self, points: Points) -> Points:
        """The points without the coordinates of parameters that they have not."""
        if self.exists is None:
            return points
        axes = self.axes
        there = self.exists(axes.internal(points.x, points.codes))
        x = np.where(there[:, axes.numeric], points.x, np.nan)
        return Points(x, np.where(there[:, axes.categorical], points.codes, -1))

    def score(self, points: Points) -> FloatArray:
        """Log ratio of the joint densities, shape (c,), of trimmed points.

        With constraints that have models of their own, log of the product over these and the
        objective of the density of the good over that of all.
        """
        x, codes, choices = points.x, points.codes, self.axes.choices
        if not self.limits:
            return self.model.log_ratio(x, codes, choices)
        score = np.zeros(len(x))
        for model, share in ((self.model, self.share), *self.limits):
            share = min(max(share, _LEAST_SHARE), 1.0 - _LEAST_SHARE)
            rest = math.log1p(-share) - model.log_ratio(x, codes, choices)
            score -= np.logaddexp(math.log(share), rest)
        return score


Exists: TypeAlias = Callable[[FloatArray], BoolArray]
Draw: TypeAlias = Callable[[Search, Stream, int], tuple[Points, FloatArray]]


def drawn_jointly(search: Search, stream: Stream, n: int) -> tuple[Points, FloatArray]:
    """Draws from the good density and mixes with the best trials, with their scores."""
    axes, good, known = search.axes, search.model.good, search.known
    recipe = good.settings.recipe
    n_mixed, d = int(n * recipe.mixed), len(axes.free)
    u = stream.uniform((n + n_mixed) * (1 + d)).reshape(n + n_mixed, 1 + d)
    points = joint(good, axes.choices, known, u[:n])
    if n_mixed:
        base = _bases(good.kernels, search.model.n_best, n_mixed, stream)
        mix(points, base, u[n:], not good.lacks, recipe)
        points = fixed(points, known)
    for limit, _ in search.limits:  # what keeps a constraint, be it good or not
        u = stream.uniform(_FOR_LIMIT * (1 + d)).reshape(_FOR_LIMIT, 1 + d)
        more = joint(limit.good, axes.choices, known, u)
        points = Points(*(np.concatenate(pair) for pair in zip(points, more, strict=True)))
    axes.settle(points.x)
    trimmed = search.trimmed(points)
    scores = search.score(trimmed)
    if axes.cells and (again := _repeats(trimmed, good)) is not None:
        scores[again] = -np.inf
    return points, scores


def _repeats(points: Points, good: Good) -> BoolArray | None:
    """Which points are good trials over again, shape (c,); None if none is."""
    away = np.abs(points.x.sum(axis=1)[:, None] - good.sums)
    most = _SAME * points.x.shape[1]
    if away.min() > most:  # not so if a point lacks a parameter
        return None
    found: BoolArray = ~(away.min(axis=1) > most)  # maybe
    [rows] = found.nonzero()
    x, codes = points.x[rows, None], points.codes[rows, None]
    same = ~(np.abs(x - good.kernels.centres[:-1]) > _SAME).any(axis=2)
    same &= (codes == good.kernels.codes[:-1]).all(axis=2)
    found[rows] = same.any(axis=1)
    return found


def _bases(good: parzen.Kernels, n_best: int, n: int, stream: Stream) -> Points:
    """The best trial, or any `n` of those that nothing is better than, as points."""
    which = np.zeros(1, np.int64) if n_best < 2 else stream.integers(n, n_best)
    return Points(good.centres[which], good.codes[which])


def drawn_apart(search: Search, stream: Stream, n: int) -> tuple[Points, FloatArray]:
    """One point: each coordinate has the best ratio of its own densities among its own draws."""
    axes = search.axes
    points = apart(search.model.good, axes.choices, stream, n)
    axes.settle(points.x)
    above, below = (
        parzen.log_marginals(density, axes.choices, points.x, points.codes)
        for density in search.model.densities()
    )
    scores = above - below
    best = scores.argmax(axis=0)  # (p + q,)
    p, q = points.x.shape[1], points.codes.shape[1]
    chosen = Points(
        points.x[best[:p], np.arange(p)][None], points.codes[best[p:], np.arange(q)][None]
    )
    return fixed(chosen, search.known), np.zeros(1)
