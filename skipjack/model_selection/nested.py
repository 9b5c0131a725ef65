"""Nested cross-validation: the score of a search on data that it has not seen."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skipjack import _optional
from skipjack.errors import invalid
from skipjack.model_selection.noise import FloatArray, corrected_standard_error
from skipjack.model_selection.optimism import bias_corrected, fold_scores, raced
from skipjack.model_selection.splits import has_classes, repeated

sklearn = _optional.lazy("sklearn", "sklearn", "nested_cross_validate")
base = _optional.lazy("sklearn.base", "sklearn", "nested_cross_validate")
metrics = _optional.lazy("sklearn.metrics", "sklearn", "nested_cross_validate")
selection = _optional.lazy("sklearn.model_selection", "sklearn", "nested_cross_validate")
parallel = _optional.lazy("sklearn.utils.parallel", "sklearn", "nested_cross_validate")

IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class OuterFold:
    """One search and its score on the part of the data that it has not seen.

    Attributes:
        scores: The scores on that part, by metric ("score" where there is one).
        best_score: What the search promises, its `best_score_`; NaN if it has none.
        corrected: The same, bias-corrected; NaN where `cv_results_` does not allow it.
        best_params: The parameters that it has chosen; None if it does not tell.
        train: Indices of the samples that it has seen.
        test: Indices of those that it has not.
        fit_time: Seconds of the search.
        search: The fitted search; None unless `return_estimator` is true.
    """

    scores: Mapping[str, float]
    best_score: float
    corrected: float
    best_params: Mapping[str, Any] | None
    train: IntArray
    test: IntArray
    fit_time: float
    search: Any


@dataclass(frozen=True, slots=True)
class Nested:
    """What nested cross-validation says; its text is a table and a summary.

    Attributes:
        folds: One record an outer fold.
        metric: The metric by which the search chooses.
    """

    folds: tuple[OuterFold, ...]
    metric: str

    @property
    def scores(self) -> FloatArray:
        """The honest scores of the outer folds, by the metric of the search."""
        return np.array([fold.scores[self.metric] for fold in self.folds])

    @property
    def score(self) -> float:
        """Their mean: what to expect of the search on new data."""
        return float(self.scores.mean())

    @property
    def standard_error(self) -> float:
        """The error of the mean, corrected for training data that folds share; NaN with one."""
        sizes = [len(fold.test) / len(fold.train) for fold in self.folds]
        return corrected_standard_error(self.scores, float(np.mean(sizes)))

    @property
    def best_score(self) -> float:
        """The mean of what the searches promise."""
        return float(np.mean([fold.best_score for fold in self.folds]))

    @property
    def corrected(self) -> float:
        """The mean of what they promise, bias-corrected."""
        return float(np.mean([fold.corrected for fold in self.folds]))

    @property
    def optimism(self) -> float:
        """How much the searches promise too much: their mean less the honest score."""
        return self.best_score - self.score

    def mean(self, metric: str) -> float:
        """The mean over outer folds of any metric that was asked for.

        Raises:
            ValueError: If it was not.
        """
        if metric not in self.folds[0].scores:
            known = ", ".join(map(repr, self.folds[0].scores))
            raise invalid("metric", f"be one of {known}", metric)
        return float(np.mean([fold.scores[metric] for fold in self.folds]))

    def chosen(self) -> dict[str, list[Any]]:
        """For each parameter what the outer folds have chosen: alike if the choice is stable."""
        names = {name: None for fold in self.folds for name in fold.best_params or ()}
        return {name: [(fold.best_params or {}).get(name) for fold in self.folds] for name in names}

    def to_dict(self) -> dict[str, list[Any]]:
        """Columns, one entry an outer fold, for a frame: scores, promises, sizes, parameters."""
        columns: dict[str, list[Any]] = {
            f"test_{name}": [fold.scores[name] for fold in self.folds]
            for name in self.folds[0].scores
        }
        columns["best_score"] = [fold.best_score for fold in self.folds]
        columns["corrected"] = [fold.corrected for fold in self.folds]
        columns["n_train"] = [len(fold.train) for fold in self.folds]
        columns["n_test"] = [len(fold.test) for fold in self.folds]
        columns["fit_time"] = [fold.fit_time for fold in self.folds]
        return columns | {f"param_{name}": chosen for name, chosen in self.chosen().items()}

    def __str__(self) -> str:
        lines = ["fold  n test     score  promised  corrected  chosen"]
        for number, fold in enumerate(self.folds):
            chosen = ", ".join(f"{k}={v!r}" for k, v in (fold.best_params or {}).items())
            lines.append(
                f"{number:4}  {len(fold.test):6}  {fold.scores[self.metric]:8.4f}  "
                f"{fold.best_score:8.4f}  {fold.corrected:9.4f}  {chosen}"
            )
        error = self.standard_error
        lines += [
            "",
            f"{self.metric} on unseen data {self.score:.4f}"
            + (f" ± {error:.4f}" if math.isfinite(error) else ""),
            f"promised by the searches {self.best_score:.4f}, "
            f"too much by {self.optimism:.4f}; bias-corrected {self.corrected:.4f}",
        ]
        for name in self.folds[0].scores:
            if name != self.metric:
                lines.append(f"{name} on unseen data {self.mean(name):.4f}")
        return "\n".join(lines)

    __repr__ = __str__


def nested_cross_validate(
    search: Any,
    X: Any,
    y: Any = None,
    *,
    outer_cv: Any = None,
    groups: Any = None,
    scoring: Any = None,
    params: Mapping[str, Any] | None = None,
    repeats: int = 1,
    n_jobs: int | None = None,
    return_estimator: bool = False,
    error_score: float | str = np.nan,
    random_state: int | None = 0,
) -> Nested:
    """Score a whole search on data that it has not seen, fold by fold.

    Each outer fold runs the search anew on its training part and scores the model that it hands
    back on the rest, so that choosing the parameters is part of what is scored.

    Args:
        search: Any search estimator of scikit-learn's kind, with `refit`; it is not changed.
        X: The data.
        y: The target.
        outer_cv: A splitter, a number of folds, or pairs of index arrays; five folds if None. For
            a number they are shuffled, stratified for a classifier, and keep groups together.
        groups: One label a sample, for the outer splits and for those of the search.
        scoring: What else to score by than the search's own metric: a name, a callable, a list
            of names or a dict, as in `cross_validate`. All metrics of the search if None.
        params: What goes to the search's `fit`, cut to the fold where it has one entry a sample:
            `{"sample_weight": w}`. With scikit-learn's metadata routing on, it is routed.
        repeats: How often the outer folds are drawn; the splitter must then shuffle.
        n_jobs: Outer folds at a time, through joblib.
        return_estimator: Whether to keep the fitted searches.
        error_score: The score of a fold whose search fails, or "raise".
        random_state: Seed of the outer folds if `outer_cv` is a number, and of the bootstrap.

    Raises:
        ValueError: If the search does not refit, or `repeats` is below 1.

    Cost: as many searches as there are outer folds.

    Source: S. Varma and R. Simon, BMC Bioinformatics 7 (2006); G. Cawley and N. Talbot, JMLR 11
        (2010), section 5.3.
    """
    if getattr(search, "refit", True) is False:
        raise invalid("search", "refit the best model, to have one to score", "refit=False")
    classifier = base.is_classifier(getattr(search, "estimator", search)) and has_classes(y)
    outer = repeated(outer_cv, repeats, classifier, random_state, groups is not None)
    splits = list(selection.check_cv(outer, y, classifier=classifier).split(X, y, groups))
    options = {"scoring": _scorers(search, scoring), "params": _routed(search, params, groups)}
    options |= {"n_jobs": n_jobs, "error_score": error_score}
    results = _searched(search, X, y, splits, options)
    folds = tuple(_folds(results, splits, return_estimator, random_state))
    return Nested(folds, _metric_of(search, list(folds[0].scores)))


def _searched(
    search: Any, X: Any, y: Any, splits: list[tuple[IntArray, IntArray]], options: dict[str, Any]
) -> dict[str, Any]:
    """What `cross_validate` gives; each fold is a study of its own, if the search names one."""
    cross_validate, name = selection.cross_validate, getattr(search, "study_name", None)
    options = {**options, "return_estimator": True}
    if name is None:
        found: dict[str, Any] = cross_validate(search, X, y, cv=splits, **options)
        return found
    n_jobs = options.pop("n_jobs")
    parts = parallel.Parallel(n_jobs=n_jobs)(
        parallel.delayed(cross_validate)(
            base.clone(search).set_params(study_name=f"{name}, outer fold {number}"),
            *(X, y),
            cv=[split],
            **options,
        )
        for number, split in enumerate(splits)
    )
    return {key: [value for part in parts for value in part[key]] for key in parts[0]}


def _folds(
    results: Mapping[str, Any],
    splits: list[tuple[IntArray, IntArray]],
    keep: bool,
    random_state: int | None,
) -> Iterator[OuterFold]:
    """Records of what `cross_validate` gave."""
    names = [key[len("test_") :] for key in results if key.startswith("test_")]
    for number, (train, test) in enumerate(splits):
        fitted = results["estimator"][number]
        promised, corrected = _promises(fitted, random_state)
        yield OuterFold(
            {name: float(results[f"test_{name}"][number]) for name in names},
            promised,
            corrected,
            getattr(fitted, "best_params_", None),
            np.asarray(train),
            np.asarray(test),
            float(results["fit_time"][number]),
            fitted if keep else None,
        )


def _scorers(search: Any, scoring: Any) -> Any:
    """What to score by: the search's own metric as "score", and what else is asked for."""
    if scoring is None:
        own = getattr(search, "scoring", None)
        return own if isinstance(own, (list, tuple, set, dict)) else None
    scorers: dict[str, Any] = {"score": metrics.check_scoring(search)}
    if isinstance(scoring, Mapping):
        return scorers | dict(scoring)
    if isinstance(scoring, str):
        scoring = [scoring]
    if callable(scoring):
        return scorers | {"scoring": scoring}
    return scorers | {name: name for name in scoring}


