"""How many evaluations CMA-ES takes to come within 0.01 of the optimum, against installed peers.

    python -m benchmarks.target --modules optuna skipjack --seeds 3
    python -m benchmarks.target --functions 2 10 --sampler "CmaEsSampler(popsize=8)"

Functions of bbob that have one optimum or are ill-conditioned. Run it with an interpreter that has
the peers, Skipjack and coco-experiment installed. Modules take turns, with the same seeds. Printed
is one JSON line per function, dimension and module: evaluations by seed, null where the budget was
not enough, and the expected running time: all evaluations by the number of runs that arrived.

Source: N. Hansen, A. Auger, D. Brockhoff, T. Tusar, "Anytime performance assessment in blackbox
    optimization benchmarking", IEEE TEC 26 (2022), doi:10.1109/TEVC.2022.3210897 (the measure).
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import warnings
from typing import Any

from benchmarks.regret.peers import call
from benchmarks.regret.suites.numeric import function, least

FUNCTIONS = (1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)
NEAR = 1e-2


def evaluations(module: str, sampler: str, f: Any, best: float, seed: int, most: int) -> int | None:
    """How many a run takes; None if `most` are not enough."""
    hp = importlib.import_module(module)
    name, arguments = call(sampler)
    study = hp.create_study(sampler=getattr(hp.samplers, name)(seed=seed, **arguments))
    bounds = list(zip(f.lower_bounds.tolist(), f.upper_bounds.tolist(), strict=True))
    spent = []

    def objective(trial: Any) -> float:
        value = float(f([trial.suggest_float(f"x{i}", a, b) for i, (a, b) in enumerate(bounds)]))
        spent.append(value - best)
        if spent[-1] <= NEAR:
            study.stop()
        return value

    study.optimize(objective, n_trials=most)
    return len(spent) if min(spent) <= NEAR else None


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--modules", nargs="+", default=["optuna", "skipjack"])
    parser.add_argument("--sampler", default="CmaEsSampler")
    parser.add_argument("--functions", nargs="+", type=int, default=list(FUNCTIONS))
    parser.add_argument("--dimensions", nargs="+", type=int, default=[5, 10])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", type=int, default=300, help="evaluations for each parameter")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    for d in options.dimensions:
        for number in options.functions:
            f = function("bbob", number, d)
            best, most = least("bbob", f), options.budget * d
            for module in options.modules:
                runs = [
                    evaluations(module, options.sampler, f, best, seed, most)
                    for seed in range(options.seeds)
                ]
                arrived = [n for n in runs if n is not None]
                spent = sum(arrived) + most * (len(runs) - len(arrived))
                line = {
                    "function": f"bbob-f{number}-d{d}",
                    "module": module,
                    "evaluations": runs,
                    "expected": round(spent / len(arrived)) if arrived else None,
                }
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
