"""Replay stored fold tables through RacingPruner: fits spared, and whether the winner is kept.

    python benchmarks/curves/races.py [mode ...]          # safe and aggressive if none is given

Each replay takes the candidates of a table in random order and their folds in random order, the
same folds for all. A winner is kept if its mean loss is the least of all full means.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import skipjack

ORDERS = 30


def race(losses: np.ndarray, mode: str, rng: np.random.Generator) -> tuple[int, bool]:
    """How many folds were looked at, and whether the winner was kept."""
    study = skipjack.create_study(pruner=skipjack.pruners.RacingPruner(mode))
    losses = losses[rng.permutation(len(losses))]
    order = rng.permutation(losses.shape[1]).tolist()
    looked = 0
    for row in losses:
        trial = study.ask()
        for i, fold in enumerate(order):
            trial.report(float(row[fold]), fold)
            looked += 1
            if i < len(order) - 1 and trial.should_prune():
                study.tell(trial, state=skipjack.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, float(row.mean()))
    return looked, bool(study.best_value <= losses.mean(axis=1).min() + 1e-12)


def main() -> None:
    """Race on every table."""
    skipjack.logging.set_verbosity(skipjack.logging.ERROR)
    tables = np.load(Path(__file__).with_name("folds.npz"))
    for mode in sys.argv[1:] or ("safe", "aggressive"):
        for folds in (5, 10):
            savings, kept = [], []
            for task in tables.files:
                losses = tables[task].astype(float)[:, :folds]
                runs = [race(losses, mode, np.random.default_rng(i)) for i in range(ORDERS)]
                savings.append(losses.size / np.mean([n for n, _ in runs]))
                kept.append(np.mean([k for _, k in runs]))
                print(f"{mode:10s} {folds:2d} folds {task:22s} {savings[-1]:.2f}x {kept[-1]:.3f}")
            print(
                f"{mode:10s} {folds:2d} folds: median saving {np.median(savings):.2f}x "
                f"({min(savings):.2f} to {max(savings):.2f}), winner kept {np.mean(kept):.4f}"
            )


if __name__ == "__main__":
    main()
