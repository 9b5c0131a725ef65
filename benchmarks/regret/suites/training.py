"""Models of scikit-learn, cross-validated on the data sets that come with it.

An evaluation takes some milliseconds: data are few, folds and scaled features are made once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn import config_context, datasets
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingClassifier
from sklearn.linear_model import ElasticNet, LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from benchmarks.regret.problem import Outcome, Problem, Suite, exact

Array: TypeAlias = npt.NDArray[Any]
Loss = Callable[[Any, Array, Array], float]  # of a fitted model, features and targets
Model = Callable[[Any], Any]  # from a trial, an estimator

_ROWS, _FOLDS = 150, 3
_FAILED = 1e6


@lru_cache
def data(name: str, scaled: str) -> tuple[Array, Array]:
    """Some rows of a data set, always the same; features as they are, standard or in [0, 1]."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(x))[:_ROWS]
    x = x[rows]
    if scaled == "standard":
        x = (x - x.mean(axis=0)) / x.std(axis=0)
    elif scaled == "range":
        x = (x - x.min(axis=0)) / np.ptp(x, axis=0)
    return x, y[rows]


def log_loss(model: Any, x: Array, y: Array) -> float:
    """Minus the mean log of the probability of the right class."""
    found = model.predict_proba(x)[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    return float(-np.log(np.clip(found, 1e-10, None)).mean())


def squares(model: Any, x: Array, y: Array) -> float:
    """Mean squared error."""
    return float(((model.predict(x) - y) ** 2).mean())


def mistakes(model: Any, x: Array, y: Array) -> float:
    """The share of wrong guesses."""
    return float((model.predict(x) != y).mean())


def validated(model: Any, name: str, scaled: str, loss: Loss) -> float:
    """The mean loss over the folds."""
    x, y = data(name, scaled)
    fold = np.arange(len(y)) % _FOLDS
    with warnings.catch_warnings(), config_context(skip_parameter_validation=True):
        warnings.simplefilter("ignore")
        losses = [
            loss(model.fit(x[fold != k], y[fold != k]), x[fold == k], y[fold == k])
            for k in range(_FOLDS)
        ]
    mean = float(np.mean(losses))
    return mean if np.isfinite(mean) else _FAILED


def tuned(model: Model, name: str, loss: Loss) -> Problem:
    """One model on one data set."""

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        return exact(validated(model(trial), name, "standard", loss))

    return Problem(objective)


def tree(trial: Any) -> Any:
    """Decision tree."""
    return DecisionTreeClassifier(
        criterion=trial.suggest_categorical("criterion", ["gini", "entropy"]),
        max_depth=trial.suggest_int("max_depth", 1, 15),
        min_samples_split=trial.suggest_float("min_samples_split", 0.01, 0.99),
        min_samples_leaf=trial.suggest_float("min_samples_leaf", 0.01, 0.49),
        max_features=trial.suggest_float("max_features", 0.01, 0.99),
        min_impurity_decrease=trial.suggest_float("min_impurity_decrease", 0.0, 0.5),
        random_state=0,
    )


def neighbours(trial: Any, regressor: bool = False) -> Any:
    """Nearest neighbours of scaled features."""
    kind = KNeighborsRegressor if regressor else KNeighborsClassifier
    return kind(
        n_neighbors=trial.suggest_int("n_neighbors", 1, 50),
        weights=trial.suggest_categorical("weights", ["uniform", "distance"]),
        p=trial.suggest_float("p", 1.0, 4.0),
        leaf_size=trial.suggest_int("leaf_size", 10, 60),
    )


def linear(trial: Any) -> Any:
    """Elastic net trained by stochastic gradients."""
    return SGDClassifier(
        loss="log_loss",
        penalty="elasticnet",
        alpha=trial.suggest_float("alpha", 1e-6, 1.0, log=True),
        l1_ratio=trial.suggest_float("l1_ratio", 0.0, 1.0),
        eta0=trial.suggest_float("eta0", 1e-4, 1.0, log=True),
        learning_rate=trial.suggest_categorical("schedule", ["constant", "invscaling"]),
        power_t=trial.suggest_float("power_t", 0.05, 0.9),
        average=trial.suggest_categorical("average", [True, False]),
        max_iter=trial.suggest_int("max_iter", 3, 40),
        random_state=0,
    )


def kernel(trial: Any, prefix: str = "") -> Any:
    """Support vectors for numbers."""
    return SVR(
        C=trial.suggest_float(f"{prefix}C", 1e-2, 1e4, log=True),
        gamma=trial.suggest_float(f"{prefix}gamma", 1e-5, 1e1, log=True),
        epsilon=trial.suggest_float(f"{prefix}epsilon", 1e-2, 1e2, log=True),
        shrinking=trial.suggest_categorical(f"{prefix}shrinking", [True, False]),
    )


def network(trial: Any) -> Any:
    """A small neural network."""
    return MLPClassifier(
        hidden_layer_sizes=(trial.suggest_int("units", 4, 64, log=True),),
        activation=trial.suggest_categorical("activation", ["relu", "tanh", "logistic"]),
        alpha=trial.suggest_float("alpha", 1e-6, 1e1, log=True),
        learning_rate_init=trial.suggest_float("rate", 1e-4, 3e-1, log=True),
        batch_size=trial.suggest_int("batch", 16, 100),
        beta_1=trial.suggest_float("beta_1", 0.5, 0.99),
        beta_2=trial.suggest_float("beta_2", 0.8, 0.999),
        max_iter=4,
        random_state=0,
    )


def boosting(trial: Any) -> Any:
    """Gradient boosting of few trees."""
    return GradientBoostingClassifier(
        n_estimators=trial.suggest_int("n_estimators", 2, 8),
        learning_rate=trial.suggest_float("learning_rate", 1e-2, 1.0, log=True),
        max_depth=trial.suggest_int("max_depth", 1, 5),
        subsample=trial.suggest_float("subsample", 0.3, 1.0),
        max_features=trial.suggest_float("max_features", 0.1, 1.0),
        min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 30),
        min_impurity_decrease=trial.suggest_float("min_impurity_decrease", 1e-8, 1e-1, log=True),
        random_state=0,
    )


