"""What every log and every storage must do, also one of your own.

Inherit a contract in a file that pytest collects, and say in a fixture what to test:

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self):
            return MyStorage()
"""

from __future__ import annotations

import itertools
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from hypothesis.stateful import run_state_machine_as_test

from skipjack.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from skipjack.errors import DuplicatedStudyError, UpdateFinishedTrialError
from skipjack.records.frozen import create_trial
from skipjack.records.states import StudyDirection, TrialState
from skipjack.storages import BaseStorage
from skipjack.testing.courses import (
    COMPLETE,
    DISTRIBUTIONS,
    FAIL,
    MAXIMIZE,
    MINIMIZE,
    PRUNED,
    RUNNING,
    WAITING,
    Reopen,
    StorageMachine,
    all_told,
    told,
)
from skipjack.testing.logs import FLOATS, QUICK, VALUES, LogContract, LogMachine, bits
from skipjack.testing.metrics import check_metrics

__all__ = ["LogContract", "LogMachine", "Reopen", "StorageContract", "StorageMachine"]

NOBODY = 2**52  # an id that nothing has


def filled(storage: BaseStorage, study: int) -> int:
    """A trial that runs and has some of everything; its id."""
    trial = storage.create_new_trial(study)
    for name, (dist, value) in DISTRIBUTIONS.items():
        storage.set_trial_param(trial, name, value, dist)
    for i, thing in enumerate(VALUES):
        storage.set_trial_user_attr(trial, f"user {i}", thing)
        storage.set_trial_system_attr(trial, f"system {i}", thing)
    for step, value in enumerate([*FLOATS, math.nan]):
        storage.set_trial_intermediate_value(trial, step * 10, value)
    return trial


def complete(storage: BaseStorage, study: int, *values: float, **constraints: float) -> int:
    """A complete trial; its id."""
    trial = storage.create_new_trial(study)
    for key, value in constraints.items():
        storage.set_trial_system_attr(trial, f"constraints:{key}", value)
    assert storage.set_trial_state_values(trial, COMPLETE, values)
    return trial


