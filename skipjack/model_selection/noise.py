"""How much of a difference between scores is noise of the folds; arrays in, records out.

Scores of cross-validation are larger where better, as scikit-learn's scorers give them. The folds
share most of their training data, so their scores are correlated, and the usual standard error of
a mean over folds is too small; the corrected one of Nadeau and Bengio is used where a difference
is judged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skipjack import _optional
from skipjack.errors import invalid

special = _optional.lazy("scipy.special")

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairedTest:
    """What a paired test over folds says of a difference between two models.

    Attributes:
        difference: The mean difference over the folds; NaN if a fold has none.
        standard_error: Its corrected standard error; NaN with fewer than two folds.
        t: The statistic, difference by standard error; 0.0 if both are 0.
        p_value: Two-sided, of a difference as large if there were none.
        low: The lower end of the 95 % confidence interval.
        high: Its upper end.
        n_folds: How many folds there were.
    """

    difference: float
    standard_error: float
    t: float
    p_value: float
    low: float
    high: float
    n_folds: int


@dataclass(frozen=True, slots=True)
class Gain:
    """The gain of a candidate over a reference, beside the noise of the folds.

    Attributes:
        gain: The mean over folds of candidate less reference.
        noise: The corrected standard error of it, times the `errors` that were asked for.
        is_noise: Whether the gain is no more than the noise; False if one of them is not known.
        text: A sentence that says it.
    """

    gain: float
    noise: float
    is_noise: bool
    text: str


def corrected_standard_error(differences: Sequence[float] | FloatArray, ratio: float) -> float:
    """The standard error of a mean over folds whose training sets overlap.

    The variance is (1 / J + n_test / n_train) s^2 with J folds; with independent test sets and no
    common training data it would be s^2 / J.

    Args:
        differences: One number a fold, shape (J,).
        ratio: Test samples by training samples of a fold: 0.25 with five folds.

    Returns:
        NaN with fewer than two folds, or where a fold has NaN.

    Source: C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52
        (2003), section 4.1.
    """
    values = _row("differences", differences)
    if not (math.isfinite(ratio) and ratio >= 0.0):
        raise invalid("ratio", "be finite and not negative", ratio)
    if len(values) < 2 or not np.isfinite(values).all():
        return math.nan
    return math.sqrt((1.0 / len(values) + ratio) * float(values.var(ddof=1)))


def corrected_t_test(differences: Sequence[float] | FloatArray, ratio: float) -> PairedTest:
    """The corrected resampled t test of paired differences over folds.

    Args:
        differences: Score of one model less that of another on the same fold, shape (J,).
        ratio: Test samples by training samples of a fold.

    Returns:
        A record with NaN where a fold has NaN, or where there are fewer than two folds. Folds that
        all differ by the same amount have an error of 0: p is then 0, or 1 if none differs.

    Source: C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52
        (2003), section 4.1; J - 1 degrees of freedom, also for repeated folds, as in R. R.
        Bouckaert and E. Frank, PAKDD (2004), section 2.3.
    """
    values = _row("differences", differences)
    error = corrected_standard_error(values, ratio)
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    if math.isnan(error):
        return PairedTest(mean, math.nan, math.nan, math.nan, math.nan, math.nan, n)
    if error <= 1e-12 * abs(mean) or error == 0.0:
        t = math.copysign(math.inf, mean) if mean else 0.0
        return PairedTest(mean, error, t, 0.0 if mean else 1.0, mean, mean, n)
    t = mean / error
    half = float(special.stdtrit(n - 1, 0.975)) * error
    p_value = 2.0 * float(special.stdtr(n - 1, -abs(t)))
    return PairedTest(mean, error, t, p_value, mean - half, mean + half, n)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for how many there are, so that all hold together.

    NaN stays NaN and does not count.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
        Journal of Statistics 6 (1979).
    """
    order = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted, highest = [math.nan] * len(p_values), 0.0
    for rank, (p, i) in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p))
        adjusted[i] = highest
    return adjusted


def gain_over(
    candidate: Sequence[float] | FloatArray,
    reference: Sequence[float] | FloatArray,
    ratio: float,
    *,
    errors: float = 1.0,
) -> Gain:
    """Whether a candidate's gain over a reference is more than the noise of the folds.

    The reference is usually the default configuration. The candidate has been chosen because it
    scored best, so a gain of one error is easily luck; `bias_corrected` says how much of it.

    Args:
        candidate: The score of the candidate on each fold, shape (J,), larger is better.
        reference: That of the reference on the same folds.
        ratio: Test samples by training samples of a fold.
        errors: How many corrected standard errors of the paired difference count as noise.

    Raises:
        ValueError: If the two have not equally many folds, or `errors` is negative.

    Source: as `corrected_standard_error`.
    """
    ours, theirs = _row("candidate", candidate), _row("reference", reference)
    if len(ours) != len(theirs):
        raise invalid("reference", f"have {len(ours)} scores like `candidate`", len(theirs))
    if not errors >= 0.0:
        raise invalid("errors", "not be negative", errors)
    gain = float((ours - theirs).mean()) if len(ours) else math.nan
    noise = errors * corrected_standard_error(ours - theirs, ratio)
    is_noise = bool(gain <= noise)
    verdict = "no more than" if is_noise else "more than"
    text = (
        f"A gain of {gain:.4g} over the reference is {verdict} the noise of the folds, {noise:.4g}."
    )
    if math.isnan(gain) or math.isnan(noise):
        text = "The gain over the reference cannot be judged: a fold has no score, or there is one."
    return Gain(gain, noise, is_noise, text)


def one_standard_error(
    scores: FloatArray, complexity: Sequence[float] | FloatArray, *, errors: float = 1.0
) -> int:
    """The simplest candidate whose mean is within one standard error of the best mean.

    Candidates with NaN on a fold are left out. Of equally simple ones the better is taken, then
    the earlier.

    Args:
        scores: Shape (candidates, folds), larger is better.
        complexity: One number a candidate, smaller is simpler.
        errors: How many standard errors (of the best candidate's mean) still count as equal.

    Raises:
        ValueError: If no candidate has a score on every fold, or the shapes do not fit.

    Source: L. Breiman, J. Friedman, R. Olshen and C. Stone, "Classification and Regression Trees"
        (1984), section 3.4.3.
    """
    table = score_table(scores)
    costs = _row("complexity", complexity)
    if len(costs) != len(table):
        raise invalid("complexity", f"have one number for each of {len(table)} rows", len(costs))
    means = table.mean(axis=1)
    whole = np.isfinite(means) & ~np.isnan(costs)
    if not whole.any():
        raise invalid("scores", "have a candidate with a finite score on every fold", "none")
    best = int(np.argmax(np.where(whole, means, -np.inf)))
    n = table.shape[1]
    error = float(table[best].std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    near = np.flatnonzero(whole & (means >= means[best] - errors * error))
    return int(min(near, key=lambda i: (costs[i], -means[i], i)))


def score_table(scores: npt.ArrayLike) -> FloatArray:
    """`scores` as floats of shape (candidates, folds).

    Raises:
        ValueError: If they are not a table with a row and a column.
    """
    table = np.asarray(scores, dtype=float)
    if table.ndim != 2 or not table.size:
        raise invalid("scores", "be a table with a row a candidate, a column a fold", table.shape)
    return table


def _row(name: str, values: Sequence[float] | FloatArray) -> FloatArray:
    row = np.asarray(values, dtype=float)
    if row.ndim != 1:
        raise invalid(name, "have one dimension", row.shape)
    return row
