"""Samplers and pruners as users write them."""

from typing import Any

from skipjack.distributions import BaseDistribution, CategoricalDistribution
from skipjack.pruners import BasePruner
from skipjack.samplers import BaseSampler
from skipjack.trial import FrozenTrial


class Middle(BaseSampler):
    """Draws the middle of every range, and the first choice."""

    def infer_relative_search_space(
        self, study: Any, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Any, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Any, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if isinstance(param_distribution, CategoricalDistribution):
            return param_distribution.choices[0]
        low, high = param_distribution.low, param_distribution.high  # type: ignore[attr-defined]
        return type(low)((low + high) / 2)


class Impatient(BasePruner):
    """Prunes at the first report."""

    def prune(self, study: Any, trial: FrozenTrial) -> bool:
        return bool(trial.intermediate_values)
