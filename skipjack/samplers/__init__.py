"""What to try next."""

from __future__ import annotations

from typing import Any

from skipjack._deprecate import TABLE, forwarding
from skipjack._optional import lazy_names
from skipjack.samplers.base import BaseSampler
from skipjack.samplers.random import RandomSampler
from skipjack.samplers.tpe import TPESampler

__all__ = [
    "AutoSampler",
    "BaseGASampler",
    "BaseSampler",
    "BruteForceSampler",
    "CmaEsSampler",
    "DESampler",
    "GPSampler",
    "GridSampler",
    "NSGAIIISampler",
    "NSGAIISampler",
    "PartialFixedSampler",
    "QMCSampler",
    "RandomSampler",
    "TPESampler",
    "nsgaii",
]

_later = lazy_names(
    AutoSampler="skipjack.samplers.auto",
    CmaEsSampler="skipjack.samplers.cmaes",
    DESampler="skipjack.samplers.differential",
    GPSampler="skipjack.samplers.gp",
    BaseGASampler="skipjack.samplers.genetic.base",
    BruteForceSampler="skipjack.samplers.brute_force",
    GridSampler="skipjack.samplers.grid",
    NSGAIIISampler="skipjack.samplers.nsga3",
    NSGAIISampler="skipjack.samplers.nsga2",
    PartialFixedSampler="skipjack.samplers.partial_fixed",
    QMCSampler="skipjack.samplers.qmc",
    nsgaii="skipjack.samplers.nsgaii",
)
_misnomers = forwarding(__name__)


def __getattr__(name: str) -> Any:
    return _misnomers(name) if f"samplers.{name}" in TABLE else _later(name)
