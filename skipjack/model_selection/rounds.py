"""How candidates go through their folds, several at a time, and which are given up on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

from joblib import effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from skipjack import logging
from skipjack.model_selection.folds import (
    KEPT,
    Candidate,
    Fitting,
    Result,
    done,
    mean_score,
    packed,
    score_of,
)
from skipjack.model_selection.resources import Ladder
from skipjack.model_selection.sources import Source
from skipjack.records.states import TrialState
from skipjack.study import telling

FOLD_SCORE = "fold score"  # the metric under which the score of each fold is logged
_BLOCK = 8  # fits per worker that are handed out at a time
_logger = logging.get_logger(__name__)


@final
@dataclass(frozen=True)
class Limits:
    """When to begin no more candidates.

    Attributes:
        candidates: With so many there are.
        fits: So that no more fits than these are made, here and before.
        deadline: At this time of the monotonic clock.
    """

    candidates: float = math.inf
    fits: float = math.inf
    deadline: float = math.inf


@final
@dataclass(frozen=True)
class Plan:
    """What is done with each candidate.

    Attributes:
        splits: Of a candidate, by its index.
        n_splits: How many there are.
        metrics: The objectives of the study; None stands for the only metric, or the first.
        is_race: Whether folds run one after the other, and the pruner is asked after each.
        ladder: The steps of the resource, if there is one.
        is_known: Whether no candidate depends on the results of others.
    """

    splits: Callable[[int], Sequence[tuple[Any, Any]]]
    n_splits: int
    metrics: tuple[str | None, ...]
    is_race: bool
    ladder: Ladder | None
    is_known: bool

    def folds(self, candidate: Candidate) -> Iterable[int]:
        """Those that a candidate is fitted on next."""
        if self.is_race:
            return (len(candidate.results),)
        return range(self.n_splits)

    def width(self, workers: int) -> int:
        """How many candidates are tried at a time."""
        if workers == 1:
            return 1
        if self.is_race:
            return workers
        return max(1, math.ceil(workers * (_BLOCK if self.is_known else 1) / self.n_splits))


@final
class Rounds:
    """One run of a search.

    Args:
        study: Keeps the candidates.
        source: Where they come from.
        fitting: How they are fitted.
        plan: What is done with each.
        limits: When to stop.
        callbacks: Called with (study, trial) after each candidate.
        show: Called with this when a candidate has ended.

    Attributes:
        candidates: Those that have ended, in that order.
        n_fits: How many fits were made for them.
        sample: The scores of the first fit; None before.
    """

    def __init__(
        self,
        study: Any,
        source: Source,
        fitting: Fitting,
        plan: Plan,
        limits: Limits,
        callbacks: Iterable[Callable[[Any, Any], None]],
        show: Callable[[Rounds], None],
    ) -> None:
        self._study, self._source, self._fitting, self._plan = study, source, fitting, plan
        self._limits, self._callbacks, self._show = limits, tuple(callbacks), show
        self.candidates: list[Candidate] = []
        self.n_fits = 0
        self.sample: Any = None
        self._live: list[Candidate] = []

    def run(self, n_jobs: int | None, pre_dispatch: Any) -> None:
        """Try candidates until there is a reason to stop.

        Args:
            n_jobs: How many fits at a time, as joblib understands it.
            pre_dispatch: How many are handed to joblib before they can run.
        """
        study, workers = self._study, effective_n_jobs(n_jobs)
        study._stop_flag = False
        study._loops += 1
        try:
            self._restore()
            if workers == 1:
                self._loop(lambda jobs: (job() for job in jobs), 1)
            else:
                options = {"n_jobs": n_jobs, "pre_dispatch": pre_dispatch, **_as_they_come()}
                with Parallel(**options) as parallel:
                    run = delayed(done)
                    self._loop(lambda jobs: iter(parallel(run(job) for job in jobs)), workers)
        except BaseException as error:
            for candidate in self._live:
                telling.give_up(study, candidate.number, error)
            raise
        finally:
            study._loops -= 1
            study._storage.remove_session()

    def _restore(self) -> None:
        self.candidates = self._source.restored()
        if self.candidates:
            name, n = self._study.study_name, len(self.candidates)
            _logger.info(f"The study {name!r} has {n} candidates already; the search goes on.")
        for candidate in self.candidates:
            candidate.n_fits = len(candidate.results) * max(1, candidate.rung)
            self.n_fits += candidate.n_fits

    def scores(self, candidate: Candidate) -> list[float]:
        """The objectives of a candidate, as far as it has come."""
        return [mean_score(candidate, metric) for metric in self._plan.metrics]

    def _loop(self, work: Callable[[list[Any]], Iterator[Result]], workers: int) -> None:
        width, live = self._plan.width(workers), self._live
        while True:
            while len(live) < width and self._may_begin():
                candidate = self._source.next()
                if candidate is None:
                    self._study._stop_flag = True
                    break
                live.append(candidate)
            if not live:
                return
            due = [(candidate, list(self._plan.folds(candidate))) for candidate in live]
            results = work([self._job(each, fold) for each, folds in due for fold in folds])
            for candidate, folds in due:  # told while the next are fitted, and safe from then on
                for fold in folds:
                    candidate.results[fold] = next(results)
                    candidate.n_fits += 1
                    self.n_fits += 1
                    if self.sample is None:
                        self.sample = candidate.results[fold]["test_scores"]
                self._advance(candidate)
                if candidate.state != TrialState.RUNNING:
                    live.remove(candidate)
                    self._end(candidate)

    def _may_begin(self) -> bool:
        limits, plan = self._limits, self._plan
        if self._study._stop_flag or time.monotonic() >= limits.deadline:
            return False
        if len(self.candidates) + len(self._live) >= limits.candidates:
            return False
        most = plan.n_splits * (1 if plan.ladder is None else plan.ladder.height)
        left = most + sum(most - candidate.n_fits for candidate in self._live)
        return self.n_fits + left <= limits.fits

    def _job(self, candidate: Candidate, fold: int) -> Callable[[], Result]:
        plan = self._plan
        params, (train, test) = candidate.params, plan.splits(candidate.index)[fold]
        if plan.ladder is not None:
            params, train = plan.ladder.at(candidate.rung, params, train)
        return self._fitting.job(
            *(params, train, test),
            split_progress=(fold, plan.n_splits),
            candidate_progress=(candidate.index, self._source.total or candidate.index + 1),
        )

    def _advance(self, candidate: Candidate) -> None:
        """Look at new results: whether the candidate has ended, and how."""
        plan, trial, k = self._plan, candidate.trial, len(candidate.results)
        scores = self.scores(candidate)
        last = k == plan.n_splits
        if plan.ladder is not None:
            candidate.rung += 1
            last = candidate.rung == plan.ladder.height
        if any(map(math.isnan, scores)):
            candidate.state = TrialState.FAIL
        elif plan.is_race or plan.ladder is not None:
            step = k - 1 if plan.ladder is None else plan.ladder.step(candidate.rung - 1)
            if plan.is_race:
                trial.log({FOLD_SCORE: score_of(candidate.results[k - 1], plan.metrics[0])}, step)
            trial.report(scores[0], step)
            if not last and trial.should_prune():
                candidate.state = TrialState.PRUNED
        if last and candidate.state == TrialState.RUNNING:
            candidate.state = TrialState.COMPLETE

    def _end(self, candidate: Candidate) -> None:
        trial, study = candidate.trial, self._study
        trial.set_user_attr(KEPT, packed(candidate))
        values = None
        if candidate.state == TrialState.COMPLETE:
            values = self.scores(candidate)
        told = study.tell(trial, values, candidate.state)
        candidate.trial = None
        self.candidates.append(candidate)
        self._show(self)
        for callback in self._callbacks:
            callback(study, told)


def _as_they_come() -> dict[str, str]:
    """The option of joblib to give each result as soon as it is there, if its backend can."""
    backend, _ = get_active_backend()
    return {"return_as": "generator"} if getattr(backend, "supports_return_generator", 0) else {}
