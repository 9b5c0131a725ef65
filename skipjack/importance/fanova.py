"""fANOVA: how much of the variance of the objective over the whole space a parameter explains."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from skipjack.importance.base import BaseImportanceEvaluator, Importances, TargetFunction
from skipjack.importance.table import Grower, by_share, pairs_of
from skipjack.numerics import anova


@final
class FanovaImportanceEvaluator(BaseImportanceEvaluator):
    """The share of the variance that each parameter explains alone, and each pair together.

    A forest of regression trees learns the objective; its variance over the whole space, each
    parameter evenly spread on its own scale (a logarithmic one on the log scale), is divided into
    what single parameters explain, what pairs do beyond that, and a rest. Judges parameters that
    all complete trials have, or those named, in the trials that have all of them.

    Args:
        n_trees: How many trees.
        max_depth: How many splits lie above a leaf at most.
        seed: Decides which trials each tree knows; None: always the same.

    Source: Hutter et al. 2014 (see `numerics.anova`). Each tree is grown from at most 768 trials,
        so that 10,000 trials cost little more than 1,000.
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
        """The share of the variance that each parameter explains alone, with standard errors.

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
        shares = by_share(anova.single_variances(forest), anova.variances(forest))
        return table.figures(shares)

    def evaluate_pairs(
        self,
        study: Any,
        params: list[str] | None = None,
        *,
        target: TargetFunction | None = None,
    ) -> Importances[tuple[str, str]]:
        """The share of the variance that each pair explains beyond its two parameters alone.

        Args:
            study: As for `evaluate`, as are the errors raised.
            params: Names of the parameters of which pairs are made.
            target: What is explained.

        Returns:
            A dict by pairs of names, the greatest first; its `errors` has the standard errors.
        """
        table = self._grower.table(study, params, target)
        pairs = pairs_of(table.names)
        nothing = dict.fromkeys(pairs, 0.0)
        forest = self._grower.grow(table)
        if forest is None or not pairs:
            return Importances(nothing, nothing)
        at = {name: j for j, name in enumerate(table.names)}
        found = anova.pair_variances(forest, [(at[a], at[b]) for a, b in pairs])
        figures = table.spread(by_share(found, anova.variances(forest)))
        return Importances(*(dict(zip(pairs, each, strict=True)) for each in figures))
