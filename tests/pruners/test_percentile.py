import math
import pickle
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import skipjack
from skipjack.pruners import BasePruner, MedianPruner, NopPruner, PercentilePruner
from skipjack.pruners.base import Contender, RulePruner, decides
from skipjack.records.states import StudyDirection, TrialState
from tests.histories import Past

Curve = dict[int, float]
values = st.sampled_from([0.0, 1.0, 2.0, 3.0, 0.5, -1.0, 2.5, 1.5, math.nan])
steps = st.permutations(range(8))
curves = st.builds(
    lambda order, reported, n: dict(zip(order[:n], reported)),
    steps | st.just(range(8)),
    st.lists(values, min_size=8, max_size=8),
    st.integers(0, 8),
)
states = st.sampled_from([TrialState.COMPLETE] * 4 + [TrialState.PRUNED, TrialState.FAIL])
pasts = st.lists(st.tuples(states, curves), max_size=7)
arguments = st.fixed_dictionaries(
    {
        "percentile": st.sampled_from([0, 25, 33.3, 50, 75, 100]),
        "n_startup_trials": st.integers(0, 3),
        "n_warmup_steps": st.integers(0, 3),
        "interval_steps": st.integers(1, 3),
        "n_min_trials": st.integers(1, 3),
    }
)


def asked(reports: Mapping[int, float]) -> Contender:
    return Contender(0, reports)


def past_of(
    trials: list[tuple[TrialState, Curve]], direction: StudyDirection = StudyDirection.MINIMIZE
) -> Past:
    past = Past(direction)
    for state, curve in trials:
        told = [0.0] if state == TrialState.COMPLETE else None
        past.add({}, told, state, reports=list(curve.items()))
    return past


def lags(
    trials: list[tuple[TrialState, Curve]],
    reports: Curve,
    percentile: float,
    n_startup_trials: int,
    n_warmup_steps: int,
    interval_steps: int,
    n_min_trials: int,
) -> bool:
    """The rule in words: of losses, over all trials each time."""
    complete = [curve for state, curve in trials if state == TrialState.COMPLETE]
    if not reports or not complete or len(complete) < n_startup_trials:
        return False
    step = max(reports)
    others = [s for s in reports if s != step]
    due = range(n_warmup_steps, step + 1, interval_steps)
    if not due or any(s >= due[-1] for s in others):
        return False
    best = np.nanmin([*reports.values(), np.inf])
    if all(math.isnan(value) for value in reports.values()):
        return True
    past = [curve[step] for curve in complete if step in curve]
    if len(past) < n_min_trials or all(map(math.isnan, past)):
        return False
    return bool(best > np.nanpercentile(past, percentile))


@given(pasts, curves, arguments)
def test_equals_the_rule_in_words(
    trials: list[tuple[TrialState, Curve]], reports: Curve, options: dict[str, Any]
) -> None:
    pruner = PercentilePruner(**options)
    history = past_of(trials).history
    seen: Curve = {}
    for step, value in reports.items():
        seen[step] = value
        assert pruner.stops(history, asked(seen)) == lags(trials, seen, **options)
        assert pruner.stops(history, asked(dict(seen))) == pruner.stops(history, asked(seen))


@given(pasts, curves, arguments)
def test_decides_the_same_for_a_past_that_grows(
    trials: list[tuple[TrialState, Curve]], reports: Curve, options: dict[str, Any]
) -> None:
    pruner, past = PercentilePruner(**options), past_of([])
    for i, (state, curve) in enumerate(trials):
        told = [0.0] if state == TrialState.COMPLETE else None
        past.add({}, told, state, reports=list(curve.items()))
        assert pruner.stops(past.history, asked(reports)) == lags(
            trials[: i + 1], reports, **options
        )


@given(pasts, curves, arguments)
def test_maximising_negative_values_is_the_same(
    trials: list[tuple[TrialState, Curve]], reports: Curve, options: dict[str, Any]
) -> None:
    def negative(curve: Mapping[int, float]) -> Curve:
        return {step: -value for step, value in curve.items()}

    mirrored = past_of([(s, negative(c)) for s, c in trials], StudyDirection.MAXIMIZE)
    pruner = PercentilePruner(**options)
    assert pruner.stops(past_of(trials).history, asked(reports)) == pruner.stops(
        mirrored.history, asked(negative(reports))
    )


