"""How good the best trial is after so many trials, against installed peers; see README.md.

    python -m benchmarks.regret --quick
    python -m benchmarks.regret skipjack:TPESampler optuna:TPESampler hyperopt:tpe \
        --python optuna=/venv/bin/python --python hyperopt=/venv/bin/python --seeds 10
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from threading import Lock
from zlib import crc32

from benchmarks.regret.peers import label_of
from benchmarks.regret.records import Job, Records
from benchmarks.regret.report import report
from benchmarks.regret.run import MARKS
from benchmarks.regret.suites import SUITE_OF, SUITES

ROOT = Path(__file__).parents[2]
RANDOM = "skipjack:RandomSampler"
ROWS = ["skipjack:TPESampler", "optuna:TPESampler"]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
QUICK = 3  # problems of each suite


def half(problem: str) -> int:
    """Which half a problem belongs to: 0 for choosing settings, 1 for confirming them."""
    return crc32(problem.partition("-q")[0].encode()) % 2


def chosen(options: argparse.Namespace) -> list[str]:
    """The problems, by suite."""
    names = [
        name
        for suite, problems in SUITES.items()
        if suite in options.suites
        for name in (sorted(problems, key=half)[:QUICK] if options.quick else problems)
    ]
    names = [name for name in names if any(fnmatch(name, p) for p in options.problems)]
    return [name for name in names if options.half is None or half(name) == options.half]


def places(options: argparse.Namespace) -> dict[str, tuple[str, str]]:
    """Interpreter and first folder of the path of each label."""
    pythons = dict(item.split("=", 1) for item in options.python)
    paths = dict(item.split("=", 1) for item in options.path)
    return {
        label_of(row): (
            pythons.get(label_of(row), sys.executable),
            os.pathsep.join([*filter(None, [paths.get(label_of(row))]), str(ROOT)]),
        )
        for row in options.rows
    }


def work(jobs: list[Job], n: int, place: tuple[str, str], records: Records, lock: Lock) -> None:
    """Have the jobs of one library on some problems done, and keep the results."""
    python, path = place
    lines = "".join(json.dumps({**job._asdict(), "n": n}) + "\n" for job in jobs)
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": path}
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile("w+") as todo:
        todo.write(lines)
        todo.seek(0)
        worker = subprocess.Popen(
            [python, "-m", "benchmarks.regret.worker"],
            stdin=todo,
            stdout=subprocess.PIPE,
            text=True,
            cwd=scratch,
            env=environment,
        )
        assert worker.stdout is not None
        for line in worker.stdout:
            with lock:
                records.add(line)
        if worker.wait():
            raise SystemExit(f"{jobs[0].row} failed on {jobs[0].problem} or a later problem.")


def arguments() -> argparse.Namespace:
    """What the user wants."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rows", nargs="*", default=ROWS, help="library:Sampler(argument=value)")
    parser.add_argument("--python", action="append", default=[], help="library=interpreter")
    parser.add_argument("--path", action="append", default=[], help="library=folder to import from")
    parser.add_argument("--suites", nargs="+", default=list(SUITES), choices=list(SUITES))
    parser.add_argument("--problems", nargs="+", default=["*"], help="patterns of names")
    parser.add_argument("--half", type=int, choices=(0, 1), help="0 to choose by, 1 to confirm")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1, help="processes at the same time")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "regret" / "results")
    parser.add_argument("--again", nargs="*", default=[], help="rows whose results are not kept")
    parser.add_argument("--quick", action="store_true", help="few problems, 3 seeds, 100 trials")
    parser.add_argument("--read", action="store_true", help="only print what is known")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.trials = min(3, options.seeds), min(100, options.trials)
    if RANDOM not in options.rows:
        options.rows = [*options.rows, RANDOM]
    return options


def main() -> None:
    """Run what is missing, and print."""
    options = arguments()
    records, lock, problems = Records(options.results), Lock(), chosen(options)
    for row in options.again:
        records.forget(row)
    if not options.read:
        where = places(options)
        with ThreadPoolExecutor(options.jobs) as pool:
            waiting = []
            for suite in options.suites:
                names = [name for name in problems if SUITE_OF[name] == suite]
                for row in options.rows:
                    jobs = [Job(row, name, seed) for name in names for seed in range(options.seeds)]
                    jobs = records.missing(jobs, options.trials)
                    if jobs:
                        place = where[label_of(row)]
                        todo = (jobs, options.trials, place, records, lock)
                        waiting.append(pool.submit(work, *todo))
            for done in waiting:
                done.result()
    wanted = set(problems)
    results = {
        row: [record for record in records.of(row) if record["problem"] in wanted]
        for row in options.rows
    }
    marks = [mark for mark in MARKS if 50 <= mark <= options.trials]
    print(report(results, options.rows[0], RANDOM, marks))


if __name__ == "__main__":
    main()
