"""The default sampler."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from skipjack._deprecate import positional_too, warn_deprecated
from skipjack.errors import invalid
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.space import FloatArray, Space
from skipjack.rng import Stream
from skipjack.samplers.base import ModelSampler
from skipjack.samplers.tpe.axes import Axes, axes_of
from skipjack.samplers.tpe.candidates import Points
from skipjack.samplers.tpe.choice import Search, drawn_apart, drawn_jointly
from skipjack.samplers.tpe.estimate import Widths, model, places_of
from skipjack.samplers.tpe.fronts import FrontsFold
from skipjack.samplers.tpe.groups import FRONTIER, LadderFold, Ranking, reweighted, split
from skipjack.samplers.tpe.hyperopt import hyperopt_gamma, ramp
from skipjack.samplers.tpe.places import PlacesFold
from skipjack.samplers.tpe.seen import SeenFold, point_of

_GOOD_SHARE, _MOST_GOOD = 0.15, 25
_GOOD_SHARE_OF_MANY, _MOST_GOOD_OF_MANY = 0.15, 100  # with several objectives
_PLACES, _SEEN = PlacesFold(), SeenFold()


class TPESampler(ModelSampler):
    """Samples where good trials are dense and bad ones are not.

    A Parzen estimator is fitted to the best seventh of the trials and one to the others. Half of
    the candidates are drawn from the first, half are the best trial with some parameters drawn
    anew; the candidate with the highest ratio of both densities is proposed. All parameters are
    modelled together, also where some exist only for some values of others. A proposal costs the
    same after a hundred trials and after a hundred thousand.

    Args:
        consider_prior: Deprecated; the prior always counts.
        prior_weight: Deprecated. The weight of the prior; a trial has 1.
        consider_magic_clip: Deprecated. Whether kernels have a least width that depends on their
            number.
        consider_endpoints: Deprecated. Whether the ends of a range count as neighbours when
            widths of kernels are determined.
        n_startup_trials: Sample at random until so many trials have completed or were pruned.
        n_ei_candidates: How many candidates to compare.
        gamma: Deprecated. From the number of trials, how many are good.
        weights: Deprecated. From the number of bad trials, their weights, oldest first. Calling
            it makes the cost of a proposal grow with the number of trials.
        seed: For reproducible proposals; None: each study has its own.
        multivariate: Whether parameters are modelled together; None means True.
        group: Accepted; conditional parameters are part of the model in any case.
        warn_independent_sampling: Deprecated, without effect: there is nothing to warn of.
        constant_liar: Whether trials that run count as bad, so that others are tried meanwhile.
        constraints_func: Deprecated, use `trial.set_constraint`. From a trial, its constraint
            values, at most 0 where satisfied.

    Raises:
        InvalidValueError: If `n_ei_candidates` is not positive, or `group` is true and
            `multivariate` false.

    Source: J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, "Algorithms for hyper-parameter
        optimization", NeurIPS 2011; S. Watanabe, "Tree-structured Parzen estimator", 2023,
        arXiv:2304.11127.
    """

    purpose = "tpe"

    @positional_too("samplers.TPESampler(*)")
    def __init__(
        self,
        *,
        consider_prior: bool | None = None,
        prior_weight: float | None = None,
        consider_magic_clip: bool | None = None,
        consider_endpoints: bool | None = None,
        n_startup_trials: int = 10,
        n_ei_candidates: int = 24,
        gamma: Callable[[int], int] | None = None,
        weights: Callable[[int], np.ndarray[Any, Any]] | None = None,
        seed: int | None = None,
        multivariate: bool | None = None,
        group: bool = False,
        warn_independent_sampling: bool | None = None,
        constant_liar: bool = True,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
    ) -> None:
        super().__init__(seed)
        for name, given in (
            ("consider_prior", consider_prior),
            ("prior_weight", prior_weight),
            ("consider_magic_clip", consider_magic_clip),
            ("consider_endpoints", consider_endpoints),
            ("gamma", gamma),
            ("weights", weights),
            ("warn_independent_sampling", warn_independent_sampling),
            ("constraints_func", constraints_func),
        ):
            if given is not None:
                warn_deprecated(f"samplers.TPESampler({name})")
        if n_ei_candidates < 1:
            raise invalid("n_ei_candidates", "be at least 1", n_ei_candidates)
        if prior_weight is not None and prior_weight <= 0:
            raise invalid("prior_weight", "be positive", prior_weight)
        if group and multivariate is False:
            raise invalid("group", "be False when `multivariate` is False", group)
        self._n_startup_trials = n_startup_trials
        self._n_candidates = n_ei_candidates
        self._gamma = gamma
        self._weights = weights
        self._joint = multivariate is not False
        self._constant_liar = constant_liar
        self._constraints_func = constraints_func
        self._widths = Widths(
            clip=consider_magic_clip is not False,
            endpoints=bool(consider_endpoints),
            prior=1.0 if prior_weight is None else float(prior_weight),
        )

    @staticmethod
    def hyperopt_parameters() -> dict[str, Any]:
        """Deprecated. Arguments that make this sampler more like the one of hyperopt."""
        warn_deprecated("samplers.TPESampler.hyperopt_parameters")
        return {
            "consider_prior": True,
            "prior_weight": 1.0,
            "consider_magic_clip": True,
            "consider_endpoints": False,
            "n_startup_trials": 20,
            "n_ei_candidates": 24,
            "gamma": hyperopt_gamma,
            "weights": ramp,
        }

    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """The most promising candidate; see `ModelSampler.propose`."""
        ranking = self._ranking(history)
        if ranking.counted < self._n_startup_trials or ranking.counted == 0:
            return _at_random(space, stream, given)
        wanted = space
        space = _with_given(space, history.space, given)
        axes = axes_of(space)
        places = history.derived(_PLACES)
        view = places.view(history, axes.free)
        if not axes.free or not len(view.known):
            return _at_random(wanted, stream, given)
        running = self._running(history, axes, stream.number)
        n_good = self._n_good(ranking.counted, len(history.signs))
        groups = split(ranking, len(history), n_good)
        if self._weights is not None:
            groups = reweighted(groups, len(history), self._weights)
        fitted = model(axes, places, view, groups, running, self._widths)
        known = None
        if given:
            point = places_of(axes, [given])
            known = Points(axes.numbers(point), axes.codes(point))
        draw = drawn_jointly if self._joint else drawn_apart
        search = Search(axes, fitted, known, given)
        values = search.best(draw, stream, self._n_candidates, _seen(history, axes, stream.number))
        return {name: values[name] for name in wanted}

    def _ranking(self, history: History) -> Ranking:
        """The trials in order, kept up to date."""
        if len(history.signs) > 1:
            return history.derived(FrontsFold(_MOST_GOOD_OF_MANY + FRONTIER))
        return history.derived(LadderFold(_MOST_GOOD + FRONTIER if self._gamma is None else None))

    def _n_good(self, n: int, n_objectives: int) -> int:
        """How many of `n` trials are good."""
        if self._gamma is not None:
            most = n if n_objectives == 1 else _MOST_GOOD_OF_MANY
            return max(1, min(int(self._gamma(n)), most))
        if n_objectives > 1:
            return min(math.ceil(_GOOD_SHARE_OF_MANY * n), _MOST_GOOD_OF_MANY)
        return min(math.ceil(_GOOD_SHARE * n), _MOST_GOOD)

    def _running(self, history: History, axes: Axes, number: int) -> FloatArray:
        """Places of the other trials that run and have at least one of the parameters."""
        points = history.running(number) if self._constant_liar and len(history.open) else []
        names = axes.free.keys()
        return places_of(axes, [point for point in points if not names.isdisjoint(point)])


def _at_random(space: Space, stream: Stream, given: Mapping[str, float]) -> Mapping[str, float]:
    """Uniform values that depend on seed, number and name alone."""
    at = stream.at
    return {
        name: given[name] if name in given else dist.at(at(name)) for name, dist in space.items()
    }


def _with_given(space: Space, known: Space, given: Mapping[str, float]) -> Space:
    """The space and those of the given parameters that it lacks, as they are `known`."""
    more = {name: known[name] for name in given if name not in space and name in known}
    return Space({**space, **more}) if more else space


def _seen(history: History, axes: Axes, number: int) -> Set[int]:
    """Points of a finite space that need not be tried again."""
    if not axes.finite:
        return frozenset()
    tried: set[int] = history.derived(_SEEN)
    running = history.running(number)
    return tried | {point_of(point) for point in running} if running else tried
