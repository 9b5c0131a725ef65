"""Pruning by a paired test against the best trial."""

from __future__ import annotations

import math

import numpy as np

from skipjack._experimental import experimental_class
from skipjack.errors import invalid
from skipjack.numerics.ranks import signed_rank
from skipjack.pruners.base import Contender, RulePruner, count, only_one
from skipjack.records.attributes import float_value, warn_user
from skipjack.records.history import History


@experimental_class("3.6.0")
class WilcoxonPruner(RulePruner):
    """Stops a trial that is worse than the best one by a signed-rank test over common steps.

    For objectives that are the mean over instances, folds or seeds, of which each is a step, in
    any order. A trial whose mean so far is no worse than that of the best trial goes on whatever
    the test says.

    The test is made again at each report, so that more than a `p_threshold` of trials as good as
    the best one are stopped in all.

    Args:
        p_threshold: Stop when the p-value is below, from 0 to 1.
        n_startup_steps: Stop nothing with fewer steps in common, nor with fewer than two.

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If one is of another type.
        NotImplementedError: While pruning, if there are several objectives; see `MetricPruner`.

    Cost: O(s log s) with s reports.

    Source: F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945).
    """

    def __init__(self, *, p_threshold: float = 0.1, n_startup_steps: int = 2) -> None:
        self._p_threshold = float_value("p_threshold", p_threshold)
        if not 0.0 <= self._p_threshold <= 1.0:
            raise invalid("p_threshold", "be from 0 to 1", p_threshold)
        self._n_startup_steps = count("n_startup_steps", n_startup_steps, 0)

    def stops(self, history: History, trial: Contender) -> bool:
        """Whether the trial is worse than the best one on the steps that both have."""
        only_one(self, history)
        if not trial.reports or history.best is None:
            return False
        sign, reports = history.signs[0], trial.reports
        if not all(map(math.isfinite, list(reports.values()))):
            what = f"Trial {trial.number} has reported NaN or infinity"
            return _refused(what, "it is not pruned")
        curve, best = history.curves.get(history.best), history.numbers[history.best]
        if curve is None:
            return _refused(f"The best trial, {best}, has no reports", "nothing is pruned")
        if not np.isfinite(curve[1]).all():
            what = f"The best trial, {best}, has reported NaN or infinity"
            return _refused(what, "nothing is pruned")
        theirs = dict(zip(curve[0].tolist(), (sign * curve[1]).tolist(), strict=True))
        common = [step for step in reports if step in theirs]
        if len(common) < len(reports):
            _refused(
                f"Trial {trial.number} has reported steps that the best trial, {best}, has not",
                "they do not count",
            )
        if len(common) < max(2, self._n_startup_steps):
            return False
        ours = [sign * value for value in reports.values()]
        if math.fsum(ours) / len(ours) <= math.fsum(theirs.values()) / len(theirs):
            return False
        differences = np.array([sign * reports[step] - theirs[step] for step in common])
        return signed_rank(differences) < self._p_threshold


def _refused(what: str, so: str) -> bool:
    """Warn that something cannot be tested; False."""
    warn_user(f"{what}, so that for WilcoxonPruner {so}.")
    return False
