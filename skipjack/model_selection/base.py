"""What all searches share: fitting as those of scikit-learn do, with candidates in a study."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import (
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils import indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_method_params

from skipjack import logging
from skipjack.errors import InvalidValueError, UnsupportedError, invalid, wrong_type
from skipjack.model_selection.boosting import check_stops_early, limit_rounds
from skipjack.model_selection.contents import Contents
from skipjack.model_selection.folds import Candidate, Fitting
from skipjack.model_selection.hooks import Hooks
from skipjack.model_selection.results import finished_only, table
from skipjack.model_selection.rounds import FOLD_SCORE, Limits, Plan, Rounds
from skipjack.model_selection.sources import Source
from skipjack.model_selection.stopping import N_ROUNDS
from skipjack.pruners import BasePruner
from skipjack.pruners.metric import MetricPruner
from skipjack.pruners.nop import NopPruner
from skipjack.pruners.racing import RacingPruner
from skipjack.records.attributes import float_value
from skipjack.records.states import StudyDirection
from skipjack.storages import get_storage
from skipjack.storages.names import on_ledger
from skipjack.study import Study, create_study

OWN_CONSTRAINTS: dict[str, Any] = {  # scikit-learn's way to check arguments
    "racing": [str],
    "pruner": "no_validation",
    "timeout": "no_validation",
    "storage": "no_validation",
    "study_name": [str, None],
    "callbacks": "no_validation",
    "early_stopping": "no_validation",
}
_MODES = ("off", "safe", "aggressive")
_NO_FITS = (
    "No fits were performed. Was the CV iterator empty? Were there no candidates? Were all of "
    "them refused, or was there no time for one?"
)
_logger = logging.get_logger(__name__)


@final
@dataclass(frozen=True)
class Data:
    """What a search is fitted to.

    Attributes:
        X, y: As they were given.
        routed: The other arguments of `fit`, by whom they are for.
        splits: Training and test indices, frozen for the whole search.
        cv: The splitter that they are from.
        scorers: What scores.
        metrics: The names of the scores; None stands for the only one, or the first.
        hooks: Tells scikit-learn's callbacks; None if nothing is told.
    """

    X: Any
    y: Any
    routed: Any
    splits: list[tuple[Any, Any]]
    cv: Any
    scorers: Any
    metrics: tuple[str | None, ...]
    hooks: Hooks | None = None


def _can_set_output(search: Any) -> bool:
    """Whether the estimator of a search can choose its output; AttributeError if not."""
    estimator = getattr(search, "best_estimator_", search.estimator)
    return hasattr(estimator, "set_output")


class StudySearchCV(BaseSearchCV):
    """A search whose candidates are trials of a study; the base of those that users make."""

    # What subclasses' __init__ sets, beside what BaseSearchCV's does.
    storage: Any
    study_name: str | None
    racing: str
    pruner: Any
    callbacks: Any
    timeout: float | None
    early_stopping: int | None

    @abstractmethod
    def _metrics(self, scorers: Any) -> tuple[str | None, ...]:
        """The names of the objectives; None stands for the only metric, or the first."""

    @abstractmethod
    def _sampler(self) -> Any:
        """The sampler of the study; None if it does not matter."""

    @abstractmethod
    def _searched(self, data: Data, study: Any, start: float) -> tuple[Plan, list[Candidate], int]:
        """What was done with each candidate, the candidates, and how many fits it took."""

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Search, and fit the best estimator on all data.

        Args:
            X: The features, shape (samples, features), or what the estimator takes.
            y: The target.
            **params: For the estimator's `fit`, the scorers and the splitter (`groups`); by
                metadata routing if it is enabled. Arrays with a value per sample are split.

        Returns:
            The search itself.

        Raises:
            ValueError: If all fits fail, arguments do not fit together, or the study that is to
                be continued is of other data or splits.
        """
        start = time.monotonic()
        data = self._data(X, y, params)
        hooks = Hooks(self, data.X, data.y, params)
        data = replace(data, hooks=hooks)
        study = self._study(data)
        self.study_ = study  # also if the search does not come to its end
        plan, candidates, n_fits = self._searched(data, study, start)
        if not candidates:
            raise InvalidValueError(_NO_FITS)
        self.n_fits_ = n_fits
        self._conclude(data, plan, candidates)
        hooks.end()
        return self

    def _data(self, X: Any, y: Any, params: dict[str, Any]) -> Data:
        """Check what `fit` was given, and split it."""
        scorers, _ = self._get_scorers()
        X, y = indexable(X, y)
        params = _check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        self.n_splits_ = cv.get_n_splits(X, y, **routed.splitter.split)
        splits = list(cv.split(X, y, **routed.splitter.split))
        if len(splits) != self.n_splits_:
            raise InvalidValueError(
                f"cv.split and cv.get_n_splits return inconsistent results. Expected "
                f"{self.n_splits_} splits, got {len(splits)}."
            )
        if not splits:
            raise InvalidValueError(_NO_FITS)
        return Data(X, y, routed, splits, cv, scorers, self._metrics(scorers))

    def _fitting(self, data: Data) -> Fitting:
        """How a candidate is fitted and scored on a fold."""
        return Fitting(
            clone(self.estimator),
            data.X,
            data.y,
            {
                "scorer": data.scorers,
                "fit_params": data.routed.estimator.fit,
                "score_params": data.routed.scorer.score,
                "return_train_score": self.return_train_score,
                "return_n_test_samples": True,
                "return_times": True,
                "return_parameters": False,
                "error_score": self.error_score,
                "verbose": self.verbose,
            },
            self._patience(),
            data.hooks,
        )

    def _study(self, data: Data) -> Any:
        """The study that keeps the candidates: a new one, or one to go on with."""
        directions, n = [StudyDirection.MAXIMIZE], len(data.metrics)
        sampler, pruner = self._sampler(), self._pruner(data)
        if self.storage is None:  # and nothing is to be said of it
            memory = on_ledger(get_storage(None))
            name = self.study_name or "search"
            memory.ledger.create_study(name, directions * n, 1)
            study = Study(name, memory, sampler, pruner)
        else:
            options = {"sampler": sampler, "pruner": pruner, "directions": directions * n}
            study = self._kept_study(Contents.of(self, data), options)
        if len(data.metrics) > 1:
            study.set_metric_names([str(name) for name in data.metrics])
        return study

    def _kept_study(self, contents: Contents, options: dict[str, Any]) -> Any:
        """The study of that name in the storage, or the one beside it for other data."""
        options |= {"storage": self.storage, "load_if_exists": True}
        study = create_study(study_name=self.study_name, **options)
        if not contents.claim(study):  # as in `cross_val_score`, which fits clones to parts
            name = contents.beside(study.study_name)
            _logger.warning(
                f"The study {study.study_name!r} is of other data; this search is kept as {name!r}."
            )
            study = create_study(study_name=name, **options)
            contents.claim(study)
        contents.check(study, "study_name")
        return study

    def _pruner(self, data: Data) -> BasePruner:
        """The pruner of the study."""
        if self.racing not in _MODES:
            raise invalid("racing", f"be one of {', '.join(map(repr, _MODES))}", self.racing)
        pruner: BasePruner | None = self.pruner
        if pruner is None:
            if self.racing == "off" or len(data.metrics) > 1:
                return NopPruner()
            pruner = RacingPruner(self.racing)
        if isinstance(pruner, RacingPruner):
            pruner = MetricPruner(pruner, FOLD_SCORE, direction="maximize")
        elif not isinstance(pruner, NopPruner) and len(data.metrics) > 1:
            raise UnsupportedError(
                "A search with several objectives cannot stop candidates early. Leave out `pruner`."
            )
        return pruner

    def _patience(self) -> int | None:
        """How many trees without a gain end a fit; None: nothing does."""
        patience = self.early_stopping
        if patience is None:
            return None
        if isinstance(patience, bool) or not hasattr(patience, "__index__"):
            raise wrong_type("early_stopping", "be a whole number or None", patience)
        if patience < 1:
            raise invalid("early_stopping", "be at least 1", patience)
        check_stops_early(self.estimator)
        return int(patience)

    # ------------------------------------------------------------------------------ the results

    def _conclude(self, data: Data, plan: Plan, candidates: Sequence[Candidate]) -> None:
        """Set the attributes that users read, and refit."""
        fits = [result for c in candidates for result in c.results.values()]
        _warn_or_raise_about_fit_failures(fits, self.error_score)
        if callable(self.scoring):
            _insert_error_scores(fits, self.error_score)
        results = table(self, candidates, plan)
        self.cv_results_ = results  # also if a function of the user's fails to choose
        first = candidates[0].results[min(candidates[0].results)]["test_scores"]
        self.multimetric_ = isinstance(first, dict)
        refit_metric = "score"
        if self.multimetric_:
            self._check_refit_for_multimetric(first)
            refit_metric = self.refit
        if self.refit or not self.multimetric_:
            self.best_index_ = int(self._chosen(results, refit_metric))
            if not callable(self.refit):
                self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
            self.best_params_ = results["params"][self.best_index_]
        if len(data.metrics) > 1:
            front = {trial.number for trial in self.study_.best_trials}
            self.pareto_index_ = np.flatnonzero(np.isin(results["trial_number"], list(front)))
        scorers = data.scorers
        self.scorer_ = getattr(scorers, "_scorers", scorers)
        if self.refit:
            self._refit(data)

    def _chosen(self, results: dict[str, Any], refit_metric: Any) -> int:
        """The row of the best candidate."""
        if not callable(self.refit):
            return int(self._select_best_index(self.refit, refit_metric, results))
        shown, rows = finished_only(results)
        index: int = self._select_best_index(self.refit, refit_metric, shown)
        return int(rows[index])

    def _refit(self, data: Data) -> None:
        """Fit the chosen parameters on all data."""
        assert data.hooks is not None
        fit_params = data.routed.estimator.fit
        # Parameters may be estimators themselves.
        chosen = clone(self.best_params_, safe=False)
        self.best_estimator_ = clone(self.estimator).set_params(**chosen)
        mean = self.cv_results_.get(f"mean_{N_ROUNDS}")
        if mean is not None and np.isfinite(mean[self.best_index_]):
            limit_rounds(self.best_estimator_, max(1, round(mean[self.best_index_])))
        start = time.time()
        with data.hooks.refit(self.best_estimator_):
            if data.y is None:
                self.best_estimator_.fit(data.X, **fit_params)
            else:
                self.best_estimator_.fit(data.X, data.y, **fit_params)
        self.refit_time_ = time.time() - start
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_

    @available_if(_can_set_output)  # type: ignore[untyped-decorator]
    def set_output(self, *, transform: str | None = None) -> Any:
        """Choose what `transform` returns, "default", "pandas" or "polars"; None: as before.

        Args:
            transform: The kind of container.

        Returns:
            The search itself.
        """
        self.estimator.set_output(transform=transform)
        if hasattr(self, "best_estimator_"):
            self.best_estimator_.set_output(transform=transform)
        return self


