"""Parameters as an evolution strategy sees them: places, cells of discrete ones, and choices."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple, final

import numpy as np

from skipjack.distributions import CategoricalDistribution
from skipjack.records.history import History
from skipjack.records.space import BoolArray, FloatArray, IntArray, Space
from skipjack.records.states import TrialState

_COMPLETE, _PRUNED = int(TrialState.COMPLETE), int(TrialState.PRUNED)
_FINE = 1e4  # parameters with more values than this count as continuous


@final
class Axes:
    """The p numeric and q categorical parameters of a space; none has a single value.

    Attributes:
        numeric, choices: The two parts of the space.
        whole: Both, the numeric ones first.
        discrete: Which numeric parameters have values rather than places, shape (p,).
        any_discrete: Whether there are such.
        sizes: The number of choices of the others, shape (q,).
    """

    def __init__(self, space: Space) -> None:
        free = {name: dist for name, dist in space.items() if not dist.single()}
        numbers = {n: d for n, d in free.items() if not isinstance(d, CategoricalDistribution)}
        self.numeric = Space(numbers)
        self.choices = Space({n: d for n, d in free.items() if n not in numbers})
        self.whole = Space({**numbers, **self.choices})
        self.discrete: BoolArray = self.numeric.cells <= _FINE
        self.any_discrete = bool(self.discrete.any())
        self.sizes: IntArray = self.choices.choices
        rows = [dist.axis for dist in numbers.values()]
        self._axes = np.array(rows, float).reshape(len(rows), 6).T

    def __len__(self) -> int:
        return len(self.whole)

    def values(self, places: FloatArray, codes: IntArray) -> list[float]:
        """Internal values at places, shape (p,), and of choices, shape (q,)."""
        found = self.numeric.decode(np.minimum(np.maximum(places, 0.0), 1.0).tolist())
        return [*found.values(), *map(float, codes.tolist())]

    def points(self, places: FloatArray) -> list[list[float]] | None:
        """Internal values at places, shape (n, p); None where `values` has to work them out."""
        if self.choices.names:
            return None
        return self.numeric.decode_all(np.minimum(np.maximum(places, 0.0), 1.0))

    def snapped(self, places: FloatArray) -> FloatArray:
        """The places that are evaluated instead of others, shape (n, p): in a cell its middle."""
        inside: FloatArray = np.minimum(np.maximum(places, 0.0), 1.0)
        if not self.any_discrete:
            return inside
        start, span, log, low, high, step = self._axes
        step = np.where(step > 0, step, 1.0)
        with np.errstate(all="ignore"):
            z = start + inside * span
            value = np.where(log > 0, np.exp(z), z)
            value = np.clip(low + np.round((value - low) / step) * step, low, high)
            z = np.where(log > 0, np.log(value), value)
            return np.where(self.discrete, (z - start) / span, inside)

    def places(self, values: list[float]) -> tuple[FloatArray, IntArray] | None:
        """The other way round, for one point; None if it is none."""
        p, known = len(self.numeric), np.array(values)
        encoded = self.numeric.encode(known[None, :p])
        if np.isnan(encoded).any() or np.isnan(known).any():
            return None
        return encoded[0], known[p:].astype(np.int64)

    def cells(self, places: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The ends of the cells that places lie in, shape (p,); infinite at the ends of a range."""
        start, span, log, low, high, step = self._axes
        step = np.where(step > 0, step, 1.0)
        z = start + np.clip(places, 0, 1) * span
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value = np.where(log > 0, np.exp(z), z)
            nearest = np.clip(low + np.round((value - low) / step) * step, low, high)
            ends = []
            for sign, last in ((-1, low), (1, high)):
                edge = nearest + sign * step / 2
                edge = np.where(log > 0, np.log(np.maximum(edge, 1e-300)), edge)
                ends.append(np.where(nearest == last, sign * np.inf, (edge - start) / span))
        return ends[0], ends[1]


class Common(NamedTuple):
    """Keeps the parameters that all trials had, each with the same distribution.

    Attributes:
        pruned: Whether pruned trials count as well as complete ones.
    """

    pruned: bool

    def start(self, history: History) -> Shared:
        """No trials yet."""
        return Shared()

    def extend(self, state: Shared, history: History, first: int, last: int) -> Shared:
        """Look at the layouts of new trials."""
        for row in range(first, last):
            _, told, index, _, _ = history.head(row)
            if told == _COMPLETE or (self.pruned and told == _PRUNED):
                state.n += 1
                if index not in state.layouts:
                    state.layouts.add(index)
                    state.narrow(history.layouts[index].by_name)
        return state


@final
class Shared:
    """What `Common` keeps: the parameters, and how many trials counted."""

    def __init__(self) -> None:
        self.n = 0
        self.layouts: set[int] = set()
        self.warned: set[str] = set()
        self.axes: Axes | None = None
        self.covered: Space | None = None  # has these parameters and no others
        self.folds: dict[tuple[Hashable, int], Any] = {}  # what was made of these parameters
        self.fold: Any = None  # the one of them that was asked for last
        self._parts: dict[frozenset[str], Shared] = {}

    def narrow(self, other: Mapping[str, object]) -> None:
        """Leave out what another trial lacks, or had otherwise."""
        if self.axes is None:
            self.axes = Axes(Space(dict(other)))  # type: ignore[arg-type]
            return
        known = self.axes.whole
        kept = {name: dist for name, dist in known.items() if other.get(name) == dist}
        if len(kept) < len(known):
            self.axes, self.folds, self.covered = Axes(Space(kept)), {}, None
            self.fold = None
            self._parts = {}

    def without(self, fixed: frozenset[str]) -> Shared:
        """The other parameters, where some are given: a search of their own."""
        assert self.axes is not None
        part = self._parts.get(fixed)
        if part is None:
            part = self._parts[fixed] = Shared()
            rest = {n: dist for n, dist in self.axes.whole.items() if n not in fixed}
            part.axes = Axes(Space(rest))
        part.n, part.warned = self.n, self.warned
        return part
