"""When a study has run long enough."""

from __future__ import annotations

from skipjack._optional import lazy_names
from skipjack.terminator.base import (
    BaseErrorEvaluator,
    BaseImprovementEvaluator,
    BaseTerminator,
)

__all__ = [
    "BaseErrorEvaluator",
    "BaseImprovementEvaluator",
    "BaseTerminator",
    "BestValueStagnationEvaluator",
    "CrossValidationErrorEvaluator",
    "EMMREvaluator",
    "MaxTime",
    "MaxTrials",
    "MedianErrorEvaluator",
    "Patience",
    "RegretBound",
    "RegretBoundEvaluator",
    "StaticErrorEvaluator",
    "StopRule",
    "Target",
    "Terminator",
    "TerminatorCallback",
    "report_cross_validation_scores",
]

__getattr__ = lazy_names(
    BestValueStagnationEvaluator="skipjack.terminator.improvement",
    CrossValidationErrorEvaluator="skipjack.terminator.error",
    EMMREvaluator="skipjack.terminator.improvement",
    MaxTime="skipjack.terminator.simple",
    MaxTrials="skipjack.terminator.simple",
    MedianErrorEvaluator="skipjack.terminator.error",
    Patience="skipjack.terminator.simple",
    RegretBound="skipjack.terminator.expected",
    RegretBoundEvaluator="skipjack.terminator.improvement",
    StaticErrorEvaluator="skipjack.terminator.error",
    StopRule="skipjack.terminator.rules",
    Target="skipjack.terminator.simple",
    Terminator="skipjack.terminator.expected",
    TerminatorCallback="skipjack.terminator.callback",
    report_cross_validation_scores="skipjack.terminator.error",
)
