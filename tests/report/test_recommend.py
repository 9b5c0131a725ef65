"""The recommended trial: what neighbours and folds say against a lucky value."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack import report
from skipjack.report import Recommendation
from skipjack.study import Study
from tests.studies import a_study, listening

DISTS = {
    "x": skipjack.distributions.FloatDistribution(0, 1),
    "kind": skipjack.distributions.CategoricalDistribution(["a", "b"]),
}


def noisy(
    seed: int, n: int = 40, sign: float = 1.0, folds: int = 0, noise: float = 0.3
) -> tuple[Study, dict[int, float]]:
    """A study of a bowl with noise, and what its trials are without."""
    rng = np.random.default_rng(seed)
    study = a_study(direction="minimize" if sign > 0 else "maximize")
    truth, trials = {}, []
    for number in range(n):
        params = {"x": rng.random(), "kind": "ab"[rng.integers(2)]}
        truth[number] = 4 * (params["x"] - 0.3) ** 2 + (params["kind"] == "b") * 0.5
        scores = truth[number] + rng.normal(0, noise, max(folds, 1)) * max(folds, 1) ** 0.5
        trial = skipjack.create_trial(
            params=params, distributions=DISTS, value=float(sign * scores.mean())
        )
        if folds:
            trial.metrics = {f"fold {k}": {0: float(sign * s)} for k, s in enumerate(scores)}
        trials.append(trial)
    study.add_trials(trials)
    return study, truth


def with_outlier() -> Study:
    """Trials near 0.3 are good; one far away has the best value."""
    study = a_study()
    for x in np.linspace(0, 1, 41):
        value = -0.05 if x == 0.9 else 4 * (x - 0.3) ** 2 + 0.05 * np.sin(1000 * x)
        trial = study.ask()
        trial.suggest_float("x", x, x)
        study.tell(trial, value)
    return study


class TestPosteriorMean:
    @pytest.mark.parametrize("folds", [0, 5])
    def test_is_better_than_the_best_value_on_average(self, folds: int) -> None:
        regrets = []
        for seed in range(25):
            study, truth = noisy(seed, folds=folds)
            regrets.append((truth[study.recommend().number], truth[study.best_trial.number]))
        recommended, best = np.mean(regrets, axis=0)
        assert recommended < 0.8 * best

    def test_does_not_believe_a_lone_good_value(self) -> None:
        study, truth = noisy(3, noise=0.05)
        bad = max(truth, key=lambda number: truth[number])
        study.amend_trial(bad, values=study.best_value - 0.02, reason="luck")
        found = study.recommend()
        assert study.best_trial.number == bad != found.number
        assert truth[found.number] < np.median(list(truth.values()))
        assert found.expected_of_best > found.expected

    def test_maximizing_is_minimizing_the_negative(self) -> None:
        for seed in range(5):
            low, high = (noisy(seed, sign=s, folds=3)[0].recommend() for s in (1.0, -1.0))
            assert low.number == high.number
            assert low.expected == pytest.approx(-high.expected)
            assert (low.noise, low.optimism) == pytest.approx((high.noise, high.optimism))

    def test_agrees_with_the_best_value_where_there_is_no_noise(self) -> None:
        study = a_study()
        study.optimize(lambda t: (t.suggest_float("x", -1, 1) - 0.2) ** 2, n_trials=30)
        values = sorted(t.value for t in study.trials if t.value is not None)
        assert study.recommend(baseline=None).value in values[:3]

    def test_keeps_to_the_baseline_without_evidence(self) -> None:
        rng = np.random.default_rng(0)
        study = a_study()
        for x in rng.random(30):
            trial = study.ask()
            trial.suggest_float("x", x, x)
            for k, score in enumerate(rng.normal(size=5)):
                trial.report(score, 0, fold=k)
            study.tell(trial, rng.normal(0, 0.4))
        kept = study.recommend(baseline=7)
        if study.trials[7].value < study.best_value + 0.1:
            assert kept.number == 7
        assert study.recommend(baseline=7, evidence=50).number == 7
        study, truth = noisy(0, noise=0.01, folds=5)
        worst = max(truth, key=lambda number: truth[number])
        assert study.recommend(baseline=worst).number != worst

    def test_too_few_trials_say_nothing(self) -> None:
        study, _ = noisy(0, n=5)
        found = study.recommend()
        assert found.number == study.best_trial.number
        assert "too few" in found.reason

    def test_copes_with_what_cannot_be_compared(self) -> None:
        study, _ = noisy(0)
        study.tell(study.ask(), state=skipjack.trial.TrialState.FAIL)
        study.tell(study.ask(), float("-inf"))
        infeasible = study.ask()
        infeasible.set_constraint("c", 1.0)
        study.tell(infeasible, -100.0)
        study.ask()
        assert study.recommend().number < 40

    def test_all_equal_values_are_no_reason(self) -> None:
        study = a_study()
        study.optimize(lambda t: 1.0 + 0 * t.suggest_float("x", 0, 1), n_trials=20)
        assert study.recommend().number == 0

    def test_conditional_parameters(self) -> None:
        def objective(trial: Any) -> float:
            if trial.suggest_categorical("kind", ["a", "b"]) == "a":
                return float(trial.suggest_float("a", 0, 1))
            return 1.0 + float(trial.suggest_int("b", 1, 5))

        study = a_study()
        study.optimize(objective, n_trials=40)
        assert study.recommend().params["kind"] == "a"

    def test_many_trials(self) -> None:
        study, truth = noisy(0, n=900)
        assert truth[study.recommend().number] < 0.1


class TestOthers:
    def test_one_standard_error_takes_the_earliest(self) -> None:
        study, _ = noisy(1, folds=5)
        found = study.recommend("one_standard_error")
        best = study.best_trial
        scores = [best.metrics[f"fold {k}"][0] for k in range(5)]
        error = np.std(scores, ddof=1) / 5**0.5
        near = [t.number for t in study.trials if t.value <= best.value + error]
        assert found.number == min(near)

    def test_fold_ranks(self) -> None:
        study = a_study()
        for scores in ([1, 1, 1, -9], [0, 0, 0, 0.5], [2, 2, 2, 2]):
            trial = study.ask()
            for k, score in enumerate(scores):
                trial.report(score, 0, fold=k)
            study.tell(trial, np.mean(scores))
        assert study.best_trial.number == 0
        assert study.recommend("fold_ranks").number == 1

    def test_best_value_is_the_best_trial(self) -> None:
        study, _ = noisy(2)
        found = study.recommend("best_value")
        assert found.number == study.best_trial.number
        assert (found.noise, found.overtuned) == (0.0, False)

    @pytest.mark.parametrize("how", ["metric", "attribute", "terminator", "report"])
    def test_scores_of_folds_come_from_where_they_are(self, how: str) -> None:
        rng = np.random.default_rng(5)
        study = a_study()
        for _ in range(12):
            trial = study.ask()
            trial.suggest_float("x", 0, 1)
            scores = rng.normal(size=4).tolist()
            if how == "metric":
                trial.log({"auc": scores[0]})
                for score in scores[1:]:
                    trial.log({"auc": score})
            elif how == "attribute":
                trial.set_user_attr("auc", scores)
            elif how == "terminator":
                trial.storage.set_trial_system_attr(trial._trial_id, "terminator:cv_scores", scores)
            else:
                for k, score in enumerate(scores):
                    trial.report(9.0, 0, fold=k)
                    trial.report(score, 1, fold=k)
            study.tell(trial, float(np.mean(scores)))
        name = "auc" if how in ("metric", "attribute") else None
        found = study.recommend("fold_ranks", scores=name)
        assert found.method == "fold_ranks"
        assert 0.1 < found.noise < 1.0


class TestWarning:
    def test_is_logged_and_shown_when_the_best_value_is_luck(self) -> None:
        study, truth = noisy(3, noise=0.05, folds=5)
        bad = max(truth, key=lambda number: truth[number])
        study.amend_trial(bad, values=study.best_value - 0.05, reason="luck")
        with listening() as log:
            found = study.recommend()
        assert found.overtuned
        assert [text for text in log.texts if text.startswith("Overtuning: the best value")]
        assert "Overtuning" in str(found) and f"Trial {found.number} is recommended" in str(found)

    def test_is_not_there_without_noise(self) -> None:
        study = a_study()
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=30)
        with listening() as log:
            assert not study.recommend().overtuned
        assert log.texts == []


def test_a_recommendation_tells_of_its_trial() -> None:
    study, _ = noisy(0)
    found = study.recommend()
    assert isinstance(found, Recommendation)
    assert found.params == study.trials[found.number].params
    assert found.value == study.trials[found.number].value


@pytest.mark.parametrize(
    ("use", "error", "text"),
    [
        (lambda s: s.recommend("luck"), ValueError, "`method` must be one of 'posterior_mean'"),
        (lambda s: s.recommend("fold_ranks"), ValueError, "needs scores of folds"),
        (lambda s: s.recommend(scores="auc"), ValueError, "No trial has scores of folds"),
        (lambda s: s.recommend(evidence=-1), ValueError, "`evidence` must be at least 0, but got"),
        (lambda s: s.recommend(baseline=99), KeyError, "No complete trial with the number 99"),
    ],
)
def test_impossible_wishes(use: Callable[[Any], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        use(noisy(0)[0])


def test_nothing_to_recommend() -> None:
    with pytest.raises(ValueError, match="No trial is complete, feasible"):
        a_study().recommend()
    with pytest.raises(RuntimeError, match="one objective"):
        a_study(directions=["minimize", "maximize"]).recommend()


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_largest_float_is_a_penalty_like_any_other(direction: str) -> None:
    worst = sys.float_info.max * (1 if direction == "minimize" else -1)
    study = a_study(direction=direction)
    study.optimize(
        lambda t: t.suggest_float("x", 0, 1) if t.number % 5 else worst,
        n_trials=30,
    )
    assert abs(study.recommend().value) <= 1.0
    assert str(study.diagnose())
    assert "<html" in report.html(study)
