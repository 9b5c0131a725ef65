"""What a trial costs beside the objective, against installed peers.

    python -m benchmarks.speed                       all cases, skipjack against optuna and rustuna
    python -m benchmarks.speed --cases random tpe    some of them
    python -m benchmarks.speed --modules optuna skipjack --repeats 5

Run it with an interpreter that has the peers and Skipjack installed. Every measurement is a process
of its own in an empty folder, with one thread for numerical libraries; modules take turns. Printed
is one JSON line per case and module, with median and range over the repeats, and last a table of
medians with the cost of each peer as a multiple of Skipjack's. No claim without the lines.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

NAMES = [f"x{i}" for i in range(10)]
MODULES = ("optuna", "rustuna", "skipjack")
Case = Callable[[Any], dict[str, float]]


def sphere(trial: Any) -> float:
    """Ten floats and as little else as possible."""
    return sum(trial.suggest_float(name, -5.0, 5.0) ** 2 for name in NAMES)


def run(hp: Any, n: int, sampler: str, **storage: Any) -> float:
    """Microseconds per trial of a run of n trials."""
    study = hp.create_study(sampler=getattr(hp.samplers, sampler)(seed=0), **storage)
    start = perf_counter()
    study.optimize(sphere, n_trials=n)
    return (perf_counter() - start) / n * 1e6


def past(hp: Any, n: int, objectives: int = 1) -> Any:
    """A study of n finished trials on ten floats."""
    study = hp.create_study(
        directions=["minimize"] * objectives, sampler=hp.samplers.RandomSampler(seed=0)
    )

    def objective(trial: Any) -> list[float]:
        x = [trial.suggest_float(name, -5.0, 5.0) for name in NAMES]
        return [sum((v - 2 * k) ** 2 for v in x) for k in range(objectives)]

    study.optimize(objective, n_trials=n)
    return study


def timed(what: Callable[[], Any], times: int = 5) -> float:
    """Median of the milliseconds of one call, the first left out."""
    spent = []
    for _ in range(times + 1):
        start = perf_counter()
        what()
        spent.append((perf_counter() - start) * 1e3)
    return statistics.median(spent[1:])


def resident_kb() -> float:
    """Memory of this process that is resident now; NaN where /proc does not tell."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return float("nan")
    return float(text.split("VmRSS:")[1].split()[0])


def random(hp: Any) -> dict[str, float]:
    return {f"n={n}, us": run(hp, n, "RandomSampler") for n in (1000, 10000)}


def tpe(hp: Any) -> dict[str, float]:
    return {f"n={n}, us": run(hp, n, "TPESampler") for n in (100, 1000)}


def sqlite(hp: Any) -> dict[str, float]:
    return {"n=200, us": run(hp, 200, "RandomSampler", storage="sqlite:///speed.db")}


def results(hp: Any) -> dict[str, float]:
    one, three = past(hp, 10000), past(hp, 3000, 3)
    return {
        "trials of 10,000, ms": timed(lambda: one.trials),
        "best_trials of 3,000 with 3 objectives, ms": timed(lambda: three.best_trials),
        "trials_dataframe of 10,000, ms": timed(lambda: one.trials_dataframe()),
    }


def queue(hp: Any) -> dict[str, float]:
    study, new = past(hp, 1000), iter(range(1000))

    def enqueue() -> None:
        study.enqueue_trial(dict.fromkeys(NAMES, next(new) / 1000), skip_if_exists=True)

    trials = study.trials
    target = hp.create_study()
    return {
        "skip_if_exists of 1,000, ms": timed(enqueue, 20),
        "add_trials, us a trial": timed(lambda: target.add_trials(trials)) / len(trials) * 1e3,
    }


def flat(hp: Any) -> dict[str, float]:
    """Cost and memory of the last ten thousand of a hundred thousand trials."""
    study = hp.create_study(sampler=hp.samplers.RandomSampler(seed=0))
    study.optimize(sphere, n_trials=1000)
    before, costs = resident_kb(), []
    for _ in range(10):
        start = perf_counter()
        study.optimize(sphere, n_trials=10000)
        costs.append((perf_counter() - start) / 1e4)
    return {
        "last / first": costs[-1] / costs[0],
        "kB a trial": (resident_kb() - before) / 1e5,
    }


def start(hp: Any) -> dict[str, float]:
    """Milliseconds of a process that makes a study, beyond one that imports numpy.random."""

    def seconds(code: str) -> float:
        began = perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)
        return perf_counter() - began

    ours, numpy = [], []
    for _ in range(9):
        numpy.append(seconds("import numpy, numpy.random"))
        ours.append(seconds(f"import {hp.__name__} as hp; hp.create_study()"))
    return {"over numpy, ms": (statistics.median(ours) - statistics.median(numpy)) * 1e3}


CASES: dict[str, Case] = {f.__name__: f for f in (start, random, tpe, sqlite, results, queue, flat)}
LACKING = {"rustuna": {"sqlite", "results", "queue", "flat"}, "optuna": {"flat"}}  # or too slow


def once(module: str, case: str) -> None:
    """Measure in this process, and print the figures as JSON."""
    hp = importlib.import_module(module)
    if hasattr(hp, "logging"):
        hp.logging.set_verbosity(hp.logging.ERROR)
    print(json.dumps(CASES[case](hp)))


def measured(module: str, case: str) -> dict[str, float]:
    """The figures of one fresh process."""
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(Path(__file__).resolve()), "--once", module, case],
            cwd=folder,
            env={**os.environ, **one},
            capture_output=True,
            text=True,
            check=True,
        )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def compare(modules: list[str], cases: list[str], repeats: int) -> None:
    """Measure all, in turns, and print lines and table."""
    machine = {"python": platform.python_version(), "cpus": os.cpu_count()}
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for case in cases:
        found: dict[str, list[dict[str, float]]] = {}
        able = [m for m in modules if case not in LACKING.get(m, ())]
        for turn in range(repeats):
            for module in able if turn % 2 == 0 else reversed(able):
                found.setdefault(module, []).append(measured(module, case))
        for module in able:
            for metric in found[module][0]:
                values = [figures[metric] for figures in found[module]]
                line = {"case": case, "metric": metric, "module": module}
                median = statistics.median(values)
                line |= {"median": median, "min": min(values), "max": max(values)} | machine
                print(json.dumps(line), flush=True)
                rows.setdefault((case, metric), {})[module] = median
    print(f"\n| case | {' | '.join(modules)} | as a multiple of {modules[-1]} |")
    print("|---" * (len(modules) + 2) + "|")
    for (case, metric), by in rows.items():
        cells = [f"{by[m]:.3g}" if m in by else "" for m in modules]
        ratios = [f"{by[m] / by[modules[-1]]:.3g}" for m in modules[:-1] if m in by]
        print(f"| {case}: {metric} | {' | '.join(cells)} | {', '.join(ratios)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modules", nargs="+", default=list(MODULES))
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--once", nargs=2, metavar=("MODULE", "CASE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        once(*given.once)
    else:
        compare(given.modules, given.cases, given.repeats)


if __name__ == "__main__":
    main()
