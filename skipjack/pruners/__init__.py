"""When to give a trial up."""

from __future__ import annotations

from skipjack import _optional
from skipjack.pruners.base import BasePruner
from skipjack.pruners.percentile import MedianPruner, PercentilePruner

__all__ = [
    "AutoPruner",
    "BasePruner",
    "HyperbandPruner",
    "MedianPruner",
    "MetricPruner",
    "NopPruner",
    "PatientPruner",
    "PercentilePruner",
    "RacingPruner",
    "SuccessiveHalvingPruner",
    "ThresholdPruner",
    "WilcoxonPruner",
]

__getattr__ = _optional.lazy_names(
    AutoPruner="skipjack.pruners.auto",
    HyperbandPruner="skipjack.pruners.hyperband",
    MetricPruner="skipjack.pruners.metric",
    NopPruner="skipjack.pruners.nop",
    PatientPruner="skipjack.pruners.patient",
    RacingPruner="skipjack.pruners.racing",
    SuccessiveHalvingPruner="skipjack.pruners.halving",
    ThresholdPruner="skipjack.pruners.threshold",
    WilcoxonPruner="skipjack.pruners.wilcoxon",
)
