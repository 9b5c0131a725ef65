"""Storages that users wrote for Optuna work as storages of studies."""

from __future__ import annotations

import copy
import datetime
import pickle
from collections.abc import Callable, Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import skipjack
from skipjack.distributions import BaseDistribution, FloatDistribution
from skipjack.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from skipjack.pruners import MedianPruner, SuccessiveHalvingPruner
from skipjack.samplers import RandomSampler, TPESampler
from skipjack.storages import BaseStorage, InMemoryStorage, RDBStorage
from skipjack.storages.foreign import ForeignLog, ForeignStorage
from skipjack.study import StudyDirection
from skipjack.study._frozen import FrozenStudy
from skipjack.testing.courses import all_told
from skipjack.trial import FrozenTrial, TrialState

COMPLETE, RUNNING, WAITING = TrialState.COMPLETE, TrialState.RUNNING, TrialState.WAITING


class DictStorage(BaseStorage):
    """What a user might write: dicts, ids that are nobody's business, and live trial objects."""

    def __init__(self) -> None:
        self.studies: dict[int, dict[str, Any]] = {}
        self.where: dict[int, FrozenTrial] = {}
        self.calls: list[str] = []

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        if any(study["name"] == study_name for study in self.studies.values()):
            raise DuplicatedStudyError(study_name)
        made = 7 * len(self.studies) + 3
        study = {"name": study_name, "directions": list(directions), "user": {}, "system": {}}
        self.studies[made] = {**study, "trials": []}
        return made

    def delete_study(self, study_id: int) -> None:
        self.studies[study_id]["name"] = None
        self.studies = {i: s for i, s in self.studies.items() if i != study_id}

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self.studies[study_id]["user"][key] = value

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self.studies[study_id]["system"][key] = value

    def get_study_id_from_name(self, study_name: str) -> int:
        for study_id, study in self.studies.items():
            if study["name"] == study_name:
                return study_id
        raise KeyError(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return str(self.studies[study_id]["name"])

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return list(self.studies[study_id]["directions"])

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return dict(self.studies[study_id]["user"])

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return dict(self.studies[study_id]["system"])

    def get_all_studies(self) -> list[Any]:
        return [
            FrozenStudy(s["name"], None, s["user"], s["system"], i, directions=s["directions"])
            for i, s in self.studies.items()
        ]

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        trials, now = self.studies[study_id]["trials"], datetime.datetime.now()
        if template_trial is None:
            trial = FrozenTrial(0, RUNNING, None, now, None, {}, {}, {}, {}, {}, 0)
        else:
            trial = copy.deepcopy(template_trial)
        trial.number, trial._trial_id = len(trials), 1000 + 11 * len(self.where)
        trials.append(trial)
        self.where[trial._trial_id] = trial
        return trial._trial_id

    def _open(self, trial_id: int) -> FrozenTrial:
        trial = self.where[trial_id]
        self.check_trial_is_updatable(trial_id, trial.state)
        return trial

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: Any
    ) -> None:
        trial = self._open(trial_id)
        trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        trial.distributions[param_name] = distribution

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        trial = self._open(trial_id)
        if state == RUNNING and trial.state != WAITING:
            return False
        trial.state = state
        trial.values = None if values is None else list(values)
        if state == RUNNING:
            trial.datetime_start = datetime.datetime.now()
        if state.is_finished():
            trial.datetime_complete = datetime.datetime.now()
        return True

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        self._open(trial_id).intermediate_values[step] = intermediate_value

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._open(trial_id).user_attrs[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._open(trial_id).system_attrs[key] = value

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return copy.deepcopy(self.where[trial_id])

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        trials = self.studies[study_id]["trials"]
        found = [t for t in trials if states is None or t.state in states]
        return copy.deepcopy(found) if deepcopy else found


def around(kept: BaseStorage) -> BaseStorage:
    """A storage that passes every call on to another one of ours."""

    def passing(name: str) -> Callable[..., Any]:
        return lambda self, *args, **kwargs: getattr(kept, name)(*args, **kwargs)

    methods = {name: passing(name) for name in BaseStorage.__abstractmethods__}
    made: BaseStorage = type("Around", (BaseStorage,), methods)()
    return made


@pytest.fixture(params=["dict", "around memory", "around sqlite"])
def own(request: pytest.FixtureRequest, tmp_path: Any) -> BaseStorage:
    """A storage of a user's own, new and empty."""
    if request.param == "dict":
        return DictStorage()
    memory = request.param == "around memory"
    return around(InMemoryStorage() if memory else RDBStorage(f"sqlite:///{tmp_path}/study.db"))


def objective(trial: skipjack.Trial) -> float:
    x = trial.suggest_float("x", -1, 1)
    if trial.suggest_categorical("deep", [True, False]):
        x += trial.suggest_int("k", 0, 3)
    trial.set_user_attr("seen", [x])
    trial.set_constraint("c", x - 2)
    for step in range(3):
        trial.report(x * step, step)
        if trial.should_prune():
            raise skipjack.TrialPruned
    if trial.number % 9 == 5:
        raise ValueError("now and then")
    return x


def same_in(own: BaseStorage, study: skipjack.Study) -> None:
    """Check that the user's storage holds what the study says."""
    theirs = own.get_study_id_from_name(study.study_name)
    assert all_told(own, theirs) == all_told(study._storage, study._study_id)


@pytest.mark.parametrize("sampler", [RandomSampler, TPESampler])
@pytest.mark.parametrize("pruner", [MedianPruner(n_startup_trials=3), SuccessiveHalvingPruner()])
def test_a_study_runs_in_it(own: BaseStorage, sampler: Any, pruner: Any) -> None:
    study = skipjack.create_study(
        storage=own, study_name="s", sampler=sampler(seed=1), pruner=pruner
    )
    study.set_user_attr("note", {"a": 1})
    study.set_metric_names(["loss"])
    study.optimize(objective, n_trials=25, catch=ValueError)
    assert [t.number for t in study.trials] == list(range(25))
    same_in(own, study)
    assert own.get_study_user_attrs(own.get_study_id_from_name("s")) == {"note": {"a": 1}}
    assert study.best_trial.value == min(
        t.value for t in study.trials if t.state is COMPLETE and t.value is not None
    )


def test_what_it_chooses_is_what_a_study_in_memory_chooses(own: BaseStorage) -> None:
    params = []
    for storage in (own, InMemoryStorage()):
        study = skipjack.create_study(storage=storage, sampler=TPESampler(seed=4), study_name="s")
        study.enqueue_trial({"x": 0.5})
        study.optimize(objective, n_trials=30, catch=ValueError)
        params.append([t.params for t in study.trials])
    assert params[0] == params[1]


def test_a_study_is_loaded_listed_and_deleted(own: BaseStorage) -> None:
    skipjack.create_study(storage=own, study_name="a", direction="maximize")
    study = skipjack.create_study(storage=own, study_name="b")
    study.optimize(objective, n_trials=4)
    with pytest.raises(DuplicatedStudyError):
        skipjack.create_study(storage=own, study_name="a")
    assert skipjack.create_study(storage=own, study_name="a", load_if_exists=True).direction == 2
    again = skipjack.load_study(study_name="b", storage=own)
    assert all_told(again._storage, again._study_id) == all_told(study._storage, study._study_id)
    assert again.seed == study.seed
    assert skipjack.get_all_study_names(own) == ["a", "b"]
    assert [s.n_trials for s in skipjack.get_all_study_summaries(own)] == [0, 4]
    skipjack.delete_study(study_name="b", storage=own)
    assert skipjack.get_all_study_names(own) == ["a"]
    with pytest.raises(KeyError):
        study.trials  # noqa: B018
    with pytest.raises(KeyError):
        skipjack.load_study(study_name="b", storage=own)
    new = skipjack.create_study(storage=own, study_name="b")
    assert new.trials == []


def test_trials_are_asked_told_queued_and_added(own: BaseStorage) -> None:
    study = skipjack.create_study(storage=own, study_name="s", directions=["minimize", "maximize"])
    study.enqueue_trial({"x": 0.25}, user_attrs={"from": "queue"})
    trial = study.ask({"x": FloatDistribution(0, 1)})
    assert (trial.number, trial.params, trial.user_attrs) == (0, {"x": 0.25}, {"from": "queue"})
    study.tell(trial, (1.0, 2.0))
    with pytest.raises(ValueError, match="was told already"):
        study.tell(0, (1.0, 2.0))
    study.tell(study.ask(), state=TrialState.FAIL)
    other = skipjack.create_study(directions=["minimize", "maximize"], sampler=RandomSampler())
    other.optimize(lambda t: (t.suggest_float("x", 0, 1), t.suggest_int("y", 1, 9)), n_trials=5)
    study.add_trials(other.trials)
    assert [t.number for t in study.trials] == list(range(7))
    assert [t.values for t in study.trials[2:]] == [t.values for t in other.trials]
    same_in(own, study)


def test_it_is_copied_in_both_directions(own: BaseStorage) -> None:
    memory = skipjack.create_study(study_name="old", sampler=RandomSampler(seed=1))
    memory.optimize(objective, n_trials=8, catch=ValueError)
    skipjack.copy_study(from_study_name="old", from_storage=memory._storage, to_storage=own)
    back = InMemoryStorage()
    skipjack.copy_study(
        from_study_name="old", from_storage=own, to_storage=back, to_study_name="new"
    )
    copied = skipjack.load_study(study_name="new", storage=back)
    assert all_told(back, copied._study_id) == all_told(memory._storage, 0)


def test_news_of_others_are_seen(own: BaseStorage) -> None:
    study = skipjack.create_study(storage=own, study_name="s")
    theirs = own.get_study_id_from_name("s")
    trial = own.create_new_trial(theirs)
    assert [t.state for t in study.trials] == [RUNNING]
    own.set_trial_param(trial, "x", 0.5, FloatDistribution(0, 1))
    own.set_trial_intermediate_value(trial, 1, float("nan"))
    own.set_trial_user_attr(trial, "key", float("nan"))
    own.set_study_user_attr(theirs, "note", 1)
    assert study.trials[0].params == {"x": 0.5}
    assert list(study.trials[0].intermediate_values) == [1]
    assert study.user_attrs == {"note": 1}
    mine = study.ask()
    own.set_trial_state_values(trial, COMPLETE, [3.0])
    later = own.create_new_trial(theirs)
    assert study.best_value == 3.0
    assert (mine.number, study.ask().number) == (1, 3)
    study.tell(2, 1.0)
    assert own.get_trial(later).value == 1.0


def test_a_trial_that_another_one_ended_has_ended(own: BaseStorage) -> None:
    study = skipjack.create_study(storage=own, study_name="s")
    trial = study.ask()
    theirs = own.get_all_trials(own.get_study_id_from_name("s"))[0]._trial_id
    own.set_trial_state_values(theirs, COMPLETE, [3.0])
    with pytest.raises(ValueError, match="was told already: it is COMPLETE with values"):
        study.tell(trial, 4.0)
    assert study.best_value == 3.0


def test_a_queued_trial_is_claimed_once(own: BaseStorage) -> None:
    study = skipjack.create_study(storage=own, study_name="s")
    for i in range(3):
        study.enqueue_trial({"x": i / 4})
    theirs = own.get_all_trials(own.get_study_id_from_name("s"))
    assert len(study.trials) == 3
    assert own.set_trial_state_values(theirs[0]._trial_id, RUNNING)
    trials = [study.ask({"x": FloatDistribution(0, 1)}) for _ in range(3)]
    assert [t.number for t in trials] == [1, 2, 3]
    assert [t.params["x"] for t in trials[:2]] == [0.25, 0.5]


def test_several_threads_share_it(own: BaseStorage) -> None:
    study = skipjack.create_study(storage=own, study_name="s", sampler=RandomSampler(seed=1))
    study.optimize(objective, n_trials=24, n_jobs=4, catch=ValueError)
    assert [t.number for t in study.trials] == list(range(24))
    assert not study.get_trials(states=(RUNNING, WAITING))
    same_in(own, study)


def test_trials_that_others_make_between_those_of_a_batch_are_kept_apart() -> None:
    class Busy(DictStorage):
        def create_new_trial(self, study_id: int, template_trial: Any = None) -> int:
            if len(self.where) == 2:
                super().create_new_trial(study_id)
            return super().create_new_trial(study_id, template_trial)

    own = Busy()
    study = skipjack.create_study(storage=own, study_name="s")
    other = skipjack.create_study(sampler=RandomSampler(seed=1))
    other.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=4)
    study.add_trials(other.trials)
    assert [t.state for t in study.trials] == [COMPLETE, COMPLETE, RUNNING, COMPLETE, COMPLETE]
    same_in(own, study)
    study.tell(2, 0.5)
    assert own.get_all_trials(3)[2].value == 0.5
    same_in(own, study)


