"""Studies that figures are drawn of, and how every plot is called."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from skipjack.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from skipjack.study import Study
from skipjack.terminator import BestValueStagnationEvaluator
from skipjack.trial import TrialState, create_trial
from skipjack.visualization.figures import (
    compare,
    curves,
    history,
    importances,
    models,
    pairs,
    parallel,
    pareto,
    slices,
    terminator,
    timeline,
)
from tests.studies import a_study, told

FLOAT = FloatDistribution(-5, 5)
LOG = FloatDistribution(1e-5, 1e-1, log=True)
INT = IntDistribution(1, 6)
CHOICE = CategoricalDistribution(["adam", "sgd", "rmsprop"])


def tuned(n: int = 40, name: str | None = None, seed: int = 0, **arguments: Any) -> Study:
    """A study of all kinds: choices, a log axis, a conditional parameter, all states, reports."""
    study = a_study(study_name=name, **arguments)
    draws = np.random.default_rng(seed)
    for i in range(n):
        x, lr = draws.uniform(-5, 5), 10 ** draws.uniform(-5, -1)
        layers, optimizer = int(draws.integers(1, 7)), CHOICE.choices[draws.integers(3)]
        params: dict[str, Any] = {"x": x, "lr": lr, "layers": layers, "optimizer": optimizer}
        dists: dict[str, Any] = {"x": FLOAT, "lr": LOG, "layers": INT, "optimizer": CHOICE}
        value = x**2 + (math.log10(lr) + 3) ** 2 + layers
        if optimizer == "sgd":
            params["momentum"] = m = draws.uniform(0, 1)
            dists["momentum"] = FloatDistribution(0, 1)
            value -= m
        state = (TrialState.PRUNED if i % 5 == 4 else TrialState.FAIL) if i % 3 == 2 else None
        steps = 3 if state else 8
        study.add_trial(
            create_trial(
                state=state or TrialState.COMPLETE,
                value=None if state else value,
                params=params,
                distributions=dists,
                intermediate_values={k: value * (1 + 2 / (k + 1)) for k in range(steps)},
                system_attrs={"constraints:c": x - 3.5},
            )
        )
    running = study.ask({"x": FLOAT, "lr": LOG})
    if len(study.directions) == 1:
        running.report(7.0, 0)
        running.report(6.0, 1)
    study.enqueue_trial({"x": 1.0})
    return study


def several(m: int, n: int = 30, seed: int = 0) -> Study:
    """A study of m objectives, the second maximised, with constraints."""
    study = a_study(directions=["minimize", "maximize", "minimize", "minimize"][:m])
    draws = np.random.default_rng(seed)
    for a, b in draws.uniform(0, 1, (n, 2)).tolist():
        study.add_trial(
            create_trial(
                values=[a + 0.3 * b, math.sqrt(a) - b, b - a, a * b][:m],
                params={"a": a, "b": b},
                distributions={"a": FloatDistribution(0, 1), "b": FloatDistribution(0, 1)},
                system_attrs={"constraints:c": a - 0.9},
            )
        )
    return study


def of_values(*values: float, **arguments: Any) -> Study:
    """A study with one parameter of two choices, one number, and these values."""
    study = a_study(**arguments)
    for i, value in enumerate(values):
        study.add_trial(
            create_trial(
                value=value,
                params={"x": float(i % 7), "y": 0.5 * (i % 3), "c": "ab"[i % 2]},
                distributions={
                    "x": FloatDistribution(0, 10),
                    "y": FloatDistribution(0, 1),
                    "c": CategoricalDistribution(["a", "b"]),
                },
            )
        )
    return study


def failed() -> Study:
    """A study in which nothing succeeded."""
    study = a_study()
    for _ in range(3):
        study.tell(study.ask({"x": FLOAT}), state=TrialState.FAIL)
    return study


def choices_only() -> Study:
    """Only choices, one of them single, and choices that changed."""
    study = a_study(dynamic_choices=True)
    for i in range(12):
        a = CategoricalDistribution(["p", "q"] if i < 6 else ["q", "r", None])
        study.add_trial(
            create_trial(
                value=float(i),
                params={"a": "q", "b": i % 2 == 0, "one": 1},
                distributions={
                    "a": a,
                    "b": CategoricalDistribution([True, False]),
                    "one": CategoricalDistribution([1]),
                },
            )
        )
    return study


SINGLE: dict[str, Callable[[], Study]] = {
    "tuned": tuned,
    "maximized": lambda: tuned(direction="maximize"),
    "large": lambda: tuned(600),
    "empty": a_study,
    "failed": failed,
    "running": lambda: tuned(0),
    "one": lambda: tuned(1),
    "two": lambda: tuned(2),
    "equal": lambda: of_values(*[3.0] * 9),
    "infinite": lambda: of_values(1.0, math.inf, 2.0, -math.inf, 3.0),
    "nothing finite": lambda: of_values(math.inf, -math.inf),
    "huge": lambda: of_values(1e200, -1e200, 1e-200, 3.0),
    "choices": choices_only,
    "no parameters": lambda: told(1.0, 2.0, 3.0),
}
SEVERAL: dict[str, Callable[[], Study]] = {
    "two objectives": lambda: several(2),
    "three objectives": lambda: several(3),
    "none": lambda: several(2, 0),
    "one trial": lambda: several(3, 1),
    "equal": lambda: equal(),
}


def equal() -> Study:
    study = a_study(directions=["minimize", "minimize"])
    for _ in range(4):
        study.tell(study.ask(), [1.0, 2.0])
    return study


# How figures are made of a study of one objective, and of several.
FIGURES: dict[str, Callable[[Study], Any]] = {
    "history": history.optimization_history,
    "history of two": lambda study: history.optimization_history([study, tuned(9, "other")]),
    "error bars": lambda study: history.optimization_history([study, study], error_bar=True),
    "history of a target": lambda study: history.optimization_history(
        study, target=lambda trial: trial.number, target_name="number"
    ),
    "intermediate values": curves.intermediate_values,
    "parallel": parallel.parallel_coordinate,
    "contour": pairs.contour,
    "rank": pairs.rank,
    "slice": slices.slice,
    "edf": slices.edf,
    "edf of two": lambda study: slices.edf([study, tuned(9, "other")]),
    "importances": importances.param_importances,
    "timeline": timeline.timeline,
    "timeline of the last": lambda study: timeline.timeline(study, n_recent_trials=3),
    "anytime": lambda study: compare.anytime({"a": [study, study], "b": [study]}),
    "anytime by time": lambda study: compare.anytime([study], against="time"),
    "terminator": lambda study: terminator.terminator_improvement(
        study, True, BestValueStagnationEvaluator(3)
    ),
    "partial dependence": models.partial_dependence,
    "beeswarm": models.importance_beeswarm,
}
FIGURES_OF_SEVERAL: dict[str, Callable[[Study], Any]] = {
    "pareto": pareto.pareto_front,
    "front only": lambda study: pareto.pareto_front(study, include_dominated_trials=False),
    "targets": lambda study: pareto.pareto_front(study, targets=lambda t: (t.number, t.values[0])),
    "hypervolume": lambda study: pareto.hypervolume_history(
        study, [2.0, -2.0, 2.0][: len(study.directions)]
    ),
    "importances": importances.param_importances,
    "intermediate values": curves.intermediate_values,
    "timeline": timeline.timeline,
}
