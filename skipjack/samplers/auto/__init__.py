"""The sampler that chooses for you."""

from __future__ import annotations

from skipjack.samplers.auto.policy import Choice
from skipjack.samplers.auto.sampler import AutoSampler

__all__ = ["AutoSampler", "Choice"]
