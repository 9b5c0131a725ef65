"""Tune a scikit-learn classifier on real data.

Run: make demo, or python examples/demo.py
The study lives in a file, demo.db in the current folder: stop with Ctrl-C whenever you like, and
run the same command again to go on. What came of it is told in demo.html, for a browser.
"""

import argparse
import sys
from pathlib import Path
from statistics import mean

from sklearn.base import ClassifierMixin
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

import skipjack
from skipjack.trial import TrialState

X, Y = load_breast_cancer(return_X_y=True)
FOLDS = list(StratifiedKFold(n_splits=5, shuffle=True, random_state=0).split(X, Y))
FILE, PAGE = Path("demo.db"), Path("demo.html")


def classifier(trial: skipjack.Trial) -> ClassifierMixin:
    """One of three models; each has parameters of its own."""
    name = trial.suggest_categorical("classifier", ["SVC", "RandomForest", "HistGradientBoosting"])
    if name == "SVC":
        return SVC(
            C=trial.suggest_float("svc_c", 1e-3, 1e3, log=True),
            gamma=trial.suggest_float("svc_gamma", 1e-5, 1.0, log=True),
        )
    if name == "RandomForest":
        return RandomForestClassifier(
            n_estimators=trial.suggest_int("rf_n_estimators", 50, 300, log=True),
            max_depth=trial.suggest_int("rf_max_depth", 2, 16),
            max_features=trial.suggest_float("rf_max_features", 0.1, 1.0),
            random_state=0,
        )
    return HistGradientBoostingClassifier(
        learning_rate=trial.suggest_float("hgb_learning_rate", 0.02, 0.5, log=True),
        max_iter=trial.suggest_int("hgb_max_iter", 50, 200),
        max_leaf_nodes=trial.suggest_int("hgb_max_leaf_nodes", 4, 32, log=True),
        random_state=0,
    )


def objective(trial: skipjack.Trial) -> float:
    """Mean accuracy over five folds; a trial that looks bad after some of them is given up."""
    model = make_pipeline(StandardScaler(), classifier(trial))
    scores: list[float] = []
    for fold, (train, valid) in enumerate(FOLDS):
        scores.append(model.fit(X[train], Y[train]).score(X[valid], Y[valid]))
        trial.report(mean(scores), fold)
        if trial.should_prune():
            raise skipjack.TrialPruned
    return mean(scores)


def main(n_trials: int) -> int:
    """Run what is left of `n_trials` and show the best one; returns the exit status."""
    skipjack.logging.set_verbosity(skipjack.logging.ERROR)  # the progress bar says enough
    study = skipjack.create_study(
        study_name="breast-cancer",
        storage=f"sqlite:///{FILE}",
        direction="maximize",
        load_if_exists=True,
    )
    finished = (TrialState.COMPLETE, TrialState.PRUNED)
    before = len(study.get_trials(deepcopy=False, states=finished))
    if before:
        print(f"Going on with the study in {FILE}: {before} of {n_trials} trials are done.")
    interrupted = False
    try:
        if before < n_trials:
            with threadpool_limits(1):  # on data this small, more threads only wait for each other
                study.optimize(objective, n_trials=n_trials - before, show_progress_bar=True)
    except KeyboardInterrupt:
        interrupted = True

    trials = study.get_trials(deepcopy=False, states=finished)
    pruned = sum(trial.state == TrialState.PRUNED for trial in trials)
    print(f"\n{len(trials)} of {n_trials} trials are done; {pruned} were given up early.")
    if pruned < len(trials):
        best = study.best_trial
        print(f"Best so far is trial {best.number}: accuracy {best.value:.4f} with")
        for name, value in best.params.items():
            print(
                f"    {name} = {value:.6g}" if isinstance(value, float) else f"    {name} = {value}"
            )
        print(f"A report on it is in {study.report(PAGE, title='Breast cancer').resolve()}")
    print(f"The study is kept in {FILE.resolve()} under the name {study.study_name!r}.")
    if interrupted:
        print("You stopped it. Run the same command again to go on from here.")
        return 130
    print("Run the same command again to see this again, or delete the file to start anew.")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=60, help="how many in all (default: 60)")
    sys.exit(main(parser.parse_args().trials))
