"""What searches of scikit-learn estimators come to, by fits: SearchCV beside scikit-learn's own.

"SearchCV" is that with its defaults, "SearchCV GP" that with a Gaussian process.

Run: python -m benchmarks.search_cv [--seeds 10] [--folds 5] [--candidates 30] [--tasks ...]
     [--races]

`--races` leaves out all but SearchCV with a race and without.

Each task is an estimator and a space on a data set that comes with scikit-learn. A seed chooses up
to 300 samples (at most 60 %) that searches see; the others are the test set. All have the same
number of fits: that of `candidates` with all their folds. The score is that of the refitted best
estimator on the test set. Then, with the same number of candidates: the fits of SearchCV without
racing by those with it, and the difference in test score.

One JSON line per task, and one for all: mean test scores, their difference to RandomizedSearchCV
(`gain`, with its standard error over seeds), how many times fewer fits SearchCV needed until a
candidate had the mean over folds that RandomizedSearchCV ended with (the median over seeds; 0 if it
did not come to it), and the median of the ratios of fits. The time of fits is not looked at.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn import datasets
from sklearn.base import is_classifier
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingRegressor
from sklearn.feature_selection import SelectKBest
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import ElasticNet, LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR

from skipjack.model_selection import (
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    SearchCV,
    StratifiedKFold,
    train_test_split,
)
from skipjack.samplers import GPSampler


class Task(NamedTuple):
    """What is searched: an estimator, its space, the data and the score."""

    data: Callable[..., Any]
    estimator: Any
    space: dict[str, Any]
    scoring: str | None = None


RBF = {"svc__C": loguniform(1e-2, 1e4), "svc__gamma": loguniform(1e-6, 1e1)}
TASKS = {
    "svc digits": Task(
        datasets.load_digits, make_pipeline(StandardScaler(), SVC(random_state=0)), RBF
    ),
    "svc cancer": Task(
        datasets.load_breast_cancer, make_pipeline(StandardScaler(), SVC()), RBF, "roc_auc"
    ),
    "logistic wine": Task(
        datasets.load_wine,
        make_pipeline(StandardScaler(), LogisticRegression(solver="saga", max_iter=200)),
        {
            "logisticregression__C": loguniform(1e-5, 1e4),
            "logisticregression__l1_ratio": uniform(0, 1),
        },
        "neg_log_loss",
    ),
    "svr diabetes": Task(
        datasets.load_diabetes,
        make_pipeline(StandardScaler(), SVR()),
        {
            "svr__C": loguniform(1e-1, 1e4),
            "svr__gamma": loguniform(1e-6, 1e0),
            "svr__epsilon": loguniform(1e-2, 1e2),
        },
    ),
    "boosting diabetes": Task(
        datasets.load_diabetes,
        GradientBoostingRegressor(n_estimators=50, random_state=0),
        {
            "learning_rate": loguniform(1e-3, 1),
            "max_depth": randint(1, 9),
            "subsample": uniform(0.2, 0.8),
            "min_samples_leaf": randint(1, 30),
            "max_features": uniform(0.1, 0.9),
        },
    ),
    "trees cancer": Task(
        datasets.load_breast_cancer,
        ExtraTreesClassifier(30, random_state=0),
        {
            "max_depth": randint(1, 20),
            "max_features": uniform(0.05, 0.95),
            "min_samples_leaf": randint(1, 20),
            "criterion": ["gini", "entropy"],
        },
        "neg_log_loss",
    ),
    "logistic digits": Task(
        datasets.load_digits,
        make_pipeline(StandardScaler(), PCA(random_state=0), LogisticRegression(max_iter=200)),
        {
            "pca__n_components": randint(2, 40),
            "pca__whiten": [True, False],
            "logisticregression__C": loguniform(1e-5, 1e2),
        },
    ),
    "sgd cancer": Task(
        datasets.load_breast_cancer,
        make_pipeline(StandardScaler(), SGDClassifier(random_state=0)),
        {
            "sgdclassifier__loss": ["hinge", "log_loss", "modified_huber", "squared_hinge"],
            "sgdclassifier__penalty": ["l1", "l2", "elasticnet"],
            "sgdclassifier__alpha": loguniform(1e-7, 1e1),
            "sgdclassifier__l1_ratio": uniform(0, 1),
            "sgdclassifier__learning_rate": ["optimal", "constant", "adaptive"],
            "sgdclassifier__eta0": loguniform(1e-4, 1e0),
        },
        "roc_auc",
    ),
    "elastic diabetes": Task(
        datasets.load_diabetes,
        make_pipeline(PolynomialFeatures(2), StandardScaler(), ElasticNet(max_iter=500)),
        {
            "elasticnet__alpha": loguniform(1e-3, 1e2),
            "elasticnet__l1_ratio": uniform(0, 1),
        },
    ),
    "kernel diabetes": Task(
        datasets.load_diabetes,
        make_pipeline(StandardScaler(), KernelRidge()),
        {
            "kernelridge__kernel": ["rbf", "laplacian", "poly"],
            "kernelridge__alpha": loguniform(1e-4, 1e2),
            "kernelridge__gamma": loguniform(1e-6, 1e1),
        },
    ),
    "neighbours digits": Task(
        datasets.load_digits,
        make_pipeline(SelectKBest(), KNeighborsClassifier()),
        {
            "selectkbest__k": randint(2, 64),
            "kneighborsclassifier__n_neighbors": randint(1, 40),
            "kneighborsclassifier__p": uniform(1, 3),
            "kneighborsclassifier__weights": ["uniform", "distance"],
        },
    ),
}
RACES = ("SearchCV off", "SearchCV safe")
MOST = 300  # samples that a search sees


def searches(task: Task, cv: Any, n: int, seed: int) -> dict[str, Any]:
    """The searches that are compared, by name; the first ones with the same number of fits."""
    common: dict[str, Any] = {"scoring": task.scoring, "cv": cv, "random_state": seed}
    fits = n * cv.get_n_splits()
    thirds = next(c for c in range(n, 0, -1) if c + -(-c // 3) + -(-c // 9) <= n)
    estimator, space = task.estimator, task.space
    quiet = {**common, "try_default": False}
    return {
        "RandomizedSearchCV": RandomizedSearchCV(estimator, space, n_iter=n, **common),
        "HalvingRandomSearchCV": HalvingRandomSearchCV(
            estimator, space, n_candidates=thirds, **common
        ),
        "SearchCV": SearchCV(estimator, space, n_trials=None, max_fits=fits, **quiet),
        "SearchCV GP": SearchCV(
            estimator,
            space,
            n_trials=None,
            max_fits=fits,
            sampler=GPSampler(seed=seed),
            **quiet,
        ),
        "SearchCV off": SearchCV(estimator, space, n_trials=n, racing="off", **quiet),
        "SearchCV safe": SearchCV(estimator, space, n_trials=n, **quiet),
    }


def run(task: Task, n: int, folds: int, seed: int, races: bool) -> dict[str, Any]:
    """Test score, validation score and fits of each search."""
    X, y = task.data(return_X_y=True)
    classes = y if is_classifier(task.estimator) else None
    n_train = min(MOST, int(0.6 * len(y)))
    parts = train_test_split(X, y, train_size=n_train, random_state=seed, stratify=classes)
    X_train, X_test, y_train, y_test = parts
    kind = StratifiedKFold if is_classifier(task.estimator) else KFold
    cv = kind(folds, shuffle=True, random_state=seed)
    found = {}
    for name, search in searches(task, cv, n, seed).items():
        if races and name not in RACES:
            continue
        search.fit(X_train, y_train)
        fits = getattr(search, "n_fits_", None) or sum(search.n_candidates_) * folds
        score = float(search.score(X_test, y_test))
        found[name] = {"test": score, "cv": float(search.best_score_), "fits": int(fits)}
        if isinstance(search, SearchCV) and "RandomizedSearchCV" in found:
            aim = found["RandomizedSearchCV"]
            found[name]["times"] = aim["fits"] / fits_to(aim["cv"], search)
    return found


def fits_to(score: float, search: Any) -> float:
    """How many fits a search needed to a mean score; infinite if it did not come to it."""
    results = search.cv_results_
    spent = 0
    for row, mean in enumerate(results["mean_test_score"]):
        folds = [results[f"split{i}_test_score"][row] for i in range(search.n_splits_)]
        spent += int(np.isfinite(folds).sum())
        if results["state"][row] == "COMPLETE" and mean >= score:
            return spent
    return float("inf")


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """One task: mean test scores, differences to the first search, and ratios of fits."""
    row: dict[str, Any] = {}
    base = np.array([next(iter(run.values()))["test"] for run in runs])
    for name in runs[0]:
        scores = np.array([run[name]["test"] for run in runs])
        gain = scores - base
        row[name] = {
            "test": round(float(scores.mean()), 4),
            "cv": round(float(np.mean([run[name]["cv"] for run in runs])), 4),
            "fits": float(np.median([run[name]["fits"] for run in runs])),
            "gain": round(float(gain.mean()), 4),
            "error": round(float(gain.std(ddof=1) / len(gain) ** 0.5), 4),
        }
        if "times" in runs[0][name]:
            times = statistics.median(run[name]["times"] for run in runs)
            row[name]["times fewer fits to the best score of RandomizedSearchCV"] = round(times, 2)
    ratios = [run["SearchCV off"]["fits"] / run["SearchCV safe"]["fits"] for run in runs]
    row["fits saved by racing"] = round(statistics.median(ratios), 2)
    return row


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--candidates", type=int, default=30)
    parser.add_argument("--races", action="store_true")
    parser.add_argument("--tasks", nargs="*", default=list(TASKS))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = {}
    for name in arguments.tasks:
        runs = [
            run(TASKS[name], arguments.candidates, arguments.folds, seed, arguments.races)
            for seed in range(arguments.seeds)
        ]
        rows[name] = summary(runs)
        print(json.dumps({"task": name, "folds": arguments.folds, **rows[name]}), flush=True)
    total: dict[str, Any] = {"seeds": arguments.seeds, "python": sys.version.split()[0]}
    for other in () if arguments.races else ("RandomizedSearchCV", "HalvingRandomSearchCV"):
        better = [row["SearchCV"]["test"] > row[other]["test"] for row in rows.values()]
        total[f"SearchCV better than {other}"] = f"{sum(better)} of {len(better)} tasks"
    if not arguments.races:
        aim = "times fewer fits to the best score of RandomizedSearchCV"
        total[aim] = statistics.median(row["SearchCV"][aim] for row in rows.values())
    total["fits saved by racing"] = statistics.median(
        row["fits saved by racing"] for row in rows.values()
    )
    print(json.dumps(total), flush=True)


if __name__ == "__main__":
    main()
