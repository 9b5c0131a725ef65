"""Our logs behind Optuna's interface of a journal, and a user's own journal as a log."""

from __future__ import annotations

import json
import os
from array import array
from bisect import bisect_right
from collections.abc import Generator, Hashable, Sequence
from typing import Any, final

from skipjack.errors import NotFoundError, StorageInternalError
from skipjack.records.attributes import to_text
from skipjack.storages.journal._base import BaseJournalBackend
from skipjack.storages.port import Batch, Log

FORMAT = 1  # of the entries in a user's journal

_PLAIN = 2**22  # the stream of entries that are not ours; study ids are below


class LogBackend(BaseJournalBackend):
    """A journal over a log of ours, which `JournalStorage` uses without the detour of entries.

    Attributes:
        log: That log.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self._ends = array("Q")  # how many entries there are up to the end of each batch

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """The entries that `append_logs` has written but the first `log_number_from`."""
        first = bisect_right(self._ends, log_number_from)
        number = self._ends[first - 1] if first else 0
        for place, (_, _, entries) in enumerate(self.log.read(_PLAIN, first), first):
            if place == len(self._ends):
                self._ends.append(number + len(entries))
            for entry in entries:
                if number >= log_number_from:
                    yield entry
                number += 1

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add entries of your own; all of them, or none."""
        self.log.append(_PLAIN, ("", 0, logs))


def log_of(backend: BaseJournalBackend) -> Log:
    """The log behind a journal: our own if it is one, else one whose records are its entries."""
    kind = type(backend)
    if (
        isinstance(backend, LogBackend)
        and kind.read_logs is LogBackend.read_logs
        and kind.append_logs is LogBackend.append_logs
    ):
        return backend.log
    return BackendLog(backend)


@final
class BackendLog:
    """The log in a user's own journal.

    Each entry is a dict: the first says {"skipjack": format, "name": ...}, the others
    {"skipjack": format, "stream": ..., "batch": JSON text}, with None for a stream that is
    dropped. So every value survives, whatever the journal does to numbers.

    Raises:
        StorageInternalError: If the journal holds something else, or does not work.
    """

    def __init__(self, backend: BaseJournalBackend) -> None:
        self._backend = backend
        self._begin()
        self._refresh()
        if not self._name:
            self._write({"skipjack": FORMAT, "name": os.urandom(8).hex()})
            self._refresh()

    def _begin(self) -> None:
        self._name = ""
        self._n = 0  # entries that are known
        self._streams: dict[int, array[int]] = {}  # the numbers of the entries of each
        self._dropped: set[int] = set()

    @property
    def key(self) -> Hashable:
        """What the first entry says."""
        return (type(self).__name__, self._name)

    def append(self, stream: int, batch: Batch) -> int:
        """Add a batch; see `Log.append`."""
        text = to_text(batch)
        self._write({"skipjack": FORMAT, "stream": stream, "batch": text})
        fresh = self._refresh()
        self._check(stream)
        numbers = self._streams.get(stream, array("q"))
        for position in reversed(range(len(numbers))):
            if fresh.get(numbers[position]) == text:
                return position
        raise StorageInternalError(
            f"{self._backend!r} does not give back what was appended to it. Its `read_logs` must "
            f"see an entry as soon as `append_logs` has returned."
        )

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches of a stream but the first `after`."""
        fresh = self._refresh()
        self._check(stream)
        numbers = self._streams.get(stream, array("q"))[after:]
        if not numbers:
            return []
        if numbers[0] not in fresh:
            entries = enumerate(self._entries(numbers[0]), numbers[0])
            fresh = {n: e["batch"] for n, e in entries if e.get("stream") == stream}
        found: list[Batch] = json.loads(f"[{','.join(fresh[n] for n in numbers)}]")
        return found

    def drop(self, stream: int) -> None:
        """Delete a stream: its entries stay in the journal, but are not read any more."""
        self._write({"skipjack": FORMAT, "stream": stream, "batch": None})

    def close(self) -> None:
        """Nothing to do: the journal looks after its handles itself."""

    def reset(self) -> None:
        """Nothing to do: the journal looks after its handles itself."""

    def __getstate__(self) -> dict[str, Any]:
        return {"_backend": self._backend}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()
        self._refresh()

    def _check(self, stream: int) -> None:
        if stream in self._dropped:
            raise NotFoundError(f"No study with id {stream}; it was deleted.")

    def _refresh(self) -> dict[int, str]:
        """Take notice of new entries, and return the batches in them by number."""
        fresh = {}
        for entry in self._entries(self._n):
            stream, text = entry.get("stream"), entry.get("batch")
            if stream is None:
                self._name = self._name or entry["name"]
            elif text is None:
                self._dropped.add(stream)
                self._streams.pop(stream, None)
            elif stream not in self._dropped:
                self._streams.setdefault(stream, array("q")).append(self._n)
                fresh[self._n] = text
            self._n += 1
        return fresh

    def _entries(self, after: int) -> Sequence[dict[str, Any]]:
        try:
            entries = list(self._backend.read_logs(after))
        except Exception as error:
            raise StorageInternalError(f"{self._backend!r} cannot be read: {error!r}.") from error
        for entry in entries:
            found = entry.get("skipjack")
            if found == FORMAT:
                continue
            if isinstance(found, int):
                raise StorageInternalError(
                    f"{self._backend!r} was written by a newer Skipjack (format {found}, this "
                    f"version knows {FORMAT}). Upgrade with: pip install -U skipjack"
                )
            what = "studies of Optuna" if "op_code" in entry else "entries of another program"
            raise StorageInternalError(
                f"{self._backend!r} holds {what}, which Skipjack cannot read there. Give the "
                f"studies a journal of their own."
            )
        return entries

    def _write(self, entry: dict[str, Any]) -> None:
        try:
            self._backend.append_logs([entry])
        except Exception as error:
            raise StorageInternalError(
                f"{self._backend!r} cannot be written: {error!r}."
            ) from error
