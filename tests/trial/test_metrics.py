"""`Trial.log`, reports of several objectives and of folds: what is kept, and who can read it."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import skipjack
from skipjack.errors import StorageInternalError, UpdateFinishedTrialError
from skipjack.pruners import BasePruner, MedianPruner, SuccessiveHalvingPruner
from skipjack.records.events import METRICS_SINCE
from skipjack.records.replay import StudyState
from skipjack.records.snapshot import of_study, restore_study
from skipjack.records.states import TrialState
from skipjack.storages import BaseStorage, RDBStorage
from skipjack.storages.ledger import Ledger
from skipjack.study import Study
from skipjack.testing.logs import bits
from tests.conftest import Require
from tests.studies import a_study

TWO = {"directions": ["minimize", "maximize"]}
STEPS = st.integers(0, 2**40)
NAMES = st.sampled_from(["acc", "loss", "fold 0", "é.1"])


def reopened(study: Study) -> Study:
    """The study as another process would see it; the same one in memory."""
    return skipjack.load_study(study_name=study.study_name, storage=study._storage)


# ------------------------------------------------------------------------------------------- log


def test_metrics_are_seen_before_and_after_the_end(storage: BaseStorage) -> None:
    study = a_study(storage)
    trial = study.ask()
    trial.log({"acc": 0.5, "loss": math.nan}, step=1)
    trial.log({"acc": np.float32(0.75)}, 4)
    expected = {"acc": {1: 0.5, 4: 0.75}, "loss": {1: math.nan}}
    for found in (
        trial.metrics,
        study.trials[0].metrics,
        study.tell(trial, 1.0).metrics,
        study.get_trials(deepcopy=False)[0].metrics,
        study.best_trial.metrics,
        reopened(study).trials[0].metrics,
    ):
        assert bits(found) == bits(expected) and list(found) == ["acc", "loss"]
    assert study.trials[0].intermediate_values == study.trials[0].system_attrs == {}
    assert {name: list(of) for name, of in study.history.metrics.items()} == {
        "acc": [0],
        "loss": [0],
    }


def test_metrics_are_copies(storage: BaseStorage) -> None:
    study = a_study(storage)
    trial = study.ask()
    trial.log({"acc": 0.5}, 0)
    for owner in (lambda: trial, lambda: study.trials[0], lambda: study.tell(trial, 1.0)):
        owner().metrics["acc"][0] = 7.0
        owner = study.trials[0]
        owner.metrics.clear()
    assert study.trials[0].metrics == {"acc": {0: 0.5}}


def test_without_a_step_the_next_one_is_taken() -> None:
    trial = a_study().ask()
    trial.log({"a": 1.0})
    trial.log({"b": 2.0})
    trial.log({"a": 3.0}, 7)
    trial.log({"a": 4.0, "b": 5.0})
    assert trial.metrics == {"a": {0: 1.0, 7: 3.0, 8: 4.0}, "b": {1: 2.0, 8: 5.0}}


def test_without_a_step_nothing_is_lost_after_steps_in_another_order() -> None:
    for trial in (a_study().ask(), skipjack.trial.FixedTrial({})):
        for step in (5, 3, None, None):
            trial.log({"a": 1.0 if step is None else float(step)}, step)
        assert len(trial.metrics["a"]) == 4


def test_steps_are_those_that_an_array_holds(tmp_path: Path) -> None:
    study = a_study(storage=f"sqlite:///{tmp_path}/s.db")
    trial = study.ask()
    writes: list[Any] = [
        lambda: trial.report(1.0, 2**63),
        lambda: trial.log({"a": 1.0}, 2**63),
        lambda: study.add_trial(
            skipjack.trial.create_trial(value=1.0, intermediate_values={2**64: 1.0})
        ),
    ]
    for write in writes:
        with pytest.raises(ValueError, match="`step` must be below"):
            write()
    trial.report(1.0, 2**63 - 1)
    study.tell(trial, 1.0)
    assert study.trials[0].intermediate_values == {2**63 - 1: 1.0}


def test_a_huge_fold_is_no_matter() -> None:
    study = a_study(pruner=MedianPruner())
    trial = study.ask()
    trial.report(1.0, 0, fold=2**60)
    assert not trial.should_prune()


def test_of_two_values_for_a_step_the_first_counts() -> None:
    trial = a_study().ask()
    trial.log({"a": 1.0}, 0)
    with pytest.warns(UserWarning, match="'a' was logged at step 0") as caught:
        trial.log({"a": 2.0, "b": 3.0}, 0)
    assert caught[0].filename == __file__
    assert trial.metrics == {"a": {0: 1.0}, "b": {0: 3.0}}


@pytest.mark.parametrize(
    ("metrics", "step", "error"),
    [
        (0.5, 0, TypeError),
        ([("a", 1.0)], 0, TypeError),
        ({"a": "x"}, 0, TypeError),
        ({"a": None}, 0, TypeError),
        ({"a": [1.0]}, 0, TypeError),
        ({3: 1.0}, 0, TypeError),
        ({"": 1.0}, 0, ValueError),
        ({"a": 1.0}, -1, ValueError),
        ({"a": 1.0}, "x", TypeError),
        ({"b": 1.0, "a": "x"}, 0, TypeError),
    ],
)
def test_other_metrics_are_refused_whole(metrics: Any, step: Any, error: type[Exception]) -> None:
    trial = a_study().ask()
    with pytest.raises(error, match=r"must"):
        trial.log(metrics, step)
    assert trial.metrics == {}


@pytest.mark.parametrize("directions", [["minimize"], TWO["directions"]])
def test_a_finished_trial_takes_nothing_more(directions: list[str]) -> None:
    study = a_study(directions=directions)
    trial = study.ask()
    study.tell(trial, [1.0] * len(directions))
    with pytest.raises(UpdateFinishedTrialError):
        trial.log({"a": 1.0}, 0)
    with pytest.raises(UpdateFinishedTrialError):
        trial.report([1.0, 2.0] if len(directions) > 1 else 1.0, 0)


def test_a_study_of_old_says_that_it_keeps_no_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skipjack.storages.ledger.RULES", METRICS_SINCE - 1)
    study = a_study(**TWO)
    trial = study.ask()
    for write in (lambda: trial.log({"a": 1.0}, 0), lambda: trial.report([1.0, 2.0], 0)):
        with pytest.raises(NotImplementedError, match="copy_study"):
            write()
    assert not trial.metrics and not trial.intermediate_values


def test_nothing_is_lost_that_is_put_into_a_study_of_old(monkeypatch: pytest.MonkeyPatch) -> None:
    study = a_study(**TWO)
    trial = study.ask()
    trial.log({"a": 1.0}, 0)
    trial.report([1.0, 2.0], 3)
    told = study.tell(trial, [1.0, 2.0])
    monkeypatch.setattr("skipjack.storages.ledger.RULES", METRICS_SINCE - 1)
    old = a_study(**TWO)
    old.add_trial(told)
    monkeypatch.undo()
    assert old.trials[0].metrics == {} and "metrics:a" in old.trials[0].system_attrs
    new = a_study(**TWO)
    new.add_trials(old.trials)
    assert new.trials[0].metrics == told.metrics and new.trials[0].system_attrs == {}
    assert new.trials[0].intermediate_values == told.intermediate_values


def test_fixed_and_frozen_trials_are_asked_the_same() -> None:
    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 1)
        for step in range(3):
            trial.report(x + step, step)
            trial.log({"twice": 2 * x})
            trial.report(x, step, fold=1)
            best = min(trial.intermediate_values.values())
            assert best == x and trial.metrics["twice"][0] == 2 * x
            assert not trial.should_prune()
        return best

    study = a_study()
    study.optimize(objective, n_trials=1)
    frozen, fixed = study.trials[0], skipjack.trial.FixedTrial({"x": 0.25})
    before = copy.deepcopy(frozen)
    assert objective(frozen) == frozen.value and frozen == before
    assert objective(fixed) == 0.25
    assert fixed.metrics == {
        "twice": {0: 0.5, 1: 0.5, 2: 0.5},
        "fold 1": dict.fromkeys(range(3), 0.25),
    }
    assert fixed.intermediate_values == {0: 0.25, 1: 1.25, 2: 2.25}


def test_trials_with_other_metrics_are_not_equal() -> None:
    study = a_study()
    trial = study.ask()
    trial.log({"a": math.nan}, 0)
    one, other = study.trials[0], study.trials[0]
    assert one == other == pickle.loads(pickle.dumps(one))
    other.metrics["a"][0] = 1.0
    assert one != other


def test_the_objective_reads_the_best_value_and_its_own_history() -> None:
    seen = []

    def objective(trial: skipjack.Trial) -> float:
        done = trial.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        seen.append(trial.study.best_value if done else None)
        trial.report(5.0 - trial.number, 0)
        assert trial.intermediate_values == {0: 5.0 - trial.number}
        trial.intermediate_values[0] = 9.0  # a copy
        return trial.intermediate_values[0]

    a_study().optimize(objective, n_trials=3)
    assert seen == [None, 5.0, 4.0]


# ------------------------------------------------------------------------------ several objectives


def test_lists_are_reported_with_several_objectives(storage: BaseStorage) -> None:
    study = a_study(storage, **TWO)
    trial = study.ask()
    trial.report([1, math.nan], 0)
    trial.report(np.array([0.5, math.inf]), 3)
    expected = {0: [1.0, math.nan], 3: [0.5, math.inf]}
    for found in (
        trial.intermediate_values,
        study.trials[0].intermediate_values,
        study.tell(trial, [1.0, 2.0]).intermediate_values,
        reopened(study).trials[0].intermediate_values,
    ):
        assert bits(found) == bits(expected)
    study.trials[0].intermediate_values[3][0] = 7.0
    trial.intermediate_values[3][0] = 7.0
    assert study.trials[0].intermediate_values[3] == [0.5, math.inf]
    assert study.trials[0].last_step == 3
    steps, values = study.history.curves[0]
    assert steps.tolist() == [0, 3] and values.shape == (2, 2)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (1.0, NotImplementedError),
        ("12", NotImplementedError),
        (np.float64(1.0), NotImplementedError),
        (np.array(1.0), NotImplementedError),
        (None, NotImplementedError),
        ([1.0], ValueError),
        ([1.0, 2.0, 3.0], ValueError),
        ([1.0, "x"], TypeError),
        ([1.0, None], TypeError),
        ({1: 2.0, 3: 4.0}, TypeError),
        ({1.0, 2.0}, TypeError),
    ],
)
def test_other_reports_are_refused(value: Any, error: type[Exception]) -> None:
    trial = a_study(**TWO).ask()
    with pytest.raises(error, match="`report`|`value` must"):
        trial.report(value, 0)
    assert trial.intermediate_values == {}
    with pytest.raises(TypeError):
        a_study().ask().report([1.0, 2.0], 0)  # type: ignore[arg-type]


def test_of_two_lists_for_a_step_the_first_counts() -> None:
    trial = a_study(**TWO).ask()
    trial.report([1.0, 2.0], 3)
    with pytest.warns(UserWarning, match="Step 3") as caught:
        trial.report([2.0, 3.0], 3)
    assert caught[0].filename == __file__
    assert trial.intermediate_values == {3: [1.0, 2.0]}


def test_a_pruned_trial_takes_its_last_reports(storage: BaseStorage) -> None:
    study = a_study(storage, **TWO)
    for last in ([3.0, 4.0], [math.nan, 4.0]):
        trial = study.ask()
        trial.report([1.0, 2.0], 0)
        trial.report(last, 1)
        study.tell(trial, state=TrialState.PRUNED)
    assert [t.values for t in reopened(study).trials] == [[3.0, 4.0], None]
    assert study.best_trials == []


def test_a_number_that_was_added_with_several_objectives_stays() -> None:
    study = a_study(**TWO)
    study.add_trial(skipjack.create_trial(values=[1.0, 2.0], intermediate_values={0: 0.5}))
    with pytest.raises(ValueError, match="`intermediate_values` must hold a list of 2"):
        wrong: Any = {0: [1.0]}
        study.add_trial(skipjack.create_trial(values=[1.0, 2.0], intermediate_values=wrong))
    assert [t.intermediate_values for t in study.trials] == [{0: 0.5}]


# ------------------------------------------------------------------------------------------ folds


def test_folds_have_steps_of_their_own(storage: BaseStorage) -> None:
    study = a_study(storage)
    trial = study.ask()
    for fold in range(2):
        for step in range(3):
            trial.report(10.0 * fold + step, step, fold=fold)
    study.tell(trial, state=TrialState.PRUNED)
    found = reopened(study).trials[0]
    assert found.metrics == {
        "fold 0": {0: 0.0, 1: 1.0, 2: 2.0},
        "fold 1": {0: 10.0, 1: 11.0, 2: 12.0},
    }
    assert found.value == 7.0 and found.intermediate_values == {}


@pytest.mark.parametrize(
    ("fold", "error"), [(-1, ValueError), ("x", TypeError), (1.5e400, TypeError)]
)
def test_other_folds_are_refused(fold: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`fold` must"):
        a_study().ask().report(1.0, 0, fold=fold)
    with pytest.raises(NotImplementedError, match="`fold`"):
        a_study(**TWO).ask().report(1.0, 0, fold=0)


# ----------------------------------------------------------------------------------------- replay


@given(
    st.lists(
        st.tuples(STEPS, st.lists(st.floats(), min_size=2, max_size=2)),
        max_size=5,
        unique_by=lambda report: report[0],
    ),
    st.lists(st.tuples(NAMES, STEPS, st.floats()), max_size=8, unique_by=lambda one: one[:2]),
    st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, None]),
)
def test_a_replay_gives_the_same_reports_and_metrics(
    reports: list[Any], logged: list[Any], end: TrialState | None
) -> None:
    study = a_study(**TWO)
    events = [{"do": "create", "time": 1.0}]
    trial = study.ask()
    for step, values in reports:
        trial.report(values, step)
        events.append({"do": "write", "n": 0, "reports": [[step, list(values)]]})
    for name, step, value in logged:
        trial.log({name: value}, step)
        events.append({"do": "write", "n": 0, "metrics": {name: [[step, value]]}})
    if end is not None:
        values = [1.0, 2.0] if end is TrialState.COMPLETE else None
        study.tell(trial, values, end)
        told = study.trials[0].values
        events.append({"do": "tell", "n": 0, "time": 2.0, "state": int(end), "values": told})
    replayed, restored = StudyState(0, [1, 2]), StudyState(0, [1, 2])
    for i, event in enumerate(events, 1):
        replayed.apply("w", i, [event], False)
    restore_study(restored, of_study(replayed))
    here = study.trials[0]
    for there in (replayed.frozen(0), restored.frozen(0)):
        assert bits(there.intermediate_values) == bits(here.intermediate_values)
        assert bits(there.metrics) == bits(here.metrics)
        assert list(there.metrics) == list(here.metrics)
    for step, _ in reports:
        columns = [state.history.curves.at(step).tolist() for state in (replayed, restored)]
        assert bits(columns[0]) == bits(columns[1])
        assert len(columns[0]) == (2 if end is TrialState.COMPLETE else 0)


def test_what_is_reported_beyond_a_snapshot_can_be_compared() -> None:
    state, restored = StudyState(0, [1]), StudyState(0, [1])
    for n in range(3):
        content = {"reports": [[0, float(n)]], "metrics": {"a": [[0, 2.0 * n]]}}
        event = {"do": "add", "time": 1.0, "start": 0.0, "state": 1, "values": [1.0], **content}
        state.apply("w", n + 1, [event], False)
    restore_study(restored, of_study(state))
    assert restored.history.curves.at(0).tolist() == [0.0, 1.0, 2.0]
    assert restored.history.metrics["a"].at(0).tolist() == [0.0, 2.0, 4.0]
    restored.apply("w", 4, [{"do": "amend", "n": 1, "time": 2.0, "reason": "", "state": 2}], False)
    assert restored.history.curves.at(0).tolist() == [0.0, 2.0]
    assert restored.history.metrics["a"].at(0).tolist() == [0.0, 4.0]
    assert restored.frozen(1).metrics == {"a": {0: 2.0}}


# -------------------------------------------------------------------------- a storage that is away


class Watching(BasePruner):
    """Reads all trials."""

    def prune(self, study: Any, trial: Any) -> bool:
        return len(study.trials) > 100


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Whether the storage is away: set its first item."""
    is_away = [False]
    commit, catch_up = Ledger.commit, Ledger._catch_up

    def broken(of: Any) -> Any:
        def call(self: Ledger, *args: Any, **kwargs: Any) -> Any:
            if is_away[0]:
                raise StorageInternalError("The database is gone.")
            return of(self, *args, **kwargs)

        return call

    monkeypatch.setattr(Ledger, "commit", broken(commit))
    monkeypatch.setattr(Ledger, "_catch_up", broken(catch_up))
    yield is_away
    is_away[0] = False