@pytest.mark.parametrize(
    "method",
    [
        "create_new_trial",
        "set_trial_param",
        "set_trial_user_attr",
        "set_trial_intermediate_value",
        "set_trial_state_values",
        "get_all_trials",
    ],
)
def test_what_it_raises_reaches_the_user_and_nothing_told_is_lost(method: str) -> None:
    class Failing(DictStorage):
        is_broken = False

    def broken(self: Failing, *args: Any, **kwargs: Any) -> Any:
        if self.is_broken:
            raise ConnectionError("the cable is out")
        return getattr(DictStorage, method)(self, *args, **kwargs)

    setattr(Failing, method, broken)
    own = Failing()
    study = skipjack.create_study(storage=own, study_name="s", sampler=RandomSampler(seed=1))
    study.optimize(objective, n_trials=3)
    waiting = study.ask()
    waiting.suggest_float("x", -1, 1)

    def falls(trial: skipjack.Trial) -> float:
        own.is_broken = trial.number == 6
        return objective(trial)

    with pytest.raises(ConnectionError, match="the cable is out"):
        study.optimize(falls, n_trials=9, catch=ValueError)
        own.is_broken = True
        study.optimize(objective, n_trials=1)
    own.is_broken = False
    study.tell(waiting, 1.0)
    study.optimize(objective, n_trials=3)
    told = [t for t in study.trials if t.state.is_finished()]
    assert [t.number for t in study.trials] == list(range(len(study.trials)))
    assert len(told) >= 7
    assert all(t.params for t in told if t.state is COMPLETE)
    there = [t for t in all_told(own, 3) if t["state"].is_finished()]
    assert there == [t for t in all_told(study._storage, 0) if t["state"].is_finished()]


