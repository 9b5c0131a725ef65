"""Pruning by bounds on the reported values."""

from __future__ import annotations

import math

from skipjack.errors import InvalidTypeError, invalid
from skipjack.pruners.base import Contender, RulePruner, count
from skipjack.pruners.curves import Running, is_due
from skipjack.records.attributes import float_value
from skipjack.records.history import History


class ThresholdPruner(RulePruner):
    """Stops a trial whose last value is below `lower`, above `upper`, or NaN.

    The last value is that of the highest step. With several objectives the bounds are for each.

    Args:
        lower: The least value that may go on; None for no limit.
        upper: The greatest value that may go on; None for no limit.
        n_warmup_steps: Stop nothing before this step.
        interval_steps: Decide at the first report on or after the steps `n_warmup_steps`,
            `n_warmup_steps + interval_steps`, and so on.

    Raises:
        TypeError: If both bounds are None, or one is no number.
        ValueError: If `lower` is above `upper`, or a count is out of its range.
    """

    def __init__(
        self,
        lower: float | None = None,
        upper: float | None = None,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
    ) -> None:
        if lower is None and upper is None:
            raise InvalidTypeError("`lower` or `upper` must be a number, but both are None.")
        self._lower = -math.inf if lower is None else float_value("lower", lower)
        self._upper = math.inf if upper is None else float_value("upper", upper)
        if self._lower > self._upper:
            raise invalid("lower", f"be at most `upper` ({upper!r})", lower)
        self._n_warmup_steps = count("n_warmup_steps", n_warmup_steps, 0)
        self._interval_steps = count("interval_steps", interval_steps, 1)
        self._running = Running()

    def stops(self, history: History, trial: Contender) -> bool:
        """Whether the last value is out of bounds."""
        if not trial.reports:
            return False
        here = self._running.progress(trial.reports, history.signs[0])
        if not is_due(here, self._n_warmup_steps, self._interval_steps):
            return False
        last = trial.reports[here.last]
        values = last if isinstance(last, list) else [last]
        return not all(self._lower <= value <= self._upper for value in values)
