"""Some parameters fixed, the others left to another sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from skipjack._experimental import experimental_class
from skipjack._warnings import optuna_warn
from skipjack.distributions import BaseDistribution
from skipjack.errors import wrong_type
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.records.states import TrialState
from skipjack.rng import Stream
from skipjack.samplers.base import (
    BaseSampler,
    Exhausted,
    ModelSampler,
    Proposed,
    StudyView,
    proposes,
)


@experimental_class("2.4.0")
class PartialFixedSampler(ModelSampler):
    """Gives some parameters the same value in every trial; another sampler draws the others.

    A value that the parameter's distribution does not have is used all the same, with a warning;
    an enqueued value goes before a fixed one.

    Args:
        fixed_params: Values by parameter name.
        base_sampler: What draws the other parameters: one of ours, or a user's own.

    Raises:
        TypeError: If `fixed_params` is no mapping, or `base_sampler` no sampler.
        ValueError: From `suggest_*`, if a fixed value is not even of the kind of the parameter.
    """

    def __init__(self, fixed_params: dict[str, Any], base_sampler: BaseSampler) -> None:
        if not isinstance(fixed_params, Mapping):
            raise wrong_type("fixed_params", "be a mapping of names to values", fixed_params)
        if not hasattr(base_sampler, "sample_independent"):
            raise wrong_type("base_sampler", "be a sampler", base_sampler)
        super().__init__()
        self._fixed_params = dict(fixed_params)
        self._base_sampler = base_sampler
        self.is_pure = proposes(base_sampler)
        if self.is_pure:
            self.purpose = cast(ModelSampler, base_sampler).purpose

    def stream(self, study: StudyView, number: int) -> Stream:
        """The random numbers that the base sampler would have."""
        return self._model.stream(study, number)

    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """The fixed values, and what the base sampler draws given those.

        A value outside its range is left out when all parameters of the past are asked for: the
        range may be another one when the trial asks.
        """
        whole = space is history.space or len(space) != 1
        own = history.open.get(stream.trial)
        fixed: dict[str, float] = {}
        for name in self._fixed_params.keys() - given.keys():
            dist = space.get(name) or (own.dists if own else {}).get(name, history.space.get(name))
            if dist is None:
                continue
            value = self._internal(name, dist, strict=name in space and not whole)
            if value is not None:
                fixed[name] = value
        rest = {name: d for name, d in space.items() if name not in self._fixed_params}
        mine = {name: fixed[name] for name in space if name in fixed}
        mine |= {name: given[name] for name in space if name in given and name not in rest}
        if not rest and not whole:
            return mine
        asked = space if len(rest) == len(space) else Space(rest)
        drawn = self._model.propose(history, asked, stream, {**fixed, **given})
        both = {**mine, **drawn}
        if isinstance(drawn, Proposed):
            return Proposed(both, drawn.by)
        return Exhausted(both) if isinstance(drawn, Exhausted) else both

    @property
    def _model(self) -> ModelSampler:
        return cast(ModelSampler, self._base_sampler)

    def _internal(self, name: str, dist: BaseDistribution, strict: bool) -> float | None:
        """The fixed value as an internal one; None if it does not fit and `strict` is false."""
        try:
            value = dist.to_internal_repr(self._fixed_params[name])
        except (ValueError, TypeError):
            if strict:
                raise
            return None
        if dist._contains(value):
            return value
        if not strict:
            return None
        optuna_warn(
            f"The fixed value {self._fixed_params[name]!r} of parameter {name!r} lies outside "
            f"{dist!r}; it is used all the same."
        )
        return dist.to_internal_repr(dist.to_external_repr(value))

    # ------------------------------------------------------------------- Optuna's methods

    def reseed_rng(self) -> None:
        """Pass it on to the base sampler."""
        self._base_sampler.reseed_rng()

    def before_trial(self, study: Any, trial: FrozenTrial) -> None:
        """Pass it on to the base sampler."""
        self._base_sampler.before_trial(study, trial)

    def after_trial(
        self, study: Any, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Pass it on to the base sampler."""
        self._base_sampler.after_trial(study, trial, state, values)

    def infer_relative_search_space(
        self, study: Any, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """What the base sampler draws together, without what is fixed."""
        found = self._base_sampler.infer_relative_search_space(study, trial)
        return {name: dist for name, dist in found.items() if name not in self._fixed_params}

    def sample_relative(
        self, study: Any, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What the base sampler draws for `search_space`."""
        if self.is_pure:
            return super().sample_relative(study, trial, search_space)
        return self._base_sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Any, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The fixed value, or what the base sampler draws."""
        if self.is_pure or param_name not in self._fixed_params:
            if self.is_pure:
                return super().sample_independent(study, trial, param_name, param_distribution)
            return self._base_sampler.sample_independent(
                study, trial, param_name, param_distribution
            )
        value = self._internal(param_name, param_distribution, strict=True)
        return param_distribution.to_external_repr(cast(float, value))
