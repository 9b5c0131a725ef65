"""Models are compared on the same folds, and named by how they fit."""

import importlib
import math
from typing import Any

import numpy as np
import pytest

from skipjack import model_selection as ms
from skipjack.model_selection.comparison import judge
from tests.conftest import Require

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 6))
Y = (X[:, 0] + X[:, 1] + 0.4 * RNG.normal(size=160) > 0).astype(int)


@pytest.fixture(autouse=True)
def scikit_learn(require: Require) -> None:
    require("sklearn")


def made(module: str, name: str, **arguments: Any) -> Any:
    return getattr(importlib.import_module(f"sklearn.{module}"), name)(**arguments)


def models() -> dict[str, Any]:
    return {
        "tree": made("tree", "DecisionTreeClassifier", random_state=0),
        "line": made("linear_model", "LogisticRegression"),
        "guess": made("dummy", "DummyClassifier"),
    }


def test_the_best_model_comes_first_and_each_is_judged() -> None:
    result = ms.compare(models(), X, Y)
    assert [model.name for model in result.models] == ["line", "tree", "guess"]
    assert [model.verdict for model in result.models] == ["fits", "overfits", "underfits"]
    assert result.best.name == "line"
    tree = result.models[1]
    assert tree.train == pytest.approx(np.ones(5))
    assert "guessing" in result.models[2].reason


def test_scores_and_differences_are_those_of_the_same_folds() -> None:
    cv = ms.StratifiedKFold(4, shuffle=True, random_state=3)
    result = ms.compare(models(), X, Y, cv)
    for model in result.models:
        theirs = ms.cross_val_score(models()[model.name], X, Y, cv=cv)
        assert model.test == pytest.approx(theirs)
    pair = result.pairs[0]
    line, tree = result.models[:2]
    assert (pair.better, pair.worse) == ("line", "tree")
    assert pair.test == ms.corrected_t_test(line.test - tree.test, result.ratio)
    assert result.ratio == pytest.approx(1 / 3)


def test_every_pair_is_tested_and_p_values_are_adjusted() -> None:
    result = ms.compare(models(), X, Y, repeats=3)
    assert len(result.pairs) == 3
    assert all(len(model.test) == 15 for model in result.models)
    for pair in result.pairs:
        assert pair.p_adjusted >= pair.test.p_value
        assert pair.is_clear == (pair.p_adjusted < 0.05)
    assert result.pairs[1].is_clear  # the line against guessing


def test_a_model_is_not_better_than_itself() -> None:
    line = models()["line"]
    (pair,) = ms.compare([line, line], X, Y).pairs
    assert {pair.better, pair.worse} == {"LogisticRegression 1", "LogisticRegression 2"}
    assert pair.test.p_value == 1.0 and not pair.is_clear


def test_the_text_says_who_is_better_and_why() -> None:
    text = str(ms.compare(models(), X, Y, repeats=3))
    assert "overfits: loses 0." in text
    assert "(guessing)" in text
    assert "line is better than guess: +0." in text


def test_regression_is_compared_by_any_metric() -> None:
    ridge, stump = made("linear_model", "Ridge"), made("tree", "DecisionTreeRegressor", max_depth=1)
    y = X[:, 0] + 0.1 * X[:, 1]
    result = ms.compare([stump, ridge], X, y, scoring="neg_mean_squared_error")
    assert [model.name for model in result.models] == ["Ridge", "DecisionTreeRegressor"]
    assert result.models[1].verdict == "underfits"
    assert result.guess == pytest.approx(-np.var(y), rel=0.2)


def test_groups_stay_together_and_weights_reach_the_fit() -> None:
    groups, weights = np.repeat(np.arange(40), 4), np.where(Y == 1, 1e3, 1.0)
    result = ms.compare(
        {"tree": made("tree", "DecisionTreeClassifier", max_depth=1)},
        *(X, Y, 4),
        groups=groups,
        params={"sample_weight": weights},
    )
    plain = ms.compare({"tree": made("tree", "DecisionTreeClassifier", max_depth=1)}, X, Y, 4)
    assert result.best.score != plain.best.score
    assert result.pairs == ()


def test_a_metric_that_guessing_has_not_leaves_it_out() -> None:
    def by_coefficient(model: Any, X: Any, y: Any) -> float:
        return float(model.coef_[0, 0])

    result = ms.compare({"line": models()["line"]}, X, Y, scoring=by_coefficient)
    assert math.isnan(result.guess)
    assert "(guessing)" not in str(result)


@pytest.mark.parametrize(
    ("train", "test", "guess", "others", "verdict"),
    [
        ([0.90, 0.91, 0.89], [0.89, 0.90, 0.89], 0.5, [0.88], "fits"),
        ([1.00, 1.00, 1.00], [0.80, 0.82, 0.81], 0.5, [0.88], "overfits"),
        ([1.00, 1.00, 1.00], [0.80, 1.00, 0.95], 0.5, [], "fits"),  # within two errors
        ([0.80, 0.81, 0.79], [0.79, 0.80, 0.79], 0.5, [0.88], "underfits"),
        ([0.51, 0.50, 0.49], [0.50, 0.50, 0.50], 0.5, [], "underfits"),
        ([0.90, 0.90, 0.90], [0.90, math.nan, 0.9], 0.5, [], "unknown"),
        ([-1.0, -1.1, -0.9], [-9.0, -9.2, -8.9], math.nan, [], "overfits"),
    ],
)
def test_the_rule(
    train: list[float], test: list[float], guess: float, others: list[float], verdict: str
) -> None:
    start = np.full(3, guess)
    assert judge(np.array(train), np.array(test), start, others, 0.5)[0] == verdict


def test_a_fit_that_fails_raises_where_asked() -> None:
    failing = made("tree", "DecisionTreeClassifier", max_depth=-1)
    with pytest.raises(ValueError, match="max_depth"):
        ms.compare({"bad": failing}, X, Y, error_score="raise")


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="`models` must have at least one model"):
        ms.compare({}, X, Y)
    with pytest.raises(ValueError, match="`level` must be between 0 and 1"):
        ms.compare(models(), X, Y, level=5)
    with pytest.raises(ValueError, match="`repeats` must be at least 1"):
        ms.compare(models(), X, Y, repeats=0)


def test_the_scores_of_every_fold_are_drawn(require: Require) -> None:
    require("matplotlib")
    axes = importlib.import_module("matplotlib.figure").Figure().add_subplot()
    result = ms.compare(models(), X, Y)
    assert result.plot(axes) is axes
    lines = axes.get_lines()
    for fold in range(5):
        assert lines[fold].get_ydata() == pytest.approx([m.test[fold] for m in result.models])
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels == ["line", "tree", "guess"]
