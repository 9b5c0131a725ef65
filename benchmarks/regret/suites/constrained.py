"""Constraints: those of COCO, and cuts through its functions."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.regret.problem import Outcome, Problem, Suite, floats, source
from benchmarks.regret.suites.numeric import function


def of_coco(number: int, dimension: int) -> Problem:
    """A function with its own constraints."""
    f = function("bbob-constrained", number, dimension)

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        x = np.array(floats(trial, f.lower_bounds, f.upper_bounds))
        value = (float(f(x)),)
        return Outcome(value, value, tuple(f.constraint(x).tolist()))

    return Problem(objective, constrained=True)


def cut(number: int, dimension: int, cuts: int) -> Problem:
    """A function of floats and integers of which planes cut off a part, each about two fifths."""
    f = function("bbob-mixint", number, dimension)
    whole = f.number_of_integer_variables
    low, high = f.lower_bounds, f.upper_bounds
    normals = source("cut", number).normal(size=(cuts, dimension))

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        bounds = list(zip(low.tolist(), high.tolist(), strict=True))
        x = [trial.suggest_int(f"i{i}", int(a), int(b)) for i, (a, b) in enumerate(bounds[:whole])]
        x += [trial.suggest_float(f"x{i}", a, b) for i, (a, b) in enumerate(bounds[whole:])]
        point = np.array(x, float)
        value = (float(f(point)),)
        centred = (point - low) / (high - low) - 0.5
        return Outcome(value, value, tuple((normals @ centred - 0.08).tolist()))

    return Problem(objective, constrained=True)


CONSTRAINED: Suite = {
    **{f"coco-f{k}-d5": partial(of_coco, k, 5) for k in (2, 14, 26, 33, 44)},
    **{f"coco-f{k}-d10": partial(of_coco, k, 10) for k in (7, 20, 37, 50)},
    "cut-f3-d5": partial(cut, 3, 5, 2),
    "cut-f15-d10": partial(cut, 15, 10, 2),
    "cut-f20-d10": partial(cut, 20, 10, 3),
    "cut-f8-d20": partial(cut, 8, 20, 2),
}
