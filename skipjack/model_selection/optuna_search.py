"""OptunaSearchCV, for those who have used that of optuna-integration."""

from __future__ import annotations

import numbers
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params, _num_samples, check_is_fitted

from skipjack.errors import TrialPruned, invalid, wrong_type
from skipjack.model_selection.base import OWN_CONSTRAINTS, Data, StudySearchCV
from skipjack.model_selection.contents import Contents
from skipjack.model_selection.folds import KEPT, Candidate, Result, mean_score, packed
from skipjack.model_selection.rounds import Plan
from skipjack.model_selection.sources import kept
from skipjack.model_selection.space import read_space
from skipjack.pruners import BasePruner
from skipjack.pruners.nop import NopPruner
from skipjack.pruners.percentile import MedianPruner
from skipjack.records.states import StudyDirection
from skipjack.samplers import TPESampler
from skipjack.study import Study

_SEEDS = 2**31 - 1


class OptunaSearchCV(StudySearchCV):
    """A search with the arguments of optuna-integration's, and the results of scikit-learn's.

    New code had better use `SearchCV`, which runs in processes, stops candidates after some folds,
    and goes on from a storage. What differs from optuna-integration: a grid is a space too; several
    metrics, `refit` by name and metadata routing work; folds are made once, so that no sample
    moves between training and validation while `enable_pruning` trains; `cv_results_` is that of
    scikit-learn, and `best_index_` its row.

    Args:
        estimator: What is fitted.
        param_distributions: A dict by parameter of distributions or lists, a list of such dicts, or
            what else `SearchCV` takes.
        cv: As in scikit-learn.
        enable_pruning: Whether to train by `partial_fit`, all folds a step at a time, and to ask
            the study's pruner after each step. The estimator must have `partial_fit`.
        error_score: As in scikit-learn.
        max_iter: How many steps of `partial_fit` a candidate is trained for at most.
        n_jobs: How many candidates are tried at a time, in threads; None: 1.
        n_trials: How many candidates are tried; None: until `timeout`, or for ever.
        random_state: Seeds the sampler, if there is no `study`, and `subsample`.
        refit, return_train_score, scoring: As in scikit-learn.
        study: The study to use, with its sampler and pruner; it must maximize. Candidates of an
            earlier search on the same data in it count. None: a new one with a `TPESampler`.
        subsample: How many samples are searched on (a whole number), or which part of them (a
            float up to 1.0); the best estimator is fitted to all.
        timeout: Begin no candidate after so many seconds.
        verbose: As in scikit-learn.
        callbacks: Called with (study, trial) after each candidate.
        catch: Errors at which a candidate fails and the search goes on, with `error_score="raise"`.

    Attributes beside those of scikit-learn's searches: `study_`, `trials_`, `n_trials_`,
    `best_trial_`, `n_iter_`, `user_attrs_`, `sample_indices_`, `n_fits_`, and the functions
    `set_user_attr` and `trials_dataframe` of the study.
    """

    _required_parameters: ClassVar[list[str]] = ["estimator", "param_distributions"]
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **{k: v for k, v in BaseSearchCV._parameter_constraints.items() if k != "pre_dispatch"},
        **{k: OWN_CONSTRAINTS[k] for k in ("timeout", "callbacks")},
        **dict.fromkeys(
            ("param_distributions", "max_iter", "n_trials", "study", "subsample", "catch"),
            "no_validation",
        ),
        "enable_pruning": ["boolean"],
        "random_state": ["random_state"],
    }
    early_stopping = None
    storage = None
    study_name = None

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        cv: Any = None,
        enable_pruning: bool = False,
        error_score: Any = np.nan,
        max_iter: int = 1000,
        n_jobs: int | None = None,
        n_trials: int | None = 10,
        random_state: Any = None,
        refit: Any = True,
        return_train_score: bool = False,
        scoring: Any = None,
        study: Any = None,
        subsample: float | int = 1.0,
        timeout: float | None = None,
        verbose: int = 0,
        callbacks: list[Callable[[Any, Any], None]] | None = None,
        catch: Iterable[type[Exception]] | type[Exception] = (),
    ) -> None:
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.enable_pruning, self.max_iter = enable_pruning, max_iter
        self.n_trials, self.timeout, self.random_state = n_trials, timeout, random_state
        self.study, self.subsample = study, subsample
        self.callbacks, self.catch = callbacks, catch

    # ------------------------------------------------------------------------- what is searched on

    def _data(self, X: Any, y: Any, params: dict[str, Any]) -> Data:
        """The data, with splits of the subsample only."""
        if self.enable_pruning and not hasattr(self.estimator, "partial_fit"):
            raise invalid("estimator", "have `partial_fit` for `enable_pruning`", self.estimator)
        for name in ("max_iter", "n_trials"):
            number = getattr(self, name)
            if number is None and name == "n_trials":
                continue
            if isinstance(number, bool) or not hasattr(number, "__index__"):
                raise wrong_type(name, "be a whole number", number)
            if number < 1:
                raise invalid(name, "be at least 1", number)
        data = super()._data(X, y, params)
        n, part = _num_samples(X), self.subsample
        if isinstance(part, bool) or not isinstance(part, numbers.Real):
            raise wrong_type("subsample", "be a number", part)
        size = int(part * n) if isinstance(part, float) else int(part)
        if not 1 <= size <= n:
            raise invalid("subsample", f"be from 1 to {n}, or a part up to 1.0", part)
        self.sample_indices_ = np.arange(n)
        if size == n:
            return data
        rng = check_random_state(self.random_state)
        chosen = np.sort(rng.choice(n, size, replace=False))
        self.sample_indices_ = chosen
        split_params = _check_method_params(X, params=data.routed.splitter.split, indices=chosen)
        parts = data.cv.split(
            _safe_indexing(X, chosen),
            None if y is None else _safe_indexing(y, chosen),
            **split_params,
        )
        splits = [(chosen[train], chosen[test]) for train, test in parts]
        self.n_splits_ = len(splits)
        return replace(data, splits=splits)

    def _metrics(self, scorers: Any) -> tuple[str | None, ...]:
        return (self.refit if isinstance(self.refit, str) else None,)

    def _sampler(self) -> Any:
        if self.random_state is None:
            return TPESampler()
        return TPESampler(seed=int(check_random_state(self.random_state).randint(_SEEDS)))

    def _pruner(self, data: Data) -> BasePruner:
        return MedianPruner() if self.enable_pruning else NopPruner()

    def _study(self, data: Data) -> Any:
        if self.study is None:
            return super()._study(data)
        if not isinstance(self.study, Study):
            raise wrong_type("study", "be a study of Skipjack, or None", self.study)
        if list(self.study.directions) != [StudyDirection.MAXIMIZE]:
            hint = "Scores of scikit-learn are larger where better."
            raise invalid("study", "have the direction 'maximize'", self.study.directions, hint)
        contents = Contents.of(self, data)
        contents.claim(self.study)
        contents.check(self.study, "study")
        return self.study

    # ------------------------------------------------------------------------------------ searching

    def _searched(self, data: Data, study: Any, start: float) -> tuple[Plan, list[Candidate], int]:
        space, fitting = read_space(self.param_distributions), self._fitting(data)
        plan = Plan(lambda _: data.splits, len(data.splits), data.metrics, False, None, False)

        def objective(trial: Any) -> float:
            candidate = Candidate(trial.number, space.suggest(trial), trial.number, trial)
            if self.enable_pruning:
                self._train_by_steps(data, candidate)
            else:
                for fold, (train, test) in enumerate(data.splits):
                    candidate.results[fold] = fitting.job(candidate.params, train, test)()
            self._keep(candidate)
            return mean_score(candidate, data.metrics[0])

        assert data.hooks is not None
        data.hooks.begin_search(self.n_trials and self.n_trials * len(data.splits))
        study.optimize(
            objective,
            n_trials=self.n_trials,
            timeout=self.timeout,
            n_jobs=self.n_jobs or 1,
            callbacks=self.callbacks,
            catch=self.catch,
        )
        data.hooks.end_search()
        candidates = kept(study, space)
        return plan, candidates, sum(len(candidate.results) for candidate in candidates)

    def _keep(self, candidate: Candidate) -> None:
        """Keep the results with the trial, also under the names of optuna-integration."""
        trial, results = candidate.trial, candidate.results
        trial.set_user_attr(KEPT, packed(candidate))
        for kind in ("test_score", "train_score", "fit_time", "score_time"):
            key = f"{kind}s" if kind.endswith("_score") else kind
            values: list[Any] = [results[fold].get(key) for fold in sorted(results)]
            if not all(isinstance(value, (float, int)) for value in values):
                continue  # not asked for, or several metrics
            if key != kind:
                for fold, value in enumerate(values):
                    trial.set_user_attr(f"split{fold}_{kind}", float(value))
            trial.set_user_attr(f"mean_{kind}", float(np.mean(values)))
            trial.set_user_attr(f"std_{kind}", float(np.std(values)))

    def _train_by_steps(self, data: Data, candidate: Candidate) -> None:
        """Train all folds a step at a time, until the pruner has enough.

        Raises:
            TrialPruned: If it has.
        """
        trial, params = candidate.trial, clone(candidate.params, safe=False)
        models = [clone(self.estimator).set_params(**params) for _ in data.splits]
        times = np.zeros((len(models), 2))
        for step in range(self.max_iter):
            for fold, model in enumerate(models):
                candidate.results[fold] = self._one_step(data, model, fold, times[fold])
            trial.report(mean_score(candidate, data.metrics[0]), step)
            if trial.should_prune():
                self._keep(candidate)
                raise TrialPruned(f"Trial {trial.number} was pruned at step {step}.")

    def _one_step(self, data: Data, model: Any, fold: int, times: Any) -> Result:
        """Train a model by one step, and score it."""
        train, test = data.splits[fold]
        X, y = _safe_split(model, data.X, data.y, train)
        X_test, y_test = _safe_split(model, data.X, data.y, test, train)
        more = _check_method_params(data.X, params=data.routed.estimator.fit, indices=train)
        if is_classifier(self.estimator):
            more.setdefault("classes", np.unique(data.y))
        started = time.perf_counter()
        result: Result = {"fit_error": None, "n_test_samples": _num_samples(X_test)}
        try:
            model.partial_fit(X, y, **more)
            times[0] += time.perf_counter() - started
            started = time.perf_counter()
            result["test_scores"] = self._scores(data, model, X_test, y_test, test)
            times[1] += time.perf_counter() - started
            if self.return_train_score:
                result["train_scores"] = self._scores(data, model, X, y, train)
        except Exception as error:
            if self.error_score == "raise":
                raise
            result |= {"fit_error": repr(error), "test_scores": self.error_score}
            if self.return_train_score:
                result["train_scores"] = self.error_score
        return result | {"fit_time": float(times[0]), "score_time": float(times[1])}

    def _scores(self, data: Data, model: Any, X: Any, y: Any, part: Any) -> Any:
        more = _check_method_params(data.X, params=data.routed.scorer.score, indices=part)
        scores = data.scorers(model, X, y, **more)
        if isinstance(scores, dict):
            return {name: float(score) for name, score in scores.items()}
        return float(scores)

    # --------------------------------------------------------------------------------- what is told

    @property
    def trials_(self) -> list[Any]:
        """All trials of the study."""
        check_is_fitted(self, "study_")
        trials: list[Any] = self.study_.trials
        return trials

    @property
    def n_trials_(self) -> int:
        """How many trials the study has."""
        return len(self.trials_)

    @property
    def best_trial_(self) -> Any:
        """The trial of the best candidate."""
        check_is_fitted(self, "best_index_")
        return self.trials_[self.cv_results_["trial_number"][self.best_index_]]

    @property
    def n_iter_(self) -> int:
        """For how many steps the best candidate was trained; 1 without `enable_pruning`."""
        return max(1, len(self.best_trial_.intermediate_values))

    @property
    def user_attrs_(self) -> dict[str, Any]:
        """The user attributes of the study."""
        check_is_fitted(self, "study_")
        attributes: dict[str, Any] = self.study_.user_attrs
        return attributes

    @property
    def set_user_attr(self) -> Callable[..., None]:
        """The study's function of that name."""
        check_is_fitted(self, "study_")
        function: Callable[..., None] = self.study_.set_user_attr
        return function

    @property
    def trials_dataframe(self) -> Callable[..., Any]:
        """The study's function of that name."""
        check_is_fitted(self, "study_")
        function: Callable[..., Any] = self.study_.trials_dataframe
        return function
