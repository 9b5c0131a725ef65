"""CMA-ES, as Optuna's `CmaEsSampler` is called."""

from __future__ import annotations

import copy
import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from skipjack._deprecate import positional_too, warn_deprecated
from skipjack.errors import invalid, wrong_type
from skipjack.records.attributes import told_float, warn_user
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.states import TrialState
from skipjack.samplers.base import BaseSampler
from skipjack.samplers.cmaes.run import Run, RunFold, Settings, Source
from skipjack.samplers.generations.axes import Axes, Shared
from skipjack.samplers.generations.course import Course
from skipjack.samplers.generations.sampler import GenerationSampler


class CmaEsSampler(GenerationSampler):
    """Draws whole generations from a normal distribution that learns from how they rank.

    For numbers, integers and steps the covariance matrix adaptation evolution strategy with
    margin; categorical parameters have probabilities that adapt along with it. Where there are
    numbers alone, a quadratic model of the trials so far spares evaluations as long as it ranks
    them well. Parameters that only some trials have, or have with other ranges, are left to
    `independent_sampler`. For one objective; feasible trials rank before others, these by the sum
    of their violations.

    Trials of a generation may run at the same time, and in any number: those that end after their
    generation count for the next, and so does a trial from elsewhere that is the best so far. A
    trial that fails is replaced by another draw.

    Args:
        x0: Deprecated. Where to start, by parameter; the middle of each range by default.
        sigma0: Deprecated. The first standard deviation in units of the range; 1/6 by default.
        n_startup_trials: Leave so many trials to `independent_sampler` first. At least one: it
            says which parameters there are.
        independent_sampler: What draws the parameters that are left out; by default a
            `TPESampler`.
        warn_independent_sampling: Whether a warning is logged when it does, once per parameter.
        seed: For reproducible proposals; None: each study has its own.
        consider_pruned_trials: Whether a pruned trial counts, with its last report as its value.
        restart_strategy: What follows when a run has converged: None, another of the same size;
            "ipop", one with a greater population; "bipop", greater ones and small ones by turns.
        popsize: Population size; by default 4 + floor(3 log d) for d parameters.
        inc_popsize: By how much populations grow at restarts; -1 means 2.
        use_separable_cma: Keep to a diagonal covariance matrix, for many parameters that do not
            depend on each other.
        with_margin: Integers and steps always have a margin, which keeps neighbouring values
            probable. This chooses the smaller one of CMA-ES with margin, 1 / (d x population),
            instead of the one of CatCMA with margin.
        lr_adapt: Adapt the learning rates, for noise and for many local optima. Needs several
            times as many trials.
        source_trials: Trials of a similar study, from whose best tenth to start.
        surrogate: Whether to spare evaluations by a model; None: yes, and the model is fitted the
            more seldom the more parameters there are.

    Raises:
        InvalidValueError: If an argument is out of its range (values of `x0` are looked at when
            the first generation is drawn), or two exclude each other: `source_trials` and a
            start or `use_separable_cma`, `use_separable_cma` and `with_margin`, `lr_adapt` and
            either of these.

    Source: N. Hansen, "The CMA evolution strategy: a tutorial", 2016, arXiv:1604.00772; those of
        `skipjack.numerics.cma`.
    """

    purpose = "cma-es"

    @positional_too("samplers.CmaEsSampler(*)")
    def __init__(
        self,
        *,
        x0: dict[str, Any] | None = None,
        sigma0: float | None = None,
        n_startup_trials: int = 1,
        independent_sampler: BaseSampler | None = None,
        warn_independent_sampling: bool = True,
        seed: int | None = None,
        consider_pruned_trials: bool = False,
        restart_strategy: str | None = None,
        popsize: int | None = None,
        inc_popsize: int = -1,
        use_separable_cma: bool = False,
        with_margin: bool = False,
        lr_adapt: bool = False,
        source_trials: list[FrozenTrial] | None = None,
        surrogate: bool | None = None,
    ) -> None:
        super().__init__(
            seed,
            _whole("n_startup_trials", n_startup_trials),
            independent_sampler,
            warn_independent_sampling,
            bool(consider_pruned_trials),
        )
        if n_startup_trials < 0:
            raise invalid("n_startup_trials", "not be negative", n_startup_trials)
        for name, given in (("x0", x0), ("sigma0", sigma0)):
            if given is not None:
                warn_deprecated(f"samplers.CmaEsSampler({name})")
        if x0 is not None and not isinstance(x0, Mapping):
            raise wrong_type("x0", "be a mapping of names to values", x0)
        if sigma0 is not None and not 0 < told_float("sigma0", sigma0) < float("inf"):
            raise invalid("sigma0", "be positive and finite", sigma0)
        if popsize is not None and _whole("popsize", popsize) < 2:
            raise invalid("popsize", "be at least 2", popsize)
        if inc_popsize != -1 and _whole("inc_popsize", inc_popsize) < 1:
            raise invalid("inc_popsize", "be at least 1, or -1 for the usual 2", inc_popsize)
        if restart_strategy not in (None, "ipop", "bipop"):
            raise invalid("restart_strategy", "be None, 'ipop' or 'bipop'", restart_strategy)
        _check_together(
            source_trials is not None, x0 is not None or sigma0 is not None,
            use_separable_cma, with_margin, lr_adapt,
        )  # fmt: skip
        self._settings = Settings(
            popsize=popsize,
            sigma0=sigma0,
            x0=tuple((x0 or {}).items()),
            separable=bool(use_separable_cma),
            margin=bool(with_margin),
            adapt=bool(lr_adapt),
            restart=restart_strategy,
            factor=2 if inc_popsize == -1 else inc_popsize,
            pruned=bool(consider_pruned_trials),
            source=None if source_trials is None else tuple(_sources(source_trials)),
            surrogate=surrogate,
        )

    def _course(self, history: History, shared: Shared, axes: Axes, seed: int) -> Course:
        key = self._settings, seed
        fold = shared.fold
        if fold is None or fold.settings is not self._settings or fold.seed != seed:
            fold = shared.folds.get(key)
            if fold is None:
                _check_start(dict(self._settings.x0), axes)
                fold = shared.folds[key] = RunFold(axes.whole, *key)
            shared.fold = fold
        run: Run = history.derived(fold)
        return run.ready()


