"""The honest score of a search: nested cross-validation over any search estimator."""

import importlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from skipjack import model_selection as ms
from tests.conftest import Require

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 5))
Y = (X[:, 0] + 0.3 * RNG.normal(size=90) > 0).astype(int)
GROUPS = np.repeat(np.arange(30), 3)
GRID = {"max_depth": [1, 3], "min_samples_leaf": [1, 10]}


def tree(**arguments: Any) -> Any:
    return importlib.import_module("sklearn.tree").DecisionTreeClassifier(
        random_state=0, **arguments
    )


def search(estimator: Any = None, **arguments: Any) -> Any:
    theirs = importlib.import_module("sklearn.model_selection")
    arguments = {"cv": 3, "param_grid": GRID} | arguments
    return theirs.GridSearchCV(tree() if estimator is None else estimator, **arguments)


@pytest.fixture(autouse=True)
def scikit_learn(require: Require) -> None:
    require("sklearn")


@pytest.fixture
def routing() -> Iterator[None]:
    sklearn = importlib.import_module("sklearn")
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_each_outer_fold_is_a_search_that_has_not_seen_its_test_part() -> None:
    result = ms.nested_cross_validate(search(), X, Y, outer_cv=4, return_estimator=True)
    assert len(result.folds) == 4
    assert np.array_equal(np.sort(np.concatenate([f.test for f in result.folds])), np.arange(90))
    for fold in result.folds:
        assert not set(fold.train) & set(fold.test)
        again = search().fit(X[fold.train], Y[fold.train])
        assert fold.best_params == again.best_params_ == fold.search.best_params_
        assert fold.best_score == again.best_score_
        assert fold.scores == {"score": again.score(X[fold.test], Y[fold.test])}
        assert fold.fit_time > 0
    assert result.score == pytest.approx(result.scores.mean())
    assert result.optimism == pytest.approx(result.best_score - result.score)


def test_it_scores_as_cross_val_score_does() -> None:
    cv = ms.StratifiedKFold(4, shuffle=True, random_state=0)
    ours = ms.nested_cross_validate(search(), X, Y, outer_cv=cv)
    assert ours.scores == pytest.approx(ms.cross_val_score(search(), X, Y, cv=cv))
    assert ours.folds[0].search is None
    assert ours.scores == pytest.approx(ms.nested_cross_validate(search(), X, Y, outer_cv=4).scores)


def test_the_error_is_corrected_for_shared_training_data() -> None:
    result = ms.nested_cross_validate(search(), X, Y, outer_cv=3)
    spread = result.scores.std(ddof=1)
    assert result.standard_error == pytest.approx(spread * math.sqrt(1 / 3 + 1 / 2))
    once = ms.nested_cross_validate(search(), X, Y, outer_cv=[(np.arange(60), np.arange(60, 90))])
    assert math.isnan(once.standard_error)
    assert "±" not in str(once)


def test_the_text_has_a_row_a_fold_and_a_summary() -> None:
    result = ms.nested_cross_validate(search(), X, Y, outer_cv=3, scoring="f1")
    lines = str(result).splitlines()
    assert len(lines) == 1 + 3 + 1 + 3
    assert "max_depth=" in lines[1]
    assert lines[-3].startswith(f"score on unseen data {result.score:.4f} ± ")
    assert lines[-1].startswith("f1 on unseen data ")
    assert repr(result) == str(result)


def test_columns_for_a_frame() -> None:
    columns = ms.nested_cross_validate(search(), X, Y, outer_cv=3).to_dict()
    assert {len(column) for column in columns.values()} == {3}
    assert {"test_score", "best_score", "corrected", "param_max_depth"} <= columns.keys()


# Metrics

SCORINGS: list[tuple[Any, set[str]]] = [
    ("f1", {"score", "f1"}),
    (["f1", "recall"], {"score", "f1", "recall"}),
    ({"mine": "f1"}, {"score", "mine"}),
    (lambda estimator, X, y: 0.5, {"score", "scoring"}),
]


@pytest.mark.parametrize(("scoring", "names"), SCORINGS)
def test_other_metrics_come_beside_the_searchs_own(scoring: Any, names: set[str]) -> None:
    result = ms.nested_cross_validate(search(scoring="roc_auc"), X, Y, outer_cv=3, scoring=scoring)
    assert result.folds[0].scores.keys() == names
    alone = ms.nested_cross_validate(search(scoring="roc_auc"), X, Y, outer_cv=3)
    assert result.scores == pytest.approx(alone.scores)
    with pytest.raises(ValueError, match="`metric` must be one of 'score'"):
        result.mean("accuracy")


