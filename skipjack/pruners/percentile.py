"""Pruning by comparison with what finished trials had at the same step."""

from __future__ import annotations

import math
from array import array

from skipjack import _optional
from skipjack.errors import invalid
from skipjack.pruners.base import Contender, RulePruner, count
from skipjack.pruners.curves import LossesByStep, Running, is_due
from skipjack.records.attributes import float_value
from skipjack.records.history import History
from skipjack.records.states import TrialState

dominance = _optional.lazy("skipjack.pruners.dominance")

_BY_STEP = LossesByStep()


def quantile(ordered: array[float], percentile: float) -> float:
    """The `percentile`, in [0, 100], of numbers in ascending order, interpolated linearly.

    NaN if there are none, or if it lies between infinities of different sign.
    """
    if not ordered:
        return math.nan
    place = (len(ordered) - 1) * (percentile / 100.0)
    k = min(int(place), len(ordered) - 1)
    part, low = place - k, ordered[k]
    if part == 0.0:
        return low
    high = ordered[k + 1]
    span = high - low
    if not math.isfinite(span):
        return low if low == high else low * (1.0 - part) + high * part
    return low + span * part if part < 0.5 else high - span * (1.0 - part)


class PercentilePruner(RulePruner):
    """Keeps a trial while its best value is within the best `percentile` of others at this step.

    The best value that the trial has reported up to now is compared with what COMPLETE trials
    reported at the same step, the highest that it has reached. A trial that has reported nothing
    but NaN is stopped; NaN of others does not count.

    With several objectives, what is compared is how many of those trials dominate a report.

    Args:
        percentile: From 0 to 100; 25 keeps the best quarter.
        n_startup_trials: Stop nothing until this many trials are COMPLETE.
        n_warmup_steps: Stop nothing before this step.
        interval_steps: Decide at the first report on or after the steps `n_warmup_steps`,
            `n_warmup_steps + interval_steps`, and so on.
        n_min_trials: Stop nothing at a step that fewer COMPLETE trials have reported.

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If an argument is not a number, or not whole where it counts something.

    Cost: Does not depend on how many trials there are, nor on how many steps they have; each
        report of a finished trial is read once.
    """

    def __init__(
        self,
        percentile: float,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        *,
        n_min_trials: int = 1,
    ) -> None:
        self._percentile = float_value("percentile", percentile)
        if not 0.0 <= self._percentile <= 100.0:
            raise invalid("percentile", "be from 0 to 100", percentile)
        self._n_startup_trials = count("n_startup_trials", n_startup_trials, 0)
        self._n_warmup_steps = count("n_warmup_steps", n_warmup_steps, 0)
        self._interval_steps = count("interval_steps", interval_steps, 1)
        self._n_min_trials = count("n_min_trials", n_min_trials, 1)
        self._running = Running()

    def stops(self, history: History, trial: Contender) -> bool:
        """Whether the best loss so far is above the percentile of the past at the last step."""
        complete = history.counts[TrialState.COMPLETE]
        if not trial.reports or complete == 0 or complete < self._n_startup_trials:
            return False
        here = self._running.progress(trial.reports, history.signs[0])
        if not is_due(here, self._n_warmup_steps, self._interval_steps):
            return False
        if len(history.signs) > 1:
            pool = dominance.AT_STEP.at(history, here.last)
            if len(pool.points) < self._n_min_trials:
                return False
            return bool(pool.is_beyond(trial.reports, history.signs, self._percentile))
        if here.best != here.best:
            return True
        reported, losses = _BY_STEP.at(history, here.last)
        if reported < self._n_min_trials:
            return False
        return here.best > quantile(losses, self._percentile)


class MedianPruner(PercentilePruner):
    """Keeps a trial while its best value is no worse than the median of others at this step.

    A `PercentilePruner` of percentile 50; its arguments are explained there.
    """

    def __init__(
        self,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        *,
        n_min_trials: int = 1,
    ) -> None:
        super().__init__(
            50.0, n_startup_trials, n_warmup_steps, interval_steps, n_min_trials=n_min_trials
        )