class StorageContract:
    """The tests of a storage.

    Fixture `storage`: a new, empty one. Fixture `reopen`, if what it keeps outlives it: a function
    that opens it as another process would see it.
    """

    @pytest.fixture
    def storage(self) -> BaseStorage:
        """A new storage."""
        raise pytest.UsageError("a StorageContract needs the fixture `storage`")

    @pytest.fixture
    def reopen(self, storage: BaseStorage) -> Reopen:
        """A function that opens the storage anew."""
        return lambda: storage

    @pytest.fixture
    def study(self, storage: BaseStorage) -> int:
        """A study to minimise one value."""
        return storage.create_new_study([MINIMIZE], "a study")

    # ------------------------------------------------------------------------------- studies

    def test_a_study_is_found_by_name_and_by_id(self, storage: BaseStorage, reopen: Reopen) -> None:
        names = ["b", "a", "ünï 🎣", "", "x" * 300]
        ids = [storage.create_new_study([MINIMIZE, MAXIMIZE], name) for name in names]
        assert len(set(ids)) == len(ids)
        for kept in (storage, reopen()):
            assert [kept.get_study_id_from_name(name) for name in names] == ids
            assert [kept.get_study_name_from_id(i) for i in ids] == names
            assert kept.get_study_directions(ids[0]) == [MINIMIZE, MAXIMIZE]
            assert [s._study_id for s in kept.get_all_studies()] == sorted(ids)
            assert {s.study_name for s in kept.get_all_studies()} == set(names)

    def test_a_study_without_a_name_gets_one_of_its_own(self, storage: BaseStorage) -> None:
        ids = [storage.create_new_study([MINIMIZE]) for _ in range(3)]
        names = {storage.get_study_name_from_id(i) for i in ids}
        assert len(names) == 3
        assert all(name.startswith("no-name-") for name in names)

    def test_a_name_is_taken_once(self, storage: BaseStorage, study: int) -> None:
        with pytest.raises(DuplicatedStudyError):
            storage.create_new_study([MAXIMIZE], "a study")
        assert len(storage.get_all_studies()) == 1
        assert storage.get_study_directions(study) == [MINIMIZE]

    def test_a_deleted_study_is_gone_and_its_id_is_never_used_again(
        self, storage: BaseStorage, reopen: Reopen, study: int
    ) -> None:
        trial = complete(storage, study, 1.0)
        other = storage.create_new_study([MINIMIZE], "other")
        kept = complete(storage, other, 2.0)
        storage.delete_study(study)
        again = storage.create_new_study([MINIMIZE], "a study")
        assert again not in (study, other)
        for view in (storage, reopen()):
            for ask in (view.get_all_trials, view.get_study_name_from_id, view.get_n_trials):
                with pytest.raises(KeyError):
                    ask(study)
            with pytest.raises(KeyError):
                view.get_trial(trial)
            assert view.get_all_trials(again) == []
            assert view.get_trial(kept).value == 2.0
        for call in (storage.delete_study, storage.create_new_trial):
            with pytest.raises(KeyError):
                call(study)

    def test_attributes_of_a_study_survive_and_the_last_one_counts(
        self, storage: BaseStorage, reopen: Reopen, study: int
    ) -> None:
        for i, value in enumerate(VALUES):
            storage.set_study_user_attr(study, f"key {i}", "old")
            storage.set_study_user_attr(study, f"key {i}", value)
            storage.set_study_system_attr(study, f"key {i}", [value])
        for kept in (storage, reopen()):
            user, system = kept.get_study_user_attrs(study), kept.get_study_system_attrs(study)
            assert bits(user) == {f"key {i}": bits(v) for i, v in enumerate(VALUES)}
            assert bits(system) == {f"key {i}": bits([v]) for i, v in enumerate(VALUES)}
            assert bits(kept.get_all_studies()[0].user_attrs) == bits(user)

    def test_attributes_that_are_returned_are_copies(
        self, storage: BaseStorage, study: int
    ) -> None:
        given = {"list": [1]}
        storage.set_study_user_attr(study, "key", given)
        given["list"].append(2)
        storage.get_study_user_attrs(study)["key"]["list"].append(3)
        storage.get_study_user_attrs(study)["other"] = 4
        assert storage.get_study_user_attrs(study) == {"key": {"list": [1]}}

    def test_what_does_not_exist_is_a_key_error(self, storage: BaseStorage, study: int) -> None:
        with pytest.raises(KeyError):
            storage.get_study_id_from_name("nothing")
        reads: list[Any] = [
            *(storage.get_study_name_from_id, storage.get_study_directions, storage.delete_study),
            *(storage.get_study_user_attrs, storage.get_study_system_attrs, storage.get_n_trials),
            *(storage.get_all_trials, storage.create_new_trial, storage.get_best_trial),
            *(storage.get_trial, storage.get_trial_number_from_id, storage.get_trial_params),
            *(storage.get_trial_user_attrs, storage.get_trial_system_attrs),
        ]
        for read in reads:
            for unknown in (NOBODY, -1):
                with pytest.raises(KeyError):
                    read(unknown)
        writes: list[tuple[Any, ...]] = [
            (storage.set_study_user_attr, "key", 1),
            (storage.set_study_system_attr, "key", 1),
            (storage.set_trial_user_attr, "key", 1),
            (storage.set_trial_system_attr, "key", 1),
            (storage.set_trial_param, "x", 0.5, FloatDistribution(0, 1)),
            (storage.set_trial_intermediate_value, 1, 0.5),
            (storage.set_trial_state_values, COMPLETE, [1.0]),
            (storage.get_trial_param, "x"),
            (storage.get_trial_id_from_study_id_trial_number, 0),
        ]
        for write, *arguments in writes:
            with pytest.raises(KeyError):
                write(NOBODY, *arguments)
        for number in (0, -1):
            with pytest.raises(KeyError):
                storage.get_trial_id_from_study_id_trial_number(study, number)
        with pytest.raises(KeyError):
            storage.get_trial_param(storage.create_new_trial(study), "x")

    # -------------------------------------------------------------------------------- trials

    def test_numbers_count_from_zero_in_each_study(self, storage: BaseStorage, study: int) -> None:
        other = storage.create_new_study([MINIMIZE], "other")
        ids = [storage.create_new_trial((study, other)[i % 2]) for i in range(10)]
        assert len(set(ids)) == 10
        assert [storage.get_trial_number_from_id(i) for i in ids] == [i // 2 for i in range(10)]
        for i, trial in enumerate(ids):
            owner = (study, other)[i % 2]
            assert storage.get_trial_id_from_study_id_trial_number(owner, i // 2) == trial
        assert [t._trial_id for t in storage.get_all_trials(study)] == ids[::2]
        assert [t.number for t in storage.get_all_trials(other)] == list(range(5))

    def test_a_new_trial_runs_and_has_nothing_yet(self, storage: BaseStorage, study: int) -> None:
        before = datetime.now()
        trial = storage.get_trial(storage.create_new_trial(study))
        assert (trial.state, trial.values, trial.params) == (RUNNING, None, {})
        assert (trial.user_attrs, trial.system_attrs, trial.intermediate_values) == ({}, {}, {})
        assert trial.datetime_start is not None
        assert before <= trial.datetime_start <= datetime.now()
        assert trial.datetime_complete is None

    def test_everything_of_a_trial_survives_to_the_bit(
        self, storage: BaseStorage, reopen: Reopen, study: int
    ) -> None:
        trial = filled(storage, study)
        running = told(storage.get_trial(trial))
        assert storage.set_trial_state_values(trial, COMPLETE, [1 / 3])
        for kept in (storage, reopen()):
            found = kept.get_trial(trial)
            assert told(found) == {
                **running,
                "state": COMPLETE,
                "values": bits([1 / 3]),
                "ended": True,
            }
            assert list(found.params) == list(DISTRIBUTIONS)
            assert found.params["choice"] is not True
            for name, (dist, value) in DISTRIBUTIONS.items():
                assert found.distributions[name] == dist
                assert kept.get_trial_param(trial, name) == value
            assert bits(found.user_attrs) == {f"user {i}": bits(v) for i, v in enumerate(VALUES)}
            reports = {i * 10: v for i, v in enumerate([*FLOATS, math.nan])}
            assert bits(found.intermediate_values) == bits(reports)
            assert kept.get_trial_params(trial) == found.params
            assert bits(kept.get_trial_user_attrs(trial)) == bits(found.user_attrs)
            assert bits(kept.get_trial_system_attrs(trial)) == bits(found.system_attrs)
            assert found == kept.get_all_trials(study)[0]

    @pytest.mark.parametrize("directions", [[MAXIMIZE], [MINIMIZE, MAXIMIZE]])
    def test_metrics_and_reports_of_several_objectives_are_kept(
        self, storage: BaseStorage, reopen: Reopen, directions: list[StudyDirection]
    ) -> None:
        check_metrics(storage, reopen, directions)

    def test_every_float_is_a_value_and_comes_back_to_the_bit(
        self, storage: BaseStorage, reopen: Reopen
    ) -> None:
        for direction in (MINIMIZE, MAXIMIZE):
            study = storage.create_new_study([direction, MINIMIZE], f"to {direction.name}")
            for value in FLOATS:
                complete(storage, study, value, -value)
            for kept in (storage, reopen()):
                found = [t.values for t in kept.get_all_trials(study)]
                assert bits(found) == bits([[v, -v] for v in FLOATS])

    def test_a_parameter_keeps_its_kind_and_its_first_value(
        self, storage: BaseStorage, study: int
    ) -> None:
        trial = storage.create_new_trial(study)
        storage.set_trial_param(trial, "x", 0.5, FloatDistribution(0, 1))
        with pytest.raises(ValueError):
            storage.set_trial_param(trial, "x", 1, IntDistribution(0, 1))
        other = storage.create_new_trial(study)
        with pytest.raises(ValueError):
            storage.set_trial_param(other, "x", 0, CategoricalDistribution((1, 2)))
        storage.set_trial_param(other, "x", 7.5, FloatDistribution(0, 10))
        assert storage.get_trial_param(trial, "x") == 0.5
        assert storage.get_trial_param(other, "x") == 7.5

    def test_a_template_is_copied_whole(
        self, storage: BaseStorage, reopen: Reopen, study: int
    ) -> None:
        source = storage.get_trial(filled(storage, study))
        dists = {"x": FloatDistribution(0, 1), "n": IntDistribution(1, 3)}
        templates = [
            create_trial(
                state=state,
                value=0.25 if state is COMPLETE else None,
                params={"x": 0.1, "n": 2},
                distributions=dists,
                user_attrs=source.user_attrs,
                system_attrs={"a": [1]},
                intermediate_values=source.intermediate_values,
            )
            for state in (COMPLETE, PRUNED, FAIL, WAITING, RUNNING)
        ]
        ids = [storage.create_new_trial(study, template_trial=t) for t in templates]
        for kept in (storage, reopen()):
            for i, (trial, template) in enumerate(zip(ids, templates, strict=True)):
                found = kept.get_trial(trial)
                assert told(found) == {**told(template), "number": i + 1}
                assert found.datetime_start == template.datetime_start
                assert found.datetime_complete == template.datetime_complete

    @pytest.mark.parametrize("state", [COMPLETE, PRUNED, FAIL])
    def test_a_finished_trial_never_changes(
        self, storage: BaseStorage, reopen: Reopen, study: int, state: TrialState
    ) -> None:
        trial = filled(storage, study)
        values = None if state is FAIL else [1.0]
        assert storage.set_trial_state_values(trial, state, values)
        before = told(storage.get_trial(trial))
        writes: list[tuple[Any, ...]] = [
            (storage.set_trial_param, "new", 0.5, FloatDistribution(0, 1)),
            (storage.set_trial_user_attr, "user 0", 1),
            (storage.set_trial_system_attr, "system 0", 1),
            (storage.set_trial_intermediate_value, 999, 1.0),
            *((storage.set_trial_state_values, s, [2.0]) for s in (COMPLETE, PRUNED, FAIL)),
            (storage.set_trial_state_values, RUNNING),
            (storage.set_trial_state_values, WAITING),
        ]
        for write, *arguments in writes:
            with pytest.raises(UpdateFinishedTrialError):
                write(trial, *arguments)
        with pytest.raises(RuntimeError):
            storage.check_trial_is_updatable(trial, state)
        assert told(storage.get_trial(trial)) == before
        assert told(reopen().get_trial(trial)) == before

    def test_one_of_all_who_claim_a_waiting_trial_gets_it(
        self, storage: BaseStorage, reopen: Reopen, study: int
    ) -> None:
        waiting = create_trial(state=WAITING)
        trials = [storage.create_new_trial(study, template_trial=waiting) for _ in range(20)]
        handles = [storage, storage, reopen(), reopen()]
        with ThreadPoolExecutor(len(handles)) as pool:
            for trial in trials:
                claims = [pool.submit(h.set_trial_state_values, trial, RUNNING) for h in handles]
                assert sum(claim.result() for claim in claims) == 1
                assert storage.get_trial(trial).state is RUNNING
        assert all(t.datetime_start is not None for t in storage.get_all_trials(study))
        assert not storage.set_trial_state_values(storage.create_new_trial(study), RUNNING)

    def test_a_running_trial_can_wait_again(self, storage: BaseStorage, study: int) -> None:
        trial = storage.create_new_trial(study)
        assert storage.set_trial_state_values(trial, WAITING)
        assert storage.get_trial(trial).state is WAITING
        assert storage.set_trial_state_values(trial, RUNNING)
        assert storage.set_trial_state_values(trial, FAIL)
        assert storage.get_trial(trial).state is FAIL

    def test_trials_are_counted_and_chosen_by_state(self, storage: BaseStorage, study: int) -> None:
        for state in (COMPLETE, PRUNED, FAIL, COMPLETE, FAIL, FAIL):
            trial = storage.create_new_trial(study)
            storage.set_trial_state_values(trial, state, [1.0] if state is COMPLETE else None)
        storage.create_new_trial(study)
        storage.create_new_trial(study, template_trial=create_trial(state=WAITING))
        counts = {COMPLETE: 2, PRUNED: 1, FAIL: 3, RUNNING: 1, WAITING: 1}
        assert storage.get_n_trials(study) == 8
        for state, count in counts.items():
            assert storage.get_n_trials(study, state) == count
            assert [t.state for t in storage.get_all_trials(study, states=(state,))] == (
                [state] * count
            )
        assert storage.get_n_trials(study, (COMPLETE, FAIL)) == 5
        assert storage.get_n_trials(study, ()) == 0
        for deepcopy in (True, False):
            found = storage.get_all_trials(study, deepcopy=deepcopy, states=(RUNNING, PRUNED))
            assert [t.number for t in found] == [1, 6]

    def test_trials_that_are_returned_never_change_later(
        self, storage: BaseStorage, study: int
    ) -> None:
        trial = storage.create_new_trial(study)
        storage.set_trial_user_attr(trial, "a", [1])
        found = [
            storage.get_trial(trial),
            *storage.get_all_trials(study, deepcopy=True),
            *storage.get_all_trials(study, deepcopy=False),
        ]
        lists = [storage.get_all_trials(study, deepcopy=d) for d in (True, False)]
        before = [told(t) for t in found]
        storage.set_trial_param(trial, "x", 0.5, FloatDistribution(0, 1))
        storage.set_trial_user_attr(trial, "a", [2])
        storage.set_trial_intermediate_value(trial, 0, 1.0)
        storage.set_trial_state_values(trial, COMPLETE, [1.0])
        storage.create_new_trial(study)
        assert [told(t) for t in found] == before
        assert [len(one) for one in lists] == [1, 1]

    def test_changing_a_trial_that_was_returned_changes_nothing_here(
        self, storage: BaseStorage, study: int
    ) -> None:
        trial = filled(storage, study)
        for end in (False, True):
            if end:
                storage.set_trial_state_values(trial, COMPLETE, [1.0])
            before = told(storage.get_trial(trial))
            for found in (storage.get_trial(trial), storage.get_all_trials(study)[0]):
                found.user_attrs["user 12"].append("changed")
                found.system_attrs.clear()
                found.intermediate_values[3] = 4.0
                found.params.clear()
                found.state = FAIL
            assert told(storage.get_trial(trial)) == before

    # ---------------------------------------------------------------------------- best trial

    @pytest.mark.parametrize(("direction", "best"), [(MINIMIZE, 2), (MAXIMIZE, 1)])
    def test_the_best_trial_is_the_first_among_equals(
        self, storage: BaseStorage, reopen: Reopen, direction: StudyDirection, best: int
    ) -> None:
        study = storage.create_new_study([direction], "best")
        with pytest.raises(ValueError):
            storage.get_best_trial(study)
        open_one = storage.create_new_trial(study)
        for value in (2.0, -1.0, 2.0, -1.0, 0.0):
            complete(storage, study, value)
        storage.set_trial_state_values(open_one, PRUNED, [-9.0 if best == 2 else 9.0])
        assert storage.get_best_trial(study).number == best
        assert reopen().get_best_trial(study).number == best

    def test_of_equal_trials_the_lowest_number_counts_not_the_first_told(
        self, storage: BaseStorage, study: int
    ) -> None:
        trials = [storage.create_new_trial(study) for _ in range(3)]
        for trial in reversed(trials):
            storage.set_trial_state_values(trial, COMPLETE, [1.0])
        assert storage.get_best_trial(study).number == 0

    def test_infinite_values_can_be_best(self, storage: BaseStorage, study: int) -> None:
        complete(storage, study, math.inf)
        assert storage.get_best_trial(study).value == math.inf
        complete(storage, study, -math.inf)
        assert storage.get_best_trial(study).value == -math.inf

    def test_the_best_trial_keeps_all_constraints(self, storage: BaseStorage, study: int) -> None:
        complete(storage, study, 0.0, a=-1.0, b=1e-9)
        with pytest.raises(ValueError):
            storage.get_best_trial(study)
        complete(storage, study, 5.0, a=0.0, b=-3.0)
        complete(storage, study, 1.0, a=math.inf)
        assert storage.get_best_trial(study).number == 1
        complete(storage, study, 4.0)
        assert storage.get_best_trial(study).number == 3

    def test_several_objectives_have_no_single_best_trial(self, storage: BaseStorage) -> None:
        study = storage.create_new_study([MINIMIZE, MAXIMIZE])
        complete(storage, study, 1.0, 2.0)
        with pytest.raises(RuntimeError):
            storage.get_best_trial(study)

    # --------------------------------------------------------------------------- many at once

    def test_threads_get_numbers_without_gaps_and_lose_nothing(
        self, storage: BaseStorage, reopen: Reopen, study: int
    ) -> None:
        handles = [storage, reopen(), reopen()]

        def work(i: int) -> int:
            trial = handles[i % 3].create_new_trial(study)
            handles[i % 3].set_trial_user_attr(trial, "i", i)
            handles[i % 3].set_trial_state_values(trial, COMPLETE, [float(i)])
            return trial

        with ThreadPoolExecutor(6) as pool:
            ids = list(pool.map(work, range(60)))
        for kept in (storage, reopen()):
            found = kept.get_all_trials(study)
            assert [t.number for t in found] == list(range(60))
            assert sorted(t.user_attrs["i"] for t in found) == list(range(60))
            assert all(t.value == t.user_attrs["i"] for t in found)
            assert {t._trial_id for t in found} == set(ids)

    def test_a_pickled_storage_has_the_same_studies(self, storage: BaseStorage, study: int) -> None:
        trial = filled(storage, study)
        complete(storage, study, 1.5)
        copy = pickle.loads(pickle.dumps(storage))
        assert all_told(copy, study) == all_told(storage, study)
        copy.set_trial_state_values(trial, COMPLETE, [0.5])
        assert copy.get_best_trial(study).value == 0.5
        storage.remove_session()

    def test_any_course_of_events_is_as_in_memory(
        self, storage: BaseStorage, reopen: Reopen
    ) -> None:
        names = (f"course {i}" for i in itertools.count())

        def machine() -> StorageMachine:
            return StorageMachine(storage, reopen, next(names))

        run_state_machine_as_test(machine, settings=QUICK)  # type: ignore[arg-type]  # any factory
