"""`optimize(stop=...)`: rules, how they combine, and what is kept of the reason."""

import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.samplers import GridSampler
from skipjack.terminator import (
    BaseTerminator,
    MaxTime,
    MaxTrials,
    Patience,
    RegretBound,
    StopRule,
    Target,
    TerminatorCallback,
    report_cross_validation_scores,
)
from skipjack.terminator.rules import rule_of
from skipjack.trial import TrialState, create_trial
from tests.studies import KINDS, a_study, listening, storage_of, told


def falling(trial: Any) -> float:
    """10, 9, 8, ..."""
    return 10.0 - trial.number


def run(objective: Any = falling, n_trials: int | None = 50, study: Any = None, **more: Any) -> Any:
    study = study or a_study()
    study.optimize(objective, n_trials=n_trials, **more)
    return study


# ------------------------------------------------------------------------------------- rules


def test_a_target_ends_the_run_and_says_which_trial_reached_it() -> None:
    study = run(stop=Target(6.5))
    assert len(study.trials) == 5
    assert study.stop_reason == "trial 4 reached 6.0, the target is 6.5"


def test_a_target_of_a_maximum_is_reached_from_below() -> None:
    study = run(lambda t: float(t.number), study=a_study(direction="maximize"), stop=Target(3))
    assert len(study.trials) == 4


def test_a_target_needs_a_trial_that_keeps_its_constraints() -> None:
    def objective(trial: Any) -> float:
        trial.set_constraint("c", 4.5 - trial.number)
        return 0.0

    assert len(run(objective, stop=Target(1.0)).trials) == 6


def test_one_trial_must_reach_the_targets_of_all_objectives() -> None:
    values = [(0.0, 9.0), (9.0, 9.0), (2.0, 6.0)]
    study = a_study(directions=["minimize", "maximize"])
    study.optimize(lambda t: values[t.number % 3], n_trials=30, stop=Target([2.0, 6.0]))
    assert len(study.trials) == 1
    assert study.stop_reason == "trial 0 reached [0.0, 9.0], the target is [2.0, 6.0]"
    other = a_study(directions=["minimize", "maximize"])
    other.optimize(lambda t: (5.0 - t.number, 1.0), n_trials=30, stop=Target([2.0, 1.0]))
    assert len(other.trials) == 4


def test_patience_ends_a_run_without_improvement() -> None:
    study = run(lambda t: max(5.0, 10.0 - t.number), stop=Patience(7))
    assert len(study.trials) == 6 + 7
    assert study.stop_reason == "the best value did not improve in the last 7 trials"


def test_patience_does_not_count_improvements_that_are_too_small() -> None:
    study = run(lambda t: 1.0 / (1 + t.number), stop=Patience(10, least=0.01))
    # 1, 1/2, ...: an improvement counts when the sum since the last one is 0.01.
    assert study.best_value > 0.015
    assert study.stop_reason == "the best value did not improve by 0.01 in the last 10 trials"


def test_patience_counts_pruned_trials_and_no_failed_ones() -> None:
    def objective(trial: Any) -> float:
        if trial.number == 0:
            return 0.0
        if trial.number % 2:
            raise ValueError
        raise skipjack.TrialPruned

    assert len(run(objective, stop=Patience(4), catch=ValueError).trials) == 9


def test_patience_has_no_end_before_the_first_complete_trial() -> None:
    def objective(trial: Any) -> float:
        raise skipjack.TrialPruned

    assert len(run(objective, 20, stop=Patience(3)).trials) == 20


def test_patience_of_several_objectives_waits_for_the_front() -> None:
    def objective(trial: Any) -> tuple[float, float]:
        n = min(trial.number, 5)
        return n, -n

    study = run(objective, study=a_study(directions=["minimize"] * 2), stop=Patience(4))
    # Trials equal to one on the front bring nothing new, as with one objective.
    assert len(study.trials) == 6 + 4

    def worse(trial: Any) -> tuple[float, float]:
        n = min(trial.number, 5)
        return n + trial.number / 100, -n + trial.number / 100 * (trial.number > 5)

    study = run(worse, study=a_study(directions=["minimize"] * 2), stop=Patience(4))
    assert len(study.trials) == 10
    assert study.stop_reason == "no trial came to the Pareto front in the last 4 trials"


