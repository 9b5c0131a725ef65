"""Choices that change from trial to trial, where the study says that they may."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.distributions import CategoricalDistribution, FloatDistribution
from skipjack.records.frozen import create_trial
from skipjack.records.space import Space
from skipjack.samplers import (
    BaseSampler,
    GridSampler,
    PartialFixedSampler,
    RandomSampler,
    TPESampler,
)
from skipjack.study import Study
from skipjack.trial import FixedTrial, Trial
from tests.conftest import Require

COSTS = {"slow": 3.0, "good": 0.0, "bad": 5.0, "new": -4.0, None: 1.0}


def made(sampler: BaseSampler | None = None, **arguments: Any) -> Study:
    return skipjack.create_study(sampler=sampler, dynamic_choices=True, **arguments)


def objective(*choices: Any) -> Callable[[Trial], float]:
    """A choice costs what COSTS says, and so does distance from 1."""

    def run(trial: Trial) -> float:
        x = trial.suggest_float("x", -5, 5)
        return COSTS[trial.suggest_categorical("kind", choices)] + abs(x - 1)

    return run


def kinds(study: Study, first: int = 0) -> list[Any]:
    return [trial.params["kind"] for trial in study.trials[first:]]


SAMPLERS: list[Callable[[], BaseSampler]] = [
    lambda: RandomSampler(seed=1),
    lambda: TPESampler(seed=1, n_startup_trials=5),
    lambda: TPESampler(seed=1, n_startup_trials=5, multivariate=False),
    lambda: PartialFixedSampler({"x": 0.5}, TPESampler(seed=1, n_startup_trials=5)),
]


def test_without_leave_it_is_an_error_that_names_the_option() -> None:
    study = skipjack.create_study()
    study.optimize(objective("slow", "good"), n_trials=1)
    for choices in (("slow", "good", "new"), ("good", "slow")):
        with pytest.raises(ValueError, match=r"dynamic value space.*`dynamic_choices=True`"):
            study.ask().suggest_categorical("kind", choices)
    with pytest.raises(ValueError, match="dynamic_choices"):
        study.add_trial(
            create_trial(
                value=0.0,
                params={"kind": "new"},
                distributions={"kind": CategoricalDistribution(("new",))},
            )
        )


@pytest.mark.filterwarnings("ignore::skipjack.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_choices_grow_shrink_and_change_places(sampler: Callable[[], BaseSampler]) -> None:
    study = made(sampler())
    study.optimize(objective("slow", "good"), n_trials=15)
    study.optimize(objective("bad", "good", "slow", "new"), n_trials=15)
    study.optimize(objective("good", None), n_trials=15)
    assert set(kinds(study)[:15]) == {"slow", "good"}
    assert "new" in kinds(study)[15:30]
    assert set(kinds(study)[30:]) == {"good", None}
    for trial in study.trials:
        assert trial.params["kind"] in trial.distributions["kind"].choices  # type: ignore[attr-defined]
    assert study.best_value == min(t.value for t in study.trials if t.value is not None)
    assert study.best_params == study.best_trial.params


def test_what_is_known_of_choices_that_stay_still_counts() -> None:
    study = made(TPESampler(seed=0))
    study.optimize(objective("bad", "slow", "good"), n_trials=60)
    study.optimize(objective("good", "bad", "slow", None), n_trials=40)
    later = kinds(study, 60)
    assert None in later
    assert later.count("good") > 2 * (later.count("bad") + later.count("slow"))


def test_a_better_new_choice_is_found_and_kept() -> None:
    study = made(TPESampler(seed=0))
    study.optimize(objective("bad", "good"), n_trials=40)
    study.optimize(objective("bad", "good", "new"), n_trials=40)
    assert kinds(study, 60).count("new") >= 15


def test_a_grid_goes_on() -> None:
    study = made(GridSampler({"kind": ["good", "bad"]}, seed=0))
    study.optimize(lambda t: COSTS[t.suggest_categorical("kind", ["good", "bad", "slow"])])
    assert sorted(kinds(study)) == ["bad", "good"]
    study.sampler = GridSampler({"kind": ["good", "bad", "new"]}, seed=0)
    study.optimize(lambda t: COSTS[t.suggest_categorical("kind", ["new", "bad", "good"])])
    assert sorted(kinds(study)) == ["bad", "good", "new"]


def test_conditional_parameters_follow_the_choice_by_its_name() -> None:
    def branches(*choices: str) -> Callable[[Trial], float]:
        def run(trial: Trial) -> float:
            if trial.suggest_categorical("kind", choices) == "good":
                return trial.suggest_float("deep", 0, 1)
            return 2.0

        return run

    study = made(TPESampler(seed=0))
    study.optimize(branches("bad", "good"), n_trials=30)
    study.optimize(branches("new", "good", "bad"), n_trials=30)
    study.optimize(branches("good", "new"), n_trials=30)
    for trial in study.trials:
        assert ("deep" in trial.params) == (trial.params["kind"] == "good")
    assert study.best_value < 0.1


def test_running_trials_with_other_choices_are_kept_clear_of() -> None:
    study = made(TPESampler(seed=0, n_startup_trials=3))
    for choices in [("slow", "good"), ("good", "new", "slow"), ("new", "good")] * 8:
        trials = [study.ask() for _ in range(3)]
        for trial in trials:
            trial.suggest_categorical("kind", choices)
        for trial in trials:
            study.tell(trial, COSTS[trial.params["kind"]])
    assert study.best_value == -4.0


def test_every_choice_of_a_finite_space_is_tried_though_they_change() -> None:
    study = made(TPESampler(seed=0, n_startup_trials=1))
    study.optimize(lambda t: COSTS[t.suggest_categorical("kind", ["slow", "good"])], n_trials=2)
    wide = ["new", "bad", "good", "slow", None]
    study.optimize(lambda t: COSTS[t.suggest_categorical("kind", wide)], n_trials=4)
    assert set(kinds(study)) >= {"new", "bad", None}


def test_enqueued_values_and_several_handles() -> None:
    study = made(TPESampler(seed=0))
    study.optimize(objective("slow", "good"), n_trials=12)
    study.enqueue_trial({"kind": "new"})
    trial = study.ask()
    assert trial.suggest_categorical("kind", ("slow", "new")) == "new"
    study.tell(trial, 0.0)
    trial = study.ask()
    again = Trial(study, trial._trial_id)
    assert again.suggest_categorical("kind", ("bad", None)) in ("bad", None)
    with pytest.raises(ValueError, match="choices"):  # within a trial they must not
        trial.suggest_categorical("kind", ("slow", "new"))


def test_a_file_keeps_it_and_all_processes_see_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    study = made(TPESampler(seed=3), storage=url, study_name="s")
    study.optimize(objective("slow", "good"), n_trials=15)
    study.optimize(objective("new", "good", "slow"), n_trials=15)
    del study
    skipjack.copy_study(from_study_name="s", from_storage=url, to_storage=url, to_study_name="t")
    proposed = []
    for name in ("s", "t"):
        opened = skipjack.load_study(study_name=name, storage=url, sampler=TPESampler(seed=3))
        assert set(kinds(opened)[:15]) == {"slow", "good"}
        assert "new" in kinds(opened)[15:30]
        proposed.append(opened.ask().relative_params)
        opened.optimize(objective("good", "bad"), n_trials=3)
    assert proposed[0] == proposed[1]


def test_a_study_that_exists_can_be_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    for dynamic, choices in ((False, ("slow", "good")), (True, ("slow", "good", "new"))):
        study = skipjack.create_study(
            study_name="s", storage=url, load_if_exists=True, dynamic_choices=dynamic
        )
        study.optimize(objective(*choices), n_trials=12)
    assert len(study.trials) == 24


def test_tables_show_the_choices(require: Require) -> None:
    require("pandas")
    study = made(RandomSampler(seed=0))
    study.optimize(objective("slow", "good"), n_trials=5)
    study.optimize(objective("good", "new"), n_trials=5)
    assert study.trials_dataframe()["params_kind"].tolist() == kinds(study)
    assert study.get_trials()[7].params["kind"] in ("good", "new")


def test_a_sampler_of_ones_own_and_a_fixed_trial() -> None:
    class Last(BaseSampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            return {}

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
            return {}

        def sample_independent(self, study: Any, trial: Any, name: Any, dist: Any) -> Any:
            return dist.choices[-1] if hasattr(dist, "choices") else 0.0

    study = made(Last())
    study.optimize(objective("slow", "good"), n_trials=1)
    study.optimize(objective("new", "bad"), n_trials=1)
    assert kinds(study) == ["good", "bad"]
    assert objective("good", "new")(FixedTrial({"x": 1.0, "kind": "new"})) == -4.0  # type: ignore[arg-type]  # stands in


def test_places_of_old_trials_are_those_of_the_same_choices() -> None:
    study = made()
    for choices, kind in ((("a", "b"), "b"), (("c", "a"), "a"), (("b", "c"), "c")):
        study.add_trial(
            create_trial(
                value=0.0,
                params={"kind": kind, "x": 0.0},
                distributions={
                    "kind": CategoricalDistribution(choices),
                    "x": FloatDistribution(-1, 1),
                },
            )
        )
    history = study.history  # type: ignore[attr-defined]
    space = Space({"kind": CategoricalDistribution(("a", "c")), "x": FloatDistribution(-1, 1)})
    for found in (history.unit(space), history.unit(space, np.arange(3))):
        assert np.array_equal(found[:, 0], [np.nan, 0.25, 0.75], equal_nan=True)
        assert found[:, 1].tolist() == [0.5, 0.5, 0.5]
