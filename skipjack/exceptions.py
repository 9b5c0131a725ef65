"""The errors under Optuna's names."""

from __future__ import annotations

from skipjack.errors import (
    CLIUsageError,
    DuplicatedStudyError,
    ExperimentalWarning,
    StorageInternalError,
    TrialPruned,
    UpdateFinishedTrialError,
)
from skipjack.errors import SkipjackError as OptunaError

__all__ = [
    "CLIUsageError",
    "DuplicatedStudyError",
    "ExperimentalWarning",
    "OptunaError",
    "StorageInternalError",
    "TrialPruned",
    "UpdateFinishedTrialError",
]
