"""Gaussian processes of a study: fitted at epochs, kept with the history, brought up to date.

What is fitted depends on the trials before the epoch alone, and starts from the same place every
time, so that a process which opens the study later fits the same.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import NamedTuple, TypeAlias, final

import numpy as np

from skipjack.numerics.gp.fit import (
    Data,
    Prior,
    drawn,
    left_out,
    settle,
    solved,
    solved_for,
    spread,
)
from skipjack.numerics.gp.posterior import Posterior, posterior, with_more
from skipjack.numerics.gp.warp import Warp, warps
from skipjack.records.history import History
from skipjack.records.space import BoolArray, FloatArray, IntArray
from skipjack.records.states import TrialState
from skipjack.rng import Stream
from skipjack.samplers.gp.embedding import Embedding
from skipjack.samplers.gp.observed import (
    CAP,
    NEW,
    Scale,
    Sides,
    Target,
    chosen,
    epoch_of,
    scale_of,
    sides_of,
    told,
)
from skipjack.samplers.tpe.axes import Axes
from skipjack.samplers.tpe.pruned import Outlook

_KEPT = 32  # fits
_MANY = 96  # observations from which most steps of a fit are made with a part,
_EACH = 8  # or so many for each parameter, if that is more
_POWERS = (1.0, 1.6)  # of warps for what is better than the median; the first is tried first
_BEST = 0.5  # share of the observations that a warp is judged by
_LIGHT = 0.25  # what the others count

Map: TypeAlias = Warp | Sides


class Fitted(NamedTuple):
    """A model of one target as of an epoch.

    Attributes:
        scale, map: From what trials say to what is modelled.
        log: Logarithms of the P most probable parameters.
        root: Of their covariance, shape (P, P); None if it is not asked for.
        base: The process with the most probable ones, given the observations.
    """

    scale: Scale
    map: Map
    log: FloatArray
    root: FloatArray | None
    base: Posterior


class Model(NamedTuple):
    """A model of one target as of now.

    Attributes:
        now: The process given all observations.
        rows: Of these, shape (n,).
        means: What it expects where they are, without noise, shape (n,).
        limit: Image of a constraint's limit; 0 for objectives.
    """

    now: Posterior
    rows: IntArray
    means: FloatArray
    values: FloatArray


@final
class Kept:
    """What models of a study share.

    Attributes:
        expected: By row, what pruned trials would have come to; None if that cannot be said.
    """

    def __init__(self) -> None:
        self.expected: dict[int, float | None] = {}
        self._outlook = Outlook()
        self._made: dict[Hashable, Fitted] = {}

    def note(self, history: History, first: int, last: int) -> None:
        """Take in rows; in their order, as each pruned trial is judged by those before it."""
        if len(history.signs) == 1:
            pruned = np.flatnonzero(history.states[first:last] == TrialState.PRUNED)
            for row in (pruned + first).tolist():
                self.expected[row] = self._outlook.expect(history, row)

    def get(self, key: Hashable) -> Fitted | None:
        """A fit that was made before."""
        return self._made.get(key)

    def put(self, key: Hashable, fitted: Fitted) -> None:
        """Keep a fit; old ones give way."""
        while len(self._made) >= _KEPT:
            del self._made[next(iter(self._made))]
        self._made[key] = fitted


@final
class KeptFold:
    """Keeps `Kept`; two of them are not the same, so use one."""

    def start(self, history: History) -> Kept:
        """Nothing is fitted."""
        return Kept()

    def extend(self, state: Kept, history: History, first: int, last: int) -> Kept:
        """Take in pruned trials; fits are made when they are asked for."""
        state.note(history, first, last)
        return state


_KEPT_FOLD = KeptFold()


@final
class Workshop:
    """Makes the models of a study in one space.

    Attributes:
        embedding: Of the space.
        rows: Of the trials that models know, those before the epoch first, shape (n,).
        places: Of these, shape (n, d).
        there: Which parameters they have, shape (n, d).
        n_before: How many of them are before the epoch.
        partial: Whether one lacks a parameter.
    """

    def __init__(self, history: History, axes: Axes, exact: bool) -> None:
        """Choose the trials. `exact`: there is no noise."""
        self._history, self._exact = history, exact
        self._kept = history.derived(_KEPT_FOLD)
        n = len(history)
        self._epoch = epoch_of(n)
        before = chosen(history, 0, self._epoch, CAP)
        after = chosen(history, self._epoch, n, NEW)
        rows = np.concatenate([before, after])
        places = history.unit(axes.free, rows)
        there: BoolArray = ~np.isnan(places)
        some = np.asarray(there.any(axis=1))
        self.rows, self.places, self.there = rows[some], places[some], there[some]
        self.n_before = int(some[: len(before)].sum())
        self.embedding = Embedding(axes, self.there[: self.n_before])
        self.partial = not self.there.all()
        self._features = self.embedding.features(self.places, self.there)
        self._prior = prior_of(len(axes.free), exact=exact)

    def model(self, target: Target, stream: Stream | None = None) -> Model:
        """The model of a target.

        Args:
            target: What is modelled.
            stream: Parameters are drawn from those that may be right; None: the most probable.
        """
        values = told(self._history, target, self.rows, self._kept.expected)
        at = np.searchsorted(self.rows, values.rows)
        features, n = self._features[at], int((at < self.n_before).sum())
        draws = stream is not None
        key = target, self.embedding.axes.free, self._epoch, self._exact, draws
        fitted = self._kept.get(key)
        if fitted is None:
            fitted = self._fit(target, features[:n], values.values[:n], values.extra[:n], draws)
            self._kept.put(key, fitted)
        images = fitted.map(fitted.scale(values.values))
        now = fitted.base
        if stream is not None and fitted.root is not None:
            z = stream.normal(len(fitted.log))
            data = Data(features, self.embedding.groups, images, values.extra)
            now = posterior(data, drawn(self._prior, fitted.log, fitted.root, z))
        elif len(at) > n:
            now = with_more(now, features[n:], values.extra[n:], images)
        means = images - (now.noise + values.extra) * now.alphas[:, 0]
        return Model(now, values.rows, means, images)

    def _fit(
        self,
        target: Target,
        features: FloatArray,
        raw: FloatArray,
        extra: FloatArray,
        draws: bool,
    ) -> Fitted:
        limit = target.kind == "limit"
        scale = scale_of(raw, signed=limit)
        moderate = scale(raw)
        d, prior = len(self.embedding.axes.free), self._prior
        groups, n_lengths = self.embedding.groups, self.embedding.n_lengths
        start = np.full(n_lengths + 2, math.log(0.3 * math.sqrt(d)))
        start[-2:] = 0.0, -5.0
        maps: list[Map] = [sides_of(moderate)] if limit else [*warps(moderate, _POWERS)]
        data = Data(features, groups, maps[0](moderate), extra)
        part = _part(len(raw), max(_MANY, _EACH * d), moderate)
        less = Data(features[part], groups, data.values[part], extra[part])
        log = settle(less, prior, start, 30).log
        if len(part) < len(raw):
            log = settle(data, prior, log, 3).log
        best = maps[0]
        if len(maps) > 1 and len(raw) > 3:
            inverse, log_det, _, _ = solved(data, log)
            best = max(maps, key=lambda warp: _credit(inverse, log_det, warp, moderate))
            if best is not maps[0]:
                data = data._replace(values=best(moderate))
                less = less._replace(values=data.values[part])
                log = settle(less, prior, log, 8).log
        root = None
        if draws:  # narrower than the part says, as all are known
            root = math.sqrt(len(part) / max(len(raw), 1)) * spread(less, prior, log)
        return Fitted(scale, best, log, root, posterior(data, log))


def prior_of(d: int, *, exact: bool) -> Prior:
    """What is believed of a function of `d` parameters.

    Source: C. Hvarfner, E. O. Hellsten, L. Nardi, "Vanilla Bayesian optimization performs great in
        high dimensions", ICML 2024, arXiv:2402.02229 (length-scales that grow with d).
    """
    lengths = 0.5 * math.log(d) - 1.0, 0.8
    if exact:
        return Prior(lengths, noise=None)
    return Prior(lengths, noise=(-6.0, 2.0))


def _part(n: int, most: int, values: FloatArray) -> IntArray:
    """Indices of at most so many observations: the best half of them and an even spread."""
    if n <= most:
        return np.arange(n)
    order = np.argsort(values, kind="stable")
    best, others = order[: most // 2], np.sort(order[most // 2 :])
    even = others[np.linspace(0, len(others) - 1, most - len(best)).astype(np.intp)]
    return np.sort(np.concatenate([best, even]))


def _credit(inverse: FloatArray, log_det: float, warp: Map, values: FloatArray) -> float:
    """How well each value is foretold by the others through a warp, mostly the better half."""
    assert isinstance(warp, Warp)
    images = warp(values)
    found = solved_for(inverse, log_det, images)
    mean, variance = left_out(found, images)
    density = -0.5 * (np.square(images - mean) / variance + np.log(variance))
    density += warp.log_slope(values)
    weights = np.where(values <= np.quantile(values, _BEST), 1.0, _LIGHT)
    return float(weights @ density)
