"""Studies in small: objectives that the contracts of samplers run, and checks of their trials."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from skipjack.records.frozen import FrozenTrial
from skipjack.study import Study
from skipjack.trial import Trial

Objective = Callable[[Trial], float]

KINDS: dict[str, BaseDistribution] = {
    "float": FloatDistribution(-5.0, 5.0),
    "log": FloatDistribution(1e-8, 1e3, log=True),
    "step": FloatDistribution(0.0, 1.0, step=0.1),
    "int": IntDistribution(-3, 40),
    "int log": IntDistribution(1, 2**20, log=True),
    "int step": IntDistribution(2, 20, step=3),
    "choice": CategoricalDistribution((None, True, 1, 1.5, "a")),
    "one float": FloatDistribution(0.5, 0.5),
    "one int": IntDistribution(7, 7),
    "one choice": CategoricalDistribution(("only",)),
}


def suggest(trial: Trial, name: str, dist: BaseDistribution) -> Any:
    """A value of `dist`, by the public method for its kind."""
    if isinstance(dist, FloatDistribution):
        return trial.suggest_float(name, dist.low, dist.high, step=dist.step, log=dist.log)
    if isinstance(dist, IntDistribution):
        return trial.suggest_int(name, dist.low, dist.high, step=dist.step, log=dist.log)
    assert isinstance(dist, CategoricalDistribution)
    return trial.suggest_categorical(name, dist.choices)


def loss_of(values: dict[str, Any]) -> float:
    """A number that depends on every parameter, best near 1."""
    numbers = [v for v in values.values() if isinstance(v, (int, float))]
    return sum(abs(math.log10(1.0 + abs(number)) - 0.3) for number in numbers)


def every_kind(trial: Trial) -> float:
    """All kinds of parameters, one by one."""
    return loss_of({name: suggest(trial, name, dist) for name, dist in KINDS.items()})


def branches(trial: Trial) -> float:
    """One parameter decides which others there are, one of which decides again."""
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    if kind == "a":
        return abs(trial.suggest_float("ax", -5, 5) - 2.0) + 1.0
    if kind == "b":
        loss = abs(trial.suggest_float("bx", -5, 5) + 1.0)
        if trial.suggest_int("deep", 0, 2) > 0:
            loss += abs(trial.suggest_float("bz", 1e-3, 1e3, log=True) - 1.0)
        return loss
    return 3.0


def loops(trial: Trial) -> float:
    """As many parameters as another one says."""
    layers = trial.suggest_int("layers", 1, 4)
    widths = [trial.suggest_int(f"width {i}", 1, 64, log=True) for i in range(layers)]
    return abs(sum(widths) - 40.0) / 10.0


def ranges(trial: Trial) -> float:
    """Ranges that depend on other parameters and on the trial."""
    low = trial.suggest_float("low", 0.0, 1.0 + trial.number % 3)
    high = trial.suggest_float("high", low, 5.0)
    return abs(high - low - 1.0) + trial.suggest_int("n", 0, 1 + trial.number % 7)


def sphere(trial: Trial) -> float:
    """Five floats, best at 1."""
    return sum((trial.suggest_float(f"x{i}", -5, 5) - 1.0) ** 2 for i in range(5))


def branin(trial: Trial) -> float:
    """Two floats, three best points of value 0.398.

    Source: L. C. W. Dixon, G. P. Szegö, "The global optimization problem: an introduction",
        Towards Global Optimisation 2, 1978.
    """
    x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
    valley = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def mixed(trial: Trial) -> float:
    """Floats, integers and choices, with and without a logarithm."""
    rate = math.log10(trial.suggest_float("rate", 1e-5, 1e2, log=True))
    units = math.log2(trial.suggest_int("units", 1, 1024, log=True))
    loss = (rate + 1.0) ** 2 + (units - 6.0) ** 2 / 4.0
    loss += abs(trial.suggest_int("n", 1, 64) - 40) / 16.0
    loss += 3.0 * (trial.suggest_float("step", 0, 1, step=0.1) - 0.3) ** 2
    return loss + float(trial.suggest_categorical("kind", ["p", "q", "r"]) != "q")


class Told(NamedTuple):
    """What a sampler decided for a trial, in a form that can be compared."""

    params: tuple[tuple[str, str, Any], ...]  # name, type, value


def told(study: Study) -> list[Told]:
    """What was decided for each trial of a study."""
    return [
        Told(tuple((name, type(v).__name__, v) for name, v in trial.params.items()))
        for trial in study.get_trials(deepcopy=False)
    ]


def check_legal(trials: list[FrozenTrial]) -> None:
    """Every value lies in its distribution, and is of the type that the user was promised."""
    kinds = {FloatDistribution: float, IntDistribution: int}
    for trial in trials:
        for name, dist in trial.distributions.items():
            value = trial.params[name]
            assert dist._contains(dist.to_internal_repr(value)), (trial.number, name, value)
            if isinstance(dist, CategoricalDistribution):
                assert any(value is choice or value == choice for choice in dist.choices)
            else:
                assert type(value) is kinds[type(dist)], (trial.number, name, value)
