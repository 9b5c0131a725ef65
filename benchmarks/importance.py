"""How long importances and the history of a hypervolume take, beside Optuna if it is installed.

    python -m benchmarks.importance                     all, 1,000 and 10,000 trials
    python -m benchmarks.importance --only ped --sizes 10000 --repeats 5

Ten parameters: seven floats, an integer, a logarithmic float and a choice of three; values from
five of them and noise. One thread. Printed is one JSON line per measure and size: seconds of CPU
time (the least of `--repeats`; Optuna once where it takes long), and how many times as long Optuna
takes. Optuna's fANOVA is left out above 1,000 trials: it takes minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from collections.abc import Callable
from time import process_time
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import skipjack
from skipjack.numerics.hypervolume_history import hypervolume_history

try:
    import optuna
except ModuleNotFoundError:
    optuna = None

Clock = Callable[[], Any]
EVALUATORS = {
    "ped": "PedAnovaImportanceEvaluator",
    "fanova": "FanovaImportanceEvaluator",
    "mdi": "MeanDecreaseImpurityImportanceEvaluator",
    "shapley": "ShapleyImportanceEvaluator",
}


def study_of(package: Any, n: int) -> Any:
    """A study of `package` with n trials."""
    dists = package.distributions
    space = {f"x{j}": dists.FloatDistribution(0, 1) for j in range(7)}
    space["n"] = dists.IntDistribution(0, 9)
    space["lr"] = dists.FloatDistribution(1e-4, 1, log=True)
    space["k"] = dists.CategoricalDistribution(["a", "b", "c"])
    rng = np.random.default_rng(0)
    study = package.create_study()
    trials = []
    for u in rng.random((n, 10)).tolist():
        params: dict[str, Any] = {f"x{j}": u[j] for j in range(7)}
        params |= {"n": int(10 * u[7]), "lr": 10 ** (4 * u[8] - 4), "k": "abc"[int(3 * u[9])]}
        value = 4 * u[0] + np.sin(6 * u[1]) + u[2] * u[3] + 0.1 * params["n"] + rng.normal() / 10
        trials.append(package.create_trial(params=params, distributions=space, value=value))
    study.add_trials(trials)
    return study


def front(n: int, m: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Points of m objectives of which none dominates another."""
    z = np.abs(np.random.default_rng(0).normal(size=(n, m)))
    return np.asarray(1.0 - z / np.linalg.norm(z, axis=1, keepdims=True))


def seconds(job: Clock, repeats: int) -> float:
    """CPU seconds of the quickest of some runs."""
    found = []
    for _ in range(repeats):
        start = process_time()
        job()
        found.append(process_time() - start)
    return min(found)


def show(what: str, n: int, ours: float, theirs: float | None) -> None:
    """One line."""
    row: dict[str, Any] = {"what": what, "n": n, "skipjack_s": round(ours, 4)}
    if theirs is not None:
        row |= {"optuna_s": round(theirs, 4), "times": round(theirs / ours, 1)}
    print(json.dumps(row), flush=True)


def importances(only: list[str], sizes: list[int], repeats: int) -> None:
    """The measures of importance."""
    for n in sizes:
        mine = study_of(skipjack, n)
        other = study_of(optuna, n) if optuna else None
        for key in only:
            kind = EVALUATORS.get(key)
            if kind is None:
                continue
            ask = skipjack.importance.get_param_importances
            evaluator = getattr(skipjack.importance, kind)()
            ours = seconds(lambda: ask(mine, evaluator=evaluator), repeats)  # noqa: B023
            theirs = None
            takes_minutes = key == "fanova" and n > 1000
            if other is not None and hasattr(optuna.importance, kind) and not takes_minutes:
                them = getattr(optuna.importance, kind)()
                told = optuna.importance.get_param_importances
                often = repeats if key == "ped" else 1
                theirs = seconds(lambda: told(other, evaluator=them), often)  # noqa: B023
            show(key, n, ours, theirs)


def volumes(repeats: int) -> None:
    """The history of the hypervolume of 1,000 points, all on the front."""
    for m in (3, 4):
        points, reference = front(1000, m), np.full(m, 1.1)
        ours = seconds(lambda: hypervolume_history(points, reference), repeats)  # noqa: B023
        theirs = None
        if optuna is not None:
            from optuna.visualization._hypervolume_history import _get_hypervolume_history_info

            study = optuna.create_study(directions=["minimize"] * m)
            study.add_trials([optuna.create_trial(values=row) for row in points.tolist()])
            theirs = seconds(lambda: _get_hypervolume_history_info(study, reference), repeats)  # noqa: B023
        show(f"hypervolume history, {m} objectives", 1000, ours, theirs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [*EVALUATORS, "hypervolume"]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--sizes", nargs="+", type=int, default=[1000, 10000])
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    skipjack.logging.set_verbosity(skipjack.logging.ERROR)
    if optuna is not None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
    importances(chosen.only, chosen.sizes, chosen.repeats)
    if "hypervolume" in chosen.only:
        volumes(chosen.repeats)


if __name__ == "__main__":
    main()
