import itertools
import math
import pickle
import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import skipjack
from skipjack.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from skipjack.records.space import Space
from skipjack.records.states import TrialState
from skipjack.rng import stream
from skipjack.samplers import GridSampler, RandomSampler
from skipjack.samplers.base import Exhausted
from skipjack.samplers.grid_cells import Grid, Order
from tests.histories import Past

GRID = {"x": [1, 2, 3], "y": ["a", "b"]}
ALL = set(itertools.product([1, 2, 3], "ab"))
X, Y = IntDistribution(1, 3), CategoricalDistribution(["a", "b"])


def objective(trial: skipjack.Trial) -> float:
    return trial.suggest_int("x", 1, 3) + len(trial.suggest_categorical("y", ["a", "b"]))


def study_of(grid: Any = GRID, seed: int | None = 0) -> skipjack.Study:
    return skipjack.create_study(sampler=GridSampler(grid, seed))


def points(study: skipjack.Study) -> list[tuple[Any, ...]]:
    return [tuple(trial.params.values()) for trial in study.trials]


def is_exhausted(study: skipjack.Study) -> bool:
    assert isinstance(study.sampler, GridSampler)
    return study.sampler.is_exhausted(study)


class TestTheLoop:
    def test_every_combination_is_tried_once_and_the_study_stops(self) -> None:
        study = study_of()
        study.optimize(objective)
        assert sorted(points(study)) == sorted(ALL)
        assert is_exhausted(study)

    def test_a_study_that_is_exhausted_starts_no_trial(self) -> None:
        study = study_of()
        study.optimize(objective)
        study.optimize(objective, n_trials=5)
        assert len(study.trials) == 6

    def test_the_order_is_shuffled_by_the_seed_alone(self) -> None:
        grid = {"x": list(range(50))}
        orders = []
        for seed in (1, 1, 2):
            study = study_of(grid, seed)
            study.optimize(lambda trial: trial.suggest_int("x", 0, 49), n_trials=25)
            study.optimize(lambda trial: trial.suggest_int("x", 0, 49))
            orders.append(points(study))
        assert orders[0] == orders[1] != orders[2]
        assert orders[0] != sorted(orders[0])

    @pytest.mark.parametrize("n_jobs", [2, 8])
    def test_threads_share_the_combinations(self, n_jobs: int) -> None:
        def slow(trial: skipjack.Trial) -> float:
            x = trial.suggest_int("x", 1, 3)
            time.sleep(0.01)
            return x + len(trial.suggest_categorical("y", ["a", "b"]))

        study = study_of()
        study.optimize(slow, n_jobs=n_jobs)
        assert sorted(points(study)) == sorted(ALL)

    def test_pruned_and_failed_trials_count(self) -> None:
        def fails(trial: skipjack.Trial) -> float:
            value = objective(trial)
            if trial.params["x"] == 1:
                raise skipjack.TrialPruned
            if trial.params["x"] == 2:
                raise ValueError
            return value

        study = study_of()
        study.optimize(fails, catch=ValueError)
        assert sorted(points(study)) == sorted(ALL)

    @pytest.mark.parametrize("asks_for", ["", "x", "y"])
    def test_trials_that_do_not_ask_for_all_count_once_each(self, asks_for: str) -> None:
        def partly(trial: skipjack.Trial) -> float:
            if asks_for == "x":
                trial.suggest_int("x", 1, 3)
            if asks_for == "y":
                trial.suggest_categorical("y", ["a", "b"])
            raise ValueError

        study = study_of()
        study.optimize(partly, catch=ValueError)
        assert len(study.trials) == 6
        counts = {p: points(study).count(p) for p in points(study)}
        assert len(set(counts.values())) == 1 and len(counts) == {"": 1, "x": 3, "y": 2}[asks_for]

    def test_ranges_that_change_do_not_lead_to_repetitions(self) -> None:
        def moving(trial: skipjack.Trial) -> float:
            x = trial.suggest_int("x", 1 - trial.number % 2, 3 + trial.number % 3)
            return x + len(trial.suggest_categorical("y", ["a", "b"]))

        study = study_of()
        study.optimize(moving)
        assert sorted(points(study)) == sorted(ALL)

    def test_a_parameter_that_appears_later_gets_unvisited_values(self) -> None:
        def branch(trial: skipjack.Trial) -> float:
            x = trial.suggest_int("x", 1, 3)
            return float(x if x == 2 else len(trial.suggest_categorical("y", ["a", "b"])))

        study = study_of()
        study.optimize(branch)
        assert {p for p in points(study) if len(p) == 2} == {p for p in ALL if p[0] != 2}
        assert len(study.trials) == 6

    def test_a_finished_part_of_the_grid_is_not_done_again(self) -> None:
        study = study_of({"x": [1, 2]})
        study.optimize(lambda trial: trial.suggest_int("x", 1, 3))
        study.sampler = GridSampler({"x": [1, 2, 3]})
        study.optimize(lambda trial: trial.suggest_int("x", 1, 3))
        assert sorted(points(study)) == [(1,), (2,), (3,)]

    def test_trials_of_a_smaller_space_do_not_count_for_a_larger_one(self) -> None:
        study = study_of({"x": [1, 2, 3]})
        study.optimize(lambda trial: trial.suggest_int("x", 1, 3))
        study.sampler = GridSampler(GRID)
        study.optimize(objective)
        assert sorted(points(study)[3:]) == sorted(ALL)

    def test_what_another_sampler_tried_counts(self) -> None:
        study = study_of()
        study.sampler = RandomSampler(seed=0)
        study.optimize(objective, n_trials=4)
        tried = set(points(study))
        study.sampler = GridSampler(GRID)
        study.optimize(objective)
        assert sorted(points(study)[4:]) == sorted(ALL - tried)

    def test_added_trials_on_a_cell_count_and_others_do_not(self) -> None:
        study = study_of({"x": [1, 2, 3]})
        for x in (2, 5):
            dist = {"x": IntDistribution(1, 9)}
            study.add_trial(
                skipjack.trial.create_trial(params={"x": x}, distributions=dist, value=0.0)
            )
        study.add_trial(skipjack.trial.create_trial(value=0.0))
        study.optimize(lambda trial: trial.suggest_int("x", 1, 9))
        assert sorted(points(study)[3:]) == [(1,), (3,)]

    def test_a_dead_branch_of_the_space_does_no_harm(self) -> None:
        study = study_of()
        study.sampler = RandomSampler(seed=0)
        study.optimize(lambda trial: trial.suggest_float("z", 0, 1), n_trials=2)
        study.sampler = GridSampler(GRID)
        study.optimize(objective)
        assert sorted(points(study)[2:]) == sorted(ALL)

    def test_a_repaired_range_is_not_held_against_the_grid(self) -> None:
        study = study_of({"x": [1, 2, 7]})
        with pytest.raises(ValueError):
            study.optimize(lambda trial: trial.suggest_int("x", 1, 3))
        study.optimize(lambda trial: trial.suggest_int("x", 1, 9))
        assert {p[0] for p in points(study) if p} >= {1, 2}


