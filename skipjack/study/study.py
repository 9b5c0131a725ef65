"""The study: an optimization, its trials, and its results."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, TypeAlias

from skipjack import _optional
from skipjack.distributions import BaseDistribution, converted, intern
from skipjack.errors import WrongStateError, wrong_type
from skipjack.pruners import BasePruner, MedianPruner
from skipjack.records.attributes import warn_user
from skipjack.records.frozen import FrozenTrial, only_direction
from skipjack.records.history import History
from skipjack.records.replay import METRIC_NAMES
from skipjack.records.states import StudyDirection, TrialState
from skipjack.records.suggest import check_name
from skipjack.samplers import BaseSampler, TPESampler
from skipjack.samplers.base import looks_back, proposes
from skipjack.storages import BaseStorage, get_storage
from skipjack.storages.face import LedgerStorage
from skipjack.storages.ledger import Ledger
from skipjack.storages.names import on_ledger
from skipjack.trial.trial import Trial, hides

# What a study that was just made does not need yet.
loop = _optional.lazy("skipjack.execution.loop")
amending = _optional.lazy("skipjack.study.amending")
asking = _optional.lazy("skipjack.study.asking")
best = _optional.lazy("skipjack.study.best")
frames = _optional.lazy("skipjack.study.frames")
given = _optional.lazy("skipjack.study.given")
queue = _optional.lazy("skipjack.study.queue")
stopping = _optional.lazy("skipjack.execution.stopping")
summary = _optional.lazy("skipjack.study.summary")
telling = _optional.lazy("skipjack.study.telling")

ObjectiveFuncType: TypeAlias = Callable[[Trial], float | Sequence[float]]
_METHODS = {
    "sampler": ("infer_relative_search_space", "sample_relative", "sample_independent"),
    "pruner": ("prune",),
}


def check_part(name: str, part: Any) -> None:
    """Check what is to be the "sampler" or "pruner" of a study.

    Raises:
        TypeError: If it is none, or a class instead of an instance.
    """
    if isinstance(part, type):
        raise wrong_type(name, f"be a {name}, not a class", part, f"{part.__name__}() is one.")
    if not all(callable(getattr(part, method, None)) for method in _METHODS[name]):
        raise wrong_type(name, f"be a {name}", part)


class Study:
    """Trials of one objective, kept in a storage, with a sampler and a pruner.

    Made by `create_study` or `load_study`. Sampler and pruner may be exchanged at any time; they
    are not kept in the storage.

    Args:
        study_name: The name of a study that exists.
        storage: A URL or a storage.
        sampler: Decides what to try; `TPESampler` if None.
        pruner: Decides what to stop; `MedianPruner` if None.

    Raises:
        KeyError: If the storage has no study of that name.
    """

    diagnose: Callable[..., Any]  # these three are of a higher floor, see `skipjack/__init__.py`
    recommend: Callable[..., Any]
    report: Callable[..., Any]

    def __init__(
        self,
        study_name: str,
        storage: str | BaseStorage,
        sampler: BaseSampler | None = None,
        pruner: BasePruner | None = None,
    ) -> None:
        self._storage: LedgerStorage = on_ledger(get_storage(storage))
        self._study_id = self._storage.get_study_id_from_name(study_name)
        self.study_name = study_name
        self._directions = self._storage.get_study_directions(self._study_id)
        self.sampler = sampler if sampler is not None else TPESampler()
        self.pruner = pruner if pruner is not None else MedianPruner()
        self._begin()

    def _begin(self) -> None:
        self._ledger: Ledger = self._storage.ledger
        self._thread_local = threading.local()
        self._stop_flag = False
        self._loops = 0

    @property
    def sampler(self) -> BaseSampler:
        """Decides what to try."""
        return self._sampler

    @sampler.setter
    def sampler(self, sampler: BaseSampler) -> None:
        check_part("sampler", sampler)
        self._sampler = sampler
        self._proposes = proposes(sampler)  # whether to ask it by our own, shorter way
        self._looks_back = looks_back(sampler)

    @property
    def pruner(self) -> BasePruner:
        """Decides what to stop."""
        return self._pruner

    @pruner.setter
    def pruner(self, pruner: BasePruner) -> None:
        check_part("pruner", pruner)
        self._pruner = pruner
        self._hides = hides(pruner)  # whether samplers may see a part of the past only

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("_ledger", "_thread_local", "_stop_flag", "_loops")
        return {k: v for k, v in self.__dict__.items() if k not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def _repr_html_(self) -> str:
        """A small table for notebooks."""
        return str(summary.html(self))

    # ------------------------------------------------------------------------------- results

    @property
    def history(self) -> History:
        """The finished trials as columns, for samplers, pruners and figures."""
        return self._ledger.sync(self._study_id).history

    @property
    def seed(self) -> int:
        """The study's own seed, for samplers that were given none."""
        return self._ledger.record(self._study_id).seed

    @property
    def best_trial(self) -> FrozenTrial:
        """The complete trial with the best value that keeps all constraints.

        The lowest number among equals.

        Raises:
            ValueError: If there is none.
            RuntimeError: If there are several objectives.
        """
        return self._storage.get_best_trial(self._study_id)

    @property
    def best_value(self) -> float:
        """The value of the best trial; raises as `best_trial`."""
        if len(self._directions) == 1:
            history = self.history
            if history.best is not None:
                return (history.user_values(history.best) or [])[0]
        value = self.best_trial.value
        assert value is not None
        return value

    @property
    def best_params(self) -> dict[str, Any]:
        """The parameters of the best trial; raises as `best_trial`."""
        return self.best_trial.params

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The Pareto front: feasible complete trials that no other one dominates, by number."""
        with self._ledger.lock:
            state = self._ledger.sync(self._study_id)
            return [state.frozen(number) for number in best.front(state.history)]

    @property
    def direction(self) -> StudyDirection:
        """The direction of the only objective.

        Raises:
            RuntimeError: If there are several.
        """
        return only_direction(self._directions)

    @property
    def directions(self) -> list[StudyDirection]:
        """The direction of each objective."""
        return list(self._directions)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials by number; the objects are the caller's own."""
        return self.get_trials(deepcopy=True)

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The trials by number.

        Args:
            deepcopy: Whether the objects are the caller's own. Without, finished trials are the
                same objects every time, and must not be changed.
            states: Only trials in these states.
        """
        if states is not None and not hasattr(states, "__contains__"):
            raise wrong_type("states", "be a tuple of TrialState", states)
        return self._storage.get_all_trials(self._study_id, deepcopy, states)

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        """As `get_trials`, for companions of Optuna."""
        return self.get_trials(deepcopy, states)

    def trials_dataframe(
        self,
        attrs: tuple[str, ...] = (
            "number",
            "value",
            "datetime_start",
            "datetime_complete",
            "duration",
            "params",
            "user_attrs",
            "system_attrs",
            "state",
        ),
        multi_index: bool = False,
    ) -> Any:
        """The trials as a pandas DataFrame, one row per trial.

        Args:
            attrs: Attributes of trials, in the order of the columns. Those that are dicts get a
                column per key, named `params_x`. Left out, metrics are columns too: last values.
            multi_index: Name those columns by pairs instead, ("params", "x").

        Raises:
            ValueError: If trials have no such attribute.
            ImportError: If pandas is not installed.
        """
        return frames.trials_dataframe(self, attrs, multi_index)

    # ------------------------------------------------------------------------------- optimize

    def optimize(
        self,
        func: ObjectiveFuncType,
        n_trials: int | None = None,
        timeout: float | None = None,
        n_jobs: int = 1,
        catch: Iterable[type[Exception]] | type[Exception] = (),
        callbacks: Iterable[Callable[[Study, FrozenTrial], None]] | None = None,
        gc_after_trial: bool = False,
        show_progress_bar: bool = False,
        *,
        n_trials_total: int | None = None,
        stop: Any = None,
    ) -> None:
        """Run trials of `func` in this process, until the first reason to stop.

        Called again, it goes on where it stopped. An exception in `func` ends the trial as FAIL,
        with the exception as its reason, and is raised unless `catch` names it.

        Args:
            func: The objective: takes a `Trial`, returns a number, or one per objective.
            n_trials: How many trials to run here; None: until something else stops it.
            timeout: Begin no trial after so many seconds.
            n_jobs: How many threads run trials at the same time; -1: one per processor.
            catch: Exceptions that do not end the run.
            callbacks: Called with (study, trial) after each trial.
            gc_after_trial: Collect garbage after each trial.
            show_progress_bar: Show one; needs `n_trials` or `timeout`.
            n_trials_total: How many trials the study may have, whoever made them: finished,
                failed, running or queued. No more are made, in all processes together.
            stop: Rules that end the run, of which one is enough, such as {"target": 0.1,
                "patience": 30} or [Target(0.1), Patience(30)]; see `skipjack.terminator`.

        Raises:
            RuntimeError: If called inside an objective or callback of the same study.
        """
        loop.optimize(
            *(self, func, n_trials, timeout, n_jobs, catch, callbacks),
            *(gc_after_trial, show_progress_bar, n_trials_total, stop),
        )

    @property
    def stop_reason(self) -> str | None:
        """Why a rule of `optimize(stop=...)` ended the last run; None if none did, or one runs."""
        return stopping.reason_of(self)  # type: ignore[no-any-return]  # lazy

    def stop(self) -> None:
        """End the running `optimize` when the trials that run have ended.

        Raises:
            RuntimeError: If no `optimize` of this study object runs.
        """
        if not self._loops:
            raise WrongStateError(
                "`stop` is for objectives and callbacks: no `optimize` of this study runs now."
            )
        self._stop_flag = True

    def ask(
        self,
        fixed_distributions: dict[str, BaseDistribution] | None = None,
        *,
        timeout: float | None = None,
    ) -> Trial:
        """Start a trial and return it; `tell` its result later, from any process.

        Args:
            fixed_distributions: Parameters to suggest at once, by name.
            timeout: After so many seconds without a result the trial is failed by the next `ask`
                or `optimize`, and tried again as `create_study(max_retries=...)` says; None:
                never. A result that is told later still counts.
        """
        if fixed_distributions is not None:
            if not isinstance(fixed_distributions, dict):
                raise wrong_type(
                    "fixed_distributions", "be a dict of distributions", fixed_distributions
                )
            for name, dist in fixed_distributions.items():
                check_name(name)
                if not isinstance(dist, BaseDistribution):
                    raise wrong_type(f"fixed_distributions[{name!r}]", "be a distribution", dist)
        trial: Trial = asking.begin(self, asking.not_held(timeout))  # never None
        try:
            for name, dist in (fixed_distributions or {}).items():
                trial._suggest(name, intern(converted(dist)))
        except BaseException as error:  # nobody else knows of the trial
            telling.give_up(self, trial.number, error)
            raise
        return trial

    def tell(
        self,
        trial: Trial | int,
        values: float | Sequence[float] | None = None,
        state: TrialState | None = None,
        skip_if_finished: bool = False,
    ) -> FrozenTrial:
        """End a trial that `ask` started.

        Args:
            trial: The trial or its number.
            values: The objective value, or one per objective. Without `state`, an impossible one
                ends the trial as FAIL, with a warning.
            state: COMPLETE needs values; PRUNED takes the last report as its value; FAIL has none.
            skip_if_finished: Do nothing, instead of raising, if the trial has ended.

        Returns:
            The trial as it is now.

        Raises:
            TypeError: If `trial` is neither a trial nor a number.
            ValueError: If there is no such trial, it has ended, or state and values do not fit.
        """
        number, final, problem = telling.tell(self, trial, values, state, skip_if_finished)
        if problem and final is TrialState.FAIL:
            warn_user(problem)
        with self._ledger.lock:
            return self._ledger.study(self._study_id).frozen(number)

    # ---------------------------------------------------------------------------- add, attach

    def enqueue_trial(
        self,
        params: dict[str, Any],
        user_attrs: dict[str, Any] | None = None,
        skip_if_exists: bool = False,
    ) -> None:
        """Queue parameter values for the next trial; oldest first.

        A value that the objective's range does not contain is not used, with a warning, and one
        that it never asks for is warned of. Parameters that are left out are sampled.

        Args:
            params: Values by parameter name.
            user_attrs: What to attach to the trial.
            skip_if_exists: Do nothing if a trial with these values exists (numbers are compared
                up to a relative 1e-5).

        Raises:
            TypeError: If `params` is no dict.
        """
        queue.enqueue(self, params, user_attrs, skip_if_exists)

    def add_trial(self, trial: FrozenTrial) -> None:
        """Put in a copy of a trial, as `create_trial` makes it or another study has it.

        It gets the next number of this study.

        Raises:
            ValueError: If its fields contradict each other, or the study's objectives.
        """
        self.add_trials([trial])

    def add_trials(self, trials: Iterable[FrozenTrial]) -> None:
        """Put in copies of trials, all or none, in one write.

        Raises:
            ValueError: If one is not possible here; then none is added.
        """
        chosen = given.trials(trials, len(self._directions))
        self._storage.add_trials(self._study_id, chosen, strict=True)

    def withdraw_trial(self, trial: Trial | FrozenTrial | int, reason: str) -> FrozenTrial:
        """Let a trial that has ended count no more, for the reason given.

        It keeps its number and parameters and is FAIL without values, in every process.

        Raises:
            RuntimeError: If it has not ended, or is withdrawn already.
            KeyError: If there is no such trial.
        """
        return amending.withdraw(self, trial, reason)  # type: ignore[no-any-return]  # lazy

    def restore_trial(self, trial: Trial | FrozenTrial | int) -> FrozenTrial:
        """Undo `withdraw_trial`, or else the newest `amend_trial`; again for the one before.

        Raises:
            RuntimeError: If there is nothing to undo.
        """
        return amending.restore(self, trial)  # type: ignore[no-any-return]  # lazy

    def amend_trial(
        self,
        trial: Trial | FrozenTrial | int,
        *,
        reason: str,
        values: float | Sequence[float] | None = None,
        state: TrialState | None = None,
        user_attrs: dict[str, Any] | None = None,
        constraints: dict[str, float] | None = None,
    ) -> FrozenTrial:
        """Correct a trial that has ended, in every process; what is not given stays.

        Args:
            trial: The trial or its number.
            reason: Why; kept with the trial.
            values: The objective value, or one per objective.
            state: COMPLETE and PRUNED may have values, FAIL has none.
            user_attrs: Attributes to set.
            constraints: Constraint values to set.

        Raises:
            ValueError: If state and values do not fit.
            RuntimeError: If the trial has not ended, or is withdrawn.
            KeyError: If there is no such trial.
        """
        return amending.amend(  # type: ignore[no-any-return]  # lazy
            self, trial, reason, values, state, user_attrs, constraints
        )

    def set_user_attr(self, key: str, value: Any) -> None:
        """Attach something to the study.

        Args:
            key: Its name.
            value: None, bool, int, float, str, or lists and dicts of them; a study in memory
                keeps any object.

        Raises:
            TypeError: If the storage cannot keep it.
        """
        self._storage.set_study_user_attr(self._study_id, key, value)

    @property
    def user_attrs(self) -> dict[str, Any]:
        """What was attached, a copy."""
        return self._storage.get_study_user_attrs(self._study_id)

    def set_metric_names(self, metric_names: list[str]) -> None:
        """Name the objectives, for logs, frames and figures.

        Raises:
            ValueError: If there are more or fewer names than objectives.
        """
        names = given.metric_names(metric_names, len(self._directions))
        self._storage.set_study_system_attr(self._study_id, METRIC_NAMES, names)

    @property
    def metric_names(self) -> list[str] | None:
        """The names of the objectives, None if they have none."""
        names: list[str] | None = self._ledger.sync(self._study_id).system.get(METRIC_NAMES)
        return None if names is None else list(names)

    def _is_multi_objective(self) -> bool:
        """Whether there are several objectives; for companions of Optuna."""
        return len(self._directions) > 1
