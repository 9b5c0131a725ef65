"""What is maximised to find the next trial: improvement, and the chance to keep the constraints."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skipjack.numerics import pareto
from skipjack.numerics.gp.improvement import (
    Boxes,
    Gain,
    boxes,
    log_chance,
    log_improvement,
    log_volume,
)
from skipjack.numerics.gp.posterior import Posterior, Prediction
from skipjack.records.space import BoolArray, FloatArray

_FRONT = {2: 32, 3: 16, 4: 8}  # points of the front that count, by the number of objectives
_FRONT_OF_MANY = 5
_CACHED = 20_000  # numbers that are worked on at a time, so that they stay in the cache


class Aim(NamedTuple):
    """A function over features.

    Attributes:
        objectives: Their models; none if only the chance counts.
        limits: Models of the constraints.
        best: What to improve on, for each version, shape (S,); for one objective.
        boxes: What is not dominated; for several.
    """

    objectives: list[Posterior]
    limits: list[Posterior]
    best: FloatArray
    boxes: Boxes | None

    def values(self, features: FloatArray) -> FloatArray:
        """The function at points, shape (c, D) to (c,)."""
        n = max(len(model.points) for model in (*self.objectives, *self.limits))
        parts = math.ceil(len(features) * n / _CACHED)
        if parts < 2:
            return self._gains(features)[0]
        return np.concatenate([self._gains(part)[0] for part in np.array_split(features, parts)])

    def with_gradients(self, features: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The function and its gradients, shape (c,) and (c, D)."""
        total, parts = self._gains(features)
        gradient = np.zeros(features.shape)
        for prediction, gain in parts:
            gradient += prediction.gradient(gain.by_means, gain.by_variance)
        return total, gradient

    def _gains(self, features: FloatArray) -> tuple[FloatArray, list[tuple[Prediction, Gain]]]:
        parts: list[tuple[Prediction, Gain]] = []
        total = np.zeros(len(features))
        predictions = [model.at(features) for model in self.objectives]
        if len(predictions) == 1:
            [one] = predictions
            gain = log_improvement(one.means, one.variance, self.best)
            total += gain.log
            parts.append((one, gain))
        elif self.boxes is not None:
            means = np.concatenate([p.means for p in predictions], axis=1)
            variances = np.stack([p.variance for p in predictions], axis=1)
            log, by_means, by_variances = log_volume(means, variances, self.boxes)
            total += log
            for k, prediction in enumerate(predictions):
                gain = Gain(log, by_means[:, k : k + 1], by_variances[:, k])
                parts.append((prediction, gain))
        for model in self.limits:
            prediction = model.at(features)
            gain = log_chance(prediction.means, prediction.variance)
            total += gain.log
            parts.append((prediction, gain))
        return total, parts


def chance(limits: list[Posterior]) -> Aim:
    """To keep all constraints."""
    return Aim([], limits, np.zeros(0), None)


def improvement(model: Posterior, limits: list[Posterior], best: FloatArray) -> Aim:
    """To improve on the best of one objective."""
    return Aim([model], limits, best, None)


def growth(
    models: list[Posterior], limits: list[Posterior], means: FloatArray, feasible: BoolArray
) -> Aim:
    """To add to the volume that is dominated.

    Args:
        models: Of the m objectives.
        limits: Of the constraints.
        means: What the objectives are expected to be at the observations, shape (n, m).
        feasible: Which observations count, shape (n,); at least one.
    """
    worst = means.max(axis=0)
    points = means[feasible]
    points = points[pareto.is_front(points)]
    m = means.shape[1]
    most = _FRONT.get(m, _FRONT_OF_MANY)
    if len(points) > most:
        ranks = np.zeros(len(points), np.int64)
        order = np.argsort(-pareto.crowding(points, ranks), kind="stable")
        points = points[order[:most]]
    reference = worst + 0.1 * np.maximum(worst - points.min(axis=0), 1e-6)
    return Aim(models, limits, np.zeros(0), boxes(points, reference))
