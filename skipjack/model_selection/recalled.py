"""Scoring predictions that were made before, with any scorer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from skipjack import _optional
from skipjack.errors import UnsupportedError

base = _optional.lazy("sklearn.base", "sklearn", "skipjack.model_selection")
selection = _optional.lazy("sklearn.model_selection", "sklearn", "skipjack.model_selection")
pipeline = _optional.lazy("sklearn.pipeline", "sklearn", "skipjack.model_selection")
parallel = _optional.lazy("sklearn.utils.parallel", "sklearn", "skipjack.model_selection")
utils = _optional.lazy("sklearn.utils", "sklearn", "skipjack.model_selection")

IntArray = npt.NDArray[np.intp]
Answers = dict[str, Any]

METHODS = ("predict", "predict_proba", "decision_function")


class Answer:
    """A method of an estimator that looks up rows of a table."""

    def __init__(self, name: str, table: Any) -> None:
        self.__name__ = name  # by which scikit-learn tells methods apart
        self._table = table

    def __call__(self, X: Any) -> Any:
        return self._table[np.asarray(X)[:, 0]]


class Recalled:
    """An estimator that answers from a table: its X is a column of row numbers.

    It says of itself what the estimator says whose answers they are, and has its parameters, so
    that a scorer treats it alike. What the estimator has learned differs from fold to fold and is
    not there.
    """

    def __init__(self, like: Any, answers: Mapping[str, Any]) -> None:
        self._like = like
        for method, table in answers.items():
            setattr(self, method, Answer(method, table))
        if hasattr(like, "classes_"):
            self.classes_ = like.classes_

    def __getattr__(self, name: str) -> Any:
        like = self.__dict__.get("_like")  # not there while it is unpickled
        if name == "get_params" or name in getattr(like, "get_params", dict)():
            return getattr(like, name)
        if like is None or not hasattr(like, name):
            raise AttributeError(f"{type(like).__name__!r} object has no attribute {name!r}")
        raise AttributeError(
            f"The scorer reads {name!r} of the estimator, which each fold has its own of, but "
            f"method='samples' scores stored answers of "
            f"{', '.join(name for name in METHODS if name in self.__dict__)}. Use method='folds'."
        )

    def fit(self, X: Any, y: Any = None) -> Recalled:
        """Nothing to do."""
        return self

    def __sklearn_tags__(self) -> Any:
        return utils.get_tags(self._like)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def score(self, X: Any, y: Any) -> float:
        """What an estimator's own `score` is: accuracy of a classifier, R2 of a regressor.

        Raises:
            UnsupportedError: If it is another one.
        """
        if not _scores_as_usual(self._like):
            raise UnsupportedError(
                f"{type(self._like).__name__} has a `score` of its own, which stored answers do "
                f"not allow. Give the search a `scoring`, or use method='folds'."
            )
        kind = base.ClassifierMixin if base.is_classifier(self._like) else base.RegressorMixin
        return float(kind.score(self, X, y))


def _scores_as_usual(estimator: Any) -> bool:
    """Whether `score` is that of scikit-learn's classifiers or regressors."""
    while isinstance(estimator, pipeline.Pipeline):
        estimator = estimator.steps[-1][1]
    usual = (base.ClassifierMixin.score, base.RegressorMixin.score)
    return getattr(type(estimator), "score", None) in usual


def answers_of(estimator: Any, X: Any) -> Answers:
    """What a fitted estimator says of X, by method, as far as it has the methods."""
    there = [method for method in METHODS if hasattr(estimator, method)]
    return {method: np.asarray(getattr(estimator, method)(X)) for method in there}


def out_of_fold(
    estimator: Any, X: Any, y: Any, splits: Sequence[tuple[IntArray, IntArray]]
) -> Recalled:
    """Train on each fold; the answers on the test parts, one after the other."""
    parts, fitted = list[Answers](), None
    for train, test in splits:
        fitted = base.clone(estimator)
        fitted.fit(utils._safe_indexing(X, train), utils._safe_indexing(y, train))
        parts.append(answers_of(fitted, utils._safe_indexing(X, test)))
    common = [method for method in METHODS if all(method in part for part in parts)]
    return Recalled(
        fitted, {method: np.concatenate([part[method] for part in parts]) for method in common}
    )


def scorer_of(
    search: Any,
    candidates: Sequence[Mapping[str, Any]],
    X: Any,
    y: Any,
    groups: Any,
    n_jobs: int | None,
) -> tuple[Callable[[int, IntArray], float], IntArray]:
    """A function that scores a candidate on rows, and which sample each row is.

    Trains every candidate on every fold of the search.
    """
    scorer = search.scorer_
    if isinstance(scorer, Mapping):
        scorer = scorer[search.refit]
    classifier = base.is_classifier(search.estimator)
    cv = selection.check_cv(search.cv, y, classifier=classifier)
    splits = list(cv.split(X, y, groups))
    models = [
        base.clone(search.estimator).set_params(**base.clone(c, safe=False)) for c in candidates
    ]
    made = parallel.Parallel(n_jobs=n_jobs)(
        parallel.delayed(out_of_fold)(model, X, y, splits) for model in models
    )
    tested = np.concatenate([test for _, test in splits])
    known = utils._safe_indexing(y, tested)

    def score(candidate: int, rows: IntArray) -> float:
        return float(scorer(made[candidate], rows[:, None], utils._safe_indexing(known, rows)))

    return score, tested