def following(since: int, separable: bool, adapt: bool, popsize: int | None = None) -> CmaEsSampler:
    """The sampler that begins at row `since` of a history, from the best of those before.

    Args:
        since: Rows before this one are of other samplers.
        separable: Whether the covariance is diagonal.
        adapt: Whether learning rates adapt; without effect if it is.
        popsize: Population size; None: the usual one.
    """
    made = copy.copy(_plain())
    settings = made._settings._replace(
        since=since, separable=separable, adapt=adapt and not separable, popsize=popsize
    )
    made._settings = settings
    return made


@functools.cache
def _plain() -> CmaEsSampler:
    return CmaEsSampler(warn_independent_sampling=False)


def _whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise wrong_type(name, "be an int", value) from None


def _check_together(source: bool, start: bool, separable: bool, margin: bool, adapt: bool) -> None:
    """Raise if arguments exclude each other."""
    if source and start:
        raise invalid("source_trials", "be None when `x0` or `sigma0` is given", "some")
    if source and separable:
        raise invalid("source_trials", "be None when `use_separable_cma` is true", "some")
    if separable and margin:
        raise invalid("with_margin", "be False when `use_separable_cma` is true", margin)
    if adapt and (separable or margin):
        raise invalid(
            "lr_adapt", "be False when `use_separable_cma` or `with_margin` is true", adapt
        )


def _check_start(x0: Mapping[str, Any], axes: Axes) -> None:
    """Say what of `x0` cannot be used, now that the parameters are known.

    Raises:
        InvalidValueError: If a value lies outside its parameter's range.
        InvalidTypeError: If it is no number.

    Warns:
        UserWarning: If a name is none of the numeric parameters that are drawn together.
    """
    for name, value in x0.items():
        dist = axes.numeric.get(name)
        if dist is None:
            known = ", ".join(map(repr, axes.numeric.names)) or "none"
            warn_user(
                f"`x0` has {name!r}, which is no number that CmaEsSampler draws here ({known}); "
                f"it is ignored."
            )
            continue
        internal = told_float(f"x0[{name!r}]", value)
        if not dist.axis.low <= internal <= dist.axis.high:
            raise invalid(f"x0[{name!r}]", f"lie in {dist!r}", value)


def _sources(trials: Sequence[FrozenTrial]) -> list[Source]:
    """What there is to know of the trials of another study that have a value."""
    found = []
    for trial in trials:
        if not isinstance(trial, FrozenTrial):
            raise wrong_type("source_trials", "hold trials of a study", trial)
        if trial.state not in (TrialState.COMPLETE, TrialState.PRUNED) or not trial.values:
            continue
        params = tuple(
            (name, dist, dist.to_internal_repr(trial.params[name]))
            for name, dist in trial.distributions.items()
        )
        found.append(Source(float(trial.values[0]), params))
    return found
