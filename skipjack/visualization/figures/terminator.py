"""How much better a study could still become, over its trials."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from skipjack.errors import InvalidValueError, invalid, wrong_type
from skipjack.study import Study
from skipjack.terminator import (
    BaseErrorEvaluator,
    BaseImprovementEvaluator,
    BestValueStagnationEvaluator,
    CrossValidationErrorEvaluator,
    RegretBoundEvaluator,
    StaticErrorEvaluator,
)
from skipjack.terminator.base import OnColumns, Past, past_of
from skipjack.visualization import columns
from skipjack.visualization.figure import (
    Axis,
    Figure,
    FloatArray,
    IntArray,
    Line,
    Mark,
    Panel,
    Role,
    single,
)

_TITLE = "Terminator Improvement Plot"
_PLACES = 50  # at which an evaluator is asked: some fit a model each time
_PLACES_OF_MANY = 10  # of more than 500 trials
_HUGE = sys.float_info.max / 10  # what evaluators say when they know nothing yet
Evaluator = BaseImprovementEvaluator | BaseErrorEvaluator


def terminator_improvement(
    study: Study,
    plot_error: bool = False,
    improvement_evaluator: BaseImprovementEvaluator | None = None,
    error_evaluator: BaseErrorEvaluator | None = None,
    min_n_trials: int = 20,
) -> Figure:
    """Plot how much improvement is still to be expected after each trial.

    Where it falls below the error, a `Terminator` ends the study. The evaluators are asked after
    at most 50 of the complete trials that keep their constraints, evenly spread; 10 of more than
    500 trials.

    Args:
        study: A study of one objective.
        plot_error: Whether the error is drawn too.
        improvement_evaluator: Says what is to be expected; `RegretBoundEvaluator()` if None.
        error_evaluator: Says what means nothing. If None, `StaticErrorEvaluator(0)` with
            `BestValueStagnationEvaluator`, else `CrossValidationErrorEvaluator()`.
        min_n_trials: So many trials a terminator waits for; what is before them is faint.

    Raises:
        TypeError: If `study` is no study, or an evaluator none.
        ValueError: If the study has several objectives, `min_n_trials` is not positive, or an
            evaluator cannot judge the study.
    """
    columns.a_study(study)
    if len(study.directions) > 1:
        raise InvalidValueError("`study` must have one objective, but has several.")
    if min_n_trials < 1:
        raise invalid("min_n_trials", "be positive", min_n_trials)
    improvement = improvement_evaluator or RegretBoundEvaluator()
    error = error_evaluator or CrossValidationErrorEvaluator()
    if error_evaluator is None and isinstance(improvement, BestValueStagnationEvaluator):
        error = StaticErrorEvaluator(0)
    for name, part in (("improvement_evaluator", improvement), ("error_evaluator", error)):
        if isinstance(part, type) or not callable(getattr(part, "evaluate", None)):
            raise wrong_type(name, "be an evaluator", part)
    trials = columns.trials_of(study)
    trials = trials.take(trials.feasible)
    past = past_of(study)
    n = min(len(trials), len(past.losses))
    x, y = Axis("Trial", whole=True), Axis("Terminator Improvement")
    if not n:
        return single(_TITLE, Panel(x, y, note=columns.nothing(study)))
    places = _PLACES if n <= 500 else _PLACES_OF_MANY
    rows = columns.thinned(n, places, np.array([min(min_n_trials, n) - 1]))
    numbers = trials.numbers[rows].astype(np.float64)
    late = rows + 1 >= min_n_trials
    marks = _lines(numbers, _asked(improvement, study, past, rows), late, "Improvement", "main")
    if plot_error:
        marks += _lines(numbers, _asked(error, study, past, rows), late, "Error", "best")
    asked = f"asked after {len(rows)} of {n:,} trials" if len(rows) < n else ""
    faint = f"faint: fewer than {min_n_trials} trials" if not late.all() else ""
    return single(_TITLE, Panel(x, y, tuple(marks)), asked, faint)


def _asked(evaluator: Evaluator, study: Study, past: Past, rows: IntArray) -> FloatArray:
    """What an evaluator says after each of some trials; NaN where it says nothing yet."""
    ask: Callable[[int], float]
    if isinstance(evaluator, OnColumns) and evaluator.reads_columns:
        columnar = evaluator

        def ask(n: int) -> float:
            return columnar.judge(past.part(0, n))

    else:  # a user's own gets trials
        trials = study.get_trials(deepcopy=False, states=columns.COMPLETE)
        kept = [trial for trial in trials if all(v <= 0 for v in trial.constraints.values())]

        def ask(n: int) -> float:
            return float(evaluator.evaluate(kept[:n], study.direction))

    found = np.array([ask(row + 1) for row in rows.tolist()])
    return np.where(np.abs(found) < _HUGE, found, np.nan)


def _lines(x: FloatArray, y: FloatArray, late: np.ndarray, label: str, role: Role) -> list[Mark]:
    """A line, faint before enough trials were there."""
    first = int(np.argmax(late)) if late.any() else len(x)
    early = Line(x[: first + 1], y[: first + 1], role=role, opacity=0.35, has_dots=True, name=label)
    line = Line(x[first:], y[first:], label, role=role, width=2.0, has_dots=True)
    return [mark for mark in (early, line) if len(mark.x) and not (mark is early and not first)]