class TestEnqueued:
    def test_the_rest_of_a_partly_enqueued_trial_comes_from_the_grid(self) -> None:
        study = study_of()
        study.enqueue_trial({"x": 2})
        study.enqueue_trial({"x": 2})
        study.optimize(objective)
        assert points(study)[0][0] == points(study)[1][0] == 2
        assert sorted(points(study)) == sorted(ALL)

    def test_an_enqueued_combination_counts(self) -> None:
        study = study_of()
        study.enqueue_trial({"x": 1, "y": "a"})
        study.optimize(objective)
        assert sorted(points(study)) == sorted(ALL)

    def test_an_enqueued_value_off_the_grid_is_tried_besides(self) -> None:
        study = study_of({"x": [1, 3], "y": ["a", "b"]})
        study.enqueue_trial({"x": 2})
        study.optimize(objective)
        assert points(study)[0][0] == 2
        assert sorted(points(study)[1:]) == sorted(p for p in ALL if p[0] != 2)

    def test_an_enqueued_trial_that_fails_early_does_not_count(self) -> None:
        def fails(trial: skipjack.Trial) -> float:
            trial.suggest_int("x", 1, 3)
            raise ValueError

        study = study_of()
        study.optimize(objective, n_trials=1)
        study.enqueue_trial({"x": 2, "y": "b"})
        study.optimize(fails, n_trials=1, catch=ValueError)
        study.optimize(objective)
        assert points(study)[1] == (2,)
        assert sorted(points(study)[:1] + points(study)[2:]) == sorted(ALL)


