"""GridSearchCV and RandomizedSearchCV against scikit-learn's own, and what they have on top."""

import warnings
from typing import Any

import joblib
import numpy as np
import pytest
from scipy.stats import loguniform, norm, randint
from sklearn import datasets
from sklearn import model_selection as theirs
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import skipjack
from skipjack import model_selection as ours

X, y = datasets.load_iris(return_X_y=True)
GRID = {"C": [0.1, 1, 10], "kernel": ["rbf", "linear"]}


class Counting(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Scores as its parameter says, but for noise by fold; counts fits."""

    fits = 0
    fail_at = -1

    def __init__(self, a: float = 0.0) -> None:
        self.a = a

    def fit(self, X: Any, y: Any) -> "Counting":
        if Counting.fits == Counting.fail_at:
            raise KeyboardInterrupt
        Counting.fits += 1
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X), dtype=int)

    def score(self, X: Any, y: Any) -> float:
        return float(self.a + 0.01 * np.sin(100 * X[0, 0]))


@pytest.fixture(autouse=True)
def from_zero() -> None:
    Counting.fits, Counting.fail_at = 0, -1


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """The same results but for times; the other may have more columns."""
    for key, column in one.items():
        if "time" not in key:
            assert key in other
            assert list(map(repr, column)) == list(map(repr, other[key])), key


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_train_score": True, "cv": 3},
        {"scoring": ["accuracy", "f1_macro"], "refit": "f1_macro"},
        {"scoring": {"a": "accuracy"}, "refit": False},
        {"scoring": lambda e, X, y: {"a": e.score(X, y), "b": e.C}, "refit": "b"},
        {"refit": lambda results: int(np.argmin(results["mean_test_score"]))},
        {"cv": theirs.ShuffleSplit(1, random_state=0)},
        {"n_jobs": 2},
    ],
    ids=lambda options: " ".join(options) or "plain",
)
def test_a_grid_gives_what_scikit_learn_gives(options: Any) -> None:
    with joblib.parallel_config("threading"):
        a = theirs.GridSearchCV(SVC(random_state=0), GRID, **options).fit(X, y)
        b = ours.GridSearchCV(SVC(random_state=0), GRID, **options).fit(X, y)
    same(a.cv_results_, b.cv_results_)
    for name in ("best_params_", "best_score_", "best_index_", "n_splits_", "multimetric_"):
        assert getattr(a, name, None) == getattr(b, name, None), name
    assert {name for name in vars(a) if name[-1] == "_"} <= set(vars(b))
    assert b.n_fits_ == 6 * b.n_splits_
    if a.refit:
        np.testing.assert_array_equal(a.predict(X), b.predict(X))


@pytest.mark.parametrize(
    "space",
    [
        {"C": loguniform(1e-2, 1e2), "gamma": norm(1.0, 0.1), "kernel": ["rbf", "linear"]},
        [{"C": [1, 2, 3]}, {"C": [4], "kernel": ["linear"], "shrinking": [True, False]}],
        [{"C": loguniform(1, 2)}, {"kernel": ["poly"], "degree": randint(1, 3)}],
    ],
)
def test_random_points_are_those_of_scikit_learn(space: Any) -> None:
    options = {"n_iter": 5, "random_state": 3, "cv": 3}
    a = theirs.RandomizedSearchCV(SVC(), space, **options).fit(X, y)
    b = ours.RandomizedSearchCV(SVC(), space, **options).fit(X, y)
    same(a.cv_results_, b.cv_results_)
    assert a.best_params_ == b.best_params_ and a.best_score_ == b.best_score_


def test_distributions_with_nothing_but_rvs_are_enough() -> None:
    class Own:
        def rvs(self, random_state: Any = None) -> float:
            return float(random_state.uniform(1, 2))

    b = ours.RandomizedSearchCV(SVC(), {"C": Own()}, n_iter=2, random_state=0, cv=2).fit(X, y)
    a = theirs.RandomizedSearchCV(SVC(), {"C": Own()}, n_iter=2, random_state=0, cv=2).fit(X, y)
    assert a.best_params_ == b.best_params_
    assert b.study_.trials[0].params == {}


def test_candidates_are_trials_of_a_study() -> None:
    grid = {"clf": [SVC(), DecisionTreeClassifier()], "clf__random_state": [0, 1]}
    search = ours.GridSearchCV(Pipeline([("clf", SVC())]), grid, cv=2).fit(X, y)
    trials = search.study_.trials
    assert trials[0].params == {"clf": "SVC()", "clf__random_state": 0}
    assert [t.value for t in trials] == search.cv_results_["mean_test_score"].tolist()
    assert search.cv_results_["trial_number"].tolist() == [0, 1, 2, 3]
    assert set(search.cv_results_["state"]) == {"COMPLETE"}
    assert search.study_.direction == skipjack.study.StudyDirection.MAXIMIZE


def test_a_race_spares_fits_and_keeps_the_winner() -> None:
    grid = {"a": [0.0, 0.3, 0.2, *np.linspace(0, 0.25, 20), 0.31]}
    race = ours.GridSearchCV(Counting(), grid, racing="safe").fit(X, y)
    assert Counting.fits == race.n_fits_ + 1 < 24 * 5 * 0.6
    all_of_them = ours.GridSearchCV(Counting(), grid).fit(X, y)
    assert race.best_params_ == all_of_them.best_params_ == {"a": 0.31}
    assert race.best_score_ == all_of_them.best_score_
    results = race.cv_results_
    cut = results["state"] == "PRUNED"
    assert cut.sum() > 15
    assert np.isnan(results["split4_test_score"][cut]).all()
    assert np.isfinite(results["mean_test_score"]).all()
    assert results["rank_test_score"][cut].min() > results["rank_test_score"][~cut].max()
    row = int(np.flatnonzero(cut)[0])
    known = [results[f"split{i}_test_score"][row] for i in range(5)]
    assert results["mean_test_score"][row] == pytest.approx(np.nanmean(known))
    assert results["std_test_score"][row] == pytest.approx(np.nanstd(known))


def test_a_callable_refit_is_not_shown_candidates_that_were_stopped() -> None:
    shown = []

    def refit(results: Any) -> int:
        shown.append(len(results["params"]))
        return int(np.argmin(results["mean_test_score"]))

    grid = {"a": [0.3, 0.29, 0.28, 0.1, 0.0, 0.27, 0.305]}
    search = ours.GridSearchCV(Counting(), grid, racing="safe", refit=refit).fit(X, y)
    complete = search.cv_results_["state"] == "COMPLETE"
    assert shown == [complete.sum()] and complete.sum() < 7
    assert complete[search.best_index_]
    assert search.best_params_ == search.cv_results_["params"][search.best_index_]


@pytest.mark.parametrize("url", ["sqlite:///{}/a.db", "journal:///{}/a.log"])
def test_a_killed_search_goes_on(tmp_path: Any, url: str) -> None:
    storage = url.format(tmp_path)
    space = {"a": loguniform(0.1, 1)}

    def search() -> Any:
        options: Any = {"n_iter": 6, "random_state": 0, "storage": storage, "study_name": "s"}
        return ours.RandomizedSearchCV(Counting(), space, return_train_score=True, **options)

    Counting.fail_at = 17  # in the fourth candidate
    with pytest.raises(KeyboardInterrupt):
        search().fit(X, y)
    Counting.fits, Counting.fail_at = 0, -1
    found = search().fit(X, y)
    assert Counting.fits == 3 * 5 + 1
    same(
        theirs.RandomizedSearchCV(
            Counting(), space, n_iter=6, random_state=0, return_train_score=True
        )
        .fit(X, y)
        .cv_results_,
        found.cv_results_,
    )
    Counting.fits = 0
    again = search().fit(X, y)
    assert Counting.fits == 1
    assert again.best_params_ == found.best_params_
    with pytest.raises(ValueError, match="same data, splits, estimator"):
        search().set_params(cv=3).fit(X, y)


def test_failing_candidates_are_as_in_scikit_learn(tmp_path: Any) -> None:
    grid = {"C": [-1.0, 1.0]}
    with pytest.warns((FitFailedWarning, UserWarning)) as heard:
        search = ours.GridSearchCV(
            SVC(), grid, storage=f"sqlite:///{tmp_path}/a", study_name="s"
        ).fit(X, y)
    assert [type(w.message) for w in heard].count(FitFailedWarning) == 1
    assert np.isnan(search.cv_results_["mean_test_score"][0])
    assert search.cv_results_["rank_test_score"].tolist() == [2, 1]
    assert search.cv_results_["state"].tolist() == ["FAIL", "COMPLETE"]
    with pytest.warns((FitFailedWarning, UserWarning)):
        again = ours.GridSearchCV(
            SVC(), grid, storage=f"sqlite:///{tmp_path}/a", study_name="s"
        ).fit(X, y)
    same(search.cv_results_, again.cv_results_)
    with pytest.raises(ValueError, match="All the 5 fits failed"):
        ours.GridSearchCV(SVC(), {"C": [-1]}).fit(X, y)
    with pytest.raises(ValueError, match="'C' parameter of SVC"):
        ours.GridSearchCV(SVC(), {"C": [-1]}, error_score="raise").fit(X, y)
    with pytest.warns(FitFailedWarning):
        zero = ours.GridSearchCV(SVC(), grid, error_score=0.0).fit(X, y)
    assert zero.study_.trials[0].value == 0.0


def test_callbacks_are_called_and_may_stop_the_search() -> None:
    numbers = []

    def stop_at_2(study: Any, trial: Any) -> None:
        numbers.append(trial.number)
        if trial.number == 2:
            study.stop()

    search = ours.GridSearchCV(Counting(), {"a": [1, 2, 3, 4, 5]}, callbacks=[stop_at_2])
    assert len(search.fit(X, y).cv_results_["params"]) == 3
    assert numbers == [0, 1, 2]


class Recorder:
    """A callback as scikit-learn 1.9 has them."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self.told.append("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator: Any, context: Any, **given: Any) -> None:
        self.told.append(f"+{context.task_name}")

    def on_fit_task_end(self, estimator: Any, context: Any, **given: Any) -> None:
        self.told.append(f"-{context.task_name}")


