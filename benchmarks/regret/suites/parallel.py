"""Five and twenty trials at a time, which take more or less long."""

from __future__ import annotations

from functools import partial

from benchmarks.regret.problem import Builder, Problem, Suite
from benchmarks.regret.suites import conditional, numeric, tables


def at_once(build: Builder, running: int) -> Problem:
    """A problem with so many trials at a time."""
    return build()._replace(running=running)


_CHOSEN: Suite = {
    "bbob-f6-d10": partial(numeric.continuous, 6, 10),
    "bbob-f12-d5": partial(numeric.continuous, 12, 5),
    "bbob-f17-d20": partial(numeric.continuous, 17, 20),
    "mixint-f10-d10": partial(numeric.integers, 10, 10),
    "mlp-segment": tables.TABLES["mlp-segment"],
    "net-naval_propulsion": tables.TABLES["net-naval_propulsion"],
    "branches-3-shared": conditional.CONDITIONAL["branches-3-shared"],
}
PARALLEL: Suite = {
    f"{name}-q{q}": partial(at_once, build, q) for name, build in _CHOSEN.items() for q in (5, 20)
}
