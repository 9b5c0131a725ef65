"""What a search promises on labels that nothing can predict, and what honest estimates say.

Run: python benchmarks/honest_validation.py [data sets, 30]

Data are normal and labels are coins, half of each, so that every model is right half the time on
new data. A search among 48 trees or neighbours is fitted to each data set, with all folds and as a
race. Printed are the means over data sets of the best score, of the bias-corrected scores and of
the nested score, with their standard errors, and how much of the gap between the best score and
0.5 each of them closes.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from skipjack.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    expected_optimism,
    nested_cross_validate,
)

SPACES: dict[str, tuple[Any, dict[str, list[Any]]]] = {
    "trees": (
        DecisionTreeClassifier(max_features=2),
        {"random_state": list(range(8)), "max_depth": [1, 2, 4], "min_samples_leaf": [1, 5]},
    ),
    "neighbours": (
        KNeighborsClassifier(),
        {
            "n_neighbors": [1, 2, 3, 5, 7, 9, 11, 15],
            "p": [1, 2, 4],
            "weights": ["uniform", "distance"],
        },
    ),
}
COLUMNS = ("best score", "corrected, folds", "corrected, race", "corrected, samples", "nested")
TRUTH = 0.5


def estimates(model: Any, grid: dict[str, list[Any]], seed: int) -> list[float]:
    """The best score of one data set, and what the honest estimates say."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(100, 8)), rng.permutation(np.repeat([0, 1], 50))
    cv = StratifiedKFold(5, shuffle=True, random_state=seed)
    search = GridSearchCV(model, grid, cv=cv).fit(X, y)
    race = GridSearchCV(model, grid, cv=cv, racing="safe").fit(X, y)
    samples = expected_optimism(search, X, y, method="samples", n_bootstraps=20)
    nested = nested_cross_validate(search, X, y, outer_cv=5, random_state=seed)
    corrected = [expected_optimism(one).corrected for one in (search, race)]
    return [float(search.best_score_), *corrected, samples.corrected, nested.score]


def main(n_sets: int = 30) -> None:
    """Run and print the table."""
    print(f"{n_sets} data sets of 100 samples, 48 candidates, 5 folds")
    for name, (model, grid) in SPACES.items():
        start = time.process_time()
        table = np.array([estimates(model, grid, seed) for seed in range(n_sets)])
        means, errors = table.mean(axis=0), table.std(axis=0, ddof=1) / np.sqrt(len(table))
        print(f"\n{name} ({time.process_time() - start:.0f} s)")
        for column, mean, error in zip(COLUMNS, means, errors, strict=True):
            closed = (means[0] - mean) / (means[0] - TRUTH)
            print(f"{column:20} {mean:.4f} ± {error:.4f}   closes {100 * closed:4.0f} % of the gap")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
