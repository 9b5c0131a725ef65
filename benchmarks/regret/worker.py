"""One library at work, in its own interpreter: reads jobs, writes records, one JSON line each."""

from __future__ import annotations

import json
import sys

from benchmarks.regret.peers import study_of, version_of
from benchmarks.regret.problem import source
from benchmarks.regret.run import run
from benchmarks.regret.suites import SUITE_OF, SUITES


def main() -> None:
    """Do the jobs in order; problems are built when they change."""
    name, problem = "", None
    for line in sys.stdin:
        job = json.loads(line)
        row, seed = job["row"], job["seed"]
        if name != job["problem"] or problem is None:
            name = job["problem"]
            problem = SUITES[SUITE_OF[name]][name]()
        drawn = int(source("seed", name, seed).integers(2**31))
        study = study_of(row, problem, drawn)
        if study is None:
            continue
        record = {**job, "version": version_of(row), "best": problem.best}
        print(json.dumps({**record, **run(study, problem, name, seed, job["n"])}), flush=True)


if __name__ == "__main__":
    main()
