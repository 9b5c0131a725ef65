"""The crossovers that a user chooses among; `numerics.genetic.crossover` computes them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from skipjack._experimental import experimental_class
from skipjack.errors import invalid
from skipjack.numerics.genetic import crossover
from skipjack.numerics.genetic.crossover import FloatArray


def share(name: str, value: float, or_zero: bool = True) -> float:
    """A number from 0 to 1.

    Raises:
        InvalidValueError: If it is none; or if it is 0 without `or_zero`.
    """
    if not (0.0 <= value <= 1.0 and (or_zero or value > 0.0)):
        raise invalid(name, f"be in {'[' if or_zero else '('}0, 1]", value)
    return float(value)


class BaseCrossover(ABC):
    """Makes a child of several parents. Users' crossovers derive from it.

    Only numeric parameters take part; of categorical ones each is that of either parent.
    """

    def __str__(self) -> str:
        return type(self).__name__

    @property
    @abstractmethod
    def n_parents(self) -> int:
        """How many parents a child has; at least 2."""

    @abstractmethod
    def crossover(
        self,
        parents_params: FloatArray,
        rng: np.random.RandomState,
        study: Any,
        search_space_bounds: FloatArray,
    ) -> FloatArray:
        """A child.

        Args:
            parents_params: Shape (n_parents, d): the numeric parameters of the parents;
                logarithms for those with `log`.
            rng: Draw from this, so that a seed decides on all.
            study: The study.
            search_space_bounds: Shape (d, 2): lower and upper bounds on the same scale; those of
                discrete parameters lie half a step further out.

        Returns:
            Shape (d,). Where it lies outside the bounds it is drawn anew, some times, and then
            moved to them.
        """


class OwnCrossover(BaseCrossover):
    """A crossover of ours: makes many children at once."""

    @abstractmethod
    def children(
        self, parents: FloatArray, rng: np.random.RandomState, bounds: FloatArray, m: int
    ) -> FloatArray:
        """Several children, shape (b, d), of parents of shape (b, n_parents, d).

        Args:
            parents: The parents of each.
            rng: Where numbers are drawn from.
            bounds: Lower and upper bounds, shape (d, 2); a child may lie outside.
            m: How many objectives there are.
        """

    def crossover(
        self,
        parents_params: FloatArray,
        rng: np.random.RandomState,
        study: Any,
        search_space_bounds: FloatArray,
    ) -> FloatArray:
        parents = np.asarray(parents_params, float)[None]
        m = len(study.directions)
        return np.asarray(self.children(parents, rng, search_space_bounds, m)[0])


class UniformCrossover(OwnCrossover):
    """Takes each parameter from either parent.

    Args:
        swapping_prob: The probability of the second parent.

    Raises:
        ValueError: If it is not in [0, 1].

    Source: G. Syswerda, "Uniform crossover in genetic algorithms", ICGA 1989.
    """

    n_parents = 2

    def __init__(self, swapping_prob: float = 0.5) -> None:
        self._swapping_prob = share("swapping_prob", swapping_prob)

    def children(
        self, parents: FloatArray, rng: np.random.RandomState, bounds: FloatArray, m: int
    ) -> FloatArray:
        return crossover.uniform(parents, rng, self._swapping_prob)


@experimental_class("3.0.0")
class BLXAlphaCrossover(OwnCrossover):
    """Draws each parameter uniformly between the parents and somewhat beyond.

    Args:
        alpha: How far beyond, relative to the distance of the parents.

    Raises:
        ValueError: If `alpha` is negative.

    Source: L. J. Eshelman, J. D. Schaffer, "Real-coded genetic algorithms and interval-schemata",
        FOGA 1993, doi:10.1016/B978-0-08-094832-4.50018-0.
    """

    n_parents = 2

    def __init__(self, alpha: float = 0.5) -> None:
        self._alpha = _at_least_0("alpha", alpha)

    def children(
        self, parents: FloatArray, rng: np.random.RandomState, bounds: FloatArray, m: int
    ) -> FloatArray:
        return crossover.blend(parents, rng, self._alpha)


@experimental_class("3.0.0")
class SPXCrossover(OwnCrossover):
    """Draws uniformly from a simplex about three parents; rotating the space changes nothing.

    Args:
        epsilon: How much larger the simplex is than that of the parents; None: √(d + 2), d the
            number of numeric parameters.

    Raises:
        ValueError: If `epsilon` is negative.

    Source: S. Tsutsui, M. Yamamura, T. Higuchi, "Multi-parent recombination with simplex crossover
        in real coded genetic algorithms", GECCO 1999.
    """

    n_parents = 3

    def __init__(self, epsilon: float | None = None) -> None:
        self._epsilon = None if epsilon is None else _at_least_0("epsilon", epsilon)

    def children(
        self, parents: FloatArray, rng: np.random.RandomState, bounds: FloatArray, m: int
    ) -> FloatArray:
        d = parents.shape[2]
        epsilon = math.sqrt(d + 2) if self._epsilon is None else self._epsilon
        return crossover.simplex(parents, rng, epsilon)


class _Binary(OwnCrossover):
    """What both kinds of simulated binary crossover have in common."""

    n_parents = 2

    def __init__(
        self,
        eta: float | None = None,
        uniform_crossover_prob: float = 0.5,
        use_child_gene_prob: float = 0.5,
    ) -> None:
        self._eta = None if eta is None else _at_least_0("eta", eta)
        self._swapping_prob = share("uniform_crossover_prob", uniform_crossover_prob)
        self._child_prob = share("use_child_gene_prob", use_child_gene_prob, or_zero=False)

    @abstractmethod
    def _both(
        self, parents: FloatArray, rng: np.random.RandomState, bounds: FloatArray, eta: float
    ) -> tuple[FloatArray, FloatArray]:
        """Two crossover."""

    def children(
        self, parents: FloatArray, rng: np.random.RandomState, bounds: FloatArray, m: int
    ) -> FloatArray:
        eta = self._eta
        if eta is None:
            eta = 20.0 if m > 1 else 2.0
        both = self._both(parents, rng, bounds, eta)
        return crossover.one_of(both, parents, rng, self._swapping_prob, self._child_prob)


@experimental_class("3.0.0")
class SBXCrossover(_Binary):
    """Draws near the parents, as crossing their binary digits would; within the bounds.

    Args:
        eta: The larger, the nearer; None: 2 with one objective and 20 with several.
        uniform_crossover_prob: The probability with which a parameter is swapped between the two
            children, of which one is returned.
        use_child_gene_prob: The probability with which a parameter is not left as it is.

    Raises:
        ValueError: If `eta` is negative, or a probability is not in [0, 1] or (0, 1].

    Source: K. Deb, R. B. Agrawal, "Simulated binary crossover for continuous search space",
        Complex Systems 9 (1995).
    """

    def _both(
        self, parents: FloatArray, rng: np.random.RandomState, bounds: FloatArray, eta: float
    ) -> tuple[FloatArray, FloatArray]:
        return crossover.simulated_binary(parents, rng, bounds, eta)


@experimental_class("3.0.0")
class VSBXCrossover(_Binary):
    """As `SBXCrossover`, but a child may lie anywhere between the parents and beyond them.

    Args:
        eta: The larger, the nearer; None: 2 with one objective and 20 with several.
        uniform_crossover_prob: The probability with which a parameter is swapped between the two
            children, of which one is returned.
        use_child_gene_prob: The probability with which a parameter is not left as it is.

    Raises:
        ValueError: If `eta` is negative, or a probability is not in [0, 1] or (0, 1].

    Source: P. J. Ballester, J. N. Carter, "Real-parameter genetic algorithms for finding multiple
        optimal solutions in multi-modal optimization", GECCO 2003, doi:10.1007/3-540-45105-6_86.
    """

    def _both(
        self, parents: FloatArray, rng: np.random.RandomState, bounds: FloatArray, eta: float
    ) -> tuple[FloatArray, FloatArray]:
        return crossover.everywhere_binary(parents, rng, eta)


@experimental_class("3.0.0")
class UNDXCrossover(OwnCrossover):
    """Draws normally about the middle of two parents, as wide as a third is far from their line.

    Args:
        sigma_xi: The deviation along the line, relative to the distance of the two.
        sigma_eta: That across it, relative to the distance of the third; None: 0.35 / √d, d the
            number of numeric parameters.

    Raises:
        ValueError: If one of them is negative.

    Source: I. Ono, S. Kobayashi, "A real-coded genetic algorithm for function optimization using
        unimodal normal distribution crossover", ICGA 1997.
    """

    n_parents = 3

    def __init__(self, sigma_xi: float = 0.5, sigma_eta: float | None = None) -> None:
        self._sigma_xi = _at_least_0("sigma_xi", sigma_xi)
        self._sigma_eta = None if sigma_eta is None else _at_least_0("sigma_eta", sigma_eta)

    def children(
        self, parents: FloatArray, rng: np.random.RandomState, bounds: FloatArray, m: int
    ) -> FloatArray:
        sigma_eta = self._sigma_eta
        if sigma_eta is None:
            sigma_eta = 0.35 / math.sqrt(max(1, parents.shape[2]))
        return crossover.normal(parents, rng, self._sigma_xi, sigma_eta)


def _at_least_0(name: str, value: float) -> float:
    if not 0.0 <= value < math.inf:
        raise invalid(name, "be at least 0", value)
    return float(value)
