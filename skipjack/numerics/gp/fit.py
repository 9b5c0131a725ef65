"""Length-scales, scale and noise that make the observations most probable, and what follows."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from skipjack import _optional
from skipjack.numerics.gp.kernel import FloatArray, IntArray, matern, squared_distances

lapack = _optional.lazy("scipy.linalg.lapack")
optimize = _optional.lazy("scipy.optimize")

_HOPELESS = 1e10  # minus the log density where the matrix cannot be factored
_MOST_JITTER = 1e-2
_STEP = 0.02  # of logarithms, for differences


class Prior(NamedTuple):
    """What is believed before; logarithms are normal.

    Attributes:
        lengths: Mean and standard deviation of the log of the length-scales.
        scale: The same of s².
        noise: The same of the variance of the noise; None: there is no noise.
        least_noise: Its lower limit, or its value.
    """

    lengths: tuple[float, float]
    scale: tuple[float, float] = (0.0, 1.0)
    noise: tuple[float, float] | None = (-4.0, 1.0)
    least_noise: float = 1e-6


class Data(NamedTuple):
    """Observations of one function.

    Attributes:
        features: Shape (n, D).
        groups: Which length-scale each feature has, shape (D,); all from 0 to P - 1 appear.
        values: Shape (n,), of mean near 0 and variance near 1.
        extra: Variances of noise that single observations have in addition, shape (n,).
    """

    features: FloatArray
    groups: IntArray
    values: FloatArray
    extra: FloatArray


class Settled(NamedTuple):
    """Parameters of a Gaussian process.

    Attributes:
        log: Logarithms of the P length-scales, of s² and of the variance of the noise.
        badness: Minus the log of the posterior density.
    """

    log: FloatArray
    badness: float


class Solved(NamedTuple):
    """The linear algebra of observations, given parameters.

    Attributes:
        inverse: Of the covariance matrix of the observations, shape (n, n).
        log_det: The log of its determinant.
        mean: The constant mean of the process.
        alpha: inverse @ (values - mean), shape (n,).
    """

    inverse: FloatArray
    log_det: float
    mean: float
    alpha: FloatArray


def invert(covariance: FloatArray) -> tuple[FloatArray, float] | None:
    """Inverse and log determinant of a symmetric matrix, shape (n, n); None if it is not positive.

    `covariance` is used up.
    """
    # The transposed is what LAPACK sees, and as good: the matrix is symmetric.
    factor, info = lapack.dpotrf(covariance.T, lower=1, clean=1, overwrite_a=1)
    if info:
        return None
    diagonal = factor.diagonal()
    log_det = 2.0 * float(np.log(diagonal).sum())
    inverse, info = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if info or not math.isfinite(log_det):
        return None
    whole = inverse + inverse.T  # one triangle of which was empty
    whole.flat[:: len(whole) + 1] *= 0.5
    return whole, log_det


def solve(covariance: FloatArray, values: FloatArray) -> Solved | None:
    """The linear algebra of observations; None if the matrix is not positive definite.

    The mean has a standard normal prior. `covariance`, shape (n, n), is used up.
    """
    found = invert(covariance)
    if found is None:
        return None
    return solved_for(*found, values)


def solved_for(inverse: FloatArray, log_det: float, values: FloatArray) -> Solved:
    """The linear algebra of other values at the same points."""
    sums = inverse.sum(axis=1)
    mean = float(sums @ values) / (float(sums.sum()) + 1.0)
    return Solved(inverse, log_det, mean, inverse @ values - mean * sums)


def scaled(features: FloatArray, groups: IntArray, log_lengths: FloatArray) -> FloatArray:
    """Features divided by their length-scales, shape (n, D)."""
    return features * np.exp(-log_lengths)[groups]


def solved(data: Data, log: FloatArray) -> Solved:
    """The linear algebra of `data` with settled parameters; jitter is added as necessary."""
    n_lengths = len(log) - 2
    x = scaled(data.features, data.groups, log[:n_lengths])
    kernel, _ = matern(_distances(x))
    kernel *= math.exp(log[-2])
    diagonal = math.exp(log[-1]) + data.extra
    jitter = 0.0
    while True:
        covariance = kernel.copy()
        covariance.flat[:: len(x) + 1] += diagonal + jitter
        found = solve(covariance, data.values)
        if found is not None:
            return found
        jitter = max(1e-8, 10.0 * jitter)
        assert jitter < _MOST_JITTER, "features and values are finite"


def _distances(x: FloatArray) -> FloatArray:
    r2 = squared_distances(x, x)
    r2.flat[:: len(x) + 1] = 0.0
    return r2


def badness(data: Data, log: FloatArray, prior: Prior) -> tuple[float, FloatArray]:
    """Minus the log posterior density of parameters, up to a constant, and its gradient.

    Cost: O(n² D), two products of matrices, besides the inverse.
    """
    n_lengths = len(log) - 2
    lengths, scale, noise = log[:n_lengths], math.exp(log[-2]), math.exp(log[-1])
    x = scaled(data.features, data.groups, lengths)
    kernel, slope = matern(_distances(x))
    covariance = scale * kernel
    covariance.flat[:: len(x) + 1] += noise + data.extra
    found = solve(covariance, data.values)
    if found is None:
        return _HOPELESS, np.zeros(len(log))
    inverse, log_det, mean, alpha = found
    total = 0.5 * (log_det + float((data.values - mean) @ alpha) + mean * mean)
    pull = np.outer(alpha, alpha)  # twice the derivative of the log density over the covariance
    pull -= inverse
    gradient = np.empty(len(log))
    gradient[-1] = -0.5 * noise * float(pull.trace())
    gradient[-2] = -0.5 * scale * float(np.vdot(pull, kernel))
    pull *= slope
    each = pull.sum(axis=1) @ np.square(x) - np.einsum("ij,ij->j", x, pull @ x)
    gradient[:n_lengths] = 2.0 * scale * np.bincount(data.groups, each, n_lengths)
    if prior.noise is None:
        gradient[-1] = 0.0
    for part, believed in (
        (slice(0, n_lengths), prior.lengths),
        (slice(-2, -1), prior.scale),
        (slice(-1, None), prior.noise),
    ):
        if believed is not None:
            away = (log[part] - believed[0]) / believed[1]
            total += 0.5 * float(away @ away)
            gradient[part] += away / believed[1]
    return total, gradient


def settle(data: Data, prior: Prior, start: FloatArray, steps: int) -> Settled:
    """The most probable parameters near a start.

    Args:
        data: The observations.
        prior: What is believed of the parameters.
        start: As `Settled.log`, shape (P + 2,).
        steps: How many iterations of L-BFGS-B there are at most.
    """
    low, high = _bounds(prior, len(start))

    def function(log: FloatArray) -> tuple[float, FloatArray]:
        return badness(data, log, prior)

    found: Any = optimize.minimize(
        function,
        np.clip(start, low, high),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(low, high, strict=True)),
        options={"maxiter": steps, "maxfun": steps + steps // 2, "gtol": 3e-2, "ftol": 1e-5},
    )
    return Settled(np.clip(found.x, low, high), float(found.fun))


def _bounds(prior: Prior, n: int) -> tuple[FloatArray, FloatArray]:
    """Of the logarithms of n parameters, shape (n,) each."""
    low, high = np.full(n, math.log(0.01)), np.full(n, math.log(100.0))
    low[-1] = math.log(prior.least_noise)
    high[-1] = low[-1] if prior.noise is None else 0.0
    return low, high


def spread(data: Data, prior: Prior, log: FloatArray) -> FloatArray:
    """How uncertain settled parameters are: a root of their covariance, shape (P + 2, P + 2).

    In no direction is the standard deviation above 1. Cost: as of P + 3 steps of a fit.

    Source: D. J. C. MacKay, "Information theory, inference, and learning algorithms", 2003,
        chapter 27 (Laplace's method); the curvature is by differences of the gradient.
    """
    _, here = badness(data, log, prior)
    steps = _STEP * np.eye(len(log))
    slopes = np.array([badness(data, log + step, prior)[1] for step in steps])
    curvature = (slopes - here) / _STEP
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    return np.asarray(vectors / np.sqrt(np.maximum(values, 1.0)))


def drawn(prior: Prior, log: FloatArray, root: FloatArray, z: FloatArray) -> FloatArray:
    """Parameters that may be the right ones as well, shape (P + 2,); see `spread`.

    Args:
        prior: What is believed of them, for their bounds.
        log: Settled.
        root: Of their covariance.
        z: Standard normal numbers, shape (P + 2,).
    """
    return np.clip(log + root @ z, *_bounds(prior, len(log)))


def left_out(solved: Solved, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance that the others predict for each observation, shape (n,) each.

    Source: Rasmussen and Williams, equation 5.12.
    """
    variance = 1.0 / solved.inverse.diagonal()
    return values - solved.alpha * variance, variance
