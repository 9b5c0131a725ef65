"""AutoSampler: the method that suits the study, chosen anew for each trial."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Literal

from skipjack import _optional
from skipjack.distributions import BaseDistribution
from skipjack.errors import invalid, wrong_type
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.rng import Stream
from skipjack.samplers.auto import local, policy
from skipjack.samplers.auto.facts import PREFIX, Facts, credits_of, facts
from skipjack.samplers.auto.important import most_important
from skipjack.samplers.auto.policy import Choice, Wishes
from skipjack.samplers.base import ModelSampler, Proposed
from skipjack.samplers.tpe import TPESampler
from skipjack.samplers.tpe.sampler import spread

samplers = _optional.lazy("skipjack.samplers")
qmc = _optional.lazy("skipjack.samplers.qmc")
evolution = _optional.lazy("skipjack.numerics.cma.evolution")
strategy = _optional.lazy("skipjack.samplers.cmaes.sampler")


class AutoSampler(ModelSampler):
    """Chooses the method for each trial: by the space, the number of trials, and what they came to.

    The first trials are spread over the space. While trials are few, Gaussian processes propose
    most of them; later methods take turns (tree-structured Parzen estimators, CMA-ES, differential
    evolution), the more often the better their latest trials were; for several objectives
    Gaussian processes, Parzen estimators and NSGA-II or NSGA-III one after the other. What a
    trial was proposed by stands in the log, and `explain` tells it.

    The choice is a function of the history and of the number of the trial alone, so a study that
    is resumed goes on as if nothing had happened.

    Args:
        seed: For reproducible proposals; None: each study has its own.
        effort: "fast": no Gaussian processes, a proposal costs less than a millisecond;
            "balanced": they propose up to 150 trials and some later; "max": up to 1,000.
        n_trials: How many trials the study is going to have, if that is known. The start takes a
            quarter of them at most, and the last tenth are small steps round the best if nothing
            better has been found for long. More trials may follow all the same.
        noisy: Whether the same parameters may come to different values; None: so it is taken to
            be once that has been seen, or when near neighbours have little to do with each other.
        reevaluate: Whether, where there is noise, one trial in ten repeats the parameters whose
            mean is the best so far, so that luck does not stay the best. With one objective.

    Raises:
        InvalidValueError: If `effort` is none of these, or `n_trials` is below 1.
        InvalidTypeError: If `n_trials` is no int.

    Source: the methods' own; for choosing by credit A. Fialho, L. Da Costa, M. Schoenauer,
        M. Sebag, "Analyzing bandit-based adaptive operator selection mechanisms", Annals of
        Mathematics and Artificial Intelligence 60 (2010), doi:10.1007/s10472-010-9213-y (ranks).
    """

    purpose = "auto"

    def __init__(
        self,
        *,
        seed: int | None = None,
        effort: Literal["fast", "balanced", "max"] = "balanced",
        n_trials: int | None = None,
        noisy: bool | None = None,
        reevaluate: bool = False,
    ) -> None:
        super().__init__(seed)
        if effort not in policy.EFFORTS:
            raise invalid("effort", "be 'fast', 'balanced' or 'max'", effort)
        self._wishes = Wishes(effort, _at_least_one(n_trials), bool(reevaluate))
        self._noisy = None if noisy is None else bool(noisy)
        self._tpe = TPESampler(n_startup_trials=1)
        self._made: dict[str, ModelSampler] = {policy.TPE: self._tpe}
        self._strategies: dict[tuple[object, ...], ModelSampler] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_made": {policy.TPE: self._tpe}, "_strategies": {}}

    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """What the chosen method proposes; see `ModelSampler.propose`."""
        if given and all(name in given for name in space):
            return Proposed({name: given[name] for name in space}, policy.AS_GIVEN.by)
        known = facts(history, stream.trial, self._noisy)
        choice = self._choice(history, known, stream.seed, stream.number)
        n_start = policy.n_start(known, self._wishes.n_trials)
        if choice.method == policy.START:
            params = _first(space, stream, given, n_start)
        elif choice.method == policy.SOBOL:
            params = qmc.evenly(history, space, stream, given)
        elif choice.method == policy.GP and known.d > policy.WIDE:
            params = self._by_few(history, space, stream, given)
        elif choice.method in (policy.LOCAL, policy.AGAIN):
            params = self._near(choice.method, history, space, stream, given)
        else:
            method = self._method(choice.method, known)
            params = method.propose(history, space, _numbers(stream, method), given)
        return Proposed(params, choice.by)

    def _choice(self, history: History, known: Facts, seed: int, number: int) -> Choice:
        methods = policy.contenders(known, self._wishes.effort)
        credit = credits_of(history, methods) if methods else {}
        u = Stream(seed, number, self.purpose).at("choice")
        return policy.choose(known, self._wishes, credit, number, u)

    def _by_few(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """A model's proposal for the parameters that matter most, beside the best of the others."""
        few, model = most_important(history, space, policy.FEW), self._made_of(policy.GP)
        found = dict(model.propose(history, few, _numbers(stream, model), given))
        others = Space({name: dist for name, dist in space.items() if name not in few})
        return self._near(policy.AGAIN, history, others, stream, {**given, **found}) | found

    def _near(
        self,
        how: str,
        history: History,
        space: Space,
        stream: Stream,
        given: Mapping[str, float],
    ) -> dict[str, float]:
        """The best once more or a small step from it, and what it lacks by the estimators."""
        numbers = Stream(stream.seed, stream.number, self.purpose)
        numbers.trial = stream.trial
        near = local.again if how == policy.AGAIN else local.step
        found = near(history, space, numbers, given)
        rest = Space({name: dist for name, dist in space.items() if name not in found})
        if rest:
            own = _numbers(stream, self._tpe)
            found = {**found, **self._tpe.propose(history, rest, own, {**found, **given})}
        return found

    def _method(self, name: str, known: Facts) -> ModelSampler:
        """The sampler of a method."""
        if name == policy.CMA:
            return self._strategy(known)
        return self._made_of(name)

    def _made_of(self, name: str) -> ModelSampler:
        """The sampler of a method that is always the same."""
        if name not in self._made:
            self._made[name] = _KINDS[name]()
        return self._made[name]

    def _strategy(self, known: Facts) -> ModelSampler:
        """CMA-ES, with a population no smaller than the number of trials that run at once."""
        wishes, crew = self._wishes, known.crew
        start, models = policy.n_start(known, wishes.n_trials), policy.n_model(known, wishes.effort)
        since = max(start, models, known.noisy_since)
        popsize = None
        if crew.size > evolution.population_size(known.d):
            since, popsize = max(since, crew.since), crew.size
        key = since, known.d > policy.WIDE, known.noisy, popsize
        made = self._strategies.get(key)
        if made is None:
            made = strategy.following(*key)
            self._strategies = {key: made}  # the one before is not asked again
        return made

    def explain(self, study: Any, number: int | None = None) -> Choice:
        """By which method a trial was proposed, and why.

        Args:
            study: The study.
            number: Of a finished trial; None: how the next one would be proposed now.

        Raises:
            KeyError: If there is no such finished trial, or it was not proposed by this sampler.
        """
        history: History = study.history
        if number is None:
            following = len(history) + len(history.open)
            known = facts(history, following, self._noisy)
            seed = study.seed if self._seed is None else self._seed
            return self._choice(history, known, seed, following)
        for row in (history.numbers == number).nonzero()[0].tolist():
            by = history.samplers[int(history.by[row])]
            if by.startswith(PREFIX):
                method, _, reason = by.removeprefix(PREFIX).partition(": ")
                return Choice(method, reason)
        raise KeyError(f"No finished trial {number} that an AutoSampler proposed.")


