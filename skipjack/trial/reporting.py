"""Reports beyond one number per step: of several objectives, of folds, and named metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

from skipjack import logging
from skipjack.errors import UnsupportedError, invalid, wrong_type
from skipjack.records.attributes import step_value, told_float, warn_user
from skipjack.records.curves import Metrics
from skipjack.records.draft import Draft
from skipjack.records.events import METRICS_SINCE
from skipjack.records.replay import finished
from skipjack.records.states import TrialState

_logger = logging.get_logger(__name__)
_SCALARS = (int, float, str, bytes)
FOLD = "fold "  # begins the name of the metric that keeps the reports of a fold


def fold_name(trial: Any, fold: Any) -> str:
    """The name of the metric that keeps the reports of a fold.

    Raises:
        UnsupportedError: If the study has several objectives.
    """
    if len(trial._state.directions) > 1:
        raise UnsupportedError("`fold` is not possible with several objectives.")
    try:
        return f"{FOLD}{step_value(fold)}"
    except TypeError:
        raise wrong_type("fold", "be a whole number", fold) from None
    except ValueError:
        raise invalid("fold", "be at least 0", fold) from None


def report_several(trial: Any, value: Any, step: Any) -> None:
    """Take a report of several objectives; see `Trial.report`."""
    n = len(trial._state.directions)
    if isinstance(value, _SCALARS) or not isinstance(value, Iterable) or _is_scalar(value):
        raise UnsupportedError(
            f"`report` is not possible with several objectives and one value. Report a list of "
            f"{n}, or log the value under a name: trial.log({{'loss': value}}, step)."
        )
    if isinstance(value, (Mapping, Set)):
        raise wrong_type("value", f"be a list of {n} numbers, in the order of objectives", value)
    values = [told_float("value", v) for v in value]
    if len(values) != n:
        raise invalid("value", f"have {n} numbers (one per objective)", values)
    step = step_value(step)
    _check(trial)
    if step in trial._draft.reports:
        warn_user(f"Step {step} was reported already; the first values are kept.")
        return
    trial._note("reports", step, values)


def _is_scalar(value: Any) -> bool:
    """Whether an array, or what looks like one, has no axis."""
    return getattr(value, "ndim", 1) == 0


def log(trial: Any, metrics: Any, step: Any) -> None:
    """Take metrics; see `Trial.log`."""
    if not isinstance(metrics, Mapping):
        raise wrong_type("metrics", "be a dict of numbers by name", metrics)
    for name in metrics:
        if not isinstance(name, str):
            raise wrong_type("metrics", "have texts as names", name)
        if not name:
            raise invalid("metrics", "have names that are not empty", name)
    values = {name: told_float(f"metrics[{name!r}]", v) for name, v in metrics.items()}
    _check(trial)
    draft, ledger = trial._draft, trial._ledger
    at = _next(draft.metrics, values) if step is None else step_value(step)
    for name in [name for name in values if (name, at) in draft.metrics]:
        warn_user(f"{name!r} was logged at step {at} already; the first value is kept.")
        del values[name]
    with ledger.lock:
        for name, value in values.items():
            draft.note("metrics", (name, at), value)
        ledger.wrote(trial._state, draft)


def _next(metrics: Metrics, names: Iterable[str]) -> int:
    """The step after the last one, or after the highest where steps came in another order."""
    of = metrics.by_name.values()
    after = 1 + max((next(reversed(values), -1) for values in of), default=-1)
    if any((name, after) in metrics for name in names):
        after = 1 + max(map(max, of))
    return after


def _check(trial: Any) -> None:
    if trial._draft.state is not TrialState.RUNNING:
        raise finished(trial._number)
    if trial._state.rules < METRICS_SINCE:
        raise UnsupportedError(
            f"Study {trial.study.study_name!r} was made by a Skipjack that kept no metrics. Copy "
            f"it with skipjack.copy_study, and go on with the copy."
        )


def check_reported(draft: Draft) -> None:
    """Check that there is something to decide by when there are several objectives.

    Raises:
        UnsupportedError: If there is not.
    """
    if not draft.reports and not draft.metrics:
        raise UnsupportedError(
            "`should_prune` is not possible with several objectives before any of them is told. "
            "Report a list with one value per objective first: trial.report([a, b], step)."
        )


def warn_unreachable(number: int, error: Exception) -> None:
    """Say that a trial goes on since the storage cannot be asked."""
    _logger.warning(
        "Trial %d goes on unpruned for now: the storage cannot be reached (%s)", number, error
    )
