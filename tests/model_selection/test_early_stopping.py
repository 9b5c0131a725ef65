"""Gradient boosting stops by the validation part of its fold, also at the end of a pipeline."""

import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from skipjack import model_selection as ms
from tests.conftest import Require

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 5))
Y = (X[:, 0] + 0.8 * RNG.normal(size=240) > 0).astype(int)
CV = 3
MOST = 300


def histogram(**arguments: Any) -> Any:
    made = importlib.import_module("sklearn.ensemble").HistGradientBoostingClassifier
    if "X_val" not in inspect.signature(made.fit).parameters:
        pytest.skip("scikit-learn stops it by other data from 1.7 on")
    return made(**{"max_iter": MOST, "learning_rate": 0.3, "max_leaf_nodes": 7} | arguments)


def lightgbm(**arguments: Any) -> Any:
    made = importlib.import_module("lightgbm").LGBMClassifier
    fixed = {"n_estimators": MOST, "learning_rate": 0.3, "verbose": -1, "n_jobs": 1}
    return made(**fixed | arguments)


def xgboost(**arguments: Any) -> Any:
    made = importlib.import_module("xgboost").XGBClassifier
    return made(**{"n_estimators": MOST, "learning_rate": 0.3, "n_jobs": 1} | arguments)


def catboost(**arguments: Any) -> Any:
    made = importlib.import_module("catboost").CatBoostClassifier
    fixed = {"n_estimators": MOST, "learning_rate": 0.3, "thread_count": 1, "depth": 3}
    fixed |= {"allow_writing_files": False, "bootstrap_type": "No", "boosting_type": "Plain"}
    # What else depends on how many trees there may be:
    fixed |= {"random_strength": 0, "leaf_estimation_iterations": 5}
    return made(**fixed | arguments)


def trees(model: Any) -> int:
    """How many trees a fitted model has."""
    for name, count in {
        "n_iter_": int,
        "tree_count_": int,
        "booster_": lambda booster: int(booster.num_trees()),
    }.items():
        if hasattr(model, name):
            return count(getattr(model, name))
    return int(model.get_booster().num_boosted_rounds())


MODELS: dict[str, Callable[..., Any]] = {
    "sklearn": histogram,
    "lightgbm": lightgbm,
    "xgboost": xgboost,
    "catboost": catboost,
}


@pytest.fixture(params=MODELS)
def boosting(request: pytest.FixtureRequest, require: Require) -> Callable[..., Any]:
    require(request.param)
    return MODELS[request.param]


@pytest.fixture(autouse=True)
def scikit_learn(require: Require) -> None:
    require("sklearn")


@pytest.fixture
def routing() -> Iterator[None]:
    sklearn = importlib.import_module("sklearn")
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def piped(model: Any) -> Any:
    made = importlib.import_module("sklearn.pipeline").Pipeline
    scale = importlib.import_module("sklearn.preprocessing").StandardScaler()
    return made([("scale", scale), ("nothing", "passthrough"), ("model", model)])


def parts() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    return (X[:160], Y[:160]), (X[160:], Y[160:])


def test_a_fit_stops_long_before_all_trees(boosting: Callable[..., Any]) -> None:
    model = boosting()
    train, valid = parts()
    n = ms.fit_until_best(model, train, valid, rounds=5)
    assert 1 <= n < 60
    assert model.score(*valid) > 0.6


def test_it_predicts_with_the_best_number_of_trees(boosting: Callable[..., Any]) -> None:
    train, valid = parts()
    stopped, limited = boosting(), boosting()
    n = ms.fit_until_best(stopped, train, valid, rounds=5)
    ms.limit_rounds(limited, n)
    limited.fit(*train)
    assert trees(limited) == n
    assert stopped.predict_proba(valid[0]) == pytest.approx(limited.predict_proba(valid[0]))


def test_a_pipeline_transforms_the_validation_part(boosting: Callable[..., Any]) -> None:
    train, valid = parts()
    pipe, alone = piped(boosting()), boosting()
    shifted = 1000 * X[:160] + 5, 1000 * X[160:] + 5
    n = ms.fit_until_best(pipe, (shifted[0], train[1]), (shifted[1], valid[1]), rounds=5)
    mean, spread = X[:160].mean(axis=0), X[:160].std(axis=0)
    scaled = (X[:160] - mean) / spread, (X[160:] - mean) / spread
    assert n == ms.fit_until_best(alone, (scaled[0], train[1]), (scaled[1], valid[1]), rounds=5)
    assert pipe.predict(shifted[1]).tolist() == alone.predict(scaled[1]).tolist()


