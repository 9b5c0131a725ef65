"""Candidates and their folds: what is fitted, what came out, and how it is kept in a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias, final

import numpy as np
from sklearn.base import clone
from sklearn.model_selection._validation import _fit_and_score

from skipjack.errors import invalid
from skipjack.model_selection.hooks import Hooks
from skipjack.model_selection.space import Params
from skipjack.model_selection.stopping import N_ROUNDS, fit_stopping_early
from skipjack.records.states import TrialState

Result: TypeAlias = dict[str, Any]  # of one fit: what scikit-learn's own searches keep of it
KEPT = "cv"  # the attribute of a trial that keeps its results
_TIMES = ("fit_time", "score_time", "n_test_samples")


@final
@dataclass
class Candidate:
    """Parameters that are tried, and what is known of them so far.

    Attributes:
        index: Its row among the results.
        params: Of the estimator.
        number: Of its trial.
        trial: The trial, while it runs.
        results: By fold; those of the last rung, where there are rungs.
        rung: How many rungs are done.
        n_fits: How many fits were made.
        state: How it ended; RUNNING before.
    """

    index: int
    params: Params
    number: int
    trial: Any = None
    results: dict[int, Result] = field(default_factory=dict)
    rung: int = 0
    state: TrialState = TrialState.RUNNING
    n_fits: int = 0


@final
@dataclass(frozen=True)
class Fitting:
    """How a candidate is fitted and scored on a fold, the same for all of them.

    Attributes:
        estimator: One that is not fitted, to clone.
        X, y: The data.
        options: What scikit-learn's `_fit_and_score` is given besides.
        patience: So many trees without a gain on the fold's validation part end a fit of gradient
            boosting; None: nothing does.
        hooks: Tells scikit-learn's callbacks; None if nothing is told.
    """

    estimator: Any
    X: Any
    y: Any
    options: Mapping[str, Any]
    patience: int | None = None
    hooks: Hooks | None = None

    def job(self, params: Params, train: Any, test: Any, **progress: Any) -> Callable[[], Result]:
        """One fit, to be called wherever joblib wants."""
        estimator = clone(self.estimator)
        fit = _fit_and_score
        if self.patience is not None:
            fit = partial(fit_stopping_early, patience=self.patience)
        if self.hooks is not None:
            progress.update(self.hooks.fold())
        return partial(
            fit,
            estimator,
            self.X,
            self.y,
            train=train,
            test=test,
            parameters=params,
            **self.options,
            **progress,
        )


def done(job: Callable[[], Result]) -> Result:
    """What a job comes to."""
    return job()


def score_of(result: Result, metric: str | None) -> float:
    """A test score of a fit.

    Args:
        result: What came out.
        metric: Its name; None for the first one.

    Raises:
        ValueError: If other metrics were scored.
    """
    scores = result["test_scores"]
    if not isinstance(scores, Mapping):
        return float(scores)
    if metric is None:
        return float(next(iter(scores.values())))
    if metric not in scores:
        raise invalid("objectives", f"name metrics of `scoring` ({', '.join(scores)})", metric)
    return float(scores[metric])


def mean_score(candidate: Candidate, metric: str | None) -> float:
    """The mean over the folds that were fitted."""
    return float(np.mean([score_of(result, metric) for result in candidate.results.values()]))


def packed(candidate: Candidate) -> dict[str, Any]:
    """The results of a candidate as JSON, to be kept with its trial."""
    folds = sorted(candidate.results)
    results = [candidate.results[fold] for fold in folds]
    kept: dict[str, Any] = {"folds": folds, "rung": candidate.rung}
    for kind in ("test_scores", "train_scores"):
        if kind in results[0]:
            kept[kind] = _columns([result[kind] for result in results])
    for name in _TIMES:
        kept[name] = [float(result[name]) for result in results]
    if any(N_ROUNDS in result for result in results):
        kept[N_ROUNDS] = [result.get(N_ROUNDS) for result in results]
    errors = [result.get("fit_error") for result in results]
    if any(errors):
        kept["fit_error"] = errors
    return kept


def unpacked(kept: Mapping[str, Any]) -> dict[int, Result]:
    """The results that `packed` has kept."""
    results: dict[int, Result] = {}
    for i, fold in enumerate(kept["folds"]):
        result: Result = {name: kept[name][i] for name in _TIMES}
        result["n_test_samples"] = int(result["n_test_samples"])
        for kind in ("test_scores", "train_scores"):
            if kind in kept:
                result[kind] = _row(kept[kind], i)
        if kept.get(N_ROUNDS, [None] * (i + 1))[i] is not None:
            result[N_ROUNDS] = int(kept[N_ROUNDS][i])
        result["fit_error"] = kept["fit_error"][i] if "fit_error" in kept else None
        results[fold] = result
    return results


def _columns(scores: list[Any]) -> Any:
    """Scores of several fits: a list, or a dict of lists."""
    if not any(isinstance(score, Mapping) for score in scores):
        return [float(score) for score in scores]
    names = next(score for score in scores if isinstance(score, Mapping))
    return {
        name: [float(s[name] if isinstance(s, Mapping) else s) for s in scores] for name in names
    }


def _row(columns: Any, i: int) -> Any:
    """The scores of one fit."""
    if isinstance(columns, Mapping):
        return {name: column[i] for name, column in columns.items()}
    return columns[i]
