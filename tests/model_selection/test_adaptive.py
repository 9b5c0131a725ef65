"""SearchCV: spaces, objectives, races, resources, budgets, resume, and scikit-learn's contract."""

import pickle
import warnings
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from scipy.stats import loguniform
from sklearn import datasets
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier, is_regressor
from sklearn.datasets import make_regression
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, ShuffleSplit, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

import skipjack
from skipjack.distributions import FloatDistribution, IntDistribution
from skipjack.model_selection import SearchCV
from skipjack.pruners import MedianPruner, NopPruner
from skipjack.samplers import GPSampler, RandomSampler
from tests.conftest import Require

X, y = datasets.load_iris(return_X_y=True)
K = {"n_neighbors": IntDistribution(1, 60)}


class Hill(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Scores -(a - 2)^2 with noise by fold, and remembers what it was fitted on."""

    seen: list[Any] = []  # noqa: RUF012  # of all

    def __init__(self, a: float = 0.0, size: int = 27, kind: str = "x") -> None:
        self.a, self.size, self.kind = a, size, kind

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Hill":
        Hill.seen.append((self.a, self.size, len(X), sample_weight is not None, X[:, 0].sum()))
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X), dtype=int)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        return float(-((self.a - 2.0) ** 2) + 0.01 * np.sin(100 * X[0, 0]))


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    Hill.seen.clear()


def search(**options: Any) -> SearchCV:
    known: dict[str, Any] = {"n_trials": 12, "random_state": 0, "try_default": False, **options}
    return SearchCV(
        known.pop("estimator", Hill()), known.pop("space", {"a": loguniform(0.1, 100)}), **known
    )


@parametrize_with_checks(
    [
        SearchCV(
            LogisticRegression(),
            {"C": FloatDistribution(0.1, 1.0)},
            n_trials=2,
            cv=2,
            error_score="raise",
            try_default=False,
        )
    ]
)
def test_scikit_learn_s_own_checks(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def test_it_learns_where_random_points_do_not() -> None:
    found = search(n_trials=40, racing="off").fit(X, y)
    by_chance = search(n_trials=40, racing="off", sampler=RandomSampler(seed=0)).fit(X, y)
    assert found.best_score_ > by_chance.best_score_
    assert found.best_params_["a"] == pytest.approx(2.0, abs=0.3)
    assert found.n_fits_ == by_chance.n_fits_ == 200


def test_a_race_spares_fits() -> None:
    found = search(n_trials=40).fit(X, y)
    assert found.n_fits_ < 120
    assert found.best_params_["a"] == pytest.approx(2.0, abs=0.3)
    states = found.cv_results_["state"].tolist()
    assert {"PRUNED", "COMPLETE"} == set(states)
    assert [t.state.name for t in found.study_.trials] == states
    reported = found.study_.trials[states.index("PRUNED")]
    row = states.index("PRUNED")
    assert reported.value == pytest.approx(found.cv_results_["mean_test_score"][row])


def test_folds_are_made_once_for_all_candidates() -> None:
    """Splitters that shuffle anew at each call would else train on what others validate on."""
    search(n_trials=8, racing="off", cv=ShuffleSplit(3)).fit(X, y)
    sums = [seen[4] for seen in Hill.seen[:-1]]
    assert len(set(sums)) > 1 and sums == sums[:3] * 8


def test_reshuffled_folds_are_others_for_each_candidate() -> None:
    found = search(n_trials=8, reshuffle=True, cv=3).fit(X, y)
    sums = [seen[4] for seen in Hill.seen[:-1]]
    assert len(set(sums)) > 20 and found.n_fits_ == 24
    with pytest.raises(ValueError, match="random_state"):
        search(reshuffle=True, cv=[(np.arange(75), np.arange(75, 150))]).fit(X, y)


def test_the_default_configuration_is_tried_first() -> None:
    found = search(estimator=Hill(a=3.0), try_default=True).fit(X, y)
    assert found.cv_results_["params"][0] == {"a": 3.0}
    outside = search(estimator=Hill(a=-3.0), try_default=True).fit(X, y)
    assert outside.cv_results_["params"][0] != {"a": -3.0}


def test_a_gain_below_the_noise_of_the_folds_is_told() -> None:
    estimator = KNeighborsClassifier(n_neighbors=9)
    with pytest.warns(UserWarning, match="no more than the noise of the folds"):
        search(estimator=estimator, space=K, try_default=True, n_trials=20).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search(estimator=Hill(a=50.0), try_default=True).fit(X, y)


def test_conditional_steps_of_a_pipeline() -> None:
    def space(trial: Any) -> dict[str, Any]:
        if trial.suggest_categorical("model", ["knn", "tree"]) == "knn":
            return {"model": KNeighborsClassifier(trial.suggest_int("k", 1, 30))}
        depth = trial.suggest_int("depth", 1, 3)
        return {
            "model": DecisionTreeClassifier(max_depth=depth, random_state=0),
            "pca": "passthrough",
        }

    pipe = Pipeline([("pca", PCA(2)), ("model", GaussianNB())])
    found = search(estimator=pipe, space=space, n_trials=10).fit(X, y)
    assert {"depth", "k", "model"} == {name for t in found.study_.trials for name in t.params}
    assert found.cv_results_["param_pca"].mask.any()
    assert isinstance(found.best_estimator_[-1], (KNeighborsClassifier, DecisionTreeClassifier))
    with pytest.raises(TypeError, match="be a dict by name"):
        search(space=lambda trial: [1]).fit(X, y)


def test_a_function_may_refuse_what_was_drawn() -> None:
    def space(trial: Any) -> dict[str, Any]:
        a = trial.suggest_float("a", 0, 10)
        if a > 5:
            raise skipjack.TrialPruned
        return {"a": a}

    found = search(space=space, n_trials=8).fit(X, y)
    assert len(found.cv_results_["params"]) == 8 < len(found.study_.trials)
    assert all(params["a"] <= 5 for params in found.cv_results_["params"])


def test_a_small_space_is_tried_to_its_last_point_once() -> None:
    found = search(space={"a": [1, 2, 3], "kind": ["x", "y"]}, n_trials=None).fit(X, y)
    assert sorted((p["a"], p["kind"]) for p in found.cv_results_["params"]) == [
        (a, kind) for a in (1, 2, 3) for kind in ("x", "y")
    ]
    twice = search(space=lambda trial: {"a": trial.suggest_int("a", 1, 3)}, n_trials=None).fit(X, y)
    assert sorted(p["a"] for p in twice.cv_results_["params"]) == [1, 2, 3]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_budgets_hold(n_jobs: int) -> None:
    with joblib.parallel_config("threading"):
        assert search(n_trials=None, max_fits=33, n_jobs=n_jobs).fit(X, y).n_fits_ <= 33
        assert len(search(n_trials=7, n_jobs=n_jobs).fit(X, y).cv_results_["params"]) == 7
        assert len(search(n_jobs=n_jobs, racing="off").fit(X, y).cv_results_["params"]) == 12


def test_several_scores_and_one_objective() -> None:
    options: dict[str, Any] = {"estimator": KNeighborsClassifier(), "space": K, "n_trials": 8}
    found = search(scoring=["accuracy", "f1_macro"], refit="f1_macro", **options).fit(X, y)
    assert [t.value for t in found.study_.trials if t.state.name == "COMPLETE"] == [
        v
        for v, s in zip(found.cv_results_["mean_test_f1_macro"], found.cv_results_["state"])
        if s == "COMPLETE"
    ]
    assert found.best_score_ == found.cv_results_["mean_test_f1_macro"].max()
    assert found.score(X, y) > 0.9 and found.multimetric_

    def both(estimator: Any, X: Any, y: Any) -> dict[str, float]:
        return {"score": estimator.score(X, y), "few": -estimator.n_neighbors}

    own = search(scoring=both, refit="few", **options).fit(X, y)
    assert own.best_score_ == -min(p["n_neighbors"] for p in own.cv_results_["params"])
    with pytest.raises(
        ValueError, match=r"`objectives` must name metrics of `scoring` \(score, few\)"
    ):
        search(scoring=both, objectives="many", refit="few", **options).fit(X, y)


def test_several_objectives() -> None:
    def both(estimator: Any, X: Any, y: Any) -> dict[str, float]:
        return {"score": estimator.score(X, y), "few": -estimator.n_neighbors}

    options: dict[str, Any] = {"estimator": KNeighborsClassifier(), "space": K, "n_trials": 12}
    found = search(scoring=both, objectives=["score", "few"], refit=False, **options).fit(X, y)
    assert found.study_.metric_names == ["score", "few"] and found.n_fits_ == 60
    front = found.pareto_index_
    scores, few = (found.cv_results_[f"mean_test_{name}"] for name in ("score", "few"))
    for row in range(12):
        beaten = (
            (scores >= scores[row])
            & (few >= few[row])
            & ((scores > scores[row]) | (few > few[row]))
        )
        assert (row in front) == (not beaten.any())
    assert not hasattr(found, "best_index_")
    chosen = search(scoring=both, objectives=["score", "few"], refit="score", **options).fit(X, y)
    assert chosen.best_score_ == chosen.cv_results_["mean_test_score"].max()
    with pytest.raises(NotImplementedError, match="several objectives"):
        search(scoring=both, objectives=["score", "few"], refit=False, pruner=MedianPruner()).fit(
            X, y
        )


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_resources_grow_and_the_last_step_has_all(n_jobs: int) -> None:
    with joblib.parallel_config("threading"):
        found = search(n_trials=20, resource="samples", n_jobs=n_jobs).fit(X, y)
    amounts = found.cv_results_["n_resources"]
    assert set(amounts) == {40, 120} and found.n_fits_ < 160
    best = found.cv_results_["state"] == "COMPLETE"
    assert (amounts[best] == 120).all() and best[found.best_index_]
    assert {n for _, _, n, _, _ in Hill.seen} == {40, 120, 150}


def test_a_parameter_is_a_resource() -> None:
    found = search(n_trials=20, resource="size", factor=3).fit(X, y)
    assert set(found.cv_results_["n_resources"]) <= {1, 3, 9, 27}
    assert {size for _, size, *_ in Hill.seen} == {1, 3, 9, 27}
    assert "size" not in found.best_params_ and found.best_estimator_.size == 27
    less = search(n_trials=5, resource="size", max_resources=8, min_resources=2, factor=2).fit(X, y)
    assert set(less.cv_results_["n_resources"]) <= {2, 4, 8}
    folds = search(n_trials=30, resource="folds", cv=10).fit(X, y)
    assert folds.n_fits_ < 200


def test_a_wrong_resource_is_refused() -> None:
    for options, text in (
        ({"resource": "colour"}, "`resource` must be a parameter of the estimator"),
        ({"resource": "size", "factor": 1}, "`factor` must be a whole number of at least 2"),
        ({"resource": "kind"}, "`max_resources` must be how much `kind` may be at most"),
        ({"resource": "size", "min_resources": 0}, "`min_resources` must be from 1"),
        ({"resource": "size", "pruner": NopPruner()}, "`pruner` must be left out"),
        ({"n_trials": 0}, "`n_trials` must be at least 1"),
        ({"max_fits": 3}, "`max_fits` must allow one candidate: 5 fits"),
        ({"select": "worst"}, "`select` must be 'best', 'one_se'"),
        ({"space": {"a": []}}, "`a` must have at least one value"),
    ):
        with pytest.raises(ValueError, match=text):
            search(**options).fit(X, y)
    for options, text in (
        ({"n_trials": 2.5}, "`n_trials` must be a whole number"),
        ({"space": {"a": 3}}, "be a list of values, or a distribution"),
        ({"space": "a"}, "`param_distributions` must be a dict, or a list of dicts"),
        ({"sampler": GPSampler}, "`sampler` must be a sampler, not a class"),
    ):
        with pytest.raises(TypeError, match=text):
            search(**options).fit(X, y)


@pytest.mark.parametrize("racing", ["off", "safe"])
def test_a_killed_search_goes_on_as_if_nothing_had_happened(tmp_path: Any, racing: str) -> None:
    options: dict[str, Any] = {"n_trials": 20, "racing": racing, "study_name": "s"}
    whole = search(
        **options, storage=f"sqlite:///{tmp_path}/whole.db", sampler=RandomSampler(seed=3)
    ).fit(X, y)

    def kill(study: Any, trial: Any) -> None:
        if trial.number == 9:
            raise KeyboardInterrupt

    options |= {"storage": f"sqlite:///{tmp_path}/a.db", "sampler": RandomSampler(seed=3)}
    with pytest.raises(KeyboardInterrupt):
        search(**options, callbacks=[kill]).fit(X, y)
    Hill.seen.clear()
    found = search(**options).fit(X, y)
    assert len(Hill.seen) < whole.n_fits_ == found.n_fits_
    assert found.best_params_ == whole.best_params_
    for key in ("params", "mean_test_score", "state", "split4_test_score"):
        assert list(map(repr, found.cv_results_[key])) == list(map(repr, whole.cv_results_[key]))


def test_the_same_seed_gives_the_same_search() -> None:
    one, other = search(n_trials=15).fit(X, y), search(n_trials=15).fit(X, y)
    assert one.cv_results_["params"] == other.cv_results_["params"]
    assert (
        one.cv_results_["params"]
        != search(n_trials=15, random_state=1).fit(X, y).cv_results_["params"]
    )


def test_the_simplest_of_equally_good_ones_is_chosen() -> None:
    options: dict[str, Any] = {
        "estimator": KNeighborsClassifier(),
        "space": K,
        "n_trials": 12,
        "racing": "off",
    }
    simplest, best = search(select="one_se", **options).fit(X, y), search(**options).fit(X, y)
    assert simplest.best_params_["n_neighbors"] > best.best_params_["n_neighbors"]
    assert simplest.best_score_ == simplest.cv_results_["mean_test_score"][simplest.best_index_]
    own = search(select=lambda results: 3, **options).fit(X, y)
    assert own.best_index_ == 3 and own.best_params_ == own.cv_results_["params"][3]
    for wrong in (12, -1):
        with pytest.raises(ValueError, match="row from 0 to 11"):
            search(select=lambda results, wrong=wrong: wrong, **options).fit(X, y)


def test_the_best_are_confirmed_on_new_splits() -> None:
    found = search(estimator=KNeighborsClassifier(), space=K, n_trials=15).fit(X, y)
    again = found.confirm(X, y, top_k=3, repeats=2)
    assert again.scores.shape == (3, 10) and (np.diff(again.means) <= 0).all()
    assert set(again.rows) <= set(np.flatnonzero(found.cv_results_["state"] == "COMPLETE"))
    assert again.params[0] == found.cv_results_["params"][again.rows[0]]
    assert len(str(again).splitlines()) == 4 and 0 <= again.tests[1].p_value <= 1
    np.testing.assert_array_equal(again.scores, found.confirm(X, y, top_k=3, repeats=2).scores)
    with pytest.raises(ValueError, match="`top_k`"):
        found.confirm(X, y, top_k=0)


def test_groups_weights_and_routing() -> None:
    groups = np.arange(150) % 10
    found = search(cv=GroupKFold(5)).fit(X, y, groups=groups, sample_weight=np.ones(150))
    assert all(weighted for _, _, _, weighted, _ in Hill.seen) and found.n_splits_ == 5
    with sklearn.config_context(enable_metadata_routing=True):
        weighted = Hill().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        Hill.seen.clear()
        routed = search(estimator=weighted, cv=GroupKFold(5))
        routed.fit(X, y, groups=groups, sample_weight=np.ones(150))
        assert all(weighted for _, _, _, weighted, _ in Hill.seen) and Hill.seen


def test_it_is_what_its_estimator_is() -> None:
    classify = search(estimator=LogisticRegression(), space={"C": [0.1, 1]})
    regress = search(estimator=Ridge(), space={"alpha": [0.1, 1]}, n_trials=2)
    assert is_classifier(classify) and not is_regressor(classify) and is_regressor(regress)
    order = np.argsort(y, kind="stable")  # sorted labels: only stratified folds can do
    inner = search(
        estimator=KNeighborsClassifier(), space={"n_neighbors": [3, 5]}, n_trials=2, cv=3
    )
    assert cross_val_score(inner, X[order], y[order], cv=3).min() > 0.9
    assert not hasattr(regress, "predict_proba") and hasattr(classify, "predict_proba")
    regress.fit(*make_regression(40, 3, random_state=0))
    assert regress.n_features_in_ == 3 and not hasattr(regress, "classes_")


def test_it_is_cloned_pickled_and_shown() -> None:
    found = search(n_trials=4, sampler=RandomSampler(seed=1)).fit(X, y)
    assert clone(found).get_params()["n_trials"] == 4
    again = pickle.loads(pickle.dumps(found))
    assert again.best_params_ == found.best_params_
    assert len(again.study_.trials) == 4
    assert "Hill" in found._repr_html_()


def test_output_can_be_chosen(require: Require) -> None:
    require("pandas")
    frame, _ = datasets.load_iris(return_X_y=True, as_frame=True)
    reduce = search(estimator=PCA(), space={"n_components": [1, 2]}, n_trials=2, cv=2)
    reduce.set_output(transform="pandas").fit(frame)
    assert reduce.transform(frame).columns[0] == "pca0"
    assert type(reduce.set_output(transform="default").transform(frame)) is np.ndarray
    assert list(reduce.feature_names_in_) == list(frame.columns)
    assert not hasattr(search(), "set_output")


def test_progress(capsys: Any) -> None:
    search(n_trials=3, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].startswith("[1/3] -") and "5 fits" in lines[0]


def test_a_pruner_of_one_s_own_is_asked_after_each_fold() -> None:
    found = search(n_trials=30, pruner=MedianPruner(n_startup_trials=3)).fit(X, y)
    cut = found.cv_results_["state"] == "PRUNED"
    assert cut.sum() > 8
    trial = found.study_.trials[int(np.flatnonzero(cut)[0])]
    assert trial.value == pytest.approx(np.mean(list(trial.metrics["fold score"].values())))


def test_no_candidate_can_win_by_an_easy_fold() -> None:
    search_ = search(n_trials=15, space={"a": FloatDistribution(1.9, 2.1)}).fit(X, y)
    assert search_.cv_results_["state"][search_.best_index_] == "COMPLETE"