@pytest.mark.parametrize("pruner", [MedianPruner(), SuccessiveHalvingPruner(), Watching()])
def test_a_trial_goes_on_while_the_storage_cannot_be_asked(
    tmp_path: Path, away: list[bool], pruner: BasePruner
) -> None:
    study = a_study(RDBStorage(f"sqlite:///{tmp_path}/a.db"), pruner=pruner)

    def objective(trial: skipjack.Trial) -> float:
        trial.report(1.0, 0)
        away[0] = True
        assert trial.should_prune() is False
        trial.report(2.0, 1)
        away[0] = False
        assert trial.should_prune() is False
        return 1.0

    study.optimize(objective, n_trials=1)
    assert study.trials[0].state == TrialState.COMPLETE
    assert reopened(study).trials[0].intermediate_values == {0: 1.0, 1: 2.0}


def test_an_error_of_a_users_pruner_is_the_users(tmp_path: Path) -> None:
    class Broken(BasePruner):
        def prune(self, study: Any, trial: Any) -> bool:
            raise ZeroDivisionError

    trial = a_study(pruner=Broken()).ask()
    trial.report(1.0, 0)
    with pytest.raises(ZeroDivisionError):
        trial.should_prune()


# ----------------------------------------------------------------------------------------- frames


def test_frames_have_the_last_value_of_each_metric(require: Require) -> None:
    require("pandas")
    study = a_study()
    for n in range(2):
        trial = study.ask()
        trial.log({"acc": 0.5 + n}, 0)
        trial.log({"acc": 0.75 + n, **({"loss": 1.0} if n else {})}, 5)
        study.tell(trial, 1.0)
    frame = study.trials_dataframe()
    assert frame["metrics_acc"].tolist() == [0.75, 1.75]
    assert np.isnan(frame["metrics_loss"][0]) and frame["metrics_loss"][1] == 1.0
    assert list(study.trials_dataframe(("metrics",), multi_index=True)) == [
        ("metrics", "acc"),
        ("metrics", "loss"),
    ]
    assert "metrics_acc" not in study.trials_dataframe(("number", "params"))
    assert not [c for c in a_study().trials_dataframe() if "metrics" in c]