@given(pasts, curves, arguments)
def test_a_trial_that_is_worse_is_stopped_as_well(
    trials: list[tuple[TrialState, Curve]], reports: Curve, options: dict[str, Any]
) -> None:
    history, pruner = past_of(trials).history, PercentilePruner(**options)
    worse = {step: value + 0.25 for step, value in reports.items()}
    assert pruner.stops(history, asked(reports)) <= pruner.stops(history, asked(worse))


@given(pasts, curves, arguments)
def test_a_stricter_percentile_stops_more(
    trials: list[tuple[TrialState, Curve]], reports: Curve, options: dict[str, Any]
) -> None:
    history = past_of(trials).history
    stopped = [
        PercentilePruner(**{**options, "percentile": p}).stops(history, asked(reports))
        for p in (100, 80, 60, 50, 20, 0)
    ]
    assert stopped == sorted(stopped)


@given(pasts, curves, arguments)
def test_nothing_is_stopped_before_the_warm_up(
    trials: list[tuple[TrialState, Curve]], reports: Curve, options: dict[str, Any]
) -> None:
    early = {step: value for step, value in reports.items() if step < options["n_warmup_steps"]}
    assert not PercentilePruner(**options).stops(past_of(trials).history, asked(early))


@given(st.lists(st.floats(-1e308, 1e308), min_size=1), st.floats(0, 100))
def test_the_percentile_lies_among_the_numbers(losses: list[float], percentile: float) -> None:
    done = [(TrialState.COMPLETE, {0: loss}) for loss in losses]
    pruner = PercentilePruner(percentile, n_startup_trials=0)
    history = past_of(done).history
    assert not pruner.stops(history, asked({0: min(losses)}))
    assert pruner.stops(history, asked({0: math.inf}))


def test_infinite_losses_of_others_are_the_worst_and_the_best_ones() -> None:
    inf, complete = math.inf, TrialState.COMPLETE
    pruner = MedianPruner(n_startup_trials=0)

    def stops(loss: float, *others: float) -> bool:
        return pruner.stops(past_of([(complete, {0: x}) for x in others]).history, asked({0: loss}))

    assert not stops(5.0, inf, inf)
    assert not stops(inf, inf, inf)
    assert stops(5.0, -inf, 2.0, inf)
    assert stops(5.0, -inf, -inf)
    assert not stops(2.0, -inf, 2.0, inf)


def test_a_decision_is_taken_at_the_first_report_of_each_interval() -> None:
    history = past_of([(TrialState.COMPLETE, dict.fromkeys(range(20), 0.0))]).history
    pruner = MedianPruner(n_startup_trials=1, n_warmup_steps=2, interval_steps=4)
    decided, reports = [], {}
    for step in (0, 1, 2, 3, 5, 6, 9, 12, 13, 14, 19):
        reports[step] = 1.0
        if pruner.stops(history, asked(reports)):
            decided.append(step)
    assert decided == [2, 6, 12, 14, 19]


def test_trials_that_reported_nan_count_but_not_their_values() -> None:
    done = [(TrialState.COMPLETE, {0: value}) for value in (math.nan, math.nan, 1.0)]
    history = past_of(done).history
    assert MedianPruner(0, n_min_trials=3).stops(history, asked({0: 2.0}))
    assert not MedianPruner(0, n_min_trials=4).stops(history, asked({0: 2.0}))
    assert not MedianPruner(0).stops(history, asked({0: 1.0}))


def test_a_long_trial_is_read_once() -> None:
    class Counted(dict[int, float]):
        looked = 0

        def items(self) -> Any:
            return Items(self)

    class Items:
        def __init__(self, owner: Counted) -> None:
            self.owner = owner

        def __reversed__(self) -> Any:
            for item in reversed(dict.items(self.owner)):
                self.owner.looked += 1
                yield item

    history = past_of([(TrialState.COMPLETE, {5000: 0.0})]).history
    pruner, reports = MedianPruner(n_startup_trials=1), Counted()
    for step in range(1000):
        reports[step] = float(step)
        pruner.stops(history, asked(reports))
    assert reports.looked < 3000


