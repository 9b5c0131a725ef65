"""Pruning with several objectives, by a metric, and fold by fold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.pruners import (
    AutoPruner,
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    MetricPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    RacingPruner,
    SuccessiveHalvingPruner,
    ThresholdPruner,
    WilcoxonPruner,
)
from skipjack.pruners.base import Contender
from skipjack.pruners.dominance import Pool, better_than, dominating, points
from skipjack.records.states import StudyDirection, TrialState
from tests.histories import Past

pytestmark = pytest.mark.filterwarnings("ignore::skipjack.exceptions.ExperimentalWarning")
LENGTH = 16
MINIMIZE, MAXIMIZE = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
SCALES = {  # that say what is good by dominance
    "median": MedianPruner,
    "percentile": lambda: PercentilePruner(25.0, n_min_trials=2),
    "halving": lambda: SuccessiveHalvingPruner(min_resource=1),
    "hyperband": lambda: HyperbandPruner(max_resource=LENGTH),
    "auto": AutoPruner,
}


def falling(seed: int, n: int, m: int) -> np.ndarray[Any, Any]:
    """Losses of trials, shape (n, LENGTH, m), that fall to ends of which none is always best."""
    rng = np.random.default_rng(seed)
    ends = rng.exponential(1.0, (n, 1, m))
    steps = np.arange(LENGTH)[:, None] / (LENGTH - 1)
    return ends + 2.0 * np.exp(-5.0 * steps) + rng.normal(0.0, 0.02, (n, LENGTH, m))


def search(
    pruner: BasePruner, losses: np.ndarray[Any, Any], signs: tuple[float, ...] = ()
) -> list[Any]:
    """Trials that report such losses, each times a sign."""
    m = losses.shape[2]
    signs = signs or (1.0,) * m
    directions = ["minimize" if sign > 0 else "maximize" for sign in signs]
    study = skipjack.create_study(directions=directions, pruner=pruner, study_name="several")

    def objective(trial: skipjack.Trial) -> Any:
        for step, row in enumerate((losses[trial.number] * signs).tolist()):
            trial.report(row if m > 1 else row[0], step)
            if step < LENGTH - 1 and trial.should_prune():
                raise skipjack.TrialPruned
        return row

    study.optimize(objective, n_trials=len(losses))
    return study.trials


@pytest.fixture(autouse=True)
def quiet() -> Any:
    before = skipjack.logging.get_verbosity()
    skipjack.logging.set_verbosity(skipjack.logging.ERROR)
    yield
    skipjack.logging.set_verbosity(before)


def states(trials: list[Any]) -> list[TrialState]:
    return [trial.state for trial in trials]


@pytest.mark.parametrize("make", SCALES.values(), ids=SCALES)
def test_the_dominated_are_stopped_and_the_front_is_kept(make: Any) -> None:
    stopped, front, lost = 0, 0, 0
    for seed in range(3):
        losses = falling(seed, 40, 2)
        ends = losses[:, -1]
        on_front = dominating(ends, ends) == 0
        pruned = np.array([s == TrialState.PRUNED for s in states(search(make(), losses))])
        stopped += int(pruned.sum())
        front += int(on_front.sum())
        lost += int((pruned & on_front).sum())
    assert stopped > 30 and lost <= front / 3


@pytest.mark.parametrize("make", SCALES.values(), ids=SCALES)
def test_directions_are_mirror_images(make: Any) -> None:
    losses = falling(7, 25, 2)
    found = [states(search(make(), losses, s)) for s in ((1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0))]
    assert found[0] == found[1] == found[2]
    assert TrialState.PRUNED in found[0]


@pytest.mark.parametrize("make", SCALES.values(), ids=SCALES)
def test_one_objective_twice_is_one_objective(make: Any) -> None:
    losses = falling(3, 25, 1)
    twice = np.concatenate([losses, losses], axis=2)
    if make is not AutoPruner:  # which takes them for independent
        assert states(search(make(), twice)) == states(search(make(), losses))
    assert TrialState.PRUNED in states(search(make(), twice))


def test_who_is_dominated_is_counted() -> None:
    table = np.array([[0.0, 3.0], [1.0, 1.0], [3.0, 0.0], [2.0, 2.0], [3.0, 3.0], [1.0, 1.0]])
    assert dominating(table, table).tolist() == [0, 0, 0, 2, 5, 0]
    slow = [sum(all(b <= a) and any(b < a) for b in table) for a in table]
    assert dominating(table, table).tolist() == slow
    assert better_than(table[:3].tolist(), (3.0, 3.0)) == 3
    assert better_than(table[:3].tolist(), (0.5, 2.0)) == 0
    found = points([[1.0, math.nan], 2.0, [math.inf, -math.inf]], (1.0, -1.0))
    assert found.tolist() == [[1.0, math.inf], [2.0, math.inf], [math.inf, math.inf]]


def test_a_pool_grows_as_if_it_were_made_at_once() -> None:
    table = np.random.default_rng(0).integers(0, 6, (60, 3)).astype(float)
    pool = Pool(3)
    for first in (0, 1, 7, 30):
        pool.extend(table[first : {0: 1, 1: 7, 7: 30, 30: 60}[first]])
    assert pool.counts.tolist() == dominating(table, table).tolist()


def test_a_report_of_nan_is_stopped_where_nothing_else_was_told() -> None:
    past = Past(MINIMIZE, MINIMIZE)
    for value in range(6):
        past.add({}, [1.0, 1.0], reports=[[0, [float(value), 1.0]]])
    assert MedianPruner().stops(past.history, Contender(9, {0: [math.nan, math.nan]}))
    assert not MedianPruner().stops(past.history, Contender(9, {0: [0.0, math.nan]}))
    assert MedianPruner().stops(past.history, Contender(9, {0: [9.0, 9.0]}))
    assert not MedianPruner().stops(past.history, Contender(9, {1: [9.0, 9.0]}))


def test_patience_and_thresholds_know_several_objectives() -> None:
    history = Past(MINIMIZE, MAXIMIZE).history
    patient = PatientPruner(None, patience=1)
    better = {0: [1.0, 1.0], 1: [2.0, 0.5], 2: [2.0, 2.0]}
    assert not patient.stops(history, Contender(0, better))
    assert patient.stops(history, Contender(0, {**better, 2: [1.0, 0.9]}))
    assert not PatientPruner(None, 1, 0.2).stops(history, Contender(0, {**better, 2: [1.0, 0.9]}))
    threshold = ThresholdPruner(upper=3.0)
    assert not threshold.stops(history, Contender(0, better))
    assert threshold.stops(history, Contender(0, {0: [1.0, 4.0]}))
    assert not NopPruner().stops(history, Contender(0, better))


@pytest.mark.parametrize("make", [WilcoxonPruner, RacingPruner])
def test_what_needs_a_best_trial_says_how_to_prune_by_one_objective(make: Any) -> None:
    study = skipjack.create_study(directions=["minimize"] * 2, pruner=make())
    trial = study.ask()
    with pytest.raises(NotImplementedError, match="before any of them is told"):
        trial.should_prune()
    trial.report([1.0, 2.0], 0)
    with pytest.raises(
        NotImplementedError, match=r"MetricPruner\((Wilcoxon|Racing)Pruner\(\), 0\)"
    ):
        trial.should_prune()


def test_a_users_pruner_sees_lists_and_metrics() -> None:
    class Own(BasePruner):
        def prune(self, study: Any, trial: Any) -> bool:
            return bool(trial.intermediate_values[0] == [1.0, 2.0] and trial.metrics["a"][0] > 1)

    study = skipjack.create_study(directions=["minimize"] * 2, pruner=Own())
    trial = study.ask()
    trial.report([1.0, 2.0], 0)
    trial.log({"a": 1.0}, 0)
    assert not trial.should_prune()
    other = study.ask()
    other.report([1.0, 2.0], 0)
    other.log({"a": 2.0}, 0)
    assert other.should_prune()


# -------------------------------------------------------------------------------------- by a metric


@pytest.mark.parametrize("make", [*SCALES.values(), WilcoxonPruner, RacingPruner])
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_metric_is_pruned_as_the_objective_would_be(make: Any, direction: str) -> None:
    losses = falling(1, 30, 1)[:, :, 0] * (1.0 if direction == "minimize" else -1.0)
    found = []
    for by_metric in (False, True):
        pruner = MetricPruner(make(), "loss", direction) if by_metric else make()
        study = skipjack.create_study(
            pruner=pruner, study_name="x", directions=["maximize"] * 2 if by_metric else [direction]
        )

        def objective(trial: skipjack.Trial, by_metric: bool = by_metric) -> Any:
            for step, loss in enumerate(losses[trial.number].tolist()):
                if by_metric:
                    trial.log({"loss": loss, "other": 1.0}, step)
                else:
                    trial.report(loss, step)
                if step < LENGTH - 1 and trial.should_prune():
                    raise skipjack.TrialPruned
            return [0.0, 1.0] if by_metric else loss

        study.optimize(objective, n_trials=len(losses))
        found.append(states(study.trials))
    assert found[0] == found[1] and TrialState.PRUNED in found[0]


def test_one_of_several_objectives_is_pruned_as_if_it_were_the_only_one() -> None:
    losses = falling(2, 30, 2)
    for index, signs in ((0, (1.0, 1.0)), (1, (1.0, -1.0))):
        for make in (MedianPruner, AutoPruner, SCALES["halving"]):
            by_index = states(search(MetricPruner(make(), index), losses, signs))
            alone = states(search(make(), losses[:, :, index : index + 1], signs[index:][:1]))
            assert by_index == alone and TrialState.PRUNED in alone


def test_a_trial_without_the_metric_goes_on_and_does_not_count() -> None:
    past = Past()
    for n in range(10):
        past.add({}, [1.0], reports=[[0, 0.0]], **({"metrics": {"a": [[0, 1.0]]}} if n > 5 else {}))
    four = MetricPruner(MedianPruner(n_startup_trials=4), "a", "minimize")
    five = MetricPruner(MedianPruner(n_startup_trials=5), "a", "minimize")
    bad = Contender(99, {0: 0.0}, metrics={"a": {0: 2.0}})
    assert four.stops(past.history, bad) and not five.stops(past.history, bad)
    assert not four.stops(past.history, Contender(99, {0: 0.0}, metrics={"b": {0: 2.0}}))


def test_changes_of_the_past_reach_it() -> None:
    past = Past()
    for _ in range(6):
        past.add({}, [1.0], metrics={"a": [[0, 1.0]]})
    pruner, bad = MetricPruner(MedianPruner(), "a", "minimize"), {"a": {0: 2.0}}
    assert pruner.stops(past.history, Contender(9, {}, metrics=bad))
    for n in range(2):
        past.apply(do="withdraw", n=n, time=3.0, reason="")
    assert not pruner.stops(past.history, Contender(9, {}, metrics=bad))


def test_it_explains_by_the_metric() -> None:
    pruner = MetricPruner(AutoPruner(control_every=0), "loss", "minimize")
    study = skipjack.create_study(direction="maximize", pruner=pruner)
    for row in falling(0, 20, 1)[:, :, 0].tolist():
        trial = study.ask()
        for step, loss in enumerate(row):
            trial.log({"loss": loss}, step)
        study.tell(trial, 0.0)
    trial = study.ask()
    trial.log({"loss": 50.0}, LENGTH // 2)
    assert pruner.explain(trial).stops and trial.should_prune()
    with pytest.raises(TypeError, match="MedianPruner does not explain"):
        MetricPruner(MedianPruner(), "loss", "minimize").explain(trial)


class Own(BasePruner):
    def prune(self, study: Any, trial: Any) -> bool:
        return False


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((Own(), "a", "minimize"), TypeError),
        ((None, "a", "minimize"), TypeError),
        ((MedianPruner(), "a"), ValueError),
        ((MedianPruner(), "a", "down"), ValueError),
        ((MedianPruner(), 0, "minimize"), ValueError),
        ((MedianPruner(), -1), ValueError),
        ((MedianPruner(), 0.5), TypeError),
        ((MedianPruner(), True), TypeError),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="must"):
        MetricPruner(*arguments)
    with pytest.raises(ValueError, match="below 2 in this study"):
        MetricPruner(MedianPruner(), 2).stops(
            Past(MINIMIZE, MAXIMIZE).history, Contender(0, {0: [1.0, 2.0]})
        )


# ---------------------------------------------------------------------------------- fold by fold


def test_folds_are_compared_with_the_same_folds_of_others() -> None:
    # The second fold is harder: what is bad in the first one is good there.
    past = Past()
    for n in range(8):
        folds = {f"fold {k}": [[s, 0.1 * n + 10.0 * k] for s in range(3)] for k in range(2)}
        past.add({}, [5.0 + 0.1 * n], metrics=folds)
    study: Any = type("study", (), {"history": past.history, "study_name": ""})

    def pruned(**values: float) -> bool:
        metrics = {name.replace("_", " "): {0: value} for name, value in values.items()}
        trial = skipjack.create_trial(value=0.0)
        trial.metrics = metrics
        return MedianPruner().prune(study, trial)

    assert pruned(fold_0=0.5) and not pruned(fold_0=0.2)
    assert not pruned(fold_0=0.2, fold_1=10.4)  # on the mean of both it is not worse
    assert pruned(fold_0=0.2, fold_1=10.9)
    assert not pruned(fold_0=0.2, fold_2=99.0)  # nobody has come as far


def test_with_several_objectives_a_metric_is_no_fold_whatever_its_name() -> None:
    past = Past(MINIMIZE, MAXIMIZE)
    for _ in range(8):
        past.add({}, [1.0, 1.0], metrics={"fold 0": [[0, 1.0]]})
    study: Any = type("study", (), {"history": past.history, "study_name": ""})
    trial = skipjack.create_trial(values=[1.0, 1.0])
    trial.metrics = {"fold 0": {0: 9.0}}
    assert not MedianPruner().prune(study, trial)


def test_a_live_trial_is_pruned_by_its_fold() -> None:
    study = skipjack.create_study(pruner=MedianPruner())

    def objective(trial: skipjack.Trial) -> float:
        bad = trial.number >= 6
        for fold in range(2):
            for step in range(3):
                trial.report(10.0 * fold + (5.0 if bad and fold else 0.1), step, fold=fold)
                if trial.should_prune():
                    raise skipjack.TrialPruned
        return 1.0

    study.optimize(objective, n_trials=8)
    assert states(study.trials)[:6] == [TrialState.COMPLETE] * 6
    last = study.trials[7]
    assert last.state == TrialState.PRUNED and list(last.metrics) == ["fold 0", "fold 1"]
    assert last.value == pytest.approx((0.1 + 15.0) / 2)
