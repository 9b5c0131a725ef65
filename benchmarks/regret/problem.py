"""What is optimised: an objective in define-by-run style, and how its results are judged."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias
from zlib import crc32

import numpy as np


class Outcome(NamedTuple):
    """What one evaluation gives. All values are minimised.

    Attributes:
        values: What the sampler is told.
        true: What it is judged by: the same without the noise.
        violations: Of the constraints, at most 0 where kept.
    """

    values: tuple[float, ...]
    true: tuple[float, ...]
    violations: tuple[float, ...] = ()


Objective: TypeAlias = Callable[[Any, np.random.Generator], Outcome]


class Problem(NamedTuple):
    """One thing to optimise.

    Attributes:
        objective: From a trial and a source of noise, the outcome.
        objectives: How many values it has.
        best: The least value there is; NaN if it is not known.
        scale: For several objectives the best and the worst value of each that count, shape
            (2, objectives); the volume that a front dominates is measured between them.
        running: How many trials run at the same time.
        flat: Whether every trial has the same parameters.
        constrained: Whether outcomes have violations.
    """

    objective: Objective
    objectives: int = 1
    best: float = math.nan
    scale: np.ndarray[Any, Any] | None = None
    running: int = 1
    flat: bool = True
    constrained: bool = False


Builder: TypeAlias = Callable[[], Problem]
Suite: TypeAlias = dict[str, Builder]  # by name; built when needed, as tables are large


def exact(*values: float) -> Outcome:
    """An outcome without noise."""
    return Outcome(values, values)


def source(*what: object) -> np.random.Generator:
    """Random numbers that depend on `what` alone, in every process and library."""
    return np.random.default_rng(crc32(repr(what).encode()))


def floats(trial: Any, lower: np.ndarray[Any, Any], upper: np.ndarray[Any, Any]) -> list[float]:
    """As many floats as there are bounds: x0, x1, ..."""
    pairs = zip(lower.tolist(), upper.tolist(), strict=True)
    return [trial.suggest_float(f"x{i}", low, high) for i, (low, high) in enumerate(pairs)]