def _at_least_one(n_trials: Any) -> int | None:
    """A number of trials, checked."""
    if n_trials is None:
        return None
    try:
        n = operator.index(n_trials)
    except TypeError:
        raise wrong_type("n_trials", "be an int or None", n_trials) from None
    if n < 1:
        raise invalid("n_trials", "be at least 1", n_trials)
    return n


def _numbers(stream: Stream, method: ModelSampler) -> Stream:
    """The random numbers of a method for the same trial."""
    numbers = Stream(stream.seed, stream.number, method.purpose)
    numbers.trial = stream.trial
    return numbers


def _first(space: Space, stream: Stream, given: Mapping[str, float], n: int) -> Mapping[str, float]:
    """The middle of every range, then trials that share out the ranges among them."""
    if stream.number == 0:
        return {name: given.get(name, _middle(dist)) for name, dist in space.items()}
    return spread(space, stream, given, n)


def _middle(dist: BaseDistribution) -> float:
    """The value in the middle; of choices the first, which people put first for a reason."""
    return 0.0 if hasattr(dist, "choices") else dist.at(0.5)


_KINDS = {
    policy.GP: lambda: samplers.GPSampler(n_startup_trials=1, warn_independent_sampling=False),
    policy.DE: lambda: samplers.DESampler(warn_independent_sampling=False),
    policy.NSGA2: lambda: samplers.NSGAIISampler(),
    policy.NSGA3: lambda: samplers.NSGAIIISampler(),
}
