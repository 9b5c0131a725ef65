"""What a diagnosis finds, and what it leaves alone."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.distributions import FloatDistribution, IntDistribution
from skipjack.report import Diagnosis
from skipjack.samplers import RandomSampler, TPESampler
from skipjack.study import Study
from skipjack.trial import TrialState
from tests.studies import a_study


def run(objective: Callable[[Any], Any], n: int = 60, **arguments: Any) -> Study:
    study = a_study(**arguments)
    study.optimize(objective, n_trials=n, catch=Exception)
    return study


def kinds(diagnosis: Diagnosis, params: str | None = None) -> set[str]:
    return {found.kind for found in diagnosis if params is None or params in found.params}


class TestRanges:
    @pytest.mark.parametrize("sign", [1, -1])
    def test_best_values_at_an_end_ask_for_more_of_it(self, sign: int) -> None:
        def objective(trial: Any) -> float:
            x = trial.suggest_float("x", -3, 5)
            lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
            k = trial.suggest_int("k", 10, 90)
            return x - math.log10(lr) + k / 50

        study = a_study(
            sampler=TPESampler(seed=0), direction="minimize" if sign > 0 else "maximize"
        )
        study.optimize(lambda t: sign * objective(t), n_trials=80)
        found = study.diagnose()
        assert {f.params[0] for f in found.of("bound")} >= {"x", "lr"}
        assert found.ranges["x"] == FloatDistribution(-7, 5)
        assert found.ranges["lr"] == FloatDistribution(1e-4, 1, log=True)
        assert "x = trial.suggest_float('x', -7, 5)" in found.code.splitlines()
        assert "lr = trial.suggest_float('lr', 0.0001, 1, log=True)" in found.code.splitlines()

    def test_an_end_that_is_natural_is_left_alone(self) -> None:
        study = run(lambda t: t.suggest_float("dropout", 0, 0.5) + t.suggest_int("k", 1, 9))
        found = study.diagnose()
        assert "dropout" not in found.ranges and "k" not in found.ranges

    def test_good_trials_that_lie_together_ask_for_less(self) -> None:
        study = a_study(sampler=TPESampler(seed=1))
        study.optimize(
            lambda t: (
                abs(t.suggest_float("x", 0, 100) - 42) + 0.1 * abs(t.suggest_int("k", 0, 500) - 90)
            ),
            n_trials=100,
        )
        found = study.diagnose()
        assert kinds(found, "x") == {"narrow"}
        x = found.ranges["x"]
        assert isinstance(x, FloatDistribution)
        assert 0 < x.low < 42 < x.high < 70
        k = found.ranges["k"]
        assert isinstance(k, IntDistribution) and k.low < 90 < k.high
        assert study.best_params["x"] >= x.low

    def test_ranges_with_steps_keep_them(self) -> None:
        study = a_study(sampler=TPESampler(seed=2))
        study.optimize(
            lambda t: (
                abs(t.suggest_float("x", 0, 10, step=0.1) - 3) + t.suggest_int("n", 5, 95, step=10)
            ),
            n_trials=80,
        )
        found = study.diagnose().ranges
        x = found["x"]
        assert isinstance(x, FloatDistribution) and x.step == 0.1 and x.low < 3 < x.high < 10
        assert "n" not in found  # there is nothing below 5 and above 0 with that step

    def test_spread_out_good_trials_ask_for_nothing(self) -> None:
        rng = np.random.default_rng(0)
        study = run(lambda t: t.suggest_float("x", 0, 1) * 0 + rng.random(), n=80)
        assert study.diagnose().ranges == {}


class TestInfluence:
    def test_a_parameter_without_one_is_named(self) -> None:
        study = run(
            lambda t: t.suggest_float("x", 0, 1) ** 2 + 0 * t.suggest_float("idle", 0, 1), n=200
        )
        [found] = study.diagnose().of("influence")
        assert found.params == ("idle",)
        assert "idle" not in study.diagnose().ranges

    def test_parameters_that_matter_are_not(self) -> None:
        study = run(lambda t: t.suggest_float("x", 0, 1) + t.suggest_float("y", 0, 1), n=200)
        assert study.diagnose().of("influence") == []

    def test_what_moves_along_the_front_has_influence(self) -> None:
        study = a_study(directions=["minimize"] * 2, sampler=RandomSampler(seed=0))

        def objective(trial: Any) -> tuple[float, float]:
            a, b, c = (trial.suggest_float(name, 0, 1) for name in "abc")
            return a + b + 0 * c, 1 - a + b

        study.optimize(objective, n_trials=200)
        [found] = study.diagnose().of("influence")
        assert found.params == ("c",) and "on any objective" in found.text

    def test_one_value_is_no_search(self) -> None:
        study = run(lambda t: t.suggest_int("k", 3, 3) + t.suggest_float("x", 0, 1))
        [found] = study.diagnose().of("constant")
        assert found.params == ("k",)


class TestTrials:
    def test_failures_are_counted_with_their_reasons(self) -> None:
        def objective(trial: Any) -> float:
            if trial.number % 4 == 0:
                raise ValueError("no convergence")
            if trial.number == 7:
                raise OSError("disk")
            return float(trial.suggest_float("x", 0, 1))

        diagnosis = run(objective, n=40).diagnose()
        [found] = diagnosis.of("failed")
        assert found.level == "problem"
        assert "11 of 40 trials failed, 10 of them with: ValueError('no convergence')" in found.text
        assert diagnosis.findings[0].level == "problem"

    def test_a_rare_failure_is_a_hint(self) -> None:
        study = run(lambda t: t.suggest_float("x", 0, 1), n=40)
        study.tell(study.ask(), state=TrialState.FAIL)
        [found] = study.diagnose().of("failed")
        assert found.level == "hint" and "no reason is known" in found.text

    @pytest.mark.parametrize(("pruned", "level"), [(10, "good"), (58, "problem")])
    def test_pruned_ones_are_counted(self, pruned: int, level: str) -> None:
        def objective(trial: Any) -> float:
            x = trial.suggest_float("x", 0, 1)
            if trial.number < pruned:
                raise skipjack.TrialPruned
            return float(x)

        [found] = run(objective).diagnose().of("pruned")
        assert (found.level, found.figures["share"]) == (level, pruned / 60)

    def test_infeasible_ones_are_counted(self) -> None:
        def objective(trial: Any) -> float:
            x = float(trial.suggest_float("x", 0, 1))
            trial.set_constraint("c", 0.9 - x)
            return x

        [found] = run(objective).diagnose().of("infeasible")
        assert found.level == "problem" and found.figures["share"] > 0.6

    @pytest.mark.parametrize("noise", [0.0, 1.0])
    def test_duplicates_are_counted_and_tell_of_chance(self, noise: float) -> None:
        rng = np.random.default_rng(0)
        study = run(lambda t: t.suggest_int("k", 0, 4) + noise * rng.normal())
        [found] = study.diagnose().of("duplicates")
        assert found.figures["share"] == 55 / 60
        assert ("deterministic" in found.advice) == (noise == 0)

    def test_few_trials_are_said_to_be_few(self) -> None:
        assert kinds(run(lambda t: t.suggest_float("x", 0, 1), n=5).diagnose()) == {"trials"}
        assert kinds(a_study().diagnose()) == {"trials"}


class TestProgress:
    def test_a_search_that_improves_should_go_on(self) -> None:
        study = a_study()
        for k in range(60):
            trial = study.ask()
            trial.suggest_float("x", 0, 1)
            study.tell(trial, 100 - k)
        found = study.diagnose()
        assert found.more_trials is True
        assert kinds(found) >= {"progress"}

    def test_one_that_does_not_may_end(self) -> None:
        study = a_study()
        for k in range(60):
            trial = study.ask()
            trial.suggest_float("x", 0, 1)
            study.tell(trial, float(max(40 - k, 20) + k % 3))
        assert study.diagnose().more_trials is False

    def test_without_trials_that_is_not_known(self) -> None:
        assert a_study().diagnose().more_trials is None


def test_a_lucky_best_value_is_a_problem() -> None:
    rng = np.random.default_rng(0)
    study = a_study()
    for number in range(60):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        scores = (x - 0.5) ** 2 + rng.normal(0, 0.2, 5) - (0.3 if number == 30 else 0)
        for fold, score in enumerate(scores):
            trial.report(score, 0, fold=fold)
        study.tell(trial, scores.mean())
    [found] = study.diagnose().of("overtuning")
    assert found.level == "problem" and "study.recommend() prefers trial" in found.advice


@pytest.mark.parametrize("n", [0, 1, 3, 50])
def test_several_objectives(n: int) -> None:
    study = run(
        lambda t: (t.suggest_float("x", 0, 1), -t.suggest_float("y", 0, 1)),
        n=n,
        directions=["minimize", "minimize"],
    )
    assert study.diagnose().more_trials is None


def test_infinite_values_and_running_trials_do_no_harm() -> None:
    study = run(lambda t: math.inf if t.suggest_float("x", 0, 1) < 0.5 else 1.0)
    study.ask()
    assert isinstance(study.diagnose(), Diagnosis)


def test_it_can_be_printed_and_shown() -> None:
    study = run(lambda t: t.suggest_float("<x>", -1, 1) + t.suggest_float("y", 0, 1) * 0)
    found = study.diagnose()
    assert len(found) == len(list(found)) == len(found.findings)
    assert "Other ranges to try:" in str(found)
    assert "params['<x>'] = trial.suggest_float('<x>', " in str(found)
    assert "<x>" not in found._repr_html_() and "&lt;x&gt;" in found._repr_html_()
