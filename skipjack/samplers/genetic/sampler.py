"""What NSGA-II and NSGA-III have in common: everything but who survives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, final

import numpy as np

from skipjack._deprecate import warn_deprecated
from skipjack._experimental import warn_experimental_argument
from skipjack.distributions import BaseDistribution
from skipjack.errors import invalid, wrong_type
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray, Space
from skipjack.records.states import TrialState
from skipjack.rng import Stream
from skipjack.samplers.base import ModelSampler, StudyView, checked_constraints_func
from skipjack.samplers.genetic.base import BaseGASampler, checked_size, trials
from skipjack.samplers.genetic.breeding import (
    Genes,
    Operators,
    bred,
    chosen_parents,
    generator,
)
from skipjack.samplers.genetic.points import Points, repeatable
from skipjack.samplers.nsgaii.crossovers import BaseCrossover, UniformCrossover, share
from skipjack.samplers.nsgaii.mutations import BaseMutation
from skipjack.search_space import IntersectionSearchSpace

Elite: TypeAlias = Callable[[Any, list[FrozenTrial]], list[FrozenTrial]]
Breeder: TypeAlias = Callable[
    [Any, dict[str, BaseDistribution], list[FrozenTrial]], Mapping[str, Any]
]
AfterTrial: TypeAlias = Callable[[Any, FrozenTrial, TrialState, "Sequence[float] | None"], None]

_STEPS = 2  # so often parents are chosen in a generation; see `benchmarks/fronts.py`
_DRAWN = 4  # so many are drawn for each parent, of which the best is taken
_ATTEMPTS = 16  # so often a child is bred anew that was there before
_BLOCKS = 4  # of children that are kept
_COMPLETE = int(TrialState.COMPLETE)
_BOOKKEEPING = ("select_parent", "get_trial_generation", "get_population", "get_parent_population")


class GeneticSampler(ModelSampler, BaseGASampler):
    """A genetic sampler of ours: a fold over the history, in which nothing is written down.

    The first `population_size` complete trials are generation 0, the next as many generation 1,
    and so on, whoever proposed them. Parents are chosen after each generation, and in its middle
    too, unless a function of the user's chooses them. Subclasses say who survives.
    """

    def __init__(
        self,
        name: str,
        *,
        population_size: int,
        mutation: BaseMutation | None,
        mutation_prob: float | None,
        crossover: BaseCrossover | None,
        crossover_prob: float,
        swapping_prob: float,
        seed: int | None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None,
        elite_population_selection_strategy: Elite | None,
        child_generation_strategy: Breeder | None,
        after_trial_strategy: AfterTrial | None,
    ) -> None:
        """As `NSGAIISampler`; `name` is what the user calls the class."""
        ModelSampler.__init__(self, seed)
        BaseGASampler.__init__(self, checked_size(population_size))
        if constraints_func is not None:
            warn_deprecated(f"samplers.{name}(constraints_func)")
        for argument, given in (
            ("elite_population_selection_strategy", elite_population_selection_strategy),
            ("child_generation_strategy", child_generation_strategy),
            ("after_trial_strategy", after_trial_strategy),
        ):
            if given is not None:
                warn_experimental_argument(argument)
                if not callable(given):
                    raise wrong_type(argument, "be a function", given)
        if mutation is not None and not isinstance(mutation, BaseMutation):
            raise invalid("mutation", "be a mutation of `samplers.nsgaii`, or None", mutation)
        if crossover is not None and not isinstance(crossover, BaseCrossover):
            raise invalid("crossover", "be a crossover of `samplers.nsgaii`, or None", crossover)
        crossover = crossover or UniformCrossover(swapping_prob)
        if population_size < crossover.n_parents:
            must = f"be at least {crossover.n_parents}, the parents that {crossover} needs"
            raise invalid("population_size", must, population_size)
        plain = _is_ours(crossover) and (mutation is None or _is_ours(mutation))
        self._operators = Operators(
            crossover,
            mutation,
            None if mutation_prob is None else share("mutation_prob", mutation_prob),
            share("crossover_prob", crossover_prob),
            share("swapping_prob", swapping_prob),
            plain,
        )
        self._constraints_func = checked_constraints_func(constraints_func)
        self._elite = elite_population_selection_strategy
        self._breeder = child_generation_strategy
        self._after_trial = after_trial_strategy
        self._chooses = self._elite is not None or any(
            not _is_ours_method(type(self), method) for method in _BOOKKEEPING
        )
        self.is_pure = (
            plain and not self._chooses and self._breeder is None and self._after_trial is None
        )

    @abstractmethod
    def _survivors(
        self, losses: FloatArray, penalty: FloatArray | None, k: int, stream: Stream
    ) -> IntArray:
        """Indices of the `k` best of several, the best first."""

    @abstractmethod
    def _settings(self) -> Hashable:
        """What `_survivors` depends on, beside its arguments."""

    # ------------------------------------------------------------------------- our own side

    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """A child of the best so far; see `ModelSampler.propose`."""
        return self._bred(history, space, stream, given, None)

    def _bred(
        self,
        history: History,
        space: Space,
        stream: Stream,
        given: Mapping[str, float],
        study: Any,
    ) -> Mapping[str, float]:
        """A child; where the user's own functions take part, they are given `study`."""
        if not len(space):
            return {}
        state = self._generations(history, stream.seed)
        step = len(state.rows) * state.steps // self._size
        parents = state.parents.get(step)
        if parents is None:
            parents = self._parents(state, history, step, stream.seed, study)
        if not len(parents):
            return first_generation(space, stream, given, self._size)
        if state.genes_of != step:
            state.genes, state.genes_of = {}, step
        genes = state.genes.get(space)
        if genes is None:
            theirs, m = history.unit(space, parents), len(history.signs)
            genes = state.genes[space] = Genes(space, theirs, not self._chooses, m)
        if genes.n_layouts != len(history.layouts):
            genes.n_layouts = len(history.layouts)
            genes.repeatable = repeatable(history, space)
        must_be_new = bool(genes.repeatable) and len(history) < genes.cells
        is_whole = self._operators.are_ours and (space is history.space or len(space) > 1)
        seen = None
        for attempt in range(_ATTEMPTS):
            if is_whole and not attempt:
                made = self._block(genes, stream)
            else:
                made = space.decode(self._alone(genes, stream, attempt, study))
            if given:
                made |= {name: given[name] for name in space if name in given}
            if not must_be_new:
                break
            seen = seen or Points(history, space, genes.repeatable, stream.trial)
            if not seen.has(made):
                break
        return made

    def _block(self, genes: Genes, stream: Stream) -> dict[str, float]:
        """The values of a trial's child, made together with those of the next numbers."""
        block, place = divmod(stream.number, self._at_once)
        children = genes.blocks.get(block)
        if children is None:
            if len(genes.blocks) >= _BLOCKS:
                genes.blocks.clear()
            source = Stream(stream.seed, block, self.purpose + " children")
            parents = self._chosen(genes, stream, block)
            made = bred(genes, parents, generator(source), self._operators, None)
            values = genes.space.decode_all(made)
            children = genes.blocks[block] = values, made.tolist()
        values, places = children
        if values is None:
            return genes.space.decode(places[place])
        return dict(zip(genes.space.names, values[place], strict=True))

    def _alone(self, genes: Genes, stream: Stream, attempt: int, study: Any) -> list[float]:
        """The places of a trial's child, of the same parents, but after the first attempt."""
        purpose = f"{self.purpose} child {attempt} {genes.space.names[0]}"
        source = Stream(stream.seed, stream.number, purpose)
        if attempt:
            n = self._operators.crossover.n_parents
            parents = chosen_parents(genes, n, source.uniform(n * _DRAWN).reshape(1, n, _DRAWN))
        else:
            block, place = divmod(stream.number, self._at_once)
            parents = self._chosen(genes, stream, block)[place : place + 1]
        made = bred(genes, parents, generator(source), self._operators, study)
        found: list[float] = made[0].tolist()
        return found

    def _chosen(self, genes: Genes, stream: Stream, block: int) -> IntArray:
        """The parents of all children of a block."""
        n = self._operators.crossover.n_parents
        source = Stream(stream.seed, block, self.purpose + " parents")
        u = source.uniform(self._at_once * n * _DRAWN).reshape(self._at_once, n, _DRAWN)
        return chosen_parents(genes, n, u)

    @property
    def _size(self) -> int:
        assert self._population_size is not None
        return self._population_size

    @property
    def _at_once(self) -> int:
        """How many children are made at once."""
        return -(-self._size // _STEPS)

    def _generations(self, history: History, seed: int) -> Generations:
        if self._chooses:
            return history.derived(Complete(self, 1))
        return history.derived(_fold(type(self), self._size, seed, self._settings()))

    def _parents(
        self, state: Generations, history: History, step: int, seed: int, study: Any
    ) -> IntArray:
        """Rows of the parents at a step, chosen among those of the one before and what came."""
        for s in range(len(state.parents), step + 1):
            if self._chooses and not _is_ours_method(type(self), "select_parent"):
                state.parents[s] = _rows(history, self.select_parent(study, s))
            else:
                state.parents[s] = self._selected(state, history, s, seed, study)
        return state.parents[step]

    def _selected(
        self, state: Generations, history: History, step: int, seed: int, study: Any
    ) -> IntArray:
        first, last = (-(-s * self._size // state.steps) for s in (step - 1, step))
        came = state.rows[0 if step == state.steps else first : last]
        rows = np.concatenate([state.parents[step - 1], np.array(came, np.int64)])
        if self._elite is not None:
            population = trials(study, history.numbers[rows].tolist())
            return _rows(history, self._elite(study, population))
        stream = Stream(seed, step, self.purpose + " survivors")
        penalty = penalty_of(history, rows)
        return rows[self._survivors(history.losses[rows], penalty, self._size, stream)]

    # --------------------------------------------------------------------- Optuna's methods

    def _draw(self, study: StudyView, trial: FrozenTrial, space: Space) -> dict[str, Any]:
        stream = self.stream(study, trial.number)
        given = {
            name: trial.distributions[name].to_internal_repr(value)
            for name, value in trial.params.items()
        }
        drawn = self._bred(study.history, space, stream, given, study)
        return {name: space[name].to_external_repr(value) for name, value in drawn.items()}

    def infer_relative_search_space(
        self, study: StudyView, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """All parameters ever seen; with a `child_generation_strategy` those that all trials have.

        None in a user's subclass with a `sample_independent` of its own: it is asked for each.
        """
        if self._breeder is None:
            return super().infer_relative_search_space(study, trial)
        return IntersectionSearchSpace().calculate(study)

    def sample_relative(
        self, study: StudyView, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values for `search_space` together."""
        if self._breeder is None or not search_space:
            return super().sample_relative(study, trial, search_space)
        generation = self.get_trial_generation(study, trial)
        parents = self.get_parent_population(study, generation)
        if not parents:
            return super().sample_relative(study, trial, search_space)
        return dict(self._breeder(study, search_space, parents))

    def after_trial(
        self, study: Any, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Call `after_trial_strategy`, or else note what `constraints_func` says."""
        if self._after_trial is not None:
            self._after_trial(study, trial, state, values)
        else:
            super().after_trial(study, trial, state, values)

    def select_parent(self, study: Any, generation: int) -> list[FrozenTrial]:
        """The parents of a generation, chosen among those of the one before and their parents."""
        if generation <= 0:
            return []
        history, seed = study.history, self._seed_of(study)
        state = self._generations(history, seed)
        step = generation * state.steps
        self._parents(state, history, step - 1, seed, study)
        rows = self._selected(state, history, step, seed, study)
        return trials(study, history.numbers[rows].tolist())

    def get_trial_generation(self, study: Any, trial: FrozenTrial) -> int:
        """How many whole generations had completed when the trial ended, or have by now."""
        history = study.history
        state = self._generations(history, self._seed_of(study))
        found = np.flatnonzero(history.numbers == trial.number)
        done = np.searchsorted(state.rows, found[0]) if len(found) else len(state.rows)
        return int(done) // self._size

    def get_population(self, study: Any, generation: int) -> list[FrozenTrial]:
        """The complete trials of a generation, in the order in which they ended."""
        state = self._generations(study.history, self._seed_of(study))
        rows = state.rows[generation * self._size : (generation + 1) * self._size]
        return trials(study, study.history.numbers[rows].tolist())

    def get_parent_population(self, study: Any, generation: int) -> list[FrozenTrial]:
        """The parents of a generation; none for generation 0, and for those still to come."""
        history, seed = study.history, self._seed_of(study)
        state = self._generations(history, seed)
        if not 0 < generation <= len(state.rows) // self._size:
            return []
        rows = self._parents(state, history, generation * state.steps, seed, study)
        return trials(study, history.numbers[rows].tolist())

    def _seed_of(self, study: StudyView) -> int:
        return self.stream(study, 0).seed


@final
class Generations:
    """The complete trials, and what was found of their generations.

    Attributes:
        rows: Of the complete trials.
        steps: How often parents are chosen in a generation.
        parents: For each step the rows of the parents, the best first; those of a generation
            before the steps in it. None in generation 0.
        genes: Those of the parents of step `genes_of`, by space.
    """

    def __init__(self, steps: int) -> None:
        self.rows: list[int] = []
        self.steps = steps
        self.parents: dict[int, IntArray] = {s: np.zeros(0, np.int64) for s in range(steps)}
        self.genes: dict[Space, Genes] = {}
        self.genes_of = 0


@final
class Complete:
    """The fold that keeps `Generations`; parents are added by who needs them.

    They depend on the rows before their step alone.
    """

    def __init__(self, key: Hashable, steps: int) -> None:
        self._key = key
        self._steps = steps
        self._hash = hash(key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Complete) and self._key == other._key

    def start(self, history: History) -> Generations:
        """No trials yet."""
        return Generations(self._steps)

    def extend(self, state: Generations, history: History, first: int, last: int) -> Generations:
        """Take in rows."""
        for row, how in enumerate(history.states[first:last].tolist(), first):
            if how == _COMPLETE:
                state.rows.append(row)
        return state


@lru_cache(maxsize=64)
def _fold(*key: Hashable) -> Complete:
    """The fold of a sampler without functions of the user's."""
    return Complete(key, _STEPS)


def first_generation(
    space: Space, stream: Stream, given: Mapping[str, float], n: int
) -> Mapping[str, float]:
    """Values that share out each range among the first `n` trials; later ones are random.

    Source: M. D. McKay, R. J. Beckman, W. J. Conover, "A comparison of three methods for selecting
        values of input variables", Technometrics 21 (1979), doi:10.2307/1268522.
    """
    drawn = {}
    for (name, dist), place in zip(space.items(), stream.at_each(space), strict=True):
        if stream.number < n:
            part = int(Stream(stream.seed, 0, "part of " + name).permutation(n)[stream.number])
            place = (part + place) / n
        drawn[name] = given[name] if name in given else dist.at(place)
    return drawn


def penalty_of(history: History, rows: IntArray) -> FloatArray | None:
    """How much trials violate constraints, NaN where that is not known; None if there are none."""
    if not history.constraint_keys:
        return None
    unknown = np.isnan(history.constraints[rows]).all(axis=1)
    return np.where(unknown, np.nan, history.violation[rows])


def _rows(history: History, chosen: Sequence[FrozenTrial]) -> IntArray:
    """Rows of trials that a user's function chose."""
    numbers = [trial.number for trial in chosen]
    found = [np.flatnonzero(history.numbers == number) for number in numbers]
    if not chosen or not all(len(rows) for rows in found):
        raise invalid("select_parent", "choose at least one finished trial", numbers)
    return np.concatenate(found)


def _is_ours(thing: object) -> bool:
    """Whether something was written in this package, so that it knows what it may use."""
    return type(thing).__module__.startswith(__name__.partition(".")[0] + ".samplers.nsgaii")


def _is_ours_method(kind: type, name: str) -> bool:
    return getattr(kind, name) is getattr(GeneticSampler, name)
