"""What a Gaussian process expects elsewhere, with gradients."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skipjack.numerics.gp.fit import Data, scaled, solved
from skipjack.numerics.gp.kernel import FloatArray, matern, squared_distances

_LEAST = 1e-10  # of the prior variance is always left


class Posterior(NamedTuple):
    """A Gaussian process given observations; S versions of the values of the last of them.

    Attributes:
        inverse_lengths: Of each feature, shape (D,).
        scale: s², the prior variance.
        noise: The variance of the noise.
        points: Scaled features of the observations, shape (n, D).
        inverse: Of their covariance, shape (n, n).
        mean: Of the process.
        alphas: Shape (n, S).
    """

    inverse_lengths: FloatArray
    scale: float
    noise: float
    points: FloatArray
    inverse: FloatArray
    mean: float
    alphas: FloatArray

    def at(self, features: FloatArray) -> Prediction:
        """What is expected at points.

        Args:
            features: Of the points, shape (c, D), not scaled.
        """
        x = features * self.inverse_lengths
        kernel, slope = matern(squared_distances(x, self.points))
        kernel *= self.scale
        weights = kernel @ self.inverse
        variance = self.scale - np.einsum("ij,ij->i", kernel, weights)
        variance = np.maximum(variance, _LEAST * self.scale)
        return Prediction(self, x, self.mean + kernel @ self.alphas, variance, slope, weights)

    def means(self, features: FloatArray) -> FloatArray:
        """The means alone, shape (c, S)."""
        kernel, _ = matern(squared_distances(features * self.inverse_lengths, self.points))
        return self.mean + self.scale * (kernel @ self.alphas)


class Prediction(NamedTuple):
    """What is expected at c points.

    Attributes:
        of: Who expects it.
        x: The points, shape (c, D).
        means: Shape (c, S).
        variance: Without noise, shape (c,).
        slope: Of the kernel, over r² and s², shape (c, n).
        weights: What each observation counts, shape (c, n).
    """

    of: Posterior
    x: FloatArray
    means: FloatArray
    variance: FloatArray
    slope: FloatArray
    weights: FloatArray

    def gradient(self, by_means: FloatArray, by_variance: FloatArray) -> FloatArray:
        """The gradient over the features of a function of the expectation, shape (c, D).

        Args:
            by_means: Its derivatives over the means, shape (c, S).
            by_variance: Over the variance, shape (c,).
        """
        of = self.of
        pull = by_means @ of.alphas.T
        pull -= 2.0 * by_variance[:, None] * self.weights
        pull *= self.slope
        pull *= 2.0 * of.scale
        found = self.x * pull.sum(axis=1)[:, None]
        found -= pull @ of.points
        return np.asarray(found * of.inverse_lengths)


def posterior(data: Data, log: FloatArray) -> Posterior:
    """The process with settled parameters, given observations; one version.

    Args:
        data: The observations.
        log: Logarithms of the parameters; see `fit.Settled`.
    """
    found = solved(data, log)
    lengths = log[:-2]
    return Posterior(
        np.exp(-lengths)[data.groups],
        math.exp(log[-2]),
        math.exp(log[-1]),
        scaled(data.features, data.groups, lengths),
        found.inverse,
        found.mean,
        found.alpha[:, None],
    )


def with_more(
    given: Posterior, features: FloatArray, extra: FloatArray, values: FloatArray
) -> Posterior:
    """The process given more observations, of one version; its parameters stay.

    Args:
        given: The process given the first of them.
        features: Of the k others, shape (k, D), not scaled.
        extra: Variances of noise that they have in addition, shape (k,).
        values: Of all observations, shape (n + k,).

    Cost: O(n² k).
    """
    grown = _grow(given, features, given.noise + extra)
    sums = grown.inverse.sum(axis=1)
    mean = float(sums @ values) / (float(sums.sum()) + 1.0)
    alpha = grown.inverse @ values - mean * sums
    return given._replace(
        points=grown.points, inverse=grown.inverse, mean=mean, alphas=alpha[:, None]
    )


def with_dreams(
    given: Posterior, features: FloatArray, draws: FloatArray, left: float = 1e-4
) -> Posterior:
    """The process given what running trials may come to, in S versions drawn jointly.

    The variance is the same in all versions, so that these cost no more than one.

    Args:
        given: The process given what is known, of one version.
        features: Of the running trials, shape (q, D), not scaled.
        draws: Standard normal, shape (q, S); 0 for what is expected.
        left: The variance that the dreamt values leave, relative to the prior's.

    Source: J. Snoek, H. Larochelle, R. P. Adams, "Practical Bayesian optimization of machine
        learning algorithms", NeurIPS 2012, section 3.2.
    """
    grown = _grow(given, features, np.full(len(features), left * given.scale))
    pulled = grown.inverse_rest @ (np.linalg.cholesky(grown.rest) @ draws)  # (q, S)
    alphas = np.concatenate([given.alphas - grown.weights.T @ pulled, pulled])
    return given._replace(points=grown.points, inverse=grown.inverse, alphas=alphas)


class _Grown(NamedTuple):
    """More points: what the first n say of them, and the inverse of the whole covariance."""

    points: FloatArray  # (n + k, D)
    inverse: FloatArray  # (n + k, n + k)
    weights: FloatArray  # (k, n)
    rest: FloatArray  # (k, k): the covariance that remains
    inverse_rest: FloatArray


def _grow(given: Posterior, features: FloatArray, noise: FloatArray) -> _Grown:
    x = features * given.inverse_lengths
    across = given.scale * matern(squared_distances(x, given.points))[0]  # (k, n)
    rest = given.scale * matern(squared_distances(x, x))[0]
    weights = across @ given.inverse
    rest -= weights @ across.T
    rest = 0.5 * (rest + rest.T)
    rest.flat[:: len(x) + 1] = np.maximum(rest.diagonal(), _LEAST * given.scale) + noise
    inverse = np.linalg.inv(rest)
    inverse = 0.5 * (inverse + inverse.T)
    block = inverse @ weights
    n = len(given.points)
    whole = np.empty((n + len(x), n + len(x)))
    np.matmul(weights.T, block, out=whole[:n, :n])
    whole[:n, :n] += given.inverse
    whole[n:, :n] = -block
    whole[:n, n:] = -block.T
    whole[n:, n:] = inverse
    return _Grown(np.concatenate([given.points, x]), whole, weights, rest, inverse)
