"""Samplers that users write, with Optuna's methods."""

import warnings
from typing import Any

import pytest

import skipjack
from skipjack.distributions import FloatDistribution, IntDistribution
from skipjack.samplers import RandomSampler, TPESampler
from skipjack.storages import BaseStorage
from skipjack.trial import FrozenTrial, Trial, TrialState
from tests.execution.own import Impatient, Middle
from tests.studies import a_study

RUNNING, COMPLETE, FAIL = TrialState.RUNNING, TrialState.COMPLETE, TrialState.FAIL


class MySampler(skipjack.samplers.BaseSampler):
    """The tutorial's: everything is 0.5, one parameter is drawn jointly."""

    def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return {"x": skipjack.search_space.FloatSpace(0, 1)}  # type: ignore[attr-defined]

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
        return {"x": 0.5}

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        return 0.25


def test_the_tutorials_sampler_runs(storage: BaseStorage) -> None:
    study = a_study(storage, MySampler())
    study.optimize(lambda t: t.suggest_float("x", 0, 1) + t.suggest_float("y", 0, 1), n_trials=3)
    assert [t.params for t in study.trials] == [{"x": 0.5, "y": 0.25}] * 3
    trial = study.ask()
    assert trial.relative_params == {"x": 0.5}
    assert trial.relative_search_space == {"x": FloatDistribution(0, 1)}


def test_the_name_that_the_tutorial_gets_wrong_warns_and_names_the_right_one() -> None:
    with pytest.warns(FutureWarning, match="FloatDistribution"):
        kind = skipjack.search_space.FloatSpace  # type: ignore[attr-defined]
    assert kind is FloatDistribution


def test_what_is_drawn_jointly_but_out_of_the_range_asked_for_is_drawn_alone() -> None:
    assert a_study(sampler=MySampler()).ask().suggest_float("x", 0, 0.3) == 0.25


def test_what_is_drawn_jointly_as_another_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="kind"):
        a_study(sampler=MySampler()).ask().suggest_int("x", 0, 9)


def test_joint_values_come_from_the_joint_space_only() -> None:
    class Unannounced(MySampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            return {}

    trial = a_study(sampler=Unannounced()).ask()
    with pytest.raises(ValueError, match="'x', which its relative search space does not have"):
        trial.suggest_float("x", 0, 1)
    assert trial.suggest_float("y", 0, 1) == 0.25


def test_enqueued_values_come_before_the_samplers() -> None:
    study = a_study(sampler=MySampler())
    study.enqueue_trial({"x": 0.75, "y": 1.0})
    trial = study.ask()
    assert (trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)) == (0.75, 1.0)


def test_it_is_asked_once_per_trial_and_parameter_and_sees_the_trial_as_it_is() -> None:
    calls: list[Any] = []

    class Asked(Middle):
        def sample_relative(self, study: Any, trial: FrozenTrial, search_space: Any) -> Any:
            calls.append(("relative", trial.number, trial.state, dict(trial.params)))
            return {}

        def sample_independent(self, study: Any, trial: FrozenTrial, name: str, d: Any) -> Any:
            calls.append((name, trial.number, trial.state, dict(trial.params), len(study.trials)))
            return super().sample_independent(study, trial, name, d)

    def objective(trial: Trial) -> float:
        trial.suggest_float("x", 0, 1)
        trial.suggest_float("x", 0, 1)
        trial.suggest_int("single", 3, 3)
        return float(trial.suggest_int("i", 0, 4))

    a_study(sampler=Asked()).optimize(objective, n_trials=2)
    assert calls == [
        ("relative", 0, RUNNING, {}),
        ("x", 0, RUNNING, {}, 1),
        ("i", 0, RUNNING, {"x": 0.5, "single": 3}, 1),
        ("relative", 1, RUNNING, {}),
        ("x", 1, RUNNING, {}, 2),
        ("i", 1, RUNNING, {"x": 0.5, "single": 3}, 2),
    ]


@pytest.mark.parametrize("state", ["complete", "pruned", "failed", "bad value"])
def test_it_hears_of_the_end_before_it_is_written(storage: BaseStorage, state: str) -> None:
    heard: list[Any] = []

    class Hears(Middle):
        def after_trial(self, study: Any, trial: FrozenTrial, state: Any, values: Any) -> None:
            heard.append((trial.state, study.trials[trial.number].state, state, values))
            study._storage.set_trial_system_attr(trial._trial_id, "heard", True)

    def objective(trial: Trial) -> Any:
        trial.report(3.0, 1)
        if state == "pruned":
            raise skipjack.TrialPruned
        if state == "failed":
            raise ValueError
        return 1.0 if state == "complete" else None

    study = a_study(storage, Hears())
    study.optimize(objective, n_trials=1, catch=ValueError)
    final, values = {
        "complete": (COMPLETE, [1.0]),
        "pruned": (TrialState.PRUNED, [3.0]),
        "failed": (FAIL, None),
        "bad value": (FAIL, None),
    }[state]
    assert heard == [(RUNNING, RUNNING, final, values)]
    assert study.trials[0].state == final and study.trials[0].system_attrs["heard"] is True