def test_patience_does_not_count_the_same_values_again_on_a_front() -> None:
    study = a_study(directions=["minimize"] * 2)
    run(lambda t: ((1.0, 2.0), (2.0, 1.0))[t.number % 2], study=study, stop=Patience(4))
    assert len(study.trials) == 2 + 4


@pytest.mark.parametrize("n_jobs", [1, 4])
def test_a_number_of_trials_is_exact(n_jobs: int) -> None:
    def objective(trial: Any) -> float:
        time.sleep(0.002)
        return 1.0

    study = run(objective, None, n_jobs=n_jobs, stop=MaxTrials(13))
    assert len(study.trials) == 13
    assert study.stop_reason == "the study has 13 trials"


def test_a_number_of_trials_counts_those_there_were() -> None:
    study = told(1.0, 2.0, 3.0)
    study.enqueue_trial({"x": 0.5})
    run(lambda t: t.suggest_float("x", 0, 1), None, study=study, stop=MaxTrials(6))
    assert [t.params.get("x") for t in study.trials[3:4]] == [0.5]
    assert len(study.trials) == 6


def test_trials_that_were_queued_are_run_first() -> None:
    study = a_study()
    for x in (0.1, 0.2):
        study.enqueue_trial({"x": x})
    run(lambda t: t.suggest_float("x", 0, 1), None, study=study, stop=MaxTrials(2))
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 2
    assert study.stop_reason == "the study has 2 trials"


def test_time_is_that_in_which_trials_ran() -> None:
    def spent(*spans: tuple[float, float]) -> str | None:
        study = a_study()
        for start, end in spans:
            trial = create_trial(value=1.0)
            trial.datetime_start = trial.datetime_start.fromtimestamp(start)  # type: ignore[union-attr]
            trial.datetime_complete = trial.datetime_start.fromtimestamp(end)
            study.add_trial(trial)
        return MaxTime(timedelta(seconds=30)).reason(study)

    base = 1_700_000_000
    assert spent() is None
    assert spent((base, base + 29)) is None
    assert spent((base, base + 20), (base + 10, base + 29)) is None
    assert spent((base, base + 20), (base + 10, base + 31)) is not None
    assert spent((base + 50, base + 70), (base, base + 10)) is not None
    assert spent((base + 50, base + 70), (base, base + 9), (base + 60, base + 65)) is None
    assert spent((base, base + 5), (base + 40, base + 45), (base + 1, base + 44)) is not None
    said = spent((base, base + 40))
    assert said == "trials ran for 40 seconds, at least 30"


def test_time_ends_a_run() -> None:
    study = run(lambda t: time.sleep(0.01) or 1.0, None, stop=MaxTime(0.05))
    assert 1 <= len(study.trials) <= 5
    assert "trials ran for" in study.stop_reason


def test_a_regret_bound_ends_a_run() -> None:
    study = a_study(sampler=skipjack.samplers.TPESampler(seed=1))
    run(lambda t: t.suggest_float("x", -1, 1) ** 2, 150, study=study, stop=RegretBound(0.05))
    assert 20 <= len(study.trials) < 100
    assert "is below the error, 0.05" in study.stop_reason


def test_a_regret_bound_can_be_compared_with_folds() -> None:
    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", -1, 1) ** 2
        report_cross_validation_scores(trial, [x - 1, x + 1])
        return float(x)

    assert len(run(objective, 60, stop=RegretBound(min_n_trials=12)).trials) == 12


