"""What `report` and `should_prune` cost beside Optuna.

    python benchmarks/pruners.py skipjack optuna=/path/to/its/python      # in one run

Past trials have reported 100 steps each, and a good trial reports 100 more. One JSON line per
library, pruner, storage and number of past trials: median microseconds of `report`, median and
worst of `should_prune`, of three trials; and how many times faster than the last library named.
The worst is of processor time, so that it is not that of other programs.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
import time
import warnings
from statistics import median
from typing import Any

STEPS = 100
CASES = [
    ("MedianPruner", "memory", 1000),
    ("SuccessiveHalvingPruner", "memory", 1000),
    ("HyperbandPruner", "memory", 1000),
    ("WilcoxonPruner", "memory", 1000),
    ("MedianPruner", "sqlite", 300),
]


def measured(hp: Any, pruner: str, storage: str, n: int) -> dict[str, float]:
    """Microseconds of one case."""
    with tempfile.TemporaryDirectory() as folder:
        study = hp.create_study(
            pruner=getattr(hp.pruners, pruner)(),
            sampler=hp.samplers.RandomSampler(seed=0),
            storage=f"sqlite:///{folder}/a.db" if storage == "sqlite" else None,
        )
        study.add_trials(
            hp.trial.create_trial(
                value=float(i % 97),
                intermediate_values={s: i % 97 + 1 / (s + 1) for s in range(STEPS)},
            )
            for i in range(n)
        )
        reports, decisions, worst = [], [], 0.0
        for _ in range(3):
            trial = study.ask()
            for step in range(STEPS):
                start = time.perf_counter()
                trial.report(-1 + 1 / (step + 1), step)
                told, used = time.perf_counter(), time.thread_time()
                trial.should_prune()
                worst = max(worst, time.thread_time() - used)
                reports.append(told - start)
                decisions.append(time.perf_counter() - told)
            study.tell(trial, 0.0)
    both = [a + b for a, b in zip(reports, decisions, strict=True)]
    found = (median(reports), median(decisions), worst, median(both))
    names = ("report_us", "should_prune_us", "worst_prune_us", "both_us")
    return {name: round(seconds * 1e6, 1) for name, seconds in zip(names, found, strict=True)}


def main() -> None:
    """Measure one library after the other, case by case."""
    if sys.argv[1] == "--one":
        warnings.simplefilter("ignore")
        hp = importlib.import_module(sys.argv[2])
        hp.logging.set_verbosity(hp.logging.ERROR)
        print(json.dumps(measured(hp, sys.argv[3], sys.argv[4], int(sys.argv[5]))))
        return
    for case in CASES:
        rows = {}
        for name in sys.argv[1:]:
            library, _, python = name.partition("=")
            call = [python or sys.executable, __file__, "--one", library, *map(str, case)]
            done = subprocess.run(call, capture_output=True, text=True, check=True)
            rows[library] = json.loads(done.stdout)
        last = rows[library]
        for library, row in rows.items():
            times = {f"x_{key[:-3]}": round(last[key] / row[key], 1) for key in row}
            print(json.dumps({"case": case, "library": library, **row, **times}), flush=True)


if __name__ == "__main__":
    main()
