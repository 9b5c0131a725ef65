"""The covariance matrix adaptation evolution strategy, full and separable.

Shapes: d parameters, n candidates in a generation (the population size). A covariance of shape
(d, d) is full, one of shape (d,) is the diagonal of the separable strategy.

Source: N. Hansen, "The CMA evolution strategy: a tutorial", 2016, arXiv:1604.00772 (equations 48
to 58, active update included); R. Ros, N. Hansen, "A simple modification in CMA-ES achieving
linear time and space complexity", PPSN X, 2008, doi:10.1007/978-3-540-87700-4_30 (separable);
N. Hansen, "Injecting external solutions into CMA-ES", 2011, arXiv:1110.4181; O. Krause,
D. R. Arbonès, C. Igel, "CMA-ES with optimal covariance update and storage complexity", NIPS 2016
(a Cholesky factor in place of the symmetric root, in the path of the step size too).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

_LEAST = 1e-14  # of an eigenvalue, in units of the largest


class Rule(NamedTuple):
    """Weights and learning rates: what the number of parameters and the population size decide.

    Attributes:
        weights: By rank, best first, shape (n,); the positive ones sum to 1.
        good, total: The positive ones alone, and the sum of all.
        mu_eff: The effective number of parents.
        c_sigma, d_sigma: Rate of the path of the step size, and its damping.
        c_path, c_one, c_mu: Rates of the path, of its outer product, and of the candidates'.
        chi: The mean length of a standard normal vector.
        every: After how many generations a full covariance is decomposed again.
    """

    weights: FloatArray
    good: FloatArray
    total: float
    mu_eff: float
    c_sigma: float
    d_sigma: float
    c_path: float
    c_one: float
    c_mu: float
    chi: float
    every: int


def population_size(d: int) -> int:
    """The number of candidates in a generation, unless the user says another."""
    return 4 + int(3 * math.log(d))


@lru_cache(maxsize=64)
def rule(d: int, n: int, separable: bool = False) -> Rule:
    """The rule for `d` parameters and `n` candidates, at least 2."""
    raw = math.log((n + 1) / 2) - np.log(np.arange(1, n + 1))
    half = max(1, n // 2)
    good, bad = raw[:half], raw[half:]
    mu_eff = float(good.sum() ** 2 / (good**2).sum())
    bad_eff = float(bad.sum() ** 2 / max((bad**2).sum(), 1e-300))
    c_one = 2 / ((d + 1.3) ** 2 + mu_eff)
    c_mu = 2 * (0.25 + mu_eff - 2 + 1 / mu_eff) / ((d + 2) ** 2 + mu_eff)
    if separable:
        c_one, c_mu = c_one * (d + 2) / 3, c_mu * (d + 2) / 3
        c_one = min(c_one, 0.5)
    c_mu = min(1 - c_one, c_mu)
    ratio = c_one / c_mu if c_mu > 0 else 0.0
    sizes = 1 + ratio, 1 + 2 * bad_eff / (mu_eff + 2)
    positive = (1 - c_one - c_mu) / (d * c_mu) if c_mu > 0 else 0.0
    weights = raw / raw[raw > 0].sum()
    least = min(*sizes, positive)
    below = raw < 0
    if below.any():
        weights[below] = least * raw[below] / -raw[below].sum()
    c_sigma = (mu_eff + 2) / (d + mu_eff + 5)
    every = 1
    if not separable and c_one + c_mu > 0:
        every = max(1, int(1 / (10 * d * (c_one + c_mu))))
    return Rule(
        weights=weights,
        good=weights[weights > 0],
        total=float(weights.sum()),
        mu_eff=mu_eff,
        c_sigma=c_sigma,
        d_sigma=1 + 2 * max(0.0, math.sqrt((mu_eff - 1) / (d + 1)) - 1) + c_sigma,
        c_path=(4 + mu_eff / d) / (d + 4 + 2 * mu_eff / d),
        c_one=c_one,
        c_mu=c_mu,
        chi=math.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d)),
        every=every,
    )


class State(NamedTuple):
    """The distribution that candidates come from, N(mean, sigma² cov), and its paths.

    Attributes:
        mean: Shape (d,).
        sigma: The step size.
        cov: Shape (d, d), or (d,) for a diagonal.
        root, inverse: `root.T @ root` is `cov` as it was when it was last decomposed, and the
            inverse of that; of its shape. A full one is the Cholesky factor, upper triangular.
        path, path_sigma: Evolution paths, shape (d,).
        scale: A factor for each parameter, shape (d,); not 1 only where a margin widened it.
        told: How many generations there were.
    """

    mean: FloatArray
    sigma: float
    cov: FloatArray
    root: FloatArray
    inverse: FloatArray
    path: FloatArray
    path_sigma: FloatArray
    scale: FloatArray
    told: int


def start(mean: FloatArray, sigma: float, cov: FloatArray | None, separable: bool) -> State:
    """The state before the first generation; `cov` None is the identity."""
    d = len(mean)
    one: FloatArray = np.ones(d) if separable else np.eye(d)
    state = State(mean, sigma, one, one, one, np.zeros(d), np.zeros(d), np.ones(d), 0)
    return state if cov is None else decomposed(state._replace(cov=cov))


def decomposed(state: State) -> State:
    """The state with `root` and `inverse` of its covariance as it is now.

    A Cholesky factor costs a twentieth of the symmetric root, and like that one and unlike
    eigenvectors depends on the covariance continuously: two machines whose last digits differ draw
    the same candidates up to such digits. Which root it is turns the path of the step size, and
    leaves its length alone but for the turns between generations.
    """
    cov = state.cov
    if cov.ndim == 1:
        cov = np.maximum(cov, _LEAST * cov.max())
        root = np.sqrt(cov)
        return state._replace(cov=cov, root=root, inverse=1 / root)
    try:
        lower = np.linalg.cholesky(cov)
    except np.linalg.LinAlgError:  # nearly singular
        values = np.linalg.eigvalsh(cov)
        least = len(values) * _LEAST * values[-1]
        cov = cov + np.eye(len(values)) * (least - min(values[0], 0.0))
        lower = np.linalg.cholesky(cov)
    return state._replace(cov=cov, root=lower.T, inverse=np.linalg.inv(lower).T)


def normal(u: FloatArray) -> FloatArray:
    """Standard normal numbers from uniform ones in [0, 1), both of shape (k,) with an even k.

    Source: G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates",
        Annals of Mathematical Statistics 29 (1958), doi:10.1214/aoms/1177706645.
    """
    half = len(u) // 2
    radius = np.sqrt(-2.0 * np.log1p(-u[:half]))
    angle = 2.0 * math.pi * u[half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])


def ask(state: State, z: FloatArray) -> FloatArray:
    """Candidates from standard normal numbers, both of shape (n, d)."""
    return state.mean + state.sigma * state.scale * times(z, state.root)


def times(y: FloatArray, root: FloatArray) -> FloatArray:
    """Rows of `y` times a matrix, or times the diagonal of one."""
    return y * root if root.ndim == 1 else y @ root


def tell(state: State, points: FloatArray, n: int | None = None, bounded: bool = False) -> State:
    """The state after a generation.

    Args:
        state: The state before.
        points: Its candidates, best first, shape (n, d). They need not come from `ask`: longer
            steps than it would make are shortened.
        bounded: Whether the mean stays on the unit cube. The points need not: they stand for those
            on the cube that are nearest to them.

    Returns:
        The next state; it is decomposed only when that is due.
    """
    d = len(state.mean)
    r = rule(d, len(points), state.cov.ndim == 1)
    width = state.sigma * state.scale
    y = (points - state.mean) / width
    z = times(y, state.inverse)
    squares = np.add.reduce(z * z, axis=1)
    most = math.sqrt(d) + 2 * d / (d + 2)
    if np.maximum.reduce(squares) > most * most:
        shorter = np.minimum(1.0, most / np.sqrt(np.maximum(squares, 1e-300)))
        y, z, squares = y * shorter[:, None], z * shorter[:, None], squares * shorter**2
    good = r.good
    step, white = good @ y[: len(good)], good @ z[: len(good)]
    mean = state.mean + width * step
    if bounded and (np.minimum.reduce(mean) < 0.0 or np.maximum.reduce(mean) > 1.0):
        mean = np.minimum(np.maximum(mean, 0.0), 1.0)
        step = (mean - state.mean) / width
        white = times(step, state.inverse)
    pull = math.sqrt(r.c_sigma * (2 - r.c_sigma) * r.mu_eff)
    path_sigma = (1 - r.c_sigma) * state.path_sigma + pull * white
    told = state.told + 1
    length = math.sqrt(float(path_sigma @ path_sigma))
    settled = math.sqrt(1 - (1 - r.c_sigma) ** (2 * told))
    steady = length / settled < (1.4 + 2 / (d + 1)) * r.chi
    path = (1 - r.c_path) * state.path
    if steady:
        path = path + math.sqrt(r.c_path * (2 - r.c_path) * r.mu_eff) * step
    scaled = r.c_mu * r.weights
    scaled[len(good) :] *= d / np.maximum(squares[len(good) :], 1e-8)
    lost = 0.0 if steady else r.c_path * (2 - r.c_path)
    keep = 1 - r.c_one * (1 - lost) - r.c_mu * r.total
    if state.cov.ndim == 1:
        cov = keep * state.cov + r.c_one * path**2 + scaled @ (y * y)
    else:
        cov = keep * state.cov + (y.T * scaled) @ y + (r.c_one * path)[:, None] * path
    growth = (r.c_sigma / r.d_sigma) * (length / r.chi - 1)
    new = State(
        mean=mean,
        sigma=state.sigma * math.exp(min(1.0, growth)),
        cov=cov,
        root=state.root,
        inverse=state.inverse,
        path=path,
        path_sigma=path_sigma,
        scale=state.scale,
        told=told,
    )
    return decomposed(new) if told % r.every == 0 or cov.ndim == 1 else new


def spread(state: State) -> FloatArray:
    """The standard deviation of each parameter, shape (d,)."""
    variances = state.cov if state.cov.ndim == 1 else np.diagonal(state.cov)
    deviations: FloatArray = state.sigma * state.scale * np.sqrt(np.maximum(variances, 0.0))
    return deviations
