"""NSGA-II."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from skipjack.numerics.genetic.selection import by_crowding
from skipjack.records.frozen import FrozenTrial
from skipjack.records.space import FloatArray, IntArray
from skipjack.rng import Stream
from skipjack.samplers.genetic.sampler import AfterTrial, Breeder, Elite, GeneticSampler
from skipjack.samplers.nsgaii.crossovers import BaseCrossover
from skipjack.samplers.nsgaii.mutations import BaseMutation


class NSGAIISampler(GeneticSampler):
    """Breeds each trial from the best of the trials before, for one or several objectives.

    The first generation is spread over the space. After each generation of `population_size`
    complete trials, and in the middle of each, the best of them and of their parents become the
    parents of the next: by the front that they are in, and among those of one front by the room
    that they have. Trials count whoever proposed them, also those that were added to the study. A
    parameter that one parent lacks, the child has from another. Nothing is written into the
    storage.

    Args:
        population_size: How many complete trials make a generation.
        mutation: How a numeric parameter is changed; categorical ones are drawn anew. None:
            mostly a little, by `PolynomialMutation(eta=5)`, and one in ten drawn anew.
        mutation_prob: The probability with which each parameter is; None: one divided by how many
            the first parent has.
        crossover: How numeric parameters of the parents are put together; None:
            `UniformCrossover(swapping_prob)`, which is used for categorical ones in any case.
        crossover_prob: The probability that there is a crossover; otherwise a child is like its
            first parent, before mutation.
        swapping_prob: The probability with which a parameter is the second parent's.
        seed: For reproducible proposals; None: each study has its own.
        constraints_func: Deprecated, use `trial.set_constraint`. From a trial, its constraint
            values, at most 0 where satisfied.
        elite_population_selection_strategy: Experimental. From the study and the trials of a
            whole generation with its parents, the parents of the next, instead of the rule above.
        child_generation_strategy: Experimental. From the study, the parameters that all trials
            have, and the parents, the values of a child; what it leaves out is bred as usual.
        after_trial_strategy: Experimental. Called when the result of a trial is known, instead of
            `constraints_func`.

    Raises:
        ValueError: If `population_size` is less than 2 or than the crossover's parents, or a
            probability is not in [0, 1].

    Source: K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, "A fast and elitist multiobjective genetic
        algorithm: NSGA-II", IEEE TEC 6 (2002), doi:10.1109/4235.996017.
    """

    purpose = "nsga2"

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
        elite_population_selection_strategy: Elite | None = None,
        child_generation_strategy: Breeder | None = None,
        after_trial_strategy: AfterTrial | None = None,
    ) -> None:
        super().__init__(
            "NSGAIISampler",
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

    def _survivors(
        self, losses: FloatArray, penalty: FloatArray | None, k: int, stream: Stream
    ) -> IntArray:
        return by_crowding(losses, penalty, k)

    def _settings(self) -> Hashable:
        return None
