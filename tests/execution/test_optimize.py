"""`Study.optimize`: how many trials run, when it stops, and in which order things happen."""

import gc
import itertools
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.execution import loop
from skipjack.samplers import BaseSampler
from skipjack.storages import BaseStorage
from skipjack.study import MaxTrialsCallback, Study
from skipjack.trial import FrozenTrial, Trial, TrialState
from tests.studies import Listener, a_study, listening, told

COMPLETE, FAIL, PRUNED = TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED


def one(trial: Any) -> float:
    return 1.0


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("n", [0, 1, 7, np.int64(7), 7.0])
def test_so_many_trials_run(storage: BaseStorage, n: Any, n_jobs: int) -> None:
    study = a_study(storage)
    study.optimize(one, n_trials=n, n_jobs=n_jobs)
    assert [t.state for t in study.trials] == [COMPLETE] * int(n)
    study.optimize(one, n, n_jobs=n_jobs)
    assert [t.number for t in study.trials] == list(range(2 * int(n)))


@pytest.mark.parametrize(
    "arguments", [{"timeout": 0}, {"timeout": -1.0}, {"n_trials": -1}, {"timeout": 0, "n_jobs": 2}]
)
def test_no_time_or_no_trials_run_nothing(arguments: Any) -> None:
    study = a_study()
    study.optimize(one, **arguments)
    assert study.trials == []


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_after_the_timeout_no_trial_begins(n_jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    study = a_study()
    steps = itertools.count()
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(loop, "time", clock)

    def slow(trial: Trial) -> float:
        clock.now = float(next(steps))
        return 1.0

    study.optimize(slow, timeout=5, n_jobs=n_jobs)
    assert 6 <= len(study.trials) <= (6 if n_jobs == 1 else 9)  # the clock may go back by one
    assert {t.state for t in study.trials} == {COMPLETE}
    study.optimize(slow, n_trials=2, timeout=math.inf, n_jobs=n_jobs)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"func": 3}, TypeError, "`func` must be callable"),
        ({"n_trials": "3"}, TypeError, "`n_trials` must"),
        ({"n_trials": 1.5}, TypeError, "`n_trials` must"),
        ({"n_trials": math.nan}, TypeError, "`n_trials` must"),
        ({"n_trials": math.inf}, TypeError, "`n_trials` must"),
        ({"timeout": "a"}, TypeError, "`timeout` must"),
        ({"timeout": math.nan}, ValueError, "`timeout` must"),
        ({"n_jobs": 0}, ValueError, "`n_jobs` must be positive, or -1"),
        ({"n_jobs": -2}, ValueError, "`n_jobs` must"),
        ({"n_jobs": 1.5}, TypeError, "`n_jobs` must"),
        ({"n_jobs": None}, TypeError, "`n_jobs` must"),
        ({"catch": 3}, TypeError, "`catch` must"),
        ({"catch": "ValueError"}, TypeError, "`catch` must"),
        ({"catch": [ValueError, 3]}, TypeError, "`catch` must"),
        ({"catch": ValueError()}, TypeError, "`catch` must"),
        ({"callbacks": 3}, TypeError, "`callbacks` must"),
        ({"callbacks": [3]}, TypeError, "`callbacks` must"),
        ({"callbacks": one}, TypeError, "`callbacks` must"),
    ],
)
def test_a_wrong_argument_is_refused_before_a_trial_begins(
    arguments: Any, error: type[Exception], says: str
) -> None:
    study = a_study()
    with pytest.raises(error, match=says):
        study.optimize(**{"func": one, "n_trials": 1, **arguments})
    assert study.trials == []
    study.optimize(one, n_trials=1)


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_stop_ends_the_run_after_the_trials_that_run(n_jobs: int) -> None:
    study = a_study()

    def objective(trial: Trial) -> float:
        if trial.number == 4:
            study.stop()
        return 1.0

    study.optimize(objective, n_trials=100, n_jobs=n_jobs)
    assert 5 <= len(study.trials) <= 5 + 5 * n_jobs
    assert {t.state for t in study.trials} == {COMPLETE}
    done = len(study.trials)
    study.optimize(one, n_trials=2, n_jobs=n_jobs)  # what was stopped can go on
    assert len(study.trials) == done + 2


def test_stop_outside_of_a_run_is_a_runtime_error() -> None:
    study = a_study()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="`stop` is for objectives and callbacks"):
            study.stop()
        study.optimize(one, n_trials=1)
    study.optimize(one, n_trials=9, callbacks=[lambda s, t: s.stop()])
    assert len(study.trials) == 3