class TestAskAndTell:
    def test_trials_asked_for_at_the_same_time_differ(self) -> None:
        study = study_of()
        trials = [study.ask() for _ in range(6)]
        for trial in trials:
            trial.suggest_int("x", 1, 3)
        for trial in reversed(trials):
            trial.suggest_categorical("y", ["a", "b"])
        assert {tuple(trial.params.values()) for trial in trials} == ALL

    def test_one_may_go_on_when_all_was_tried(self) -> None:
        study = study_of()
        for _ in range(10):
            trial = study.ask()
            study.tell(trial, objective(trial))
        assert set(points(study)) == ALL and is_exhausted(study)

    def test_running_trials_do_not_exhaust_a_grid(self) -> None:
        study = study_of({"x": [1]})
        trial = study.ask({"x": X})
        assert not is_exhausted(study)
        study.tell(trial, 0.0)
        assert is_exhausted(study)

    @given(st.randoms(use_true_random=False))
    def test_any_order_of_suggesting_visits_each_combination_once(self, random: Any) -> None:
        study = study_of({"x": [1, 2, 3], "y": ["a", "b"], "z": [0.5, 1.0]})
        dists = {"x": X, "y": Y, "z": FloatDistribution(0, 1)}
        running: list[tuple[skipjack.Trial, list[str]]] = []
        while len(study.trials) < 12 or running:
            if len(study.trials) < 12 and random.random() < 0.4:
                running.append((study.ask(), random.sample("xyz", 3)))
            elif running:
                trial, left = random.choice(running)
                if left:
                    name = left.pop()
                    trial._suggest(name, dists[name])
                else:
                    study.tell(trial, 0.0)
                    running = [r for r in running if r[0] is not trial]
        assert len({tuple(sorted(t.params.items())) for t in study.trials}) == 12

    def test_every_thread_may_ask(self) -> None:
        study = study_of({"x": list(range(40))})

        def work() -> None:
            for _ in range(5):
                trial = study.ask()
                study.tell(trial, trial.suggest_int("x", 0, 39))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(points(study)) == [(i,) for i in range(40)]


