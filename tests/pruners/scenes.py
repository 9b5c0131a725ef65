"""Scenes that any module with Optuna's API can play: which trials its pruners stop, and when.

Run with an interpreter that has Optuna, to write what it decides:

    python tests/pruners/scenes.py optuna > tests/pruners/optuna.json
"""

import importlib
import json
import random
import sys
import warnings
from typing import Any

SCENES: dict[str, list[dict[str, Any]]] = {
    "MedianPruner": [{}, {"n_startup_trials": 2, "n_warmup_steps": 3, "interval_steps": 4}],
    "PercentilePruner": [{"percentile": 25.0, "n_min_trials": 3}, {"percentile": 75.0}],
    "SuccessiveHalvingPruner": [
        {},
        {"min_resource": 1, "reduction_factor": 2},
        {"min_resource": 2, "reduction_factor": 3, "min_early_stopping_rate": 1},
        {"min_resource": 1, "reduction_factor": 2, "bootstrap_count": 2},
    ],
    "HyperbandPruner": [
        {},
        {"min_resource": 1, "max_resource": 30, "reduction_factor": 2},
        {"min_resource": 2, "max_resource": 17, "bootstrap_count": 1},
    ],
    "ThresholdPruner": [
        {"upper": 0.8},
        {"lower": 0.1, "upper": 0.9, "n_warmup_steps": 4, "interval_steps": 3},
    ],
    "PatientPruner": [
        {"patience": 0},
        {"patience": 3, "min_delta": 0.1},
        {"patience": 1, "wrapped": "MedianPruner"},
    ],
    "WilcoxonPruner": [{}, {"p_threshold": 0.3, "n_startup_steps": 4}],
}
LENGTH = 30  # steps of a trial


def play(hp: Any, kind: str, options: dict[str, Any], direction: str, seed: int) -> list[str]:
    """Run 30 trials, up to three at a time; of each, its number and the step it was stopped at.

    One at a time where the first complete trial sets the lengths: Optuna knows those from when it
    is asked, and counts nothing of the past of a trial that runs then.
    """
    options = dict(options)
    make = getattr(hp.pruners, kind)
    if kind == "PatientPruner":
        inner = options.pop("wrapped", None)
        options["wrapped_pruner"] = getattr(hp.pruners, inner)() if inner else None
    pruner = make(**options)
    study = hp.create_study(direction=direction, pruner=pruner, study_name="scene")
    chance = random.Random(f"{kind} {seed}")
    first_sets = kind in ("SuccessiveHalvingPruner", "HyperbandPruner") and not options
    most = 1 if first_sets else 3
    running: list[Any] = []
    ends = []
    for _ in range(30):
        running.append([study.ask(), -1, chance.random()])
        while len(running) > chance.randrange(most):
            entry = chance.choice(running)
            trial, step, level = entry
            entry[1] = step = step + 1
            value = level + chance.gauss(0.0, 0.1) + 0.3 / (1 + step)
            if kind != "WilcoxonPruner" and chance.random() < 0.01:
                value = float("nan")
            value = round(value, 1) if kind != "WilcoxonPruner" else value
            trial.report(value, step)
            if trial.should_prune():
                ends.append(f"{trial.number} stopped at {step}")
                study.tell(trial, state=hp.trial.TrialState.PRUNED)
                running.remove(entry)
            elif step == LENGTH - 1:
                ends.append(f"{trial.number} ended")
                study.tell(trial, level)
                running.remove(entry)
    return ends


def plays(hp: Any, seeds: int = 3) -> dict[str, list[str]]:
    """All scenes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            f"{kind} {json.dumps(options)} {direction} {seed}": play(
                hp, kind, options, direction, seed
            )
            for kind, list_of_options in SCENES.items()
            for options in list_of_options
            for direction in ("minimize", "maximize")
            for seed in range(seeds)
        }


if __name__ == "__main__":
    module = importlib.import_module(sys.argv[1])
    module.logging.set_verbosity(module.logging.ERROR)
    print(json.dumps(plays(module), indent=0))
