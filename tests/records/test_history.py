import math
from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipjack.distributions import FloatDistribution, IntDistribution
from skipjack.records.attributes import constraints_of
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.records.states import StudyDirection, TrialState
from tests.histories import POOL, Params, Past, drawn_params, drawn_trials

X, N = FloatDistribution(0, 1), IntDistribution(0, 9)
EVERYTHING = ("values", "losses", "constraints", "numbers", "states", "start", "end", "violation")


def past_of(trials: list[dict[str, Any]]) -> Past:
    past = Past()
    for trial in trials:
        past.add(**trial)
    return past


class TestColumns:
    def test_a_new_history_is_empty(self) -> None:
        history = Past().history
        assert len(history) == 0 and len(history.space) == 0
        assert history.values.shape == (0, 0) and history.losses.shape == (0, 1)
        assert history.unit(Space({"x": X})).shape == (0, 1)

    @given(drawn_trials())
    def test_every_row_says_what_its_trial_had(self, trials: list[dict[str, Any]]) -> None:
        history = past_of(trials).history
        assert len(history) == len(trials)
        for row, trial in enumerate(trials):
            layout, values = history.internal(row)
            assert list(layout.names) == list(trial["params"])
            assert list(layout.dists) == [dist for dist, _ in trial["params"].values()]
            assert values == [value for _, value in trial["params"].values()]
            assert history.user_values(row) == trial["values"]
            given = constraints_of(trial.get("system", {}))
            assert history.violation[row] == sum(max(v, 0.0) for v in given.values())
            assert history.feasible[row] == all(v <= 0 for v in given.values())
            reports = dict(trial.get("reports", ()))
            steps, reported = history.curves.get(row, (np.array([]), np.array([])))
            np.testing.assert_array_equal(steps, list(reports))
            np.testing.assert_array_equal(reported, list(reports.values()))
            for name, dists in POOL.items():
                for dist in dists:
                    had = trial["params"].get(name)
                    same = had is not None and had[0].family == dist.family
                    assert history.having(name, dist)[row] == same
        assert history.states.tolist() == [trial["state"] for trial in trials]
        assert history.numbers.tolist() == list(range(len(trials)))
        for state in TrialState:
            assert history.counts[state] == len(history.where(state))

    @given(drawn_trials())
    def test_the_best_is_the_first_of_the_lowest_feasible_losses(
        self, trials: list[dict[str, Any]]
    ) -> None:
        history = past_of(trials).history
        eligible = [
            (trial["values"][0], row)
            for row, trial in enumerate(trials)
            if trial["state"] == TrialState.COMPLETE and history.feasible[row]
        ]
        assert history.best == (min(eligible)[1] if eligible else None)

    def test_rows_stand_in_the_order_in_which_trials_finish(self) -> None:
        past = Past()
        for i in range(3):
            past.run({"x": (X, i / 4)})
        for number in (2, 0, 1):
            past.tell(number, [float(number)])
        assert past.history.numbers.tolist() == [2, 0, 1]
        assert past.history.values.ravel().tolist() == [0.5, 0.0, 0.25]
        assert past.history.numbers[past.history.best] == 0

    def test_losses_are_minimised(self) -> None:
        past = Past(StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE)
        past.add({}, [1.0, 2.0])
        past.add({}, None, TrialState.FAIL)
        np.testing.assert_array_equal(past.history.losses, [[-1.0, 2.0], [np.nan, np.nan]])
        assert past.history.user_values(0) == [1.0, 2.0]
        assert past.history.user_values(1) is None

    def test_times_that_are_not_known_are_nan(self) -> None:
        past = Past()
        past.apply(do="add", time=None, start=None, state=1, values=[0.0])
        assert math.isnan(past.history.start[0]) and math.isnan(past.history.end[0])
        assert past.history.row(0) == (0, 1, None, None)

    def test_constraint_keys_may_appear_later(self) -> None:
        past = Past()
        past.add({}, system={"constraints:u": -1.0})
        past.add({}, system={"constraints:v": 2.0, "constraints:u": 0.5})
        past.add({}, system={"constraints": [0.0, 3.0]})  # Optuna 4
        past.add({})
        history = past.history
        assert list(history.constraint_keys) == ["u", "v", "0", "1"]
        nan = math.nan
        np.testing.assert_array_equal(
            history.constraints,
            [[-1.0, nan, nan, nan], [0.5, 2.0, nan, nan], [nan, nan, 0.0, 3.0], [nan] * 4],
        )
        assert history.violation.tolist() == [0.0, 2.5, 3.0, 0.0]
        assert history.feasible.tolist() == [True, False, False, True]

    @given(drawn_trials())
    def test_what_was_read_once_never_changes(self, trials: list[dict[str, Any]]) -> None:
        past, read = Past(), []
        for trial in trials * 4:  # grows several times, and gets wider in between
            past.add(**trial)
            views = [getattr(past.history, name) for name in EVERYTHING]
            views.append(past.history.unit(past.history.space))
            read.append((views, [view.copy() for view in views]))
        for views, copies in read:
            for view, copied in zip(views, copies, strict=True):
                np.testing.assert_array_equal(view, copied)

    def test_many_parameters_and_trials_keep_their_values(self) -> None:
        past = Past()
        for i in range(100):
            past.add({f"x{j}": (X, j / 100 + i / 1e4) for j in range(i % 40)})
        for i in range(100):
            _, values = past.history.internal(i)
            assert values == [j / 100 + i / 1e4 for j in range(i % 40)]
            assert np.isnan(past.history.values[i, i % 40 :]).all()


