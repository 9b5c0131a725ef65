"""What values a parameter can take.

Three classes describe all parameters; `at` and `axis` say where values lie on the unit interval.
`float_distribution` and its like give one object for equal arguments, at little cost.
"""

from __future__ import annotations

from skipjack.distributions.base import Axis, BaseDistribution, Grid
from skipjack.distributions.categorical import (
    CategoricalChoiceType,
    CategoricalDistribution,
    translation,
    united,
)
from skipjack.distributions.deprecated import (
    DiscreteUniformDistribution,
    IntLogUniformDistribution,
    IntUniformDistribution,
    LogUniformDistribution,
    UniformDistribution,
    converted,
    current,
)
from skipjack.distributions.exchange import (
    DISTRIBUTION_CLASSES,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from skipjack.distributions.interned import (
    categorical_distribution,
    float_distribution,
    int_distribution,
    intern,
)
from skipjack.distributions.numerical import FloatDistribution, IntDistribution

__all__ = [
    "DISTRIBUTION_CLASSES",
    "Axis",
    "BaseDistribution",
    "CategoricalChoiceType",
    "CategoricalDistribution",
    "DiscreteUniformDistribution",
    "FloatDistribution",
    "Grid",
    "IntDistribution",
    "IntLogUniformDistribution",
    "IntUniformDistribution",
    "LogUniformDistribution",
    "UniformDistribution",
    "categorical_distribution",
    "check_distribution_compatibility",
    "converted",
    "current",
    "distribution_to_json",
    "float_distribution",
    "int_distribution",
    "intern",
    "json_to_distribution",
    "translation",
    "united",
]
