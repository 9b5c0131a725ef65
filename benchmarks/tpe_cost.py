"""What a proposal of the default sampler costs, by kind of study and number of trials.

    python -m benchmarks.tpe_cost                    all kinds, up to 10,000 trials
    python -m benchmarks.tpe_cost --kinds flat50 --sizes 1000 100000

One thread. Printed is one JSON line per kind and size: milliseconds of CPU time of `propose` right
after a trial was told (the folds take it in then), median over `--repeats` trials; and at the end
of each kind the ratio of the largest size to 1,000 trials.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable, Mapping
from time import process_time
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from skipjack.records.replay import StudyState, spelled
from skipjack.records.states import TrialState
from skipjack.rng import stream
from skipjack.samplers import TPESampler

Kind = tuple[Callable[[np.random.Generator], Mapping[str, BaseDistribution]], int, dict[str, Any]]


def floats(d: int) -> Callable[[np.random.Generator], Mapping[str, BaseDistribution]]:
    """Always the same `d` floats."""
    space = {f"x{i}": FloatDistribution(-5, 5) for i in range(d)}
    return lambda rng: space


MIXED: Mapping[str, BaseDistribution] = {
    **{f"x{i}": FloatDistribution(1e-5, 1, log=True) for i in range(4)},
    **{f"n{i}": IntDistribution(1, 10**i) for i in (1, 2, 3)},
    "units": IntDistribution(1, 1024, log=True),
    **{f"c{i}": CategoricalDistribution(tuple(range(3 + i))) for i in range(2)},
}
BRANCHES = [
    {f"{kind}{i}": FloatDistribution(0, 1) for i in range(4)} for kind in ("svc", "rf", "gb")
]


def conditional(rng: np.random.Generator) -> Mapping[str, BaseDistribution]:
    """One of three branches of four parameters."""
    return {"kind": CategoricalDistribution(("svc", "rf", "gb")), **BRANCHES[rng.integers(3)]}


KINDS: dict[str, Kind] = {
    "flat10": (floats(10), 1, {}),
    "flat50": (floats(50), 1, {}),
    "mixed10": (lambda rng: MIXED, 1, {}),
    "conditional": (conditional, 1, {}),
    "independent10": (floats(10), 1, {"multivariate": False}),
    "two_objectives": (floats(10), 2, {}),
    "three_objectives": (floats(10), 3, {}),
}


class Told:
    """A study to which made-up trials are told, gathering around a point as a run does."""

    def __init__(self, kind: Kind) -> None:
        self._draw, self._objectives, arguments = kind
        self.sampler = TPESampler(**arguments)
        self.state = StudyState(0, [1] * self._objectives)
        self._rng = np.random.default_rng(0)

    def tell(self) -> None:
        """One trial more."""
        n = self.state.n_trials
        dists = self._draw(self._rng)
        width = max(0.02, 0.4 * 0.998**n)
        places = np.clip(0.6 + width * self._rng.normal(size=len(dists)), 0, 0.999)
        names, kinds = tuple(dists), tuple(dists.values())
        known = self.state.history.known_layout(names, kinds)
        event = {
            "do": "add",
            "time": 0.0,
            "state": int(TrialState.COMPLETE),
            "values": [
                float(((places - 0.4 - 0.2 * k) ** 2).sum()) for k in range(self._objectives)
            ],
            "layout": spelled(names, kinds) if known is None else known,
            "x": [dist.at(place) for dist, place in zip(kinds, places.tolist(), strict=True)],
        }
        self.state.apply("benchmark", n + 1, [event], False)

    def propose(self) -> float:
        """Milliseconds of CPU time of one proposal."""
        history = self.state.history
        space, numbers = history.space, stream(0, self.state.n_trials, "tpe")
        start = process_time()
        self.sampler.propose(history, space, numbers, {})
        return (process_time() - start) * 1e3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[50, 100, 300, 1000, 10_000])
    parser.add_argument("--repeats", type=int, default=200)
    chosen = parser.parse_args()
    for name in chosen.kinds:
        told, costs = Told(KINDS[name]), {}
        for size in sorted(chosen.sizes):
            while told.state.n_trials < size:
                told.tell()
            told.propose()
            spent = []
            for _ in range(min(chosen.repeats, max(20, size // 5))):
                told.tell()
                spent.append(told.propose())
            costs[size] = statistics.median(spent)
            print(json.dumps({"kind": name, "trials": size, "ms": round(costs[size], 3)}))
        if 1000 in costs:
            print(json.dumps({"kind": name, "growth": round(costs[max(costs)] / costs[1000], 2)}))


if __name__ == "__main__":
    main()
