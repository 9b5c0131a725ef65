"""The error of artifacts, where Optuna has it."""

from __future__ import annotations

from skipjack.errors import ArtifactNotFound

__all__ = ["ArtifactNotFound"]
