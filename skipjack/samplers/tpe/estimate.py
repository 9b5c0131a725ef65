"""The two densities: of the good trials and of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from skipjack.numerics import parzen
from skipjack.records.space import FloatArray
from skipjack.samplers.tpe.axes import Axes
from skipjack.samplers.tpe.groups import Split
from skipjack.samplers.tpe.places import Places, View
from skipjack.samplers.tpe.sampler import Settings


class Model(NamedTuple):
    """Kernels of the good trials, best first, and the prior; then those of the others likewise."""

    kernels: parzen.Kernels
    n_good: int  # the prior included
    n_best: int  # of the good ones, how many nothing is better than
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
    n_good, n_bad = len(split.good), len(split.bad)
    rows = np.concatenate([split.good, _NONE, split.bad, _NONE])
    at = places.of(view, rows)
    n_running = 0
    if running is not None:
        n_running = len(running)
        at = np.concatenate([at[:-1], running, at[-1:]])
    at[n_good] = at[-1] = 0.5
    x = axes.numbers(at)
    good = x[:n_good]
    conditional = bool(np.isnan(at.sum()))
    sizes = np.ones_like(x)
    if x.shape[1]:
        if conditional:
            n_mine = (~np.isnan(good)).sum(axis=0).astype(float)
            seen = np.where(view.columns >= 0, places.counts[view.columns], 0.0)
            n_theirs = np.maximum(0.0, axes.numbers(seen[None])[0] - n_mine) + n_running
        else:
            n_mine = np.full(x.shape[1], float(n_good))
            n_theirs = np.full(x.shape[1], float(split.n_bad + n_running))
        sizes[:n_good] = parzen.gap_widths(good, _floor(settings, n_mine), settings.endpoints)
        gaps = places.gaps(view, split.bad)
        if running is not None:
            gaps = np.concatenate([gaps, places.gaps_of(view, running)])
        gaps = axes.numbers(gaps)
        if np.isnan(gaps.sum()):
            gaps = np.where(np.isnan(gaps), 1.0, gaps)
        sizes[n_good + 1 : -1] = np.minimum(np.maximum(gaps, _floor(settings, n_theirs)), 1.0)
    codes = axes.codes(at) if len(axes.categorical) else np.zeros((len(at), 0), np.int64)
    codes[n_good] = codes[-1] = -1
    weights = np.ones(len(at))
    weights[n_good + 1 : n_good + 1 + n_bad] = split.weights
    weights[n_good] = weights[-1] = settings.prior
    spread = np.full(len(at), settings.prior / (split.n_bad + n_running + 1.0))
    spread[: n_good + 1] = settings.prior / (n_good + 1.0)
    return Model(
        parzen.Kernels(x, sizes, codes, spread, weights), n_good + 1, split.n_best, conditional
    )


_NONE = np.zeros(1, np.intp)


def _floor(settings: Settings, counts: FloatArray) -> FloatArray:
    """The least width of a kernel among so many trials."""
    return 1.0 / np.minimum(100.0, counts + 2.0) if settings.clip else np.full(counts.shape, 1e-3)


def for_scoring(axes: Axes, kernels: parzen.Kernels) -> parzen.Kernels:
    """The kernels with widths that make densities at cells' centres right; as they are if none."""
    if not axes.discrete:
        return kernels
    cells = axes.cell_widths(kernels.centres)
    return kernels._replace(widths=parzen.cell_widths(kernels.widths, np.nan_to_num(cells)))


def places_of(axes: Axes, points: Sequence[Mapping[str, float]]) -> FloatArray:
    """Places of internal values by name in the free parameters, shape (r, d); NaN where missing."""
    if not points:
        return np.empty((0, len(axes.free)))
    names = axes.free.names
    values = np.array([[point.get(name, np.nan) for name in names] for point in points], float)
    return axes.free.encode(values.reshape(len(points), len(names)))


def good_part(kernels: parzen.Kernels, n: int) -> parzen.Kernels:
    """The first `n` kernels."""
    centres, widths, codes, spread, weights = kernels
    return parzen.Kernels(centres[:n], widths[:n], codes[:n], spread[:n], weights[:n])


def rest(kernels: parzen.Kernels, n: int) -> parzen.Kernels:
    """All but the first `n` kernels."""
    centres, widths, codes, spread, weights = kernels
    return parzen.Kernels(centres[n:], widths[n:], codes[n:], spread[n:], weights[n:])
