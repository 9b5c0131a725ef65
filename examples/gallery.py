"""Draw every figure of fixed studies, with both backends, light and dark, for people to look at.

    python examples/gallery.py                  into gallery/
    python examples/gallery.py out --trials 10000 --only contour

Plotly's pictures need Kaleido and a Chrome or Chromium; without one only Matplotlib draws, and it
is said why.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import skipjack
from skipjack.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
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
from skipjack.visualization.render import matplotlib as with_matplotlib
from skipjack.visualization.render import plotly as with_plotly

OPTIMIZERS = ("adam", "sgd", "rmsprop")


def tuned(n: int, seed: int, bias: float = 0.0) -> skipjack.Study:
    """A network that is tuned: pruned, failed and infeasible trials, a conditional parameter."""
    study = skipjack.create_study(study_name=f"seed {seed}")
    draws = np.random.default_rng(seed)
    dists: dict[str, Any] = {
        "learning_rate": FloatDistribution(1e-5, 1e-1, log=True),
        "dropout": FloatDistribution(0.0, 0.6),
        "layers": IntDistribution(1, 6),
        "optimizer": CategoricalDistribution(OPTIMIZERS),
    }
    trials = []
    clock = 1.7e9
    for number in range(n):
        near = bias * (1 - math.exp(-number / 40))  # later trials are nearer to the optimum
        rate = 10 ** ((1 - near) * draws.uniform(-5, -1) + near * draws.normal(-2.8, 0.3))
        params = {
            "learning_rate": float(np.clip(rate, 1e-5, 1e-1)),
            "dropout": float(np.clip((1 - near) * draws.uniform(0, 0.6) + near * 0.2, 0, 0.6)),
            "layers": int(draws.integers(1, 7)),
            "optimizer": OPTIMIZERS[draws.integers(3)],
        }
        used = dict(dists)
        loss = 0.3 + 0.08 * (math.log10(params["learning_rate"]) + 2.8) ** 2
        loss += (params["dropout"] - 0.2) ** 2 + 0.02 * (params["layers"] - 3) ** 2
        if params["optimizer"] == "sgd":
            params["momentum"], used["momentum"] = draws.uniform(0, 1), FloatDistribution(0, 1)
            loss += 0.2 * (1 - params["momentum"])
        loss += abs(draws.normal(0, 0.02))
        state = TrialState.COMPLETE
        if number > 8 and loss > 0.5:
            state = TrialState.PRUNED
        elif number % 29 == 28:
            state = TrialState.FAIL
        steps = {TrialState.PRUNED: 6, TrialState.FAIL: 3}.get(state, 20)
        reports = {
            step: loss + 1.2 * math.exp(-step / 4) + draws.normal(0, 0.01) for step in range(steps)
        }
        trial = create_trial(
            state=state,
            value=loss if state == TrialState.COMPLETE else None,
            params=params,
            distributions=used,
            intermediate_values=reports,
            system_attrs={"constraints:memory": params["layers"] * (1 - params["dropout"]) - 4.5},
        )
        start = clock + draws.exponential(0.3)
        took = steps * params["layers"] * draws.uniform(0.3, 0.5)
        trial.datetime_start = _moment(start)
        trial.datetime_complete = _moment(start + took)
        clock = start + took * draws.choice([0.1, 0.3, 1.0])  # three or so run at a time
        trials.append(trial)
    study.add_trials(trials)
    return study


def _moment(seconds: float) -> Any:
    return np.datetime64(int(seconds * 1e6), "us").item()


def several(m: int, n: int, seed: int) -> skipjack.Study:
    """Loss, accuracy and cost of a model."""
    study = skipjack.create_study(directions=["minimize", "maximize", "minimize"][:m])
    study.set_metric_names(["loss", "accuracy", "cost"][:m])
    draws = np.random.default_rng(seed)
    span = FloatDistribution(0, 1)
    trials = []
    for a, b, c in draws.uniform(0, 1, (n, 3)).tolist():
        values = [a**2 + 0.3 * b, math.sqrt(a) - 0.4 * b + 0.1 * c, (1 - a) ** 2 + b + c][:m]
        trials.append(
            create_trial(
                values=values,
                params={"a": a, "b": b, "c": c},
                distributions={"a": span, "b": span, "c": span},
                system_attrs={"constraints:c": a + c - 1.6},
            )
        )
    study.add_trials(trials)
    return study


def figures(n: int) -> dict[str, Callable[[], Any]]:
    """How each figure is made."""
    study, other = tuned(n, 0, 0.8), tuned(n, 1)
    two, three = several(2, n, 0), several(3, n, 0)
    tpe = [tuned(min(n, 300), seed, 0.8) for seed in range(5)]
    random = [tuned(min(n, 300), seed) for seed in range(5, 10)]
    fronts = {"a": [several(2, min(n, 300), seed) for seed in range(5)]}
    pair = ["learning_rate", "dropout"]
    return {
        "history": lambda: history.optimization_history(study),
        "history of two": lambda: history.optimization_history([study, other]),
        "history with error bars": lambda: history.optimization_history(tpe, error_bar=True),
        "intermediate values": lambda: curves.intermediate_values(study),
        "parallel coordinate": lambda: parallel.parallel_coordinate(study),
        "contour": lambda: pairs.contour(study, pair),
        "contour of a choice": lambda: pairs.contour(study, ["learning_rate", "optimizer"]),
        "contours": lambda: pairs.contour(study),
        "rank": lambda: pairs.rank(study, pair),
        "ranks": lambda: pairs.rank(study),
        "slice": lambda: slices.slice(study),
        "edf": lambda: slices.edf([study, other]),
        "importances": lambda: importances.param_importances(study),
        "importances of two": lambda: importances.param_importances(two),
        "beeswarm": lambda: models.importance_beeswarm(study),
        "partial dependence": lambda: models.partial_dependence(study),
        "pareto front": lambda: pareto.pareto_front(two),
        "pareto front of three": lambda: pareto.pareto_front(three),
        "hypervolume": lambda: pareto.hypervolume_history(two, [1.3, -0.4]),
        "timeline": lambda: timeline.timeline(study),
        "terminator": lambda: terminator.terminator_improvement(study),
        "anytime": lambda: compare.anytime({"guided": tpe, "random": random}),
        "attainment": lambda: compare.attainment_surface(fronts),
        "nothing": lambda: slices.slice(skipjack.create_study()),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("gallery"))
    parser.add_argument("--trials", type=int, default=120)
    parser.add_argument("--only", nargs="+", help="names of figures")
    parser.add_argument("--backends", nargs="+", default=["matplotlib", "plotly"])
    given = parser.parse_args(arguments)
    skipjack.logging.set_verbosity(skipjack.logging.WARNING)
    given.folder.mkdir(parents=True, exist_ok=True)
    drawn, paths = [], []
    for name, make in figures(given.trials).items():
        if given.only and name not in given.only:
            continue
        figure = make()
        for theme in ("light", "dark"):
            path = given.folder / f"{name.replace(' ', '-')}-{theme}"
            if "matplotlib" in given.backends:
                axes = with_matplotlib.render(figure, theme)
                whole = np.ravel(np.asarray(axes, dtype=object))[0].figure
                whole.savefig(f"{path}-matplotlib.png")
                with_matplotlib.plt.close(whole)
            if "plotly" in given.backends:
                drawn.append(with_plotly.render(figure, theme))
                paths.append(f"{path}-plotly.png")
        print(name, flush=True)
    if drawn:
        try:
            sizes = [(figure.layout.width or 900, figure.layout.height or 520) for figure in drawn]
            width, height = map(list, zip(*sizes))
            with_plotly.pio.write_images(drawn, paths, width=width, height=height)
        except (ValueError, ImportError, RuntimeError) as error:  # names what is missing
            print(f"Plotly draws no pictures here: {error}")


if __name__ == "__main__":
    main()
