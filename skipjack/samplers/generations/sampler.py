"""The part of a sampler that is the same for all that draw generations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from skipjack import logging
from skipjack.distributions import BaseDistribution
from skipjack.errors import invalid, wrong_type
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.records.states import TrialState
from skipjack.rng import Stream
from skipjack.samplers.base import BaseSampler, ModelSampler, StudyView, proposes
from skipjack.samplers.generations.axes import Axes, Common, Shared
from skipjack.samplers.generations.course import Course
from skipjack.samplers.tpe import TPESampler

_logger = logging.get_logger(__name__)
_NOTHING = Shared()


class GenerationSampler(ModelSampler):
    """Draws generations of the parameters that all trials have; another sampler draws the rest.

    Args:
        seed: As for every sampler.
        n_startup_trials: Leave so many trials to `independent_sampler` first, at least one.
        independent_sampler: One of ours or a user's own; None: a `TPESampler`.
        warn_independent_sampling: Whether a warning is logged when it draws, once per parameter.
        pruned: Whether pruned trials count.

    Raises:
        InvalidTypeError: If `independent_sampler` is no sampler.
    """

    def __init__(
        self,
        seed: int | None,
        n_startup_trials: int,
        independent_sampler: BaseSampler | None,
        warn_independent_sampling: bool,
        pruned: bool,
    ) -> None:
        super().__init__(seed)
        other = independent_sampler
        if other is not None and not hasattr(other, "sample_independent"):
            raise wrong_type("independent_sampler", "be a sampler", other)
        self._n_startup_trials = max(1, n_startup_trials)
        self._independent = other or TPESampler(seed=seed)
        self.is_pure = proposes(self._independent)
        self._warns = warn_independent_sampling
        self._common = Common(pruned)

    @abstractmethod
    def _course(self, history: History, shared: Shared, axes: Axes, seed: int) -> Course:
        """The generations after the trials of a history."""

    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """The next candidate of the generation under way; see `ModelSampler.propose`.

        Raises:
            InvalidValueError: If there are several objectives.
        """
        if len(history.signs) > 1:
            name = type(self).__name__
            raise invalid(
                "directions", f"be one for {name}", len(history.signs), "Use NSGAIISampler."
            )
        shared = self._shared(history)
        if given and shared.axes is not None:
            # What is given is no candidate's: without it, trials are known as candidates again.
            names = shared.axes.whole.keys()
            if (names & space.keys()) - given.keys() and names & given.keys():
                shared = shared.without(frozenset(names & given.keys()))
        axes = shared.axes
        drawn: dict[str, float] = {}
        if axes is not None and len(axes):
            course = self._course(history, shared, axes, stream.seed)
            drawn = course.next(history, stream.trial)
        if space is shared.covered:
            return drawn
        own: dict[str, float] = {}
        rest: dict[str, BaseDistribution] = {}
        for name, dist in space.items():
            if name in drawn and axes is not None and axes.whole[name] == dist:
                own[name] = drawn[name]
            elif name in given:
                own[name] = given[name]
            elif dist.single():
                own[name] = dist.at(0.5)
            else:
                rest[name] = dist
        if not rest:
            if drawn and own.keys() == drawn.keys():
                shared.covered = space
            return own
        self._warn(shared, stream.trial, rest)
        sub = cast(ModelSampler, self._independent)
        seed = stream.seed if sub._seed is None else sub._seed
        numbers = Stream(seed, stream.number, sub.purpose)
        numbers.trial = stream.trial
        return {**own, **sub.propose(history, Space(rest), numbers, {**drawn, **given})}

    def _shared(self, history: History) -> Shared:
        """The parameters of all trials; none in the beginning."""
        shared = history.derived(self._common)
        return shared if shared.n >= self._n_startup_trials else _NOTHING

    def _warn(self, shared: Shared, trial: int, names: Iterable[str]) -> None:
        """Say once which parameters are left out."""
        if not self._warns or shared.axes is None:
            return
        for name in sorted(set(names) - shared.warned):
            shared.warned.add(name)
            _logger.warning(
                "Parameter %r of trial %d is drawn by %s instead of %s, since not every trial has "
                "it with the same range. `warn_independent_sampling=False` silences this.",
                *(name, trial, type(self._independent).__name__, type(self).__name__),
            )

    # ------------------------------------------------------------------- Optuna's methods

    def reseed_rng(self) -> None:
        """Take a new seed, here and in the independent sampler."""
        super().reseed_rng()
        self._independent.reseed_rng()

    def infer_relative_search_space(
        self, study: StudyView, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The parameters that all trials had, once there are enough trials."""
        if self.is_pure:
            return super().infer_relative_search_space(study, trial)
        axes = self._shared(study.history).axes
        return {} if axes is None else dict(axes.whole)

    def sample_independent(
        self,
        study: StudyView,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A value for one parameter, from the independent sampler if it is left out."""
        if self.is_pure:
            return super().sample_independent(study, trial, param_name, param_distribution)
        self._warn(self._shared(study.history), trial.number, [param_name])
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Any, trial: FrozenTrial) -> None:
        """Pass it on to the independent sampler."""
        self._independent.before_trial(study, trial)

    def after_trial(
        self, study: Any, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Pass it on to the independent sampler."""
        self._independent.after_trial(study, trial, state, values)
