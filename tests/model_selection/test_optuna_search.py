"""OptunaSearchCV has optuna-integration's arguments and attributes, and scikit-learn's results."""

import importlib
import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

import skipjack
from skipjack import integration
from skipjack import model_selection as ms
from skipjack.distributions import CategoricalDistribution, FloatDistribution
from skipjack.trial import TrialState
from tests.conftest import Require

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
Y = (X[:, 0] + 0.3 * RNG.normal(size=90) > 0).astype(int)
SPACE = {"C": FloatDistribution(1e-3, 1e3, log=True), "kernel": CategoricalDistribution(["rbf"])}

# Of optuna-integration 4: every argument with its default.
ARGUMENTS = {
    **dict.fromkeys(("estimator", "param_distributions"), inspect.Parameter.empty),
    **dict.fromkeys(("cv", "n_jobs", "random_state", "scoring", "study", "timeout"), None),
    "enable_pruning": False,
    "max_iter": 1000,
    "n_trials": 10,
    "refit": True,
    "return_train_score": False,
    "subsample": 1.0,
    "verbose": 0,
    "callbacks": None,
    "catch": (),
    "error_score": np.nan,
}


@pytest.fixture(autouse=True)
def quiet(require: Require) -> Iterator[None]:
    require("sklearn")
    verbosity = skipjack.logging.get_verbosity()
    skipjack.logging.set_verbosity(skipjack.logging.WARNING)
    yield
    skipjack.logging.set_verbosity(verbosity)


def search(space: Any = None, **arguments: Any) -> Any:
    svc = importlib.import_module("sklearn.svm").SVC()
    fixed = {"n_trials": 4, "random_state": 0, "cv": 3}
    return ms.OptunaSearchCV(svc, SPACE if space is None else space, **fixed | arguments)


def sgd(**arguments: Any) -> Any:
    model = importlib.import_module("sklearn.linear_model").SGDClassifier(random_state=0)
    fixed = {"enable_pruning": True, "n_trials": 12, "max_iter": 6, "random_state": 0, "cv": 3}
    space = {"alpha": FloatDistribution(1e-6, 10, log=True)}
    return ms.OptunaSearchCV(model, space, **fixed | arguments)


@parametrize_with_checks(
    [
        ms.OptunaSearchCV(
            LogisticRegression(),
            {"C": FloatDistribution(0.1, 1.0)},
            n_trials=2,
            cv=2,
            error_score="raise",
        )
    ]
)
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def test_it_has_the_arguments_of_optuna_integration() -> None:
    assert integration.OptunaSearchCV is ms.OptunaSearchCV
    ours = inspect.signature(ms.OptunaSearchCV).parameters
    assert {name: p.default for name, p in ours.items()} == ARGUMENTS
    kinds = [p.kind for p in ours.values()]
    assert kinds[:2] == [inspect.Parameter.POSITIONAL_OR_KEYWORD] * 2
    assert set(kinds[2:]) == {inspect.Parameter.KEYWORD_ONLY}


def test_it_has_the_attributes_of_optuna_integration() -> None:
    fitted = search(return_train_score=True).fit(X, Y)
    assert fitted.best_score_ == fitted.study_.best_value == fitted.best_trial_.value
    assert fitted.best_params_ == fitted.study_.best_params
    assert fitted.best_index_ == fitted.best_trial_.number
    assert fitted.n_trials_ == len(fitted.trials_) == 4
    assert fitted.n_splits_ == 3 and fitted.refit_time_ > 0
    assert fitted.sample_indices_.tolist() == list(range(90))
    assert fitted.classes_.tolist() == [0, 1]
    fitted.set_user_attr("who", "me")
    assert fitted.user_attrs_["who"] == "me"
    attributes = fitted.trials_[0].user_attrs
    assert attributes["mean_test_score"] == fitted.trials_[0].value
    assert {"split0_test_score", "std_train_score", "mean_fit_time"} <= attributes.keys()
    assert fitted.decision_function(X).shape == (90,)
    assert not hasattr(fitted, "transform")


def test_the_results_are_those_of_scikit_learn() -> None:
    fitted = search(return_train_score=True).fit(X, Y)
    keys = set(ms.GridSearchCV(fitted.estimator, {"C": [1]}, cv=3, return_train_score=True)
        .fit(X, Y).cv_results_)  # fmt: skip
    assert keys | {"param_kernel"} == set(fitted.cv_results_)
    row = fitted.cv_results_["params"][2]
    model = importlib.import_module("sklearn.svm").SVC(**row)
    assert fitted.cv_results_["mean_test_score"][2] == ms.cross_val_score(model, X, Y, cv=3).mean()


def test_a_grid_and_distributions_of_scipy_are_spaces() -> None:
    grid = search({"C": [0.1, 1.0], "kernel": ["linear", "rbf"]}).fit(X, Y)
    assert {p["kernel"] for p in grid.cv_results_["params"]} <= {"linear", "rbf"}
    stats = importlib.import_module("scipy.stats")
    drawn = search({"C": stats.loguniform(0.1, 10)}).fit(X, Y)
    assert all(0.1 <= p["C"] <= 10 for p in drawn.cv_results_["params"])


