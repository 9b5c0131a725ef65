"""Pruning by something else than the objective: a metric, one of several objectives, a fold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np

from skipjack.errors import InvalidTypeError, invalid, wrong_type
from skipjack.pruners.base import Contender, RulePruner, asked, decides
from skipjack.records.curves import Curve, Curves
from skipjack.records.draft import Draft
from skipjack.records.history import History
from skipjack.records.states import StudyDirection, TrialState
from skipjack.records.thaw import draft_of, metrics_of

FOLD = "fold "  # begins the name of the metric that keeps the reports of a fold
Reports: TypeAlias = Mapping[int, float]


class MetricPruner(RulePruner):
    """Asks another pruner as if the objective were something else that trials tell.

    That may be a metric that they log by `Trial.log`, or one of several objectives. To the other
    pruner, the final value of a trial is the last one of that metric, and trials without it are
    not there.

    Args:
        wrapped_pruner: Which pruner to ask, one of Skipjack's.
        metric: The name of a metric, or the index of an objective, from 0.
        direction: Of the metric, "minimize" or "maximize"; for an objective, leave it out.

    Raises:
        ValueError: If a name comes without a direction, or an index with one, or is negative.
        TypeError: If an argument is of another type, or the pruner is a user's own: that can read
            `metrics` of trials itself.

    Cost: That of the other pruner; each value is read once more.
    """

    def __init__(
        self,
        wrapped_pruner: RulePruner,
        metric: str | int,
        direction: str | StudyDirection | None = None,
    ) -> None:
        if not decides(wrapped_pruner):
            hint = "A pruner of your own can read `trial.metrics`."
            raise wrong_type("wrapped_pruner", "be one of Skipjack's", wrapped_pruner, hint)
        self._wrapped_pruner = wrapped_pruner
        self._of: Source
        if isinstance(metric, str):
            self._of = Metric(metric, _sign(direction))
        elif isinstance(metric, (int, np.integer)) and not isinstance(metric, bool):
            if direction is not None:
                raise invalid("direction", "be left out for an objective, which has one", direction)
            if metric < 0:
                raise invalid("metric", "be at least 0", metric)
            self._of = Objective(int(metric))
        else:
            raise wrong_type("metric", "be a name or the index of an objective", metric)
        self.reads_running = wrapped_pruner.reads_running

    def stops(self, history: History, trial: Contender) -> bool:
        """Whether the other pruner stops the trial by the metric; not before it has told it."""
        history, trial = self._of.only(history, trial)
        return bool(trial.reports) and self._wrapped_pruner.stops(history, trial)

    def explain(self, trial: Any) -> Any:
        """What the other pruner says of a running trial, by the metric.

        Raises:
            TypeError: If that one does not explain what it does.
        """
        wrapped = self._wrapped_pruner
        told = getattr(wrapped, "forecast", None) or getattr(wrapped, "standing", None)
        if told is None:
            raise InvalidTypeError(f"{wrapped} does not explain what it does.")
        return told(*self._of.only(*asked(trial)))


def _sign(direction: Any) -> float:
    """+1 if a metric of this direction is minimised, -1 if it is maximised."""
    if direction == "minimize" or direction == StudyDirection.MINIMIZE:
        return 1.0
    if direction == "maximize" or direction == StudyDirection.MAXIMIZE:
        return -1.0
    raise invalid("direction", "be 'minimize' or 'maximize' for a metric", direction)


@dataclass(frozen=True)
class Source:
    """A fold: a history of one objective whose reports come from elsewhere in another one."""

    def reports(self, reports: Any, metrics: Mapping[str, Reports]) -> Reports:
        """Those of a trial, given what it has reported and logged."""
        raise AssertionError

    def of_row(self, history: History, row: int) -> Reports:
        """Those of a finished trial."""
        raise AssertionError

    def sign_in(self, history: History) -> float:
        """+1 if values are minimised, else -1."""
        raise AssertionError

    def final(self, history: History, row: int, reports: Reports) -> float:
        """The value that a trial came to: its last one; infinitely bad if all are NaN."""
        worst = self.sign_in(history) * math.inf
        return next((v for v in reversed(list(reports.values())) if v == v), worst)

    def start(self, history: History) -> History:
        """No trials yet."""
        return History([self.sign_in(history)])

    def extend(self, state: History, history: History, first: int, last: int) -> History:
        """Take in the trials that have such reports; O(their reports)."""
        for row in range(first, last):
            reports = self.of_row(history, row)
            if not reports:
                continue
            draft = draft_of(history, row)
            copy = Draft(draft.number, draft.state, draft.start, None)
            copy.reports, copy.user, copy.system = dict(reports), draft.user, draft.system
            ended = int(history.states[row])
            values = None if ended == TrialState.FAIL else [self.final(history, row, reports)]
            told = {"state": ended, "values": values, "time": float(history.end[row])}
            state.append(copy, state.layout((), ()), told)
        return state

    def only(self, history: History, trial: Contender) -> tuple[History, Contender]:
        """A history and a trial as if there were nothing else."""
        found = history.derived(self)
        found.open = {}
        for number, draft in list(history.open.items()):
            copy = Draft(number, draft.state, draft.start, draft.worker)
            copy.reports = self.reports(draft.reports, draft.metrics.by_name)  # type: ignore[assignment]
            found.open[number] = copy
        reports = self.reports(trial.reports, trial.metrics)
        return found, Contender(trial.number, reports, trial.study)


@final
@dataclass(frozen=True)
class Metric(Source):
    """What was logged under a name, and +1 if it is minimised, else -1."""

    name: str
    sign: float

    def reports(self, reports: Any, metrics: Mapping[str, Reports]) -> Reports:
        """The values of the metric."""
        return metrics.get(self.name, {})

    def of_row(self, history: History, row: int) -> Reports:
        """The values of the metric."""
        return _by_step(history.metrics.get(self.name, _NO_CURVES).get(row))

    def sign_in(self, history: History) -> float:
        """That of the metric."""
        return self.sign


@final
@dataclass(frozen=True)
class Objective(Source):
    """One of the objectives."""

    index: int

    def reports(self, reports: Any, metrics: Mapping[str, Reports]) -> Reports:
        """The values of the objective."""
        return Column(reports, self.index)

    def of_row(self, history: History, row: int) -> Reports:
        """The values of the objective."""
        curve = history.curves.get(row)
        if curve is None or (curve[1].ndim == 1 and self.index > 0):
            return {}
        steps, values = curve
        return _by_step((steps, values if values.ndim == 1 else values[:, self.index]))

    def sign_in(self, history: History) -> float:
        """That of the objective.

        Raises:
            InvalidValueError: If there is none of that index.
        """
        if self.index >= len(history.signs):
            raise invalid("metric", f"be below {len(history.signs)} in this study", self.index)
        return history.signs[self.index]

    def final(self, history: History, row: int, reports: Reports) -> float:
        """The value that the objective had."""
        values = history.user_values(row)
        return super().final(history, row, reports) if values is None else values[self.index]


@final
class Column(Mapping[int, float]):
    """One value of each report."""

    def __init__(self, reports: Mapping[int, Any], index: int) -> None:
        self._reports, self._index = reports, index

    def __getitem__(self, step: int) -> float:
        value = self._reports[step]
        if isinstance(value, list):
            return float(value[self._index])
        return float(value) if self._index == 0 else math.nan

    def __iter__(self) -> Iterator[int]:
        return iter(self._reports)

    def __len__(self) -> int:
        return len(self._reports)


@final
@dataclass(frozen=True)
class Folds(Source):
    """The mean over the folds 0 to `last`, at the steps that all of them have."""

    last: int

    def reports(self, reports: Any, metrics: Mapping[str, Reports]) -> Reports:
        """The means, in the order of the last fold."""
        if len(metrics) <= self.last:
            return {}
        folds = [metrics.get(f"{FOLD}{fold}", {}) for fold in range(self.last + 1)]
        return {
            step: sum(fold[step] for fold in folds) / len(folds)
            for step in list(folds[-1])
            if all(step in fold for fold in folds)
        }

    def of_row(self, history: History, row: int) -> Reports:
        """The means, in the order of the last fold."""
        return self.reports({}, metrics_of(history, row))

    def sign_in(self, history: History) -> float:
        """That of the only objective."""
        return history.signs[0]


def at_fold(history: History, trial: Contender) -> tuple[History, Contender]:
    """A trial that reports fold by fold, and the past, as far as the fold that it is at."""
    last = max(_folds(trial.metrics), default=None)
    if last is None or len(history.signs) > 1:
        return history, trial
    return Folds(last).only(history, trial)


def mean_of_folds(metrics: Mapping[str, Reports]) -> float | None:
    """The mean of the last reports of the folds of a trial; None if it has none, or of NaN."""
    lasts = [metrics[f"{FOLD}{fold}"] for fold in _folds(metrics)]
    if not lasts:
        return None
    mean = sum(values[max(values)] for values in lasts) / len(lasts)
    return mean if mean == mean else None


def _folds(metrics: Mapping[str, Any]) -> Sequence[int]:
    """The folds that there are among metrics."""
    ends = [name[len(FOLD) :] for name in metrics if name.startswith(FOLD)]
    return [int(end) for end in ends if end.isdecimal()]


def _by_step(curve: Curve | None) -> Reports:
    if curve is None:
        return {}
    return dict(zip(curve[0].tolist(), curve[1].tolist(), strict=True))


_NO_CURVES = Curves()
