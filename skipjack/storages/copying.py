"""Studies taken whole from any storage, and put into any."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from skipjack import logging
from skipjack.errors import DuplicatedStudyError
from skipjack.records.attributes import packed
from skipjack.records.frozen import FrozenTrial
from skipjack.storages.base import BaseStorage, only_name
from skipjack.storages.face import LedgerStorage
from skipjack.storages.names import get_storage
from skipjack.storages.optuna_files import live
from skipjack.storages.optuna_files.log import OptunaLog
from skipjack.storages.whole import WholeStudy

_logger = logging.get_logger(__name__)


def storage_of(storage: Any) -> Any:
    """The storage that is meant, as `get_storage`; also one of the real Optuna's, as it is."""
    return storage if live.is_storage(storage) else get_storage(storage)


def taken(source: Any, name: str | None) -> WholeStudy:
    """A study of a storage or URL, or a study itself, each ours or the real Optuna's.

    Raises:
        KeyError: If there is none of that name.
        ValueError: If `name` is None and there is not exactly one study.
    """
    if hasattr(source, "_storage") and hasattr(source, "study_name"):
        name = source.study_name if name is None else name
        source = source._storage
    storage = storage_of(source)
    if name is None:
        name = only_name([study.study_name for study in storage.get_all_studies()])
    if not isinstance(storage, BaseStorage):
        return live.taken(storage, name)
    study_id = storage.get_study_id_from_name(name)
    study = WholeStudy(
        name,
        storage.get_study_directions(study_id),
        storage.get_study_user_attrs(study_id),
        storage.get_study_system_attrs(study_id),
        storage.get_all_trials(study_id, deepcopy=False),
    )
    if isinstance(storage, LedgerStorage):
        record = storage.ledger.record(study_id)
        kept = {"retries": record.retries, "reports": record.reports, "seed": record.seed}
        study = dataclasses.replace(study, **kept)  # type: ignore[arg-type]  # by name
    return study


def put(storage: Any, study: WholeStudy) -> None:
    """Make a study in a storage, ours or the real Optuna's.

    Raises:
        DuplicatedStudyError: If its name is taken.
    """
    if not isinstance(storage, BaseStorage):
        live.put(storage, study)
        medium = type(storage).__name__
    elif not isinstance(storage, LedgerStorage):
        _put_piecemeal(storage, study)
        medium = type(storage).__name__
    elif isinstance(storage.ledger.log, OptunaLog):
        storage.ledger.log.add(study)
        medium = storage.medium
    else:
        _put_into_ledger(storage, study)
        medium = storage.medium
    _logger.info(f"A new study created in {medium} with name: {study.name}")


def _put_into_ledger(storage: LedgerStorage, study: WholeStudy) -> None:
    ledger = storage.ledger
    made = ledger.create_study(
        study.name, study.directions, study.retries, study.seed, study.reports
    )
    try:
        with ledger.lock:
            for events in study.events(ledger.study(made)):
                ledger.commit(made, *events, own=False)
    except BaseException:  # half a copy would be taken for a whole one
        ledger.delete_study(made)
        raise


def _put_piecemeal(storage: BaseStorage, study: WholeStudy) -> None:
    made = storage.create_new_study(study.directions, study.name)
    try:
        for key, value in study.system.items():
            storage.set_study_system_attr(made, key, value)
        for key, value in study.user.items():
            storage.set_study_user_attr(made, key, value)
        for trial in study.trials:
            storage.create_new_trial(made, _packed(trial))
    except BaseException:
        storage.delete_study(made)
        raise


def _packed(trial: FrozenTrial) -> FrozenTrial:
    """A trial as a storage can keep it that has places for Optuna's fields alone."""
    reports, system = packed(trial.intermediate_values, trial.metrics)
    if not system:
        return trial
    made = copy.copy(trial)
    made.intermediate_values, made.metrics = reports, {}
    made.system_attrs = {**trial.system_attrs, **system}
    return made


def _names(storage: Any) -> list[str]:
    """The names of the studies; for Optuna's places, which need not exist yet, none."""
    log = storage.ledger.log if isinstance(storage, LedgerStorage) else None
    if isinstance(log, OptunaLog):
        return log.names()
    return [study.study_name for study in storage.get_all_studies()]


def import_optuna(source: Any, target: Any) -> list[str]:
    """Copy all studies of one storage into another, usually from Optuna's files to ours.

    Args:
        source: A URL such as "optuna+sqlite:///old.db", "optuna+journal:///journal.log" or
            "optuna+postgresql://user@host/database", or a storage, also one of Optuna's.
        target: Where the copies are made: a URL or a storage.

    Returns:
        The names of the studies, which the copies have as well.

    Raises:
        DuplicatedStudyError: If the target has one of the names; nothing is copied then.
        StorageInternalError: If the source cannot be read, or is damaged.
    """
    old, new = storage_of(source), storage_of(target)
    names = [study.study_name for study in old.get_all_studies()]
    both = sorted({*names}.intersection(_names(new)))
    if both:
        raise DuplicatedStudyError(
            f"The target has studies of the same name already: "
            f"{', '.join(map(repr, both))}. Copy the others one by one with "
            f"skipjack.copy_study, and give these another name with `to_study_name`."
        )
    for name in names:
        put(new, taken(old, name))
    return names