class Told(BaseSampler):
    """A sampler that writes down what it is asked, and draws the middle."""

    def __init__(self, story: list[Any]) -> None:
        self.story = story

    def infer_relative_search_space(self, study: Any, trial: FrozenTrial) -> dict[str, Any]:
        self.story.append("infer")
        return {}

    def sample_relative(self, study: Any, trial: FrozenTrial, search_space: Any) -> dict[str, Any]:
        self.story.append("relative")
        return {}

    def sample_independent(self, study: Any, trial: FrozenTrial, name: str, dist: Any) -> Any:
        self.story.append(f"independent {name}")
        return 0.5

    def before_trial(self, study: Any, trial: FrozenTrial) -> None:
        self.story.append(("before", trial.state, study.trials[trial.number].state))

    def after_trial(self, study: Any, trial: FrozenTrial, state: Any, values: Any) -> None:
        self.story.append(("after", trial.state, study.trials[trial.number].state, state, values))


def test_things_happen_in_optunas_order() -> None:
    story: list[Any] = []
    study = a_study(sampler=Told(story))

    class Log(Listener):
        def emit(self, record: Any) -> None:
            story.append(("log", study.trials[-1].state))

    def objective(trial: Trial) -> float:
        story.append("objective")
        return trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1)

    with listening():
        skipjack.logging.get_logger("skipjack").handlers[:] = [Log()]
        study.optimize(
            objective,
            n_trials=1,
            callbacks=[
                lambda s, t: story.append(("first", s is study, t.state, t.value)),
                lambda s, t: story.append("second"),
            ],
        )
    running = TrialState.RUNNING
    assert story == [
        ("before", running, running),
        "objective",
        "infer",
        "relative",
        "independent x",
        "independent y",
        ("after", running, running, COMPLETE, [1.0]),
        ("log", COMPLETE),
        ("first", True, COMPLETE, 1.0),
        "second",
    ]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_callbacks_follow_every_trial_that_the_run_survives(n_jobs: int) -> None:
    seen: list[tuple[int, TrialState]] = []

    def objective(trial: Trial) -> Any:
        if trial.number == 1:
            raise skipjack.TrialPruned
        if trial.number == 2:
            raise KeyError("x")
        return None if trial.number == 3 else 1.0

    study = a_study()
    study.optimize(
        objective,
        n_trials=5,
        n_jobs=n_jobs,
        catch=(LookupError,),
        callbacks=(c for c in [lambda s, t: seen.append((t.number, t.state))]),
    )
    assert sorted(seen) == [(0, COMPLETE), (1, PRUNED), (2, FAIL), (3, FAIL), (4, COMPLETE)]


def test_an_error_that_is_not_caught_skips_callbacks_and_is_raised() -> None:
    study = a_study()
    seen: list[int] = []

    def objective(trial: Trial) -> float:
        if trial.number == 1:
            raise ValueError("boom")
        return 1.0

    with pytest.raises(ValueError, match="boom"):
        study.optimize(
            objective, n_trials=5, catch=KeyError, callbacks=[lambda s, t: seen.append(t.number)]
        )
    assert seen == [0] and [t.state for t in study.trials] == [COMPLETE, FAIL]
    assert study.trials[1].system_attrs == {"fail_reason": "ValueError('boom')"}


def test_a_callback_is_given_a_trial_of_its_own() -> None:
    study = a_study()
    given: list[FrozenTrial] = []

    def spoil(_: Study, trial: FrozenTrial) -> None:
        trial.user_attrs["k"] = 1
        given.append(trial)

    study.optimize(one, n_trials=1, callbacks=[spoil, spoil])
    assert given[0] is not given[1] and study.trials[0].user_attrs == {}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_in_a_callback_ends_the_run_and_not_the_trial(n_jobs: int) -> None:
    study = a_study()
    with pytest.raises(ZeroDivisionError):
        study.optimize(one, n_trials=50, n_jobs=n_jobs, callbacks=[lambda s, t: 1 / 0])
    assert {t.state for t in study.trials} == {COMPLETE} and len(study.trials) <= n_jobs
    study.optimize(one, n_trials=1)


@pytest.mark.parametrize(
    ("catch", "caught"),
    [
        ((), False),
        (ValueError, True),
        (Exception, True),
        ([KeyError, ValueError], True),
        ({ValueError}, True),
        ((e for e in (ValueError,)), True),
        (KeyError, False),
    ],
)
def test_catch_names_classes_of_errors(catch: Any, caught: bool) -> None:
    study = a_study()

    def objective(trial: Trial) -> float:
        raise UnicodeError("a kind of ValueError")

    if caught:
        study.optimize(objective, n_trials=2, catch=catch)
    else:
        with pytest.raises(UnicodeError):
            study.optimize(objective, n_trials=2, catch=catch)
    assert [t.state for t in study.trials] == [FAIL] * (2 if caught else 1)