def _metric_of(search: Any, names: list[str]) -> str:
    """Which of the metrics is that by which the search chooses."""
    refit = getattr(search, "refit", True)
    if "score" in names:
        return "score"
    return refit if refit in names else names[0]


def _promises(fitted: Any, random_state: int | None) -> tuple[float, float]:
    """The best score of a search and its bias-corrected one; NaN for what it does not tell."""
    promised = float(getattr(fitted, "best_score_", math.nan))
    if not hasattr(fitted, "cv_results_"):
        return promised, math.nan
    try:
        table, given_up = fold_scores(fitted), raced(fitted)
        honest = bias_corrected(table, given_up=given_up, random_state=random_state)
        return promised, honest.corrected
    except ValueError:  # one split only, or scores that are told otherwise
        return promised, math.nan


def _routed(search: Any, params: Mapping[str, Any] | None, groups: Any) -> dict[str, Any]:
    """What goes to the `fit` of the search: its groups too, if it takes them."""
    given = dict(params or {})
    if groups is None:
        return given
    if sklearn.get_config()["enable_metadata_routing"]:
        takes = "groups" in search.get_metadata_routing().consumes("fit", ["groups"])
    else:
        kinds = inspect.signature(search.fit).parameters
        takes = "groups" in kinds or any(k.kind is k.VAR_KEYWORD for k in kinds.values())
    return given | {"groups": groups} if takes else given
