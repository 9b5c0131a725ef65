"""Children of the parents of a generation: crossed, mutated, and inside their space."""

from __future__ import annotations

import math
import threading
from typing import Any, NamedTuple, cast, final

import numpy as np

from skipjack.errors import invalid
from skipjack.numerics.genetic.mutation import polynomial
from skipjack.records.space import BoolArray, FloatArray, IntArray, Space
from skipjack.rng import Stream
from skipjack.samplers.nsgaii.crossovers import BaseCrossover, OwnCrossover
from skipjack.samplers.nsgaii.mutations import BaseMutation, OwnMutation

_TRIES = 8  # so often children are drawn anew that lie outside the bounds
_ANEW = 0.1  # without a mutation of the user's: so often a numeric parameter is drawn anew,
_ETA = 5.0  # and otherwise changed a little; see `benchmarks/fronts.py`
_local = threading.local()


class Operators(NamedTuple):
    """How children are made; see `NSGAIISampler`.

    Attributes:
        crossover: For numeric parameters.
        mutation: For numeric parameters; None: mostly a small change.
        mutation_prob: For each parameter; None: one in expectation.
        crossover_prob: Otherwise the child is like its first parent, before mutation.
        swapping_prob: For categorical parameters.
        are_ours: Whether no function of the user's takes part. Then children are made many at
            once, on the unit cube, where no parameter is longer than another.
    """

    crossover: BaseCrossover
    mutation: BaseMutation | None
    mutation_prob: float | None
    crossover_prob: float
    swapping_prob: float
    are_ours: bool


@final
class Genes:
    """The places of parents in a space, the best parent first.

    Attributes:
        space: The space.
        places: Shape (k, d); NaN where a parent lacks the parameter.
        is_ranked: Whether the order says anything.
        m: How many objectives there are.
        start, span: Where the unit interval of each parameter lies on the scale that users'
            functions see, shape (d,).
        blocks: Children of trials whose numbers follow each other, by where these begin: their
            values, if all can be worked out at once, and their places.
        cells: How many points the space has, inf with continuous parameters.
        repeatable: See `points.repeatable`; of the first `n_layouts` layouts of the history.
    """

    def __init__(self, space: Space, places: FloatArray, is_ranked: bool, m: int) -> None:
        self.space = space
        self.places = places
        self.is_ranked = is_ranked
        self.m = m
        self.holes: BoolArray = np.isnan(places)
        self.has_holes = bool(self.holes.any())
        self.is_numeric: BoolArray = ~space.categorical
        self.numeric: IntArray = np.flatnonzero(self.is_numeric)
        self.categorical: IntArray = np.flatnonzero(space.categorical)
        axes = [dist.axis[:2] for dist in space.values()]
        self.start, self.span = np.array(axes, float).reshape(-1, 2).T
        self.blocks: dict[int, tuple[list[list[float]] | None, list[list[float]]]] = {}
        self.cells = float(space.cells.prod())
        self.repeatable: list[tuple[str, ...]] = []
        self.n_layouts = 0


def chosen_parents(genes: Genes, n: int, u: FloatArray) -> IntArray:
    """`n` parents for each child, shape (b, n); different ones, if there are so many.

    Each is the best of several that are drawn.

    Args:
        genes: Of those to choose among.
        n: How many.
        u: Numbers that are uniform in [0, 1), shape (b, n, how many are drawn for each).
    """
    k = len(genes.places)
    drawn = u.min(axis=2) if genes.is_ranked else u[:, :, 0]
    chosen: IntArray = (drawn * k).astype(np.int64)
    for j in range(1, min(n, k)):
        for _ in range(j):
            clash = (chosen[:, :j] == chosen[:, j, None]).any(axis=1)
            chosen[clash, j] = (chosen[clash, j] + 1) % k
    return chosen


def bred(
    genes: Genes, parents: IntArray, rng: np.random.RandomState, operators: Operators, study: Any
) -> FloatArray:
    """Places of children, shape (b, d).

    Args:
        genes: Of the parents, at least 1, in a space of at least 1 parameter.
        parents: Which of them each child has, shape (b, n).
        rng: Where numbers are drawn from.
        operators: How.
        study: What users' crossovers and mutations are given.
    """
    rows = genes.places[parents]
    n_own: Any = rows.shape[2]
    if genes.has_holes:
        n_own = np.maximum(1, (~genes.holes[parents[:, 0]]).sum(axis=1))[:, None]
        rows = _filled(rows, rng)
    places: FloatArray = rows[:, 0].copy()
    crossed = np.flatnonzero(rng.random_sample(len(rows)) < operators.crossover_prob)
    if len(crossed):
        places[crossed] = _crossed(genes, rows[crossed], rng, operators, study)
    prob: Any = 1.0 / n_own if operators.mutation_prob is None else operators.mutation_prob
    changes: BoolArray = rng.random_sample(places.shape) < prob
    if operators.mutation_prob != 0.0:  # a child that is a parent once more is changed too
        alike = (places[:, None] == rows).all(axis=2).any(axis=1) & ~changes.any(axis=1)
        at = (rng.random_sample(len(places)) * places.shape[1]).astype(np.int64)
        changes[alike, at[alike]] = True
    _mutate(places, changes, genes, rng, operators, study)
    return places