class TestSpaces:
    @given(drawn_trials())
    def test_the_space_has_each_parameter_with_its_latest_distribution(
        self, trials: list[dict[str, Any]]
    ) -> None:
        past, latest = Past(), {}
        for trial in trials:
            past.add(**trial)
            latest.update({name: dist for name, (dist, _) in trial["params"].items()})
            assert list(past.history.space.items()) == list(latest.items())

    def test_the_space_is_the_same_object_while_nothing_new_appears(self) -> None:
        past = Past()
        past.add({"x": (X, 0.5)})
        space = past.history.space
        past.add({"x": (X, 0.25)})
        assert past.history.space is space

    @given(drawn_trials(), st.lists(drawn_params(), min_size=1, max_size=12))
    def test_units_are_the_same_cached_and_by_rows(
        self, trials: list[dict[str, Any]], others: list[Params]
    ) -> None:
        past = Past()
        spaces = [Space({name: dist for name, (dist, _) in p.items()}) for p in others]
        for trial in trials:
            past.add(**trial)
            rows = np.arange(len(past.history))
            for space in [past.history.space, *spaces]:
                cached = past.history.unit(space)
                assert cached.shape == (len(past.history), len(space))
                np.testing.assert_array_equal(cached, past.history.unit(space, rows))

    @given(drawn_trials())
    def test_a_unit_is_the_place_of_the_value_where_there_is_one(
        self, trials: list[dict[str, Any]]
    ) -> None:
        history = past_of(trials).history
        space = history.space
        places = history.unit(space)
        for row, trial in enumerate(trials):
            for column, (name, dist) in enumerate(space.items()):
                had = trial["params"].get(name)
                inside = (
                    had is not None
                    and had[0].family == dist.family
                    and dist.axis.low <= had[1] <= dist.axis.high
                )
                assert np.isnan(places[row, column]) == (not inside)


class Sum:
    """A fold that adds up values, and counts how often it was started."""

    starts = 0

    def start(self, history: History) -> list[int]:
        self.starts += 1
        return []

    def extend(self, state: list[int], history: History, first: int, last: int) -> list[int]:
        state.extend(history.numbers[first:last].tolist())
        return state


class TestFolds:
    @given(st.lists(st.integers(0, 4)))
    def test_a_fold_sees_every_row_once_and_in_order(self, batches: list[int]) -> None:
        past, fold = Past(), Sum()
        for batch in batches:
            for _ in range(batch):
                past.add({})
            fresh = past.history.derived(Sum())
            assert past.history.derived(fold) == list(range(len(past.history))) == fresh
        assert fold.starts == (1 if batches else 0)

    def test_a_fold_starts_anew_when_a_past_row_has_changed(self) -> None:
        past, fold = Past(), Sum()
        past.add({})
        past.history.derived(fold)
        past.history.version += 1
        assert past.history.derived(fold) == [0] and fold.starts == 2
        assert past.history.derived(fold) == [0] and fold.starts == 2

    def test_equal_folds_share_their_state(self) -> None:
        class Equal(Sum):
            def __hash__(self) -> int:
                return 1

            def __eq__(self, other: object) -> bool:
                return isinstance(other, Hashable)

        past, second = Past(), Equal()
        past.add({})
        assert past.history.derived(Equal()) is past.history.derived(second)
        assert second.starts == 0

    def test_a_trial_that_ends_while_a_fold_works_is_not_lost(self) -> None:
        past = Past()

        class Slow(Sum):
            def extend(
                self, state: list[int], history: History, first: int, last: int
            ) -> list[int]:
                if last == 1:
                    past.add({})
                return super().extend(state, history, first, last)

        fold = Slow()
        past.add({})
        assert past.history.derived(fold) == [0]
        assert past.history.derived(fold) == [0, 1]


class TestRunning:
    def test_running_trials_show_what_they_have_or_are_going_to_have(self) -> None:
        past = Past()
        first = past.run({"x": (X, 0.5)})
        past.run({}, expect=1, params={"x": 0.25, "n": 3.0}, seen=0, by="tpe")
        past.add({}, None, TrialState.WAITING)
        assert past.history.running() == [{"x": 0.5}, {"x": 0.25, "n": 3.0}]
        assert past.history.running(but=first) == [{"x": 0.25, "n": 3.0}]
        past.tell(first)
        assert past.history.running() == [{"x": 0.25, "n": 3.0}]

    def test_a_suggested_value_goes_before_a_proposed_one(self) -> None:
        past = Past()
        past.run({"x": (X, 0.5)}, expect=0, params={"x": 0.25, "n": 3.0}, seen=0, by="tpe")
        assert past.history.running() == [{"x": 0.5, "n": 3.0}]

    def test_who_proposed_a_trial_is_remembered(self) -> None:
        past = Past()
        for number, by in enumerate(["tpe", "random", "tpe"]):
            past.run({}, expect=number, params={}, seen=number, by=by)
            past.tell(number)
        past.add({})
        history = past.history
        assert [history.samplers[i] for i in history.by] == ["tpe", "random", "tpe", ""]
        assert history.seen.tolist() == [0, 1, 2, 0]


def test_a_history_remembers_a_bounded_number_of_spaces() -> None:
    past = Past()
    past.add({"n": (N, 3.0)})
    for high in range(9, 60):
        past.history.unit(Space({"n": IntDistribution(0, high)}))
    assert len(past.history._units) <= 8
    assert past.history.unit(Space({"n": N}))[0, 0] == pytest.approx(0.35)