class TrialSearchCV(StudySearchCV):
    """A search that tries candidates in rounds, by joblib."""

    @abstractmethod
    def _source(self, study: Any) -> Source:
        """Where candidates come from."""

    @abstractmethod
    def _plan(self, data: Data, study: Any) -> Plan:
        """What is done with each candidate."""

    @abstractmethod
    def _limits(self) -> Limits:
        """When to stop, but for the time."""

    def _searched(self, data: Data, study: Any, start: float) -> tuple[Plan, list[Candidate], int]:
        limits = self._limits()
        if self.timeout is not None:
            seconds = float_value("timeout", self.timeout)
            if not seconds >= 0.0:
                raise invalid("timeout", "be at least 0", self.timeout)
            deadline = start + seconds
            limits = Limits(limits.candidates, limits.fits, deadline)
        plan = self._plan(data, study)
        source = self._source(study)
        fitting, callbacks = self._fitting(data), self.callbacks or ()
        if not isinstance(callbacks, Iterable) or not all(callable(each) for each in callbacks):
            raise wrong_type("callbacks", "be a list of functions of (study, trial)", callbacks)
        rounds = Rounds(study, source, fitting, plan, limits, callbacks, self._show)
        assert data.hooks is not None
        data.hooks.begin_search(source.total and source.total * len(data.splits))
        self._run(rounds)
        data.hooks.end_search()
        candidates = sorted(rounds.candidates, key=lambda candidate: candidate.index)
        return plan, candidates, rounds.n_fits

    def _run(self, rounds: Rounds) -> None:
        """Run the search; a metric that is not there may be due to `refit`."""
        try:
            rounds.run(self.n_jobs, self.pre_dispatch)
        except InvalidValueError:
            if isinstance(rounds.sample, Mapping):
                self._check_refit_for_multimetric(rounds.sample)
            raise

    def _is_race(self, data: Data, study: Any) -> bool:
        """Whether folds run one after the other."""
        return not isinstance(study.pruner, NopPruner) and len(data.splits) > 1

    def _show(self, rounds: Rounds) -> None:
        """Tell of the candidate that has ended, if `verbose` asks for it."""
