"""A space as numbers in a matrix, under the name by which companion packages look for it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
)
from skipjack.errors import invalid
from skipjack.records.space import FloatArray, IntArray


class _Scale(NamedTuple):
    """How one numeric parameter is written."""

    low: float
    high: float
    log: bool


class _SearchSpaceTransform:
    """Parameters as rows of numbers, and back.

    A numeric parameter has one column; a categorical one as many as it has choices, of which that
    of its value is 1 and the others 0.

    Args:
        search_space: Distributions by name, in the order of the columns.
        transform_log: Whether logarithmic parameters are written as their natural logarithm.
        transform_step: Whether the bounds of discrete parameters lie half a step further out, so
            that equal parts of the interval belong to each value.
        transform_0_1: Whether numeric columns are moved to the unit interval.

    Raises:
        ValueError: If `search_space` is empty.
    """

    def __init__(
        self,
        search_space: dict[str, BaseDistribution],
        transform_log: bool = True,
        transform_step: bool = True,
        transform_0_1: bool = False,
    ) -> None:
        if not search_space:
            raise invalid("search_space", "have at least one parameter", search_space)
        self._search_space = dict(search_space)
        self._transform_0_1 = transform_0_1
        self._scales = {
            name: _scale(dist, transform_log, transform_step) for name, dist in search_space.items()
        }
        widths = [
            len(dist.choices) if isinstance(dist, CategoricalDistribution) else 1
            for dist in search_space.values()
        ]
        ends = np.cumsum(widths)
        self._columns = [np.arange(end - width, end) for end, width in zip(ends, widths)]
        self._owners = np.repeat(np.arange(len(widths)), widths)
        bounds = np.array([(scale.low, scale.high) for scale in self._scales.values()])
        self._raw_bounds = np.repeat(bounds, widths, axis=0)

    @property
    def bounds(self) -> FloatArray:
        """Lowest and highest number of each column, shape (columns, 2)."""
        if self._transform_0_1:
            return np.tile([0.0, 1.0], (len(self._owners), 1))
        return self._raw_bounds

    @property
    def column_to_encoded_columns(self) -> list[IntArray]:
        """The columns of each parameter."""
        return self._columns

    @property
    def encoded_column_to_column(self) -> IntArray:
        """Which parameter each column belongs to, shape (columns,)."""
        return self._owners

    def transform(self, params: dict[str, Any]) -> FloatArray:
        """The numbers of one set of values, shape (columns,).

        Raises:
            ValueError: If a parameter is missing, or its value is not possible.
        """
        row = np.zeros(len(self._owners))
        for (name, dist), columns in zip(self._search_space.items(), self._columns):
            if name not in params:
                raise invalid("params", f"have all of {', '.join(self._search_space)}", params)
            value = dist.to_internal_repr(params[name])
            if isinstance(dist, CategoricalDistribution):
                row[columns[int(value)]] = 1.0
            else:
                row[columns] = self._number(value, self._scales[name])
        return row

    def untransform(self, trans_params: FloatArray) -> dict[str, Any]:
        """The values of one row of numbers, always inside their distributions.

        Of the columns of a categorical parameter the highest counts, the first of equals. A
        continuous parameter stays below its upper bound.

        Raises:
            ValueError: If the row has not as many numbers as there are columns.
        """
        row = np.asarray(trans_params, dtype=float)
        if row.shape != self._owners.shape:
            raise invalid("trans_params", f"have the shape {self._owners.shape}", row.shape)
        params = {}
        for (name, dist), columns in zip(self._search_space.items(), self._columns):
            if isinstance(dist, CategoricalDistribution):
                value = float(np.argmax(row[columns]))
            else:
                value = _nearest(dist, self._value(float(row[columns[0]]), self._scales[name]))
            params[name] = dist.to_external_repr(value)
        return params

    def _number(self, value: float, scale: _Scale) -> float:
        number = math.log(value) if scale.log else value
        if not self._transform_0_1:
            return number
        return 0.5 if scale.low == scale.high else (number - scale.low) / (scale.high - scale.low)

    def _value(self, number: float, scale: _Scale) -> float:
        if self._transform_0_1:
            number = scale.low + number * (scale.high - scale.low)
        return math.exp(number) if scale.log else number


def _scale(dist: BaseDistribution, transform_log: bool, transform_step: bool) -> _Scale:
    """The bounds of a parameter as it is written; 0 and 1 for a categorical one."""
    if isinstance(dist, CategoricalDistribution):
        return _Scale(0.0, 1.0, False)
    low, high, step, log = dist.axis.low, dist.axis.high, dist.axis.step, dist.axis.log
    if transform_step:
        low, high = low - step / 2, high + step / 2
    if log and transform_log:
        return _Scale(math.log(low), math.log(high), True)
    return _Scale(low, high, False)


def _nearest(dist: BaseDistribution, value: float) -> float:
    """The internal value of a numeric distribution that is nearest to `value`, halves upwards."""
    low, high, step = dist.axis.low, dist.axis.high, dist.axis.step
    if step:
        cell = math.floor((min(max(value, low), high) - low) / step + 0.5)
        grid = dist.grid
        if grid is not None:
            return min((grid.first + cell * grid.stride) / grid.scale, high)
        return min(low + cell * step, high)
    below = high if low == high else math.nextafter(high, low)
    return min(max(value, low), below)
