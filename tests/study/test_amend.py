"""Trials that are amended or withdrawn after they ended, and restored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import skipjack
from skipjack.records.amendments import AMENDMENTS, is_withdrawn
from skipjack.records.fronts import FrontFold
from skipjack.records.history import History
from skipjack.records.states import TrialState
from skipjack.samplers import RandomSampler
from skipjack.storages.face import LedgerStorage
from skipjack.storages.ledger import Ledger
from skipjack.storages.sqlite import SqliteLog
from skipjack.testing.courses import all_told, told
from skipjack.testing.logs import bits

COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
Made = Callable[..., skipjack.Study]


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    """A function that makes a study, in memory and in a file."""
    storage = None if request.param == "memory" else f"sqlite:///{tmp_path}/study.db"

    def made(**options: Any) -> skipjack.Study:
        return skipjack.create_study(storage=storage, sampler=RandomSampler(seed=1), **options)

    return made


def of_values(study: skipjack.Study, *values: Any) -> skipjack.Study:
    for value in values:
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        trial.set_user_attr("note", "as told")
        study.tell(trial, value)
    return study


def rows(history: History) -> list[Any]:
    """All that samplers and pruners read of a history."""
    columns = (history.numbers, history.states, history.losses, history.values)
    more = (history.constraints, history.violation, history.feasible)
    return [bits(column.tolist()) for column in (*columns, *more)]


# --------------------------------------------------------------------------------------- withdraw


def test_a_withdrawn_trial_counts_no_more_and_keeps_its_number(make: Made) -> None:
    study = of_values(make(), 3.0, 0.0, 2.0)
    assert study.best_trial.number == 1
    withdrawn = study.withdraw_trial(1, "the loss was NaN and became 0")
    assert study.best_trial.number == 2
    assert [t.number for t in study.trials] == [0, 1, 2]
    assert study.trials[1] == withdrawn
    assert (withdrawn.state, withdrawn.values) == (FAIL, None)
    assert withdrawn.params.keys() == {"x"}
    assert withdrawn.user_attrs == {"note": "as told"}
    assert withdrawn.datetime_complete is not None
    assert withdrawn.system_attrs["fail_reason"] == "Withdrawn: the loss was NaN and became 0"
    assert is_withdrawn(withdrawn.system_attrs)
    withdrawn._validate()
    assert study.history.counts == [0, 2, 0, 1, 0]
    assert len(study.get_trials(states=(COMPLETE,))) == 2


def test_restoring_gives_back_what_was_told_to_the_bit(make: Made) -> None:
    study = of_values(make(direction="maximize"), 3.0, -0.0, 5e-324)
    before, columns = [told(t) for t in study.trials], rows(study.history)
    for number in (2, 0, 1):
        study.withdraw_trial(number, "to see")
    with pytest.raises(ValueError, match="No trial is complete yet"):
        study.best_trial  # noqa: B018
    for number in (0, 1, 2):
        study.restore_trial(number)
    assert [told(t) for t in study.trials] == before
    assert rows(study.history) == columns
    assert study.best_trial.number == 0


def test_a_withdrawn_trial_of_several_objectives_leaves_the_front(make: Made) -> None:
    study = of_values(make(directions=["minimize", "maximize"]), (0, 0), (1, 2), (0, 5), (3, 3))
    assert [t.number for t in study.best_trials] == [2]
    study.withdraw_trial(2, "measured wrongly")
    assert [t.number for t in study.best_trials] == [0, 1, 3]
    study.restore_trial(2)
    assert [t.number for t in study.best_trials] == [2]


@pytest.mark.parametrize("state", [PRUNED, FAIL])
def test_pruned_and_failed_trials_can_be_withdrawn_and_restored(
    make: Made, state: TrialState
) -> None:
    study = make()
    trial = study.ask()
    trial.report(1.5, 3)
    before = told(study.tell(trial, state=state))
    assert study.withdraw_trial(trial, "nobody should see it").state is FAIL
    assert told(study.restore_trial(trial)) == before


def test_what_cannot_be_withdrawn_says_why(make: Made) -> None:
    study = of_values(make(), 1.0)
    trial = study.ask()
    with pytest.raises(RuntimeError, match="has not ended yet; tell it first"):
        study.withdraw_trial(trial, "too early")
    with pytest.raises(KeyError, match=r"No trial 2; the study has 2 trials\."):
        study.withdraw_trial(2, "not there")
    with pytest.raises(TypeError, match="`reason` must be a str"):
        study.withdraw_trial(0, None)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ValueError, match="`reason` must say why"):
        study.withdraw_trial(0, " ")
    with pytest.raises(RuntimeError, match="is as it was told; there is nothing to undo"):
        study.restore_trial(0)
    study.withdraw_trial(0, "once")
    for again in (lambda: study.withdraw_trial(0, "twice"), lambda: amend(study, 0, values=2.0)):
        with pytest.raises(RuntimeError, match="Trial 0 is withdrawn; restore it first"):
            again()
    assert [change["reason"] for change in study.trials[0].system_attrs[AMENDMENTS]] == ["once"]


# ------------------------------------------------------------------------------------------ amend


def amend(study: skipjack.Study, number: int, **changes: Any) -> skipjack.trial.FrozenTrial:
    return study.amend_trial(number, reason="a slip", **changes)


def test_an_amended_value_is_the_value(make: Made) -> None:
    study = of_values(make(), 3.0, 0.0, 2.0)
    amended = amend(study, 1, values=7.0, user_attrs={"note": "corrected", "new": [1]})
    assert amended.value == 7.0
    assert amended.user_attrs == {"note": "corrected", "new": [1]}
    assert "fail_reason" not in amended.system_attrs
    assert study.best_trial.number == 2
    assert study.best_value == 2.0
    (note,) = amended.system_attrs[AMENDMENTS]
    assert (note["do"], note["reason"]) == ("amend", "a slip")
    assert json.dumps(note["was"]) == json.dumps(
        {"values": [0.0], "user": {"note": ["as told"], "new": []}}
    )


def test_amendments_are_undone_one_by_one(make: Made) -> None:
    study = of_values(make(), 1.0)
    seen = [told(study.trials[0])]
    for changes in (
        {"values": 2.0},
        {"state": PRUNED},
        {"state": FAIL},
        {"state": COMPLETE, "values": -0.0, "user_attrs": {"b": None}},
        {"constraints": {"c": 2.0}},
    ):
        seen.append(told(amend(study, 0, **changes)))
    study.withdraw_trial(0, "after all")
    assert study.history.best is None
    for expected in reversed(seen):
        assert told(study.restore_trial(0)) == expected
    with pytest.raises(RuntimeError, match="nothing to undo"):
        study.restore_trial(0)


def test_an_amended_state_has_the_reason_of_a_failure(make: Made) -> None:
    study = of_values(make(), 1.0)
    failed = amend(study, 0, state=FAIL)
    assert failed.values is None
    assert failed.system_attrs["fail_reason"] == "a slip"
    complete = amend(study, 0, state=COMPLETE, values=4.0)
    assert complete.value == 4.0
    assert "fail_reason" not in complete.system_attrs


def test_an_amended_constraint_decides_what_is_feasible(make: Made) -> None:
    study = make()
    for value in (1.0, 2.0):
        trial = study.ask()
        trial.set_constraint("c", -1.0)
        study.tell(trial, value)
    assert study.best_trial.number == 0
    amended = amend(study, 0, constraints={"c": 0.5, "d": 0.25})
    assert amended.constraints == {"c": 0.5, "d": 0.25}
    assert study.best_trial.number == 1
    assert study.history.violation.tolist() == [0.75, 0.0]
    study.restore_trial(0)
    assert study.best_trial.number == 0
    assert study.history.violation.tolist() == [0.0, 0.0]


def test_what_cannot_be_amended_says_why(make: Made) -> None:
    study = of_values(make(), 1.0)
    failed = study.ask()
    study.tell(failed, state=FAIL)
    before = [told(t) for t in study.trials]
    for changes, error, words in (
        ({}, ValueError, "Say what to amend"),
        ({"values": float("nan")}, ValueError, "nan is not acceptable"),
        ({"values": [1.0, 2.0]}, ValueError, "did not match the number of the objectives 1"),
        ({"values": "x"}, ValueError, "could not be cast to float"),
        ({"state": TrialState.RUNNING}, ValueError, "`state` must be COMPLETE, PRUNED, FAIL"),
        ({"state": FAIL, "values": 1.0}, ValueError, "is FAIL and cannot have values"),
        ({"user_attrs": {1: 2}}, TypeError, "`key` must be a str"),
        ({"constraints": {"c": float("nan")}}, ValueError, "not be NaN"),
    ):
        with pytest.raises(error, match=words):
            amend(study, 0, **changes)
    with pytest.raises(ValueError, match="has no values, so it cannot be COMPLETE"):
        amend(study, failed.number, state=COMPLETE)
    with pytest.raises(ValueError, match="is FAIL and cannot have values"):
        amend(study, failed.number, values=1.0)
    assert [told(t) for t in study.trials] == before


def test_the_log_refuses_what_json_cannot_keep(tmp_path: Path) -> None:
    study = of_values(skipjack.create_study(storage=f"sqlite:///{tmp_path}/study.db"), 1.0)
    with pytest.raises(TypeError, match="must be JSON values"):
        amend(study, 0, user_attrs={"object": object()})
    assert study.trials[0].user_attrs == {"note": "as told"}


# ---------------------------------------------------------------------------------- who sees it


def test_every_open_process_converges(tmp_path: Path) -> None:
    study = of_values(skipjack.create_study(storage=f"sqlite:///{tmp_path}/study.db"), 3.0, 1.0)
    other = LedgerStorage(Ledger(SqliteLog(tmp_path / "study.db")))
    seen = other.get_all_trials(0, deepcopy=False)
    assert other.get_best_trial(0).number == 1
    study.withdraw_trial(1, "no")
    amend(study, 0, values=5.0)
    assert other.get_best_trial(0).value == 5.0
    assert other.get_n_trials(0, COMPLETE) == 1
    for deepcopy in (True, False):
        shown = other.get_all_trials(0, deepcopy=deepcopy)
        assert [t.values for t in shown] == [[5.0], None]
    assert [t.value for t in seen] == [3.0, 1.0], "what was handed out does not change"
    study.restore_trial(1)
    assert all_told(other, 0) == all_told(study._storage, 0)


def test_of_two_processes_that_withdraw_at_once_one_hears_that_it_came_second(
    tmp_path: Path,
) -> None:
    study = of_values(skipjack.create_study(storage=f"sqlite:///{tmp_path}/study.db"), 3.0, 1.0)
    other = skipjack.load_study(
        study_name=None, storage=LedgerStorage(Ledger(SqliteLog(tmp_path / "study.db")))
    )
    assert len(other.trials) == 2
    study.withdraw_trial(1, "first")
    with pytest.raises(RuntimeError, match="is withdrawn"):
        other.withdraw_trial(1, "second")
    other.restore_trial(1)
    assert study.best_value == 1.0


def test_arrays_that_were_handed_out_stay_what_they_were(make: Made) -> None:
    study = of_values(make(), 3.0, 1.0)
    history = study.history
    states, losses, front = history.states, history.losses, history.derived(FrontFold())
    assert len(front.tags) == 1
    version = history.version
    study.withdraw_trial(1, "no")
    assert states.tolist() == [COMPLETE, COMPLETE]
    assert losses.tolist() == [[3.0], [1.0]]
    assert history.version > version
    assert history.numbers[history.derived(FrontFold()).tags].tolist() == [0]


@pytest.mark.parametrize("name", ["TPESampler", "RandomSampler"])
def test_a_sampler_proposes_as_if_a_withdrawn_trial_had_failed(name: str) -> None:
    def run(fails: bool) -> dict[str, Any]:
        study = skipjack.create_study(sampler=getattr(skipjack.samplers, name)(seed=3))
        for i in range(40):
            trial = study.ask()
            x, y = trial.suggest_float("x", -5, 5), trial.suggest_int("k", 0, 9)
            if i == 7 and fails:
                study.tell(trial, state=FAIL)
            else:
                study.tell(trial, -1e9 if i == 7 else x**2 + y)
            if i == 7 and not fails:
                study.withdraw_trial(i, "an overflow")
        return study.trials[-1].params

    assert run(fails=True) == run(fails=False)


def test_frames_show_what_was_done(make: Made) -> None:
    study = of_values(make(), 3.0, 1.0)
    study.withdraw_trial(1, "no")
    frame = study.trials_dataframe()
    assert frame["state"].tolist() == ["COMPLETE", "FAIL"]
    assert np.isnan(frame["value"][1])
    assert frame["system_attrs_fail_reason"][1] == "Withdrawn: no"


def test_a_copy_of_a_study_can_restore_what_was_withdrawn(make: Made) -> None:
    study = of_values(make(study_name="old"), 3.0, 1.0)
    study.withdraw_trial(1, "no")
    target = skipjack.storages.InMemoryStorage()
    skipjack.copy_study(
        from_study_name="old", from_storage=study._storage, to_storage=target, to_study_name="new"
    )
    copy = skipjack.load_study(study_name="new", storage=target)
    assert copy.best_value == 3.0
    assert told(copy.restore_trial(1)) == told(study.restore_trial(1))
    assert copy.best_value == 1.0


@pytest.mark.parametrize(
    "strange",
    [1, ["x"], [{}], [{"do": "withdraw"}], [{"do": "amend", "time": 0, "reason": "", "was": 1}]],
)
def test_an_attribute_of_that_name_that_is_not_ours_does_no_harm(make: Made, strange: Any) -> None:
    study = make()
    trial = study.ask()
    study._storage.set_trial_system_attr(trial._trial_id, AMENDMENTS, strange)
    study.tell(trial, 1.0)
    with pytest.raises(RuntimeError, match="nothing to undo"):
        study.restore_trial(0)
    study.withdraw_trial(0, "no")
    assert study.restore_trial(0).value == 1.0


CHANGES = st.one_of(
    st.tuples(st.just("withdraw"), st.integers(0, 3), st.just({})),
    st.tuples(st.just("restore"), st.integers(0, 3), st.just({})),
    st.tuples(
        st.just("amend"),
        st.integers(0, 3),
        st.fixed_dictionaries(
            {},
            optional={
                "values": st.floats(allow_nan=False),
                "state": st.sampled_from([COMPLETE, PRUNED, FAIL]),
                "user_attrs": st.dictionaries(st.sampled_from("ab"), st.floats(), min_size=1),
                "constraints": st.just({"c": 1.0}) | st.just({"c": -1.0}),
            },
        ),
    ),
)


@settings(max_examples=60, deadline=None)
@given(changes=st.lists(CHANGES, max_size=12))
def test_whatever_is_changed_is_undone_by_restoring_until_nothing_is_left(
    changes: list[tuple[str, int, dict[str, Any]]],
) -> None:
    study = of_values(skipjack.create_study(), 3.0, 1.0, 2.0, -1.0)
    before, columns, best = [told(t) for t in study.trials], rows(study.history), study.best_value
    for do, number, given_changes in changes:
        try:
            if do == "withdraw":
                study.withdraw_trial(number, "why not")
            elif do == "restore":
                study.restore_trial(number)
            else:
                amend(study, number, **given_changes)
        except (RuntimeError, ValueError):
            continue
        trial = study.trials[number]
        trial._validate()
        history = study.history
        row = int(np.flatnonzero(history.numbers == number)[0])
        assert history.user_values(row) == trial.values
        assert sum(history.counts) == 4
    for number in range(4):
        while AMENDMENTS in study.trials[number].system_attrs:
            study.restore_trial(number)
    assert [told(t) for t in study.trials] == before
    expected = rows(study.history)
    expected[4] = columns[4]  # a column of a constraint that was set once stays, empty
    assert expected == columns
    assert study.best_value == best
