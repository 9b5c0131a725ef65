"""Which trial is best on data that no trial has seen, that of best value or the recommended one.

    python -m benchmarks.recommend train runs.jsonl          # about an hour on one core
    python -m benchmarks.recommend score runs.jsonl          # one JSON line per set and method

A run is a study of 50 trials with `TPESampler` or `RandomSampler`: one family of models on a small
part of a data set, judged by five folds. Every trial is fitted once more on all of that part and
judged on the rest, which neither the study nor `recommend` sees. Each seed splits anew.

The test regret of a choice is how much worse it is on the test set than the best trial of the run,
in units of how much worse the median trial is; runs whose trials are all equal there are left out.
Tasks are of two sets: methods were chosen on `tuned`, and `heldout` says what they are worth.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import skipjack
from skipjack.distributions import distribution_to_json, json_to_distribution

N_TRIALS, FOLDS, SEEDS, TEST = 50, 5, 8, 1000


def _models() -> dict[str, Callable[[Any, bool], Any]]:
    """What a trial suggests, by family: (trial, whether it classifies) -> an estimator."""
    from sklearn import ensemble, linear_model, neighbors, neural_network, svm, tree

    def log(t: Any, name: str, low: float, high: float) -> float:
        return float(t.suggest_float(name, low, high, log=True))

    def svc(t: Any, c: bool) -> Any:
        chosen = {"C": log(t, "C", 1e-3, 1e3), "gamma": log(t, "gamma", 1e-5, 10)}
        if c:
            return svm.SVC(**chosen)
        return svm.SVR(**chosen, epsilon=log(t, "epsilon", 1e-3, 1))

    def near(t: Any, c: bool) -> Any:
        kind = neighbors.KNeighborsClassifier if c else neighbors.KNeighborsRegressor
        return kind(
            n_neighbors=t.suggest_int("k", 1, 40, log=True),
            weights=t.suggest_categorical("weights", ["uniform", "distance"]),
            p=t.suggest_int("p", 1, 2),
        )

    def one_tree(t: Any, c: bool) -> Any:
        kind = tree.DecisionTreeClassifier if c else tree.DecisionTreeRegressor
        return kind(
            max_depth=t.suggest_int("max_depth", 1, 20),
            min_samples_leaf=t.suggest_int("leaf", 1, 20, log=True),
            max_features=t.suggest_float("max_features", 0.1, 1.0),
            ccp_alpha=log(t, "ccp_alpha", 1e-5, 0.1),
            random_state=0,
        )

    def forest(t: Any, c: bool) -> Any:
        kind = ensemble.ExtraTreesClassifier if c else ensemble.ExtraTreesRegressor
        return kind(
            n_estimators=t.suggest_int("n_estimators", 5, 50, log=True),
            max_depth=t.suggest_int("max_depth", 1, 16),
            max_features=t.suggest_float("max_features", 0.1, 1.0),
            min_samples_leaf=t.suggest_int("leaf", 1, 10, log=True),
            random_state=0,
        )

    def boosted(t: Any, c: bool) -> Any:
        kind = ensemble.GradientBoostingClassifier if c else ensemble.GradientBoostingRegressor
        return kind(
            learning_rate=log(t, "learning_rate", 0.01, 1),
            n_estimators=t.suggest_int("n_estimators", 5, 60, log=True),
            max_depth=t.suggest_int("max_depth", 1, 6),
            subsample=t.suggest_float("subsample", 0.3, 1.0),
            random_state=0,
        )

    def linear(t: Any, c: bool) -> Any:
        if c:
            return linear_model.LogisticRegression(
                C=log(t, "C", 1e-4, 1e4),
                class_weight=t.suggest_categorical("class_weight", [None, "balanced"]),
                max_iter=300,
            )
        return linear_model.ElasticNet(
            alpha=log(t, "alpha", 1e-4, 10), l1_ratio=t.suggest_float("l1_ratio", 0, 1)
        )

    def net(t: Any, c: bool) -> Any:
        kind = neural_network.MLPClassifier if c else neural_network.MLPRegressor
        return kind(
            hidden_layer_sizes=(t.suggest_int("width", 2, 48, log=True),),
            alpha=log(t, "alpha", 1e-6, 10),
            learning_rate_init=log(t, "learning_rate", 1e-4, 0.3),
            activation=t.suggest_categorical("activation", ["relu", "tanh"]),
            max_iter=t.suggest_int("epochs", 5, 40, log=True),
            random_state=0,
        )

    def several(t: Any, c: bool) -> Any:
        family = t.suggest_categorical("family", ["near", "tree", "linear"])
        return {"near": near, "tree": one_tree, "linear": linear}[family](t, c)

    return {
        "svm": svc,
        "neighbours": near,
        "tree": one_tree,
        "forest": forest,
        "boosted": boosted,
        "linear": linear,
        "net": net,
        "several": several,
    }


class Task(NamedTuple):
    """One kind of run: the data, how many of them are for training, the models, the score."""

    data: str
    n_train: int
    model: str
    score: str  # "error" and "log_loss" classify, "mse" does not


TUNED = (
    Task("breast_cancer", 100, "svm", "error"),
    Task("breast_cancer", 280, "boosted", "error"),
    Task("digits", 200, "tree", "error"),
    Task("digits", 300, "neighbours", "error"),
    Task("classes", 120, "boosted", "log_loss"),
    Task("noisy_classes", 100, "neighbours", "error"),
    Task("noisy_classes", 150, "net", "log_loss"),
    Task("wine", 60, "forest", "log_loss"),
    Task("diabetes", 120, "svm", "mse"),
    Task("diabetes", 220, "tree", "mse"),
    Task("line", 60, "linear", "mse"),
    Task("friedman1", 80, "forest", "mse"),
    Task("noisy_classes", 120, "several", "error"),
)
HELDOUT = (
    Task("many_features", 80, "linear", "error"),
    Task("digits", 150, "svm", "error"),
    Task("digits", 400, "net", "error"),
    Task("diabetes", 150, "boosted", "mse"),
    Task("diabetes", 200, "forest", "mse"),
    Task("breast_cancer", 150, "tree", "log_loss"),
    Task("breast_cancer", 200, "net", "error"),
    Task("friedman2", 80, "svm", "mse"),
    Task("friedman3", 100, "boosted", "mse"),
    Task("moons", 80, "svm", "error"),
    Task("moons", 100, "forest", "log_loss"),
    Task("many_features", 120, "several", "error"),
    Task("noisy_line", 90, "neighbours", "mse"),
)


def data_of(name: str, seed: int) -> tuple[Any, Any]:
    """All rows of a data set, in an order of their own for each seed; made ones are new."""
    from sklearn import datasets, utils

    made = {
        "classes": lambda: datasets.make_classification(3000, 12, n_informative=6, random_state=1),
        "noisy_classes": lambda: datasets.make_classification(
            3000, 10, n_informative=4, flip_y=0.3, random_state=2
        ),
        "many_features": lambda: datasets.make_classification(
            3000, 60, n_informative=8, n_redundant=10, flip_y=0.1, random_state=3
        ),
        "moons": lambda: datasets.make_moons(3000, noise=0.35, random_state=4),
        "line": lambda: datasets.make_regression(
            3000, 40, n_informative=10, noise=80.0, random_state=5
        ),
        "noisy_line": lambda: datasets.make_regression(
            3000, 8, n_informative=5, noise=150.0, random_state=6
        ),
        "friedman1": lambda: datasets.make_friedman1(3000, 10, noise=2.0, random_state=7),
        "friedman2": lambda: datasets.make_friedman2(3000, noise=200.0, random_state=8),
        "friedman3": lambda: datasets.make_friedman3(3000, noise=0.2, random_state=9),
    }
    if name in made:
        x, y = made[name]()
    else:
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return utils.shuffle(x, y, random_state=seed)


def run(task: Task, sampler: str, seed: int) -> dict[str, Any]:
    """One study, and what its trials are on the test set."""
    from sklearn import metrics, model_selection, pipeline, preprocessing

    x, y = data_of(task.data, 1000 + seed)
    classifies = task.score != "mse"
    if not classifies:
        y = (y - y.mean()) / y.std()
    train, test = slice(0, task.n_train), slice(task.n_train, task.n_train + TEST)
    x, y, x_test, y_test = x[train], y[train], x[test], y[test]
    kind = model_selection.StratifiedKFold if classifies else model_selection.KFold
    folds = list(kind(FOLDS, shuffle=True, random_state=seed).split(x, y))
    models = _models()

    def loss(model: Any, x: Any, y: Any) -> float:
        if task.score == "error":
            return 1.0 - float(model.score(x, y))
        if task.score == "mse":
            found = np.clip(np.nan_to_num(model.predict(x)), -10, 10)
            return float(metrics.mean_squared_error(y, found))
        found = np.clip(model.predict_proba(x), 1e-4, 1 - 1e-4)
        found /= found.sum(axis=1, keepdims=True)
        return float(metrics.log_loss(y, found, labels=model.classes_))

    tests: list[float] = []

    def objective(trial: Any) -> float:
        def fitted(x: Any, y: Any) -> Any:
            made = models[task.model](again, classifies)
            return pipeline.make_pipeline(preprocessing.StandardScaler(), made).fit(x, y)

        again = trial
        losses = [loss(fitted(x[a], y[a]), x[b], y[b]) for a, b in folds]
        for fold, found in enumerate(losses):
            trial.report(found, 0, fold=fold)
        tests.append(loss(fitted(x, y), x_test, y_test))
        return float(np.mean(losses))

    made = {"tpe": skipjack.samplers.TPESampler, "random": skipjack.samplers.RandomSampler}[sampler]
    study = skipjack.create_study(sampler=made(seed=seed))
    study.optimize(objective, n_trials=N_TRIALS)
    return {
        "task": list(task),
        "sampler": sampler,
        "seed": seed,
        "tests": tests,
        "trials": [
            {
                "params": t.params,
                "dists": {k: distribution_to_json(d) for k, d in t.distributions.items()},
                "value": t.value,
                "metrics": {k: list(v.items()) for k, v in t.metrics.items()},
            }
            for t in study.trials
        ],
    }


def train(path: Path, seeds: int) -> None:
    """Add the runs that are not in the file yet."""
    warnings.simplefilter("ignore")
    skipjack.logging.set_verbosity(skipjack.logging.ERROR)
    done = {(tuple(r["task"]), r["sampler"], r["seed"]) for r in runs_in(path)}
    for seed in range(seeds):
        for task in (*TUNED, *HELDOUT):
            for sampler in ("tpe", "random")[: 2 if seed < seeds // 4 else 1]:
                if (tuple(task), sampler, seed) in done:
                    continue
                start = time.perf_counter()
                line = json.dumps(run(task, sampler, seed))
                with path.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
                took = time.perf_counter() - start
                print(f"{'-'.join(map(str, task))} {sampler} {seed}: {took:.1f} s", flush=True)


def runs_in(path: Path) -> Iterator[dict[str, Any]]:
    """What `train` has written."""
    if path.exists():
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def study_of(run: dict[str, Any], folds: bool) -> Any:
    """The study of a run as it was, with or without the scores of its folds."""
    study = skipjack.create_study()
    trials = []
    for t in run["trials"]:
        trial = skipjack.create_trial(
            params=dict(t["params"]),
            distributions={k: json_to_distribution(d) for k, d in t["dists"].items()},
            value=t["value"],
        )
        if folds:
            trial.metrics = {k: {int(s): v for s, v in pairs} for k, pairs in t["metrics"].items()}
        trials.append(trial)
    study.add_trials(trials)
    return study


CHOICES: dict[str, dict[str, Any]] = {
    "best value": {"method": "best_value"},
    "recommend()": {},
    "recommend(baseline=None)": {"baseline": None},
    "recommend(evidence=1)": {"evidence": 1.0},
    "recommend(evidence=2)": {"evidence": 2.0},
    "one_standard_error": {"method": "one_standard_error"},
    "fold_ranks": {"method": "fold_ranks"},
}


def regrets(run: dict[str, Any], folds: bool) -> dict[str, tuple[float, bool, bool, bool]] | None:
    """What each choice is on the test set; None if there is nothing to lose.

    The regret, whether it is worse than the first trial, and whether it is better or worse than
    the trial of best value.
    """
    tests = np.array(run["tests"])
    unit = float(np.median(tests) - tests.min())
    if unit <= 0:
        return None
    study = study_of(run, folds)
    best = tests[study.best_trial.number]
    found = {}
    for name, arguments in CHOICES.items():
        if folds or arguments.get("method") != "fold_ranks":
            test = tests[study.recommend(**arguments).number]
            regret = float(test - tests.min()) / unit
            found[name] = (regret, bool(test > tests[0]), bool(test < best), bool(test > best))
    return found


def score(path: Path) -> None:
    """Print one line per set, knowledge of folds, and choice."""
    skipjack.logging.set_verbosity(skipjack.logging.ERROR)
    sets = {"tuned": set(map(tuple, TUNED)), "heldout": set(map(tuple, HELDOUT))}
    rows: dict[tuple[str, bool, str], list[tuple[float, bool, bool, bool]]] = defaultdict(list)
    for run in runs_in(path):
        for folds in (True, False):
            found = regrets(run, folds) or {}
            for name in sets:
                if tuple(run["task"]) in sets[name]:
                    for choice, row in found.items():
                        rows[name, folds, choice].append(row)
    for (name, folds, choice), found in sorted(rows.items()):
        table = np.array(found, float)
        mean = table.mean(axis=0).round(3).tolist()
        best = np.array(rows[name, folds, "best value"], float)
        line = {
            "set": name,
            "folds": folds,
            "choice": choice,
            "runs": len(table),
            "test_regret": mean[0],
            "of_best_value": round(float(table[:, 0].mean() / best[:, 0].mean()), 3),
            "worse_than_first": mean[1],
            "better_than_best_value": mean[2],
            "worse_than_best_value": mean[3],
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["train", "score"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    given = parser.parse_args()
    if given.what == "train":
        train(given.file, given.seeds)
    else:
        score(given.file)
