"""What to try next."""

from __future__ import annotations

from skipjack._optional import lazy_names
from skipjack.samplers.base import BaseSampler
from skipjack.samplers.random import RandomSampler
from skipjack.samplers.tpe import TPESampler

__all__ = [
    "BaseSampler",
    "GridSampler",
    "PartialFixedSampler",
    "RandomSampler",
    "TPESampler",
]

__getattr__ = lazy_names(
    GridSampler="skipjack.samplers.grid",
    PartialFixedSampler="skipjack.samplers.partial_fixed",
)
