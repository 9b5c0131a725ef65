"""scikit-learn's GridSearchCV and RandomizedSearchCV, with storage, resume, progress and racing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
from sklearn import model_selection as theirs
from sklearn.model_selection import ParameterGrid, ParameterSampler

from skipjack.model_selection.base import OWN_CONSTRAINTS, Data, TrialSearchCV
from skipjack.model_selection.rounds import Limits, Plan
from skipjack.model_selection.sources import Listed, Source
from skipjack.model_selection.space import Params, Space, read_space
from skipjack.samplers import RandomSampler


class ListedSearchCV(TrialSearchCV):
    """A search whose candidates are known before."""

    @abstractmethod
    def _candidates(self) -> list[Params]:
        """The parameters to try, in order."""

    @abstractmethod
    def _space(self) -> Any:
        """What they are from, as the user has given it."""

    def _source(self, study: Any) -> Source:
        space: Space | None
        try:
            space = read_space(self._space())
        except (TypeError, ValueError):  # distributions of which nothing but `rvs` is known
            space = None
        candidates = self._candidates()
        if self.verbose > 0:
            n, k = len(candidates), self.n_splits_
            print(f"Fitting {k} folds for each of {n} candidates, totalling {n * k} fits")
        return Listed(study, candidates, space)

    def _metrics(self, scorers: Any) -> tuple[str | None, ...]:
        return (self.refit if isinstance(self.refit, str) else None,)

    def _sampler(self) -> Any:
        return RandomSampler(seed=0)

    def _plan(self, data: Data, study: Any) -> Plan:
        splits, is_race = data.splits, self._is_race(data, study)
        return Plan(lambda index: splits, len(splits), data.metrics, is_race, None, True)

    def _limits(self) -> Limits:
        return Limits()


class GridSearchCV(ListedSearchCV):
    """Tries every point of a grid; as scikit-learn's, and kept in a study.

    With the arguments of scikit-learn's it makes the same fits and has the same results. A search
    with a `storage` and a `study_name` that was killed goes on where it was when it is run again,
    and the fits that it has made are not made again.

    Args:
        estimator: What is fitted.
        param_grid: A dict of lists by parameter, or a list of such dicts.
        scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score: As in
            scikit-learn. A callable `refit` is shown candidates that were tried on all folds.
        racing: "safe" runs the folds of a candidate one after the other and stops those that
            cannot have the best mean any more; "aggressive" those that likely have not; "off".
        pruner: A pruner that decides this instead.
        timeout: Begin no candidate after so many seconds.
        storage: Where the study is kept, a URL or a storage; None: in memory.
        study_name: Its name.
        callbacks: Called with (study, trial) after each candidate.
        early_stopping: As in `SearchCV`.

    Attributes beside those of scikit-learn: `study_`, `n_fits_`, and in `cv_results_` the columns
    `trial_number` and `state`.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **theirs.GridSearchCV._parameter_constraints,
        **OWN_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        error_score: Any = np.nan,
        return_train_score: bool = False,
        racing: str = "off",
        pruner: Any = None,
        timeout: float | None = None,
        storage: Any = None,
        study_name: str | None = None,
        callbacks: Iterable[Callable[[Any, Any], None]] | None = None,
        early_stopping: int | None = None,
    ) -> None:
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_grid = param_grid
        self.racing = racing
        self.pruner = pruner
        self.timeout = timeout
        self.storage = storage
        self.study_name = study_name
        self.callbacks = callbacks
        self.early_stopping = early_stopping

    def _candidates(self) -> list[Params]:
        return list(ParameterGrid(self.param_grid))

    def _space(self) -> Any:
        return self.param_grid


class RandomizedSearchCV(ListedSearchCV):
    """Tries random points; as scikit-learn's, and kept in a study.

    With the arguments of scikit-learn's it makes the same fits and has the same results. A search
    with a `storage`, a `study_name` and a fixed `random_state` that was killed goes on where it
    was when it is run again.

    Args:
        estimator: What is fitted.
        param_distributions: A dict of lists or distributions by parameter, or a list of such.
        n_iter: How many points are tried.
        scoring, n_jobs, refit, cv, verbose, pre_dispatch, random_state: As in scikit-learn.
        error_score, return_train_score: Likewise.
        racing, pruner, timeout, storage, study_name, callbacks: As in `GridSearchCV`.
        early_stopping: As in `SearchCV`.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **theirs.RandomizedSearchCV._parameter_constraints,
        **OWN_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        racing: str = "off",
        pruner: Any = None,
        timeout: float | None = None,
        storage: Any = None,
        study_name: str | None = None,
        callbacks: Iterable[Callable[[Any, Any], None]] | None = None,
        early_stopping: int | None = None,
    ) -> None:
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.random_state = random_state
        self.racing = racing
        self.pruner = pruner
        self.timeout = timeout
        self.storage = storage
        self.study_name = study_name
        self.callbacks = callbacks
        self.early_stopping = early_stopping

    def _candidates(self) -> list[Params]:
        space, n_iter = self.param_distributions, self.n_iter
        return list(ParameterSampler(space, n_iter, random_state=self.random_state))

    def _space(self) -> Any:
        return self.param_distributions
