"""Shapley: how much each parameter moves the objective of a trial away from the mean."""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np

from skipjack.importance.base import BaseImportanceEvaluator, Importances, TargetFunction
from skipjack.importance.table import Grower
from skipjack.numerics.shapley import contributions

_EXPLAINED = 128  # trials


@final
class ShapleyImportanceEvaluator(BaseImportanceEvaluator):
    """The mean size of what each parameter contributes to the values of trials, in their unit.

    A forest of regression trees learns the objective. What it says of a trial, minus its mean over
    the space, is divided fairly among the parameters: what several do together is shared equally.
    The values of a trial are exact for the forest, whatever the number of parameters; of more than
    128 trials as many are looked at, evenly spread. Judges the same parameters as
    `FanovaImportanceEvaluator`.

    Args:
        n_trees: How many trees.
        max_depth: How many splits lie above a leaf at most.
        seed: Decides which trials each tree knows; None: always the same.

    Source: see `numerics.shapley`.
    """

    def __init__(self, *, n_trees: int = 64, max_depth: int = 64, seed: int | None = None) -> None:
        self._grower = Grower(n_trees, max_depth, seed)

    def evaluate(
        self,
        study: Any,
        params: list[str] | None = None,
        *,
        target: TargetFunction | None = None,
    ) -> Importances[str]:
        """The mean size of the Shapley values of each parameter, with standard errors.

        Args:
            study: The study, of which the complete trials with finite values count.
            params: Names of the parameters; None: those that all complete trials have.
            target: What is explained, from a trial; None: the objective.

        Raises:
            ValueError: If there are several objectives and no target, no trial has all parameters,
                or the range of one of those named changed.
        """
        table = self._grower.table(study, params, target)
        forest = self._grower.grow(table)
        if forest is None:
            return table.figures(np.zeros((0, 0)))
        n = len(table.values)
        rows = np.unique(np.linspace(0, n - 1, min(n, _EXPLAINED)).astype(np.int64))
        found = contributions(forest, table.codes[rows])  # (trees, rows, d)
        sizes = np.abs(found.mean(axis=0))
        spread = table.figures(np.abs(found).mean(axis=1)).errors
        drawn = dict(zip(table.names, sizes.std(axis=0) / np.sqrt(len(rows)), strict=True))
        means = dict(zip(table.names, sizes.mean(axis=0).tolist(), strict=True))
        nothing = dict.fromkeys(table.others, 0.0)
        figures = {name: table.unit * means[name] for name in table.names}
        errors = {name: table.unit * math.hypot(spread[name], drawn[name]) for name in table.names}
        return Importances(figures | nothing, errors | nothing)
