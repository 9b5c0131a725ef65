"""A stored search goes on with what it is of, and refuses what would mix results up."""

import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config
from scipy import stats
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import skipjack
from skipjack.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    SearchCV,
    cross_val_score,
)

X, y = make_classification(60, 4, random_state=0)
SPACE = {"C": stats.loguniform(0.1, 10)}


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, Any]:
    return {"storage": f"sqlite:///{tmp_path}/searches.db", "study_name": "mine", "cv": 3}


def search(space: Any = SPACE, **options: Any) -> SearchCV:
    return SearchCV(
        LogisticRegression(), space, n_trials=3, random_state=0, try_default=False, **options
    )


@pytest.mark.parametrize(
    "other",
    [
        {"scoring": "f1"},
        {"return_train_score": True},
        {"scoring": ["f1", "accuracy"], "refit": "f1"},
    ],
)
def test_scores_of_another_kind_are_not_mixed_in(
    kept: dict[str, Any], other: dict[str, Any]
) -> None:
    search(**kept).fit(X, y)
    with pytest.raises(ValueError, match="same data, splits, estimator and scoring"):
        search(**kept, **other).fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_parts_of_the_data_are_studies_beside_each_other(kept: dict[str, Any], n_jobs: int) -> None:
    def scores(**options: Any) -> list[float]:
        model = search(**options)
        return list(cross_val_score(model, X, y, cv=4, error_score="raise", n_jobs=n_jobs))

    expected = scores(cv=3)
    assert scores(**kept) == expected
    names = skipjack.get_all_study_names(kept["storage"])
    assert len(names) == 4
    assert sum(re.fullmatch(r"mine, data [0-9a-f]{8}", name) is not None for name in names) == 3
    assert scores(**kept) == expected  # goes on, and fits no candidate again
    assert [len(s.trials) for s in studies(kept)] == [3] * 4
    whole = search(**kept).fit(X, y)
    assert whole.study_.study_name not in names
    assert len(studies(kept)) == 5


def test_other_data_are_told_of(kept: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    skipjack.logging.enable_propagation()  # which the fixture of all tests puts back
    search(**kept).fit(X, y)
    search(**kept).fit(X[:50], y[:50])
    assert "The study 'mine' is of other data; this search is kept as 'mine, data" in caplog.text


def studies(kept: dict[str, Any]) -> list[Any]:
    names = skipjack.get_all_study_names(kept["storage"])
    return [skipjack.load_study(study_name=name, storage=kept["storage"]) for name in names]


def test_a_candidate_is_kept_while_the_next_ones_are_fitted(kept: dict[str, Any]) -> None:
    told = threading.Event()

    def waits_for_the_first(model: Any, X: Any, y: Any) -> float:
        return 1.0 if model.C == 1.0 else float(told.wait(60))

    grid = GridSearchCV(
        LogisticRegression(),
        {"C": [1.0, 2.0]},
        scoring=waits_for_the_first,
        n_jobs=2,
        callbacks=[lambda study, trial: told.set()],
        **kept,
    )
    with parallel_config("threading"):
        grid.fit(X, y)
    assert grid.cv_results_["mean_test_score"].tolist() == [1.0, 1.0]


def test_weights_are_part_of_the_data(kept: dict[str, Any]) -> None:
    search(**kept).fit(X, y)
    with pytest.raises(ValueError, match="same data"):
        search(**kept).fit(X, y, sample_weight=np.arange(60.0))


def test_what_waits_in_the_study_is_no_candidate(kept: dict[str, Any]) -> None:
    study = skipjack.create_study(
        storage=kept["storage"], study_name=kept["study_name"], direction="maximize"
    )
    study.enqueue_trial({"C": 7.0})
    grid = GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, **kept).fit(X, y)
    assert [params["C"] for params in grid.cv_results_["params"]] == [1.0, 2.0]
    assert [(t.state.name, t.params) for t in grid.study_.trials] == [
        ("FAIL", {}),
        ("COMPLETE", {"C": 1.0}),
        ("COMPLETE", {"C": 2.0}),
    ]


def test_a_grid_of_the_same_size_is_another_grid(kept: dict[str, Any]) -> None:
    GridSearchCV(LogisticRegression(), {"C": [1, 2]}, **kept).fit(X, y)
    with pytest.raises(ValueError, match="same candidates; its trial 0 is none of them"):
        GridSearchCV(LogisticRegression(), {"C": [5, 6]}, **kept).fit(X, y)
    same = GridSearchCV(LogisticRegression(), {"C": [1, 2]}, **kept).fit(X, y)
    assert len(same.study_.trials) == 2


def test_other_random_points_are_other_candidates(kept: dict[str, Any]) -> None:
    def points(seed: int) -> RandomizedSearchCV:
        return RandomizedSearchCV(
            LogisticRegression(), SPACE, n_iter=2, random_state=seed, **kept
        ).fit(X, y)

    points(0)
    with pytest.raises(ValueError, match="Take another one, or give a fixed `random_state`"):
        points(1)
    assert len(points(0).study_.trials) == 2


@pytest.mark.parametrize("space", [{**SPACE, "tol": [1e-3]}, {"C": ["a"]}])
def test_a_space_with_other_parameters_is_refused(kept: dict[str, Any], space: Any) -> None:
    search(**kept).fit(X, y)
    with pytest.raises(ValueError, match="`study_name` must be of a study with the same cand"):
        search(space, **kept).fit(X, y)


def test_functions_are_known_again_wherever_they_lie(kept: dict[str, Any]) -> None:
    def fitted() -> SearchCV:
        def same(X: Any) -> Any:
            return X

        def score(model: Any, X: Any, y: Any) -> float:
            return float(model.score(X, y))

        model = make_pipeline(FunctionTransformer(same), LogisticRegression())
        assert re.search(" at 0x", repr(model))
        space = {"logisticregression__C": stats.loguniform(0.1, 10)}
        known = SearchCV(model, space, n_trials=2, scoring=score, random_state=0, **kept)
        return known.fit(X, y)

    first = fitted()
    alive, again = first, fitted()  # the functions lie elsewhere now
    assert alive.best_score_ == again.best_score_
    assert len(again.study_.trials) == 2


def test_who_asks_for_a_simpler_one_is_not_warned_of_noise() -> None:
    found = SearchCV(LogisticRegression(), SPACE, n_trials=6, cv=3, select="one_se", random_state=0)
    found.fit(X, y)  # warnings are errors
    assert found.best_params_["C"] < 1.0
