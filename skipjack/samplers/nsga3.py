"""NSGA-III."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from skipjack._experimental import experimental_class
from skipjack.errors import invalid
from skipjack.numerics.genetic.selection import by_niches, reference_points
from skipjack.records.frozen import FrozenTrial
from skipjack.records.space import FloatArray, IntArray
from skipjack.rng import Stream
from skipjack.samplers.genetic.sampler import AfterTrial, Breeder, Elite, GeneticSampler
from skipjack.samplers.nsgaii.crossovers import BaseCrossover
from skipjack.samplers.nsgaii.mutations import BaseMutation


@experimental_class("3.2.0")
class NSGAIIISampler(GeneticSampler):
    """As `NSGAIISampler`, for four and more objectives: survivors lie near given directions.

    Of the last front that survives in part, those trials are taken whose direction has the fewest
    others, measured from the best value of each objective to the plane through the extreme trials.

    Args:
        population_size: How many complete trials make a generation; at best about as many as
            there are directions.
        mutation, mutation_prob, crossover, crossover_prob, swapping_prob: See `NSGAIISampler`.
        seed, constraints_func: See `NSGAIISampler`.
        reference_points: The directions, shape (r, objectives), not negative; None: evenly spread.
        dividing_parameter: Into how many parts each objective is divided for that.
        elite_population_selection_strategy, child_generation_strategy: See `NSGAIISampler`.
        after_trial_strategy: See `NSGAIISampler`.

    Raises:
        ValueError: As `NSGAIISampler`; if `dividing_parameter` is less than 1, or
            `reference_points` are no such array.

    Source: K. Deb, H. Jain, "An evolutionary many-objective optimization algorithm using
        reference-point-based nondominated sorting approach, part I", IEEE TEC 18 (2014),
        doi:10.1109/TEVC.2013.2281535; part II for constraints, doi:10.1109/TEVC.2013.2281534.
    """

    purpose = "nsga3"

    def __init__(
        self,
        *,
        population_size: int = 50,
        mutation: BaseMutation | None = None,
        mutation_prob: float | None = None,
        crossover: BaseCrossover | None = None,
        crossover_prob: float = 0.9,
        swapping_prob: float = 0.5,
        seed: int | None = None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
        reference_points: np.ndarray[Any, Any] | None = None,
        dividing_parameter: int = 3,
        elite_population_selection_strategy: Elite | None = None,
        child_generation_strategy: Breeder | None = None,
        after_trial_strategy: AfterTrial | None = None,
    ) -> None:
        super().__init__(
            "NSGAIIISampler",
            population_size=population_size,
            mutation=mutation,
            mutation_prob=mutation_prob,
            crossover=crossover,
            crossover_prob=crossover_prob,
            swapping_prob=swapping_prob,
            seed=seed,
            constraints_func=constraints_func,
            elite_population_selection_strategy=elite_population_selection_strategy,
            child_generation_strategy=child_generation_strategy,
            after_trial_strategy=after_trial_strategy,
        )
        if dividing_parameter < 1:
            raise invalid("dividing_parameter", "be at least 1", dividing_parameter)
        self._dividing_parameter = dividing_parameter
        self._reference = None if reference_points is None else _directions(reference_points)

    def _survivors(
        self, losses: FloatArray, penalty: FloatArray | None, k: int, stream: Stream
    ) -> IntArray:
        m = losses.shape[1]
        reference = self._reference
        if reference is None:
            reference = reference_points(m, self._dividing_parameter)
        elif reference.shape[1] != m:
            must = f"have {m} columns, one for each objective of the study"
            raise invalid("reference_points", must, reference.shape)
        return by_niches(losses, penalty, k, reference, stream)

    def _settings(self) -> Hashable:
        points = self._reference
        return self._dividing_parameter if points is None else (points.shape, points.tobytes())


def _directions(points: Any) -> FloatArray:
    """Reference points as an array of their own."""
    found = np.array(points, float)
    if found.ndim != 2 or not len(found) or not np.isfinite(found).all() or (found < 0.0).any():
        raise invalid("reference_points", "be a matrix of numbers of at least 0", points)
    if not found.any(axis=1).all():
        raise invalid("reference_points", "not have a row of zeros only", points)
    return found
