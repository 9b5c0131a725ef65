"""Studies are made, found, listed, copied and deleted, by name, in any storage."""

import re
import warnings
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.exceptions import DuplicatedStudyError
from skipjack.pruners import MedianPruner
from skipjack.samplers import TPESampler
from skipjack.storages import BaseStorage, InMemoryStorage, RDBStorage
from skipjack.study import Study, StudyDirection, StudySummary
from skipjack.trial import TrialState, create_trial
from tests.studies import a_study, listening, told

MINIMIZE, MAXIMIZE = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE


def test_a_plain_study_minimises_with_tpe_and_the_median_pruner_in_memory() -> None:
    study = skipjack.create_study()
    assert study.direction == MINIMIZE and study.directions == [MINIMIZE]
    assert isinstance(study.sampler, TPESampler) and isinstance(study.pruner, MedianPruner)
    assert isinstance(study._storage, InMemoryStorage)
    assert re.fullmatch(r"no-name-[0-9a-f-]{36}", study.study_name)
    assert study.trials == [] and study.user_attrs == {} and study.metric_names is None


def test_several_objectives_use_tpe_too() -> None:
    study = skipjack.create_study(directions=["minimize", "maximize"])
    assert isinstance(study.sampler, TPESampler)
    assert study.directions == [MINIMIZE, MAXIMIZE] and study._is_multi_objective()
    with pytest.raises(RuntimeError, match="directions"):
        assert study.direction


@pytest.mark.parametrize(
    ("arguments", "directions"),
    [
        ({}, [MINIMIZE]),
        ({"direction": "minimize"}, [MINIMIZE]),
        ({"direction": "maximize"}, [MAXIMIZE]),
        ({"direction": MAXIMIZE}, [MAXIMIZE]),
        ({"directions": ["maximize"]}, [MAXIMIZE]),
        ({"directions": ("minimize", MAXIMIZE)}, [MINIMIZE, MAXIMIZE]),
        ({"directions": {"maximize": 1}.keys()}, [MAXIMIZE]),
    ],
)
def test_directions_are_words_or_members(
    storage: BaseStorage, arguments: Any, directions: list[StudyDirection]
) -> None:
    study = a_study(storage, study_name="s", **arguments)
    assert study.directions == directions
    assert skipjack.load_study(study_name="s", storage=storage).directions == directions


@pytest.mark.parametrize(
    "arguments",
    [
        {"direction": "min"},
        {"direction": "MINIMIZE"},
        {"direction": 1},
        {"direction": StudyDirection.NOT_SET},
        {"direction": ["minimize"]},
        {"direction": "minimize", "directions": ["minimize"]},
        {"directions": []},
        {"directions": "minimize"},
        {"directions": 3},
        {"directions": ["minimize", "up"]},
        {"directions": ["minimize", None]},
    ],
)
def test_other_directions_are_refused_and_nothing_is_made(
    storage: BaseStorage, arguments: Any
) -> None:
    with pytest.raises(ValueError, match=r"^`directions?"):
        a_study(storage, **arguments)
    assert skipjack.get_all_study_names(storage) == []


def test_a_direction_in_a_list_is_told_of_directions_and_a_word_is_not() -> None:
    with pytest.raises(ValueError, match="use `directions`"):
        skipjack.create_study(direction=["minimize"])  # type: ignore[arg-type]
    with pytest.raises(ValueError) as caught:
        skipjack.create_study(direction="min")  # type: ignore[arg-type]
    assert "directions" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"study_name": 3}, "study_name"),
        ({"sampler": 3}, "sampler"),
        ({"sampler": TPESampler}, "sampler"),
        ({"pruner": 3}, "pruner"),
        ({"storage": 3}, "storage"),
        ({"storage": Path("a.db")}, "storage"),
    ],
)
def test_an_argument_of_a_wrong_type_is_refused(arguments: Any, says: str) -> None:
    with pytest.raises(TypeError, match=f"`{says}` must"):
        skipjack.create_study(**arguments)


