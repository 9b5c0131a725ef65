"""Studies whose importances are known: those of which Optuna's figures were recorded.

`python -m tests.importance.studies` with Optuna installed writes `optuna.json` anew.
"""

import json
import math
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import skipjack
from skipjack.rng import stream

RECORDED = Path(__file__).with_name("optuna.json")
Evaluator = Callable[[Any], Any]


def uniform(n: int, d: int, purpose: str = "studies") -> np.ndarray[Any, np.dtype[np.float64]]:
    """Numbers in [0, 1) that are the same in every version of NumPy."""
    return stream(1, n, purpose).uniform(n * d).reshape(n, d)


def mixed(of: Any, n: int = 200, direction: str = "minimize") -> Any:
    """One objective, parameters of every kind."""
    dists = of.distributions
    space = {
        "a": dists.FloatDistribution(0, 1),
        "b": dists.FloatDistribution(-2, 2, step=0.25),
        "c": dists.FloatDistribution(1e-3, 1, log=True),
        "d": dists.IntDistribution(0, 9),
        "e": dists.IntDistribution(1, 100, log=True),
        "f": dists.CategoricalDistribution(["x", "y", "z"]),
        "g": dists.FloatDistribution(3, 3),
    }
    study = of.create_study(direction=direction)
    trials = []
    for u in uniform(n, 6).tolist():
        params = {
            "a": u[0],
            "b": -2 + 0.25 * int(17 * u[1]),
            "c": 10 ** (3 * u[2] - 3),
            "d": int(10 * u[3]),
            "e": max(1, int(100 ** u[4])),
            "f": "xyz"[int(3 * u[5])],
            "g": 3.0,
        }
        value = 4 * u[0] + params["b"] ** 2 + math.log10(params["c"]) + 0.1 * params["d"]
        value += {"x": 0.0, "y": 1.0, "z": 1.5}[params["f"]]
        trials.append(of.create_trial(params=params, distributions=space, value=value))
    study.add_trials(trials)
    return study


def linear(of: Any, n: int = 200) -> Any:
    """One objective, no logarithms."""
    dists = of.distributions
    space = {name: dists.FloatDistribution(0, 1) for name in "abc"}
    space["f"] = dists.CategoricalDistribution(["x", "y", "z"])
    study = of.create_study()
    trials = []
    for u in uniform(n, 4).tolist():
        params = {**dict(zip("abc", u, strict=False)), "f": "xyz"[int(3 * u[3])]}
        value = 3 * u[0] + 2 * u[1] ** 2 + (2 * u[0] - 1) * (2 * u[1] - 1) + int(3 * u[3]) ** 2 / 3
        trials.append(of.create_trial(params=params, distributions=space, value=value))
    study.add_trials(trials)
    return study


def conditional(of: Any, n: int = 200) -> Any:
    """A parameter that a choice decides on, and one whose range it decides on."""
    dists = of.distributions
    study = of.create_study()
    trials = []
    for u in uniform(n, 3).tolist():
        space = {"k": dists.CategoricalDistribution(["l", "r"])}
        if u[0] < 0.4:
            space |= {"x": dists.FloatDistribution(0, 1), "y": dists.FloatDistribution(0, 1)}
            params, value = {"k": "l", "x": u[1], "y": u[2]}, u[1] ** 2
        else:
            space |= {"y": dists.FloatDistribution(0, 2)}
            params, value = {"k": "r", "y": 2 * u[2]}, 0.3 + u[2]
        trials.append(of.create_trial(params=params, distributions=space, value=value))
    study.add_trials(trials)
    return study


def several(of: Any, n: int = 200) -> Any:
    """Two objectives."""
    space = {name: of.distributions.FloatDistribution(0, 1) for name in "abc"}
    study = of.create_study(directions=["minimize", "maximize"])
    study.add_trials(
        of.create_trial(
            params=dict(zip("abc", u, strict=True)),
            distributions=space,
            values=[u[0] + u[1], u[0] - u[1] ** 2],
        )
        for u in uniform(n, 3).tolist()
    )
    return study


def ped(of: Any, **arguments: Any) -> Any:
    return of.importance.PedAnovaImportanceEvaluator(**arguments)


CASES: dict[str, tuple[Callable[[Any], Any], Evaluator]] = {
    "mixed": (mixed, ped),
    "maximized": (lambda of: mixed(of, direction="maximize"), ped),
    "few": (lambda of: mixed(of, 12), ped),
    "quantiles": (mixed, lambda of: ped(of, target_quantile=0.2, region_quantile=0.6)),
    "global": (mixed, lambda of: ped(of, evaluate_on_local=False)),
    "conditional": (conditional, ped),
    "several": (several, ped),
}
FORESTS = ("FanovaImportanceEvaluator", "MeanDecreaseImpurityImportanceEvaluator")


def main() -> None:
    import optuna  # only for whoever records anew

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    found: dict[str, dict[str, float]] = {}
    for name, (make, evaluator) in CASES.items():
        figures = optuna.importance.get_param_importances(
            make(optuna), evaluator=evaluator(optuna), normalize=False
        )
        found[name] = {k: round(float(v), 9) for k, v in sorted(figures.items())}
    for kind in FORESTS:
        figures = optuna.importance.get_param_importances(
            linear(optuna),
            evaluator=getattr(optuna.importance, kind)(seed=0),
            normalize=False,
        )
        found[kind] = {k: round(float(v), 9) for k, v in sorted(figures.items())}
    RECORDED.write_text(json.dumps({"optuna": optuna.__version__, "figures": found}, indent=1))
    print(skipjack.__version__, "recorded", len(found), file=sys.stderr)


if __name__ == "__main__":
    main()
