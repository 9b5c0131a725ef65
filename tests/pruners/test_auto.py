"""AutoPruner: what it stops, what it learns, and that it says why."""

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from scipy import special

import skipjack
from skipjack.pruners import AutoPruner, NopPruner
from skipjack.pruners.base import BasePruner, Contender, decides
from skipjack.pruners.forecast import Warp, fitted, rungs
from skipjack.records.states import TrialState
from tests.histories import Past

LENGTH = 32


def curves(seed: int, n: int, told_early: float) -> np.ndarray[Any, Any]:
    """Losses that fall towards a final one, of which the early part tells more or less."""
    rng = np.random.default_rng(seed)
    final = rng.exponential(1.0, (n, 1)) ** 2
    start = told_early * final + (1.0 - told_early) * rng.exponential(1.0, (n, 1)) ** 2
    steps = np.arange(LENGTH) / (LENGTH - 1)
    falling = final + (3.0 + start - final) * np.exp(-6.0 * steps) * (1.0 - steps)
    return falling + rng.normal(0.0, 0.02, (n, LENGTH)) * (steps < 1.0)


def search(pruner: BasePruner, table: np.ndarray[Any, Any], direction: str = "minimize") -> Any:
    sign = 1.0 if direction == "minimize" else -1.0
    study = skipjack.create_study(pruner=pruner, direction=direction, study_name="curves")

    def objective(trial: skipjack.Trial) -> float:
        for step, loss in enumerate(table[trial.number].tolist()):
            trial.report(sign * loss, step)
            if step < LENGTH - 1 and trial.should_prune():
                raise skipjack.TrialPruned
        return sign * float(table[trial.number, -1])

    study.optimize(objective, n_trials=len(table))
    return study


def steps_of(study: Any) -> int:
    return sum(len(trial.intermediate_values) for trial in study.trials)


def test_steps_are_saved_where_early_losses_tell_the_end() -> None:
    kept = 0
    for seed in range(5):
        table = curves(seed, 60, told_early=1.0)
        study = search(AutoPruner(), table)
        assert steps_of(study) < 0.65 * table.size
        kept += study.best_value <= np.sort(table[:, -1])[1]
    assert kept >= 4


def test_little_is_stopped_where_early_losses_tell_nothing() -> None:
    stopped = 0
    for seed in range(4):
        study = search(AutoPruner(), np.random.default_rng(seed).normal(size=(60, LENGTH)))
        stopped += sum(trial.state == TrialState.PRUNED for trial in study.trials)
    assert stopped < 0.3 * 4 * 60


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_directions_are_mirror_images(direction: str) -> None:
    table = curves(1, 40, 0.8)
    ends = [
        [trial.state for trial in search(AutoPruner(), table, d).trials]
        for d in ("minimize", direction)
    ]
    assert ends[0] == ends[1]


def test_some_trials_are_never_stopped_and_a_user_may_forgo_them() -> None:
    table = curves(2, 80, 1.0)
    table[40:] += 10.0  # all of them hopeless

    def ended(control_every: int) -> int:
        study = search(AutoPruner(control_every=control_every), table)
        return sum(trial.state == TrialState.COMPLETE for trial in study.trials[40:])

    assert ended(0) == 0 < ended(5)


def test_nothing_but_nan_is_stopped_at_once() -> None:
    study = skipjack.create_study(pruner=AutoPruner())
    trial = study.ask()
    trial.report(math.nan, 0)
    assert trial.should_prune()
    trial.report(1.0, 1)
    assert not trial.should_prune()


