"""The simplest of equally good candidates, ladders of resources, and searches that were killed."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier

import skipjack
from skipjack.model_selection import one_se
from skipjack.model_selection.resources import balanced_order, ladder_of

X, y = load_iris(return_X_y=True)


def results(params: list[dict[str, Any]], means: list[float]) -> dict[str, Any]:
    scores = np.array(means)[:, None] + np.array([[-0.02, 0.0, 0.02]])
    table: dict[str, Any] = {f"split{i}_test_score": scores[:, i] for i in range(3)}
    states = np.array(["COMPLETE"] * len(means), dtype=object)
    return {**table, "mean_test_score": scores.mean(axis=1), "params": params, "state": states}


def test_the_simplest_within_one_error_is_taken() -> None:
    params = [{"max_depth": d} for d in (9, 5, 3, 1)]
    table = results(params, [0.9, 0.895, 0.892, 0.7])
    assert one_se("max_depth")(table) == 2
    assert one_se()(table) == 2
    assert one_se("max_depth", errors=0.5)(table) == 1
    assert one_se("-max_depth")(table) == 0
    table["state"][2] = "PRUNED"
    assert one_se("max_depth")(table) == 1


def test_several_names_count_in_their_order() -> None:
    params = [{"alpha": a, "max_depth": d} for a, d in ((1, 3), (2, 3), (2, 5), (None, 1))]
    table = results(params, [0.9, 0.9, 0.9, 0.9])
    assert one_se("max_depth", "-alpha")(table) == 3
    assert one_se("-alpha", "max_depth")(table) == 1
    assert one_se("-alpha")(table) == 1


def test_it_serves_scikit_learn_s_own_searches() -> None:
    search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 5, 9, 60]}, refit=one_se())
    assert search.fit(X, y).best_params_["n_neighbors"] == 9


def test_what_says_nothing_of_simplicity_is_refused() -> None:
    table = results([{"kernel": "rbf"}, {"kernel": "poly"}], [0.9, 0.9])
    with pytest.raises(ValueError, match="None is known among kernel"):
        one_se()(table)
    with pytest.raises(ValueError, match="`names` must be among kernel"):
        one_se("C")(table)
    with pytest.raises(TypeError, match="`names` must be names"):
        one_se(3)(table)  # type: ignore[arg-type]
    table["mean_test_other"] = table["mean_test_score"]
    with pytest.raises(ValueError, match="`metric` must name one of score, other"):
        one_se("kernel")(table)


def test_the_last_rung_of_a_ladder_has_all() -> None:
    assert ladder_of(5, 100, 3, "n", None).amounts == (12, 34, 100)
    assert ladder_of(1, 1, 3, "n", None).amounts == (1,)
    assert ladder_of(1, 27, 3, "n", None).amounts == (1, 3, 9, 27)
    with pytest.raises(ValueError, match="min_resources"):
        ladder_of(0, 5, 2, "n", None)


def test_any_first_part_of_the_samples_has_all_classes() -> None:
    order = balanced_order(y, len(y), True, np.random.RandomState(0))
    assert sorted(order) == list(range(150))
    ladder = ladder_of(15, 90, 2, "samples", order)
    train = np.setdiff1d(np.arange(150), np.arange(0, 150, 5))
    before: set[int] = set()
    for rung, amount in enumerate(ladder.amounts):
        _, part = ladder.at(rung, {}, train)
        assert len(part) == amount and before <= set(part) <= set(train)
        assert np.ptp(np.bincount(y[part])) <= 5
        before = set(part)
    plain = balanced_order(None, 10, False, np.random.RandomState(0))
    assert sorted(plain) == list(range(10))


PROGRAM = """
    import sys, time
    import numpy as np
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.datasets import load_iris
    from skipjack.model_selection import GridSearchCV, SearchCV

    class Slow(ClassifierMixin, BaseEstimator):
        def __init__(self, a=0.0, sleep=0.0):
            self.a, self.sleep = a, sleep
        fits = 0
        def fit(self, X, y):
            Slow.fits += 1
            if Slow.fits > 7:  # after three candidates, and one fold of the next
                time.sleep(SLEEP)
            self.classes_ = np.unique(y)
            return self
        def predict(self, X):
            return np.zeros(len(X))
        def score(self, X, y):
            return self.a

    kind, url, SLEEP = sys.argv[1], sys.argv[2], float(sys.argv[3])
    options = {"storage": url, "study_name": "s", "cv": 2}
    if kind == "grid":
        search = GridSearchCV(Slow(), {"a": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}, **options)
    else:
        from skipjack.distributions import FloatDistribution as F
        search = SearchCV(Slow(), {"a": F(0.0, 1.0)}, n_trials=6, random_state=0, **options)
    search.fit(*load_iris(return_X_y=True))
    print(len(search.cv_results_["params"]), sorted(set(search.cv_results_["state"])))
    print(search.best_score_ == max(search.cv_results_["mean_test_score"]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")
@pytest.mark.parametrize("kind", ["grid", "adaptive"])
def test_a_search_that_was_killed_the_hard_way_goes_on(kind: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    program = [sys.executable, "-c", textwrap.dedent(PROGRAM), kind, url]
    first = subprocess.Popen([*program, "600"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while count(url) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = count(url)
    assert 3 <= done < 6
    again = subprocess.run([*program, "0"], capture_output=True, text=True, check=True)
    n, best = again.stdout.splitlines()
    assert n.startswith("6 ") and "COMPLETE" in n and best == "True"


def count(url: str) -> int:
    """How many trials of the study have ended with results."""

    try:
        study = skipjack.load_study(study_name="s", storage=url)
    except KeyError:
        return 0
    return sum("cv" in trial.user_attrs for trial in study.trials)