def test_an_error_in_a_rule_is_raised() -> None:
    study = a_study()
    with pytest.raises(ValueError, match="Call `report_cross_validation_scores"):
        run(lambda t: t.suggest_float("x", 0, 1), study=study, stop=RegretBound(min_n_trials=3))
    assert len(study.trials) == 3
    assert study.stop_reason is None


# ------------------------------------------------------------------------- short forms, combined


def test_a_dict_is_a_short_form() -> None:
    study = run(stop={"target": 6.5, "patience": 30})
    assert len(study.trials) == 5
    assert len(run(stop={"trials": 7}).trials) == 7
    assert repr(rule_of({"time": 60, "target": 2, "regret": 0.1, "trials": 3, "patience": 4})) == (
        "(MaxTime(60) | Target(2.0) | RegretBound(0.1) | MaxTrials(3) | Patience(4))"
    )


def test_of_several_rules_one_is_enough() -> None:
    assert len(run(stop=[Target(6.5), MaxTrials(9)]).trials) == 5
    assert len(run(stop=(Target(-99), MaxTrials(9))).trials) == 9
    assert len(run(stop=Target(6.5) | {"trials": 9}).trials) == 5
    assert len(run(stop={"trials": 4} | Target(6.5)).trials) == 4


def test_all_of_several_rules_can_be_asked_for() -> None:
    study = run(stop=Target(6.5) & MaxTrials(9))
    assert len(study.trials) == 9
    assert study.stop_reason == (
        "trial 8 reached 2.0, the target is 6.5, and the study has 9 trials"
    )
    assert len(run(stop=MaxTrials(9) & Target(6.5) | Target(7.5)).trials) == 4
    assert repr(Target(1) & (Patience(2, 0.5) | MaxTrials(3))) == (
        "(Target(1.0) & (Patience(2, least=0.5) | MaxTrials(3)))"
    )


class Fourth(BaseTerminator):
    """A terminator of one's own."""

    def should_terminate(self, study: Any) -> bool:
        return len(study.trials) >= 4


def test_what_users_wrote_is_asked() -> None:
    study = run(stop=Fourth())
    assert (len(study.trials), study.stop_reason) == (4, "Fourth decided so")
    study = run(stop=lambda study: "enough" if len(study.trials) == 3 else None)
    assert (len(study.trials), study.stop_reason) == (3, "enough")
    assert len(run(stop=[Fourth(), lambda study: False]).trials) == 4

    class Mine(StopRule):
        def reason(self, study: Any) -> str | None:
            return "two" if len(study.trials) > 1 else None

    assert len(run(stop=Mine() | Fourth()).trials) == 2


def test_a_rule_is_a_terminator() -> None:
    study = run(callbacks=[TerminatorCallback(Patience(3))], objective=lambda t: 1.0)
    assert len(study.trials) == 4


# ----------------------------------------------------------------------- reasons, resumed studies


@pytest.mark.parametrize("kind", KINDS)
def test_a_study_that_is_done_runs_no_more(kind: str, tmp_path: Path) -> None:
    study = a_study(storage_of(kind, tmp_path), study_name="s")
    run(study=study, stop=Target(6.5))
    with listening() as heard:
        study.optimize(falling, n_trials=10, stop=Target(6.5))
    assert len(study.trials) == 5
    assert heard.texts == ["Stopped: trial 4 reached 6.0, the target is 6.5."]
    study.optimize(falling, n_trials=10, stop=Target(4.5))
    assert len(study.trials) == 7
    assert study.stop_reason == "trial 6 reached 4.0, the target is 4.5"
    if kind == "sqlite":
        again = skipjack.load_study(study_name="s", storage=storage_of(kind, tmp_path))
        assert again.stop_reason == study.stop_reason


