"""What Optuna keeps somewhere as a log of ours, that is read only and may be added to whole."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, final

from skipjack import logging
from skipjack.errors import NotFoundError, StorageInternalError
from skipjack.storages.optuna_files.judging import Head, NothingThereError
from skipjack.storages.optuna_files.places import Content, place_at
from skipjack.storages.optuna_files.tables import Execute, Tables
from skipjack.storages.port import CATALOGUE, Batch
from skipjack.storages.whole import WholeStudy, catalogue, stream

_logger = logging.get_logger(__name__)


@final
class OptunaLog:
    """The studies at a URL that begins with "optuna+", as they are when first asked for.

    Args:
        url: Such as "optuna+sqlite:///old.db".

    Raises:
        ValueError: If the URL names no place.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._place = place_at(url)
        self._heads: list[Head] = []
        self._streams: dict[int, list[Batch]] = {}

    @property
    def key(self) -> Hashable:
        """Itself: another log of the same URL may show a later state."""
        return self

    def names(self) -> list[str]:
        """The names of the studies there now; none if there is nothing yet."""
        try:
            return self._place.read(lambda content: [head.name for head in content.heads()])
        except NothingThereError:
            return []

    def add(self, study: WholeStudy) -> None:
        """Add a study to Optuna's, whole or not at all.

        Raises:
            DuplicatedStudyError: If its name is taken.
            StorageInternalError: If it cannot be written.
        """
        self._place.write(study)

    def append(self, stream: int, batch: Batch) -> int:
        """Refuse to write: see `add`."""
        raise StorageInternalError(
            f"{self._place.where} is Optuna's, and only read through this URL. To go on with a "
            f"study, open it without 'optuna+', or copy it with skipjack.copy_study."
        )

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches of a stream but the first `after`."""
        if stream not in self._streams:
            self._streams[stream] = self._place.read(lambda content: self._load(content, stream))
        return self._streams[stream][after:]

    def _load(self, content: Content, study_id: int) -> list[Batch]:
        if study_id == CATALOGUE:
            self._heads = content.heads()
            heads = [(head.name, head.directions) for head in self._heads]
            return [catalogue(heads)] if heads else []
        if study_id >= len(self._heads):
            raise NotFoundError(f"No study with id {study_id}.")
        return list(stream(study_id, content.study(self._heads[study_id])))

    def drop(self, stream: int) -> None:
        """Refuse to delete."""
        self.append(stream, ("", 0, ()))

    def close(self) -> None:
        """Nothing is open between calls."""

    def reset(self) -> None:
        """Nothing is inherited from a parent process but what was read."""

    def __reduce__(self) -> tuple[Callable[[str], OptunaLog], tuple[str]]:
        return OptunaLog, (self._url,)


def opened(url: str, options: Mapping[str, Any]) -> OptunaLog:
    """The log at a URL; the options of `RDBStorage` have no use here."""
    return OptunaLog(url)


# The columns of a table, by its name, that is made with those of a log in a database of Optuna's.
# A row says that all is imported.
IMPORTED = {"skipjack_imported": "n_trials INTEGER NOT NULL"}


def import_tables(
    execute: Execute, where: str, insert: Callable[[int, Batch], object]
) -> str | None:
    """Put all studies of a database of Optuna's into the empty log that stands in it, once.

    Args:
        execute: Runs a statement in the transaction of the caller; `IMPORTED` is there.
        where: What to call the database.
        insert: Appends a batch to a stream in the same transaction.

    Returns:
        What to log when all is durable; None if it had been done before.
    """
    if list(execute("SELECT n_trials FROM skipjack_imported")):
        return None
    content = Tables(execute, where)
    execute(f"INSERT INTO skipjack_imported VALUES ({content.n_trials()})")
    return import_all(content, where, insert)


def check_growth(execute: Execute, where: str) -> bool:
    """Warn, once, if Optuna has made trials in a database since they were imported from it.

    Returns:
        Whether they were imported.
    """
    found = [n_trials for (n_trials,) in execute("SELECT n_trials FROM skipjack_imported")]
    for then in found:
        warn_of_growth(where, then, Tables(execute, where).n_trials())
    return bool(found)


def import_all(
    content: Content, where: str, insert: Callable[[int, Batch], object], **origin: Any
) -> str:
    """As `import_tables`, of any content; the first event of the log notes `origin`."""
    heads, n_trials = content.heads(), 0
    if heads:
        insert(CATALOGUE, catalogue([(h.name, h.directions) for h in heads], **origin))
    for study_id, head in enumerate(heads):
        study = content.study(head)
        n_trials += len(study.trials)
        for batch in stream(study_id, study):
            insert(study_id, batch)
    return (
        f"Imported Optuna's studies in {where}, {len(heads)} with {n_trials} trials. What Optuna "
        f"wrote stays there as it is; what happens from now on is kept beside it."
    )


def cannot_import(where: str, url: str) -> StorageInternalError:
    """The error of a database or file of Optuna's that is read-only.

    Args:
        where: What to call it.
        url: Its own.
    """
    return StorageInternalError(
        f"{where} is read-only and holds studies of Optuna, which cannot be imported there. Read "
        f"them through 'optuna+{url}', or copy them to a place of their own with "
        f"skipjack.storages.import_optuna('optuna+{url}', 'sqlite:///new.db')."
    )


def warn_of_growth(where: str, then: int, now: int, what: str = "trials") -> None:
    """Warn, once, if Optuna had written `then` of something at the import, and more `now`."""
    if now > then and where not in _warned:
        _warned.add(where)
        _logger.warning(
            f"Optuna has added {what} to {where} since its studies were imported. "
            f"They are not in Skipjack's studies: use one program for one study, or import it "
            f"again under another name with skipjack.copy_study and a URL that begins with "
            f"'optuna+'."
        )


_warned: set[str] = set()
