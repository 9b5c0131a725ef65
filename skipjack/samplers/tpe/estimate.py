"""The two densities: of the good trials and of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, final

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

_NOBODY = np.zeros(0, np.intp)
_NO_TRIAL = 0  # a place for the prior


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


@final
class Others:
    """The density of the other trials and the prior; it stays while they are the same.

    Attributes:
        weights: Of the kernels.
        lacks: Whether one lacks a parameter.
    """

    __slots__ = ("_fields", "_made_for", "_slots", "_table", "lacks", "weights")

    def __init__(self, table: Table, split: Split, settings: Settings) -> None:
        """Take the kernels of the bad trials, all of which the table has."""
        self._made_for = split.bad, settings, table.age
        self._table, self._slots = table.kept, table.slots(split.bad)
        self._fields: dict[str, Array] = {}
        self.weights: FloatArray = np.append(split.weights, settings.prior)
        self.lacks = bool(self.field("lacks").any())

    def is_of(self, table: Table, split: Split, settings: Settings) -> bool:
        """Whether it would be made again as it is."""
        bad, its_settings, age = self._made_for
        return bad is split.bad and age == table.age and its_settings == settings

    def field(self, name: str) -> Array:
        """Of all kernels; see `Rows`."""
        found = self._fields.get(name)
        if found is None:
            found = self._fields[name] = getattr(self._table, name).take(self._slots, axis=0)
        return found


class Model(NamedTuple):
    """The good trials and the prior; and the others, the prior again, and those that run.

    Attributes:
        good: The first density.
        others: The second one without those that run,
        running: whose kernels these are, or None.
        weights: Of the kernels of the second density.
        spread: Of the second density; see `parzen.Kernels`.
        n_best: How many of the good trials nothing is better than.
        conditional: Whether a trial lacks a parameter.
    """

    good: Good
    others: Others
    running: Rows | None
    weights: FloatArray
    spread: float
    n_best: int
    conditional: bool

    def _others(self, field: str) -> Array:
        kept = self.others.field(field)
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
    if "table" not in view.kept:
        view.kept["table"] = Table(_prior(axes))
    table: Table = view.kept["table"]
    table.begin((places.epoch, settings.clip))
    good: Good | None = view.kept.get("good")
    others: Others | None = view.kept.get("others")
    trials = split.good.tolist()
    if good is not None and (good.trials != trials or good.settings != settings):
        good = None
    if others is not None and not others.is_of(table, split, settings):
        others = None
    new = _NOBODY if others is not None else table.unknown(split.bad)
    run = None
    if good is None or len(new) or running is not None:
        first = np.append(split.good, _NO_TRIAL) if good is None else _NOBODY
        made = _made(axes, places, view, (first, new, running), settings)
        if len(new):
            table.fill(new, made.rows.part(len(first), len(first) + len(new)))
        if good is None:
            good = view.kept["good"] = _good(made, axes.choices, trials, settings)
        if running is not None:
            run = made.rows.part(-len(running), None)
    if others is None:
        others = view.kept["others"] = Others(table, split, settings)
    conditional, weights, n = good.lacks or others.lacks, others.weights, split.n_bad
    if run is not None:
        conditional = conditional or bool(run.lacks.any())
        weights = np.append(weights, np.ones(len(run.lacks)))
        n += len(run.lacks)
    spread = settings.prior / (n + 1.0)
    return Model(good, others, run, weights, spread, split.n_best, conditional)


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
    at = places.of(view, np.concatenate([first, new]) if len(new) else first)
    gaps = []
    if len(new):
        gaps.append(places.gaps(view, new))
    if running is not None:
        at = np.concatenate([at, running])
        gaps.append(places.gaps_of(view, running))
    lacks: BoolArray = np.isnan(at.sum(axis=1))
    at[n - 1 : n] = np.nan
    x, codes = axes.numbers(at), axes.codes(at)
    widths = np.ones(x.shape)
    if n:
        counts = (x[: n - 1] == x[: n - 1]).sum(axis=0)  # NaN is not itself
        floor = _floor(settings, counts)
        widths[: n - 1] = parzen.gap_widths(x[: n - 1], floor, settings.endpoints)
        x[n - 1] = 0.5
    if gaps:
        all_counts = places.counts
        if not view.same:
            all_counts = np.where(view.columns < 0, 0.0, all_counts[view.columns])
        floor = _floor(settings, axes.numbers(all_counts[None])[0])
        found = axes.numbers(np.concatenate(gaps))
        np.fmin(np.maximum(found, floor), 1.0, out=widths[n:])  # 1 for NaN
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