def test_all_metrics_of_a_search_are_scored_by_default() -> None:
    several = search(scoring=["accuracy", "roc_auc"], refit="roc_auc")
    result = ms.nested_cross_validate(several, X, Y, outer_cv=3)
    assert result.metric == "roc_auc"
    assert result.folds[0].scores.keys() == {"accuracy", "roc_auc"}
    assert math.isfinite(result.corrected)
    by_rule = search(scoring=["accuracy", "roc_auc"], refit=lambda results: 0)
    silent = ms.nested_cross_validate(by_rule, X, Y, outer_cv=3)
    assert math.isnan(silent.best_score) and math.isfinite(silent.score)


# Groups, weights and routing


def test_groups_are_kept_together_outside_and_inside() -> None:
    inner = search(cv=ms.GroupKFold(3))
    result = ms.nested_cross_validate(inner, X, Y, outer_cv=3, groups=GROUPS)
    for fold in result.folds:
        assert not set(GROUPS[fold.train]) & set(GROUPS[fold.test])
        again = inner.fit(X[fold.train], Y[fold.train], groups=GROUPS[fold.train])
        assert fold.best_score == again.best_score_


def test_weights_reach_the_fit_of_the_fold() -> None:
    weights = np.where(Y == 1, 1000.0, 1.0)
    grid = {"max_depth": [1]}
    cv = ms.StratifiedKFold(3)
    result = ms.nested_cross_validate(
        search(param_grid=grid), X, Y, outer_cv=cv, params={"sample_weight": weights}
    )
    (train, test) = next(iter(cv.split(X, Y)))
    by_hand = tree(max_depth=1).fit(X[train], Y[train], sample_weight=weights[train])
    assert result.scores[0] == by_hand.score(X[test], Y[test])
    assert (
        result.score != ms.nested_cross_validate(search(param_grid=grid), X, Y, outer_cv=cv).score
    )


@pytest.mark.usefixtures("routing")
def test_metadata_is_routed_to_the_search() -> None:
    if tuple(map(int, importlib.import_module("sklearn").__version__.split(".")[:2])) < (1, 8):
        pytest.skip("scikit-learn hands weights to scorers otherwise before 1.8")
    weights = np.where(Y == 1, 1000.0, 1.0)
    asking = tree().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    result = ms.nested_cross_validate(
        search(asking, cv=ms.GroupKFold(3)),
        *(X, Y),
        outer_cv=3,
        groups=GROUPS,
        params={"sample_weight": weights},
    )
    fold = result.folds[0]
    fitted = tree(**(fold.best_params or {})).fit(
        X[fold.train], Y[fold.train], sample_weight=weights[fold.train]
    )
    expected = fitted.score(X[fold.test], Y[fold.test], sample_weight=weights[fold.test])
    assert fold.scores["score"] == pytest.approx(expected)


@pytest.mark.usefixtures("routing")
def test_groups_that_no_inner_splitter_asks_for_stay_outside() -> None:
    result = ms.nested_cross_validate(search(), X, Y, outer_cv=3, groups=GROUPS)
    assert not set(GROUPS[result.folds[0].train]) & set(GROUPS[result.folds[0].test])


# Repeats, other searches, failures


def test_outer_folds_are_repeated() -> None:
    result = ms.nested_cross_validate(search(), X, Y, outer_cv=3, repeats=2, random_state=1)
    assert len(result.folds) == 6
    assert not np.array_equal(result.folds[0].test, result.folds[3].test)
    with pytest.raises(ValueError, match="`repeats` must be at least 1"):
        ms.nested_cross_validate(search(), X, Y, repeats=0)


def halving() -> Any:
    return ms.HalvingGridSearchCV(tree(), GRID, cv=3, random_state=0, min_resources=30)


def pipeline() -> Any:
    pipe = importlib.import_module("sklearn.pipeline").make_pipeline(tree())
    grid = {f"decisiontreeclassifier__{name}": values for name, values in GRID.items()}
    return search(pipe, param_grid=grid)


@pytest.mark.parametrize("make", [halving, pipeline, tree])
def test_other_searches_and_what_is_no_search_are_scored_too(make: Callable[[], Any]) -> None:
    result = ms.nested_cross_validate(make(), X, Y, outer_cv=3)
    assert result.score > 0.7
    assert math.isnan(result.best_score) == (make is tree)


def test_a_regression_is_split_without_classes() -> None:
    ridge = importlib.import_module("sklearn.linear_model").Ridge()
    inner = search(ridge, param_grid={"alpha": [0.1, 10.0]}, scoring="neg_mean_squared_error")
    result = ms.nested_cross_validate(inner, X, X[:, 0] + X[:, 1])
    assert len(result.folds) == 5
    assert result.score == pytest.approx(0.0, abs=0.01)


def test_a_search_must_refit_and_a_failing_one_scores_what_is_asked() -> None:
    with pytest.raises(ValueError, match="`search` must refit the best model"):
        ms.nested_cross_validate(search(refit=False), X, Y)
    bad = search(param_grid={"max_depth": [-1]}, error_score="raise")
    with pytest.raises(ValueError, match="max_depth"):
        ms.nested_cross_validate(bad, X, Y, outer_cv=3, error_score="raise")
