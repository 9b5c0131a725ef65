"""A space: parameters in a fixed order, and their places on the unit cube; choices that change."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt

from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    translation,
    united,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@final
class Space(Mapping[str, BaseDistribution]):
    """Distributions by name, in the order in which they were first seen.

    A *place* is where a value lies on the unit interval: equal steps of the place are equally
    likely a priori. Logarithmic parameters are placed by their logarithm; integers, steps and
    choices own cells of equal width (on the scale of the parameter), the value in the middle.

    Two spaces are equal when names, order and distributions are.

    Attributes:
        distributions: The same as a dict; must not be changed.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self.distributions = dict(distributions)
        self._key = tuple(self.distributions.items())
        self._hash = hash(self._key)
        # Those of the dict, since a Mapping's own are written in Python.
        self.get = self.distributions.get  # type: ignore[method-assign]
        self.items = self.distributions.items  # type: ignore[method-assign]
        self.values = self.distributions.values  # type: ignore[method-assign]

    def __reduce__(self) -> tuple[type[Space], tuple[dict[str, BaseDistribution]]]:
        return Space, (self.distributions,)

    def __getitem__(self, name: str) -> BaseDistribution:
        return self.distributions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.distributions)

    def __len__(self) -> int:
        return len(self.distributions)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Space) and self._hash == other._hash and self._key == other._key

    def __repr__(self) -> str:
        return f"Space({self.distributions!r})"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(self.distributions)

    @cached_property
    def _axes(self) -> FloatArray:
        """Start, span, log, low, high and step of each parameter, shape (6, d)."""
        rows = [dist.axis for dist in self.distributions.values()]
        return np.ascontiguousarray(np.array(rows, dtype=float).reshape(len(rows), 6).T)

    @cached_property
    def log(self) -> BoolArray:
        """Which parameters are placed by their logarithm, shape (d,)."""
        log: BoolArray = self._axes[2] != 0
        return log

    @cached_property
    def categorical(self) -> BoolArray:
        """Which parameters are choices without an order, shape (d,)."""
        return self.choices > 0

    @cached_property
    def choices(self) -> IntArray:
        """The number of choices of each categorical parameter, 0 for the others, shape (d,)."""
        return np.array(
            [
                len(d.choices) if isinstance(d, CategoricalDistribution) else 0
                for d in self.distributions.values()
            ],
            dtype=np.int64,
        )

    @cached_property
    def cells(self) -> FloatArray:
        """How many values each parameter can take, inf for a continuous one, shape (d,)."""
        _, _, _, low, high, step = self._axes
        with np.errstate(divide="ignore", invalid="ignore"):
            count = np.floor((high - low) / step + 0.5) + 1
        return np.where(step > 0, count, np.where(low == high, 1.0, np.inf))

    def encode(self, values: FloatArray) -> FloatArray:
        """Places of internal values, shape (n, d) to (n, d).

        NaN stays NaN, and what lies outside the range becomes NaN. A parameter with a single
        value has the place 0.5.
        """
        start, span, _, low, high, _ = self._axes
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(self.log, np.log(values), values) if self.log.any() else values
            places = np.where(span > 0, (z - start) / np.where(span > 0, span, 1.0), 0.5)
            return np.where((values >= low) & (values <= high), places, np.nan)

    def decode(self, places: Sequence[float]) -> dict[str, float]:
        """Internal values by name at d places in [0, 1), always inside the range."""
        if self._linear is None:
            return {name: at(place) for (name, at), place in zip(self._at, places, strict=True)}
        return {
            name: low if x < low else high if x > high else x
            for (name, start, span, low, high), place in zip(self._linear, places, strict=True)
            for x in [start + place * span]
        }

    def decode_all(self, places: FloatArray) -> list[list[float]] | None:
        """The same for many points at once, shape (n, d); None unless all are linear floats."""
        if self._linear is None:
            return None
        start, span, _, low, high, _ = self._axes
        values = np.minimum(np.maximum(start + places * span, low), high)
        rows: list[list[float]] = values.tolist()
        return rows

    @cached_property
    def _linear(self) -> list[tuple[str, float, float, float, float]] | None:
        """Start, span, low and high of each parameter, if all are floats on a linear scale."""
        axes = [(name, dist.axis) for name, dist in self.distributions.items()]
        if not all(type(dist) is FloatDistribution for dist in self.distributions.values()):
            return None
        if any(axis.log or axis.step for _, axis in axes):
            return None
        return [(name, axis.start, axis.span, axis.low, axis.high) for name, axis in axes]

    @cached_property
    def _at(self) -> list[tuple[str, Callable[[float], float]]]:
        return [(name, distribution.at) for name, distribution in self.distributions.items()]


