"""Evaluators of improvement and error, terminators, and what is stored for them."""

import math
import sys
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.records.states import StudyDirection
from skipjack.rng import stream
from skipjack.samplers import TPESampler
from skipjack.study import Study
from skipjack.terminator import (
    BaseErrorEvaluator,
    BaseImprovementEvaluator,
    BaseTerminator,
    BestValueStagnationEvaluator,
    CrossValidationErrorEvaluator,
    EMMREvaluator,
    MedianErrorEvaluator,
    RegretBoundEvaluator,
    StaticErrorEvaluator,
    Terminator,
    TerminatorCallback,
    report_cross_validation_scores,
)
from skipjack.terminator.base import past_of, past_of_trials
from skipjack.trial import FixedTrial, TrialState
from tests.studies import a_study, listening, told

MINIMIZE, MAXIMIZE = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
MODELS: tuple[Any, ...] = (RegretBoundEvaluator, EMMREvaluator)
every_model = pytest.mark.parametrize("kind", MODELS)


def bowl(trial: Any) -> float:
    x, y = trial.suggest_float("x", -5, 5), trial.suggest_float("y", 1e-3, 1, log=True)
    k = trial.suggest_categorical("k", ["a", "b"])
    n = trial.suggest_int("n", 0, 4)
    return float(x**2 + (math.log10(y) + 1) ** 2 + (k == "a") + 0.1 * n)


def random_study(n: int, sign: int = 1, unit: float = 1.0, **arguments: Any) -> Study:
    study = a_study(**arguments)
    study.optimize(lambda t: sign * unit * bowl(t), n_trials=n)
    return study


# ---------------------------------------------------------------------------------- models


def test_the_regret_bound_holds_and_falls() -> None:
    study = a_study(sampler=TPESampler(seed=1))
    bounds = []
    for n in (20, 40, 120):
        study.optimize(lambda t: bowl(t), n_trials=n - len(study.trials))
        bounds.append(RegretBoundEvaluator().evaluate(study.trials, MINIMIZE))
        assert bounds[-1] >= study.best_value  # the best possible is 0
    assert bounds[0] > 3 * bounds[2] > 0


def test_the_gap_of_regrets_falls() -> None:
    study = a_study(sampler=TPESampler(seed=1))
    study.optimize(lambda t: bowl(t), n_trials=80)
    gaps = [EMMREvaluator().evaluate(study.trials[:n], MINIMIZE) for n in range(5, 80, 5)]
    assert np.median(gaps[:5]) > 5 * np.median(gaps[-5:])
    assert min(gaps) >= -1e-9


@every_model
def test_maximizing_is_minimizing_the_negative(kind: Any) -> None:
    low = kind().evaluate(random_study(30).trials, MINIMIZE)
    high = kind().evaluate(random_study(30, -1).trials, MAXIMIZE)
    assert low == pytest.approx(high, rel=1e-9)


def test_a_regret_has_the_unit_of_the_objective_and_a_gap_has_none() -> None:
    for kind, exponent in zip(MODELS, (1, 0), strict=True):
        once = kind().evaluate(random_study(25).trials, MINIMIZE)
        for unit in (1e-120, 1e120):
            scaled = kind().evaluate(random_study(25, unit=unit).trials, MINIMIZE)
            assert scaled == pytest.approx(once * unit**exponent, rel=1e-6)


@every_model
def test_columns_and_trials_say_the_same(kind: Any) -> None:
    study = random_study(30)
    study.tell(study.ask(), state=TrialState.FAIL)
    assert kind().judge(past_of(study)) == kind().evaluate(study.trials, MINIMIZE)
    again = past_of_trials(study.trials, MINIMIZE)
    np.testing.assert_array_equal(again.places, past_of(study).places)


@every_model
def test_a_seed_only_changes_where_is_looked_first(kind: Any) -> None:
    trials = random_study(40).trials
    found = [kind(seed=seed).evaluate(trials, MINIMIZE) for seed in (None, None, 5)]
    assert found[0] == found[1]
    assert found[2] == pytest.approx(found[0], rel=0.2)


@every_model
def test_values_that_are_infinite_or_all_equal(kind: Any) -> None:
    study = a_study()
    for value in (math.inf, -math.inf, 1.0, 2.0, math.inf):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        study.tell(trial, value)
    assert math.isfinite(kind().evaluate(study.trials, MINIMIZE))
    flat = a_study()
    flat.optimize(lambda t: 0.0 * t.suggest_float("x", 0, 1), n_trials=10)
    assert 0 <= kind().evaluate(flat.trials, MINIMIZE) < 10


@every_model
def test_many_trials_are_thinned(kind: Any) -> None:
    trials = random_study(700).trials
    assert math.isfinite(kind().evaluate(trials, MINIMIZE))


