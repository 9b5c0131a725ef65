"""What tests of studies share: quiet studies, storages of each kind, what the log says."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import skipjack
from skipjack.samplers import BaseSampler, RandomSampler
from skipjack.storages import BaseStorage, InMemoryStorage, RDBStorage
from skipjack.study import Study

KINDS = ("memory", "sqlite")
Objective = Callable[[Any], Any]


def storage_of(kind: str, folder: Path) -> BaseStorage:
    """A new storage, or the one in `folder` that was made before."""
    return InMemoryStorage() if kind == "memory" else RDBStorage(f"sqlite:///{folder / 'study.db'}")


def a_study(storage: Any = None, sampler: BaseSampler | None = None, **arguments: Any) -> Study:
    """A study with a cheap sampler."""
    return skipjack.create_study(
        storage=storage, sampler=sampler or RandomSampler(seed=1), **arguments
    )


def told(*values: float, study: Study | None = None, **arguments: Any) -> Study:
    """A study, whose trials have these values."""
    study = study or a_study(**arguments)
    for value in values:
        study.tell(study.ask(), value)
    return study


class Listener(logging.Handler):
    """Keeps what it hears."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def texts(self) -> list[str]:
        return [record.getMessage() for record in self.records]


@contextmanager
def listening(level: int = logging.INFO) -> Iterator[Listener]:
    """What Skipjack logs meanwhile; nothing of it reaches stderr."""
    logger = skipjack.logging.get_logger("skipjack")
    listener, before = Listener(), (logger.handlers[:], logger.level)
    logger.handlers[:] = [listener]
    logger.setLevel(level)
    try:
        yield listener
    finally:
        logger.handlers[:], level = before
        logger.setLevel(level)
