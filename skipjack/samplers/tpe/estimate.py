"""The two densities: of the good trials and of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from skipjack.numerics import parzen
from skipjack.records.space import BoolArray, FloatArray, IntArray
from skipjack.samplers.tpe.axes import Axes
from skipjack.samplers.tpe.groups import Split
from skipjack.samplers.tpe.places import Places, View
from skipjack.samplers.tpe.sampler import Settings
from skipjack.samplers.tpe.table import Rows, Table

Array: TypeAlias = npt.NDArray[Any]


class Good(NamedTuple):
    """The density of the good trials; it stays while they are the same.

    Attributes:
        rows: Of the trials, best first.
        settings: Of the user, with which it was made.
        counts: How many of the trials have each numeric parameter, shape (p,).
        lacks: Whether one lacks a parameter.
        kernels: One per trial, best first, and the prior.
        source: The same to draw from.
        total: Sums of their weights up to each, shape (m,).
        scoring: The same with the widths for scoring.
        fused: The same made ready.
        prior: The prior as one of the rows of `Bad`.
    """

    rows: list[int]
    settings: Settings
    counts: FloatArray
    lacks: bool
    kernels: parzen.Kernels
    source: parzen.Source
    total: FloatArray
    scoring: parzen.Kernels
    fused: parzen.Fused
    prior: Rows


class Bad(NamedTuple):
    """The density of the other trials: m of a table, then those that run and the prior.

    Attributes:
        table: All kernels that are kept.
        slots: Those that belong to it, shape (m,).
        more: The kernels of trials that run, and the prior.
        weights, spread: Of all; see `parzen.Kernels`.
        conditional: Whether points or trials may lack a parameter.
    """

    table: Rows
    slots: IntArray
    more: Rows
    weights: FloatArray
    spread: FloatArray
    conditional: bool

    def _all(self, kept: Array, more: Array) -> Array:
        return np.concatenate([kept.take(self.slots, axis=0), more])

    def fused(self, choices: IntArray) -> parzen.Fused:
        """Made ready for `parzen.log_mixture`."""
        table, more = self.table, self.more
        linear = self._all(table.linear, more.linear)
        constant = self._all(table.constant, more.constant)
        absent = self._all(table.absent, more.absent) if self.conditional else linear[:, :0]
        numbers = parzen.Fused(linear, constant, absent)
        if not len(choices):
            return numbers
        return parzen.fuse_choices(
            numbers, self._all(table.codes, more.codes), self.spread, choices
        )

    def kernels(self) -> parzen.Kernels:
        """With the widths for scoring."""
        table, more = self.table, self.more
        return parzen.Kernels(
            self._all(table.centres, more.centres),
            self._all(table.widths, more.widths),
            self._all(table.codes, more.codes),
            self.spread,
            self.weights,
        )


class Model(NamedTuple):
    """Both densities."""

    good: Good
    bad: Bad
    n_best: int  # of the good trials, how many nothing is better than
    conditional: bool  # whether a trial lacks a parameter


def model(
    axes: Axes,
    places: Places,
    view: View,
    split: Split,
    running: FloatArray | None,
    settings: Settings,
) -> Model:
    """Kernels for a split of the trials.

    Args:
        axes: Of the space.
        places: Of all trials.
        view: Of the free parameters.
        split: The good trials and the others.
        running: Places of the trials that run, which count as bad, shape (r, d), or None.
        settings: The user's.
    """
    rows = split.good.tolist()
    good: Good | None = view.kept.get("good")
    if good is None or good.rows != rows or good.settings != settings:
        good = view.kept["good"] = _good(axes, places.of(view, split.good), rows, settings)
    n_running = 0 if running is None else len(running)
    seen = places.counts
    if not view.same:
        seen = np.where(view.columns < 0, 0.0, seen[view.columns])
    others = np.maximum(0.0, axes.numbers(seen[None])[0] - good.counts) + n_running
    least = _floor(settings, others)

    def made(trials: IntArray) -> Rows:
        return _rows(axes, places.of(view, trials), places.gaps(view, trials), least)

    table: Table = view.kept.get("table") or view.kept.setdefault("table", Table(good.prior))
    slots = table.slots(split.bad, (places.epoch, least.tobytes()), made)
    more = good.prior
    if running is not None:
        run = _rows(axes, running, places.gaps_of(view, running), least)
        more = Rows(*(np.concatenate(pair) for pair in zip(run, more, strict=True)))
    n = len(slots)
    weights = np.ones(n + n_running + 1)
    weights[:n] = split.weights
    weights[-1] = settings.prior
    spread = np.full(len(weights), settings.prior / (split.n_bad + n_running + 1.0))
    conditional = bool(good.lacks or table.kept.lacks[slots].any() or more.lacks.any())
    bad = Bad(table.kept, slots, more, weights, spread, conditional)
    return Model(good, bad, split.n_best, conditional)


def _good(axes: Axes, at: FloatArray, rows: list[int], settings: Settings) -> Good:
    """The density of good trials at places of shape (n, d)."""
    n = len(at)
    x = axes.numbers(at)
    counts = (~np.isnan(x)).sum(axis=0).astype(float)
    middle = np.full((1, at.shape[1]), 0.5)
    prior = _rows(axes, middle, np.ones(middle.shape), 1.0)
    prior.codes.fill(-1)
    widths = parzen.gap_widths(x, _floor(settings, counts), settings.endpoints)
    weights = np.ones(n + 1)
    weights[n] = settings.prior
    kernels = parzen.Kernels(
        np.concatenate([x, prior.centres]),
        np.concatenate([widths, np.ones((1, x.shape[1]))]),
        np.concatenate([axes.codes(at), prior.codes]),
        np.full(n + 1, settings.prior / (n + 1.0)),
        weights,
    )
    scoring = kernels._replace(widths=_scoring_widths(axes, kernels.centres, kernels.widths))
    return Good(
        rows,
        settings,
        counts,
        bool(np.isnan(at).any()),
        kernels,
        parzen.source(kernels),
        np.cumsum(weights),
        scoring,
        parzen.fuse(scoring, axes.choices),
        prior,
    )


def _rows(axes: Axes, at: FloatArray, gaps: FloatArray, least: FloatArray | float) -> Rows:
    """Kernels of trials, each by itself.

    Args:
        axes: Of the space.
        at: Where the trials are, shape (m, d).
        gaps: How far each is from its neighbours, shape (m, d).
        least: The least width, a number or of shape (p,).
    """
    x, widths = axes.numbers(at), axes.numbers(gaps)
    alone = np.isnan(widths)
    if alone.any():
        widths = np.where(alone, 1.0, widths)
    widths = _scoring_widths(axes, x, np.minimum(np.maximum(widths, least), 1.0))
    lacks: BoolArray = np.isnan(at.sum(axis=1))
    return Rows(x, widths, axes.codes(at), *parzen.fuse_numbers(x, widths), lacks)


def _floor(settings: Settings, counts: FloatArray) -> FloatArray:
    """The least width of a kernel among so many trials."""
    return 1.0 / np.minimum(100.0, counts + 2.0) if settings.clip else np.full(counts.shape, 1e-3)


def _scoring_widths(axes: Axes, centres: FloatArray, widths: FloatArray) -> FloatArray:
    """Widths that make densities at cells' centres right; as they are if there are no cells."""
    if not axes.discrete:
        return widths
    return parzen.cell_widths(widths, np.nan_to_num(axes.cell_widths(centres)))


def places_of(axes: Axes, points: Sequence[Mapping[str, float]]) -> FloatArray:
    """Places of internal values by name in the free parameters, shape (r, d); NaN where missing."""
    if not points:
        return np.empty((0, len(axes.free)))
    names = axes.free.names
    values = np.array([[point.get(name, np.nan) for name in names] for point in points], float)
    return axes.free.encode(values.reshape(len(points), len(names)))