def test_what_a_model_cannot_judge() -> None:
    with pytest.raises(ValueError, match="RegretBoundEvaluator needs a complete trial"):
        RegretBoundEvaluator().evaluate([], MINIMIZE)
    bare = told(1.0, 2.0)
    with pytest.raises(ValueError, match="needs a parameter that all complete trials have"):
        RegretBoundEvaluator().evaluate(bare.trials, MINIMIZE)
    assert EMMREvaluator().evaluate(bare.trials, MINIMIZE) > 1e300
    assert EMMREvaluator(min_n_trials=9).evaluate(random_study(8).trials, MINIMIZE) > 1e300


def test_a_choice_that_only_bad_trials_have_does_not_hold_the_bound_up() -> None:
    study = a_study(sampler=TPESampler(seed=3))

    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 1)
        return float(x + 10 * (trial.suggest_categorical("k", "abc") != "b"))

    study.optimize(objective, n_trials=60)
    assert RegretBoundEvaluator().evaluate(study.trials, MINIMIZE) < 0.3


# ------------------------------------------------------------------------------ stagnation


def test_stagnation_counts_trials_since_the_best() -> None:
    evaluator = BestValueStagnationEvaluator(max_stagnation_trials=3)
    study = told(5.0, 1.0, 2.0, 1.0)
    assert evaluator.evaluate(study.trials, MINIMIZE) == 1
    assert evaluator.evaluate(study.trials, MAXIMIZE) == 0
    told(3.0, 3.0, study=study)
    assert evaluator.evaluate(study.trials, MINIMIZE) == -1
    with pytest.raises(ValueError, match="needs a complete trial"):
        evaluator.evaluate([], MINIMIZE)


def test_trials_that_break_constraints_are_not_the_best() -> None:
    study = told(5.0, 4.0)
    trial = study.ask()
    trial.set_constraint("c", 1.0)
    study.tell(trial, 0.0)
    assert past_of(study).losses.tolist() == [5.0, 4.0]
    assert past_of_trials(study.trials, MINIMIZE).losses.tolist() == [5.0, 4.0]


# --------------------------------------------------------------------------------- errors


def test_scores_of_folds_give_an_error() -> None:
    study = a_study(direction="maximize")
    for scores in ([0.5, 0.7, 0.6], np.array([0.8, 0.9, 1.0]), (0.1, 0.2, 0.3)):
        trial = study.ask()
        report_cross_validation_scores(trial, scores)
        study.tell(trial, float(np.mean(scores)))
    found = CrossValidationErrorEvaluator().evaluate(study.trials, study.direction)
    assert found == pytest.approx(math.sqrt((1 / 3 + 1 / 2) * np.var([0.8, 0.9, 1.0])))
    assert study.trials[1].system_attrs["terminator:cv_scores"] == [0.8, 0.9, 1.0]


def test_without_scores_there_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="Call `report_cross_validation_scores"):
        CrossValidationErrorEvaluator().evaluate(told(1.0).trials, MINIMIZE)
    with pytest.raises(ValueError, match="needs a complete trial"):
        CrossValidationErrorEvaluator().evaluate([], MINIMIZE)


def test_scores_are_checked() -> None:
    trial = a_study().ask()
    for wrong in ([], [1.0]):
        with pytest.raises(ValueError, match="at least two numbers, one per fold"):
            report_cross_validation_scores(trial, wrong)
    with pytest.raises(ValueError, match="`scores` must be finite"):
        report_cross_validation_scores(trial, [1.0, math.nan])
    for bad in (3.0, ["x", "y"]):
        with pytest.raises(TypeError, match="`scores` must be a list of numbers"):
            report_cross_validation_scores(trial, bad)  # type: ignore[arg-type]


def test_a_fixed_trial_takes_scores() -> None:
    trial = FixedTrial({})
    report_cross_validation_scores(trial, [1.0, 2.0])
    assert trial.system_attrs["terminator:cv_scores"] == [1.0, 2.0]


def test_a_static_error_is_what_was_said() -> None:
    assert StaticErrorEvaluator(0.25).evaluate([], MINIMIZE) == 0.25
    with pytest.raises(TypeError, match="`constant` must be a number"):
        StaticErrorEvaluator("x")  # type: ignore[arg-type]


class Counting(BaseImprovementEvaluator):
    """An improvement of one's own: the number of trials it was shown."""

    def evaluate(self, trials: list[Any], study_direction: StudyDirection) -> float:
        return float(len(trials))


def test_the_median_of_the_beginning() -> None:
    error = MedianErrorEvaluator(Counting(), 2, 5, 0.1)
    study = told(*range(6))
    assert error.evaluate(study.trials, MINIMIZE) == -sys.float_info.min
    told(6.0, 7.0, study=study)
    assert error.evaluate(study.trials, MINIMIZE) == pytest.approx(0.3)


