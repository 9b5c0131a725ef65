"""Gradient boosting that stops when the validation part of a fold gets no better."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, final

import numpy as np
import sklearn
from sklearn.base import is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import process_routing

from skipjack import _optional
from skipjack.errors import UnsupportedError, invalid

catboost = _optional.lazy("catboost", needed_by="Early stopping of CatBoost")
lightgbm = _optional.lazy("lightgbm", needed_by="Early stopping of LightGBM")

Params: TypeAlias = Mapping[str, Any]
_WEIGHT = "sample_weight"
_CATBOOST_NAMES = ("iterations", "n_estimators", "num_boost_round", "num_trees")
_CATBOOST_TALK = ("verbose", "logging_level", "silent", "verbose_eval", "metric_period")


class Booster(Protocol):
    """How a library of gradient boosting is told to stop early."""

    def fit(
        self, model: Any, train: tuple[Any, Any], valid: tuple[Any, Any], rounds: int, more: Params
    ) -> int:
        """Fit, and return the number of trees with which validation was best.

        Args:
            model: What is fitted.
            train: Training features and target.
            valid: Those that say when to stop.
            rounds: Stop after so many trees without a gain.
            more: For `fit`; "valid_weight" are the weights of the validation samples.
        """

    def limit(self, model: Any, n_rounds: int) -> None:
        """Have `model` fit that many trees, without a validation part."""


@final
class LightGBM:
    """LGBMClassifier, LGBMRegressor, LGBMRanker and what derives from them."""

    def fit(
        self, model: Any, train: tuple[Any, Any], valid: tuple[Any, Any], rounds: int, more: Params
    ) -> int:
        """See `Booster`."""
        more = dict(more)
        weight = more.pop("valid_weight", None)
        if weight is not None:
            more["eval_sample_weight"] = [weight]
        stop = lightgbm.early_stopping(rounds, verbose=False)
        more["callbacks"] = [*(more.get("callbacks") or ()), stop]
        known = np.unique(train[1]) if is_classifier(model) else np.arange(0)
        is_plain = np.array_equal(known, np.arange(len(known)))  # `eval_y` takes no other classes
        if is_plain and "eval_X" in inspect.signature(model.fit).parameters:
            more |= {"eval_X": (valid[0],), "eval_y": (valid[1],)}
            model.fit(*train, **more)
        else:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "The argument 'eval_set' is deprecated")
                model.fit(*train, eval_set=[valid], **more)
        return int(model.best_iteration_)

    def limit(self, model: Any, n_rounds: int) -> None:
        """See `Booster`."""
        model.set_params(n_estimators=n_rounds)


@final
class XGBoost:
    """XGBClassifier, XGBRegressor and what derives from them."""

    def fit(
        self, model: Any, train: tuple[Any, Any], valid: tuple[Any, Any], rounds: int, more: Params
    ) -> int:
        """See `Booster`."""
        more = dict(more)
        weight = more.pop("valid_weight", None)
        if weight is not None:
            more["sample_weight_eval_set"] = [weight]
        model.set_params(early_stopping_rounds=rounds)
        model.fit(*train, **{"eval_set": [valid], "verbose": False, **more})
        return int(model.best_iteration) + 1

    def limit(self, model: Any, n_rounds: int) -> None:
        """See `Booster`."""
        model.set_params(n_estimators=n_rounds, early_stopping_rounds=None)


@final
class CatBoost:
    """CatBoostClassifier, CatBoostRegressor and what derives from them."""

    def fit(
        self, model: Any, train: tuple[Any, Any], valid: tuple[Any, Any], rounds: int, more: Params
    ) -> int:
        """See `Booster`."""
        more = dict(more)
        weight = more.pop("valid_weight", None)
        pool = valid if weight is None else catboost.Pool(*valid, weight=weight)
        if not any(name in {**model.get_params(), **more} for name in _CATBOOST_TALK):
            more["verbose"] = False
        model.fit(*train, eval_set=pool, early_stopping_rounds=rounds, use_best_model=True, **more)
        return int(model.get_best_iteration()) + 1

    def limit(self, model: Any, n_rounds: int) -> None:
        """See `Booster`."""
        given = model.get_params()
        name = next((name for name in _CATBOOST_NAMES if name in given), "iterations")
        model.set_params(**{name: n_rounds})


@final
class HistGradientBoosting:
    """scikit-learn's HistGradientBoostingClassifier and HistGradientBoostingRegressor."""

    def fit(
        self, model: Any, train: tuple[Any, Any], valid: tuple[Any, Any], rounds: int, more: Params
    ) -> int:
        """See `Booster`."""
        more = dict(more)
        weight = more.pop("valid_weight", None)
        if weight is not None:
            more["sample_weight_val"] = weight
        model.set_params(early_stopping=True, n_iter_no_change=rounds)
        model.fit(*train, X_val=valid[0], y_val=valid[1], **more)
        best = max(1, int(np.argmax(model.validation_score_)))  # the first is of no tree
        if hasattr(model, "_predictors"):  # those after the best are kept; the others drop them
            del model._predictors[best:]
        return best

    def limit(self, model: Any, n_rounds: int) -> None:
        """See `Booster`."""
        model.set_params(max_iter=n_rounds, early_stopping=False)