class TestProposals:
    space = Space({"x": X, "y": Y})

    def propose(self, past: Past, space: Space, number: int = 0, **given: float) -> Any:
        sampler = GridSampler(GRID)
        return sampler.propose(past.history, space, stream(0, number, sampler.purpose), given)

    def test_an_empty_space_needs_no_values(self) -> None:
        assert self.propose(Past(), Space({})) == {}

    def test_what_is_given_is_kept_to(self) -> None:
        past = Past()
        for x in (1.0, 2.0, 3.0):
            for _ in range(2):
                found = self.propose(past, Space({"y": Y}), past.state.n_trials, x=x)
                assert not isinstance(found, Exhausted)
                past.add({"x": (X, x), "y": (Y, found["y"])})
        assert isinstance(self.propose(past, self.space, 6), Exhausted)
        assert set(self.propose(past, self.space, 6)) == {"x", "y"}

    def test_nothing_left_for_what_is_given_is_said(self) -> None:
        past = Past()
        for choice in (0.0, 1.0):
            past.add({"x": (X, 2.0), "y": (Y, choice)})
        found = self.propose(past, self.space, 2, x=2.0)
        assert isinstance(found, Exhausted) and found["x"] == 2.0
        assert not isinstance(self.propose(past, self.space, 2), Exhausted)

    def test_a_trial_stays_at_the_cell_that_it_was_proposed(self) -> None:
        past = Past()
        past.add({"x": (X, 2.0), "y": (Y, 0.0)})
        for x, y in itertools.product((1.0, 3.0), (0.0, 1.0)):
            number = past.state.n_trials
            proposal = {"x": x, "y": y}
            past.run({}, expect=number, params=proposal, seen=0, by="grid")
            wider = Space({"x": IntDistribution(0, 9)})
            assert self.propose(past, wider, number) == {"x": x}
            assert self.propose(past, Space({"y": Y}), number) == {"y": y}

    def test_running_trials_off_the_grid_hold_no_cell(self) -> None:
        past = Past()
        wide = IntDistribution(0, 9)
        past.run({"x": (wide, 7.0)})
        for x, y in itertools.product((1.0, 2.0, 3.0), (0.0, 1.0)):
            assert not isinstance(self.propose(past, self.space, past.state.n_trials), Exhausted)
            past.add({"x": (X, x), "y": (Y, y)})
        assert isinstance(self.propose(past, self.space, past.state.n_trials), Exhausted)

    def test_a_trial_of_ours_that_left_the_grid_counts_as_one(self) -> None:
        past, purpose = Past(), GridSampler(GRID).purpose
        for _ in range(6):
            number = past.state.n_trials
            assert not isinstance(self.propose(past, self.space, number), Exhausted)
            single = IntDistribution(7, 7)
            params = {"x": (single, 7.0), "y": (Y, 0.0)}
            past.run(params, expect=number, params={}, seen=0, by=purpose)
            past.tell(number)
        assert isinstance(self.propose(past, self.space, 6), Exhausted)

    def test_a_proposal_depends_on_seed_and_history_alone(self) -> None:
        past = Past()
        past.add({"x": (X, 2.0), "y": (Y, 0.0)})
        found = [self.propose(past, self.space, number) for number in (0, 1, 0)]
        assert found[0] == found[1] == found[2]


class TestValues:
    def run(self, values: list[Any], suggest: Any) -> list[Any]:
        study = study_of({"x": values})

        def objective(trial: skipjack.Trial) -> float:
            suggest(trial)
            return 0.0

        study.optimize(objective)
        assert is_exhausted(study)
        return [trial.params["x"] for trial in study.trials]

    def test_choices_that_are_equal_are_told_apart(self) -> None:
        values = [1, True, 1.0]
        found = self.run(values, lambda trial: trial.suggest_categorical("x", values))
        assert sorted(map(repr, found)) == ["1", "1.0", "True"]

    def test_values_that_are_the_same_number_are_tried_once(self) -> None:
        found = self.run([1, True, 1.0, 2], lambda trial: trial.suggest_float("x", 0, 2))
        assert sorted(found) == [1.0, 2.0]

    def test_values_given_twice_are_tried_once(self) -> None:
        assert sorted(self.run([1, 1, 2], lambda trial: trial.suggest_int("x", 0, 2))) == [1, 2]

    def test_nan_and_none_may_be_choices(self) -> None:
        values = [math.nan, None, "a"]
        found = self.run(values, lambda trial: trial.suggest_categorical("x", values))
        assert sorted(map(str, found)) == ["None", "a", "nan"]

    def test_numpy_scalars_are_numbers(self) -> None:
        values = list(np.linspace(0, 1, 3))
        assert sorted(self.run(values, lambda t: t.suggest_float("x", 0, 1))) == [0.0, 0.5, 1.0]

    def test_a_value_outside_the_range_is_an_error(self) -> None:
        study = study_of({"x": [7]})
        with pytest.raises(ValueError, match=r"search_space\['x'\]` must hold values of IntDist"):
            study.optimize(lambda trial: trial.suggest_int("x", 1, 3))
        assert study.trials[0].state == TrialState.FAIL

    def test_a_choice_that_the_objective_does_not_have_is_an_error(self) -> None:
        study = study_of({"x": ["z"]})
        with pytest.raises(ValueError, match="must hold values of Cat.* but got 'z'"):
            study.optimize(lambda trial: len(trial.suggest_categorical("x", ["a", "b"])))

    def test_a_parameter_that_the_grid_lacks_is_an_error_that_names_it(self) -> None:
        study = study_of()
        with pytest.raises(ValueError, match=r"parameter of the grid \('x', 'y'\), but got 'z'"):
            study.optimize(lambda trial: trial.suggest_float("z", 1, 3))