def test_weights_of_both_parts_count(boosting: Callable[..., Any]) -> None:
    train, valid = parts()
    weight = np.where(X[:, 1] > 0, 1.0, 0.001)
    unknown = np.where(X[:, 1] > 0, Y, 1 - Y)  # what has no weight is labelled wrongly
    n = {}
    for name, params in {"with": {"sample_weight": weight}, "without": {}}.items():
        cut = [
            {key: value[at] for key, value in params.items()} for at in (np.s_[:160], np.s_[160:])
        ]
        n[name] = ms.fit_until_best(
            boosting(),
            *((train[0], unknown[:160]), (valid[0], unknown[160:])),
            rounds=5,
            params=cut[0],
            valid_params=cut[1],
        )
    assert n["with"] != n["without"]


# In a search


def test_a_search_refits_with_the_mean_number_of_trees(boosting: Callable[..., Any]) -> None:
    search = ms.GridSearchCV(
        piped(boosting()),
        {"model__learning_rate": [0.1, 0.5]},
        cv=CV,
        scoring="neg_log_loss",
        early_stopping=5,
    ).fit(X, Y)
    mean = search.cv_results_["mean_n_rounds"]
    assert mean.shape == (2,)
    assert mean[0] > mean[1] > 0  # small steps take more trees
    assert trees(search.best_estimator_["model"]) == round(mean[search.best_index_])
    assert np.isfinite(search.cv_results_["split2_test_score"]).all()


def test_the_validation_part_is_that_of_the_fold() -> None:
    search = ms.GridSearchCV(histogram(), {"max_depth": [3]}, cv=CV, early_stopping=5).fit(X, Y)
    by_hand = []
    for train, test in ms.StratifiedKFold(CV).split(X, Y):
        model = histogram(max_depth=3)
        n = ms.fit_until_best(model, (X[train], Y[train]), (X[test], Y[test]), rounds=5)
        by_hand.append((n, model.score(X[test], Y[test])))
    assert search.cv_results_["mean_n_rounds"][0] == np.mean([n for n, _ in by_hand])
    assert search.best_score_ == pytest.approx(np.mean([score for _, score in by_hand]))


def test_random_and_learning_searches_stop_early_and_go_on_from_a_storage(tmp_path: Any) -> None:
    space = {"learning_rate": [0.1, 0.2, 0.4, 0.8]}
    random = ms.RandomizedSearchCV(histogram(), space, n_iter=2, cv=CV, early_stopping=5)
    assert random.fit(X, Y).best_estimator_.n_iter_ < 100
    where = {"storage": f"sqlite:///{tmp_path}/s.db", "study_name": "s", "random_state": 0}
    learning = ms.SearchCV(
        histogram(), space, n_trials=3, cv=CV, early_stopping=5, try_default=False, **where
    )
    first = learning.fit(X, Y)
    n, trees_of = first.n_fits_, first.best_estimator_.n_iter_
    again = learning.fit(X, Y)
    assert (again.n_fits_, again.best_estimator_.n_iter_) == (n, trees_of)


def test_workers_tell_how_many_trees() -> None:
    search = ms.GridSearchCV(
        histogram(random_state=0), {"max_depth": [2, 3]}, cv=CV, early_stopping=5
    )
    alone = search.fit(X, Y).cv_results_["mean_n_rounds"]
    joblib = importlib.import_module("joblib")
    with joblib.parallel_config(backend="threading"):
        together = search.set_params(n_jobs=2).fit(X, Y).cv_results_["mean_n_rounds"]
    assert alone.tolist() == together.tolist()


