"""What a sampler is: Optuna's interface for everybody, and a smaller one for our own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np

from skipjack import _optional
from skipjack.distributions import BaseDistribution
from skipjack.errors import wrong_type
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.records.states import TrialState
from skipjack.rng import Stream, fresh_seed

constraints = _optional.lazy("skipjack.samplers.constraints")


class StudyView(Protocol):
    """What a sampler may use of a study."""

    @property
    def history(self) -> History:
        """The finished trials as columns."""
        ...

    @property
    def seed(self) -> int:
        """The study's own seed, for samplers that were given none."""
        ...


class BaseSampler(ABC):
    """Decides what a trial tries. Users' samplers derive from it and write three methods.

    For each trial, `infer_relative_search_space` and then `sample_relative` are called once, at
    the first suggest, for parameters that are drawn together; `sample_independent` for each
    parameter that they leave out.
    """

    def __str__(self) -> str:
        return type(self).__name__

    @abstractmethod
    def infer_relative_search_space(
        self, study: Any, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Which parameters `sample_relative` is going to draw together, and from what."""

    @abstractmethod
    def sample_relative(
        self, study: Any, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values, as the user sees them, for `search_space`; names may be left out."""

    @abstractmethod
    def sample_independent(
        self, study: Any, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A value, as the user sees it, for one parameter."""

    def before_trial(self, study: Any, trial: FrozenTrial) -> None:
        """Called when a trial has started, before anything is drawn for it."""

    def after_trial(
        self, study: Any, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Called when the result of a trial is known, before it is written."""

    def reseed_rng(self) -> None:
        """Called in parallel runs, so that workers do not draw the same."""


class Exhausted(Mapping[str, float]):
    """A proposal that says: everything has been tried. Who goes on all the same may use it."""

    def __init__(self, params: Mapping[str, float]) -> None:
        self._params = dict(params)

    def __getitem__(self, name: str) -> float:
        return self._params[name]

    def __iter__(self) -> Any:
        return iter(self._params)

    def __len__(self) -> int:
        return len(self._params)


def checked_constraints_func(func: Any) -> Any:
    """A `constraints_func` as it was given.

    Raises:
        TypeError: If it is neither a function nor None.
    """
    if func is not None and not callable(func):
        raise wrong_type("constraints_func", "be a function or None", func)
    return func


class Proposed(dict[str, float]):
    """A proposal that says who made it, where a sampler has several ways.

    Attributes:
        by: What the log says instead of the sampler's `purpose`.
    """

    __slots__ = ("by",)

    def __init__(self, params: Mapping[str, float], by: str) -> None:
        super().__init__(params)
        self.by = by


class ModelSampler(BaseSampler):
    """A sampler that is a pure function of the history, the space and a random stream.

    Subclasses write `propose`, and set `purpose`; they keep no state between calls. What can be
    kept is a fold that `History.derived` keeps with the history.

    Args:
        seed: Makes the sampler's draws the same in every study; None: each study has its own.
    """

    purpose = "sampler"  # names the random stream, and the sampler in the history
    _constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None
    reads_history = True  # False where `propose` draws at once, whatever happened before
    is_pure = True  # False in a sampler that has to call Optuna's methods of a user's one

    def __init__(self, seed: int | None = None) -> None:
        if seed is not None and not isinstance(seed, int):
            try:
                seed = int(seed.__index__())
            except AttributeError as error:
                raise wrong_type("seed", "be an int or None", seed) from error
        self._seed = seed

    @abstractmethod
    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """Internal values for every parameter of `space`.

        Args:
            history: The finished trials; `history.running(stream.trial)` are the others that
                run now.
            space: What to draw. All parameters ever seen when a trial starts; single ones later,
                when the trial asks for what the first proposal does not cover.
            stream: The random numbers of this trial.
            given: Internal values that the trial has already: enqueued, fixed, or suggested.

        Returns:
            A value for each name of `space`, inside its distribution; `Exhausted` when all that
            can be tried has been.
        """

    def stream(self, study: StudyView, number: int) -> Stream:
        """The random numbers of a trial."""
        return Stream(study.seed if self._seed is None else self._seed, number, self.purpose)

    def infer_relative_search_space(
        self, study: StudyView, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """All parameters ever seen in the study, each with its latest distribution.

        None in a user's subclass with a `sample_independent` of its own: it is asked for each.
        """
        kind = type(self)
        if kind.sample_independent is not _ours(kind).sample_independent:
            return {}
        return dict(study.history.space)

    def sample_relative(
        self, study: StudyView, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values for `search_space` together."""
        return self._draw(study, trial, Space(search_space))

    def sample_independent(
        self,
        study: StudyView,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A value for one parameter, given what the trial has already."""
        return self._draw(study, trial, Space({param_name: param_distribution}))[param_name]

    def _draw(self, study: StudyView, trial: FrozenTrial, space: Space) -> dict[str, Any]:
        stream = self.stream(study, trial.number)
        drawn = proposal(self, study.history, space, stream, _internal(trial))
        return {name: space[name].to_external_repr(value) for name, value in drawn.items()}

    def after_trial(
        self, study: Any, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Note what the deprecated `constraints_func` says of a trial that ended well."""
        if self._constraints_func is not None and state in (
            TrialState.COMPLETE,
            TrialState.PRUNED,
        ):
            trial.state, trial.values = state, values
            said = constraints.checked_constraints(self._constraints_func, trial)
            study._storage.set_trial_system_attr(trial._trial_id, constraints.CONSTRAINTS, said)

    def reseed_rng(self) -> None:
        """Take a new seed. Never needed for parallel runs: every trial has its own stream."""
        self._seed = fresh_seed()


def _internal(trial: FrozenTrial) -> dict[str, float]:
    return {
        name: trial.distributions[name].to_internal_repr(value)
        for name, value in trial.params.items()
        if name in trial.distributions
    }


_METHODS = (
    "infer_relative_search_space",
    "sample_relative",
    "sample_independent",
    "before_trial",
    "after_trial",
)


def proposes(sampler: BaseSampler) -> bool:
    """Whether asking `propose` directly is the same as calling Optuna's methods.

    Not so when a user's subclass of one of our samplers overrides one of them, or when one of
    ours calls those of a user's sampler.
    """
    kind = type(sampler)
    known = _proposing.get(kind)
    if known is None:
        known = _proposing[kind] = isinstance(sampler, ModelSampler) and _is_plain(kind)
    return known and cast(ModelSampler, sampler).is_pure


@np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
def proposal(
    sampler: ModelSampler,
    history: History,
    space: Space,
    stream: Stream,
    given: Mapping[str, float],
) -> Mapping[str, float]:
    """What a sampler proposes, with NumPy's own defaults of what to do about rounding.

    The user may have set others by `numpy.seterr`, for the objective.
    """
    return sampler.propose(history, space, stream, given)


def looks_back(sampler: BaseSampler) -> bool:
    """Whether a proposal depends on the history, so that this must stand still meanwhile."""
    if "propose" in vars(sampler):
        return True
    for kind in type(sampler).__mro__:
        if "propose" in vars(kind):  # who writes another one knows nothing of `reads_history`
            return bool(vars(kind).get("reads_history", True))
    return True


def _is_plain(kind: type) -> bool:
    """Whether the methods are those that the package itself wrote for this kind of sampler."""
    ours = _ours(kind)
    return all(getattr(kind, name) is getattr(ours, name) for name in _METHODS)


def _ours(kind: type) -> Any:
    """The sampler of the package that `kind` is, or derives from."""
    package = __name__.partition(".")[0]
    return next(c for c in kind.__mro__ if c.__module__.partition(".")[0] == package)


_proposing: dict[type, bool] = {}
