"""Storages looked after: checked, salvaged when they are damaged, and compacted."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from skipjack import logging
from skipjack.errors import (
    NotFoundError,
    StorageError,
    StorageInternalError,
    UnsupportedError,
    wrong_type,
)
from skipjack.records.replay import StudyState
from skipjack.storages import copying, intact, mending
from skipjack.storages.base import BaseStorage
from skipjack.storages.face import LedgerStorage
from skipjack.storages.file import FileLog
from skipjack.storages.ledger import Ledger
from skipjack.storages.names import get_storage
from skipjack.storages.port import CATALOGUE, Compacted
from skipjack.storages.sqlite import SqliteLog
from skipjack.storages.urls import kind_of, masked

_logger = logging.get_logger(__name__)


@final
@dataclass(slots=True)
class StorageReport:
    """What was found in a storage; true if nothing is wrong.

    Attributes:
        storage: What it is about.
        studies: How many trials each study has, by name.
        problems: What is wrong or lost, one sentence or phrase each.
    """

    storage: str
    studies: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return not self.problems

    def __repr__(self) -> str:
        n = len(self.problems)
        lines = [f"{self.storage}: {f'{n} problem' + 's' * (n > 1) if n else 'intact'}"]
        lines += [f"  study {name!r}: {n_trials} trials" for name, n_trials in self.studies.items()]
        return "\n".join([*lines, *(f"  ! {problem}" for problem in self.problems)])


def check(storage: str | BaseStorage) -> StorageReport:
    """Read every record of a storage and replay every study, without changing anything.

    Args:
        storage: A URL or a storage.
    """
    report = StorageReport(masked(storage) if isinstance(storage, str) else _named(storage))
    place = _place(storage)
    if isinstance(storage, str) and place is not None and not os.path.exists(place[0]):
        report.problems.append("there is no such file")
        return report
    try:
        kept = get_storage(storage)
        if not isinstance(kept, LedgerStorage):
            report.studies = {
                s.study_name: kept.get_n_trials(s._study_id) for s in kept.get_all_studies()
            }
            return report
        log = kept.ledger.log
        ledger = kept.ledger if log is None else Ledger(pickle.loads(pickle.dumps(log)))
        _check_ledger(ledger, report)
    except StorageError as error:
        report.problems.append(str(error))
    return report


def _check_ledger(ledger: Ledger, report: StorageReport) -> None:
    records = dict(ledger.studies())
    for study_id, record in records.items():
        try:
            state = ledger.sync(study_id)
            report.problems += [f"study {record.name!r}: {what}" for what in _wrong(state)]
            report.studies[record.name] = state.n_trials
        except StorageError as error:
            report.problems.append(f"study {record.name!r}: {error}")
    for study_id in _remains(ledger):
        report.problems.append(
            f"study {study_id} was deleted, but records of it are there; `compact` removes them"
        )


def _remains(ledger: Ledger) -> list[int]:
    """Ids of studies that were deleted, but not all of it: the process was killed meanwhile."""
    found: list[int] = []
    log = ledger.log
    if log is None:
        return found
    for study_id in ledger.deleted():
        try:
            found += [study_id] if log.read(study_id, 0) else []
        except Compacted:
            found.append(study_id)
        except NotFoundError:
            pass  # as it should be
    return found


def _wrong(state: StudyState) -> Iterator[str]:
    """What must hold of a study, whatever happened to it, and does not."""
    history, open_ = state.history, state.open
    numbers = sorted([*history.numbers.tolist(), *open_])
    if numbers != list(range(state.n_trials)):
        yield "the numbers of its trials have gaps or repeat"
    if sum(history.counts) != len(history):
        yield "its trials are counted wrongly"
    if not set(state.waiting) <= open_.keys():
        yield "trials wait that have ended"
    for layout in history.layouts:
        rows = np.flatnonzero(history.layout_indices == layout.index)
        if np.isnan(history.values[rows][:, layout.columns]).any():
            yield f"parameters of trials with {', '.join(layout.names)} have no value"


def salvage(storage: str | BaseStorage, to: str | BaseStorage) -> StorageReport:
    """Copy all that is intact in a damaged file into another storage; the file stays as it is.

    A trial whose parameters or end are lost is FAIL in the copy, with the reason, so that all
    others keep their numbers. What was lost at the very end of a file cannot be known.

    Args:
        storage: An SQLite file or a file log, as its URL; nobody should write to it meanwhile.
        to: Where the studies are made: a URL or a storage.

    Returns:
        What was copied, and as problems what is lost.

    Raises:
        UnsupportedError: If `storage` is no file.
        StorageInternalError: If there is no such file.
        DuplicatedStudyError: If `to` has a study of one of the names.
    """
    place = _place(storage)
    if place is None:
        raise UnsupportedError(
            "Only files can be salvaged: 'sqlite:///study.db' or 'journal:///study.log'. Restore a "
            "server's database from its own backup."
        )
    if not os.path.isfile(place[0]):
        raise StorageInternalError(f"There is no file {place[0]}.")
    target = copying.storage_of(to)
    streams = intact.streams(*place)
    records, lost = mending.studies(streams)
    report = StorageReport(place[0], {}, lost)
    for record in records:
        study, problems = mending.mended(record, streams.get(record.study_id, intact.Stream()))
        copying.put(target, study)
        report.studies[study.name] = len(study.trials)
        report.problems += [f"study {study.name!r}: {what}" for what in problems]
    _logger.info("Salvaged %s", report)
    return report


def compact(storage: str | BaseStorage) -> None:
    """Let snapshots take the place of the records of all studies, so that they open faster.

    Long studies are compacted by themselves now and then. The space that becomes free in a file is
    used again. What is left of a study whose deletion was broken off is removed.

    Args:
        storage: A URL or a storage.
    """
    kept = get_storage(storage)
    if not isinstance(kept, LedgerStorage) or kept.ledger.log is None:
        return
    with kept.ledger.lock:
        for study_id in kept.ledger.studies():
            kept.ledger.sync(study_id)
            kept.ledger.compact(study_id)
        for study_id in _remains(kept.ledger):
            kept.ledger.log.drop(study_id)
        kept.ledger.compact(CATALOGUE)


def _place(storage: Any) -> tuple[str, bool] | None:
    """The file of a storage, and whether it is one of SQLite; None if it is none."""
    if isinstance(storage, str):
        schemes, rest = kind_of(storage).schemes, storage.partition("://")[2]
        path = rest.partition("/")[2].partition("?")[0]
        found = "sqlite" in schemes or "journal" in schemes
        is_file = found and path not in ("", ":memory:")
        return (os.path.abspath(path), "sqlite" in schemes) if is_file else None
    if not isinstance(storage, BaseStorage):
        raise wrong_type("storage", "be a URL or a storage", storage)
    log = storage.ledger.log if isinstance(storage, LedgerStorage) else None
    if isinstance(log, SqliteLog | FileLog):
        return log.path, isinstance(log, SqliteLog)
    return None


def _named(storage: Any) -> str:
    place = _place(storage)
    return type(storage).__name__ if place is None else place[0]
