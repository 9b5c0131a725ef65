"""Several objectives: pairs of COCO functions, and fronts of known shape.

Source: E. Zitzler, K. Deb, L. Thiele, "Comparison of multiobjective evolutionary algorithms",
    Evolutionary Computation 8 (2000); K. Deb et al., "Scalable test problems", 2002 (DTLZ).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.regret.problem import Outcome, Problem, Suite, exact, floats, source
from benchmarks.regret.suites.numeric import function

_SAMPLE = 2000  # random points from which it is seen which values count


def pair(number: int, dimension: int) -> Problem:
    """Two functions of COCO of the same parameters."""
    f = function("bbob-biobj", number, dimension)
    low = np.full(dimension, -5.0)
    x = source("pair", number).uniform(-5, 5, (_SAMPLE, dimension))
    scale = np.quantile([f(row) for row in x], (0.0, 0.6), axis=0)

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        return exact(*(float(v) for v in f(np.array(floats(trial, low, -low)))))

    return Problem(objective, objectives=2, scale=scale)


def zdt(front: Callable[[float, float], float], x: Sequence[float]) -> tuple[float, ...]:
    """The first parameter says where on the front, the others how far from it."""
    distance = 1 + 9 * sum(x[1:]) / (len(x) - 1)
    return x[0], distance * front(x[0], distance)


def convex(a: float, g: float) -> float:
    """The front of ZDT1."""
    return 1 - math.sqrt(a / g)


def concave(a: float, g: float) -> float:
    """The front of ZDT2."""
    return 1 - (a / g) ** 2


def broken(a: float, g: float) -> float:
    """The front of ZDT3."""
    return 1 - math.sqrt(a / g) - a / g * math.sin(10 * math.pi * a)


def sphere(x: Sequence[float]) -> tuple[float, ...]:
    """DTLZ2: the front is a part of a sphere."""
    radius = 1 + sum((v - 0.5) ** 2 for v in x[2:])
    a, b = x[0] * math.pi / 2, x[1] * math.pi / 2
    return (
        radius * math.cos(a) * math.cos(b),
        radius * math.cos(a) * math.sin(b),
        radius * math.sin(a),
    )


def patches(x: Sequence[float]) -> tuple[float, ...]:
    """DTLZ7 with three objectives: the front has four parts."""
    distance = 1 + 9 * sum(x[2:]) / (len(x) - 2)
    height = 3 - sum(v / (1 + distance) * (1 + math.sin(3 * math.pi * v)) for v in x[:2])
    return x[0], x[1], (1 + distance) * height


def shaped(f: Callable[[Sequence[float]], tuple[float, ...]], dimension: int) -> Problem:
    """A problem of floats in [0, 1]."""
    zeros, ones = np.zeros(dimension), np.ones(dimension)
    values = [f(row) for row in source("shaped", dimension).random((_SAMPLE, dimension)).tolist()]
    scale = np.quantile(values, (0.0, 0.6), axis=0)

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        return exact(*f(floats(trial, zeros, ones)))

    return Problem(objective, objectives=len(values[0]), scale=scale)


SEVERAL: Suite = {
    **{f"pair-f{k}-d5": partial(pair, k, 5) for k in (1, 13, 34)},
    **{f"pair-f{k}-d10": partial(pair, k, 10) for k in (6, 47)},
    "zdt1-d10": partial(shaped, partial(zdt, convex), 10),
    "zdt2-d6": partial(shaped, partial(zdt, concave), 6),
    "zdt3-d15": partial(shaped, partial(zdt, broken), 15),
    "dtlz2-d6": partial(shaped, sphere, 6),
    "dtlz7-d8": partial(shaped, patches, 8),
}
