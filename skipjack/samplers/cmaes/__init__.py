"""Evolution strategies as samplers: the distribution of a generation is a fold over the history."""

from __future__ import annotations

from skipjack.samplers.cmaes.sampler import CmaEsSampler

__all__ = ["CmaEsSampler"]
