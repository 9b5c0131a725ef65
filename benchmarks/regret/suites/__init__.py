"""The problems, suite by suite."""

from __future__ import annotations

from benchmarks.regret.problem import Suite
from benchmarks.regret.suites import (
    conditional,
    constrained,
    numeric,
    parallel,
    several,
    tables,
    training,
)

SUITES: dict[str, Suite] = {
    "numeric": numeric.BBOB,
    "mixed": numeric.MIXINT,
    "tables": tables.TABLES,
    "training": training.TRAINING,
    "conditional": {**conditional.CONDITIONAL, **training.CONDITIONAL},
    "noisy": {**numeric.NOISY, **tables.NOISY},
    "constrained": constrained.CONSTRAINED,
    "several": {**several.SEVERAL, **tables.SEVERAL},
    "parallel": parallel.PARALLEL,
}
SUITE_OF = {name: suite for suite, problems in SUITES.items() for name in problems}