def test_pruning_is_not_an_error(storage: BaseStorage) -> None:
    study = a_study(storage)

    def objective(trial: Trial) -> float:
        trial.report(3.0, 1)
        trial.report(2.0, 4)
        raise skipjack.exceptions.TrialPruned("enough")

    study.optimize(objective, n_trials=1)
    assert study.trials[0].state == PRUNED and study.trials[0].value == 2.0
    assert skipjack.TrialPruned is skipjack.exceptions.TrialPruned
    with pytest.raises(ValueError):
        assert study.best_trial


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_run_inside_a_run_of_the_same_study_is_refused(n_jobs: int) -> None:
    study = a_study()

    def objective(trial: Trial) -> float:
        study.optimize(one, n_trials=1)
        return 1.0

    with pytest.raises(RuntimeError, match="must not be called inside"):
        study.optimize(objective, n_trials=1, n_jobs=n_jobs)
    assert study.trials[0].state == FAIL
    with pytest.raises(RuntimeError, match="must not be called inside"):
        study.optimize(
            one, n_trials=1, n_jobs=n_jobs, callbacks=[lambda s, t: s.optimize(one, n_trials=1)]
        )
    study.optimize(one, n_trials=1)


def test_a_study_of_its_own_inside_an_objective_is_fine() -> None:
    study = a_study()

    def objective(trial: Trial) -> float:
        inner = a_study()
        inner.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=3)
        return inner.best_value

    study.optimize(objective, n_trials=2)
    assert len(study.trials) == 2 and study.best_trial.state == COMPLETE


def test_an_objective_may_ask_and_tell_other_trials_and_read_all() -> None:
    study = a_study()

    def objective(trial: Trial) -> float:
        study.tell(study.ask(), 0.5)
        if trial.number == 0:
            study.enqueue_trial({"x": 1.0})
        return trial.suggest_float("x", 0, 1) + len(study.trials)

    study.optimize(objective, n_trials=2)
    assert [t.value for t in study.trials][1::2] == [0.5, 0.5]
    assert [t.state for t in study.trials] == [COMPLETE] * 4
    assert study.trials[2].params == {"x": 1.0} and study.trials[2].value == 5.0


def test_a_trial_that_its_objective_told_keeps_what_was_told(storage: BaseStorage) -> None:
    study = a_study(storage)

    def objective(trial: Trial) -> float:
        study.tell(trial, 1.0)
        return 2.0

    with pytest.raises(ValueError, match="Trial 0 was told already"):
        study.optimize(objective, n_trials=2)
    assert [t.value for t in study.trials] == [1.0]


def test_garbage_is_collected_after_each_trial_if_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda *_: calls.append(1) or 0)
    a_study().optimize(one, n_trials=3)
    assert calls == []
    a_study().optimize(one, n_trials=3, gc_after_trial=True)
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("states", "trials"),
    [((COMPLETE,), 9), (None, 5), ((FAIL,), 7), ([COMPLETE, PRUNED, FAIL], 5), ((), 20)],
)
def test_max_trials_counts_trials_in_states(storage: BaseStorage, states: Any, trials: int) -> None:
    def objective(trial: Trial) -> Any:
        return 1.0 if trial.number % 3 == 2 or trial.number in (1, 4) else None

    study = a_study(storage)
    wanted = 3 if states == (FAIL,) else 5
    study.optimize(objective, n_trials=20, callbacks=[MaxTrialsCallback(wanted, states)])
    expected = next(
        (
            n + 1
            for n in range(20)
            if sum(states is None or t.state in states for t in study.trials[: n + 1]) >= wanted
        ),
        20,
    )
    assert len(study.trials) == expected


def test_max_trials_counts_those_of_all_workers(storage: BaseStorage) -> None:
    study = told(1.0, 2.0, study=a_study(storage, study_name="s"))
    again = a_study(storage, study_name="s", load_if_exists=True)
    again.optimize(one, callbacks=[MaxTrialsCallback(3)])
    assert len(study.trials) == 3
    again.optimize(one, callbacks=[MaxTrialsCallback(n_trials=3)])
    assert len(study.trials) == 4


def test_without_limits_a_run_ends_by_stop_or_error() -> None:
    study = a_study()
    study.optimize(one, callbacks=[lambda s, t: s.stop() if t.number == 20 else None])
    assert len(study.trials) == 21
