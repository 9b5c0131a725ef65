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
import itertools
import json
import os
import platform
import random as random_numbers
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

NAMES = [f"x{i}" for i in range(10)]
MODULES = ("optuna", "rustuna", "skipjack")
Case = Callable[[Any], dict[str, float]]


def sphere(trial: Any) -> float:
    """Ten floats and as little else as possible."""
    return sum(trial.suggest_float(name, -5.0, 5.0) ** 2 for name in NAMES)


def two(trial: Any) -> tuple[float, float]:
    """Two objectives of ten floats."""
    x = [trial.suggest_float(name, -5.0, 5.0) for name in NAMES]
    return sum(v * v for v in x), sum((v - 2.0) ** 2 for v in x)


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


def genetic(hp: Any) -> dict[str, float]:
    """Two objectives; a generation is 50 trials."""
    found = {}
    for name, sizes in (("NSGAIISampler", (1000, 5000)), ("NSGAIIISampler", (1000,))):
        for n in sizes if hasattr(hp.samplers, name) else ():
            sampler = getattr(hp.samplers, name)(seed=0)
            study = hp.create_study(directions=["minimize"] * 2, sampler=sampler)
            start = perf_counter()
            study.optimize(two, n_trials=n)
            found[f"{name} n={n}, us"] = (perf_counter() - start) / n * 1e6
    return found


def qmc(hp: Any) -> dict[str, float]:
    return {"n=1000, us": run(hp, 1000, "QMCSampler")}


def combinations(hp: Any, high: int) -> tuple[dict[str, list[int]], Callable[[Any], float]]:
    """A space of 100 * `high` combinations, and an objective on it."""
    space = {"a": [*range(1, 11)], "b": [*range(1, 11)], "c": [*range(1, high + 1)]}

    def objective(trial: Any) -> float:
        return float(sum(trial.suggest_int(key, 1, len(each)) for key, each in space.items()))

    return space, objective


def exhausting(hp: Any, name: str, space: dict[str, list[int]]) -> Any:
    """A grid or brute-force sampler of a space."""
    arguments = {"search_space": space} if name == "GridSampler" else {}
    return getattr(hp.samplers, name)(seed=0, **arguments)


def after(hp: Any, name: str, n: int) -> float:
    """Milliseconds of a trial when `n` of 10,000 combinations were tried: median of 15."""
    space, objective = combinations(hp, 100)
    dists = {key: hp.distributions.IntDistribution(1, len(each)) for key, each in space.items()}
    chosen = random_numbers.Random(0).sample([*enumerate(itertools.product(*space.values()))], n)
    study = hp.create_study(sampler=exhausting(hp, name, space))
    study.add_trials(
        [
            hp.trial.create_trial(
                params=dict(zip(space, values, strict=True)),
                distributions=dists,
                value=float(sum(values)),
                system_attrs={"search_space": space, "grid_id": i},  # Optuna's GridSampler wants it
            )
            for i, values in chosen
        ]
    )
    return timed(lambda: study.optimize(objective, n_trials=1), 15)


def exhaustive(hp: Any) -> dict[str, float]:
    """All of 1,000 combinations; of 10,000 one trial after others; Skipjack also all of these."""
    found = {}
    for name in ("GridSampler", "BruteForceSampler"):
        for high in (10, 100) if hp.__name__ == "skipjack" else (10,):
            space, objective = combinations(hp, high)
            study = hp.create_study(sampler=exhausting(hp, name, space))
            start = perf_counter()
            study.optimize(objective, n_trials=100 * high)
            found[f"{name}, all of {100 * high}, us"] = (perf_counter() - start) / high * 1e4
        for n in (1000, 5000, 9000):
            found[f"{name}, 10,000: after {n}, us"] = after(hp, name, n) * 1e3
    return found


def cmaes(hp: Any) -> dict[str, float]:
    """A whole run on 20 floats; for Skipjack also without the model that spares evaluations."""
    names = [f"x{i}" for i in range(20)]

    def cost(sampler: Any) -> float:
        study = hp.create_study(sampler=sampler)
        start = perf_counter()
        study.optimize(
            lambda trial: sum(trial.suggest_float(name, -5.0, 5.0) ** 2 for name in names),
            n_trials=1000,
        )
        return (perf_counter() - start) * 1e3

    found = {"n=1000, us": cost(hp.samplers.CmaEsSampler(seed=0))}
    if hp.__name__ == "skipjack":
        plain = hp.samplers.CmaEsSampler(seed=0, surrogate=False)
        found["n=1000, no surrogate, us"] = cost(plain)
    return found


def gp(hp: Any) -> dict[str, float]:
    """A trial after 50, 200 and 500 others, one objective and two: mean of ten, as fits vary.

    CPU time: with one thread it is what a trial takes on an idle machine.
    """
    found = {}
    for objectives, objective in ((1, sphere), (2, two)):
        for n in (50, 200, 500):
            study = past(hp, n, objectives)
            study.sampler = hp.samplers.GPSampler(seed=0)
            study.optimize(objective, n_trials=1)
            start = process_time()
            study.optimize(objective, n_trials=10)
            found[f"{objectives} of n={n}, ms"] = (process_time() - start) / 10 * 1e3
    return found


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


CASES: dict[str, Case] = {
    f.__name__: f
    for f in (start, random, tpe, gp, cmaes, genetic, qmc, exhaustive, sqlite, results, queue, flat)
}
LACKING = {  # or too slow
    "rustuna": {"gp", "qmc", "exhaustive", "sqlite", "results", "queue", "flat"},
    "optuna": {"flat"},
}


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
