"""Racing: giving up a candidate on the folds or instances that it has left."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, final

import numpy as np

from skipjack import _optional
from skipjack.errors import invalid
from skipjack.pruners.base import Contender, RulePruner, asked, count, only_one
from skipjack.records.history import History
from skipjack.records.space import FloatArray
from skipjack.records.states import TrialState

special = _optional.lazy("scipy.special")

_MODES = ("off", "safe", "aggressive")
_RISK = 0.004  # at each step, that a candidate which ends as well as the best is given up
_POOLED = 6  # what good candidates say of the noise counts as so many degrees of freedom
_GOOD = 3  # the better half of all complete trials tells what good ones do; at least so many


class Standing(NamedTuple):
    """How a candidate stands against the best one; losses are minimised.

    Attributes:
        stops: Whether it is given up.
        reason: Why, or why not.
        predicted: Its mean loss over all steps, as far as one can tell; NaN if one cannot.
        error: Standard error of `predicted`.
        best: The mean loss of the best candidate.
        worst: The loss of the best candidate on its worst step.
    """

    stops: bool
    reason: str
    predicted: float = math.nan
    error: float = math.nan
    best: float = math.nan
    worst: float = math.nan

    def __str__(self) -> str:
        return self.reason


@final
class Tables:
    """A fold: the losses of COMPLETE trials by step, and what they say about the noise.

    Attributes:
        steps: Of the first complete trial with reports, in order; trials with others are left out.
        losses: Shape (trials, steps), in `rows`.
        best: Index of the trial of the least mean, -1 while there is none.
    """

    def __init__(self) -> None:
        self.steps: tuple[int, ...] = ()
        self.losses: list[FloatArray] = []
        self.best = -1
        self._usual: tuple[int, FloatArray, float] = (0, np.empty(0), math.nan)

    @np.errstate(all="ignore")
    def add(self, steps: list[int], losses: FloatArray) -> None:
        """Take in a trial."""
        order = np.argsort(steps)
        found = tuple(steps[i] for i in order)
        if not self.steps:
            self.steps = found
        if found == self.steps and np.isfinite(losses).all():
            self.losses.append(losses[order])
            if self.best < 0 or self.losses[-1].mean() < self.losses[self.best].mean():
                self.best = len(self.losses) - 1

    def usual(self) -> tuple[FloatArray, float]:
        """The mean loss of good trials at each step, and the variance of what remains.

        Whoever is as good as the best has their noise, and finds the same steps hard; what bad
        trials do would only blur both. NaN if trials with different losses are fewer than two.
        O(trials * steps) after a new trial, else O(1).
        """
        known, hardness, variance = self._usual
        if known != len(self.losses):
            table = np.unique(self.losses, axis=0)  # twins say nothing of the noise
            n_good = max(_GOOD, (len(table) + 1) // 2)
            table = table[np.argsort(table.mean(axis=1), kind="stable")[:n_good]]
            hardness = table.mean(axis=0)
            table = table - table.mean(axis=1, keepdims=True) - hardness + hardness.mean()
            n, k = table.shape
            variance = float((table**2).sum()) / ((n - 1) * (k - 1)) if n > 1 < k else math.nan
            self._usual = len(self.losses), hardness, variance
        return hardness, variance

    def start(self, history: History) -> Tables:
        """No trials yet."""
        return Tables()

    def extend(self, state: Tables, history: History, first: int, last: int) -> Tables:
        """Take in trials; O(their reports)."""
        for row in range(first, last):
            if history.states[row] == TrialState.COMPLETE and row in history.curves:
                steps, values = history.curves[row]
                state.add(steps.tolist(), history.signs[0] * values)
        return state


class RacingPruner(RulePruner):
    """Stops a candidate that cannot be the best any more, where steps are folds or instances.

    For objectives that are the mean over exchangeable steps: the folds of a cross-validation,
    instances, seeds. Each trial reports its loss on each of the same steps, in any order.

    "safe" stops a candidate when its mean so far is worse than the worst step of the best one, also
    after allowing for how hard the steps were; or when the mean over all steps that is predicted
    for it is worse than that of the best one, by a t-test at 1 in 250. The prediction knows which
    steps are hard, and pools the noise over the better half of the complete trials, which is what
    makes a test on few folds possible, from the first one on.
    "aggressive" stops whenever the predicted mean is worse, from the second step on: it may well
    lose the best candidate.

    Args:
        mode: "off", "safe" or "aggressive".
        n_startup_trials: Stop nothing until so many trials have reported all steps.

    Raises:
        ValueError: If an argument is out of its range.
        NotImplementedError: While pruning, if there are several objectives; see `MetricPruner`.

    Cost: O(steps) per report.

    Source: the first rule: E. Bergman, L. Purucker, F. Hutter, "Don't waste your time: early
        stopping cross-validation", AutoML 2024, arXiv:2405.03389; pooling: G. K. Smyth, "Linear
        models and empirical Bayes methods", Stat. Appl. Genet. Mol. Biol. 3 (2004), moderated t.
    """

    def __init__(self, mode: str = "safe", *, n_startup_trials: int = 3) -> None:
        if mode not in _MODES:
            raise invalid("mode", f"be one of {', '.join(map(repr, _MODES))}", mode)
        self._mode = mode
        self._n_startup_trials = count("n_startup_trials", n_startup_trials, 1)

    def stops(self, history: History, trial: Contender) -> bool:
        """Whether the candidate cannot be the best any more."""
        return self.standing(history, trial).stops

    def explain(self, trial: Any) -> Standing:
        """How a running trial stands, and why it would or would not be stopped now."""
        return self.standing(*asked(trial))

    @np.errstate(all="ignore")  # losses near the largest number give NaN, which stops nothing
    def standing(self, history: History, trial: Contender) -> Standing:
        """How the candidate stands against the best one."""
        only_one(self, history)
        if self._mode == "off":
            return Standing(False, "Racing is off.")
        sign, tables = history.signs[0], history.derived(_TABLES)
        if len(tables.losses) < self._n_startup_trials:
            return Standing(False, f"Fewer than {self._n_startup_trials} trials are complete.")
        losses = {step: sign * value for step, value in list(trial.reports.items())}
        at = [i for i, step in enumerate(tables.steps) if step in losses]
        if len(at) < len(losses):
            return Standing(False, "It has steps that the first complete trial has not.")
        n, k = len(tables.steps), len(at)
        if k in (0, n):
            return Standing(False, f"It has reported {k} of {n} steps.")
        own = np.array([losses[tables.steps[i]] for i in at])
        if not np.isfinite(own).all():
            return Standing(True, "It has reported a loss that is not finite.")
        best = tables.losses[tables.best]
        hardness, usual = tables.usual()
        predicted = float(own.mean() - hardness[at].mean() + hardness.mean())
        # Neither its own noise nor that of the difference to the best is less than it looks.
        own_noise = max(_squares(own - hardness[at]), _squares(own - best[at]) / 2.0)
        freedom = _POOLED + k - 1
        variance = (_POOLED * usual + own_noise) / freedom
        error = math.sqrt(variance * (1.0 / k - 1.0 / n))
        figures = predicted, error, float(best.mean()), float(best.max())
        if self._mode == "aggressive":
            worse = k > 1 and predicted > figures[2]
            return Standing(worse, _said(worse, figures, "is predicted to be"), *figures)
        easier = hardness.mean() - hardness  # so much easier than the mean is each step
        if k > 1 and own.mean() > figures[3] and predicted > float((best + easier).max()):
            text = "Its mean is worse than the worst step of the best trial."
            return Standing(True, text, *figures)
        factor = -float(special.stdtrit(freedom, _RISK))
        worse = predicted - factor * error > figures[2]
        return Standing(worse, _said(worse, figures, "is certainly"), *figures)


def _squares(losses: FloatArray) -> float:
    """The sum of squares about the mean."""
    return float(((losses - losses.mean()) ** 2).sum())


def _said(worse: bool, figures: tuple[float, float, float, float], how: str) -> str:
    predicted, error, best, _ = figures
    told = f"predicted mean loss {predicted:.6g} ± {error:.2g}, that of the best trial {best:.6g}"
    return f"It {how} worse: {told}." if worse else f"It may still be the best: {told}."


_TABLES = Tables()
