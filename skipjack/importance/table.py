"""The trials of a study as a forest reads them: bins of parameters, and values to explain."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple, final

import numpy as np

from skipjack.errors import invalid, wrong_type
from skipjack.importance.base import (
    Importances,
    TargetFunction,
    checked_names,
    common,
    enough,
    history_of,
    values_of,
)
from skipjack.numerics import forest
from skipjack.numerics.forest import Bins, Forest
from skipjack.records.space import FloatArray, IntArray, Space
from skipjack.rng import stream

_BINS = 32
_LEAST = 5  # trials that a node of a tree must have to be split; less if there are few at all
_GRID = np.linspace(0.0, 1.0, 1025)


class Table(NamedTuple):
    """Trials that a forest can be grown from.

    Attributes:
        names: Of the parameters with more than one value, d of them.
        others: Of those with one.
        codes: Shape (n, d).
        bins: Of the parameters.
        values: To explain, shape (n,), from -½ to ½ around the middle of their range,
        unit: in this unit.
        middle: Of the range, in the unit of the objective.
    """

    names: list[str]
    others: list[str]
    codes: IntArray
    bins: Bins
    values: FloatArray
    unit: float
    middle: float

    def figures(self, trees: FloatArray) -> Importances[str]:
        """The means over the trees, with standard errors; 0 for parameters with one value.

        Args:
            trees: The figure of each parameter in each tree, shape (trees, d).
        """
        nothing = dict.fromkeys([*self.names, *self.others], 0.0)
        if not len(trees):
            return Importances(nothing, nothing)
        found = (dict(zip(self.names, each, strict=True)) for each in self.spread(trees))
        return Importances(*(nothing | each for each in found))

    def spread(self, trees: FloatArray) -> tuple[list[float], list[float]]:
        """The means over the trees, and standard errors.

        The spread of trees is that of figures which other trials, `forest.drawn` of them, would
        have given; trees are somewhat more different than studies are, so the errors are cautious.

        Args:
            trees: Figures of each tree, shape (trees, k).
        """
        n = len(self.values)
        errors = trees.std(axis=0) * np.sqrt(forest.drawn(n) / n)
        return trees.mean(axis=0).tolist(), errors.tolist()


@final
class Grower:
    """Grows the forest of a study; what the evaluators that use one have in common.

    Args:
        n_trees: How many trees.
        max_depth: How many splits lie above a leaf at most.
        seed: Decides which trials each tree knows; None: always the same.
    """

    def __init__(self, n_trees: int, max_depth: int, seed: int | None) -> None:
        self._n_trees = _positive("n_trees", n_trees)
        self._max_depth = _positive("max_depth", max_depth)
        if seed is not None and not hasattr(seed, "__index__"):
            raise wrong_type("seed", "be a whole number or None", seed)
        self._seed = 0 if seed is None else int(seed)

    def table(self, study: Any, params: list[str] | None, target: TargetFunction | None) -> Table:
        """The trials that have all the parameters, and what they come to.

        Raises:
            TypeError: If an argument is of a wrong kind.
            ValueError: If the parameters cannot be judged together.
        """
        history = history_of(study)
        dists, rows = common(history, checked_names(params))
        values = values_of(study, history, rows, target)
        finite = np.isfinite(values)
        rows, values = rows[finite], values[finite]
        several = Space({name: dist for name, dist in dists.items() if not dist.single()})
        others = [name for name in dists if name not in several]
        if not enough(len(rows), dists):
            rows, values = rows[:0], values[:0]
        codes, bins = binned(history.unit(several, rows), several)
        return Table(list(several), others, codes, bins, *_moderate(values))

    def grow(self, table: Table) -> Forest | None:
        """The forest; None if there is nothing to explain, or nothing that explains it."""
        if not table.names or not len(table.values) or np.ptp(table.values) == 0:
            return None
        drawing = stream(self._seed, 0, "forest")
        least = min(max(2, len(table.values) // 8), _LEAST)
        return forest.grow(
            *(table.codes, table.bins, table.values, drawing),
            *(self._n_trees, self._max_depth, least),
        )


def binned(places: FloatArray, space: Space) -> tuple[IntArray, Bins]:
    """The bins of places, shape (n, d), and how they lie.

    Half of the bins of a continuous parameter are spread evenly over its range, half as the trials
    are. A discrete one has a bin for each value that appears, if there are no more than 32.
    """
    codes = np.zeros(places.shape, np.int64)
    shares = []
    for j, choices in enumerate(space.choices.tolist()):
        x = places[:, j]
        edges = np.arange(1, choices) / choices if choices else _edges(x)
        codes[:, j] = np.searchsorted(edges, x)
        shares.append(np.diff(edges, prepend=0.0, append=1.0))
    table = np.zeros((len(shares), max(map(len, shares), default=0)))
    for row, each in zip(table, shares, strict=True):
        row[: len(each)] = each
    return codes, Bins(~space.categorical, table)


def _moderate(values: FloatArray) -> tuple[FloatArray, float, float]:
    """Values around the middle of their range, in its unit, that unit, and the middle.

    They are multiples of 2⁻³², so that sums of them are exact, and the unit of the objective cannot
    decide between splits that are equally good.
    """
    if not len(values):
        return values, 1.0, 0.0
    halves = values / 2.0  # the range of huge ones is no number
    low, high = float(halves.min()), float(halves.max())
    if high == low:
        return np.zeros(len(values)), 1.0, float(values[0])
    places = (halves - low) / (high - low) - 0.5
    unit = min(2.0 * (high - low), sys.float_info.max)
    return np.rint(places * 2.0**32) / 2.0**32, unit, low + high


def _edges(x: FloatArray) -> FloatArray:
    """Where to cut between places, ascending, shape (b - 1,)."""
    values = np.unique(x)
    if len(values) <= _BINS:
        return np.asarray((values[1:] + values[:-1]) / 2.0)
    up_to = 0.5 * (_GRID + np.searchsorted(np.sort(x), _GRID) / len(x))
    return np.interp(np.arange(1, _BINS) / _BINS, up_to, _GRID)


def by_share(parts: FloatArray, whole: FloatArray) -> FloatArray:
    """Parts relative to the whole, of the trees where there is any, shape (t, ...).

    Args:
        parts: Shape (trees, ...).
        whole: Shape (trees,).
    """
    some = whole > 0
    return np.asarray(parts[some] / whole[some][:, None])


def _positive(name: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise wrong_type(name, "be a whole number", value)
    if value < 1:
        raise invalid(name, "be positive", value)
    return int(value)


def pairs_of(names: Iterable[str]) -> list[tuple[str, str]]:
    """All pairs of names, in order."""
    given = list(names)
    return [(a, b) for i, a in enumerate(given) for b in given[i + 1 :]]