def test_it_cannot_change_what_has_ended(own: BaseStorage) -> None:
    study = skipjack.create_study(storage=own, study_name="s")
    study.tell(study.ask(), 1.0)
    for change in (
        lambda: study.withdraw_trial(0, "no"),
        lambda: study.amend_trial(0, reason="no", values=2.0),
        lambda: study.restore_trial(0),
    ):
        with pytest.raises(NotImplementedError, match="copy_study"):
            change()
    assert study.best_value == 1.0


def test_the_handles_of_one_storage_share_a_buffer() -> None:
    own = DictStorage()
    first = skipjack.create_study(storage=own, study_name="s")
    second = skipjack.load_study(study_name="s", storage=own)
    trial = first.ask()
    trial.set_user_attr("a", 1)
    assert second.trials[0].user_attrs == {"a": 1}
    with pytest.raises(UpdateFinishedTrialError):
        second.tell(trial.number, 1.0)
        trial.report(1.0, 1)


def test_a_pickled_study_has_a_copy_of_it() -> None:
    study = skipjack.create_study(storage=DictStorage(), study_name="s", sampler=RandomSampler())
    study.optimize(objective, n_trials=3)
    again = pickle.loads(pickle.dumps(study))
    again.optimize(objective, n_trials=2)
    assert (len(again.trials), len(study.trials)) == (5, 3)
    assert isinstance(again._storage, ForeignStorage)
    assert ForeignLog(again._storage.storage).key == again._ledger.log.key


def test_many_studies_of_it_do_not_mix() -> None:
    own = DictStorage()
    studies = [skipjack.create_study(storage=own, study_name=f"s{i}") for i in range(4)]

    def run(study: skipjack.Study) -> None:
        study.optimize(lambda t: t.suggest_float(study.study_name, 0, 1), n_trials=5)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, studies))
    for study in studies:
        assert [list(t.params) for t in study.trials] == [[study.study_name]] * 5
        same_in(own, study)


def test_distributions_reach_it_as_objects() -> None:
    own = DictStorage()
    study = skipjack.create_study(storage=own, study_name="s")
    study.ask({"x": FloatDistribution(0, 1)})
    assert len(study.trials) == 1
    study._ledger.flush(study._ledger.study(0), study._ledger.study(0).open[0])
    found: dict[str, BaseDistribution] = own.get_all_trials(3)[0].distributions
    assert found == {"x": FloatDistribution(0, 1)}
