"""What the best score promises too much: bootstrap bias-corrected cross-validation."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from skipjack.model_selection import optimism
from tests.conftest import Require

Table = NDArray[np.float64]


def luck(rng: np.random.Generator, n_candidates: int = 40, n_folds: int = 5) -> Table:
    """Accuracies of candidates that all guess, on folds of 40 samples."""
    return np.asarray(rng.binomial(40, 0.5, size=(n_candidates, n_folds)) / 40)


def test_luck_is_taken_off_the_best_score() -> None:
    """At least 80 % of what the best score promises too much, and not more than there is."""
    rng = np.random.default_rng(1)
    results = [optimism.bias_corrected(luck(rng), n_bootstraps=200) for _ in range(60)]
    best = np.mean([r.best_score for r in results])
    corrected = np.mean([r.corrected for r in results])
    assert best > 0.55
    assert 0.8 <= (best - corrected) / (best - 0.5) <= 1.2


def test_a_clear_winner_keeps_its_score() -> None:
    scores = luck(np.random.default_rng(2))
    scores[7] = [0.9, 0.92, 0.91, 0.9, 0.92]
    result = optimism.bias_corrected(scores)
    assert result.best_score == pytest.approx(0.91)
    assert abs(result.optimism) < 0.005
    assert 0.9 <= result.low <= result.corrected <= result.high <= 0.92


def test_one_candidate_was_not_chosen() -> None:
    result = optimism.bias_corrected([[0.4, 0.5, 0.6, 0.5]], n_bootstraps=4000)
    assert result.optimism == pytest.approx(0.0, abs=0.01)


def test_two_folds_choose_on_one_and_score_on_the_other() -> None:
    result = optimism.bias_corrected([[1.0, 0.0], [0.0, 1.0]])
    assert (result.best_score, result.corrected) == (0.5, 0.0)


def test_the_same_seed_gives_the_same_and_failed_candidates_are_left_out() -> None:
    scores = luck(np.random.default_rng(3))
    with_failed = np.vstack([scores, np.full((2, 5), math.nan)])
    assert optimism.bias_corrected(scores) == optimism.bias_corrected(with_failed)
    assert optimism.bias_corrected(scores) != optimism.bias_corrected(scores, random_state=5)


def test_bad_scores_are_named() -> None:
    with pytest.raises(ValueError, match="`scores` must have at least two folds, but got 1"):
        optimism.bias_corrected([[1.0], [2.0]])
    with pytest.raises(ValueError, match="finite score on every fold"):
        optimism.bias_corrected([[math.nan, 1.0]])
    with pytest.raises(ValueError, match="`units` must have at least two"):
        optimism.bias_corrected_by_sample(lambda c, rows: 1.0, 1, [0, 0])


def test_it_says_it_in_a_sentence() -> None:
    text = str(optimism.bias_corrected([[1.0, 0.0], [0.0, 1.0]]))
    assert text.startswith("best score 0.5 of 2 candidates, bias-corrected 0 (0 to 0)")


# Of a fitted search


@pytest.fixture(scope="module")
def fitted(require: Require) -> tuple[Any, Table, NDArray[np.int64]]:
    """A search among trees on labels that have nothing to do with the data."""
    require("sklearn")
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.tree import DecisionTreeClassifier

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 4)), rng.permutation(np.repeat([0, 1], 40))
    grid = {"random_state": list(range(6)), "max_depth": [1, 2, 4]}
    cv = StratifiedKFold(5, shuffle=True, random_state=0)
    tree = DecisionTreeClassifier(max_features=1)
    return GridSearchCV(tree, grid, cv=cv, scoring="roc_auc").fit(X, y), X, y


def test_a_search_of_scikit_learn_is_read(fitted: tuple[Any, Table, Any]) -> None:
    search = fitted[0]
    result = optimism.expected_optimism(search)
    assert result.best_score == pytest.approx(search.best_score_)
    assert result.n_candidates == 18
    assert result.corrected < result.best_score


def test_samples_are_drawn_where_asked(fitted: tuple[Any, Table, Any]) -> None:
    search, X, y = fitted
    result = optimism.expected_optimism(search, X, y, method="samples", n_bootstraps=15)
    assert result.best_score == pytest.approx(search.best_score_)
    assert result.n_bootstraps == 15
    assert result.corrected < result.best_score
    groups = np.repeat(np.arange(20), 4)
    with pytest.warns(UserWarning, match="groups parameter is ignored by StratifiedKFold"):
        by_group = optimism.expected_optimism(
            search, X, y, groups=groups, method="samples", n_bootstraps=15
        )
    assert by_group != result


def test_the_estimators_own_score_is_used_where_there_is_no_scoring(require: Require) -> None:
    require("sklearn")
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV

    X, y = load_diabetes(return_X_y=True)
    search = GridSearchCV(Ridge(), {"alpha": [0.01, 1.0, 100.0]}).fit(X, y)
    result = optimism.expected_optimism(search, X, y, method="samples", n_bootstraps=15)
    assert result.corrected == pytest.approx(search.best_score_, abs=0.05)


def test_a_scorer_may_read_parameters_and_is_told_what_it_may_not_read(require: Require) -> None:
    require("sklearn")
    from sklearn.datasets import load_iris
    from sklearn.metrics import accuracy_score
    from sklearn.model_selection import GridSearchCV
    from sklearn.neighbors import KernelDensity
    from sklearn.svm import SVC

    X, y = load_iris(return_X_y=True)

    def simple(model: Any, X: Table, y: Table) -> float:
        penalty = model.C + model.get_params()["degree"]
        return float(accuracy_score(y, model.predict(X)) - 1e-3 * penalty)

    def sparse(model: Any, X: Table, y: Table) -> float:
        return -float(model.n_support_.sum())

    def by_sample(model: Any, grid: Any, scoring: Any) -> optimism.Optimism:
        search = GridSearchCV(model, grid, scoring=scoring, cv=3).fit(X, y)
        return optimism.expected_optimism(search, X, y, method="samples", n_bootstraps=10)

    result = by_sample(SVC(), {"C": [0.1, 1.0]}, simple)
    assert result.corrected == pytest.approx(result.best_score, abs=0.05)
    with pytest.raises(AttributeError, match="reads 'n_support_'.*Use method='folds'"):
        by_sample(SVC(), {"C": [0.1, 1.0]}, sparse)
    with pytest.raises(NotImplementedError, match="KernelDensity has a `score` of its own"):
        by_sample(KernelDensity(), {"bandwidth": [0.1, 1.0]}, None)


def test_what_cannot_be_read_is_named(fitted: tuple[Any, Table, Any]) -> None:
    search = fitted[0]
    with pytest.raises(RuntimeError, match="has not been fitted"):
        optimism.expected_optimism(object())
    with pytest.raises(ValueError, match="`method` must be 'folds' or 'samples'"):
        optimism.expected_optimism(search, method="rows")
    with pytest.raises(ValueError, match="`X` must be given with `y`"):
        optimism.expected_optimism(search, method="samples")
    with pytest.raises(ValueError, match="`n_bootstraps` must be at least 1"):
        optimism.expected_optimism(search, n_bootstraps=0)
    with pytest.raises(ValueError, match="`metric` must be one of 'score', but got 'f1'"):
        optimism.fold_scores(search, "f1")
