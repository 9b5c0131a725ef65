"""Spaces and losses for the tests of TPE, and studies of them."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.rng import stream
from skipjack.samplers.base import ModelSampler
from tests.histories import Past

FLAT = Space({f"x{i}": FloatDistribution(-5, 5) for i in range(3)})
MIXED = Space(
    {
        "lr": FloatDistribution(1e-5, 1e2, log=True),
        "n": IntDistribution(1, 64),
        "units": IntDistribution(1, 1024, log=True),
        "kind": CategoricalDistribution(["p", "q", "r"]),
        "step": FloatDistribution(0, 1, step=0.1),
    }
)
Values = Mapping[str, float]
Loss = Callable[[Values], float]


def propose(
    sampler: ModelSampler, history: History, number: int, space: Space | None = None, **given: float
) -> Values:
    wanted = history.space if space is None else space
    return sampler.propose(history, wanted, stream(7, number, sampler.purpose), given)


def run(
    sampler: ModelSampler, space: Space, loss: Loss, n: int, past: Past | None = None
) -> tuple[Past, list[float]]:
    """`n` trials of a study whose trials all have the parameters of `space`."""
    past, losses = past or Past(), []
    for _ in range(n):
        drawn = propose(sampler, past.history, past.state.n_trials, space)
        losses.append(loss(drawn))
        past.add({name: (space[name], value) for name, value in drawn.items()}, [losses[-1]])
    return past, losses


def sphere(values: Values) -> float:
    return sum((x - 1.0) ** 2 for x in values.values())


def mixed(values: Values) -> float:
    lr, units = math.log10(values["lr"]), math.log2(values["units"])
    where = (lr + 1) ** 2 + abs(values["n"] - 40) / 16 + (units - 6) ** 2 / 4
    return where + float(values["kind"] != 1.0) + 3 * (values["step"] - 0.3) ** 2


def inside(values: Values, space: Space) -> bool:
    return list(values) == list(space) and all(
        type(value) is float and space[name]._contains(value) for name, value in values.items()
    )


def drawn_now(rng: np.random.Generator, number: int) -> dict[str, tuple[BaseDistribution, float]]:
    """Parameters of which some come and go, and with a range that moves."""
    dists: dict[str, BaseDistribution] = {
        "x": FloatDistribution(0, 1 + (number // 40) % 5),
        "k": MIXED["kind"],
        "n": MIXED["units"],
    }
    if rng.random() < 0.5:
        dists["y"] = FloatDistribution(1e-3, 1, log=True)
    return {name: (dist, dist.at(rng.random())) for name, dist in dists.items()}


def branches(sampler: ModelSampler, seed: int, n: int) -> tuple[Past, list[float]]:
    """A study in which `kind` decides on x or y and deep, and deep on z."""
    kinds: dict[str, BaseDistribution] = {
        "kind": CategoricalDistribution(["a", "b"]),
        "x": FloatDistribution(-5, 5),
        "y": FloatDistribution(-5, 5),
        "deep": IntDistribution(0, 2),
        "z": FloatDistribution(1e-3, 1e3, log=True),
    }
    past, losses = Past(), []
    for number in range(n):
        known = past.history.space
        numbers = stream(seed, number, sampler.purpose)
        first = sampler.propose(past.history, known, numbers, {})
        have: dict[str, float] = {}

        def suggest(name: str) -> float:
            value = first.get(name)  # noqa: B023
            if value is None:
                one = Space({name: kinds[name]})
                value = sampler.propose(past.history, one, numbers, have)[name]  # noqa: B023
            have[name] = value  # noqa: B023
            return value

        if suggest("kind") == 0:
            losses.append((suggest("x") - 2) ** 2 + 1)
        else:
            losses.append((suggest("y") + 1) ** 2)
            if suggest("deep") != 0:
                losses[-1] += abs(math.log10(suggest("z")) - 1) - 0.5
        past.add({name: (kinds[name], value) for name, value in have.items()}, [losses[-1]])
    return past, losses
