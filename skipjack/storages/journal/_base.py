"""Optuna's interface of a journal: a list of dicts that only grows."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import Any


class BaseJournalBackend(abc.ABC):
    """Where the entries of a journal are kept; write your own to keep studies anywhere.

    `JournalStorage` writes plain dicts of texts and numbers, which JSON can keep. All processes
    must see the entries in one order, and an entry that was appended must stay.
    """

    @abc.abstractmethod
    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """The entries but the first `log_number_from`, oldest first."""

    @abc.abstractmethod
    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add entries at the end, durably on return."""


class BaseJournalSnapshot(abc.ABC):
    """What a backend may offer besides: to keep one text of bytes."""

    @abc.abstractmethod
    def save_snapshot(self, snapshot: bytes) -> None:
        """Keep a snapshot in the place of the one before."""

    @abc.abstractmethod
    def load_snapshot(self) -> bytes | None:
        """The snapshot that was kept last, if any."""
