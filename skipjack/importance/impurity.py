"""Mean decrease in impurity: how much the splits of a forest on a parameter reduce the variance."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from skipjack.importance.base import BaseImportanceEvaluator, Importances, TargetFunction
from skipjack.importance.table import Grower, by_share


@final
class MeanDecreaseImpurityImportanceEvaluator(BaseImportanceEvaluator):
    """How much the splits of a forest on a parameter reduce the variance, relative to all splits.

    It counts what parameters do together as well, but only where there are trials, and gives
    something to parameters that do nothing. Judges the same parameters as
    `FanovaImportanceEvaluator`.

    Args:
        n_trees: How many trees.
        max_depth: How many splits lie above a leaf at most.
        seed: Decides which trials each tree knows; None: always the same.

    Source: L. Breiman et al., "Classification and regression trees", Wadsworth 1984;
        G. Louppe, L. Wehenkel, A. Sutera, P. Geurts, "Understanding variable importances in forests
        of randomized trees", NeurIPS 2013.
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
        """The share of each parameter in the decrease of the variance, with standard errors.

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
        return table.figures(by_share(forest.gains, forest.gains.sum(axis=1)))