@pytest.mark.parametrize(
    "method",
    [
        "before_trial",
        "after_trial",
        "infer_relative_search_space",
        "sample_relative",
        "sample_independent",
    ],
)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_one_that_raises_ends_the_run_and_leaves_no_trial_running(
    storage: BaseStorage, method: str, n_jobs: int
) -> None:
    def raises(*_: Any) -> Any:
        raise ZeroDivisionError("in the sampler")

    sampler = type("Raises", (Middle,), {method: raises})()
    study = a_study(storage, sampler)
    study.enqueue_trial({"y": 1})
    with pytest.raises(ZeroDivisionError):
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=3, n_jobs=n_jobs)
    states = {t.state for t in study.trials}
    assert RUNNING not in states
    if method == "after_trial":
        assert COMPLETE in states  # what the objective returned is not lost
    else:
        failed = [t for t in study.trials if t.state == FAIL]
        assert "in the sampler" in failed[0].system_attrs["fail_reason"]


def test_one_of_ours_that_raises_leaves_no_queued_trial_running() -> None:
    class Raises(RandomSampler):
        def propose(self, *_: Any) -> Any:
            raise ZeroDivisionError("in propose")

    study = a_study(sampler=Raises())
    study.enqueue_trial({"x": 0.5})
    with pytest.raises(ZeroDivisionError):
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    assert [t.state for t in study.trials] == [FAIL]


@pytest.mark.parametrize("base", [RandomSampler, TPESampler])
def test_a_subclass_of_ours_may_override_any_of_optunas_methods(base: Any) -> None:
    class Half(base):  # type: ignore[misc]
        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
            drawn = super().sample_relative(study, trial, search_space)
            return {**drawn, "x": 0.5} if "x" in search_space else drawn

    study = a_study(sampler=Half(seed=1))
    study.optimize(lambda t: t.suggest_float("x", 0, 1) + t.suggest_int("i", 0, 9), n_trials=15)
    assert {t.params["x"] for t in study.trials[1:]} == {0.5}
    assert len({t.params["i"] for t in study.trials}) > 1


def test_threads_reseed_it_as_optuna_does() -> None:
    class Seeded(Middle):
        reseeded = 0

        def reseed_rng(self) -> None:
            self.reseeded += 1

    study = a_study(sampler=Seeded())
    study.optimize(lambda t: 1.0, n_trials=2)
    assert study.sampler.reseeded == 0  # type: ignore[attr-defined]
    study.optimize(lambda t: 1.0, n_trials=2, n_jobs=2)
    assert study.sampler.reseeded == 1  # type: ignore[attr-defined]


def test_samplers_can_be_switched_between_runs(storage: BaseStorage) -> None:
    study = a_study(storage, Middle())
    for sampler in (RandomSampler(seed=1), TPESampler(seed=1), Middle(), TPESampler(seed=1)):
        study.sampler = sampler
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=6)
    assert len(study.trials) == 24 and {t.params["x"] for t in study.trials[12:18]} == {0.5}


def test_a_pruner_of_the_users_own_prunes(storage: BaseStorage) -> None:
    def objective(trial: Trial) -> float:
        assert not trial.should_prune()
        trial.report(1.0, 0)
        if trial.should_prune():
            raise skipjack.TrialPruned
        return 1.0

    study = a_study(storage, pruner=Impatient())
    study.optimize(objective, n_trials=2)
    assert {t.state for t in study.trials} == {TrialState.PRUNED}


def test_what_it_draws_out_of_range_is_kept_as_it_is_in_optuna() -> None:
    study = a_study(sampler=MySampler())
    study.optimize(lambda t: t.suggest_float("y", 0, 0.1), n_trials=2)
    assert study.trials[0].params == {"y": 0.25}
    study.sampler = TPESampler(seed=1)
    study.optimize(lambda t: t.suggest_float("y", 0, 0.1), n_trials=20)
    assert IntDistribution(0, 3)._contains(0)
    assert all(t.params["y"] <= 0.1 for t in study.trials[2:])
