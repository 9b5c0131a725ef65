"""How much of the space of objectives genetic samplers dominate, against installed peers.

    python -m benchmarks.fronts
    python -m benchmarks.fronts skipjack:NSGAIISampler optuna:NSGAIISampler --trials 500 --seeds 10

Run it with an interpreter that has the peers and Skipjack installed. ZDT1-3, DTLZ2 and DTLZ7 with
as many parameters as `DIMENSIONS` says; the same seeds for all rows. The reference is what three
fifths of 2,000 random points are below, per objective, and the volume is relative to the box from
the best of these points, so it can be above 1. Printed are means over the seeds, and in how many
pairs of runs the first row has more than each other one. No claim without the lines.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import math
import statistics
import time
import warnings
from functools import partial
from typing import Any

import numpy as np

from benchmarks.regret.peers import call, module_of
from benchmarks.regret.problem import Problem, source
from benchmarks.regret.suites.several import broken, concave, convex, patches, shaped, sphere, zdt
from skipjack.numerics.hypervolume import hypervolume

PROBLEMS = {
    "zdt1": partial(zdt, convex),
    "zdt2": partial(zdt, concave),
    "zdt3": partial(zdt, broken),
    "dtlz2": sphere,
    "dtlz7": patches,
}
DIMENSIONS = (10, 30)
ROWS = ["skipjack:NSGAIISampler", "optuna:NSGAIISampler"]


def sampler_of(row: str, seed: int) -> Any:
    """The sampler that a row names, with crossovers and mutations by name."""
    library = importlib.import_module(module_of(row))
    name, arguments = call(row.partition(":")[2])
    for operator in ("crossover", "mutation"):
        if operator in arguments:
            kind, given = call(arguments[operator])
            arguments[operator] = getattr(library.samplers.nsgaii, kind)(**given)
    return getattr(library.samplers, name)(**arguments, seed=seed)


def volume(row: str, problem: Problem, seed: int, n: int) -> tuple[float, float]:
    """What the trials of one run dominate, from 0 to about 1; and its seconds."""
    library = importlib.import_module(module_of(row))
    study = library.create_study(
        directions=["minimize"] * problem.objectives, sampler=sampler_of(row, seed)
    )
    rng = source("exact")
    begin = time.perf_counter()
    study.optimize(lambda trial: problem.objective(trial, rng).values, n_trials=n)
    spent = time.perf_counter() - begin
    best, worst = problem.scale if problem.scale is not None else np.zeros((2, problem.objectives))
    found = np.array([trial.values for trial in study.best_trials])
    return hypervolume(found, worst) / math.prod((worst - best).tolist()), spent


def main() -> None:
    """Run all, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", default=ROWS)
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=list(PROBLEMS))
    parser.add_argument("--dimensions", nargs="+", type=int, default=list(DIMENSIONS))
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    wins = dict.fromkeys(given.rows, 0.0)
    pairs = 0
    print(f"| {given.trials} trials | {' | '.join(given.rows)} |")
    print("|---" * (len(given.rows) + 1) + "|")
    for name in given.problems:
        for d in given.dimensions:
            problem = shaped(PROBLEMS[name], d)
            runs = {
                row: [volume(row, problem, seed, given.trials) for seed in range(given.seeds)]
                for row in given.rows
            }
            cells = [f"{statistics.mean(v for v, _ in runs[row]):.4f}" for row in given.rows]
            print(f"| {name} d={d} | {' | '.join(cells)} |", flush=True)
            pairs += given.seeds
            for row in given.rows:
                for (first, _), (other, _) in zip(runs[given.rows[0]], runs[row], strict=True):
                    wins[row] += (first > other) + 0.5 * (first == other)
    for row in given.rows[1:]:
        print(f"{given.rows[0]} above {row} in {wins[row]:g} of {pairs} pairs")


if __name__ == "__main__":
    main()
