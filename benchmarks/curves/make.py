"""Make the learning curves and fold tables of the pruner benchmark: real trainings, stored small.

    python benchmarks/curves/make.py curves folds    # some minutes; writes curves.npz, folds.npz

Learning curves: validation losses of random configurations after each of 40 steps (epochs or
boosting stages), shape (configurations, steps) per task. Fold tables: one loss per fold of ten,
shape (configurations, 10) per task.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

HERE = Path(__file__).parent
STEPS, CONFIGURATIONS, FOLDS = 40, 90, 10
WORST = 20.0  # a loss that has overflown
DATA = {
    "digits": load_digits,
    "breast_cancer": load_breast_cancer,
    "wine": load_wine,
    "diabetes": load_diabetes,
}
Draw = np.random.Generator


@cache
def halves(name: str) -> tuple[Any, Any, Any, Any, bool]:
    """Standardised training and validation data, and whether it is a regression."""
    x, y = DATA[name](return_X_y=True)
    x, y = x[:900], y[:900]
    regression = name == "diabetes"
    if regression:
        y = (y - y.mean()) / y.std()
    split = train_test_split(x, y, test_size=0.4, random_state=0)
    scaler = StandardScaler().fit(split[0])
    return scaler.transform(split[0]), scaler.transform(split[1]), split[2], split[3], regression


def loss(model: Any, x: Any, y: Any, regression: bool) -> float:
    """The validation loss."""
    if regression:
        found = mean_squared_error(y, np.nan_to_num(model.predict(x), posinf=1e3, neginf=-1e3))
    else:
        chances = np.nan_to_num(model.predict_proba(x), nan=1.0 / len(model.classes_))
        chances = np.clip(chances, 1e-6, 1.0)
        found = log_loss(y, chances / chances.sum(axis=1, keepdims=True), labels=model.classes_)
    return min(float(found), WORST)


def epochs(model: Any, name: str) -> Iterator[float]:
    """Losses after each pass over the data."""
    x, x_valid, y, y_valid, regression = halves(name)
    more = {} if regression else {"classes": np.unique(y)}
    for _ in range(STEPS):
        model.partial_fit(x, y, **more)
        yield loss(model, x_valid, y_valid, regression)


def mlp(draw: Draw, name: str) -> Iterator[float]:
    """A neural network."""
    kind = MLPRegressor if name == "diabetes" else MLPClassifier
    model = kind(
        hidden_layer_sizes=(int(2 ** draw.uniform(2, 7)),),
        alpha=10 ** draw.uniform(-6, 0),
        learning_rate_init=10 ** draw.uniform(-4, -0.5),
        batch_size=int(2 ** draw.uniform(5, 8)),
        random_state=int(draw.integers(2**31)),
    )
    return epochs(model, name)


def sgd(draw: Draw, name: str) -> Iterator[float]:
    """A linear model by stochastic gradient descent."""
    shared = {
        "alpha": 10 ** draw.uniform(-6, 0),
        "penalty": str(draw.choice(["l2", "l1", "elasticnet"])),
        "learning_rate": str(draw.choice(["constant", "invscaling"])),
        "eta0": 10 ** draw.uniform(-5, -0.5),
        "random_state": int(draw.integers(2**31)),
    }
    model = SGDRegressor(**shared) if name == "diabetes" else SGDClassifier("log_loss", **shared)
    return epochs(model, name)


def boosting(draw: Draw, name: str) -> Iterator[float]:
    """Gradient boosting."""
    x, x_valid, y, y_valid, regression = halves(name)
    kind = GradientBoostingRegressor if regression else GradientBoostingClassifier
    model = kind(
        n_estimators=STEPS,
        learning_rate=10 ** draw.uniform(-2.5, 0.2),
        max_depth=int(draw.integers(1, 7)),
        subsample=draw.uniform(0.3, 1.0),
        min_samples_leaf=int(2 ** draw.uniform(0, 5)),
        random_state=int(draw.integers(2**31)),
    ).fit(x, y)
    if regression:
        for stage in model.staged_predict(x_valid):
            yield min(float(mean_squared_error(y_valid, stage)), WORST)
    else:
        for stage in model.staged_predict_proba(x_valid):
            yield min(float(log_loss(y_valid, np.clip(stage, 1e-6, 1.0))), WORST)


CURVES: dict[str, tuple[Callable[[Draw, str], Iterator[float]], str]] = {
    f"{kind.__name__}-{name}": (kind, name)
    for kind, names in (
        (sgd, ("digits", "breast_cancer", "diabetes")),
        (boosting, ("wine", "breast_cancer", "diabetes")),
        (mlp, ("digits", "breast_cancer", "diabetes")),
    )
    for name in names
}


def svm(draw: Draw, regression: bool) -> Any:
    """A support vector machine."""
    chosen = {"C": 10 ** draw.uniform(-2, 3), "gamma": 10 ** draw.uniform(-5, 0)}
    return SVR(**chosen) if regression else SVC(**chosen)


def tree(draw: Draw, regression: bool) -> Any:
    """A decision tree."""
    chosen = {
        "max_depth": int(draw.integers(1, 15)),
        "min_samples_leaf": int(2 ** draw.uniform(0, 5)),
        "max_features": draw.uniform(0.1, 1.0),
        "random_state": int(draw.integers(2**31)),
    }
    return DecisionTreeRegressor(**chosen) if regression else DecisionTreeClassifier(**chosen)


def neighbours(draw: Draw, regression: bool) -> Any:
    """The nearest neighbours."""
    chosen = {
        "n_neighbors": int(2 ** draw.uniform(0, 5.5)),
        "weights": str(draw.choice(["uniform", "distance"])),
        "p": int(draw.integers(1, 4)),
    }
    return KNeighborsRegressor(**chosen) if regression else KNeighborsClassifier(**chosen)


TABLES = {
    f"{kind.__name__}-{name}": (kind, name)
    for kind in (svm, tree, neighbours)
    for name in ("digits", "breast_cancer", "wine", "diabetes")
}


def folds(draw: Draw, kind: Callable[[Draw, bool], Any], name: str) -> list[float]:
    """The losses of one configuration on ten folds, the same for all: 1 - score."""
    x, y = DATA[name](return_X_y=True)
    x, y = x[:900], y[:900]
    regression = name == "diabetes"
    splits = (KFold if regression else StratifiedKFold)(FOLDS, shuffle=True, random_state=0)
    model = make_pipeline(StandardScaler(), clone(kind(draw, regression)))
    return (1.0 - cross_val_score(model, x, y, cv=splits)).tolist()


def main() -> None:
    """Make both files."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    curves, tables = {}, {}
    for task, (made, name) in CURVES.items() if "curves" in sys.argv[1:] else ():
        draws = [np.random.default_rng([i, len(task)]) for i in range(CONFIGURATIONS)]
        curves[task] = np.array([list(made(draw, name)) for draw in draws], np.float32)
        np.savez_compressed(HERE / "curves.npz", **curves)
        print(task, file=sys.stderr)
    for task, (kind, name) in TABLES.items() if "folds" in sys.argv[1:] else ():
        draws = [np.random.default_rng([i, len(task)]) for i in range(CONFIGURATIONS // 2)]
        tables[task] = np.array([folds(draw, kind, name) for draw in draws], np.float32)
        np.savez_compressed(HERE / "folds.npz", **tables)
        print(task, file=sys.stderr)


if __name__ == "__main__":
    main()
