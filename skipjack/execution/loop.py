"""The loop: ask, run the objective, tell, until there is a reason to stop."""

from __future__ import annotations

import gc
import itertools
import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from skipjack import _optional
from skipjack.errors import (
    InvalidValueError,
    StorageError,
    TrialPruned,
    UpdateFinishedTrialError,
    WrongStateError,
    invalid,
    wrong_type,
)
from skipjack.execution import interrupts
from skipjack.records.attributes import STOP_REASON
from skipjack.records.states import TrialState
from skipjack.study import announce, asking, telling

progress = _optional.lazy("skipjack.execution.progress")
stopping = _optional.lazy("skipjack.execution.stopping")
futures = _optional.lazy("concurrent.futures")

Catch = tuple[type[BaseException], ...]
_COMPLETE, _FAIL = TrialState.COMPLETE, TrialState.FAIL


class Run:
    """One call of `optimize`: what to run, when to stop, and how far it is.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If one has an impossible value.
    """

    def __init__(
        self,
        study: Any,
        func: Callable[[Any], Any],
        n_trials: int | None,
        timeout: float | None,
        catch: Iterable[type[BaseException]] | type[BaseException],
        callbacks: Iterable[Callable[[Any, Any], None]] | None,
        gc_after_trial: bool,
        show_progress_bar: bool,
        n_trials_total: int | None,
        stop: Any,
    ) -> None:
        self.study = study
        self.func = _callable("func", func)
        self.n_trials = _count("n_trials", n_trials)
        self.stop = None if stop is None else stopping.Stop(stop, study)
        limit = _count("n_trials_total", n_trials_total)
        if self.stop is not None:
            limit = self.stop.within(limit)
        self.how = asking.Start(held=True, limit=limit)
        self.catch = _exceptions(catch)
        self.callbacks = _callbacks(callbacks)
        self.gc_after_trial = gc_after_trial
        self.start = time.monotonic()
        self.deadline = math.inf if timeout is None else self.start + _seconds(timeout)
        self.bar: Any = None
        if show_progress_bar:
            self.bar = progress.bar_over(self.n_trials, timeout)
        self.error: BaseException | None = None
        self._tickets = itertools.count()  # taking the next one is atomic

    def take(self) -> bool:
        """Whether one more trial may begin; if so, it counts as begun."""
        if interrupts.pressed:
            interrupts.let_through()
        return self._take()

    def _take(self) -> bool:
        if self.study._stop_flag or self.error is not None or time.monotonic() >= self.deadline:
            return False
        if self.stop is not None and self.stop.now():
            return False
        return self.n_trials is None or next(self._tickets) < self.n_trials

    def work(self) -> None:
        """Run trials in this thread until there is a reason to stop."""
        here = self.study._thread_local
        here.in_optimize_loop = True
        following: Any = None
        try:
            while following is not None or self.take():
                trial = following or asking.begin(self.study, self.how)
                if trial is None:  # there is none left to try, or there are enough
                    self.study._stop_flag = True
                else:
                    following = self._run_one(trial)
        except BaseException as error:
            if self.error is None:
                self.error = error
            raise
        finally:
            here.in_optimize_loop = False

    def _run_one(self, trial: Any) -> Any:
        """Run one trial; the next one, if it has begun with the end of this one."""
        following: Any = None
        try:
            result, error = self._run(trial)
            final, message, following = self._end(trial, result, error)
            draft = trial._draft
            announce.ended(trial._state, draft, final, (message, error, result))
            if final is _FAIL and error is not None and not isinstance(error, self.catch):
                raise error
            if draft.system and final is _COMPLETE:
                telling.warn_unused(draft)
            if self.callbacks:
                self._call_back(trial)
            if self.gc_after_trial:
                gc.collect()
            if self.bar is not None:
                self.bar.update(trial._state, time.monotonic() - self.start)
            if following is not None and interrupts.pressed:
                interrupts.let_through()
        except BaseException as error:
            # Ctrl-C may have come between two lines of ours, or a user's sampler have raised.
            for left in (trial, following):
                if left is not None and not isinstance(error, StorageError):
                    telling.give_up(self.study, left.number, error)
            raise
        return following

    @interrupts.door
    def _run(self, trial: Any) -> tuple[Any, BaseException | None]:
        """What the objective returned, and what it raised."""
        try:
            return self.func(trial), None
        except BaseException as raised:
            return None, raised

    def _end(
        self, trial: Any, result: Any, error: BaseException | None
    ) -> tuple[TrialState, str, Any]:
        """Tell what came out; final state, what was wrong, and the next trial if it has begun."""
        study, draft, state = self.study, trial._draft, trial._state
        if error is None:
            values, message = telling.checked_values(result, len(state.directions))
            wanted = _COMPLETE if values is not None else _FAIL
        elif _is_pruned(error):
            values, message, wanted = None, str(error), TrialState.PRUNED
        else:
            values, message, wanted = None, repr(error), _FAIL
        reason = message if wanted is _FAIL else ""
        plan, following = None, None
        goes_on = wanted is not _FAIL or error is None or isinstance(error, self.catch)
        if goes_on and not (self.callbacks or self.stop is not None or interrupts.pressed):
            plan = asking.ahead(study, self.how, draft)
            plan = plan if plan is not None and self._take() else None
        creation = None if plan is None else plan.event
        try:
            final, _, number = telling.finish(study, state, draft, values, wanted, reason, creation)
        except UpdateFinishedTrialError as second:
            raise InvalidValueError(
                f"Trial {draft.number} was told already, while its objective ran; return the "
                f"values instead, or use `ask` and `tell` without `optimize`."
            ) from second
        if plan is not None and number is not None:
            following = asking.begun(study, plan, number)
        return final, message, following

    @interrupts.door
    def _call_back(self, trial: Any) -> None:
        for callback in self.callbacks:
            callback(self.study, self.study._storage.get_trial(trial._trial_id))


