"""How long figures take, and how large they are, beside the installed Optuna.

    python -m benchmarks.figures
    python -m benchmarks.figures contour rank --sizes 100 1000 --limit 60

Run it with an interpreter that has Plotly, and Optuna for the comparison. The same trials (ten
parameters: six numbers, two of them on a log scale, two integers, two choices; reports at five
steps) are put into a study in memory of each library. Measured is CPU time of the call and of
`to_json()`, the least of the repeats, and the size of the JSON. Both libraries take turns within a
size. A figure that took the peer longer than `--limit` seconds at a size is left out of its larger
sizes, and printed as null: what is said of those are no measurements. No claim without the lines.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import time
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

SIZES = (10, 100, 1000, 10_000)
REPEATS = 3, 10  # the latter up to a hundred trials
STEPS = 5
# Of a study of one objective, of one of two, and of one whose trials are all on a front of three.
OF_ONE: dict[str, Callable[[ModuleType, Any], Any]] = {
    "optimization_history": lambda v, s: v.plot_optimization_history(s),
    "intermediate_values": lambda v, s: v.plot_intermediate_values(s),
    "parallel_coordinate": lambda v, s: v.plot_parallel_coordinate(s),
    "contour of two": lambda v, s: v.plot_contour(s, params=["x0", "lr0"]),
    "contour of all": lambda v, s: v.plot_contour(s),
    "slice": lambda v, s: v.plot_slice(s),
    "rank of two": lambda v, s: v.plot_rank(s, params=["x0", "lr0"]),
    "rank of all": lambda v, s: v.plot_rank(s),
    "edf": lambda v, s: v.plot_edf(s),
    "param_importances": lambda v, s: v.plot_param_importances(s),
    "timeline": lambda v, s: v.plot_timeline(s),
    "terminator_improvement": lambda v, s: v.plot_terminator_improvement(s),
}
OF_SEVERAL: dict[str, Callable[[ModuleType, Any], Any]] = {
    "pareto_front": lambda v, s: v.plot_pareto_front(s),
    "hypervolume_history": lambda v, s: v.plot_hypervolume_history(s, [1.1] * len(s.directions)),
}
ONLY_OURS: dict[str, Callable[[ModuleType, Any], Any]] = {
    "partial_dependence": lambda v, s: v.plot_partial_dependence(s),
    "importance_beeswarm": lambda v, s: v.plot_importance_beeswarm(s),
    "anytime": lambda v, s: v.plot_anytime([s, s]),
}


def space(library: ModuleType) -> dict[str, Any]:
    """Ten parameters."""
    d = library.distributions
    found = {f"x{i}": d.FloatDistribution(-5, 5) for i in range(4)}
    found |= {f"lr{i}": d.FloatDistribution(1e-5, 1e-1, log=True) for i in range(2)}
    found |= {f"n{i}": d.IntDistribution(1, 9) for i in range(2)}
    return found | {f"c{i}": d.CategoricalDistribution(["a", "b", "c"]) for i in range(2)}


def study_of(library: ModuleType, n: int, m: int) -> Any:
    """The trials, of one objective or on a front of m."""
    study = library.create_study(directions=["minimize"] * m)
    draws = np.random.default_rng(0)
    dists = space(library)
    trials = []
    for _ in range(n):
        u = draws.uniform(size=len(dists)).tolist()
        params: dict[str, Any] = {}
        for at, name in zip(u, dists):
            kind = name.rstrip("0123456789")
            made = {"x": 10 * at - 5, "lr": 10 ** (4 * at - 5), "n": 1 + int(9 * at)}
            params[name] = made.get(kind, "abc"[int(3 * at)])
        value = params["x0"] ** 2 + (u[4] - 0.5) ** 2 * 20 + params["n0"] + 3 * (u[8] > 0.5)
        front = np.abs(draws.normal(size=m))
        values = [value] if m == 1 else (1 - front / np.linalg.norm(front)).tolist()
        reports = {k: value * (1 + 1 / (k + 1)) for k in range(STEPS)} if m == 1 else {}
        trials.append(
            library.trial.create_trial(
                values=values, params=params, distributions=dists, intermediate_values=reports
            )
        )
    study.add_trials(trials)
    return study


def measured(call: Callable[[], Any], repeats: int) -> tuple[float, float, int]:
    """Least CPU seconds of making a figure and its JSON, the first ones, and the JSON's bytes."""
    times, size = [], 0
    for _ in range(repeats):
        start = time.process_time()
        size = len(call().to_json())
        times.append(time.process_time() - start)
        if sum(times) > 20:
            break
    return min(times), times[0], size


def row(
    name: str, make: Callable[[ModuleType, Any], Any], ours: Any, theirs: Any
) -> dict[str, Any]:
    """One line: ours, and the peer's if there is a study of it."""
    view = importlib.import_module("skipjack.visualization")
    n = len(ours.trials)
    repeats = REPEATS[n <= 100]
    seconds, first, size = measured(lambda: make(view, ours), repeats)
    found = {"figure": name, "trials": n, "ours_s": round(seconds, 4)}
    found |= {"ours_first_s": round(first, 4), "ours_mb": round(size / 1e6, 3)}
    if theirs is None:
        return found | {"optuna_s": None, "optuna_mb": None, "ratio": None}
    other = importlib.import_module("optuna.visualization")
    peer, _, peer_size = measured(lambda: make(other, theirs), repeats)
    found |= {"optuna_s": round(peer, 4), "optuna_mb": round(peer_size / 1e6, 3)}
    return found | {"ratio": round(peer / seconds, 1)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", nargs="*", help="names of figures; all if none")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--limit", type=float, default=8.0)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    os.environ["TQDM_DISABLE"] = "1"
    skipjack = importlib.import_module("skipjack")
    try:
        optuna: ModuleType | None = importlib.import_module("optuna")
    except ModuleNotFoundError:
        optuna = None
    known = {**OF_ONE, **OF_SEVERAL, **ONLY_OURS}
    chosen = given.figures or list(known)
    slow: set[tuple[str, int]] = set()
    for n in given.sizes:
        for m in (1, 2, 3, 4):
            table = {**OF_ONE, **ONLY_OURS} if m == 1 else OF_SEVERAL
            wanted = [name for name in table if name in chosen]
            wanted = [w for w in wanted if not (w == "pareto_front" and m == 4)]
            if not wanted:
                continue
            ours = study_of(skipjack, n, m)
            theirs = study_of(optuna, n, m) if optuna else None
            for name in wanted:
                is_theirs = name not in ONLY_OURS and (name, m) not in slow
                line = row(name, table[name], ours, theirs if is_theirs else None)
                print(json.dumps({"objectives": m} | line), flush=True)
                if line["optuna_s"] is not None and line["optuna_s"] > given.limit / 10:
                    growth = 10 if line["optuna_s"] < given.limit / 3 else 100
                    if line["optuna_s"] * growth > given.limit * 10:
                        slow.add((name, m))


if __name__ == "__main__":
    main()
