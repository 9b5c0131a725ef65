"""What a study says of its complete trials, as arrays: losses, features, scores of folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from skipjack.distributions import CategoricalDistribution
from skipjack.errors import InvalidValueError, WrongStateError
from skipjack.records.history import History
from skipjack.records.space import FloatArray, IntArray, Space
from skipjack.records.states import TrialState

FOLD = "fold "  # begins the name of the metric that keeps the reports of a fold
CV_SCORES = "terminator:cv_scores"
_FARTHEST = 1e100  # beyond it losses are all the same: their squares would overflow


class Judged(NamedTuple):
    """The complete, feasible trials with a finite value; n of them.

    Attributes:
        rows: Of the history, shape (n,), by trial number.
        losses: To minimise, shape (n,).
        features: Shape (n, D): places, 1 or 0 for each choice, the middle where there is none.
        groups: Which parameter each feature belongs to, shape (D,).
        folds: Losses of k folds, shape (n, k); NaN for trials without; None without any.
    """

    rows: IntArray
    losses: FloatArray
    features: FloatArray
    groups: IntArray
    folds: FloatArray | None


def judged(study: Any, scores: str | None = None) -> Judged:
    """The trials of a study that can be compared.

    Args:
        study: With one objective.
        scores: The metric, or the attribute of the user's, that has the scores of the folds; None:
            what was reported by `report(..., fold=k)` or `report_cross_validation_scores`.

    Raises:
        RuntimeError: If the study has several objectives.
        ValueError: If it has no such trial, or none has such scores.
    """
    if len(study.directions) > 1:
        raise WrongStateError("One trial can be recommended only of a study with one objective.")
    history: History = study.history
    complete = (history.states == TrialState.COMPLETE) & history.feasible
    rows = np.flatnonzero(complete & np.isfinite(history.losses[:, 0]))
    if not len(rows):
        raise InvalidValueError("No trial is complete, feasible and has a finite value yet.")
    rows = rows[np.argsort(history.numbers[rows])]
    features, groups = features_of(history, history.space, rows)
    folds = _folds(history, rows, scores)
    if folds is None and scores is not None:
        raise InvalidValueError(f"No trial has scores of folds under the name {scores!r}.")
    losses = np.clip(history.losses[rows, 0], -_FARTHEST, _FARTHEST)
    return Judged(rows, losses, features, groups, folds)


def features_of(history: History, space: Space, rows: IntArray) -> tuple[FloatArray, IntArray]:
    """Places of trials as numbers that a model can compare, and whose they are.

    Returns:
        Shape (n, D) and (D,).
    """
    places = history.unit(space, rows)
    columns: list[FloatArray] = []
    groups: list[int] = []
    for j, dist in enumerate(space.values()):
        there = ~np.isnan(places[:, j])
        if isinstance(dist, CategoricalDistribution):
            n = len(dist.choices)
            index = np.where(there, np.clip(np.nan_to_num(places[:, j]) * n, 0, n - 1), -1)
            columns += [np.where(there, index.astype(int) == c, 1 / n) for c in range(n)]
            groups += [j] * n
        else:
            columns.append(np.where(there, places[:, j], 0.5))
            groups.append(j)
    found = np.array(columns, float).reshape(len(groups), len(rows)).T
    return np.ascontiguousarray(found), np.array(groups, np.int64)


def _folds(history: History, rows: IntArray, scores: str | None) -> FloatArray | None:
    if scores is not None:
        found = [_named(history, int(row), scores) for row in rows]
    else:
        names = sorted(
            (name for name in history.metrics if name.startswith(FOLD)),
            key=lambda name: int(name[len(FOLD) :]),
        )
        found = [_reported(history, names, int(row)) for row in rows]
    widths = [len(each) for each in found if each]
    if not widths:
        return None
    k = max(set(widths), key=lambda width: (widths.count(width), width))
    table = [list(each) if len(each) == k else [np.nan] * k for each in found]
    return history.signs[0] * np.array(table, float) if k > 1 else None


def _reported(history: History, names: Sequence[str], row: int) -> Sequence[float]:
    if not names:
        scores = history.attrs.get(row, ({}, {}))[1].get(CV_SCORES)
        return scores if isinstance(scores, list) else ()
    curves = [history.metrics[name].get(row) for name in names]
    return [float(c[1][c[0].argmax()]) for c in curves if c is not None]


def _named(history: History, row: int, name: str) -> Sequence[float]:
    curve = history.metrics[name].get(row) if name in history.metrics else None
    if curve is not None:
        return [float(v) for v in curve[1][np.argsort(curve[0])]]
    scores = history.attrs.get(row, ({}, {}))[0].get(name)
    return scores if isinstance(scores, list | tuple) else ()
