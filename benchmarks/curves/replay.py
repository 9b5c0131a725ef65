"""Replay stored trainings through pruners: what is saved, and what it costs.

    python benchmarks/curves/replay.py skipjack > ours.json
    /path/to/optuna/python benchmarks/curves/replay.py optuna > theirs.json

Each replay draws 60 configurations of a task in random order (a random search), reports their
curves step by step and stops where the pruner says so. Told of each pruner, over all tasks and
orders: steps saved, normalised loss of final quality against no pruning, and false kills: the
share of trials that would have ended among the best tenth and were stopped.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TRIALS, ORDERS = 60, 10


def pruners(hp: Any) -> dict[str, Any]:
    """How each is made, by name."""
    p = hp.pruners
    found = {
        "Nop": p.NopPruner,
        "Median": p.MedianPruner,
        "Percentile(75)": lambda: p.PercentilePruner(75.0),
        "Percentile(25)": lambda: p.PercentilePruner(25.0),
        "SuccessiveHalving": p.SuccessiveHalvingPruner,
        "Hyperband": p.HyperbandPruner,
        "Patient(Median)": lambda: p.PatientPruner(p.MedianPruner(), 2),
    }
    if hasattr(p, "AutoPruner"):
        found["Auto"] = p.AutoPruner
    return found


def replay(hp: Any, make: Any, curves: np.ndarray, order: np.ndarray) -> dict[str, float]:
    """One random search; the final value is the last of a curve."""
    study = hp.create_study(pruner=make(), sampler=hp.samplers.RandomSampler(seed=0))
    finals = curves[order, -1]
    best = np.sort(finals)[: max(1, round(0.1 * len(order)))][-1]
    steps, kills, good, reached = 0, 0, 0, np.inf
    for i in order:
        trial = study.ask()
        for step, value in enumerate(curves[i].tolist()):
            trial.report(value, step)
            steps += 1
            if step < curves.shape[1] - 1 and trial.should_prune():
                study.tell(trial, state=hp.trial.TrialState.PRUNED)
                kills += curves[i, -1] <= best
                break
        else:
            study.tell(trial, value)
            reached = min(reached, value)
        good += curves[i, -1] <= best
    span = np.median(finals) - finals.min()
    return {
        "saved": 1.0 - steps / curves[order].size,
        "loss": float((reached - finals.min()) / span),
        "kills": float(kills / good),
    }


def main() -> None:
    """Replay all."""
    warnings.simplefilter("ignore")
    hp = importlib.import_module(sys.argv[1])
    only = sys.argv[2:]
    hp.logging.set_verbosity(hp.logging.ERROR)
    data = np.load(HERE / "curves.npz")
    found: dict[str, Any] = {}
    for name, make in pruners(hp).items():
        if only and name not in only:
            continue
        for task in data.files:
            curves = data[task].astype(float)
            for seed in range(ORDERS):
                order = np.random.default_rng(seed).permutation(len(curves))[:TRIALS]
                found.setdefault(name, {}).setdefault(task, []).append(
                    replay(hp, make, curves, order)
                )
        means = {
            key: [np.mean([r[key] for r in runs]) for runs in found[name].values()]
            for key in ("saved", "loss", "kills")
        }
        print(
            f"{name:20s} saved {np.mean(means['saved']):.2f} ({min(means['saved']):.2f} to "
            f"{max(means['saved']):.2f})  loss {np.mean(means['loss']):.4f} (worst task "
            f"{max(means['loss']):.4f})  false kills {np.mean(means['kills']):.3f}",
            file=sys.stderr,
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
