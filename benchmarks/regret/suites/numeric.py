"""Functions of COCO: continuous, with integers, with categories made of integers; and noisy.

Source: N. Hansen et al., "COCO: a platform for comparing continuous optimizers in a black-box
    setting", Optimization Methods and Software 36 (2021), doi:10.1080/10556788.2020.1808977.
"""

from __future__ import annotations

import os
import tempfile
from functools import partial
from statistics import median
from typing import Any

import cocoex
import numpy as np

from benchmarks.regret.problem import Outcome, Problem, Suite, exact, floats, source

_DIMENSIONS = (5, 10, 20)
_TRUTH = 15  # evaluations, the median of which stands for the value without noise
_BEST = {  # where COCO writes the best point when asked for it
    "bbob": "._bbob_problem_best_parameter.txt",
    "bbob-mixint": "._bbob_problem_best_parameter.txt",
}


def function(suite: str, number: int, dimension: int) -> Any:
    """The first instance of a function of COCO."""
    chosen = f"dimensions:{dimension} function_indices:{number}"
    found = cocoex.Suite(suite, "", f"{chosen} instance_indices:1")
    return found.get_problem(0)


def least(suite: str, f: Any) -> float:
    """The least value of a function."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        try:
            f._best_parameter("print")
            return float(f(np.loadtxt(_BEST[suite])))
        finally:
            os.chdir(here)


def continuous(number: int, dimension: int) -> Problem:
    """A function of floats."""
    f = function("bbob", number, dimension)

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        return exact(f(floats(trial, f.lower_bounds, f.upper_bounds)))

    return Problem(objective, best=least("bbob", f))


def integers(number: int, dimension: int) -> Problem:
    """A function four fifths of whose parameters are integers."""
    f = function("bbob-mixint", number, dimension)
    whole = f.number_of_integer_variables

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        bounds = list(zip(f.lower_bounds.tolist(), f.upper_bounds.tolist(), strict=True))
        x = [trial.suggest_int(f"i{i}", int(a), int(b)) for i, (a, b) in enumerate(bounds[:whole])]
        y = [trial.suggest_float(f"x{i}", a, b) for i, (a, b) in enumerate(bounds[whole:])]
        return exact(f(np.array(x + y, float)))

    return Problem(objective, best=least("bbob-mixint", f))


def categories(number: int, dimension: int) -> Problem:
    """The same with the integers of at most eight values as choices in no order."""
    f = function("bbob-mixint", number, dimension)
    orders = [
        source("order", number, i).permutation(int(b) + 1).tolist() if b < 8 else []
        for i, b in enumerate(f.upper_bounds.tolist())
    ]
    whole = f.number_of_integer_variables

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        x: list[float] = []
        bounds = zip(f.lower_bounds.tolist(), f.upper_bounds.tolist(), strict=True)
        for i, (low, high) in enumerate(bounds):
            if i >= whole:
                x.append(trial.suggest_float(f"x{i}", low, high))
            elif orders[i]:
                names = [f"c{j}" for j in range(len(orders[i]))]
                x.append(orders[i][names.index(trial.suggest_categorical(f"c{i}", names))])
            else:
                x.append(trial.suggest_int(f"i{i}", int(low), int(high)))
        return exact(f(np.array(x, float)))

    return Problem(objective, best=least("bbob-mixint", f))


def noisy(number: int, dimension: int) -> Problem:
    """A function with noise; what counts is the median."""
    f = function("bbob-noisy", number, dimension)

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        x = floats(trial, f.lower_bounds, f.upper_bounds)
        return Outcome((f(x),), (median(f(x) for _ in range(_TRUTH)),))

    return Problem(objective)


def spread(number: int, first: int = 0) -> int:
    """A dimension for a function, each as often as the others."""
    return _DIMENSIONS[(number + first) % 3]


BBOB: Suite = {
    **{f"bbob-f{k}-d{spread(k)}": partial(continuous, k, spread(k)) for k in range(1, 25)},
    **{f"bbob-f{k}-d2": partial(continuous, k, 2) for k in range(3, 25, 5)},
}
MIXINT: Suite = {
    **{f"mixint-f{k}-d{spread(k, 1)}": partial(integers, k, spread(k, 1)) for k in range(1, 25, 2)},
    **{
        f"categories-f{k}-d{spread(k, 2)}": partial(categories, k, spread(k, 2))
        for k in range(2, 25, 3)
    },
}
NOISY: Suite = {
    f"noisy-f{k}-d{_DIMENSIONS[i % 3]}": partial(noisy, k - 100, _DIMENSIONS[i % 3])
    for i, k in enumerate((101, 103, 106, 108, 111, 113, 116, 118, 122, 124, 127, 130))
}
