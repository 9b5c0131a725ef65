"""Where companions of Optuna look for the protocol of a store."""

from __future__ import annotations

from skipjack.artifacts.port import ArtifactStore

__all__ = ["ArtifactStore"]
