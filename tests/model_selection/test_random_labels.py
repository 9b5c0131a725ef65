"""On labels that nothing can predict, honest scores are at chance, and the best score is not."""

import importlib

import numpy as np
import pytest

from skipjack import model_selection as ms
from tests.conftest import Require

SETS = 12


@pytest.mark.slow
def test_nested_and_corrected_scores_are_at_chance_and_the_best_score_is_not(
    require: Require,
) -> None:
    require("sklearn")
    tree = importlib.import_module("sklearn.tree").DecisionTreeClassifier(max_features=2)
    grid = {"random_state": list(range(10)), "max_depth": [1, 3]}
    rows = []
    for seed in range(SETS):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(100, 8)), rng.permutation(np.repeat([0, 1], 50))
        cv = ms.StratifiedKFold(5, shuffle=True, random_state=seed)
        search = ms.GridSearchCV(tree, grid, cv=cv)
        nested = ms.nested_cross_validate(search, X, y, outer_cv=5, random_state=seed)
        search.fit(X, y)
        samples = ms.expected_optimism(search, X, y, method="samples", n_bootstraps=20)
        folds = ms.expected_optimism(search)
        rows.append([search.best_score_, nested.score, folds.corrected, samples.corrected])
    best, nested_scores, by_fold, by_sample = np.array(rows).T
    error = nested_scores.std(ddof=1) / np.sqrt(SETS)
    assert abs(nested_scores.mean() - 0.5) < 2.5 * error
    assert best.mean() - 0.5 > 3 * best.std(ddof=1) / np.sqrt(SETS)
    gap = best.mean() - 0.5
    assert (best.mean() - by_fold.mean()) / gap >= 0.8
    assert (best.mean() - by_sample.mean()) / gap >= 0.8