def test_weights_reach_the_fits_of_a_search() -> None:
    weights = np.where(X[:, 1] > 0, 1.0, 0.001)
    search = ms.GridSearchCV(histogram(), {"max_depth": [3]}, cv=CV, early_stopping=5)
    plain = search.fit(X, Y).cv_results_["mean_n_rounds"]
    alone = search.fit(X, Y, sample_weight=weights).cv_results_["mean_n_rounds"]
    assert alone != plain
    pipe = ms.GridSearchCV(piped(histogram()), {"model__max_depth": [3]}, cv=CV, early_stopping=5)
    assert pipe.fit(X, Y, model__sample_weight=weights).cv_results_["mean_n_rounds"] == alone


@pytest.mark.usefixtures("routing")
def test_weights_are_routed_through_a_pipeline() -> None:
    if tuple(map(int, importlib.import_module("sklearn").__version__.split(".")[:2])) < (1, 8):
        pytest.skip("scikit-learn hands weights to scorers otherwise before 1.8")
    weights = np.where(X[:, 1] > 0, 1.0, 0.001)
    asking = histogram().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    pipe = piped(asking)
    pipe["scale"].set_fit_request(sample_weight=False)
    search = ms.GridSearchCV(pipe, {"model__max_depth": [3]}, cv=CV, early_stopping=5)
    routed = search.fit(X, Y, sample_weight=weights).cv_results_["mean_n_rounds"]
    assert routed != search.fit(X, Y).cv_results_["mean_n_rounds"]


# What cannot


def test_a_scikit_learn_that_cannot_says_so_before_the_first_fit() -> None:
    made = importlib.import_module("sklearn.ensemble").HistGradientBoostingClassifier

    class Old(made):  # type: ignore[misc, valid-type]  # as before scikit-learn 1.7
        def fit(self, X: Any, y: Any) -> Any:
            raise AssertionError("no fit is made")

    assert not ms.can_stop_early(Old())
    search = ms.GridSearchCV(Old(), {"learning_rate": [0.1]}, cv=CV, early_stopping=5)
    with pytest.raises(NotImplementedError, match=r"needs scikit-learn 1\.7 or later"):
        search.fit(X, Y)


def test_other_estimators_are_named() -> None:
    tree = importlib.import_module("sklearn.tree").DecisionTreeClassifier()
    with pytest.raises(NotImplementedError, match="not of DecisionTreeClassifier"):
        ms.GridSearchCV(tree, {"max_depth": [1]}, early_stopping=5).fit(X, Y)
    assert not ms.can_stop_early(piped(tree)) and ms.can_stop_early(piped(histogram()))


def test_bad_arguments_are_named() -> None:
    train, valid = parts()
    with pytest.raises(ValueError, match="`rounds` must be at least 1"):
        ms.fit_until_best(histogram(), train, valid, rounds=0)
    with pytest.raises(ValueError, match="meant for a step of the pipeline"):
        ms.fit_until_best(piped(histogram()), train, valid, params={"sample_weight": Y})
    search = ms.GridSearchCV(histogram(), {"max_depth": [1]})
    with pytest.raises(ValueError, match="`early_stopping` must be at least 1"):
        search.set_params(early_stopping=0).fit(X, Y)
    with pytest.raises(TypeError, match="`early_stopping` must be a whole number or None"):
        search.set_params(early_stopping="soon").fit(X, Y)


def test_a_failing_fit_has_no_number_of_trees() -> None:
    with pytest.warns(match="fits failed"):
        search = ms.GridSearchCV(
            histogram(), {"learning_rate": [-1.0, 0.3]}, cv=CV, early_stopping=5, error_score=0.0
        ).fit(X, Y)
    assert np.isnan(search.cv_results_["mean_n_rounds"][0])
    assert search.best_index_ == 1


@pytest.mark.parametrize("names", [["no", "yes"], [1, 2], [False, True]])
def test_lightgbm_knows_the_classes_of_the_validation_part(
    names: list[Any], require: Require
) -> None:
    require("lightgbm")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    codes = (X[:, 0] + 0.5 * rng.normal(size=80) > 0).astype(int)
    model, plain = lightgbm(), lightgbm()
    found = ms.fit_until_best(
        model,
        (X[:50], np.array(names)[codes[:50]]),
        (X[50:], np.array(names)[codes[50:]]),
        rounds=5,
    )
    assert found == ms.fit_until_best(plain, (X[:50], codes[:50]), (X[50:], codes[50:]), rounds=5)
    assert list(model.classes_) == names
