"""Spaces in which parameters exist or not: branches in branches, loops, switches."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.regret.problem import Outcome, Problem, Suite, exact, source


def bowl(x: Sequence[float], centre: Sequence[float]) -> float:
    """Squared distance, each coordinate a little more important than the one before."""
    parts = zip(x, centre, strict=True)
    return sum((1 + i / 2) * (a - c) ** 2 for i, (a, c) in enumerate(parts))


def waves(x: Sequence[float], centre: Sequence[float]) -> float:
    """A bowl with ripples."""
    parts = zip(x, centre, strict=True)
    return sum((a - c) ** 2 + 0.2 - 0.2 * math.cos(9 * (a - c)) for a, c in parts)


def valley(x: Sequence[float], centre: Sequence[float]) -> float:
    """A bent valley: each coordinate should be the square of the one before."""
    y = [a - c + 1 for a, c in zip(x, centre, strict=True)]
    return sum(2 * (b - a * a) ** 2 + 0.3 * (1 - a) ** 2 for a, b in itertools.pairwise(y))


SHAPES: tuple[Callable[[Sequence[float], Sequence[float]], float], ...] = (bowl, waves, valley)


def branches(seed: int, sizes: tuple[int, ...], shared: int) -> Problem:
    """One of several branches with parameters of their own, and some that all have."""
    rng = source("branches", seed)
    centres = [rng.uniform(-0.7, 0.7, shared + size).tolist() for size in sizes]
    heights = 0.15 * rng.permutation(len(sizes))

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        k = int(trial.suggest_categorical("branch", [str(k) for k in range(len(sizes))]))
        x = [trial.suggest_float(f"shared{i}", -1, 1) for i in range(shared)]
        x += [trial.suggest_float(f"b{k}_{i}", -1, 1) for i in range(sizes[k])]
        return exact(SHAPES[(seed + k) % 3](x, centres[k]) + heights[k])

    return Problem(objective, flat=False, best=float(heights.min()))


def nested(seed: int) -> Problem:
    """Three levels of choices, each with parameters of its own."""
    rng = source("nested", seed)
    centres, heights = rng.uniform(-0.7, 0.7, (2, 3, 2, 5)), rng.uniform(0, 0.4, (2, 3, 2))

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        a = trial.suggest_categorical("family", ["x", "y"])
        x = [trial.suggest_float(f"{a}_{i}", -1, 1) for i in range(2)]
        b = trial.suggest_categorical(f"{a}_kind", ["p", "q", "r"])
        x.append(trial.suggest_float(f"{a}{b}_rate", -1, 1))
        x.append(trial.suggest_int(f"{a}{b}_count", 0, 10) / 5 - 1)
        c = trial.suggest_categorical(f"{a}{b}_extra", [False, True])
        if c:
            x.append(trial.suggest_float(f"{a}{b}_more", -1, 1))
        at = ("xy".index(a), "pqr".index(b), int(c))
        return exact(SHAPES[(seed + at[1]) % 2](x, centres[at][: len(x)]) + heights[at])

    return Problem(objective, flat=False)


def layers(seed: int, most: int) -> Problem:
    """A network of so many layers: each has its units and dropout."""
    rng = source("layers", seed)
    units, drops = rng.uniform(4, 8, most), rng.uniform(0, 0.5, most)
    wanted, rate = int(rng.integers(2, most + 1)), rng.uniform(-4, -2)

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        n = trial.suggest_int("layers", 1, most)
        loss = 0.3 * abs(n - wanted)
        loss += (math.log10(trial.suggest_float("rate", 1e-5, 1e-1, log=True)) - rate) ** 2 / 4
        for i in range(n):
            u = math.log2(trial.suggest_int(f"units{i}", 4, 512, log=True))
            drop = trial.suggest_float(f"dropout{i}", 0.0, 0.6)
            loss += (0.08 * (u - units[i]) ** 2 + 2 * (drop - drops[i]) ** 2) / n**0.5
        return exact(loss)

    return Problem(objective, flat=False)


def switches(seed: int, n: int) -> Problem:
    """Steps that can be left out; each that is there has two parameters."""
    rng = source("switches", seed)
    centres, gains = rng.uniform(-0.7, 0.7, (n, 2)), rng.uniform(-0.3, 0.6, n)

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        loss = bowl([trial.suggest_float(f"base{i}", -1, 1) for i in range(2)], (0.3, -0.4))
        for i in range(n):
            if trial.suggest_categorical(f"step{i}", [True, False]):
                x = [trial.suggest_float(f"step{i}_{j}", -1, 1) for j in range(2)]
                loss += bowl(x, centres[i]) - gains[i]
        return exact(loss)

    return Problem(objective, flat=False, best=-float(gains.clip(0).sum()))


CONDITIONAL: Suite = {
    "branches-3": partial(branches, 0, (2, 4, 6), 0),
    "branches-3-shared": partial(branches, 1, (3, 3, 3), 3),
    "branches-5": partial(branches, 2, (2, 3, 4, 3, 2), 1),
    "branches-2-wide": partial(branches, 3, (8, 8), 2),
    "nested-0": partial(nested, 0),
    "nested-1": partial(nested, 1),
    "layers-4": partial(layers, 0, 4),
    "layers-6": partial(layers, 1, 6),
    "switches-4": partial(switches, 0, 4),
    "switches-7": partial(switches, 1, 7),
}
