"""The importance of parameters as people ask for it."""

from __future__ import annotations

from typing import Any

from skipjack.errors import wrong_type
from skipjack.importance.base import BaseImportanceEvaluator, Importances, TargetFunction
from skipjack.importance.ped_anova import PedAnovaImportanceEvaluator


def get_param_importances(
    study: Any,
    *,
    evaluator: BaseImportanceEvaluator | None = None,
    params: list[str] | None = None,
    target: TargetFunction | None = None,
    normalize: bool = True,
) -> Importances[str]:
    """How important each parameter is, the most important first.

    Args:
        study: The study; its complete trials with finite values count.
        evaluator: The measure; `PedAnovaImportanceEvaluator` if None.
        params: Names of the parameters to judge; None: all that the measure can judge.
        target: What is explained, from a trial, such as its duration; None: the objective. Which
            way a parameter moves it does not matter.
        normalize: Whether the sum is 1; if all are 0, they get equal shares.

    Returns:
        A dict by name. Its attribute `errors` has the standard error of each figure, where the
        measure says so: all of ours do.

    Raises:
        TypeError: If `evaluator` is none.
        ValueError: If the measure cannot judge what was asked for.
    """
    chosen = PedAnovaImportanceEvaluator() if evaluator is None else evaluator
    if isinstance(chosen, type) or not callable(getattr(chosen, "evaluate", None)):
        raise wrong_type("evaluator", "be an importance evaluator", chosen)
    found: Any = chosen.evaluate(study, params=params, target=target)
    figures = found if isinstance(found, Importances) else Importances(found, {})
    return figures.normalised() if normalize else figures