def test_callbacks_of_scikit_learn_hear_what_they_hear_there() -> None:
    if not hasattr(ours.GridSearchCV, "set_callbacks"):
        pytest.skip("scikit-learn has them since 1.9")
    told = []
    for kind in (theirs.GridSearchCV, ours.GridSearchCV):
        recorder = Recorder()
        kind(Counting(), {"a": [1, 2]}, cv=2).set_callbacks(recorder).fit(X, y)
        told.append(recorder.told)
    assert told[0] == told[1] and len(told[0]) == 2 + 2 * (1 + 1 + 4 + 1)


def test_arguments_are_checked() -> None:
    for options, name in (
        ({"racing": "fast"}, "racing"),
        ({"cv": 1}, "cv"),
        ({"timeout": 0}, "No fits were performed"),
    ):
        with pytest.raises(ValueError, match=name):
            ours.GridSearchCV(SVC(), GRID, **options).fit(X, y)
    for name, wrong in (("pruner", "median"), ("timeout", "1 h"), ("callbacks", print)):
        with pytest.raises(TypeError, match=f"`{name}` must"):
            ours.GridSearchCV(SVC(), GRID, **{name: wrong}).fit(X, y)


def test_progress_is_as_in_scikit_learn(capsys: Any) -> None:
    ours.GridSearchCV(Counting(), {"a": [1, 2]}, cv=2, verbose=3).fit(X, y)
    out = capsys.readouterr()
    assert out.out.startswith("Fitting 2 folds for each of 2 candidates, totalling 4 fits\n[CV 1/2")
    assert out.out.count("END") == 4 and not out.err


