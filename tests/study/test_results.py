"""What a study tells of its trials: the best, all, some, and the front."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipjack.storages import BaseStorage
from skipjack.study import Study, StudyDirection, _multi_objective
from skipjack.trial import FrozenTrial, TrialState, create_trial
from tests.studies import a_study, told

COMPLETE = TrialState.COMPLETE
coarse = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0, np.inf])
outcomes = st.tuples(
    st.sampled_from([COMPLETE, COMPLETE, TrialState.PRUNED, TrialState.FAIL]),
    coarse,
    st.sampled_from([None, -1.0, 0.0, 0.1]),
)


def filled(rows: list[tuple[TrialState, Any, float | None]], study: Study) -> Study:
    for state, value, constraint in rows:
        trial = study.ask()
        if constraint is not None:
            trial.set_constraint("c", constraint)
        if state == TrialState.PRUNED and len(study.directions) == 1:
            trial.report(value, 0)
        study.tell(trial, value if state == COMPLETE else None, state)
    return study


@given(st.lists(outcomes, max_size=12), st.booleans())
def test_the_best_trial_is_complete_feasible_and_the_first_of_its_value(
    rows: list[Any], maximise: bool
) -> None:
    study = filled(rows, a_study(direction="maximize" if maximise else "minimize"))
    sign = -1 if maximise else 1
    fit = [
        (sign * value, number)
        for number, (state, value, constraint) in enumerate(rows)
        if state == COMPLETE and (constraint or 0) <= 0
    ]
    if fit:
        assert study.best_trial.number == min(fit)[1]
        assert study.best_value == study.best_trial.value == rows[min(fit)[1]][1]
        lowest = [number for loss, number in fit if loss == min(fit)[0]]
        assert [t.number for t in study.best_trials] == lowest
    else:
        assert study.best_trials == []
        for question in ("best_trial", "best_value", "best_params"):
            with pytest.raises(ValueError):
                getattr(study, question)


def test_no_complete_and_no_feasible_trial_are_told_apart() -> None:
    with pytest.raises(ValueError, match="No trial is complete"):
        assert a_study().best_trial
    study = filled([(COMPLETE, 1.0, 2.0)], a_study())
    with pytest.raises(ValueError, match="feasible|constraint"):
        assert study.best_trial


def test_best_params_are_those_of_the_best_trial_in_order(storage: BaseStorage) -> None:
    study = a_study(storage)
    study.optimize(lambda t: t.suggest_float("z", 0, 1) + t.suggest_int("a", 0, 1) * 0, n_trials=5)
    assert list(study.best_params) == ["z", "a"] and study.best_params["z"] == study.best_value
    study.best_params.clear()
    assert list(study.best_params) == ["z", "a"]


@pytest.mark.parametrize("question", ["best_trial", "best_value", "best_params", "direction"])
def test_questions_of_one_objective_are_a_runtime_error_with_several(question: str) -> None:
    study = a_study(directions=["minimize", "minimize"])
    study.tell(study.ask(), [1.0, 2.0])
    with pytest.raises(RuntimeError, match="best_trials|directions"):
        getattr(study, question)


points = st.lists(st.tuples(coarse, coarse, coarse), max_size=10)


@given(points, st.sets(st.integers(0, 9)), st.lists(st.booleans(), min_size=3, max_size=3))
def test_the_front_is_every_feasible_trial_that_no_other_dominates(
    rows: list[tuple[float, ...]], infeasible: set[int], maximised: list[bool]
) -> None:
    directions = ["maximize" if m else "minimize" for m in maximised]
    constraints = [1.0 if n in infeasible else None for n in range(len(rows))]
    study = filled(
        [(COMPLETE, row, c) for row, c in zip(rows, constraints)], a_study(directions=directions)
    )
    trials = study.trials

    def front(of: list[FrozenTrial]) -> list[int]:
        return [
            t.number
            for t in of
            if not any(_multi_objective._dominates(o, t, study.directions) for o in of)
        ]

    fit = [t for t in trials if t.number not in infeasible]
    assert [t.number for t in study.best_trials] == front(fit)
    get = _multi_objective._get_pareto_front_trials
    assert [t.number for t in get(study)] == front(trials)
    assert get(study, consider_constraint=True) == study.best_trials


def test_all_trials_or_those_in_some_states_by_number(storage: BaseStorage) -> None:
    study = told(1.0, 2.0, study=a_study(storage))
    study.ask()
    study.tell(study.ask(), state=TrialState.FAIL)
    study.enqueue_trial({})
    assert [t.number for t in study.trials] == [0, 1, 2, 3, 4]
    assert study.get_trials() == study.trials == study._get_trials(use_cache=True)
    for deepcopy in (True, False):
        some = study.get_trials(deepcopy, (COMPLETE, TrialState.WAITING))
        assert [t.number for t in some] == [0, 1, 4]
        assert study.get_trials(deepcopy, states=()) == []
        assert [t.number for t in study.get_trials(deepcopy, [TrialState.RUNNING])] == [2]
        assert [t.number for t in study.get_trials(deepcopy, {TrialState.FAIL})] == [3]
    with pytest.raises(TypeError, match="`states` must"):
        study.get_trials(states=3)  # type: ignore[arg-type]


def test_without_deepcopy_finished_trials_are_shared(storage: BaseStorage) -> None:
    study = told(1.0, study=a_study(storage))
    running = study.ask()
    first = study.get_trials(deepcopy=False)
    again = study.get_trials(deepcopy=False)
    assert first is not again and first[0] is again[0]
    running.suggest_float("x", 0, 1)
    assert list(study.get_trials(deepcopy=False)[1].params) == ["x"]
    study.tell(running, 2.0)
    assert study.get_trials(deepcopy=False)[1].value == 2.0
    assert study.get_trials(deepcopy=False)[0] is first[0]
    assert study.trials[0] is not study.trials[0]


def test_trials_belong_to_the_caller(storage: BaseStorage) -> None:
    study = a_study(storage)
    study.tell(study.ask(), 1.0)
    for found in (study.trials[0], study.best_trial, study.best_trials[0]):
        found.user_attrs["k"] = found.params["x"] = found.intermediate_values[0] = 1
        found.distributions["x"] = 1  # type: ignore[assignment]
        assert found.values is not None
        found.values[0] = 9.0
    assert study.trials[0].user_attrs == study.trials[0].params == {}
    assert study.best_value == 1.0 and study.trials[0].intermediate_values == {}


def test_a_new_best_is_seen_at_once_by_every_handle(storage: BaseStorage) -> None:
    study = told(1.0, study=a_study(storage, study_name="s"))
    other = a_study(storage, study_name="s", load_if_exists=True)
    assert other.best_value == 1.0
    study.add_trial(create_trial(value=0.5))
    assert other.best_value == study.best_value == 0.5 and len(other.trials) == 2


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_a_copy_of_a_study_in_memory_goes_on_by_itself(copied: Any) -> None:
    def objective(trial: Any) -> float:
        return trial.suggest_float("x", -1, 1) ** 2 + trial.suggest_int("i", 0, 3)

    study = a_study(study_name="s")
    study.set_user_attr("k", 1)
    study.enqueue_trial({"x": 0.5, "i": 1})
    study.optimize(objective, n_trials=6)
    other = copied(study)
    assert other.trials == study.trials and other.user_attrs == {"k": 1}
    assert other.best_trial == study.best_trial and other.study_name == "s"
    study.optimize(objective, n_trials=6)
    assert len(other.trials) == 6
    other.optimize(objective, n_trials=6)
    assert [t.params for t in other.trials] == [t.params for t in study.trials]
    other.enqueue_trial(study.best_params, skip_if_exists=True)
    assert len(other.trials) == 12


def test_a_pickled_study_in_a_file_is_the_same_study(tmp_path: Path) -> None:
    study = told(1.0, study=a_study(f"sqlite:///{tmp_path / 'a.db'}"))
    other = pickle.loads(pickle.dumps(study))
    told(0.5, study=other)
    assert study.best_value == 0.5 and len(study.trials) == 2


def test_a_study_can_be_pickled_within_an_objective() -> None:
    study = a_study()

    def objective(trial: Any) -> float:
        return float(len(pickle.loads(pickle.dumps(study)).trials))

    study.optimize(objective, n_trials=2)
    assert [t.value for t in study.trials] == [1.0, 2.0]


def test_a_notebook_shows_the_study_as_a_table() -> None:
    study = a_study(study_name="<i>", direction="maximize")
    assert "Study &lt;i&gt;" in study._repr_html_() and "maximize" in study._repr_html_()
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)
    html = study._repr_html_()
    assert html.startswith("<table>") and "Best value" in html and str(study.best_value) in html
    several = a_study(directions=["minimize", "maximize"])
    assert "minimize, maximize" in several._repr_html_()


def test_dominance_is_of_complete_trials_with_a_value_per_direction() -> None:
    directions = [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE]
    dominates = _multi_objective._dominates
    one, other = create_trial(values=[1, 2]), create_trial(values=[1, 1])
    failed = create_trial(state=TrialState.FAIL)
    assert dominates(one, other, directions) and not dominates(other, one, directions)
    assert not dominates(one, one, directions)
    assert dominates(other, failed, directions) and not dominates(failed, failed, directions)
    assert not dominates(failed, other, directions)
    for wrong in ([1], [1, 2, 3]):
        with pytest.raises(ValueError):
            dominates(one, create_trial(values=wrong), directions)
        with pytest.raises(ValueError):
            dominates(create_trial(values=wrong), failed, directions)


losses = st.integers(1, 3).flatmap(
    lambda m: st.lists(st.lists(coarse, min_size=m, max_size=m), min_size=1, max_size=9)
)


@given(losses, st.data())
def test_ranks_put_what_is_feasible_first_and_what_is_unknown_last(
    rows: list[list[float]], data: st.DataObject
) -> None:
    rank = _multi_objective._fast_non_domination_rank
    points_ = np.array(rows)
    ranks = rank(points_)
    assert (_multi_objective._is_pareto_front(points_, False) == (ranks == 0)).all()
    penalty = np.array(
        data.draw(
            st.lists(
                st.sampled_from([np.nan, 0.0, -1.0, 1.0, 2.0]),
                min_size=len(rows),
                max_size=len(rows),
            )
        )
    )
    found = rank(points_, penalty=penalty)
    feasible, violating, unknown = penalty <= 0, penalty > 0, np.isnan(penalty)
    top = -1
    for members, expected in (
        (feasible, rank(points_[feasible]) if feasible.any() else None),
        (violating, rank(penalty[violating][:, None]) if violating.any() else None),
        (unknown, rank(points_[unknown]) if unknown.any() else None),
    ):
        if expected is not None:
            assert (found[members] == expected + top + 1).all()
            top = int(found[members].max())
    n = data.draw(st.integers(0, len(rows)))
    first = rank(points_, penalty=penalty, n_below=n)
    best = np.argsort(found, kind="stable")[:n]
    assert (first[best] == found[best]).all()
    with pytest.raises(ValueError, match="`penalty` must"):
        rank(points_, penalty=np.zeros(len(rows) + 1))
