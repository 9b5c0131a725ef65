"""Which trial to use: the best value is often luck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, final

import numpy as np

from skipjack import logging
from skipjack.errors import InvalidValueError, invalid, not_found
from skipjack.numerics.ranks import doubled_ranks
from skipjack.records.frozen import FrozenTrial
from skipjack.records.space import IntArray
from skipjack.report.judged import Judged, judged
from skipjack.report.smooth import Smoothed, smoothed

_logger = logging.get_logger(__name__)

Method: TypeAlias = Literal["posterior_mean", "one_standard_error", "fold_ranks", "best_value"]

_FEWEST = 8  # trials, to say anything of their neighbourhoods
_NEAR = 2.0  # standard deviations of the noise that a value may be worse than the best one


@final
@dataclass(frozen=True)
class Recommendation:
    """A trial to use, beside the one of best value.

    Attributes:
        trial: The recommended trial.
        best: The trial of best value.
        method: How it was chosen.
        expected: The value that the model expects of the recommended trial when it is judged anew.
        expected_of_best: The same of the trial of best value.
        noise: How far a value lies from what is expected, by chance: a standard deviation; 0 if
            it is not known.
        optimism: How much better the best value is than what is expected of that trial; 0 or more.
        reason: Why this one.
    """

    trial: FrozenTrial
    best: FrozenTrial
    method: str
    expected: float
    expected_of_best: float
    noise: float
    optimism: float
    reason: str

    @property
    def number(self) -> int:
        """The number of the recommended trial."""
        return self.trial.number

    @property
    def params(self) -> dict[str, Any]:
        """Its parameters."""
        return self.trial.params

    @property
    def value(self) -> float:
        """Its value in the study."""
        assert self.trial.value is not None
        return self.trial.value

    @property
    def overtuned(self) -> bool:
        """Whether the best value owes more to luck than a standard deviation of the noise."""
        return self.number != self.best.number and 0 < self.noise < self.optimism

    def __str__(self) -> str:
        lines = [f"Trial {self.number} is recommended: {self.reason}"]
        if self.number != self.best.number:
            lines.append(
                f"Its value is {self.value:.6g}; the best, of trial {self.best.number}, is "
                f"{self.best.value:.6g}."
            )
        if self.overtuned:
            lines.append(warning_of(self))
        return "\n".join(lines)


class _Base(NamedTuple):
    """The place of a baseline, and the evidence against it that is asked for."""

    place: int | None
    evidence: float


class _Choice(NamedTuple):
    which: int
    model: Smoothed | None
    reason: str


def warning_of(given: Recommendation) -> str:
    """The warning of a best value that is too good to be true."""
    return (
        f"Overtuning: the best value, {given.best.value:.6g} of trial {given.best.number}, is "
        f"{given.optimism:.3g} better than trials like it make one expect; chance alone moves a "
        f"value by about {given.noise:.3g}. Judge both on data that no trial has seen."
    )


def recommend(
    study: Any,
    method: Method = "posterior_mean",
    *,
    scores: str | None = None,
    baseline: int | None = 0,
    evidence: float = 0.4,
    warn: bool = True,
) -> Recommendation:
    """The trial that is likely to be best when it is judged anew, which may not be `best_trial`.

    Among many trials the best value is in part luck: of the folds, the seed, the day. Trials with
    similar parameters tell how much. Without much noise all methods agree.

    Args:
        study: With one objective.
        method: "posterior_mean": what the trial and its neighbours say together;
            "one_standard_error": the earliest trial within one standard error of the best value;
            "fold_ranks": the best mean rank over folds; "best_value": that of `best_trial`.
        scores: The metric, or the user's attribute, that has the scores of the folds; None: what
            was reported by `report(..., fold=k)` or `report_cross_validation_scores`, if anything.
        baseline: The number of the trial that "posterior_mean" keeps to unless there is evidence
            of a better one, say of the parameters used so far; None for none.
        evidence: By how many standard deviations of a difference a trial must beat the baseline;
            more is rarely worse than the baseline, but gains less.
        warn: Whether to log a warning if the best value is too good to be true.

    Returns:
        The trial and why.

    Raises:
        RuntimeError: If the study has several objectives.
        ValueError: If there is no complete trial, or the method needs folds and has none.

    Source: S. Schneider et al., "Overtuning in hyperparameter optimization", AutoML 2025,
        arXiv:2506.19540 (the problem); L. Breiman et al., "Classification and regression trees",
        1984, section 3.4.3 (one standard error).
    """
    if method not in _METHODS:
        raise invalid("method", f"be one of {', '.join(map(repr, _METHODS))}", method)
    trials = judged(study, scores)
    numbers = study.history.numbers[trials.rows]
    if not evidence >= 0:
        raise invalid("evidence", "be at least 0", evidence)
    base = _Base(_place_of(baseline, numbers), evidence)
    best = int(trials.losses.argmin())
    choice = _METHODS[method](trials, best, base)
    found = _told(study, trials, method, choice, best)
    if warn and found.overtuned:
        _logger.warning(warning_of(found))
    return found


def _told(study: Any, trials: Judged, method: str, choice: _Choice, best: int) -> Recommendation:
    """A choice in words and values of the user."""
    numbers = study.history.numbers[trials.rows]
    mean = trials.losses if choice.model is None else choice.model.mean
    with study._ledger.lock:
        state = study._ledger.sync(study._study_id)
        chosen, top = (state.frozen(int(numbers[i])) for i in (choice.which, best))
    sign = study.history.signs[0]
    return Recommendation(
        trial=chosen,
        best=top,
        method=method,
        expected=sign * float(mean[choice.which]),
        expected_of_best=sign * float(mean[best]),
        noise=0.0 if choice.model is None else choice.model.noise,
        optimism=max(0.0, float(mean[best] - trials.losses[best])),
        reason=choice.reason,
    )


def _place_of(baseline: int | None, numbers: IntArray) -> int | None:
    """Where a trial is among those that are complete; the first one need not be there."""
    places = np.flatnonzero(numbers == (-1 if baseline is None else baseline))
    if len(places):
        return int(places[0])
    if baseline:
        raise not_found("complete trial with the number", baseline, numbers.tolist())
    return None


def _best_value(trials: Judged, best: int, base: _Base) -> _Choice:
    return _Choice(best, None, "it has the best value.")


def _posterior_mean(trials: Judged, best: int, base: _Base) -> _Choice:
    if len(trials.losses) < _FEWEST:
        return _Choice(best, None, "it has the best value; the trials are too few to say more.")
    model = smoothed(trials)
    near = trials.losses <= trials.losses[best] + _NEAR * model.noise
    index = int(np.where(near, model.score, np.inf).argmin())
    if model.noise == 0.0 or not trials.groups.size:
        return _Choice(best, None, "it has the best value.")
    if base.place is not None and base.place != index:
        unit = model.noise * np.sqrt(2.0)
        by_value = (trials.losses[base.place] - trials.losses[index]) / unit
        by_model = (model.mean[base.place] - model.mean[index]) / unit
        if by_value < base.evidence or 0.5 * (by_value + by_model) < base.evidence:
            return _Choice(base.place, model, "there is no evidence that another one is better.")
    if index == best:
        return _Choice(best, model, "it has the best value, and trials like it are good too.")
    return _Choice(index, model, "it and trials like it are good; a lone good value may be luck.")


def _one_standard_error(trials: Judged, best: int, base: _Base) -> _Choice:
    if len(trials.losses) < _FEWEST:
        return _Choice(best, None, "it has the best value; the trials are too few to say more.")
    folds = trials.folds
    model = smoothed(trials)
    if folds is not None and np.isfinite(folds[best]).all():
        error = float(folds[best].std(ddof=1) / np.sqrt(len(folds[best])))
    else:
        error = model.noise
    index = int(np.flatnonzero(trials.losses <= trials.losses[best] + error)[0])
    return _Choice(index, model, f"it is the first within one standard error, {error:.3g}.")


def _fold_ranks(trials: Judged, best: int, base: _Base) -> _Choice:
    if trials.folds is None:
        raise InvalidValueError(
            "`method` 'fold_ranks' needs scores of folds. Report them: "
            "trial.report(score, step, fold=k)."
        )
    there = np.isfinite(trials.folds).all(axis=1)
    ranks = np.full_like(trials.folds, np.inf)
    for mine, scores in zip(ranks.T, trials.folds.T, strict=True):
        mine[there] = doubled_ranks(scores[there])
    model = smoothed(trials) if len(trials.losses) >= _FEWEST else None
    return _Choice(int(ranks.mean(axis=1).argmin()), model, "it has the best mean rank over folds.")


_METHODS: dict[str, Callable[[Judged, int, _Base], _Choice]] = {
    "posterior_mean": _posterior_mean,
    "one_standard_error": _one_standard_error,
    "fold_ranks": _fold_ranks,
    "best_value": _best_value,
}