def test_a_search_without_verbose_is_silent(capfd: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours.GridSearchCV(SVC(), {"C": [1]}, cv=2).fit(X, y)
    out = capfd.readouterr()
    assert not out.out and not out.err


class TestSecondTutorial:
    """What the second tutorial prints, with our classes."""

    def test_the_grid_on_breast_cancer(self) -> None:
        cv = ours.StratifiedKFold(n_splits=5, shuffle=True, random_state=42)
        grid = {"C": [0.1, 1, 10], "gamma": ["scale", "auto"], "kernel": ["rbf"]}
        search = ours.GridSearchCV(estimator=SVC(), param_grid=grid, cv=cv, scoring="accuracy")
        search.fit(*datasets.load_breast_cancer(return_X_y=True))
        assert search.best_params_ == {"C": 10, "gamma": "scale", "kernel": "rbf"}
        assert search.best_score_ == pytest.approx(0.920912901723335, abs=1e-9)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("load", "model", "space", "n_iter"),
        [
            (
                datasets.load_wine,
                RandomForestRegressor(random_state=42),
                {
                    "n_estimators": randint(50, 300),
                    "max_depth": randint(3, 20),
                    "min_samples_split": randint(2, 10),
                    "min_samples_leaf": randint(1, 5),
                },
                10,
            ),
            (
                datasets.load_diabetes,
                Pipeline(
                    [
                        ("scaler", StandardScaler()),
                        ("model", GradientBoostingRegressor(random_state=42)),
                    ]
                ),
                {
                    "model__n_estimators": randint(50, 400),
                    "model__learning_rate": [0.01, 0.1, 0.3],
                    "model__max_depth": randint(2, 8),
                },
                5,
            ),
        ],
        ids=["wine", "diabetes"],
    )
    def test_random_searches(self, load: Any, model: Any, space: Any, n_iter: int) -> None:
        data = load(return_X_y=True)
        cv = ours.KFold(n_splits=5, shuffle=True, random_state=42)
        options = {"cv": cv, "scoring": "neg_mean_squared_error", "random_state": 42}
        a = theirs.RandomizedSearchCV(model, space, n_iter=n_iter, refit=False, **options)
        b = ours.RandomizedSearchCV(model, space, n_iter=n_iter, refit=False, **options)
        same(a.fit(*data).cv_results_, b.fit(*data).cv_results_)
        assert a.best_params_ == b.best_params_
