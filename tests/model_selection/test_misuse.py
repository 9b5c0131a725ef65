"""What users get wrong: a clear error before the first fit, and no result is lost."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skipjack
from skipjack import model_selection as ms
from skipjack.model_selection import GridSearchCV, OptunaSearchCV, SearchCV
from skipjack.trial import FrozenTrial

X, y = make_classification(60, 4, random_state=0)
SPACE = {"C": stats.loguniform(0.1, 10)}


class Counting(LogisticRegression):  # type: ignore[misc]
    """Counts its fits, and breaks off at one of them."""

    fits = 0
    end: float = math.inf

    def fit(self, X: Any, y: Any) -> Any:
        Counting.fits += 1
        if Counting.fits == Counting.end:
            raise KeyboardInterrupt
        return super().fit(X, y)


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counting, "fits", 0)
    monkeypatch.setattr(Counting, "end", math.inf)


def search(space: Any = SPACE, **options: Any) -> SearchCV:
    return SearchCV(Counting(), space, **{"n_trials": 4, "cv": 3, "random_state": 0, **options})


def refuses(trial: Any) -> Any:
    raise skipjack.TrialPruned


TWO = ["accuracy", "roc_auc"]
MISUSED: dict[str, tuple[Callable[[], SearchCV], str]] = {
    "objectives of one score": (lambda: search(objectives=["a", "b"]), "`objectives` must be left"),
    "another score": (lambda: search(scoring="accuracy", objectives="f1"), "`objectives` must"),
    "no names": (lambda: search(objectives=3), "`objectives` must be names"),
    "twice": (
        lambda: search(scoring=TWO, refit=False, objectives=["accuracy", "accuracy"]),
        "`objectives` must name each score once",
    ),
    "select": (lambda: search(select="two"), "`select` must be 'best', 'one_se' or"),
    "negative time": (lambda: search(timeout=-1), "`timeout` must be at least 0"),
    "NaN as time": (lambda: search(timeout=math.nan), "`timeout` must be at least 0"),
    "resource in the space": (
        lambda: search({"max_iter": [50, 90]}, resource="max_iter"),
        "`resource` must be no parameter of the space",
    ),
    "too many samples": (
        lambda: search(resource="samples", max_resources=1000),
        "`max_resources` must be at most 40",
    ),
    "too many at first": (
        lambda: search(resource="samples", min_resources=1000),
        "`min_resources` must be from 1 to `max_resources`",
    ),
    "splits that cannot be others": (
        lambda: search(reshuffle=True, cv=TimeSeriesSplit(3)),
        "`cv` must have a `random_state`",
    ),
    "a law without arguments": (lambda: search({"C": stats.loguniform}), "`C` must be a distribut"),
    "an impossible law": (
        lambda: search({"C": stats.uniform(0, -1)}),
        "`C` must be a distribution",
    ),
    "all refused": (lambda: search(refuses), "Were all of them refused"),
}


@pytest.mark.parametrize("what", MISUSED)
def test_misuse_ends_in_a_clear_error_before_the_first_fit(what: str) -> None:
    make, text = MISUSED[what]
    with pytest.raises((ValueError, TypeError), match=text):
        make().fit(X, y)
    assert Counting.fits == 0


def test_group_folds_are_reshuffled() -> None:
    groups = np.repeat(np.arange(12), 5)
    found = search(reshuffle=True, cv=GroupKFold(3), try_default=False).fit(X, y, groups=groups)
    assert len(found.cv_results_["params"]) == 4


def test_a_search_that_is_broken_off_has_its_study() -> None:
    Counting.end = 8
    found = search(racing="off")
    with pytest.raises(KeyboardInterrupt):
        found.fit(X, y)
    assert [t.state.name for t in found.study_.trials] == ["COMPLETE", "COMPLETE", "FAIL"]


def test_an_old_search_that_is_broken_off_has_its_study() -> None:
    def stop(study: Any, trial: FrozenTrial) -> None:
        if trial.number == 2:
            raise KeyboardInterrupt

    found = OptunaSearchCV(Counting(), SPACE, n_trials=5, callbacks=[stop])
    with pytest.raises(KeyboardInterrupt):
        found.fit(X, y)
    assert found.n_trials_ == 3


def test_results_survive_a_choice_that_fails() -> None:
    found = search(select=lambda results: 99)
    with pytest.raises(ValueError, match="`select` must return a row from 0 to 3"):
        found.fit(X, y)
    assert len(found.cv_results_["params"]) == len(found.study_.trials) == 4


def test_a_study_in_memory_has_the_name_it_is_given() -> None:
    assert search(study_name="mine", n_trials=1).fit(X, y).study_.study_name == "mine"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_iter": "3"}, "`max_iter` must be a whole number"),
        ({"n_trials": 0}, "`n_trials` must be at least 1"),
        ({"subsample": "half"}, "`subsample` must be a number"),
        ({"study": "name"}, "`study` must be a study"),
    ],
)
def test_misuse_of_the_old_search(options: dict[str, Any], text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=text):
        OptunaSearchCV(Counting(), SPACE, **options).fit(X, y)
    assert Counting.fits == 0


def test_nested_searches_with_a_storage_are_studies_of_their_own(tmp_path: Path) -> None:
    def nested(**kept: Any) -> Any:
        return ms.nested_cross_validate(search(try_default=False, **kept), X, y, outer_cv=3)

    kept = {"storage": f"sqlite:///{tmp_path}/nested.db", "study_name": "deep"}
    first = nested(**kept)
    assert first.to_dict()["test_score"] == nested().to_dict()["test_score"]
    assert len(skipjack.get_all_study_names(kept["storage"])) == 3
    Counting.fits = 0
    assert nested(**kept).score == first.score
    assert Counting.fits == 3  # the best of each outer fold, on all of its training part


def test_nested_wants_a_whole_number_of_repeats() -> None:
    with pytest.raises(TypeError, match="`repeats` must be a whole number"):
        ms.nested_cross_validate(GridSearchCV(Counting(), {"C": [1]}), X, y, repeats="2")  # type: ignore[arg-type]


def test_compare_says_what_it_takes() -> None:
    pipeline = make_pipeline(StandardScaler(), Counting())  # its steps are no models to compare
    for models in (None, Counting(), pipeline):
        with pytest.raises(TypeError, match="`models` must be a dict of estimators"):
            ms.compare(models, X, y)
    with pytest.raises(TypeError, match="`scoring` must be one score"):
        ms.compare({"a": Counting()}, X, y, scoring=["accuracy", "f1"])


def test_times_are_numbers_or_dates() -> None:
    cv, days = TimeSeriesSplit(3), np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]")
    for good in (days, days.astype(str), list(days.astype(str)), days.astype(object)):
        assert not ms.find_leaks(cv, X, y, time=good)
        assert ms.find_leaks(cv, X, y, time=good[::-1])
    with pytest.raises(ValueError, match="`time` must be numbers or dates"):
        ms.find_leaks(cv, X, y, time=["yesterday"] * 60)
    gaps: list[Any] = [np.where(np.arange(60) == 3, np.nan, 1.0), [*days.astype(object)[1:], None]]
    for missing in gaps:
        with pytest.raises(ValueError, match="`time` must have no missing values"):
            ms.describe_splits(cv, X, y, time=missing)
