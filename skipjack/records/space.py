"""A space: parameters in a fixed order, and their places on the unit cube."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt

from skipjack.distributions import BaseDistribution, CategoricalDistribution

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
        return {name: at(place) for (name, at), place in zip(self._at, places, strict=True)}

    @cached_property
    def _at(self) -> list[tuple[str, Callable[[float], float]]]:
        return [(name, distribution.at) for name, distribution in self.distributions.items()]
