"""Differential evolution as a sampler."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple, final

import numpy as np

from skipjack.errors import invalid
from skipjack.numerics import differential
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray, Space
from skipjack.rng import Stream
from skipjack.samplers.base import BaseSampler
from skipjack.samplers.generations.axes import Axes, Shared
from skipjack.samplers.generations.batch import Drawn, Result
from skipjack.samplers.generations.course import Course
from skipjack.samplers.generations.sampler import GenerationSampler

PURPOSE = "de"
_LEAST = 4  # members, so that each has three others


class Settings(NamedTuple):
    """What the arguments of `DESampler` say."""

    population: int
    factor: float
    rate: float
    pruned: bool


class DESampler(GenerationSampler):
    """Tries steps that are differences between good trials: DE/rand/1/bin.

    Robust in many dimensions and where parameters are integers or choices, and cheap. For one
    objective; feasible trials rank before others. Parameters that only some trials have are left
    to `independent_sampler`. A trial takes the place of the member of the population that it was
    drawn for if it is no worse; one from elsewhere takes that of the worst.

    Args:
        population_size: How many members the population has, at least 4. More are more robust, and
            slower.
        mutation_factor: What differences are multiplied by, F.
        crossover_rate: How likely a parameter is changed, CR.
        n_startup_trials: Leave so many trials to `independent_sampler` first, at least one.
        independent_sampler: By default a `TPESampler`.
        warn_independent_sampling: Whether a warning is logged when it draws, once per parameter.
        seed: For reproducible proposals; None: each study has its own.
        consider_pruned_trials: Whether a pruned trial counts, with its last report as its value.

    Raises:
        InvalidValueError: If a number is out of its range.

    Source: R. Storn, K. Price, Journal of Global Optimization 11 (1997),
        doi:10.1023/A:1008202821328; N. Awad, N. Mallik, F. Hutter, "DEHB", IJCAI 2021,
        arXiv:2105.09821.
    """

    purpose = PURPOSE

    def __init__(
        self,
        *,
        population_size: int = 12,
        mutation_factor: float = 0.5,
        crossover_rate: float = 0.5,
        n_startup_trials: int = 1,
        independent_sampler: BaseSampler | None = None,
        warn_independent_sampling: bool = True,
        seed: int | None = None,
        consider_pruned_trials: bool = False,
    ) -> None:
        pruned = bool(consider_pruned_trials)
        super().__init__(
            seed, n_startup_trials, independent_sampler, warn_independent_sampling, pruned
        )
        if population_size < _LEAST:
            raise invalid("population_size", f"be at least {_LEAST}", population_size)
        if not 0 < mutation_factor <= 2:
            raise invalid("mutation_factor", "be above 0 and at most 2", mutation_factor)
        if not 0 <= crossover_rate <= 1:
            raise invalid("crossover_rate", "be from 0 to 1", crossover_rate)
        self._settings = Settings(
            int(population_size), float(mutation_factor), float(crossover_rate), pruned
        )

    def _course(self, history: History, shared: Shared, axes: Axes, seed: int) -> Course:
        key = self._settings, seed
        fold = shared.folds.get(key)
        if fold is None:
            fold = shared.folds[key] = PopulationFold(axes.whole, *key)
        population: Population = history.derived(fold)
        return population.course


class PopulationFold(NamedTuple):
    """Keeps a `Population`."""

    space: Space
    settings: Settings
    seed: int

    def start(self, history: History) -> Population:
        """Before the first trial."""
        return Population(Axes(self.space), self.settings, self.seed, history.signs[0])

    def extend(self, state: Population, history: History, first: int, last: int) -> Population:
        """Take in trials, one by one."""
        for row in range(first, last):
            state.take(history, row)
        return state


@final
class Population:
    """The members after some trials; places that nobody has taken yet are the worst."""

    def __init__(self, axes: Axes, settings: Settings, seed: int, sign: float) -> None:
        n = settings.population
        self._axes, self._settings, self._seed = axes, settings, seed
        self._results = [Result(math.inf, math.inf)] * n
        self._places = np.zeros((n, len(axes.numeric)))
        self._codes = np.zeros((n, len(axes.choices)), np.int64)
        self._generation = 0
        self.course = Course(axes, self._drawer, PURPOSE, sign, settings.pruned)

    def take(self, history: History, row: int) -> None:
        """Take in a finished trial."""
        batch, n = self.course.batch, self._settings.population
        trial = self.course.read(history, row)
        if trial is None:
            return
        found = self.course.find(trial)
        if found is None:
            place = self._axes.places(trial.values)
            if trial.result is not None and place is not None:
                worst = max(range(n), key=self._results.__getitem__)
                self._compete(worst, trial.result, *place)
            return
        of, i = found
        of.tell(i, trial.result if of is batch else None)
        if trial.result is not None:
            self._compete(i % n, trial.result, of.places[i], of.codes[i])
        if len(batch.told) >= n:
            self.course.turn()
            self._generation += 1

    def _compete(self, i: int, result: Result, places: FloatArray, codes: IntArray) -> None:
        """A trial takes the place of a member that is no better."""
        if result <= self._results[i]:
            self._results[i], self._places[i], self._codes[i] = result, places, codes

    def _drawer(self) -> Callable[[int], Drawn]:
        """What draws blocks of rivals of the members as they are now."""
        if self._generation == 0:
            return functools.partial(_first, self._axes, self._settings, self._seed)
        key = self._seed, self._generation
        members = self._places.copy(), self._codes.copy()
        return functools.partial(_rivals, members, self._settings, key)


def _first(axes: Axes, settings: Settings, seed: int, block: int) -> Drawn:
    """The first members."""
    p, q, n = len(axes.numeric), len(axes.choices), settings.population
    stream = Stream(seed, 0, f"{PURPOSE} {block}" if block else PURPOSE)
    places = differential.spread(n, stream.uniform(2 * n * p).reshape(2, n, p))
    shares = differential.spread(n, stream.uniform(2 * n * q).reshape(2, n, q))
    return Drawn(places, (shares * axes.sizes).astype(np.int64))


def _rivals(
    members: tuple[FloatArray, IntArray], settings: Settings, key: tuple[int, int], block: int
) -> Drawn:
    """A rival for each member."""
    places, codes = members
    stream = Stream(*key, f"{PURPOSE} {block}" if block else PURPOSE)
    u = stream.uniform(differential.words(len(places), places.shape[1], codes.shape[1]))
    return Drawn(*differential.offspring(places, codes, settings.factor, settings.rate, u))
