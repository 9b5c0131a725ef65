"""Making, finding, copying and deleting studies."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias
from uuid import uuid4

import numpy as np

from skipjack import _optional, logging
from skipjack.errors import DuplicatedStudyError, invalid, wrong_type
from skipjack.pruners import BasePruner
from skipjack.records.replay import DYNAMIC_CHOICES
from skipjack.records.states import StudyDirection
from skipjack.records.times import local_time
from skipjack.samplers import BaseSampler
from skipjack.storages import BaseStorage, get_storage
from skipjack.storages.base import DEFAULT_STUDY_NAME_PREFIX, only_name
from skipjack.storages.face import LedgerStorage
from skipjack.storages.names import on_ledger
from skipjack.study.study import Study, check_part

copying = _optional.lazy("skipjack.storages.copying")
summary = _optional.lazy("skipjack.study.summary")

_logger = logging.get_logger(__name__)
Direction: TypeAlias = Literal["minimize", "maximize"] | StudyDirection


def create_study(
    *,
    storage: str | BaseStorage | None = None,
    sampler: BaseSampler | None = None,
    pruner: BasePruner | None = None,
    study_name: str | None = None,
    direction: Direction | None = None,
    load_if_exists: bool = False,
    directions: Sequence[Direction] | None = None,
    max_retries: int = 1,
    dynamic_choices: bool = False,
    retry_with_reports: bool = False,
) -> Study:
    """Make a study.

    Args:
        storage: Where it is kept: a URL such as "sqlite:///study.db", a storage, or None for the
            memory of this process.
        sampler: Decides what to try; `TPESampler` if None.
        pruner: Decides what to stop; `MedianPruner` if None.
        study_name: Its name; made up if None.
        direction: "minimize" (if None) or "maximize".
        load_if_exists: Go on with the study of that name if there is one.
        directions: A direction for each objective, if there are several.
        max_retries: How often the parameters of a trial are tried again when the process that
            ran it died.
        dynamic_choices: Whether the choices of a categorical parameter may be others from trial
            to trial: new ones are tried, those that are gone are not proposed any more, and what
            is known of the others still counts. Kept with the study; a study that exists is told
            so too when it is loaded.
        retry_with_reports: Whether they begin with its reports, to go on from a checkpoint.

    Raises:
        DuplicatedStudyError: If there is a study of that name, and it is not to be loaded.
        ValueError: If the directions are not possible.
    """
    chosen = _directions(direction, directions)
    if study_name is not None and not isinstance(study_name, str):
        raise wrong_type("study_name", "be a str or None", study_name)
    if isinstance(max_retries, bool) or not isinstance(max_retries, int) or max_retries < 0:
        raise invalid("max_retries", "be a whole number of at least 0", max_retries)
    for part, given in (("sampler", sampler), ("pruner", pruner)):
        if given is not None:
            check_part(part, given)
    kept = on_ledger(get_storage(storage))
    name = f"{DEFAULT_STUDY_NAME_PREFIX}{uuid4()}" if study_name is None else study_name
    try:
        kept.ledger.create_study(name, chosen, max_retries, reports=retry_with_reports)
    except DuplicatedStudyError:
        if not load_if_exists:
            raise
        _logger.info(
            f"Using an existing study with `study_name='{name}'` instead of creating a new one."
        )
    else:
        _logger.info(f"A new study created in {kept.medium} with name: {name}")
    made = Study(name, kept, sampler, pruner)
    if dynamic_choices:
        kept.set_study_system_attr(made._study_id, DYNAMIC_CHOICES, True)
    return made


def load_study(
    *,
    study_name: str | None,
    storage: str | BaseStorage,
    sampler: BaseSampler | None = None,
    pruner: BasePruner | None = None,
) -> Study:
    """Open a study that exists.

    Args:
        study_name: Its name; None if it is the only one in the storage.
        storage: A URL or a storage.
        sampler: Decides what to try; `TPESampler` if None.
        pruner: Decides what to stop; `MedianPruner` if None.

    Raises:
        KeyError: If there is none of that name; the text lists those there are.
        ValueError: If no name was given and there is not exactly one study.
    """
    kept = get_storage(storage)
    if study_name is None:
        study_name = only_name(get_all_study_names(kept))
        _logger.info(
            f"Study name was omitted but trying to load `study_name='{study_name}'` because that "
            f"was the only study found in the storage."
        )
    elif not isinstance(study_name, str):
        raise wrong_type("study_name", "be a str or None", study_name)
    return Study(study_name, kept, sampler, pruner)


def delete_study(*, study_name: str, storage: str | BaseStorage) -> None:
    """Delete a study and its trials for ever.

    Args:
        study_name: Its name.
        storage: A URL or a storage.

    Raises:
        KeyError: If there is none of that name.
    """
    kept = get_storage(storage)
    kept.delete_study(kept.get_study_id_from_name(study_name))


def copy_study(
    *,
    from_study_name: str | None,
    from_storage: str | BaseStorage | Study,
    to_storage: str | BaseStorage,
    to_study_name: str | None = None,
) -> None:
    """Copy a study: directions, attributes, seed, and all trials with their numbers.

    Storages may also be Optuna's: a URL such as "optuna+sqlite:///old.db" names one that Optuna
    has written or is going to read, and its storage objects are taken as they are.

    Args:
        from_study_name: Its name; None if it is the only one there.
        from_storage: Where it is, a URL or a storage; or a study itself, ours or Optuna's.
        to_storage: Where the copy is made.
        to_study_name: The name of the copy; the same if None.

    Raises:
        KeyError: If there is no such study.
        ValueError: If no name was given and there is not exactly one study.
        DuplicatedStudyError: If the name of the copy is taken.
    """
    study = copying.taken(from_storage, from_study_name)
    if to_study_name is not None:
        study = dataclasses.replace(study, name=to_study_name)
    copying.put(copying.storage_of(to_storage), study)


def get_all_study_names(storage: str | BaseStorage) -> list[str]:
    """The names of all studies, by id.

    Args:
        storage: A URL or a storage.
    """
    kept = get_storage(storage)
    if isinstance(kept, LedgerStorage):
        return [record.name for _, record in sorted(kept.ledger.studies().items())]
    return [study.study_name for study in kept.get_all_studies()]


def get_all_study_summaries(
    storage: str | BaseStorage, include_best_trial: bool = True
) -> list[Any]:
    """All studies in short, by id.

    Args:
        storage: A URL or a storage.
        include_best_trial: Whether to look for the best trials, constraints considered.
    """
    kept = get_storage(storage)
    return [
        _summary(kept, study._study_id, study.study_name, include_best_trial)
        for study in kept.get_all_studies()
    ]


def _summary(kept: BaseStorage, study_id: int, name: str, include_best: bool) -> Any:
    directions = kept.get_study_directions(study_id)
    best = None
    if include_best and len(directions) == 1:
        try:
            best = kept.get_best_trial(study_id)
        except ValueError:
            best = None
    return summary.StudySummary(
        study_name=name,
        direction=None,
        best_trial=best,
        user_attrs=kept.get_study_user_attrs(study_id),
        n_trials=kept.get_n_trials(study_id),
        datetime_start=_first_start(kept, study_id),
        study_id=study_id,
        directions=directions,
    )


def _first_start(kept: BaseStorage, study_id: int) -> Any:
    """When the first trial of a study started, in local time; None if none has."""
    if isinstance(kept, LedgerStorage):
        state = kept.ledger.sync(study_id)
        starts = [draft.start for draft in state.open.values() if draft.start is not None]
        known = state.history.start
        known = known[~np.isnan(known)].tolist()
        return local_time(min([*starts, *known], default=None))
    starts_shown = [t.datetime_start for t in kept.get_all_trials(study_id, deepcopy=False)]
    return min((s for s in starts_shown if s is not None), default=None)


def _directions(direction: Any, directions: Sequence[Any] | None) -> list[StudyDirection]:
    """The directions that are meant, also when they are the real Optuna's.

    Raises:
        ValueError: If both are given, there is none, or one is no direction.
    """
    if direction is not None and directions is not None:
        raise invalid("direction, directions", "not be given both", (direction, directions))
    if directions is None:
        chosen: list[Any] = ["minimize" if direction is None else direction]
    else:
        if isinstance(directions, str) or not isinstance(directions, Iterable):
            raise invalid("directions", "be a list of directions", directions, "See `direction`.")
        chosen = list(directions)
        if not chosen:
            raise invalid("directions", "name at least one objective", directions)
    return [_one_direction(d, "direction" if directions is None else "directions") for d in chosen]


def _one_direction(given: Any, name: str) -> StudyDirection:
    if isinstance(given, str) and given in ("minimize", "maximize"):
        return StudyDirection[given.upper()]
    if type(given).__name__ == "StudyDirection" and int(given) in (1, 2):
        return StudyDirection(int(given))
    several = isinstance(given, Sequence) and not isinstance(given, str)
    hint = "For several objectives use `directions`." if several else ""
    raise invalid(name, "be 'minimize' or 'maximize'", given, hint)