def forest(trial: Any) -> Any:
    """A small forest for numbers."""
    return ExtraTreesRegressor(
        n_estimators=trial.suggest_int("n_estimators", 2, 8),
        max_depth=trial.suggest_int("max_depth", 1, 15),
        max_features=trial.suggest_float("max_features", 0.1, 1.0),
        min_samples_split=trial.suggest_int("min_samples_split", 2, 40),
        min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 30),
        bootstrap=trial.suggest_categorical("bootstrap", [True, False]),
        random_state=0,
    )


def any_classifier(trial: Any) -> Any:
    """Which model, and what that model needs."""
    kind = trial.suggest_categorical("model", ["svc", "knn", "tree", "logistic"])
    model: Any
    if kind == "svc":
        chosen = trial.suggest_categorical("svc_kernel", ["rbf", "poly", "linear"])
        settings = {"C": trial.suggest_float("svc_C", 1e-3, 1e3, log=True)}
        if chosen != "linear":
            settings["gamma"] = trial.suggest_float("svc_gamma", 1e-4, 1e1, log=True)
        if chosen == "poly":
            settings["degree"] = trial.suggest_int("svc_degree", 2, 5)
        model = SVC(kernel=chosen, max_iter=2000, **settings)
    elif kind == "knn":
        model = KNeighborsClassifier(
            trial.suggest_int("knn_n", 1, 40),
            weights=trial.suggest_categorical("knn_weights", ["uniform", "distance"]),
            p=trial.suggest_float("knn_p", 1.0, 4.0),
        )
    elif kind == "tree":
        model = DecisionTreeClassifier(
            max_depth=trial.suggest_int("tree_depth", 1, 12),
            min_samples_leaf=trial.suggest_int("tree_leaf", 1, 30),
            ccp_alpha=trial.suggest_float("tree_alpha", 1e-5, 1e-1, log=True),
            random_state=0,
        )
    else:
        model = LogisticRegression(
            C=trial.suggest_float("logistic_C", 1e-4, 1e3, log=True), max_iter=40
        )
    return model


def any_regressor(trial: Any) -> Any:
    """Which model, and what it needs."""
    kind = trial.suggest_categorical("model", ["svr", "knn", "tree", "net"])
    if kind == "svr":
        return kernel(trial, "svr_")
    if kind == "knn":
        return neighbours(trial, regressor=True)
    if kind == "tree":
        return DecisionTreeRegressor(
            max_depth=trial.suggest_int("tree_depth", 1, 12),
            min_samples_leaf=trial.suggest_int("tree_leaf", 1, 40),
            random_state=0,
        )
    return ElasticNet(
        alpha=trial.suggest_float("net_alpha", 1e-4, 1e2, log=True),
        l1_ratio=trial.suggest_float("net_ratio", 0.0, 1.0),
    )


def guessed(name: str) -> Problem:
    """Any classifier, and how features are scaled for it."""

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        scaled = trial.suggest_categorical("scaled", ["not", "standard", "range"])
        return exact(validated(any_classifier(trial), name, scaled, mistakes))

    return Problem(objective, flat=False)


def regressed(name: str) -> Problem:
    """Any regressor."""
    return tuned(any_regressor, name, squares)._replace(flat=False)


TRAINING: Suite = {
    "tree-breast_cancer": partial(tuned, tree, "breast_cancer", log_loss),
    "tree-wine": partial(tuned, tree, "wine", log_loss),
    "neighbours-iris": partial(tuned, neighbours, "iris", log_loss),
    "neighbours-diabetes": partial(tuned, partial(neighbours, regressor=True), "diabetes", squares),
    "linear-breast_cancer": partial(tuned, linear, "breast_cancer", log_loss),
    "linear-wine": partial(tuned, linear, "wine", log_loss),
    "kernel-diabetes": partial(tuned, kernel, "diabetes", squares),
    "network-wine": partial(tuned, network, "wine", log_loss),
    "boosting-breast_cancer": partial(tuned, boosting, "breast_cancer", log_loss),
    "forest-diabetes": partial(tuned, forest, "diabetes", squares),
}
CONDITIONAL: Suite = {
    "any-breast_cancer": partial(guessed, "breast_cancer"),
    "any-wine": partial(guessed, "wine"),
    "any-diabetes": partial(regressed, "diabetes"),
}