def test_a_class_in_place_of_a_sampler_is_refused_before_anything_is_made() -> None:
    storage = InMemoryStorage()
    with pytest.raises(TypeError, match="`pruner` must"):
        skipjack.create_study(storage=storage, pruner=MedianPruner)  # type: ignore[arg-type]
    assert skipjack.get_all_study_names(storage) == []


@pytest.mark.parametrize(
    "function",
    [skipjack.create_study, skipjack.load_study, skipjack.delete_study, skipjack.copy_study],
)
def test_arguments_are_keywords(function: Any) -> None:
    with pytest.raises(TypeError, match="positional"):
        function("name", "sqlite://")


@pytest.mark.parametrize("name", ["", "a b", "ü/..\\'\"", "x" * 1000])
def test_any_text_is_a_name(storage: BaseStorage, name: str) -> None:
    told(1.0, study=a_study(storage, study_name=name))
    assert len(skipjack.load_study(study_name=name, storage=storage).trials) == 1
    assert skipjack.get_all_study_names(storage) == [name]


def test_a_taken_name_is_an_error_or_loads_the_study(storage: BaseStorage) -> None:
    told(1.0, study=a_study(storage, study_name="s", direction="maximize"))
    with pytest.raises(DuplicatedStudyError, match="'s'"):
        a_study(storage, study_name="s")
    with listening() as heard:
        again = a_study(storage, study_name="s", load_if_exists=True)
    assert heard.texts == [
        "Using an existing study with `study_name='s'` instead of creating a new one."
    ]
    assert again.direction == MAXIMIZE and len(again.trials) == 1
    assert skipjack.get_all_study_names(storage) == ["s"]


def test_load_if_exists_makes_what_does_not_exist(storage: BaseStorage) -> None:
    assert a_study(storage, study_name="s", load_if_exists=True).trials == []


def test_the_log_says_where_a_study_was_made(tmp_path: Path) -> None:
    with listening() as heard:
        a_study(study_name="a")
        a_study(f"sqlite:///{tmp_path / 'a.db'}", study_name="b")
    assert heard.texts == [
        "A new study created in memory with name: a",
        "A new study created in RDB with name: b",
    ]


def test_an_unknown_name_is_a_key_error_that_lists_those_there_are(storage: BaseStorage) -> None:
    for call in (
        lambda: skipjack.load_study(study_name="nope", storage=storage),
        lambda: skipjack.delete_study(study_name="nope", storage=storage),
        lambda: skipjack.copy_study(
            from_study_name="nope", from_storage=storage, to_storage=storage
        ),
        lambda: Study("nope", storage),
    ):
        with pytest.raises(KeyError) as caught:
            call()
        assert str(caught.value) == "No study 'nope'; this storage has none yet."
    a_study(storage, study_name="a")
    a_study(storage, study_name="b")
    with pytest.raises(KeyError) as caught:
        skipjack.load_study(study_name="nope", storage=storage)
    assert str(caught.value) == "No study 'nope'; this storage has 'a', 'b'."


def test_the_only_study_needs_no_name(storage: BaseStorage) -> None:
    with pytest.raises(ValueError, match="0 studies"):
        skipjack.load_study(study_name=None, storage=storage)
    a_study(storage, study_name="z")
    with listening() as heard:
        assert skipjack.load_study(study_name=None, storage=storage).study_name == "z"
    assert heard.texts == [
        "Study name was omitted but trying to load `study_name='z'` because that was the only "
        "study found in the storage."
    ]
    a_study(storage, study_name="y")
    with pytest.raises(ValueError, match="2 studies: 'z', 'y'"):
        skipjack.load_study(study_name=None, storage=storage)
    with pytest.raises(TypeError, match="`study_name` must"):
        skipjack.load_study(study_name=3, storage=storage)  # type: ignore[arg-type]


def test_a_loaded_study_has_the_given_sampler_and_pruner_or_the_defaults() -> None:
    study = a_study(study_name="s")
    loaded = skipjack.load_study(study_name="s", storage=study._storage)
    assert isinstance(loaded.sampler, TPESampler) and isinstance(loaded.pruner, MedianPruner)
    loaded = skipjack.load_study(study_name="s", storage=study._storage, sampler=study.sampler)
    assert loaded.sampler is study.sampler


