"""The strategy as a fold: what the trials so far have made of its distribution."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple, final

import numpy as np

from skipjack.distributions import BaseDistribution
from skipjack.numerics.cma import choices, evolution, margin, rates, restarts, warm
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray, Space
from skipjack.rng import Stream
from skipjack.samplers.cmaes.surrogate import Surrogate
from skipjack.samplers.generations.axes import Axes
from skipjack.samplers.generations.batch import Batch, Drawn, Result
from skipjack.samplers.generations.course import Course

PURPOSE = "cma-es"
SIGMA = 1 / 6
_LOOK_EVERY = 4  # generations, to see whether the run is over


class Source(NamedTuple):
    """A trial of another study: its value, and its internal values with their distributions."""

    value: float
    params: tuple[tuple[str, BaseDistribution, float], ...]


class Settings(NamedTuple):
    """The arguments of `CmaEsSampler` that decide on the strategy."""

    popsize: int | None = None
    sigma0: float | None = None
    x0: tuple[tuple[str, object], ...] = ()
    separable: bool = False
    margin: bool = False
    adapt: bool = False
    restart: str | None = None
    factor: int = 2
    pruned: bool = False
    source: tuple[Source, ...] | None = None
    surrogate: bool | None = None
    since: int = 0  # rows before this one belong to others, and say where to start


@final
class RunFold:
    """Keeps a `Run`. Two with the same space, settings and seed are the same."""

    __slots__ = ("_hash", "_key", "seed", "settings", "space")

    def __init__(self, space: Space, settings: Settings, seed: int) -> None:
        self.space, self.settings, self.seed = space, settings, seed
        self._key = space, settings, seed
        self._hash = hash(self._key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, RunFold) and self._key == other._key)

    def start(self, history: History) -> Run:
        """Before the first trial."""
        return Run(Axes(self.space), self.settings, self.seed, history.signs[0])

    def extend(self, state: Run, history: History, first: int, last: int) -> Run:
        """Take in trials, one by one."""
        for row in range(first, last):
            state.take(history, row)
        return state


class Distribution(NamedTuple):
    """What a generation is drawn from."""

    normal: evolution.State | None
    odds: choices.Odds | None
    rates: rates.Rates | None


@final
class Run:
    """The strategy after some trials: its distribution and the generation under way."""

    def __init__(self, axes: Axes, settings: Settings, seed: int, sign: float) -> None:
        self.axes, self.settings, self.seed = axes, settings, seed
        n = settings.popsize or evolution.population_size(max(1, len(axes)))
        self.regime = restarts.Regime(n)
        self.progress = restarts.Progress()
        self.generation = self.spent = 0
        self.course = Course(axes, self._drawer, PURPOSE, sign, settings.pruned)
        self.best: Result | None = None
        self._first_size = n
        self._sign = sign
        self._past: list[tuple[Result, FloatArray, IntArray]] = []
        self._surrogate = self._new_surrogate()
        self._distribution: Distribution | None = None

    # ------------------------------------------------------------------------------- trials

    def ready(self) -> Course:
        """The generations, the one under way drawn."""
        if self.course.drawn is None:
            if self._distribution is None:
                self._distribution = self._begin()
            batch = self.course.batch
            if self._surrogate is not None:
                self._surrogate.begin(batch, self._distribution.normal)
        return self.course

    def take(self, history: History, row: int) -> None:
        """Take in a finished trial."""
        # Drawn before the trial is looked at, as it was when the next trial was asked for.
        batch = None
        if row >= self.settings.since:
            batch = self.course.drawn or self.ready().batch
        trial = self.course.read(history, row)
        if trial is None:
            return
        values, result = trial.values, trial.result
        found = None if batch is None else self.course.find(trial)
        if batch is not None and found is not None:
            self._tell(batch, *found, result)
            return
        place = self.axes.places(values)
        if result is None or math.isinf(result.loss) or place is None:
            return
        # Those that the strategy begins after are no generation's; of later ones the best is.
        is_best = self.best is None or result < self.best
        self._learn(result, place[0])
        if batch is None:
            self._past.append((result, *place))
        elif is_best and self.spent + len(batch.told) > 0:
            batch.late.append((result, *place))
            self._close_if_full(batch)

    def _tell(self, batch: Batch, of: Batch, i: int, result: Result | None) -> None:
        """Note a trial of this generation, or a late one."""
        of.tell(i, result if of is batch else None)
        if result is None:
            return
        if of is not batch:
            batch.late.append((result, of.places[i], of.codes[i]))
        self._learn(result, of.seen(i))
        self._close_if_full(batch)

    def _learn(self, result: Result, place: FloatArray) -> None:
        if self.best is None or result < self.best:
            self.best = result
        if self._surrogate is not None:
            self._surrogate.note(place, result)

    # ---------------------------------------------------------------------------- generations

    def _new_surrogate(self) -> Surrogate | None:
        """A surrogate, where one is wanted and there are numbers alone."""
        wanted, d = self.settings.surrogate, len(self.axes)
        if len(self.axes.choices) or wanted is False or d < 2:
            return None
        return Surrogate(d, thrifty=wanted is None, discrete=self.axes.any_discrete)

    def _close_if_full(self, batch: Batch) -> None:
        """Go on to the next generation if there is enough to go by."""
        now = self._distribution
        assert now is not None
        results, places, codes = [], None, np.empty((0, 0), np.int64)
        if self._surrogate is not None and now.normal is not None:
            if len(batch.told) < batch.wanted and not batch.is_full:
                return
            places = self._surrogate.close(batch, now.normal)
            if places is None:
                return
            results = sorted([*batch.told.values(), *(late[0] for late in batch.late)])
        elif not batch.is_full:
            return
        else:
            results, places, codes = batch.ranked()
        self.spent += len(results)
        self.generation += 1
        self.course.turn()
        new = self._moved(now, places, codes)
        losses, d = [result.loss for result in results], max(1, len(self.axes))
        if results[-1].violation == 0 and math.isfinite(losses[0]) and math.isfinite(losses[-1]):
            self.progress = restarts.noted(self.progress, losses, d, batch.size)
        self._distribution = new
        if new.normal is None or self.generation % _LOOK_EVERY:
            return
        if restarts.is_over(new.normal, self.progress, batch.size, self._sigma, self.axes.discrete):
            self._restart()

    def _moved(self, now: Distribution, places: FloatArray, codes: IntArray) -> Distribution:
        """The distribution after a generation; its candidates best first."""
        normal, odds, learning = now
        if normal is not None:
            told = evolution.tell(normal, places, bounded=True)
            if learning is not None:
                told, learning = rates.slowed(normal, told, learning)
            normal = self._with_margin(told)
        if odds is not None:
            weights = evolution.rule(max(1, len(self.axes)), len(codes)).weights
            odds = choices.tell(odds, codes, weights)
        return Distribution(normal, odds, learning)

    def _with_margin(self, state: evolution.State) -> evolution.State:
        axes = self.axes
        if not axes.any_discrete:
            return state
        below, above = axes.cells(state.mean)
        return margin.widened(state, axes.discrete, below, above, self._margin)

    @property
    def _margin(self) -> float:
        """The probability that a discrete parameter takes another value than the likeliest."""
        if self.settings.margin:
            return 1 / (len(self.axes) * self.regime.population)
        return margin.probability(int(self.axes.discrete.sum()) + len(self.axes.choices))

    @property
    def _sigma(self) -> float:
        return (self.settings.sigma0 or SIGMA) * self.regime.shrunk

    # --------------------------------------------------------------------------------- starts

    def _begin(self) -> Distribution:
        """The distribution of the first generation."""
        p = len(self.axes.numeric)
        mean, sigma, cov = self._given_mean(), self._sigma, None
        known = self._sources()
        if p and known is not None and len(known):
            mean, sigma, cov = warm.promising(known)
        if self.settings.separable and cov is not None:
            cov = np.diagonal(cov).copy()
        normal = evolution.start(mean, sigma, cov, self.settings.separable) if p else None
        odds = None
        if len(self.axes.choices):
            share = 1 - 0.73 ** (1 / (int(self.axes.discrete.sum()) + len(self.axes.choices)))
            odds = choices.start(self.axes.sizes, share)
        if normal is not None:
            normal = self._with_margin(normal)
        return Distribution(normal, odds, rates.start(p) if p and self.settings.adapt else None)

    def _given_mean(self) -> FloatArray:
        """The middle of the space, or where the user says to start."""
        axes = self.axes
        mean = np.full(len(axes.numeric), 0.5)
        for name, value in self.settings.x0:
            if name in axes.numeric:
                j = axes.numeric.names.index(name)
                alone = Space({name: axes.numeric[name]})
                internal = axes.numeric[name].to_internal_repr(value)
                place = alone.encode(np.array([[internal]]))[0, 0]
                mean[j] = 0.5 if np.isnan(place) else place
        return mean

    def _sources(self) -> FloatArray | None:
        """Places of trials to start from, best first; None if there are none."""
        if self.settings.source is None:
            found = sorted(self._past, key=lambda one: one[0])
            return np.array([place for _, place, _ in found]) if found else None
        numeric, rows = self.axes.numeric, []
        for source in self.settings.source:
            known = {
                name: value for name, dist, value in source.params if numeric.get(name) == dist
            }
            if len(known) == len(numeric):
                rows.append((self._sign * source.value, [known[name] for name in numeric]))
        rows.sort(key=lambda row: row[0])
        return numeric.encode(np.array([x for _, x in rows])) if rows else None

    def _restart(self) -> None:
        """Begin another run, elsewhere."""
        u = Stream(self.seed, self.regime.runs, PURPOSE + " restart").uniform(2 + len(self.axes))
        self.regime = restarts.following(
            self.regime,
            self.spent,
            self.settings.restart,
            self._first_size,
            self.settings.factor,
            (float(u[0]), float(u[1])),
        )
        self.spent, self.progress = 0, restarts.Progress()
        mean = u[2 : 2 + len(self.axes.numeric)]
        normal = evolution.start(mean, self._sigma, None, self.settings.separable)
        odds = None
        if len(self.axes.choices):
            odds = self._begin().odds
        learning = rates.start(len(mean)) if self.settings.adapt else None
        self._distribution = Distribution(self._with_margin(normal), odds, learning)
        self._surrogate = self._new_surrogate()

    # ---------------------------------------------------------------------------------- draws

    def _drawer(self) -> Callable[[int], Drawn]:
        """What draws blocks of candidates of the generation that begins."""
        now, best = self._distribution, None
        assert now is not None
        if self._surrogate is not None:
            best = self._surrogate.optimum()
        key = self.seed, self.generation, self.regime.population
        return functools.partial(_drawn, self.axes, now, best, key)


def _drawn(
    axes: Axes, now: Distribution, best: FloatArray | None, key: tuple[int, int, int], block: int
) -> Drawn:
    """Candidates of a generation; those of one block are as many as the population."""
    seed, generation, n = key
    stream = Stream(seed, generation, f"{PURPOSE} {block}" if block else PURPOSE)
    p, q = len(axes.numeric), len(axes.choices)
    places, codes = np.empty((n, 0)), np.empty((n, 0), np.int64)
    if now.normal is not None:
        z = evolution.normal(stream.uniform(n * p + n * p % 2))[: n * p].reshape(n, p)
        places = evolution.ask(now.normal, z)
        if block == 0 and best is not None:
            places[0] = best
    if now.odds is not None:
        codes = choices.ask(now.odds, stream.uniform(n * q).reshape(n, q))
    return Drawn(places, codes)