def test_a_run_that_ends_otherwise_has_no_reason() -> None:
    assert a_study().stop_reason is None
    assert run(n_trials=3, stop=Target(-99)).stop_reason is None
    assert run(n_trials=3, stop=Target(-99), callbacks=[lambda s, t: s.stop()]).stop_reason is None
    grid = a_study(sampler=GridSampler({"x": [1, 2]}))
    run(lambda t: t.suggest_int("x", 1, 2), None, grid, stop=Target(-99))
    assert grid.stop_reason is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_reason_is_that_of_the_last_run(kind: str, tmp_path: Path) -> None:
    study = a_study(study_name="s", storage=storage_of(kind, tmp_path))
    during = []

    def objective(trial: Any) -> float:
        during.append(study.stop_reason)
        return falling(trial)

    study.optimize(objective, stop=Target(8))
    assert study.stop_reason is not None
    study.optimize(objective, n_trials=1)
    assert study.stop_reason is None
    study.optimize(objective, stop=Target(8))
    assert study.stop_reason == "trial 3 reached 7.0, the target is 8.0"
    with pytest.raises(ZeroDivisionError):
        study.optimize(lambda t: 1 / 0, n_trials=1)
    assert study.stop_reason is None
    assert during == [None] * 4


def test_a_reason_is_given_even_if_the_run_was_over_anyway() -> None:
    assert run(n_trials=5, stop=Target(6.5)).stop_reason == "trial 4 reached 6.0, the target is 6.5"
    assert run(n_trials=50, n_trials_total=3, stop=MaxTrials(3)).stop_reason is not None


def test_the_lower_of_two_limits_counts() -> None:
    assert len(run(n_trials_total=4, stop=MaxTrials(6)).trials) == 4
    assert len(run(n_trials_total=6, stop=MaxTrials(4)).trials) == 4
    assert len(run(n_trials_total=0, stop=MaxTrials(4)).trials) == 0
    assert len(run(stop=MaxTrials(0)).trials) == 0


def test_threads_stop_together_and_say_it_once() -> None:
    begun = threading.Barrier(3, timeout=200)

    def objective(trial: Any) -> float:
        begun.wait()
        return 0.0

    with listening() as heard:
        study = run(objective, None, n_jobs=3, stop=Target(1.0))
    assert len(study.trials) == 3
    assert sum(text.startswith("Stopped:") for text in heard.texts) == 1


# ------------------------------------------------------------------------------------ mistakes


def test_wrong_rules_are_refused_before_anything_runs() -> None:
    study = a_study()
    wrong: list[tuple[Any, type[Exception], str]] = [
        (3, TypeError, "`stop` must be a rule such as"),
        ("patience", TypeError, "`stop` must be a rule such as"),
        (Patience, TypeError, "be a rule, not a class"),
        ([Target(1), 3], TypeError, "`stop` must be a rule such as"),
        ({"patient": 3}, ValueError, "have the keys trials, time, target, patience, regret"),
        (Target([1, 2]), ValueError, "one number per objective, 1"),
    ]
    for stop, kind, text in wrong:
        with pytest.raises(kind, match=text):
            run(study=study, stop=stop)
    with pytest.raises(ValueError, match="`least` must be 0 for several objectives"):
        run(study=a_study(directions=["minimize"] * 2), stop=Patience(3, 0.1) & Target([1, 1]))
    assert study.trials == []


def test_arguments_of_rules_are_checked() -> None:
    makes: list[tuple[Any, type[Exception]]] = [
        (lambda: MaxTrials(-1), ValueError),
        (lambda: MaxTrials(1.5), TypeError),  # type: ignore[arg-type]
        (lambda: MaxTime(-1), ValueError),
        (lambda: MaxTime("1h"), TypeError),  # type: ignore[arg-type]
        (lambda: Target("low"), TypeError),  # type: ignore[arg-type]
        (lambda: Target(float("nan")), ValueError),
        (lambda: Target([]), ValueError),
        (lambda: Patience(0), ValueError),
        (lambda: Patience(3, -1.0), ValueError),
        (lambda: RegretBound(0.0), ValueError),
        (lambda: RegretBound(True), TypeError),
    ]
    for make, kind in makes:
        with pytest.raises(kind, match="must be"):
            make()