def test_sampler_and_pruner_can_be_exchanged_for_others_only() -> None:
    study = a_study()
    study.sampler = TPESampler(seed=1)
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(TypeError, match="`sampler` must"):
        study.sampler = None  # type: ignore[assignment]
    with pytest.raises(TypeError, match=r"not a class.* TPESampler\(\) is one"):
        study.sampler = TPESampler  # type: ignore[assignment]
    with pytest.raises(TypeError, match="`pruner` must"):
        study.pruner = "median"  # type: ignore[assignment]


def test_a_deleted_study_is_gone(storage: BaseStorage) -> None:
    study = told(1.0, study=a_study(storage, study_name="s"))
    told(2.0, study=a_study(storage, study_name="other"))
    skipjack.delete_study(study_name="s", storage=storage)
    assert skipjack.get_all_study_names(storage) == ["other"]
    with pytest.raises(KeyError):
        assert study.trials
    with pytest.raises(KeyError):
        study.ask()
    assert a_study(storage, study_name="s").trials == []
    assert skipjack.load_study(study_name="other", storage=storage).best_value == 2.0


def full_study(storage: BaseStorage) -> Study:
    study = a_study(storage, study_name="from", directions=["maximize", "minimize"])
    study.set_user_attr("u", {"a": [1]})
    study._storage.set_study_system_attr(study._study_id, "s", 2)
    study.set_metric_names(["one", "two"])

    def objective(trial: Any) -> tuple[float, float]:
        trial.suggest_float("x", 0, 1)
        trial.suggest_categorical("c", ["a", None])
        trial.set_user_attr("n", trial.number)
        trial.set_constraint("c", trial.number)
        if trial.number == 1:
            raise skipjack.TrialPruned
        return 1.0, 2.0

    study.optimize(objective, n_trials=3)
    study.ask().suggest_float("x", 0, 1)
    study.enqueue_trial({"x": 0.5})
    return study


def test_a_copy_has_everything_but_the_ids(storage: BaseStorage, tmp_path: Path) -> None:
    study = full_study(storage)
    for target in (storage, InMemoryStorage(), f"sqlite:///{tmp_path / 'other.db'}"):
        skipjack.copy_study(
            from_study_name="from", from_storage=storage, to_storage=target, to_study_name="to"
        )
        copied = skipjack.load_study(study_name="to", storage=target)
        assert copied.directions == study.directions
        assert copied.user_attrs == {"u": {"a": [1]}} and copied.metric_names == ["one", "two"]
        system = copied._storage.get_study_system_attrs(copied._study_id)
        assert system == study._storage.get_study_system_attrs(study._study_id)
        trials, expected = copied.trials, study.trials
        for one, other in zip(trials, expected, strict=True):
            other._trial_id = one._trial_id
        assert trials == expected
        told(study=copied)
        copied.ask()  # the queued one
        assert copied.trials[4].state == TrialState.RUNNING
    assert study.trials[4].state == TrialState.WAITING


def test_a_copy_keeps_the_name_unless_told_and_takes_none_that_is_taken(
    storage: BaseStorage,
) -> None:
    told(1.0, study=a_study(storage, study_name="s"))
    other = InMemoryStorage()
    with listening() as listener:
        skipjack.copy_study(from_study_name="s", from_storage=storage, to_storage=other)
    assert listener.texts == ["A new study created in memory with name: s"]
    assert skipjack.get_all_study_names(other) == ["s"]
    with pytest.raises(DuplicatedStudyError):
        skipjack.copy_study(from_study_name="s", from_storage=storage, to_storage=other)
    assert len(skipjack.load_study(study_name="s", storage=other).trials) == 1


def test_a_copy_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    study = a_study(study_name="s")
    study.set_user_attr("thing", object())
    target = RDBStorage(f"sqlite:///{tmp_path / 'a.db'}")
    with pytest.raises(TypeError, match="JSON"):
        skipjack.copy_study(from_study_name="s", from_storage=study._storage, to_storage=target)
    assert skipjack.get_all_study_names(target) == []