class TestConstruction:
    @pytest.mark.parametrize("space", [[("x", [1])], {"x": 5}, {1: [2]}, None])
    def test_what_is_no_mapping_of_names_to_values_is_refused(self, space: Any) -> None:
        with pytest.raises(TypeError, match="search_space"):
            GridSampler(space)

    def test_a_parameter_needs_a_value(self) -> None:
        with pytest.raises(ValueError, match=r"`search_space\['x'\]` must have at least one"):
            GridSampler({"x": []})

    def test_values_that_storages_cannot_keep_are_warned_of(self) -> None:
        with pytest.warns(UserWarning, match="tuple"):
            GridSampler({"x": [(1, 2)]})  # type: ignore[list-item]

    def test_a_grid_without_parameters_has_one_combination(self) -> None:
        study = study_of({})
        study.optimize(lambda trial: 1.0)
        assert len(study.trials) == 1

    def test_it_can_be_pickled(self) -> None:
        study = study_of()
        study.optimize(objective, n_trials=2)
        study.sampler = pickle.loads(pickle.dumps(study.sampler))
        study.optimize(objective)
        assert sorted(points(study)) == sorted(ALL)
        assert str(study.sampler) == "GridSampler"


class TestSize:
    def test_a_huge_grid_costs_nothing(self) -> None:
        names = [f"p{i}" for i in range(18)]
        study = study_of({name: list(range(10)) for name in names})
        study.optimize(
            lambda trial: sum(trial.suggest_int(name, 0, 9) for name in names), n_trials=50
        )
        assert len(set(points(study))) == 50
        assert not is_exhausted(study)

    def test_part_of_a_huge_grid_can_be_given(self) -> None:
        names = [f"p{i}" for i in range(8)]
        study = study_of({name: list(range(10)) for name in names})
        for i in range(20):
            study.enqueue_trial({names[i % 8]: i % 10})
        study.optimize(
            lambda trial: sum(trial.suggest_int(name, 0, 9) for name in names), n_trials=20
        )
        assert len(set(points(study))) == 20

    def test_more_than_can_be_counted_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"at most 2\*\*62 combinations"):
            GridSampler({f"p{i}": list(range(10)) for i in range(19)})

    def test_a_cell_is_put_in_words_and_back(self) -> None:
        grid = Grid({name: CategoricalDistribution(range(k)) for name, k in zip("abc", (3, 1, 4))})
        digits = [grid.digits_of(cell) for cell in range(grid.cells)]
        assert digits == list(itertools.product(range(3), range(1), range(4)))
        assert [grid.cell_of(d) for d in digits] == list(range(12))
        assert grid.cells_with((1, None, None)).tolist() == [4, 5, 6, 7]


@given(st.integers(1, 3000), st.integers(0, 2**63 - 1))
def test_the_order_is_a_permutation_that_can_be_inverted(n: int, seed: int) -> None:
    order = Order(n, seed)
    cells = order.cells(np.arange(n))
    assert sorted(cells.tolist()) == list(range(n))
    assert order.places(cells).tolist() == list(range(n))


@given(st.integers(2**40, 2**62), st.integers(0, 2**63 - 1))
def test_the_order_of_very_many_is_inverted_as_well(n: int, seed: int) -> None:
    places = np.array([0, 1, 2, n // 2, n - 1])
    cells = Order(n, seed).cells(places)
    assert ((cells >= 0) & (cells < n)).all()
    assert Order(n, seed).places(cells).tolist() == places.tolist()


def test_the_order_looks_shuffled() -> None:
    rank = np.concatenate([Order(1000, seed).cells(np.arange(1000)) for seed in range(20)])
    neighbours = np.corrcoef(rank[:-1], rank[1:])[0, 1]
    first = [int(Order(10, seed).cells(np.arange(1))[0]) for seed in range(2000)]
    assert abs(neighbours) < 0.03
    assert (np.abs(np.bincount(first, minlength=10) - 200) < 75).all()
