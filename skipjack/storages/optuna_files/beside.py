"""A log of ours beside a journal file of Optuna's."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable

from skipjack import logging
from skipjack.storages.optuna_files.log import cannot_import, import_all, warn_of_growth
from skipjack.storages.optuna_files.places import JournalFile
from skipjack.storages.port import CATALOGUE, Compacted, Log

_logger = logging.get_logger(__name__)


def log_beside(path: str, open_log: Callable[[str], Log]) -> str:
    """The path of the log for a journal of Optuna's, made and filled with its studies once.

    The log comes into its place whole; of several processes that make one, the first wins.

    Args:
        path: Of the journal.
        open_log: Opens a log at a path, or makes an empty one.

    Raises:
        StorageInternalError: If the journal is damaged, or its folder read-only.
    """
    ours = f"{path}.skipjack"
    if os.path.exists(ours):
        _check_growth(path, open_log(ours))
        return ours
    if not os.access(os.path.dirname(path), os.W_OK):
        raise cannot_import(path, f"journal:///{path}")
    new = f"{ours}.{uuid.uuid4().hex}"
    try:
        size, log = os.path.getsize(path), open_log(new)
        news = JournalFile(path).read(
            lambda content: import_all(content, path, log.append, imported=size)
        )
        log.close()
        _publish(new, ours)
        _logger.info(news)
    except FileExistsError:  # somebody was faster
        pass
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
    return ours


def _publish(new: str, ours: str) -> None:
    """Give a file the name that it is to have, unless there is one of that name."""
    try:
        os.link(new, ours)
    except FileExistsError:
        raise
    except OSError:  # no links here
        os.rename(new, ours)


def _check_growth(path: str, log: Log) -> None:
    """Warn if the journal is longer than it was when it was imported."""
    with contextlib.suppress(Compacted):
        for _, _, events in log.read(CATALOGUE, 0)[:1]:
            then = events[0].get("imported")
            if then is not None:
                warn_of_growth(path, then, os.path.getsize(path), "entries")
    log.close()
