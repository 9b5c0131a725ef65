"""Which parameters matter."""

from __future__ import annotations

from skipjack._optional import lazy_names
from skipjack.importance.base import BaseImportanceEvaluator, Importances
from skipjack.importance.ped_anova import PedAnovaImportanceEvaluator
from skipjack.importance.ranking import get_param_importances

__all__ = [
    "BaseImportanceEvaluator",
    "FanovaImportanceEvaluator",
    "Importances",
    "MeanDecreaseImpurityImportanceEvaluator",
    "PedAnovaImportanceEvaluator",
    "ShapleyImportanceEvaluator",
    "get_param_importances",
]

__getattr__ = lazy_names(
    FanovaImportanceEvaluator="skipjack.importance.fanova",
    MeanDecreaseImpurityImportanceEvaluator="skipjack.importance.impurity",
    ShapleyImportanceEvaluator="skipjack.importance.shapley",
)
