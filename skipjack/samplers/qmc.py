"""Points that fill the space evenly, whatever happened before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from skipjack._experimental import experimental_class
from skipjack._warnings import optuna_warn
from skipjack.distributions import BaseDistribution
from skipjack.errors import invalid, wrong_type
from skipjack.numerics.qmc import FloatArray, Halton, Sobol
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.records.states import TrialState
from skipjack.rng import Stream
from skipjack.samplers.base import BaseSampler, ModelSampler, StudyView, proposes


@experimental_class("3.0.0")
class QMCSampler(ModelSampler):
    """Takes trial after trial from a sequence that fills the space evenly.

    The point is that of the trial's number, so workers in parallel share a sequence without
    knowing of each other, and a study that is resumed goes on where it was. A parameter has the
    dimension in which it was first seen in the study, also one that exists in some trials only.

    Args:
        qmc_type: "sobol", best with 2, 4, 8, ... trials, or "halton".
        scramble: Whether points are made random, as even as before. Without, the first trial is in
            the middle of each range.
        seed: Of the scrambling; None: each study has its own, which its workers share.
        independent_sampler: Draws the parameters that the first trial of the study did not have.
            None: they belong to the sequence as well.
        warn_asynchronous_seeding: Has no effect: all workers of a study share its seed.
        warn_independent_sampling: Whether to warn when `independent_sampler` draws a parameter.

    Raises:
        ValueError: If `qmc_type` is neither.
        TypeError: If `independent_sampler` is no sampler.

    Source: See `numerics.qmc`.
    """

    purpose = "qmc"

    def __init__(
        self,
        *,
        qmc_type: str = "sobol",
        scramble: bool = False,
        seed: int | None = None,
        independent_sampler: BaseSampler | None = None,
        warn_asynchronous_seeding: bool = True,
        warn_independent_sampling: bool = True,
    ) -> None:
        super().__init__(seed)
        if qmc_type not in ("sobol", "halton"):
            raise invalid("qmc_type", "be 'sobol' or 'halton'", qmc_type)
        if independent_sampler is not None and not hasattr(
            independent_sampler, "sample_independent"
        ):
            raise wrong_type("independent_sampler", "be a sampler", independent_sampler)
        self._qmc_type = qmc_type
        self._scramble = scramble
        self._other = independent_sampler
        self._warns = warn_independent_sampling
        self.is_pure = independent_sampler is None or proposes(independent_sampler)

    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """The values at the trial's point of the sequence; see `ModelSampler.propose`."""
        if self._other is None and space is history.space and not given:
            return space.decode(self._point(stream, len(space)).tolist())
        dimensions, width = self._dimensions(history, space, stream.trial)
        drawn = {}
        if dimensions:
            drawn = _values(self._point(stream, width), dimensions, space, given)
        rest = {name: dist for name, dist in space.items() if name not in drawn}
        if not rest:
            return drawn
        whole = space is history.space or len(space) > 1
        if whole:  # they are drawn when they are asked for
            return drawn
        [name] = rest
        self._warn(name, stream.trial)
        other = cast(ModelSampler, self._other)
        seed = stream.seed if other._seed is None else other._seed
        theirs = Stream(seed, stream.number, other.purpose)
        theirs.trial = stream.trial
        return other.propose(history, space, theirs, given)

    def _dimensions(
        self, history: History, space: Space, number: int
    ) -> tuple[dict[str, int], int]:
        """The dimension of each parameter that the sequence draws, and how many it may have."""
        if self._other is None or not len(history):
            return _dimensions_of_all(history, space, number)
        names = history.layouts[history.layout_indices[0]].names
        known = {name: j for j, name in enumerate(names)}
        return {name: known[name] for name in space if name in known}, len(known)

    def _point(self, stream: Stream, width: int) -> FloatArray:
        engine = _engine(self._qmc_type, stream.seed if self._scramble else None)
        # The first plain point is a corner.
        return engine.point(stream.number + (not self._scramble), width)

    def _warn(self, name: str, number: int) -> None:
        if self._warns:
            optuna_warn(
                f"Parameter {name!r} of trial {number} is drawn by {self._other} and not by "
                f"QMCSampler, because the first trial did not have it. Without an "
                f"`independent_sampler` it would belong to the sequence."
            )

    # --------------------------------------------------------------------- Optuna's methods

    def infer_relative_search_space(
        self, study: StudyView, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """All parameters that the sequence draws, as far as they are known."""
        history = study.history
        dimensions, _ = self._dimensions(history, history.space, trial.number)
        return {name: history.space[name] for name in dimensions}

    def sample_independent(
        self, study: StudyView, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """A value for one parameter; what the sequence does not know, the other sampler draws."""
        space = Space({param_name: param_distribution})
        dimensions, _ = self._dimensions(study.history, space, trial.number)
        if self._other is None or param_name in dimensions:
            return super().sample_independent(study, trial, param_name, param_distribution)
        self._warn(param_name, trial.number)
        return self._other.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Any, trial: FrozenTrial) -> None:
        """Pass it on to the other sampler."""
        if self._other is not None:
            self._other.before_trial(study, trial)

    def after_trial(
        self, study: Any, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Pass it on to the other sampler."""
        if self._other is not None:
            self._other.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Pass it on to the other sampler; a sequence has to stay the same for all workers."""
        if self._other is not None:
            self._other.reseed_rng()


def evenly(
    history: History, space: Space, stream: Stream, given: Mapping[str, float]
) -> dict[str, float]:
    """Internal values at the trial's point of a scrambled Sobol' sequence.

    For other samplers; as `ModelSampler.propose`.
    """
    dimensions, width = _dimensions_of_all(history, space, stream.trial)
    point = _engine("sobol", stream.seed).point(stream.number, width)
    return _values(point, dimensions, space, given)


def _dimensions_of_all(history: History, space: Space, number: int) -> tuple[dict[str, int], int]:
    """The dimension of each parameter, in the order in which they were first seen."""
    known = {name: j for j, name in enumerate(history.space.names)}
    own = history.open.get(number)
    for name in (*(own.dists if own else ()), *space):
        known.setdefault(name, len(known))
    return {name: known[name] for name in space}, len(known)


def _values(
    point: FloatArray, dimensions: Mapping[str, int], space: Space, given: Mapping[str, float]
) -> dict[str, float]:
    """What a point of the sequence is, but for what is given."""
    places = point.tolist()
    return {
        name: given[name] if name in given else space[name].at(places[j])
        for name, j in dimensions.items()
    }


@lru_cache(maxsize=16)
def _engine(qmc_type: str, seed: int | None) -> Sobol | Halton:
    return Sobol(seed) if qmc_type == "sobol" else Halton(seed)
