"""Whether regret bounds hold, and what a study has come to when one ends it.

    python -m benchmarks.stopping                 five functions, six and four seeds; some minutes

Printed is one JSON line per function, whose best value is 0. `holds`: the share of checks (after
25, 50, 100 and 150 trials, half of the seeds with the default sampler, half with random search) in
which the bound is at least the regret. `stopped`: for each run with `stop=RegretBound(0.1)` and at
most 200 trials how many it took, and its regret.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import skipjack
from skipjack.samplers import RandomSampler, TPESampler
from skipjack.terminator import RegretBound, RegretBoundEvaluator

SIZES = (25, 50, 100, 150)


def sphere(trial: Any) -> float:
    """Five floats, one bowl."""
    return float(sum((trial.suggest_float(f"x{i}", -5, 5) - 1) ** 2 for i in range(5)))


def branin(trial: Any) -> float:
    """Two floats, three bowls."""
    x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
    bowl = (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2
    return float(bowl + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.397887)


def mixed(trial: Any) -> float:
    """A choice, a logarithmic float, an integer."""
    offset = {"a": 0.0, "b": 0.5, "c": 1.0}[trial.suggest_categorical("k", ["a", "b", "c"])]
    x, n = trial.suggest_float("x", 1e-4, 1, log=True), trial.suggest_int("n", 1, 10)
    return float(offset + (math.log10(x) + 2) ** 2 + 0.1 * abs(n - 3))


def rastrigin(trial: Any) -> float:
    """Two floats, many bowls."""
    xs = [trial.suggest_float(f"x{i}", -3, 3) for i in range(2)]
    return float(sum(x**2 - 10 * math.cos(2 * math.pi * x) + 10 for x in xs))


def ackley(trial: Any) -> float:
    """Three floats, flat but for a sharp peak."""
    xs = [trial.suggest_float(f"x{i}", -5, 5) for i in range(3)]
    size = math.sqrt(sum(x * x for x in xs) / 3)
    waves = sum(math.cos(2 * math.pi * x) for x in xs) / 3
    return float(-20 * math.exp(-0.2 * size) - math.exp(waves) + 20 + math.e)


def held(function: Callable[[Any], float], seed: int) -> list[bool]:
    """Whether the bound is at least the regret, at each of SIZES."""
    sampler = TPESampler(seed=seed) if seed % 2 else RandomSampler(seed=seed)
    study, found = skipjack.create_study(sampler=sampler), []
    for n in SIZES:
        study.optimize(function, n_trials=n - len(study.trials))
        bound = RegretBoundEvaluator().evaluate(study.trials, study.direction)
        found.append(bound >= study.best_value)
    return found


def stopped(function: Callable[[Any], float], seed: int) -> tuple[int, float] | None:
    """How many trials a run took until the rule ended it, and its regret; None if it did not."""
    study = skipjack.create_study(sampler=TPESampler(seed=seed))
    study.optimize(function, n_trials=200, stop=RegretBound(0.1))
    return (len(study.trials), round(study.best_value, 3)) if study.stop_reason else None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--runs", type=int, default=4)
    chosen = parser.parse_args()
    skipjack.logging.set_verbosity(skipjack.logging.ERROR)
    for function in (sphere, branin, mixed, rastrigin, ackley):
        checks = [one for seed in range(chosen.seeds) for one in held(function, seed)]
        row = {
            "function": function.__name__,
            "holds": round(sum(checks) / len(checks), 3),
            "stopped": [stopped(function, seed) for seed in range(chosen.runs)],
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
