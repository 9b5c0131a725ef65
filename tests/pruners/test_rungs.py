"""Successive halving and Hyperband beyond what Optuna's answers in test_as_optuna.py show."""

import itertools
import math
import pickle
from typing import Any

import pytest

import skipjack
from skipjack.pruners import HyperbandPruner, SuccessiveHalvingPruner
from skipjack.pruners.base import Contender
from skipjack.pruners.hyperband import bracket, budgets
from skipjack.records.states import TrialState
from skipjack.samplers import TPESampler
from tests.histories import Past


def halving(**options: Any) -> SuccessiveHalvingPruner:
    return SuccessiveHalvingPruner(**{"min_resource": 1, "reduction_factor": 2, **options})


def test_trials_that_run_in_another_process_count() -> None:
    past, pruner = Past(), halving()
    for loss in (0.0, 1.0):
        number = past.run({})
        past.apply(do="write", n=number, reports=[(1, loss)])
    assert pruner.stops(past.history, Contender(2, {1: 0.5}))
    assert not pruner.stops(past.history, Contender(3, {1: -0.5}))


def test_a_rung_is_asked_about_once() -> None:
    past, pruner = Past(), halving()
    past.add({}, reports=[(1, 0.0), (2, 0.0)])
    reports = {1: 1.0}
    assert pruner.stops(past.history, Contender(1, reports))
    assert not pruner.stops(past.history, Contender(1, reports))
    reports[2] = 1.0
    assert pruner.stops(past.history, Contender(1, reports))


def test_a_rung_that_was_passed_between_two_questions_is_asked_about() -> None:
    past, pruner = Past(), halving()
    past.add({}, reports=[(step, 0.0) for step in range(10)])
    reports = dict.fromkeys(range(7), 1.0)
    assert pruner.stops(past.history, Contender(1, reports))


def test_nan_at_a_rung_stops_and_does_not_count_for_others() -> None:
    past, pruner = Past(), halving(bootstrap_count=1)
    assert pruner.stops(past.history, Contender(0, {1: math.nan}))
    past.add({}, None, TrialState.PRUNED, reports=[(1, math.nan)])
    assert pruner.stops(past.history, Contender(1, {1: 0.0}))  # nobody but itself was there


def test_a_pickled_pruner_decides_the_same() -> None:
    past, pruner = Past(), halving()
    past.add({}, reports=[(1, 0.0)])
    copied = pickle.loads(pickle.dumps(pruner))
    for one in (pruner, copied):
        assert one.stops(past.history, Contender(1, {1: 1.0}))


def test_brackets_are_as_many_as_the_lengths_allow() -> None:
    assert len(budgets(243, 1, 3)) == 6  # a logarithm in floating point says 5
    assert budgets(9, 1, 3) == (9, 5, 3)
    assert budgets(2, 2, 2) == (1,)


def test_trials_are_spread_over_brackets_by_their_shares() -> None:
    shares = budgets(81, 1, 3)
    found = [bracket("a study", number, shares) for number in range(4000)]
    for index, share in enumerate(shares):
        assert found.count(index) / 4000 == pytest.approx(share / sum(shares), abs=0.03)
    assert found != [bracket("another", number, shares) for number in range(4000)]


def test_a_sampler_sees_the_trials_of_one_bracket() -> None:
    seen: dict[int, set[int]] = {}

    class Watched(TPESampler):
        def propose(self, history: Any, space: Any, stream: Any, given: Any) -> Any:
            running = [n for n, draft in history.open.items() if draft.params]
            seen[stream.trial] = {*history.numbers.tolist(), *running} - {stream.trial}
            return super().propose(history, space, stream, given)

    pruner = HyperbandPruner(max_resource=9)
    study = skipjack.create_study(sampler=Watched(seed=1), pruner=pruner, study_name="bands")

    def objective(trial: skipjack.Trial) -> float:
        x = trial.suggest_float("x", -1, 1)
        for step in range(9):
            trial.report(x * x, step)
            if trial.should_prune():
                raise skipjack.TrialPruned
        return x * x

    study.optimize(objective, n_trials=80)
    shares = budgets(9, 1, 3)
    of = [bracket("bands", number, shares) for number in range(80)]
    for number, others in seen.items():
        assert others == {n for n in range(number) if of[n] == of[number]}
    assert {t.state for t in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED}


def test_a_study_with_brackets_goes_on_as_if_it_had_not_stopped() -> None:
    def run(*parts: int) -> list[dict[str, Any]]:
        storage = skipjack.storages.InMemoryStorage()
        for n in parts:
            study = skipjack.create_study(
                storage=storage,
                study_name="bands",
                load_if_exists=True,
                sampler=TPESampler(seed=3, n_startup_trials=3),
                pruner=HyperbandPruner(max_resource=9),
            )
            study.optimize(objective, n_trials=n)
        return [trial.params for trial in study.trials]

    def objective(trial: skipjack.Trial) -> float:
        x = trial.suggest_float("x", -1, 1)
        for step in itertools.count():
            trial.report(x * x / (1 + step), step)
            if trial.should_prune():
                raise skipjack.TrialPruned
            if step == 8:
                return x * x
        raise AssertionError

    assert run(40) == run(15, 25)


@pytest.mark.parametrize(
    ("kind", "options", "error"),
    [
        (SuccessiveHalvingPruner, {"min_resource": 0}, ValueError),
        (SuccessiveHalvingPruner, {"min_resource": "none"}, ValueError),
        (SuccessiveHalvingPruner, {"min_resource": 1.5}, TypeError),
        (SuccessiveHalvingPruner, {"reduction_factor": 1}, ValueError),
        (SuccessiveHalvingPruner, {"min_early_stopping_rate": -1}, ValueError),
        (SuccessiveHalvingPruner, {"min_resource": 1, "bootstrap_count": -1}, ValueError),
        (SuccessiveHalvingPruner, {"bootstrap_count": 1}, ValueError),
        (HyperbandPruner, {"min_resource": 0}, ValueError),
        (HyperbandPruner, {"max_resource": 0}, ValueError),
        (HyperbandPruner, {"min_resource": 5, "max_resource": 4}, ValueError),
        (HyperbandPruner, {"reduction_factor": 1}, ValueError),
        (HyperbandPruner, {"bootstrap_count": 1}, ValueError),
    ],
)
def test_wrong_arguments_are_refused(kind: Any, options: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="must"):
        kind(**options)
