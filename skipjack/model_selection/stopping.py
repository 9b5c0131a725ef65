"""Fitting a fold such that gradient boosting stops by the validation part of that fold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, final

import numpy as np
from sklearn.model_selection._validation import _fit_and_score
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from skipjack.model_selection.boosting import fit_until_best

N_ROUNDS = "n_rounds"  # what a result calls the number of trees with which validation was best


@final
class StopsEarly:
    """An estimator whose `fit` knows validation data; all else of it is as it was.

    Args:
        estimator: One that `fit_until_best` can fit.
        valid: Validation features and target.
        valid_params: What `fit` is given besides, of the validation samples.
        patience: Stop after so many trees without a gain.
    """

    def __init__(
        self, estimator: Any, valid: tuple[Any, Any], valid_params: Any, patience: int
    ) -> None:
        self._estimator = estimator
        self._valid, self._valid_params, self._patience = valid, valid_params, patience

    def __getattr__(self, name: str) -> Any:
        if name == "_estimator":  # while it is unpickled
            raise AttributeError(name)
        return getattr(self._estimator, name)

    def __sklearn_tags__(self) -> Any:
        return get_tags(self._estimator)

    def set_params(self, **params: Any) -> StopsEarly:
        """Set parameters of the estimator."""
        self._estimator.set_params(**params)
        return self

    def fit(self, X: Any, y: Any = None, **params: Any) -> StopsEarly:
        """Fit the estimator until validation gets no better."""
        self.n_rounds_ = fit_until_best(
            self._estimator,
            (X, y),
            self._valid,
            rounds=self._patience,
            params=params,
            valid_params=self._valid_params,
        )
        return self


def fit_stopping_early(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    train: Any,
    test: Any,
    fit_params: Mapping[str, Any] | None,
    patience: int,
    **options: Any,
) -> dict[str, Any]:
    """scikit-learn's `_fit_and_score`, stopping by the test part of the fold.

    Args:
        estimator: One that is not fitted.
        X, y: All data.
        train: Indices of the training part.
        test: Indices of the test part, which says when to stop, and is then scored.
        fit_params: As there.
        patience: Stop after so many trees without a gain.
        **options: As there.

    Returns:
        As there, with the number of trees as "n_rounds" if the fit did not fail.
    """
    valid = _safe_split(estimator, X, y, test, train)
    valid_params = _check_method_params(X, params=fit_params or {}, indices=test)
    stops = StopsEarly(estimator, valid, valid_params, patience)
    options |= {"train": train, "test": test, "fit_params": fit_params}
    result: dict[str, Any] = _fit_and_score(stops, X, y, return_estimator=True, **options)
    fitted = result.pop("estimator")
    if hasattr(fitted, "n_rounds_"):
        result[N_ROUNDS] = fitted.n_rounds_
    return result


def mean_rounds(results: Iterable[Mapping[str, Any]]) -> float:
    """The mean number of trees over folds; NaN if no fold tells."""
    told = [result[N_ROUNDS] for result in results if N_ROUNDS in result]
    return float(np.mean(told)) if told else math.nan
