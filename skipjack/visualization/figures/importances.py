"""Which parameters matter."""

from __future__ import annotations

import html
import warnings

import numpy as np

from skipjack import importance
from skipjack.importance import BaseImportanceEvaluator
from skipjack.study import Study
from skipjack.visualization import columns
from skipjack.visualization.columns import Target
from skipjack.visualization.figure import Axis, Bars, Figure, Panel, series, single

_TITLE = "Hyperparameter Importances"


def param_importances(
    study: Study,
    evaluator: BaseImportanceEvaluator | None = None,
    params: list[str] | None = None,
    *,
    target: Target | None = None,
    target_name: str = "Objective Value",
) -> Figure:
    """Plot how important each parameter is, the most important on top.

    Bars add up to 1. Whiskers are standard errors, where the evaluator knows them. With several
    objectives and no target there is one bar for each.

    Args:
        study: The study.
        evaluator: Measures importance; `PedAnovaImportanceEvaluator` if None.
        params: Names of the parameters; None: those that the evaluator can judge.
        target: What is explained, from a trial, instead of the value.
        target_name: What it is called.

    Raises:
        TypeError: If `study` is no study, or `evaluator` no evaluator.
        ValueError: If no trial has one of `params`.
    """
    wanted = _wanted(study, target, target_name)
    title = "Importance for " + (wanted[0][0] if len(wanted) == 1 else "each objective")
    x, y = Axis(title), Axis("Hyperparameter")
    if not len(study.history.where(*columns.COMPLETE)):
        return single(_TITLE, Panel(x, y, note=columns.nothing(study)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "There are fewer than two", UserWarning)
        found = [
            importance.get_param_importances(study, evaluator=evaluator, params=params, target=one)
            for _, one in wanted
        ]
    keys = sorted(found[0], key=lambda key: sum(figures.get(key, 0.0) for figures in found))
    if not keys:
        return single(_TITLE, Panel(x, y, note="No parameters to judge"))
    marks = [_bars(i, len(wanted), wanted[i][0], keys, figures) for i, figures in enumerate(found)]
    reach = max(float((m.lengths + (0.0 if m.error is None else m.error)).max()) for m in marks)
    x = Axis(title, low=0.0, high=1.12 * reach)
    y = Axis("Hyperparameter", "category", tuple(keys), low=-0.6, high=len(keys) - 0.4)
    note = "whiskers: standard errors" if any(mark.error is not None for mark in marks) else ""
    return single(_TITLE, Panel(x, y, tuple(marks)), note)


def _wanted(study: Study, target: Target | None, name: str) -> list[tuple[str, Target | None]]:
    """Titles and targets of the bars: one, or one for each objective."""
    columns.a_study(study)
    m = len(study.directions)
    if target is not None or m == 1:
        return [(columns.value_name(study, target, name), target)]
    titles = study.metric_names or [f"Objective {i}" for i in range(m)]
    return [(title, _objective(i)) for i, title in enumerate(titles)]


def _bars(i: int, k: int, label: str, keys: list[str], figures: dict[str, float]) -> Bars:
    """The bars number `i` of `k` side by side."""
    lengths = np.array([figures.get(key, 0.0) for key in keys])
    errors: dict[str, float] = getattr(figures, "errors", {})
    error = np.array([errors.get(key, 0.0) for key in keys]) if errors else None
    texts = [_text(length) for length in lengths.tolist()]
    hover = [html.escape(f"{key}: {text}", quote=False) for key, text in zip(keys, texts)]
    if error is not None:
        hover = [f"{said} ± {_text(one)}" for said, one in zip(hover, error.tolist())]
    return Bars(
        np.arange(len(keys), dtype=np.float64) + 0.8 * ((k - 1) / 2 - i) / k,
        lengths,
        label if k > 1 else "",
        series(i) if k > 1 else "main",
        0.72 / k,
        error,
        tuple(texts) if error is None else (),
        tuple(hover),
    )


def _objective(i: int) -> Target:
    return lambda trial: trial.values[i]  # type: ignore[index]  # a complete trial


def _text(value: float) -> str:
    return "<0.01" if 0 < value < 0.01 else f"{value:.2f}"
