"""Journals that users would write."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from skipjack.storages.journal import BaseJournalBackend


class Shelf(BaseJournalBackend):
    """A journal as a user would write it: a pickle for each entry, in one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        found = []
        if self.path.exists():
            with open(self.path, "rb") as file, suppress(EOFError):
                while True:
                    found.append(pickle.load(file))
        return iter(found[log_number_from:])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with open(self.path, "ab") as file:
            for entry in logs:
                pickle.dump(entry, file)