@final
class Choices:
    """Choices of one name that are not the same in all trials of a study.

    A column of a history is for one list of choices, and its internal values are indices into
    that. As long as every name keeps its choices, which is what studies do unless they are told
    otherwise, there are no unions and all methods give back what they are given.

    Attributes:
        unions: For each name whose choices changed all that it had, in the order of appearance.
    """

    def __init__(self) -> None:
        self.unions: dict[str, CategoricalDistribution] = {}
        self._columns: dict[str, dict[CategoricalDistribution, int]] = {}

    def copy(self) -> Choices:
        """The same as now, which what is noted later does not change."""
        made = Choices()
        made.unions = dict(self.unions)
        made._columns = {name: dict(columns) for name, columns in self._columns.items()}
        return made

    def note(self, name: str, dist: CategoricalDistribution, column: int) -> None:
        """There is a new column."""
        columns = self._columns.setdefault(name, {})
        columns[dist] = column
        if len(columns) > 1:
            self.unions[name] = united(*columns)

    def others(self, space: Space) -> list[tuple[int, int, FloatArray]]:
        """Columns of the same names with other choices than the space has.

        Returns:
            For each the index of the parameter in `space`, the column, and of each choice of the
            column its index in `space`, NaN where it is gone.
        """
        return [
            (j, column, np.array(translation(choices, dist)))
            for j, (name, dist) in enumerate(space.items() if self.unions else ())
            if name in self.unions and isinstance(dist, CategoricalDistribution)
            for choices, column in self._columns[name].items()
            if choices != dist
        ]

    def codes(self, space: Space) -> list[tuple[int, FloatArray]]:
        """Of each parameter of a space whose choices changed, the indices of these in `unions`.

        NaN where a choice never was.
        """
        return [
            (j, np.array(translation(dist, self.unions[name])))
            for j, (name, dist) in enumerate(space.items() if self.unions else ())
            if name in self.unions and isinstance(dist, CategoricalDistribution)
        ]

    def first(self, space: Space, columns: IntArray) -> IntArray:
        """The `columns` of a space; where choices changed, the first that the name had."""
        found: IntArray = columns.copy()
        for j, (name, dist) in enumerate(space.items() if self.unions else ()):
            if name in self.unions and isinstance(dist, CategoricalDistribution):
                found[j] = next(iter(self._columns[name].values()))
        return found

    def united(
        self, values: Mapping[str, float], *dists: Mapping[str, BaseDistribution]
    ) -> Mapping[str, float]:
        """Internal values by name, with choices counted as in `unions`; NaN for one that never was.

        Their distributions are looked for in `dists`; the first that has one counts.
        """
        if not self.unions:
            return values
        changed = dict(values)
        for name in self.unions.keys() & values.keys():
            dist = next((known[name] for known in dists if name in known), None)
            if isinstance(dist, CategoricalDistribution):
                changed[name] = _at(translation(dist, self.unions[name]), values[name])
        return changed

    def apart(self, values: Mapping[str, float], space: Space) -> Mapping[str, float]:
        """The other way round: choices counted as in `space`, NaN for those that it has not."""
        if not self.unions:
            return values
        changed = dict(values)
        for name in self.unions.keys() & values.keys() & space.keys():
            dist = space[name]
            if isinstance(dist, CategoricalDistribution):
                changed[name] = _at(translation(self.unions[name], dist), values[name])
        return changed


def _at(codes: tuple[float, ...], index: float) -> float:
    """The code of a choice; NaN where the index is none."""
    return codes[int(index)] if 0 <= index < len(codes) else math.nan