def test_a_study_is_used_and_gone_on_with() -> None:
    study = skipjack.create_study(direction="maximize", sampler=skipjack.samplers.RandomSampler(1))
    first = search(study=study).fit(X, Y)
    assert first.study_ is study and len(study.trials) == 4
    again = search(study=study, n_trials=2).fit(X, Y)
    assert len(again.cv_results_["params"]) == 6 == again.n_trials_
    with pytest.raises(ValueError, match="`study` must be of a study with the same data"):
        search(study=study).fit(X[:60], Y[:60])
    with pytest.raises(ValueError, match="`study` must have the direction 'maximize'"):
        search(study=skipjack.create_study()).fit(X, Y)


def test_a_part_of_the_samples_is_searched_on_and_all_are_fitted() -> None:
    fitted = search(subsample=0.5, cv=ms.KFold(3)).fit(X, Y)
    chosen = fitted.sample_indices_
    assert len(chosen) == 45 and len(set(chosen)) == 45
    model = importlib.import_module("sklearn.svm").SVC(**fitted.best_params_)
    scores = ms.cross_val_score(model, X[chosen], Y[chosen], cv=ms.KFold(3))
    assert fitted.best_score_ == pytest.approx(scores.mean())
    assert fitted.best_estimator_.shape_fit_[0] == 90
    assert len(search(subsample=30).fit(X, Y).sample_indices_) == 30
    with pytest.raises(ValueError, match="`subsample` must be from 1 to 90"):
        search(subsample=91).fit(X, Y)


def test_training_step_by_step_is_pruned_and_no_sample_moves() -> None:
    fitted = sgd().fit(X, Y)
    states = fitted.cv_results_["state"]
    assert {"COMPLETE", "PRUNED"} == set(states)
    assert states[fitted.best_index_] == "COMPLETE"
    reports = fitted.trials_[0].intermediate_values
    assert list(reports) == list(range(6)) and fitted.n_iter_ == 6
    by_hand = []
    for train, test in ms.StratifiedKFold(3).split(X, Y):
        model = fitted.estimator.set_params(**fitted.cv_results_["params"][0])
        model = importlib.import_module("sklearn.base").clone(model)
        for _ in range(6):
            model.partial_fit(X[train], Y[train], classes=[0, 1])
        by_hand.append(model.score(X[test], Y[test]))
    assert fitted.trials_[0].value == pytest.approx(np.mean(by_hand))


def test_folds_of_a_shuffled_splitter_stay_as_they_are_while_training() -> None:
    class Counted(ms.KFold):  # type: ignore[misc]
        calls = 0

        def split(self, X: Any, y: Any = None, groups: Any = None) -> Any:
            Counted.calls += 1
            return super().split(X, y, groups)

    sgd(cv=Counted(3, shuffle=True), n_trials=3).fit(X, Y)
    assert Counted.calls == 1


def test_several_metrics_groups_weights_and_threads() -> None:
    fitted = search(scoring=["accuracy", "roc_auc"], refit="roc_auc", n_jobs=2).fit(X, Y)
    assert fitted.study_.best_value == pytest.approx(fitted.cv_results_["mean_test_roc_auc"].max())
    groups = np.repeat(np.arange(30), 3)
    grouped = search(cv=ms.GroupKFold(3)).fit(X, Y, groups=groups)
    assert grouped.n_splits_ == 3
    weighted = search().fit(X, Y, sample_weight=np.where(Y == 1, 100.0, 1.0))
    assert weighted.best_score_ != search().fit(X, Y).best_score_
    assert sgd(scoring=["accuracy", "f1"], refit="f1", n_trials=2).fit(X, Y).multimetric_


def test_errors_are_scored_caught_or_raised() -> None:
    bad = {"C": [-1.0, 1.0]}
    with pytest.raises(ValueError, match="'C' parameter of SVC"):
        search(bad, error_score="raise", n_trials=8).fit(X, Y)
    caught = search(bad, error_score="raise", catch=ValueError, n_trials=8).fit(X, Y)
    assert {trial.state for trial in caught.trials_} == {TrialState.FAIL, TrialState.COMPLETE}
    assert all(params == {"C": 1.0} for params in caught.cv_results_["params"])
    with pytest.warns(match="fits failed"):
        scored = search(bad, error_score=0.0, n_trials=8).fit(X, Y)
    assert scored.best_params_ == {"C": 1.0}


def test_callbacks_and_time_end_the_search() -> None:
    stopped = search(callbacks=[lambda study, trial: study.stop()]).fit(X, Y)
    assert stopped.n_trials_ == 1
    with pytest.raises(ValueError, match="No fits were performed"):
        search(timeout=0.0, n_trials=None).fit(X, Y)


def test_what_cannot_be_is_named() -> None:
    with pytest.raises(ValueError, match="`estimator` must have `partial_fit`"):
        search(enable_pruning=True).fit(X, Y)
    with pytest.raises(ValueError, match="`max_iter` must be at least 1"):
        sgd(max_iter=0).fit(X, Y)


def test_nested_scores_of_a_classifier_are_stratified() -> None:
    """With optuna-integration's, sorted labels gave folds with one class only."""
    order = np.argsort(Y)
    scores = ms.cross_val_score(search(n_trials=2), X[order], Y[order], cv=3)
    assert scores.min() > 0.6
