"""The default sampler."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from skipjack import _optional
from skipjack._deprecate import positional_too, warn_deprecated
from skipjack.distributions import CategoricalDistribution
from skipjack.errors import invalid
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.records.states import TrialState
from skipjack.rng import Stream
from skipjack.samplers.base import ModelSampler, checked_constraints_func

model = _optional.lazy("skipjack.samplers.tpe.proposal")  # not needed before the start is over


@dataclass(frozen=True)
class Recipe:
    """What experiments have chosen; `benchmarks/regret/ablation.md` has them.

    Attributes:
        good_share, most_good: This share of the trials is good, but at most so many.
        good_share_of_many, most_good_of_many: The same with several objectives.
        mixed: This share of the candidates are mixes with the best trial.
        anew, least_anew: This share of its parameters is drawn anew, at least so many.
        n_spread: So many trials of the start share out the range of each parameter among them,
            and lie in its middle rather than at its ends.
    """

    good_share: float = 0.15
    most_good: int = 25
    good_share_of_many: float = 0.1
    most_good_of_many: int = 100
    mixed: float = 0.5
    anew: float = 0.3
    least_anew: float = 2.0
    n_spread: int = 10


class Settings(NamedTuple):
    """What a user can choose; see `TPESampler`.

    Attributes:
        n_candidates: How many candidates are compared.
        joint: Whether parameters are modelled together.
        constant_liar: Whether running trials count as bad.
        gamma, weights: The user's own functions, or None.
        prior: The weight of the prior; a trial has 1.
        clip: Whether kernels have a least width that depends on their number.
        endpoints: Whether the ends of a range count as neighbours.
        limits_apart: Whether each constraint has a model of its own.
        recipe: What is not for users.
    """

    n_candidates: int
    joint: bool
    constant_liar: bool
    gamma: Callable[[int], int] | None
    weights: Callable[[int], np.ndarray[Any, Any]] | None
    prior: float
    clip: bool
    endpoints: bool
    limits_apart: bool
    recipe: Recipe = Recipe()


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
        n_startup_trials: Sample at random until so many trials have completed or were pruned. The
            first ten share out each range among them, and lie in its middle rather than at its
            ends.
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
        constraint_model: "joint": feasible trials are better than others, whatever their value.
            "independent": each constraint has a model of its own, and so has the objective, as
            in c-TPE; for one objective, else as "joint".

    Raises:
        InvalidValueError: If `n_ei_candidates` is not positive, `constraint_model` is neither, or
            `multivariate` is false together with `group` or "independent".

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
        constraint_model: Literal["joint", "independent"] = "joint",
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
        if constraint_model not in ("joint", "independent"):
            raise invalid("constraint_model", "be 'joint' or 'independent'", constraint_model)
        if constraint_model == "independent" and multivariate is False:
            raise invalid("constraint_model", "be 'joint' without `multivariate`", constraint_model)
        self._n_startup_trials = n_startup_trials
        self._constraints_func = checked_constraints_func(constraints_func)
        self._settings = Settings(
            n_candidates=n_ei_candidates,
            joint=multivariate is not False,
            constant_liar=constant_liar,
            gamma=gamma,
            weights=weights,
            prior=1.0 if prior_weight is None else float(prior_weight),
            clip=consider_magic_clip is not False,
            endpoints=bool(consider_endpoints),
            limits_apart=constraint_model == "independent",
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
            "gamma": model.hyperopt_gamma,
            "weights": model.ramp,
        }

    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """The most promising candidate; see `ModelSampler.propose`."""
        told = history.counts[TrialState.COMPLETE] + history.counts[TrialState.PRUNED]
        if told < max(1, self._n_startup_trials):
            n = min(self._n_startup_trials, self._settings.recipe.n_spread)
            if stream.number < n:
                return spread(space, stream, given, n)
            return at_random(space, stream, given)
        drawn: Mapping[str, float] = model.propose(history, space, stream, given, self._settings)
        return drawn


def with_recipe(sampler: TPESampler, **changes: Any) -> TPESampler:
    """The sampler with another recipe, for experiments; see `Recipe`."""
    sampler._settings = sampler._settings._replace(recipe=Recipe(**changes))
    return sampler


def at_random(space: Space, stream: Stream, given: Mapping[str, float]) -> Mapping[str, float]:
    """Uniform values that depend on seed, number and name alone."""
    return {
        name: given[name] if name in given else dist.at(place)
        for (name, dist), place in zip(space.items(), stream.at_each(space), strict=True)
    }


def spread(space: Space, stream: Stream, given: Mapping[str, float], n: int) -> Mapping[str, float]:
    """Values of one of the first `n` trials; they depend on seed, number and name alone.

    A range is cut into as many parts as there are such trials, each of which has one, in an order
    of chance. The parts of a numeric parameter are equal under the density 6 x (1 - x): what a
    user searches lies in the middle of the range rather than at its ends.

    Source: M. D. McKay, R. J. Beckman, W. J. Conover, "A comparison of three methods for selecting
        values of input variables", Technometrics 21 (1979), doi:10.2307/1268522.
    """
    drawn = {}
    for (name, dist), within in zip(space.items(), stream.at_each(space), strict=True):
        part = int(Stream(stream.seed, 0, "part of " + name).permutation(n)[stream.number])
        place = (part + within) / n
        if not isinstance(dist, CategoricalDistribution):
            place = 0.5 - math.sin(math.asin(1.0 - 2.0 * place) / 3.0)
        drawn[name] = given[name] if name in given else dist.at(place)
    return drawn