def generator(stream: Stream) -> np.random.RandomState:
    """A generator of the kind that users' crossovers are given; one for each thread, seeded."""
    rng = getattr(_local, "rng", None)
    if rng is None:
        rng = _local.rng = np.random.RandomState(0)
    rng.seed(int(stream.words(1)[0] >> np.uint64(32)))
    return cast(np.random.RandomState, rng)


def _filled(rows: FloatArray, rng: np.random.RandomState) -> FloatArray:
    """What a parent lacks it has from another, or at random."""
    anew = rng.random_sample((len(rows), rows.shape[2]))
    for i in range(rows.shape[1]):
        anew = np.where(np.isnan(rows[:, -1 - i]), anew, rows[:, -1 - i])
    return np.asarray(np.where(np.isnan(rows), anew[:, None], rows))


def _crossed(
    genes: Genes, rows: FloatArray, rng: np.random.RandomState, operators: Operators, study: Any
) -> FloatArray:
    places: FloatArray = rows[:, 0].copy()
    if len(genes.categorical):
        j = genes.categorical
        swap = rng.random_sample((len(rows), len(j))) < operators.swapping_prob
        places[:, j] = np.where(swap, rows[:, 1, j], places[:, j])
    if not len(genes.numeric):
        return places
    parents = rows[:, :, genes.numeric] if len(genes.categorical) else rows
    outside = np.arange(len(rows))
    for _ in range(_TRIES):
        made = _children(genes, parents[outside], rng, operators, study)
        inside = made.clip(0.0, 1.0)
        places[outside[:, None], genes.numeric] = inside
        outside = outside[(inside != made).any(axis=1)]
        if not len(outside):
            break
    return places


def _children(
    genes: Genes, parents: FloatArray, rng: np.random.RandomState, operators: Operators, study: Any
) -> FloatArray:
    """Numeric places, perhaps outside the unit cube."""
    d = len(genes.numeric)
    crossover = operators.crossover
    if operators.are_ours and isinstance(crossover, OwnCrossover):
        return crossover.children(parents, rng, np.array([[0.0, 1.0]] * d), genes.m)
    start, span = genes.start[genes.numeric], genes.span[genes.numeric]
    bounds = np.stack([start, start + span], axis=1)
    children = []
    for those in start + parents * span:
        made = np.asarray(crossover.crossover(those, rng, study, bounds.copy()), float)
        if made.shape != (d,) or not np.isfinite(made).all():
            raise invalid(f"{crossover}.crossover", f"return {d} finite numbers", made)
        children.append(np.where(span > 0.0, (made - start) / np.where(span > 0, span, 1.0), 0.5))
    return np.array(children)


def _mutate(
    places: FloatArray,
    changes: BoolArray,
    genes: Genes,
    rng: np.random.RandomState,
    operators: Operators,
    study: Any,
) -> None:
    """Change the places that are to change, here; all at once, but by a mutation of the user."""
    mutation = operators.mutation
    i, j = np.nonzero(changes)
    before, after = places[i, j], rng.random_sample(len(i))
    numeric = np.flatnonzero(genes.is_numeric[j])
    if mutation is None:
        little = numeric[rng.random_sample(len(numeric)) >= _ANEW]
        after[little] = polynomial(before[little], _ETA, after[little])
    elif operators.are_ours and isinstance(mutation, OwnMutation):
        after[numeric] = mutation.changed(before[numeric], after[numeric])
    else:
        for k in numeric.tolist():
            start, span = float(genes.start[j[k]]), float(genes.span[j[k]])
            param, bounds = start + float(before[k]) * span, np.array([start, start + span])
            found = float(mutation.mutation(param, rng, study, bounds))
            if not math.isfinite(found):
                raise invalid(f"{mutation}.mutation", "return a finite number", found)
            after[k] = min(max((found - start) / span, 0.0), 1.0) if span > 0.0 else 0.5
    places[i, j] = after
