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

_NO_TRIAL = np.zeros(1, np.intp)  # a place for the prior


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
        view.kept["table"] = Table(_prior(axes))
    table: Table = view.kept["table"]
    good: Good | None = view.kept.get("good")
    trials = split.good.tolist()
    same = good is not None and good.trials == trials and good.settings == settings
    new = table.unknown(split.bad, (places.epoch, settings.clip))
    made = None
    if len(new) or not same or running is not None:
        first = split.good[:0] if same else np.concatenate([split.good, _NO_TRIAL])
        made = _made(axes, places, view, (first, new, running), settings)
        table.fill(new, made.rows.part(len(first), len(first) + len(new)))
        if not same:
            good = view.kept["good"] = _good(made, axes.choices, trials, settings)
    assert good is not None
    slots = table.slots(split.bad)
    parts = [split.weights, good.kernels.weights[-1:]]
    run, n_running = None, 0
    if running is not None and made is not None:
        n_running = len(running)
        run = made.rows.part(-n_running, None)
        parts.append(np.ones(n_running))
    conditional = bool(
        good.lacks or table.kept.lacks.take(slots).any() or (run is not None and run.lacks.any())
    )
    spread = settings.prior / (split.n_bad + n_running + 1.0)
    weights = np.concatenate(parts)
    return Model(good, table.kept, slots, run, weights, spread, split.n_best, conditional)


def _prior(axes: Axes) -> Rows:
    """The kernel of no trial."""
    x, codes = np.full((1, len(axes.numeric)), 0.5), np.full((1, len(axes.choices)), -1)
    widths = np.ones(x.shape)
    fused = parzen.fuse(x, widths, codes, axes.choices)
    return Rows(x, widths, codes, *fused, np.zeros(1, bool))


class _Made(NamedTuple):
    """New kernels, all at once: the good ones and the prior, those for the table, the running."""

    rows: Rows
    widths: FloatArray  # (m, p): those to draw with
    masses: FloatArray | None  # see `parzen.normal_masses`; with these widths, where known


def _made(
    axes: Axes,
    places: Places,
    view: View,
    groups: tuple[IntArray, IntArray, FloatArray | None],
    settings: Settings,
) -> _Made:
    """Make kernels.

    Args:
        axes: Of the space.
        places: Of all trials.
        view: Of the free parameters.
        groups: The good trials and any other, for the prior, or none; the others that are new,
            whose kernels are each made by itself; places of those that run.
        settings: The user's.
    """
    first, new, running = groups
    n = len(first)
    at, gaps = places.of(view, np.concatenate([first, new])), places.gaps(view, new)
    if running is not None:
        at = np.concatenate([at, running])
        gaps = np.concatenate([gaps, places.gaps_of(view, running)])
    lacks: BoolArray = np.isnan(at.sum(axis=1))
    at[n - 1 : n] = np.nan
    x, codes = axes.numbers(at), axes.codes(at)
    widths = np.ones(x.shape)
    if n:
        counts = (x[: n - 1] == x[: n - 1]).sum(axis=0)  # NaN is not itself
        floor = _floor(settings, counts)
        widths[: n - 1] = parzen.gap_widths(x[: n - 1], floor, settings.endpoints)
        x[n - 1] = 0.5
    if len(gaps):
        all_counts = places.counts
        if not view.same:
            all_counts = np.where(view.columns < 0, 0.0, all_counts[view.columns])
        floor = _floor(settings, axes.numbers(all_counts[None])[0])
        np.fmin(np.maximum(axes.numbers(gaps), floor), 1.0, out=widths[n:])  # 1 for NaN
    if axes.discrete:
        masses, wide = None, parzen.cell_widths(widths, axes.cell_widths(x))
    else:
        masses, wide = parzen.normal_masses(np.where(np.isnan(x), 0.5, x), widths), widths
    fused = parzen.fuse(x, wide, codes, axes.choices, None if masses is None else masses[1])
    return _Made(Rows(x, wide, codes, *fused, lacks), widths, masses)


def _good(made: _Made, choices: IntArray, trials: list[int], settings: Settings) -> Good:
    """The density of the good trials, which come first in `made`."""
    n = len(trials)
    rows = made.rows.part(0, n + 1)
    weights = np.ones(n + 1)
    weights[n] = settings.prior
    spread = settings.prior / (n + 1.0)
    kernels = parzen.Kernels(rows.centres, made.widths[: n + 1], rows.codes, spread, weights)
    masses = None if made.masses is None else made.masses[:, : n + 1]
    source = parzen.source(kernels, choices, masses)
    lacks = bool(rows.lacks[:n].any())
    sums = rows.centres[:n].sum(axis=1)
    return Good(trials, settings, kernels, source, np.cumsum(weights), rows, lacks, sums)


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