def test_summaries_tell_of_all_studies_by_id(storage: BaseStorage) -> None:
    first = told(2.0, 1.0, study=a_study(storage, study_name="a"))
    first.set_user_attr("k", 1)
    a_study(storage, study_name="empty", direction="maximize")
    full_study(storage)
    summaries = skipjack.get_all_study_summaries(storage)
    assert [s.study_name for s in summaries] == ["a", "empty", "from"]
    assert [s.n_trials for s in summaries] == [2, 0, 5]
    assert [s.best_trial and s.best_trial.number for s in summaries] == [1, None, None]
    assert [s.user_attrs for s in summaries] == [{"k": 1}, {}, {"u": {"a": [1]}}]
    assert summaries[0].datetime_start == first.trials[0].datetime_start
    assert summaries[1].datetime_start is None and summaries[1].direction == MAXIMIZE
    assert list(summaries[2].directions) == [MAXIMIZE, MINIMIZE]
    with pytest.raises(RuntimeError):
        assert summaries[2].direction
    assert sorted([*summaries[1:], summaries[0]]) == summaries and summaries[0] <= summaries[1]
    assert summaries[0] == skipjack.get_all_study_summaries(storage)[0] != summaries[1]
    without = skipjack.get_all_study_summaries(storage, include_best_trial=False)
    assert without[0].best_trial is None


def test_the_best_trial_of_a_summary_keeps_its_constraints(storage: BaseStorage) -> None:
    study = a_study(storage)
    for value in (1.0, 2.0):
        trial = study.ask()
        trial.set_constraint("c", 1.5 - value)
        study.tell(trial, value)
    best = skipjack.get_all_study_summaries(storage)[0].best_trial
    assert best is not None and best.number == 1


def test_a_summary_takes_one_direction_or_several_and_not_both() -> None:
    def summary(**directions: Any) -> StudySummary:
        one = {"direction": None, **directions}
        return StudySummary(
            "s", best_trial=None, user_attrs={}, n_trials=0, datetime_start=None, study_id=1, **one
        )

    assert summary(direction=MAXIMIZE).directions == [MAXIMIZE]
    assert summary(directions=[MAXIMIZE]).direction == MAXIMIZE
    for wrong in ({}, {"direction": MAXIMIZE, "directions": [MAXIMIZE]}):
        with pytest.raises(ValueError):
            summary(**wrong)


def test_a_url_stands_for_its_storage(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    told(1.0, study=a_study(url, study_name="s"))
    assert skipjack.get_all_study_names(url) == ["s"]
    assert skipjack.get_all_study_summaries(url)[0].n_trials == 1
    skipjack.copy_study(from_study_name="s", from_storage=url, to_storage=url, to_study_name="t")
    skipjack.delete_study(study_name="s", storage=url)
    assert skipjack.load_study(study_name=None, storage=url).study_name == "t"


@pytest.mark.parametrize("url", ["nonsense", "mongodb://x", "sqlite:/a.db", ""])
def test_an_unknown_url_is_a_value_error_that_shows_one(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        skipjack.create_study(storage=url)


def test_a_number_of_retries_is_checked() -> None:
    for wrong in (-1, 1.5, True, "1"):
        with pytest.raises(ValueError, match="`max_retries` must"):
            skipjack.create_study(max_retries=wrong)  # type: ignore[arg-type]


def test_making_and_loading_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = skipjack.create_study(study_name="s")
        study.set_metric_names(["loss"])  # Optuna says that this is experimental
        skipjack.load_study(study_name="s", storage=study._storage)


def test_trials_of_made_studies_can_be_moved_between_studies() -> None:
    study = told(1.0, 2.0)
    other = a_study()
    other.add_trials(study.trials)
    other.add_trial(create_trial(value=0.5))
    assert [t.value for t in other.trials] == [1.0, 2.0, 0.5] and other.best_trial.number == 2
