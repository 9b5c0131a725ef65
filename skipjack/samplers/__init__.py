"""What to try next."""

from __future__ import annotations

from skipjack.samplers.base import BaseSampler
from skipjack.samplers.grid import GridSampler
from skipjack.samplers.partial_fixed import PartialFixedSampler
from skipjack.samplers.random import RandomSampler
from skipjack.samplers.tpe import TPESampler

__all__ = [
    "BaseSampler",
    "GridSampler",
    "PartialFixedSampler",
    "RandomSampler",
    "TPESampler",
]
