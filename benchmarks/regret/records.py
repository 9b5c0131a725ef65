"""Results on disk: one JSON line per row, problem and seed, in one file per row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Job(NamedTuple):
    """One search."""

    row: str
    problem: str
    seed: int


class Records:
    """A folder of results."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _file(self, row: str) -> Path:
        return self._folder / (re.sub(r"[^\w@.=,-]+", "_", row).strip("_") + ".jsonl")

    def of(self, row: str) -> Iterator[dict[str, Any]]:
        """What is known of a row."""
        if self._file(row).exists():
            for line in self._file(row).read_text().splitlines():
                yield json.loads(line)

    def forget(self, row: str) -> None:
        """Delete what is known of a row."""
        self._file(row).unlink(missing_ok=True)

    def missing(self, jobs: Iterable[Job], n: int) -> list[Job]:
        """Those of the jobs without a result of at least `n` trials."""
        jobs = list(jobs)
        known = {
            Job(row, record["problem"], record["seed"])
            for row in {job.row for job in jobs}
            for record in self.of(row)
            if record["n"] >= n
        }
        return [job for job in jobs if job not in known]

    def add(self, line: str) -> None:
        """Keep what a worker wrote."""
        with self._file(json.loads(line)["row"]).open("a") as file:
            file.write(line.rstrip("\n") + "\n")
