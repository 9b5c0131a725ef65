"""Points of a space as features between which a distance makes sense.

A numeric parameter is its place, a categorical one a corner of a simplex whose corners are at
distance 1. A parameter that exists for some points only is 0 where it does not; that it exists is
a feature of its own, which parameters share that always exist together.
"""

from __future__ import annotations

import math
from typing import final

import numpy as np

from skipjack.records.space import BoolArray, FloatArray, IntArray
from skipjack.samplers.tpe.axes import Axes


@final
class Embedding:
    """How points become features.

    Attributes:
        axes: Of the space; points are places in its d free parameters.
        groups: Which length-scale each of the D features has, shape (D,): d of the parameters,
            then one for each kind of presence.
        n_lengths: How many length-scales there are.
        slots: The feature of each numeric parameter, shape (p,).
    """

    def __init__(self, axes: Axes, there: BoolArray) -> None:
        """Learn from which parameters the observations have, shape (n, d)."""
        self.axes = axes
        d, p = len(axes.free), len(axes.numeric)
        self.slots: IntArray = np.arange(p)
        self._first = p + np.concatenate([[0], np.cumsum(axes.choices)[:-1]]).astype(np.intp)
        if not len(axes.choices):
            self._first = np.zeros(0, np.intp)
        groups = [*axes.numeric.tolist()]
        for j, k in zip(axes.categorical.tolist(), axes.choices.tolist()):
            groups += [j] * k
        sometimes = np.flatnonzero(~there.all(axis=0) & there.any(axis=0))
        kinds: dict[bytes, int] = {}
        for j in sometimes.tolist():
            kinds.setdefault(there[:, j].tobytes(), j)
        self._kinds = np.array(list(kinds.values()), np.intp)
        self._at = len(groups)
        groups += range(d, d + len(kinds))
        self.groups: IntArray = np.array(groups, np.intp)
        self.n_lengths = d + len(kinds)
        known = there.any(axis=0)
        self._known: BoolArray | None = None if bool(known.all()) else np.asarray(known)

    def features(self, places: FloatArray, there: BoolArray | None) -> FloatArray:
        """Features of points, shape (c, D).

        Args:
            places: In the free parameters, shape (c, d); where one is absent, anything.
            there: Which parameters the points have, shape (c, d); None: all.
        """
        axes, n = self.axes, len(places)
        if self._known is not None:  # of a parameter that no observation has nothing can be said
            there = self._known if there is None else there & self._known
            there = np.broadcast_to(there, places.shape)
        found = np.zeros((n, len(self.groups)))
        numbers = axes.numbers(places) - 0.5
        if there is not None:
            numbers = np.where(there[:, axes.numeric], numbers, 0.0)
        found[:, : numbers.shape[1]] = numbers
        if len(axes.choices):
            where = there is None or there[:, axes.categorical]
            codes = np.where(where, axes.codes(places), 0)
            size = np.where(where, math.sqrt(0.5), 0.0)
            found[np.arange(n)[:, None], self._first + codes] = size
        found[:, self._at :] = 1.0 if there is None else there[:, self._kinds]
        return found