def test_it_says_why() -> None:
    pruner = AutoPruner(control_every=0)
    study = search(pruner, curves(3, 30, 1.0))
    trial = study.ask()
    assert "reported nothing" in str(pruner.explain(trial))
    trial.report(50.0, LENGTH // 2)
    found = pruner.explain(trial)
    assert found.stops and "It is stopped" in str(found) and trial.should_prune()
    assert found.low < found.predicted < found.high and found.chance < 0.05 and found.goal > 0
    good = study.ask()
    good.report(0.0, LENGTH // 2)
    assert not pruner.explain(good).stops and pruner.explain(good).chance > 0.3
    with pytest.raises(TypeError, match="`trial` must be a trial that runs"):
        pruner.explain(study.trials[0])


def test_forecasts_hold_what_they_promise() -> None:
    pruner, inside, total = AutoPruner(control_every=0), 0, 0
    table = curves(4, 200, 0.5)
    study = search(NopPruner(), table[:100])
    for row in table[100:]:
        reports = dict(enumerate(row[: LENGTH // 4].tolist()))
        found = pruner.forecast(study.history, Contender(1000 + total, reports, "curves"))
        inside += found.low <= row[-1] <= found.high
        total += 1
    assert 0.7 <= inside / total <= 0.97


def test_it_keeps_nothing_of_a_study_that_another_one_could_be_judged_by() -> None:
    pruner = AutoPruner(control_every=0)
    before = copy.deepcopy(vars(pruner))
    study = skipjack.create_study(pruner=pruner)
    for i in range(12):
        trial = study.ask()
        for step in range(10):
            trial.report(i + 1 / (step + 1), step)
            trial.should_prune()
        study.tell(trial, float(i))
    assert vars(pruner) == before


def test_a_fresh_process_decides_the_same() -> None:
    table = curves(5, 40, 0.9)
    study = search(AutoPruner(), table)
    pruner, again = AutoPruner(), pickle.loads(pickle.dumps(AutoPruner()))
    for n in range(1, LENGTH):
        contender = Contender(99, dict(enumerate(table[7, :n].tolist())), "curves")
        study.history.derived  # noqa: B018
        first = pruner.forecast(study.history, contender)
        study.history._folds.clear()
        assert again.forecast(study.history, contender) == first
    assert decides(pruner) and not pruner.reads_running


def test_the_line_is_least_squares_with_a_prior() -> None:
    rng = np.random.default_rng(0)
    early = rng.normal([2.0, -1.0], 1.0, (4000, 2))
    final = early @ [0.5, 0.25] - 1.0 + rng.normal(0.0, 0.1, 4000)
    line = fitted(early, final, 1.0)
    assert line.slopes == pytest.approx([0.5, 0.25], abs=0.02)
    assert line.scale == pytest.approx(0.1, abs=0.01) and line.doubt < 1e-9
    assert line.ends(np.array([2.0, -1.0]))[0] == pytest.approx(-0.25, abs=0.02)
    few = fitted(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([3.0, 5.0]), 1.0)
    assert few.slopes == pytest.approx([1.0, 0.0])
    assert few.ends(np.array([1.0, 0.0]))[0] == pytest.approx(4.0)


def test_who_has_moved_more_may_yet_move_more() -> None:
    rng = np.random.default_rng(0)
    trend = rng.uniform(-2.0, 0.0, 300)
    early = np.stack([rng.normal(2.0, 1.0, 300), trend], axis=1)
    final = early[:, 0] + trend * rng.normal(0.5, 0.3, 300)
    line = fitted(early, final, 0.25)
    still, moving = (line.ends(np.array([2.0, moved]))[1] for moved in (0.0, -2.0))
    assert moving > 5.0 * still
    late = fitted(early, final, 1.0)  # nothing is left to move
    assert late.ends(np.array([2.0, -2.0]))[1] < 1.2 * late.ends(np.array([2.0, 0.0]))[1]


def test_few_trials_do_not_look_like_a_good_fit() -> None:
    inside = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        early, noise = rng.normal(0.0, 1.0, (6, 2)), rng.normal(0.0, 1.0, 7)
        centre, scale, freedom = fitted(early, noise[:6], 0.99).ends(rng.normal(0.0, 1.0, 2))
        inside += abs(noise[6] - centre) < special.stdtrit(freedom, 0.9) * scale
    assert 0.72 <= inside / 300 <= 0.88


def test_what_tells_nothing_is_doubted() -> None:
    doubts = []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        early = rng.normal(0.0, 1.0, (15, 2))
        doubts.append(fitted(early, rng.normal(0.0, 1.0, 15), 0.5).doubt)
        assert fitted(early, early[:, 0] + rng.normal(0.0, 0.2, 15), 0.5).doubt < 1e-3
    assert np.median(doubts) > 0.5


def test_the_goal_is_as_uncertain_as_few_trials_make_it() -> None:
    def chance(n: int) -> float:
        made = Past()
        for i in range(n):
            made.add({}, [float(i)], reports=[(step, float(i)) for step in range(16)])
        contender = Contender(n, dict.fromkeys(range(9), 1.5), "s")
        return AutoPruner(control_every=0).forecast(made.history, contender).chance

    # Third of five is not far from the best tenth of all trials to come; third of 50 is in it.
    assert chance(5) > 0.01
    assert chance(50) > 0.8


def test_a_trend_counts() -> None:
    # Late starters: those that still fall end well, whatever they had lost by half of the steps.
    pruner, made = AutoPruner(control_every=0), Past()
    rng = np.random.default_rng(0)
    for _ in range(30):
        falls, now = rng.uniform(0.0, 2.0), rng.uniform(2.5, 3.0)
        losses = [now + falls * (1.0 - step / 8.0) for step in range(16)]
        made.add({}, [losses[-1]], reports=list(enumerate(losses)))
    chances = [
        pruner.forecast(
            made.history, Contender(n, {s: 2.7 + falls * (1.0 - s / 8.0) for s in range(9)}, "s")
        ).chance
        for n, falls in ((98, 0.1), (99, 1.9))
    ]
    assert 1e4 * chances[0] < 0.02 < chances[1]


def test_warped_losses_come_back() -> None:
    warp = Warp(-1.0, 2.0)
    for loss in (-1e6, -1.0, 0.0, 3.0, 1e9):
        assert warp.back(float(warp.to(loss))) == pytest.approx(loss)


def test_rungs_rise_to_the_end() -> None:
    assert rungs(-1) == rungs(0) == rungs(1) == ()
    assert rungs(10) == (1, 2, 3, 4, 5, 6, 7, 8, 9)
    for length in range(2, 300):
        found = rungs(length)
        assert list(found) == sorted(set(found)) and found[-1] <= length and len(found) <= 20


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"risk": 0.0}, ValueError),
        ({"risk": 1.0}, ValueError),
        ({"risk": "low"}, TypeError),
        ({"share": 0.0}, ValueError),
        ({"share": 1.5}, ValueError),
        ({"control_every": -1}, ValueError),
        ({"control_every": 2.5}, TypeError),
    ],
)
def test_wrong_arguments_are_refused(options: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="must"):
        AutoPruner(**options)
