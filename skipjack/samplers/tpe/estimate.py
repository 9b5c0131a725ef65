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
        trials: The rows of the history, best first.
        settings: Of the user, with which it was made.
        kernels: One per trial, best first, and the prior.
        source: The same to draw from.
        total: Sums of their weights up to each, shape (m,).
        rows: The same for scoring.
        lacks: Whether one lacks a parameter.
        sums: Of the numeric places of each trial, shape (m - 1,).
    """

    trials: list[int]
    settings: Settings
    kernels: parzen.Kernels
    source: parzen.Source
    total: FloatArray
    rows: Rows
    lacks: bool
    sums: FloatArray


class Model(NamedTuple):
    """The good trials and the prior; and the others, the prior again, and those that run.

    Attributes:
        good: The first density.
        table: The kernels of the other trials and of the prior are in it,
        slots: here.
        running: Those of trials that run, or None.
        weights: Of the kernels of the second density.
        spread: Of the second density; see `parzen.Kernels`.
        n_best: How many of the good trials nothing is better than.
        conditional: Whether a trial lacks a parameter.
    """

    good: Good
    table: Rows
    slots: IntArray
    running: Rows | None
    weights: FloatArray
    spread: float
    n_best: int
    conditional: bool

    def _others(self, field: str) -> Array:
        kept: Array = getattr(self.table, field).take(self.slots, axis=0)
        if self.running is None:
            return kept
        return np.concatenate([kept, getattr(self.running, field)])

    def log_ratio(self, x: FloatArray, codes: IntArray, choices: IntArray) -> FloatArray:
        """Log of the first density over the second, shape (c,); see `parzen.features`."""
        first, kernels = self.good.rows, self.good.kernels
        at = parzen.features(x, codes, choices, (kernels.spread, self.spread))
        linear = self._others("linear")
        absent = linear[:, :0] if at.lacking is None else self._others("absent")
        return parzen.log_ratio(
            parzen.Fused(first.linear, first.absent),
            parzen.Fused(linear, absent),
            (kernels.weights, self.weights),
            at,
        )

    def densities(self) -> tuple[parzen.Kernels, parzen.Kernels]:
        """Both densities, with the widths for scoring."""
        centres, widths, codes = (self._others(name) for name in ("centres", "widths", "codes"))
        return (
            self.good.kernels._replace(widths=self.good.rows.widths),
            parzen.Kernels(centres, widths, codes, self.spread, self.weights),
        )


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
    if not view.kept:
        middle = np.full((1, len(axes.free)), 0.5)
        centre = axes.numbers(middle)
        no_codes = np.full((1, len(axes.choices)), -1)
        prior = _ready(axes, centre, np.ones(centre.shape), no_codes)
        prior.lacks.fill(False)  # it is of no trial
        view.kept.update(prior=prior, table=Table(prior))
    table: Table = view.kept["table"]
    trials = split.good.tolist()
    good: Good | None = view.kept.get("good")
    if good is None or good.trials != trials or good.settings != settings:
        good = _good(axes, places.of(view, split.good), view.kept["prior"], trials, settings)
        view.kept["good"] = good

    def made(new: IntArray) -> Rows:
        return _rows(axes, places.of(view, new), places.gaps(view, new), least())

    def least() -> FloatArray:
        counts = places.counts
        if not view.same:
            counts = np.where(view.columns < 0, 0.0, counts[view.columns])
        return _floor(settings, axes.numbers(counts[None])[0])

    slots = table.slots(split.bad, (places.epoch, settings.clip), made)
    parts = [split.weights, good.kernels.weights[-1:]]
    run, n_running = None, 0
    if running is not None:
        run, n_running = _rows(axes, running, places.gaps_of(view, running), least()), len(running)
        parts.append(np.ones(n_running))
    conditional = bool(
        good.lacks or table.kept.lacks.take(slots).any() or (run is not None and run.lacks.any())
    )
    spread = settings.prior / (split.n_bad + n_running + 1.0)
    weights = np.concatenate(parts)
    return Model(good, table.kept, slots, run, weights, spread, split.n_best, conditional)


def _good(axes: Axes, at: FloatArray, prior: Rows, trials: list[int], settings: Settings) -> Good:
    """The density of good trials at places of shape (n, d)."""
    n = len(at)
    x = np.concatenate([axes.numbers(at), prior.centres])
    counts = (x[:n] == x[:n]).sum(axis=0)  # NaN is not itself
    widths = np.ones(x.shape)
    widths[:n] = parzen.gap_widths(x[:n], _floor(settings, counts), settings.endpoints)
    codes = np.concatenate([axes.codes(at), prior.codes])
    weights = np.ones(n + 1)
    weights[n] = settings.prior
    kernels = parzen.Kernels(x, widths, codes, settings.prior / (n + 1.0), weights)
    source = parzen.source(kernels)
    rows = _ready(axes, x, widths, codes, None if axes.discrete else source.shape[:, 3])
    lacks = bool(rows.lacks[:n].any())
    sums = x[:n].sum(axis=1)
    return Good(trials, settings, kernels, source, np.cumsum(weights), rows, lacks, sums)


def _rows(axes: Axes, at: FloatArray, gaps: FloatArray, least: FloatArray | float) -> Rows:
    """Kernels of trials, each by itself.

    Args:
        axes: Of the space.
        at: Where the trials are, shape (m, d).
        gaps: How far each is from its neighbours, shape (m, d); NaN where it has none.
        least: The least width, a number or of shape (p,).
    """
    widths = np.fmin(np.maximum(axes.numbers(gaps), least), 1.0)  # 1 for NaN
    return _ready(axes, axes.numbers(at), widths, axes.codes(at))


def _ready(
    axes: Axes,
    x: FloatArray,
    widths: FloatArray,
    codes: IntArray,
    inside: FloatArray | None = None,
) -> Rows:
    """Kernels ready for scoring; see `parzen.Kernels` and `parzen.fuse`."""
    if axes.discrete:
        widths = parzen.cell_widths(widths, axes.cell_widths(x))
    lacks: BoolArray = np.isnan(x.sum(axis=1))
    if len(axes.choices):
        lacks |= codes.min(axis=1) < 0
    return Rows(x, widths, codes, *parzen.fuse(x, widths, codes, axes.choices, inside), lacks)


def _floor(settings: Settings, counts: FloatArray | IntArray) -> FloatArray:
    """The least width of a kernel among so many trials."""
    return 1.0 / np.minimum(100.0, counts + 2.0) if settings.clip else np.full(counts.shape, 1e-3)


def places_of(axes: Axes, points: Sequence[Mapping[str, float]]) -> FloatArray:
    """Places of internal values by name in the free parameters, shape (r, d); NaN where missing."""
    if not points:
        return np.empty((0, len(axes.free)))
    names = axes.free.names
    values = np.array([[point.get(name, np.nan) for name in names] for point in points], float)
    return axes.free.encode(values.reshape(len(points), len(names)))
