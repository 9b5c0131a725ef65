"""What candidates that were given up after some folds would have scored on the others."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_STEPS = 50  # of EM; differences are far below noise by then


def drawn(scores: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    """Tables in which the unknown scores are drawn, given those that are known.

    A score is the sum of its fold, its candidate and noise, the last two normal. Which scores are
    unknown may depend on known ones, as in a race.

    Args:
        scores: Shape (candidates, folds), NaN where unknown; every row and column has a number.
        n: How many tables.
        rng: Draws.

    Returns:
        Shape (n, candidates, folds); equal to `scores` where these are known.

    Source: D. B. Rubin, "Multiple Imputation for Nonresponse in Surveys" (1987), chapter 5; EM for
        the variances as in N. M. Laird and J. H. Ware, Biometrics 38 (1982), section 4.
    """
    known = np.isfinite(scores)
    counts = known.sum(axis=1)  # (candidates,)
    effects, spread, folds, noise = _fitted(np.where(known, scores, 0.0), known, counts)
    candidates = effects + spread * rng.standard_normal((n, len(scores)))
    errors = math.sqrt(noise) * rng.standard_normal((n, *scores.shape))
    guesses = folds + candidates[:, :, None] + errors
    return np.where(known, scores, guesses)


def _fitted(
    values: FloatArray, known: BoolArray, counts: npt.NDArray[np.intp]
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Effects of candidates, their errors, effects of folds, and the variance of noise."""
    columns = known.sum(axis=0)
    folds = values.sum(axis=0) / columns
    noise = float((known * (values - folds) ** 2).sum() / known.sum())
    own, effects, spread = noise / 2.0, np.zeros(len(values)), np.zeros(len(values))
    noise /= 2.0
    for _ in range(_STEPS):
        if noise <= 0.0:
            break
        precision = counts + noise / max(own, 1e-12 * noise)
        effects = (known * (values - folds)).sum(axis=1) / precision
        spread = np.sqrt(noise / precision)
        folds = (known * (values - effects[:, None])).sum(axis=0) / columns
        rest = known * (values - folds - effects[:, None])
        noise = float(((rest**2).sum() + (counts * spread**2).sum()) / known.sum())
        own = float((effects**2 + spread**2).mean())
    return effects, spread, folds, noise