def test_many_trials_at_once_are_told_apart() -> None:
    history = past_of([(TrialState.COMPLETE, dict.fromkeys(range(60), 1.0))]).history
    pruner = MedianPruner(n_startup_trials=1)
    trials: list[Curve] = [{} for _ in range(100)]
    for step in range(60):
        for i, reports in enumerate(trials):
            reports[step] = float(i)
            assert pruner.stops(history, asked(reports)) == (i > 1)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((-1,), ValueError),
        ((100.5,), ValueError),
        ((math.nan,), ValueError),
        (("50%",), TypeError),
        ((None,), TypeError),
        ((50, -1), ValueError),
        ((50, 5, -1), ValueError),
        ((50, 5, 0, 0), ValueError),
        ((50, 1.5), TypeError),
        ((50, "5"), TypeError),
        ((50, 5, None), TypeError),
        ((50, 5, 0, math.inf), TypeError),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="must"):
        PercentilePruner(*arguments)


def test_at_least_one_other_trial_is_needed() -> None:
    with pytest.raises(ValueError, match="`n_min_trials` must be at least 1, but got 0"):
        MedianPruner(n_min_trials=0)


class TestPruners:
    def test_the_median_is_the_fiftieth_percentile(self) -> None:
        done = [(TrialState.COMPLETE, {0: float(i)}) for i in range(5)]
        history = past_of(done).history
        assert isinstance(MedianPruner(), PercentilePruner)
        for loss in (1.0, 2.0, 2.5):
            expected = PercentilePruner(50).stops(history, asked({0: loss}))
            assert MedianPruner().stops(history, asked({0: loss})) == expected == (loss > 2)

    def test_nop_stops_nothing(self) -> None:
        assert not NopPruner().stops(Past().history, asked({0: math.nan}))

    @pytest.mark.parametrize("pruner", [NopPruner(), MedianPruner(2), PercentilePruner(25.0)])
    def test_a_pruner_can_be_pickled(self, pruner: RulePruner) -> None:
        reports = dict.fromkeys(range(100), 1.0)
        pruner.stops(Past().history, asked(reports))
        copied = pickle.loads(pickle.dumps(pruner))
        assert type(copied) is type(pruner) and str(copied) == type(pruner).__name__
        assert not copied.stops(Past().history, asked(reports))

    def test_ours_do_not_read_running_trials_and_users_may(self) -> None:
        assert BasePruner.reads_running and not MedianPruner().reads_running

    def test_a_subclass_that_overrides_prune_is_asked_by_it(self) -> None:
        class Mine(MedianPruner):
            def prune(self, study: Any, trial: Any) -> bool:
                return True

        class Renamed(MedianPruner):
            pass

        class Theirs(BasePruner):
            def prune(self, study: Any, trial: Any) -> bool:
                return False

        assert [decides(p) for p in (MedianPruner(), Renamed(), NopPruner())] == [True] * 3
        assert not decides(Mine()) and not decides(Theirs())


class TestInAStudy:
    def run(self, pruner: BasePruner, n_jobs: int = 1) -> skipjack.Study:
        study = skipjack.create_study(pruner=pruner)

        def objective(trial: skipjack.Trial) -> float:
            for step in range(40):
                trial.report(float(trial.number % 7), step)
                if trial.should_prune():
                    raise skipjack.TrialPruned
            return float(trial.number % 7)

        study.optimize(objective, n_trials=40, n_jobs=n_jobs)
        return study

    def test_bad_trials_are_pruned(self) -> None:
        study = self.run(MedianPruner())
        states = [trial.state for trial in study.trials]
        assert states[:5] == [TrialState.COMPLETE] * 5
        assert states[5] == states[6] == states[13] == TrialState.PRUNED
        assert states[7] == TrialState.COMPLETE

    def test_a_users_pruner_around_one_of_ours_may_run_in_threads(self) -> None:
        ours, threads, all_begun = MedianPruner(), set(), threading.Barrier(4)

        class Around(BasePruner):
            def prune(self, study: Any, trial: Any) -> bool:
                if threading.get_ident() not in threads:
                    threads.add(threading.get_ident())
                    all_begun.wait(200)
                return ours.prune(study, trial)

        study = self.run(Around(), n_jobs=4)
        complete = [t for t in study.trials if t.state == TrialState.COMPLETE]
        frozen = skipjack.trial.create_trial(value=0.0, intermediate_values={39: 2.5})
        expected = np.median([t.intermediate_values[39] for t in complete]) < 2.5
        assert ours.prune(study, frozen) == expected
        assert len(threads) == 4
