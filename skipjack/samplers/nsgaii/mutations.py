"""The mutations that a user chooses among; `numerics.genetic.mutation` computes them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from skipjack._experimental import experimental_class
from skipjack.errors import invalid
from skipjack.numerics.genetic.crossover import FloatArray
from skipjack.numerics.genetic.mutation import polynomial


class BaseMutation(ABC):
    """Changes a numeric parameter of a child. Users' mutations derive from it.

    Categorical parameters that are to change are drawn anew.
    """

    def __str__(self) -> str:
        return type(self).__name__

    @abstractmethod
    def mutation(
        self,
        param: float,
        rng: np.random.RandomState,
        study: Any,
        search_space_bounds: FloatArray,
    ) -> float:
        """What the parameter is after the change.

        Args:
            param: What it was; its logarithm for one with `log`.
            rng: Draw from this, so that a seed decides on all.
            study: The study.
            search_space_bounds: Shape (2,): lower and upper bound on the same scale; those of a
                discrete parameter lie half a step further out. A result beyond is moved there.
        """


class OwnMutation(BaseMutation):
    """A mutation of ours: changes many parameters at once."""

    @abstractmethod
    def changed(self, places: FloatArray, u: FloatArray) -> FloatArray:
        """Places in [0, 1] after a change, given numbers that are uniform in [0, 1)."""

    def mutation(
        self,
        param: float,
        rng: np.random.RandomState,
        study: Any,
        search_space_bounds: FloatArray,
    ) -> float:
        low, high = search_space_bounds.tolist()
        u = rng.random_sample(1)
        if high <= low:
            return param
        place = self.changed(np.array([(param - low) / (high - low)]), u)
        return float(low + place[0] * (high - low))


@experimental_class("5.0.0")
class PolynomialMutation(OwnMutation):
    """Changes a parameter a little; the density falls as a polynomial.

    Args:
        eta: The larger, the smaller the change.

    Raises:
        ValueError: If `eta` is negative.

    Source: K. Deb, S. Agrawal, "A niched-penalty approach for constraint handling in genetic
        algorithms", ICANNGA 1999, doi:10.1007/978-3-7091-6384-9_40.
    """

    def __init__(self, eta: float = 20.0) -> None:
        if not 0.0 <= eta < math.inf:
            raise invalid("eta", "be at least 0", eta)
        self._eta = float(eta)

    def changed(self, places: FloatArray, u: FloatArray) -> FloatArray:
        return polynomial(places, self._eta, u)
