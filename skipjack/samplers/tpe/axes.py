"""A space as the estimator sees it: which parameters are numeric, and how their cells lie."""

from __future__ import annotations

from functools import lru_cache
from typing import final

import numpy as np

from skipjack.records.space import FloatArray, IntArray, Space


@final
class Axes:
    """The parameters of a space that have more than one value.

    Attributes:
        space: All parameters.
        free: Those with more than one value.
        indices: Where they stand in `space`.
        numeric, categorical: Indices of the numeric and categorical ones, in `free`.
        choices: How many choices the categorical ones have, shape (q,).
        finite: Whether there is no continuous parameter.
        cells: Whether there is a parameter that is not continuous.
    """

    def __init__(self, space: Space) -> None:
        several = [not dist.single() for dist in space.values()]
        kinds = space.categorical[several]
        self.space = space
        self.free = Space({name: space[name] for name, s in zip(space, several, strict=True) if s})
        self.indices: IntArray = np.flatnonzero(several)
        self.numeric: IntArray = np.flatnonzero(~kinds)
        self.categorical: IntArray = np.flatnonzero(kinds)
        self._numeric_at, self._categorical_at = self.indices[~kinds], self.indices[kinds]
        self.choices: IntArray = self.free.choices[self.categorical]
        cells = self.free.cells[self.numeric]
        log = self.free.log[self.numeric]
        self.finite = bool(np.isfinite(space.cells).all())
        self.cells = bool(len(self.categorical) or np.isfinite(cells).any())
        self._even: IntArray = np.flatnonzero(np.isfinite(cells) & ~log)
        self._log: IntArray = np.flatnonzero(np.isfinite(cells) & log)
        self._even_cells = cells[self._even]
        self._even_widths = np.zeros(len(cells))
        self._even_widths[self._even] = 1.0 / cells[self._even]
        axes = [dist.axis for dist in self.free.values()]
        chosen = [axes[i] for i in self.numeric[self._log]]
        self._log_start = np.array([axis.start for axis in chosen])
        self._log_span = np.array([axis.span for axis in chosen])
        self._log_low = np.array([axis.low for axis in chosen])
        self._log_high = np.array([axis.high for axis in chosen])

    @property
    def discrete(self) -> bool:
        """Whether a numeric parameter has cells."""
        return bool(len(self._even) or len(self._log))

    def numbers(self, places: FloatArray) -> FloatArray:
        """The numeric columns of places in the free parameters, shape (m, p)."""
        return places.take(self.numeric, axis=1) if len(self.categorical) else places

    def codes(self, places: FloatArray) -> IntArray:
        """Indices of choices of places in the free parameters, shape (m, q); -1 where missing."""
        if not len(self.choices):
            return np.zeros((len(places), 0), np.int64)
        chosen = places.take(self.categorical, axis=1) * self.choices
        return np.fmax(chosen, -1.0).astype(np.int64)  # -1 for NaN

    def settle(self, x: FloatArray) -> FloatArray:
        """Numeric places moved to the middle of their cells, in place; shape (c, p)."""
        if len(self._even):
            cells = self._even_cells
            index = np.floor(x.take(self._even, axis=1) * cells)
            x[:, self._even] = (np.minimum(index, cells - 1.0) + 0.5) / cells
        if len(self._log):
            value = np.rint(np.exp(self._log_start + x[:, self._log] * self._log_span))
            value = np.clip(value, self._log_low, self._log_high)
            x[:, self._log] = (np.log(value) - self._log_start) / self._log_span
        return x

    def cell_widths(self, x: FloatArray) -> FloatArray:
        """Widths of the cells that numeric places lie in, 0 for continuous ones.

        As `x`, or of shape (p,) where they are the same everywhere.
        """
        if not len(self._log):
            return self._even_widths
        widths = np.tile(self._even_widths, (len(x), 1))
        value = np.exp(self._log_start + np.fmax(x[:, self._log], 0.0) * self._log_span)
        widths[:, self._log] = np.log1p(1.0 / value) / self._log_span
        return widths

    def internal(self, x: FloatArray, codes: IntArray) -> FloatArray:
        """Internal values of the discrete free parameters at points, shape (c, d).

        Continuous parameters have their places instead.

        Args:
            x: Numeric places, shape (c, p).
            codes: Indices of choices, shape (c, q).
        """
        values = np.empty((len(x), len(self.free)))
        values[:, self.numeric] = x
        values[:, self.categorical] = codes
        dists = list(self.free.values())
        for j in (*self.numeric[self._even].tolist(), *self.numeric[self._log].tolist()):
            values[:, j] = [dists[j].at(place) for place in values[:, j].tolist()]
        return values

    def values(self, x: FloatArray, codes: IntArray) -> dict[str, float]:
        """Internal values of all parameters of the space at one point.

        Args:
            x: Numeric places, shape (p,).
            codes: Indices of choices, shape (q,).
        """
        if len(x) == len(self.space):
            return self.space.decode(x.tolist())
        places = np.full(len(self.space), 0.5)
        places[self._numeric_at] = x
        places[self._categorical_at] = (codes + 0.5) / self.choices
        return self.space.decode(places.tolist())


@lru_cache(maxsize=256)
def axes_of(space: Space) -> Axes:
    """The axes of a space; remembered."""
    return Axes(space)