def optimize(
    study: Any,
    func: Callable[[Any], Any],
    n_trials: int | None,
    timeout: float | None,
    n_jobs: int,
    catch: Iterable[type[BaseException]] | type[BaseException],
    callbacks: Iterable[Callable[[Any, Any], None]] | None,
    gc_after_trial: bool,
    show_progress_bar: bool,
    n_trials_total: int | None = None,
    stop: Any = None,
) -> None:
    """Run trials; see `Study.optimize`."""
    if getattr(study._thread_local, "in_optimize_loop", False):
        raise WrongStateError(
            "`optimize` must not be called inside an objective or a callback of the same study. "
            "Make a study of its own for an inner search."
        )
    workers = _workers(n_jobs)
    run = Run(
        *(study, func, n_trials, timeout, catch, callbacks),
        *(gc_after_trial, show_progress_bar, n_trials_total, stop),
    )
    study._stop_flag = False
    _forget_reason(study)
    with interrupts.held_back():
        study._loops += 1
        try:
            if workers == 1:
                run.work()
            else:
                _in_threads(run, workers)
            if run.stop is not None:
                run.stop.conclude()
        finally:
            study._loops -= 1
            study._storage.remove_session()
            if run.bar is not None:
                run.bar.close()


def _forget_reason(study: Any) -> None:
    """What ended an earlier run does not end this one."""
    if study._ledger.sync(study._study_id).system.get(STOP_REASON) is not None:
        study._storage.set_study_system_attr(study._study_id, STOP_REASON, None)


@interrupts.door
def _in_threads(run: Run, workers: int) -> None:
    """Let `workers` threads take trials; raise the first error when all have ended theirs."""
    if not run.study._proposes:
        run.study.sampler.reseed_rng()
    if run.n_trials is not None:
        workers = min(workers, run.n_trials)
    if workers < 1:
        return
    with futures.ThreadPoolExecutor(max_workers=workers) as pool:
        waiting = [pool.submit(run.work) for _ in range(workers)]
        try:
            for future in waiting:
                future.exception()
        except BaseException as error:  # Ctrl-C: let the trials that run come to their end
            run.error = run.error or error
            raise
    if run.error is not None:
        raise run.error


def _is_pruned(error: BaseException) -> bool:
    """Whether an exception means pruning: ours, or the real Optuna's, which is not imported."""
    return isinstance(error, TrialPruned) or any(
        kind.__name__ == "TrialPruned" and kind.__module__.partition(".")[0] == "optuna"
        for kind in type(error).__mro__
    )


def _callable(name: str, value: Any) -> Any:
    if not callable(value):
        raise wrong_type(name, "be callable", value)
    return value


def _count(name: str, value: Any) -> int | None:
    if value is None:
        return None
    try:
        number: int = int(value) if isinstance(value, float) else value.__index__()
        if number != value:
            raise ValueError
        return max(0, number)
    except (AttributeError, ValueError, OverflowError) as error:
        raise wrong_type(name, "be a whole number or None", value) from error


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise wrong_type("timeout", "be a number of seconds or None", value)
    seconds = float(value)
    if math.isnan(seconds):
        raise invalid("timeout", "be a number of seconds or None", value)
    return seconds


def _exceptions(catch: Any) -> Catch:
    kinds = tuple(catch) if isinstance(catch, Iterable) else (catch,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise wrong_type("catch", "be an exception class or several", catch)
    return kinds


def _callbacks(callbacks: Any) -> Sequence[Callable[[Any, Any], None]]:
    if callbacks is None:
        return ()
    if not isinstance(callbacks, Iterable):
        raise wrong_type("callbacks", "be a list of functions of (study, trial)", callbacks)
    return [_callable("callbacks", callback) for callback in callbacks]


def _workers(n_jobs: Any) -> int:
    if isinstance(n_jobs, bool) or not hasattr(n_jobs, "__index__"):
        raise wrong_type("n_jobs", "be a whole number", n_jobs)
    if n_jobs == 0 or n_jobs < -1:
        raise invalid("n_jobs", "be positive, or -1 for one thread per processor", n_jobs)
    return (os.cpu_count() or 1) if n_jobs == -1 else int(n_jobs)
