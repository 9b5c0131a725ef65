"""Studies and storages of the real Optuna as objects, in a process that has it.

Optuna is never imported here: whoever hands over one of its objects has done so.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from skipjack.distributions import DISTRIBUTION_CLASSES, BaseDistribution, distribution_to_json
from skipjack.errors import not_found
from skipjack.records.attributes import packed
from skipjack.records.frozen import FrozenTrial
from skipjack.records.states import StudyDirection, TrialState
from skipjack.records.times import epoch_seconds, local_time
from skipjack.storages.base import BaseStorage
from skipjack.storages.whole import WholeStudy

_METHODS = ("get_study_id_from_name", "get_all_trials", "create_new_trial")
_OURS = {kind.__name__: kind for kind in DISTRIBUTION_CLASSES}


def is_storage(thing: Any) -> bool:
    """Whether it is a storage, but none of ours."""
    return not isinstance(thing, BaseStorage) and all(hasattr(thing, name) for name in _METHODS)


def taken(storage: Any, name: str) -> WholeStudy:
    """A study of a storage of Optuna's.

    Raises:
        KeyError: If there is none of that name; the text lists those that there are.
    """
    for study in storage.get_all_studies():
        if study.study_name == name:
            study_id = study._study_id
            return WholeStudy(
                name,
                [StudyDirection(int(d)) for d in storage.get_study_directions(study_id)],
                dict(storage.get_study_user_attrs(study_id)),
                dict(storage.get_study_system_attrs(study_id)),
                list(_trials(storage.get_all_trials(study_id, deepcopy=False))),
            )
    raise not_found("study", name, [study.study_name for study in storage.get_all_studies()])


def _trials(trials: Iterable[Any]) -> Iterable[FrozenTrial]:
    known: dict[Any, tuple[Any, BaseDistribution]] = {}  # with theirs, so that ids stay unique
    for t in trials:
        dists = {}
        for name, theirs in t.distributions.items():
            if id(theirs) not in known:
                made = _OURS[type(theirs).__name__](**theirs._asdict())
                known[id(theirs)] = theirs, made
            dists[name] = known[id(theirs)][1]
        yield FrozenTrial(
            number=t.number,
            state=TrialState(int(t.state)),
            value=None,
            values=t.values,
            datetime_start=t.datetime_start,
            datetime_complete=t.datetime_complete,
            params=dict(t.params),
            distributions=dists,
            user_attrs=dict(t.user_attrs),
            system_attrs=dict(t.system_attrs),
            intermediate_values=dict(t.intermediate_values),
            trial_id=t._trial_id,
        )


def put(storage: Any, study: WholeStudy) -> None:
    """Make a study in a storage of Optuna's.

    Raises:
        Exception: What Optuna raises, its own DuplicatedStudyError among them.
    """
    optuna = sys.modules["optuna"]
    made = storage.create_new_study(
        [optuna.study.StudyDirection(int(d)) for d in study.directions], study.name
    )
    try:
        for key, value in study.user.items():
            storage.set_study_user_attr(made, key, value)
        for key, value in study.system.items():
            storage.set_study_system_attr(made, key, value)
        for trial in study.trials:
            storage.create_new_trial(made, _theirs(optuna, trial))
    except BaseException:  # half a copy would be taken for a whole one
        storage.delete_study(made)
        raise


def _theirs(optuna: Any, trial: FrozenTrial) -> Any:
    """A trial as an object of Optuna's."""
    read = optuna.distributions.json_to_distribution
    reports, system = packed(trial.intermediate_values, trial.metrics)
    return optuna.trial.FrozenTrial(
        number=trial.number,
        state=optuna.trial.TrialState(int(trial.state)),
        value=None,
        values=trial.values,
        datetime_start=local_time(epoch_seconds(trial.datetime_start)),
        datetime_complete=local_time(epoch_seconds(trial.datetime_complete)),
        params=dict(trial.params),
        distributions={n: read(distribution_to_json(d)) for n, d in trial.distributions.items()},
        user_attrs=dict(trial.user_attrs),
        system_attrs={**trial.system_attrs, **system},
        intermediate_values=reports,
        trial_id=-1,
    )
