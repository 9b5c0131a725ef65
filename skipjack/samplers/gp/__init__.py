"""Bayesian optimisation with Gaussian processes."""

from __future__ import annotations

from skipjack.samplers.gp.sampler import GPSampler

__all__ = ["GPSampler"]