_LIBRARIES: dict[str, Booster] = {
    "lightgbm": LightGBM(),
    "xgboost": XGBoost(),
    "catboost": CatBoost(),
}
_OWN = HistGradientBoosting()


def can_stop_early(estimator: Any) -> bool:
    """Whether an estimator, or the last step of a pipeline, is gradient boosting known here."""
    try:
        _booster(estimator)
    except UnsupportedError:
        return False
    return True


def check_stops_early(estimator: Any) -> None:
    """Raise an UnsupportedError (a NotImplementedError) unless `can_stop_early`."""
    _booster(estimator)


def fit_until_best(
    estimator: Any,
    train: tuple[Any, Any],
    valid: tuple[Any, Any],
    *,
    rounds: int = 50,
    params: Params | None = None,
    valid_params: Params | None = None,
) -> int:
    """Fit gradient boosting until validation data get no better; also at the end of a pipeline.

    The steps of a pipeline before the last are fitted to the training data only, and transform
    the validation data for the last one. Afterwards the model predicts with the trees up to the
    best.

    Args:
        estimator: One of LightGBM, XGBoost, CatBoost or HistGradientBoosting, or a pipeline that
            ends in one. It is fitted in place.
        train: Training features and target.
        valid: Validation features and target.
        rounds: Stop after so many trees without a gain.
        params: What `fit` is given besides, with the names that the estimator takes.
        valid_params: The same for the validation samples; of these only weights are used.

    Returns:
        The number of trees with which validation was best.

    Raises:
        NotImplementedError: If the estimator is none of these; an UnsupportedError.
        ValueError: If `rounds` is below 1.
    """
    booster = _booster(estimator)
    if rounds < 1:
        raise invalid("rounds", "be at least 1", rounds)
    params, valid_params = dict(params or {}), dict(valid_params or {})
    while isinstance(estimator, Pipeline):
        train, valid = _through(estimator, train, valid, params)
        name = estimator.steps[-1][0]
        params = _of_steps(estimator, params)[name].get("fit", {})
        valid_params = _of_steps(estimator, valid_params)[name].get("fit", {})
        estimator = estimator.steps[-1][1]
    if valid_params.get(_WEIGHT) is not None:
        params = {**params, "valid_weight": valid_params[_WEIGHT]}
    return booster.fit(estimator, train, valid, rounds, params)


def limit_rounds(estimator: Any, n_rounds: int) -> None:
    """Have an estimator, also at the end of a pipeline, fit that many trees and not stop early.

    Args:
        estimator: As for `fit_until_best`, not fitted yet (CatBoost cannot be changed after); it is
            changed.
        n_rounds: How many trees.

    Raises:
        NotImplementedError: If it is none of those; an UnsupportedError.
    """
    _booster(estimator).limit(_last(estimator), n_rounds)


def _last(estimator: Any) -> Any:
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator


def _booster(estimator: Any) -> Booster:
    model = _last(estimator)
    if isinstance(model, (HistGradientBoostingClassifier, HistGradientBoostingRegressor)):
        if "X_val" not in inspect.signature(model.fit).parameters:
            raise UnsupportedError(
                f"Early stopping of {type(model).__name__} by the fold's validation part needs "
                f"scikit-learn 1.7 or later, but there is {sklearn.__version__}."
            )
        return _OWN
    for kind in type(model).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in _LIBRARIES:
            return _LIBRARIES[package]
    raise UnsupportedError(
        f"Early stopping is known of LightGBM, XGBoost, CatBoost and HistGradientBoosting, and of "
        f"pipelines that end in one of them, not of {type(model).__name__}."
    )


def _through(
    pipeline: Any, train: tuple[Any, Any], valid: tuple[Any, Any], params: Params
) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Fit all steps but the last, and transform both parts."""
    (X, y), (X_valid, y_valid) = train, valid
    given = _of_steps(pipeline, params)
    for name, step in pipeline.steps[:-1]:
        if step is None or step == "passthrough":
            continue
        if hasattr(step, "fit_transform"):
            X = step.fit_transform(X, y, **given[name].get("fit_transform", {}))
        else:
            X = step.fit(X, y, **given[name].get("fit", {})).transform(X)
        X_valid = step.transform(X_valid)
    return (X, y), (X_valid, y_valid)


def _of_steps(pipeline: Any, params: Params) -> dict[str, Any]:
    """What each step of a pipeline is given, by the name of the step and of its method."""
    if sklearn.get_config()["enable_metadata_routing"] and params:
        return dict(process_routing(pipeline, "fit", **params))
    found: dict[str, Any] = {name: {"fit": {}, "fit_transform": {}} for name, _ in pipeline.steps}
    for key, value in params.items():
        name, _, argument = key.partition("__")
        if not argument or name not in found:
            hint = f"Name it as step__argument; the steps are {', '.join(found)}."
            raise invalid("params", "be meant for a step of the pipeline", key, hint)
        for method in found[name].values():
            method[argument] = value
    return found