def test_the_median_is_of_the_study_it_is_asked_about() -> None:
    """Optuna's keeps that of the first study for ever."""
    error = MedianErrorEvaluator(BestValueStagnationEvaluator(9), 0, 3, 1.0)
    assert error.evaluate(told(1.0, 2.0, 3.0, 4.0).trials, MINIMIZE) == 8
    assert error.evaluate(told(3.0, 2.0, 1.0, 4.0).trials, MINIMIZE) == 9
    assert error.evaluate(told(1.0, 2.0, 3.0, 0.0).trials, MINIMIZE) == 8


def test_arguments_are_checked() -> None:
    wrong: list[tuple[Any, dict[str, Any], str]] = [
        (RegretBoundEvaluator, {"top_trials_ratio": 0.0}, "above 0 and at most 1"),
        (RegretBoundEvaluator, {"min_n_trials": 0}, "at least 1"),
        (BestValueStagnationEvaluator, {"max_stagnation_trials": -1}, "at least 0"),
        (EMMREvaluator, {"min_n_trials": 1}, "at least 2"),
        (EMMREvaluator, {"delta": 1.0}, "between 0 and 1"),
        (Terminator, {"min_n_trials": 0}, "at least 1"),
    ]
    for name, value, must in (
        ("warm_up_trials", -1, "at least 0"),
        ("n_initial_trials", 0, "at least 1"),
        ("threshold_ratio", 0.0, "positive and finite"),
    ):
        of = {"paired_improvement_evaluator": Counting(), name: value}
        wrong.append((MedianErrorEvaluator, of, must))
    for kind, arguments, must in wrong:
        with pytest.raises(ValueError, match=must):
            kind(**arguments)
    for kind, arguments in (
        (MedianErrorEvaluator, {"paired_improvement_evaluator": 3}),
        (Terminator, {"improvement_evaluator": 3}),
        (Terminator, {"error_evaluator": StaticErrorEvaluator}),
        (TerminatorCallback, {"terminator": 3}),
        (RegretBoundEvaluator, {"seed": "x"}),
        (BestValueStagnationEvaluator, {"max_stagnation_trials": 1.5}),
    ):
        with pytest.raises(TypeError, match="must be"):
            kind(**arguments)


# ------------------------------------------------------------------------------ terminators


def test_a_terminator_compares_improvement_and_error() -> None:
    study = told(*range(5))
    small, large = StaticErrorEvaluator(1.0), StaticErrorEvaluator(9.0)
    assert not Terminator(Counting(), small, 5).should_terminate(study)
    assert Terminator(Counting(), large, 5).should_terminate(study)
    assert not Terminator(Counting(), large, 6).should_terminate(study)
    reason = Terminator(Counting(), large, 1).reason(study) or ""
    assert "to be expected, 5 (Counting), is below the error, 9 (StaticErrorEvaluator)" in reason


def test_stagnation_needs_no_error() -> None:
    terminator = Terminator(BestValueStagnationEvaluator(2), min_n_trials=1)
    assert not terminator.should_terminate(told(1.0, 2.0, 3.0))
    assert terminator.should_terminate(told(1.0, 2.0, 3.0, 4.0))


def test_a_model_and_its_median_end_a_study() -> None:
    evaluator = EMMREvaluator(deterministic_objective=True)
    terminator = Terminator(evaluator, MedianErrorEvaluator(evaluator, 5, 10, 0.1))
    study = a_study(sampler=TPESampler(seed=2))
    study.optimize(lambda t: bowl(t), n_trials=200, callbacks=[TerminatorCallback(terminator)])
    assert 20 <= len(study.trials) < 200


def test_the_default_needs_scores_and_then_ends_a_noisy_study() -> None:
    noise = stream(0, 0, "noise")

    def objective(trial: Any) -> float:
        scores = (trial.suggest_float("x", 0, 1) ** 2 + 0.3 * noise.normal(5)).tolist()
        report_cross_validation_scores(trial, scores)
        return float(np.mean(scores))

    study = a_study(sampler=TPESampler(seed=2))
    with listening() as heard:
        study.optimize(objective, n_trials=150, callbacks=[TerminatorCallback()])
    assert 20 <= len(study.trials) < 150
    assert "The study has been stopped by the terminator." in heard.texts


def test_several_objectives_have_no_improvement() -> None:
    study = a_study(directions=["minimize", "minimize"])
    study.tell(study.ask(), (1.0, 2.0))
    with pytest.raises(RuntimeError, match="several objectives"):
        Terminator(min_n_trials=1).should_terminate(study)
    with pytest.raises(TypeError, match="`study` must be a Study"):
        Terminator().should_terminate([])


def test_bases_are_abstract() -> None:
    for base in (BaseTerminator, BaseImprovementEvaluator, BaseErrorEvaluator):
        with pytest.raises(TypeError, match="abstract"):
            base()  # type: ignore[abstract]


def test_all_names_are_there() -> None:
    for name in skipjack.terminator.__all__:
        assert getattr(skipjack.terminator, name).__name__ == name
