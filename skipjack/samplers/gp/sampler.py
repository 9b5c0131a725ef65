"""The Gaussian process sampler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from skipjack import _optional
from skipjack._deprecate import warn_deprecated
from skipjack.distributions import BaseDistribution
from skipjack.errors import invalid, wrong_type
from skipjack.logging import get_logger
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.records.states import TrialState
from skipjack.rng import Stream
from skipjack.samplers.base import (
    BaseSampler,
    ModelSampler,
    StudyView,
    checked_constraints_func,
    proposes,
)
from skipjack.samplers.tpe.sampler import at_random, spread

model = _optional.lazy("skipjack.samplers.gp.proposal")  # not needed before the start is over

_N_SPREAD = 10  # trials of the start that share out the ranges
_logger = get_logger(__name__)


class GPSampler(ModelSampler):
    """Bayesian optimisation with Gaussian processes, for when trials take long and are few.

    A Gaussian process (Matérn 5/2, a length-scale for each parameter) is fitted to the trials so
    far, and the point with the highest expected improvement is proposed; with several objectives
    the one by which the dominated volume is expected to grow most. With one objective, one in five
    proposals keeps to a box round the best, which grows with success and shrinks without. All kinds
    of parameters are modelled together, also where some exist only for some values of others;
    where there are integers, steps or choices, length-scales are drawn from those that may be
    right. The more trials tie for the best, the greater is the improvement that is looked for.
    Values are transformed if that makes them easier to foretell. Each constraint has a model of its
    own. Pruned and failed trials count, as noisy observations. Trials that run are taken into
    account by what they may come to, so that any number may run. Needs SciPy, which a plain install
    has.

    Args:
        seed: For reproducible proposals; None: each study has its own.
        independent_sampler: Draws the trials of the start, and parameters that no finished trial
            had; None: the first ten trials share out each range among them, others are drawn at
            random.
        n_startup_trials: Models are made when so many trials have completed or were pruned.
        deterministic_objective: Whether equal parameters always give equal values: the model is
            told that there is no noise.
        constraints_func: Deprecated, use `trial.set_constraint`. From a trial, its constraint
            values, at most 0 where satisfied.
        warn_independent_sampling: Whether to warn when a parameter is drawn without a model after
            the start, as no finished trial had it.

    Raises:
        TypeError: If `independent_sampler` is no sampler.
        InvalidValueError: If `n_startup_trials` is negative.

    Cost: of a proposal, about as much after 400 trials as after any larger number.
    Source: D. R. Jones, M. Schonlau, W. J. Welch, "Efficient global optimization of expensive
        black-box functions", J. Glob. Optim. 13 (1998), doi:10.1023/A:1008306431147; J. Snoek,
        H. Larochelle, R. P. Adams, "Practical Bayesian optimization of machine learning
        algorithms", NeurIPS 2012; M. A. Gelbart, J. Snoek, R. P. Adams, "Bayesian optimization
        with unknown constraints", UAI 2014; the modules of `skipjack.numerics.gp` name others.
    """

    purpose = "gp"

    def __init__(
        self,
        *,
        seed: int | None = None,
        independent_sampler: BaseSampler | None = None,
        n_startup_trials: int = 10,
        deterministic_objective: bool = False,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
        warn_independent_sampling: bool = True,
    ) -> None:
        super().__init__(seed)
        if independent_sampler is not None and not hasattr(
            independent_sampler, "sample_independent"
        ):
            raise wrong_type("independent_sampler", "be a sampler or None", independent_sampler)
        if n_startup_trials < 0:
            raise invalid("n_startup_trials", "not be negative", n_startup_trials)
        if constraints_func is not None:
            warn_deprecated("samplers.GPSampler(constraints_func)")
        self._independent_sampler = independent_sampler
        self._n_startup_trials = n_startup_trials
        self._deterministic = bool(deterministic_objective)
        self._constraints_func = checked_constraints_func(constraints_func)
        self._warn_independent_sampling = warn_independent_sampling
        self.is_pure = independent_sampler is None or proposes(independent_sampler)

    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """The point with the highest expected improvement; see `ModelSampler.propose`."""
        if self._is_starting(history):
            return self._independent(history, space, stream, given)
        columns = history.columns(space).tolist()
        known = Space({n: d for (n, d), column in zip(space.items(), columns) if column >= 0})
        drawn: dict[str, float] = {}
        if known:
            start = self._n_startup_trials
            found = model.propose(history, known, stream, given, self._deterministic, start)
            drawn = found or {}
        rest = Space({name: dist for name, dist in space.items() if name not in drawn})
        if rest:
            self._warn([name for name in rest if name not in known], stream.trial)
            drawn |= self._independent(history, rest, stream, {**given, **drawn})
        return {name: drawn[name] for name in space}

    def _is_starting(self, history: History) -> bool:
        told = history.counts[TrialState.COMPLETE] + history.counts[TrialState.PRUNED]
        return told < max(1, self._n_startup_trials)

    def _independent(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """Values without a model."""
        if self._independent_sampler is not None and self.is_pure:
            own = cast(ModelSampler, self._independent_sampler)
            seed = stream.seed if own._seed is None else own._seed
            return own.propose(history, space, Stream(seed, stream.trial, own.purpose), given)
        n = min(self._n_startup_trials, _N_SPREAD)
        if self._is_starting(history) and stream.number < n:
            return spread(space, stream, given, n)
        return at_random(space, stream, given)

    def _warn(self, names: Iterable[str], number: int) -> None:
        if self._warn_independent_sampling:
            for name in names:
                _logger.warning(
                    f"Parameter {name!r} of trial {number} is drawn without a model, as no "
                    "finished trial had it. `warn_independent_sampling=False` silences this."
                )

    # ------------------------------------------------------------------- Optuna's methods

    def infer_relative_search_space(
        self, study: StudyView, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """All parameters ever seen; none at the start if a user's own sampler draws it."""
        if not self.is_pure and self._is_starting(study.history):
            return {}
        return super().infer_relative_search_space(study, trial)

    def sample_independent(
        self,
        study: StudyView,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A value for one parameter: from the model if it knows it."""
        history = study.history
        space = Space({param_name: param_distribution})
        known = not self._is_starting(history) and history.columns(space)[0] >= 0
        if self._independent_sampler is None or self.is_pure or known:
            return super().sample_independent(study, trial, param_name, param_distribution)
        if not self._is_starting(history):
            self._warn(space, trial.number)
        return self._independent_sampler.sample_independent(
            study, trial, param_name, param_distribution
        )

    def before_trial(self, study: Any, trial: FrozenTrial) -> None:
        """Pass it on to the independent sampler."""
        if self._independent_sampler is not None:
            self._independent_sampler.before_trial(study, trial)

    def after_trial(
        self, study: Any, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Pass it on to the independent sampler."""
        if self._independent_sampler is not None:
            self._independent_sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Take a new seed; the independent sampler too."""
        super().reseed_rng()
        if self._independent_sampler is not None:
            self._independent_sampler.reseed_rng()
