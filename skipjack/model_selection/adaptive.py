"""SearchCV: a search that learns from the candidates it has tried, and stops hopeless ones."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples, check_is_fitted

from skipjack.errors import UnsupportedError, invalid, wrong_type
from skipjack.model_selection.base import OWN_CONSTRAINTS, Data, TrialSearchCV
from skipjack.model_selection.confirmation import Confirmation
from skipjack.model_selection.folds import Candidate, done, score_of
from skipjack.model_selection.noise import gain_over
from skipjack.model_selection.reshuffling import reshuffled
from skipjack.model_selection.resources import (
    FOLDS,
    SAMPLES,
    Ladder,
    balanced_order,
    ladder_of,
)
from skipjack.model_selection.rounds import Limits, Plan, Rounds
from skipjack.model_selection.selection import one_se
from skipjack.model_selection.sources import Sampled, Source
from skipjack.model_selection.space import read_space
from skipjack.pruners import BasePruner
from skipjack.pruners.halving import SuccessiveHalvingPruner
from skipjack.records.states import TrialState
from skipjack.samplers import TPESampler

_SEEDS = 2**31 - 1
_ADVICE = "Use `refit=` with the name of one, or leave `objectives` out."


class SearchCV(TrialSearchCV):
    """A search for the best parameters of an estimator, with any sampler and pruner of Skipjack.

    Used as scikit-learn's RandomizedSearchCV. Candidates are proposed by a sampler that learns
    from the scores of those before, and are stopped after some folds when they cannot have the
    best mean any more. The folds are made once and are the same for all candidates.

    Args:
        estimator: What is fitted.
        param_distributions: The space: a dict by parameter of lists, of distributions of Skipjack,
            Optuna or scipy (also unbounded ones), a list of such dicts, of which each candidate
            is from one, or a function of a trial that returns what `set_params` is given.
        n_trials: How many candidates are tried, those of an earlier, killed run included; None:
            until something else stops it.
        max_fits: Begin no candidate that could bring the number of fits above it.
        timeout: Begin no candidate after so many seconds.
        sampler: Proposes candidates; `TPESampler` if None.
        racing: "safe" stops candidates that cannot have the best mean over all folds any more,
            "aggressive" those that likely have not, "off" none.
        pruner: A pruner that decides this instead. It is asked after each fold, with the mean so
            far reported.
        scoring: As in scikit-learn.
        objectives: The names of the scores that are maximised; None: the one that `refit` names,
            or else all of them, together.
        n_jobs: How many fits run at a time, by joblib's active backend; None: 1 or what that says.
        refit: As in scikit-learn. A callable is not shown candidates that were stopped.
        select: Which candidate is chosen: "best", "one_se" for the simplest one within one
            standard error of the best (see `one_se`), or a function of `cv_results_` that
            returns a row.
        cv: As in scikit-learn.
        reshuffle: Whether each candidate has splits of its own, from the same splitter with
            another `random_state`; then nothing is raced.
        resource: What a candidate is given more of while it does well: "samples", "folds", or the
            name of a whole-numbered parameter such as "n_estimators". At each step about one in
            `factor` goes on, with `factor` times as much; the last step has all.
        factor: See there.
        min_resources: What the first step has; "auto" leaves it to the data.
        max_resources: What the last step has; "auto": all samples, or what the estimator has set.
        try_default: Whether the parameters of `estimator` itself are tried first, if they are in
            the space. Then there is a warning when the best is better than these by no more than
            the noise of the folds.
        verbose: 1 prints a line for each candidate, more also what scikit-learn's searches print.
        pre_dispatch, error_score, return_train_score: As in scikit-learn.
        random_state: Seeds the sampler, if that is not given, `reshuffle` and `resource`.
        storage: Where the study is kept, a URL or a storage; None: in memory. A search with the
            same `study_name` goes on with it.
        study_name: The name of the study.
        callbacks: Called with (study, trial) after each candidate; `study.stop()` ends the search.
        early_stopping: For gradient boosting (LightGBM, XGBoost, CatBoost, HistGradientBoosting),
            also at the end of a pipeline: end a fit after so many trees without a gain on the
            fold's validation part. `best_estimator_` has as many trees as the folds had on average
            (`mean_n_rounds` in `cv_results_`). Scores are then a little too good.

    Attributes beside those of scikit-learn's searches: `study_`, `n_fits_`, with several
    objectives `pareto_index_`, and in `cv_results_` the columns `trial_number` and `state`.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseSearchCV._parameter_constraints,
        **OWN_CONSTRAINTS,
        **dict.fromkeys(
            (
                *("param_distributions", "n_trials", "max_fits", "sampler", "objectives"),
                *("select", "resource", "factor", "min_resources", "max_resources"),
            ),
            "no_validation",
        ),
        "reshuffle": ["boolean"],
        "try_default": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_trials: int | None = 50,
        max_fits: int | None = None,
        timeout: float | None = None,
        sampler: Any = None,
        racing: str = "safe",
        pruner: Any = None,
        scoring: Any = None,
        objectives: str | Sequence[str] | None = None,
        n_jobs: int | None = None,
        refit: Any = True,
        select: Any = "best",
        cv: Any = None,
        reshuffle: bool = False,
        resource: str | None = None,
        factor: int = 3,
        min_resources: int | str = "auto",
        max_resources: int | str = "auto",
        try_default: bool = True,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
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
        self.n_trials, self.max_fits, self.timeout = n_trials, max_fits, timeout
        self.sampler, self.racing, self.pruner = sampler, racing, pruner
        self.objectives, self.select, self.reshuffle = objectives, select, reshuffle
        self.resource, self.factor = resource, factor
        self.min_resources, self.max_resources = min_resources, max_resources
        self.try_default, self.random_state = try_default, random_state
        self.storage, self.study_name, self.callbacks = storage, study_name, callbacks
        self.early_stopping = early_stopping

    # --------------------------------------------------------------------------- what is searched

    def _limits(self) -> Limits:
        counts = []
        for name in ("n_trials", "max_fits"):
            given = getattr(self, name)
            if given is None:
                counts.append(math.inf)
                continue
            if isinstance(given, bool) or not hasattr(given, "__index__"):
                raise wrong_type(name, "be a whole number or None", given)
            if given < 1:
                raise invalid(name, "be at least 1", given)
            counts.append(int(given))
        if self.max_fits is not None and self.max_fits < self.n_splits_:
            raise invalid("max_fits", f"allow one candidate: {self.n_splits_} fits", self.max_fits)
        return Limits(*counts)

    def _metrics(self, scorers: Any) -> tuple[str | None, ...]:
        named = self.objectives
        names = list(getattr(scorers, "_scorers", ()))
        if named is not None:
            if not isinstance(named, Iterable):
                raise wrong_type("objectives", "be names of scores", named)
            found = (named,) if isinstance(named, str) else tuple(named)
            if not found or not all(isinstance(name, str) for name in found):
                raise invalid("objectives", "name one score or several", named)
            if len(set(found)) < len(found):
                raise invalid("objectives", "name each score once", named)
            if (
                not names
                and not callable(self.scoring)
                and found not in (("score",), (self.scoring,))
            ):
                hint = "There is one score only; give `scoring` a list or a dict of all."
                raise invalid("objectives", "be left out or name a score", named, hint)
            return found
        if not names:
            return (self.refit if isinstance(self.refit, str) else "score",)
        return (self.refit,) if isinstance(self.refit, str) else tuple(names)

    def _sampler(self) -> Any:
        if self.sampler is not None:
            return clone(self.sampler, safe=False)
        return TPESampler(seed=self._seed())

    def _seed(self) -> int | None:
        if self.random_state is None:
            return None
        return int(check_random_state(self.random_state).randint(_SEEDS))

    def _source(self, study: Any) -> Source:
        rule = self.select
        if not (callable(rule) or (isinstance(rule, str) and rule in ("best", "one_se"))):
            raise invalid("select", "be 'best', 'one_se' or a function of `cv_results_`", rule)
        space = read_space(self.param_distributions)
        first = space.drawn(self.estimator.get_params()) if self.try_default else None
        self._first = first
        return Sampled(study, space, first, self.n_trials)

    def _plan(self, data: Data, study: Any) -> Plan:
        splits: Any = lambda index: data.splits  # noqa: E731
        is_race = self._is_race(data, study)
        if self.reshuffle:
            splits = reshuffled(data.cv, data.X, data.y, data.routed.splitter.split, self._seed())
        ladder = self._ladder(data)
        is_race = is_race and ladder is None
        return Plan(splits, len(data.splits), data.metrics, is_race, ladder, False)

    def _is_race(self, data: Data, study: Any) -> bool:
        return super()._is_race(data, study) and not self.reshuffle

    def _pruner(self, data: Data) -> BasePruner:
        if self.resource is None:
            return super()._pruner(data)
        factor = self.factor
        if isinstance(factor, bool) or not isinstance(factor, int) or factor < 2:
            raise invalid("factor", "be a whole number of at least 2", factor)
        for name, taken in (("pruner", self.pruner is not None), ("reshuffle", self.reshuffle)):
            if taken:
                raise invalid(name, "be left out with `resource`", getattr(self, name))
        if len(data.metrics) > 1:
            raise UnsupportedError(f"`resource` works with one objective only. {_ADVICE}")
        return SuccessiveHalvingPruner(min_resource=1, reduction_factor=factor)

    def _ladder(self, data: Data) -> Ladder | None:
        """The steps of the resource."""
        resource = self.resource
        if resource is None or resource == FOLDS:
            return None
        n_least = min(len(train) for train, _ in data.splits)
        rng = check_random_state(self._seed())
        most: Any
        least: Any
        if resource == SAMPLES:
            classes = is_classifier(self.estimator)
            n_classes = len(np.unique(data.y)) if classes else 1
            order = balanced_order(data.y, _num_samples(data.X), classes, rng)
            most, least = n_least, max(10 * n_classes, n_least // self.factor**3)
        else:
            known = self.estimator.get_params()
            if resource not in known:
                hint = "It is one of them, 'samples' or 'folds'."
                raise invalid("resource", "be a parameter of the estimator", resource, hint)
            order, most, least = None, known[resource], 1
        if self.max_resources != "auto":
            most = self.max_resources
            if resource == SAMPLES and isinstance(most, int) and most > n_least:
                hint = "That is what the smallest fold trains on."
                raise invalid("max_resources", f"be at most {n_least}", most, hint)
        if isinstance(most, bool) or not hasattr(most, "__index__"):
            raise invalid("max_resources", f"be how much `{resource}` may be at most", most)
        if order is None:
            least = max(1, most // self.factor**3)
        if self.min_resources != "auto":
            least = self.min_resources
        if isinstance(least, bool) or not hasattr(least, "__index__"):
            raise invalid("min_resources", "be a whole number or 'auto'", least)
        if self.min_resources == "auto":
            least = min(least, most)
        return ladder_of(int(least), int(most), self.factor, resource, order)

    # -------------------------------------------------------------------------------- what is told

    def _show(self, rounds: Rounds) -> None:
        if self.verbose < 1:
            return
        done, total = rounds.candidates, self.n_trials or "?"
        last, n_folds = done[-1], len(done[-1].results)
        told = f"{last.state.name.lower()} after {n_folds} fold{'s' * (n_folds > 1)}"
        scores = [rounds.scores(c) for c in done if c.state == TrialState.COMPLETE]
        if scores and len(scores[0]) == 1:
            told += f", best {max(scores)[0]:.5g}"
        values = ", ".join(f"{value:.5g}" for value in rounds.scores(last))
        print(f"[{len(done)}/{total}] {values} ({told}; {rounds.n_fits} fits) {last.params}")

    def _chosen(self, results: dict[str, Any], refit_metric: Any) -> int:
        rule = self.select
        if rule == "best" or callable(self.refit):
            return super()._chosen(results, refit_metric)
        if rule == "one_se":
            rule = one_se(metric=refit_metric)
        row = rule(results)
        if isinstance(row, bool) or not hasattr(row, "__index__"):
            raise wrong_type("select", "return a row of `cv_results_`", row)
        if not 0 <= row < len(results["params"]):
            raise invalid("select", f"return a row from 0 to {len(results['params']) - 1}", row)
        return int(row)

    def _conclude(self, data: Data, plan: Plan, candidates: Sequence[Candidate]) -> None:
        super()._conclude(data, plan, candidates)
        row, default = getattr(self, "best_index_", 0), candidates[0]
        if self._first is None or row == 0 or default.state != TrialState.COMPLETE:
            return
        if self.select != "best" or callable(self.refit):
            return  # those may want what is simpler
        if self.reshuffle or candidates[row].state != TrialState.COMPLETE:
            return
        metric = self.refit if isinstance(self.refit, str) else plan.metrics[0]
        best, reference = (
            [score_of(c.results[fold], metric) for fold in range(plan.n_splits)]
            for c in (candidates[row], default)
        )
        ratio = float(np.mean([len(test) / len(train) for train, test in data.splits]))
        gain = gain_over(best, reference, ratio)
        if gain.is_noise:
            warnings.warn(
                f"The best candidate is better than the estimator as it was given by "
                f"{gain.gain:.3g}, no more than the noise of the folds, {gain.noise:.3g}. "
                f"More folds, or repeated ones, would tell more; see also `select='one_se'` and "
                f"`confirm`. `try_default=False` leaves this out.",
                UserWarning,
                stacklevel=4,
            )

    def confirm(
        self, X: Any, y: Any = None, *, top_k: int = 5, repeats: int = 5, **params: Any
    ) -> Confirmation:
        """Try the best candidates again on new splits, where the luck of the search does not help.

        The splits are of the same kind, made with other random states; the attributes of the
        search stay as they are.

        Args:
            X, y: What the search was fitted to.
            top_k: How many candidates, the best by rank.
            repeats: How many times all folds are made anew.
            **params: As in `fit`.

        Returns:
            A record that prints as a table, the best candidate first; with `means`, `scores`,
            `rows` of `cv_results_`, and `tests` against the first.

        Raises:
            ValueError: If a number is below 1, or the splitter makes no random splits.
            NotFittedError: If there was no search before.
        """
        check_is_fitted(self, "cv_results_")
        for name, number in (("top_k", top_k), ("repeats", repeats)):
            if isinstance(number, bool) or not hasattr(number, "__index__") or number < 1:
                raise invalid(name, "be a whole number of at least 1", number)
        data = self._data(X, y, params)
        results = self.cv_results_
        metric = self.refit if isinstance(self.refit, str) and self.multimetric_ else None
        name = metric or ("score" if not self.multimetric_ else str(data.metrics[0]))
        rows = np.argsort(results[f"rank_test_{name}"], kind="stable")
        rows = rows[results["state"][rows] == TrialState.COMPLETE.name][:top_k]
        new = reshuffled(data.cv, data.X, data.y, data.routed.splitter.split, self._seed())
        splits = [split for repeat in range(repeats) for split in new(2**31 + repeat)]
        fitting = self._fitting(data)
        jobs = [
            fitting.job(results["params"][row], train, test)
            for row in rows
            for train, test in splits
        ]
        out = Parallel(n_jobs=self.n_jobs, pre_dispatch=self.pre_dispatch)(
            delayed(done)(job) for job in jobs
        )
        scores = np.array([score_of(result, name) for result in out]).reshape(len(rows), -1)
        order = np.argsort(-scores.mean(axis=1), kind="stable")
        return Confirmation(
            rows[order],
            [results["params"][row] for row in rows[order]],
            scores[order],
            results[f"mean_test_{name}"][rows[order]],
            float(np.mean([len(test) / len(train) for train, test in splits])),
        )
