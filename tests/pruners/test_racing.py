"""RacingPruner: candidates that cannot win are stopped, and the winner is kept."""

import math
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.pruners import RacingPruner
from skipjack.pruners.base import Contender
from skipjack.records.states import TrialState
from tests.histories import Past

Table = np.ndarray[Any, Any]


def table(seed: int, n: int = 40, folds: int = 10, noise: float = 0.3) -> Table:
    """Losses of candidates on folds, of which some are harder than others."""
    rng = np.random.default_rng(seed)
    quality, hardness = rng.exponential(1.0, (n, 1)), rng.normal(0.0, 1.0, folds)
    return quality + hardness + rng.normal(0.0, noise, (n, folds))


def race(losses: Table, pruner: RacingPruner, seed: int = 0) -> tuple[int, int]:
    """Number of the winner, and how many folds were looked at."""
    rng, study = np.random.default_rng(seed), skipjack.create_study(pruner=pruner)

    def objective(trial: skipjack.Trial) -> float:
        for fold in rng.permutation(losses.shape[1]).tolist():
            trial.report(float(losses[trial.number, fold]), fold)
            if trial.should_prune():
                raise skipjack.TrialPruned
        return float(losses[trial.number].mean())

    study.optimize(objective, n_trials=len(losses))
    return study.best_trial.number, sum(len(t.intermediate_values) for t in study.trials)


def test_the_winner_is_kept_and_half_of_the_folds_are_spared() -> None:
    looked, kept = 0, 0
    for seed in range(20):
        losses = table(seed)
        winner, n = race(losses, RacingPruner(), seed)
        kept += winner == losses.mean(axis=1).argmin()
        looked += n
    assert kept == 20 and looked < 0.55 * 20 * 400


def test_aggressive_spares_more_and_off_nothing() -> None:
    losses = table(1)
    folds = [race(losses, RacingPruner(mode))[1] for mode in ("off", "safe", "aggressive")]
    assert folds[0] == losses.size > folds[1] > folds[2]


def test_candidates_that_differ_by_noise_alone_run_to_the_end() -> None:
    stopped = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        losses = rng.normal(0.0, 1.0, (20, 10)) + rng.normal(0.0, 1.0, 10)
        winner, _ = race(losses, RacingPruner(), seed)
        stopped.append(winner != losses.mean(axis=1).argmin())
    assert sum(stopped) <= 1


def past(losses: Table) -> Past:
    made = Past()
    for row in losses:
        made.add({}, [float(row.mean())], reports=list(enumerate(row.tolist())))
    return made


def test_the_hardness_of_folds_is_known() -> None:
    losses = np.array([[0.0, 10.0, 20.0, 30.0]] * 4) + np.arange(4)[:, None] * 0.1
    history = past(losses).history
    found = RacingPruner().standing(history, Contender(4, {3: 29.0, 2: 19.0}))
    assert found.predicted == pytest.approx(losses[0].mean() - 1.0, abs=0.2) and not found.stops
    found = RacingPruner().standing(history, Contender(4, {0: 1.0, 1: 11.0}))
    assert found.stops and "worse" in str(found)


@pytest.mark.parametrize(
    ("reports", "reason"),
    [
        ({}, "0 of 3 steps"),
        ({0: 9.0}, "may still be the best"),  # since nothing is known of the noise
        ({0: 9.0, 1: 9.0, 2: 9.0}, "3 of 3 steps"),
        ({0: 9.0, 7: 9.0}, "steps that the first complete trial has not"),
    ],
)
def test_some_are_never_stopped(reports: dict[int, float], reason: str) -> None:
    history = past(np.array([[0.0, 0.1, 0.2]] * 4)).history
    found = RacingPruner().standing(history, Contender(4, reports))
    assert not found.stops and reason in str(found)
    few = past(np.array([[0.0, 0.1, 0.2]] * 2)).history
    assert "Fewer than 3" in str(RacingPruner().standing(few, Contender(4, {0: 9.0, 1: 9.0})))


def test_one_step_is_enough_for_who_is_far_behind() -> None:
    rng = np.random.default_rng(0)
    losses = rng.normal(0.0, 0.1, (6, 5)) + np.arange(5)
    history = past(losses).history
    assert RacingPruner().standing(history, Contender(6, {0: 2.0})).stops
    assert not RacingPruner().standing(history, Contender(6, {0: 0.1})).stops
    assert not RacingPruner().standing(history, Contender(6, {4: 4.1})).stops


def test_bad_trials_do_not_blur_what_is_known_of_good_ones() -> None:
    rng = np.random.default_rng(0)
    good, bad = rng.normal(0.0, 0.1, (4, 5)), rng.normal(50.0, 20.0, (4, 5))
    history = past(np.vstack([bad[:2], good, bad[2:]])).history
    assert RacingPruner().standing(history, Contender(8, {0: 1.0, 1: 1.2})).stops


def test_a_loss_that_is_not_finite_ends_the_race() -> None:
    history = past(np.array([[0.0, 0.1, 0.2]] * 4)).history
    for bad in (math.nan, math.inf):
        assert RacingPruner().stops(history, Contender(4, {0: 0.0, 1: bad}))


def test_trials_cut_short_do_not_count_as_complete() -> None:
    made = past(np.array([[0.0, 0.1, 0.2]] * 2))
    made.add({}, None, TrialState.PRUNED, reports=[(0, 5.0)])
    made.add({}, [5.0], reports=[(0, 5.0)])  # of other folds
    found = RacingPruner().standing(made.history, Contender(4, {0: 9.0, 1: 9.0}))
    assert "Fewer than 3" in str(found)


def test_it_explains_a_running_trial() -> None:
    study, pruner = skipjack.create_study(direction="maximize"), RacingPruner()
    for number in range(4):
        trial = study.ask()
        for fold in range(5):
            trial.report(1.0 - 0.01 * number + 0.001 * fold, fold)
        study.tell(trial, 1.0 - 0.01 * number)
    trial = study.ask()
    for fold in range(2):
        trial.report(0.1, fold)
    assert pruner.explain(trial).stops and pruner.prune(study, study.trials[-1])
    assert RacingPruner("off").explain(trial)[:2] == (False, "Racing is off.")


@pytest.mark.parametrize("options", [{"mode": "bold"}, {"n_startup_trials": 0}])
def test_wrong_arguments_are_refused(options: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        RacingPruner(**options)
    with pytest.raises(TypeError, match="must be an int"):
        RacingPruner(n_startup_trials="3")  # type: ignore[arg-type]
