"""Where companions of Optuna look for what is shared by multi-objective code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skipjack.errors import InvalidValueError
from skipjack.numerics import pareto
from skipjack.numerics.pareto import BoolArray, FloatArray, IntArray
from skipjack.records.frozen import FrozenTrial
from skipjack.records.states import StudyDirection, TrialState
from skipjack.study import best


def _dominates(
    trial0: FrozenTrial, trial1: FrozenTrial, directions: Sequence[StudyDirection]
) -> bool:
    """Whether `trial0` is nowhere worse than `trial1`, and somewhere better.

    A complete trial dominates every one that is not. Constraints are not considered.

    Raises:
        ValueError: If a complete trial has not one value per direction.
    """
    if trial0.state != TrialState.COMPLETE:
        return False
    first = _losses(trial0, directions)
    if trial1.state != TrialState.COMPLETE:
        return True
    second = _losses(trial1, directions)
    return bool((first <= second).all() and (first < second).any())


def _losses(trial: FrozenTrial, directions: Sequence[StudyDirection]) -> FloatArray:
    """The values of a trial to minimise, shape (m,)."""
    values = trial.values
    if values is None or len(values) != len(directions):
        raise InvalidValueError(
            f"Trial {trial.number} must have {len(directions)} values, one per direction, but "
            f"has {values}."
        )
    signs = [-1.0 if d == StudyDirection.MAXIMIZE else 1.0 for d in directions]
    return np.array(values, float) * signs


def _fast_non_domination_rank(
    loss_values: FloatArray, *, penalty: FloatArray | None = None, n_below: int | None = None
) -> IntArray:
    """Non-domination ranks, shape (n,): 0 for the front, 1 for the front of the others, ...

    Args:
        loss_values: Objective values to minimise, shape (n, m).
        penalty: How much each point violates its constraints, shape (n,); NaN where that is not
            known. Points without violation come first, by rank; then the others by violation;
            then those of which it is not known, by rank.
        n_below: So many points need exact ranks; the others may get one rank above all these.

    Raises:
        ValueError: If `penalty` has another length than `loss_values`.
    """
    points = np.asarray(loss_values, float)
    if penalty is None:
        return _first(pareto.ranks(points), n_below)
    penalty = np.asarray(penalty, float)
    if penalty.shape != (len(points),):
        raise InvalidValueError(
            f"`penalty` must have one value per point, so shape ({len(points)},), but got "
            f"{penalty.shape}."
        )
    return _first(pareto.ranks_with_penalty(points, penalty), n_below)


def _first(ranks: IntArray, n_below: int | None) -> IntArray:
    """Exact ranks for at least `n_below` points, one rank above them for the others."""
    if n_below is None or n_below >= len(ranks):
        return ranks
    enough = 0 if n_below <= 0 else int(np.sort(ranks)[n_below - 1])
    return np.minimum(ranks, enough + 1)


def _is_pareto_front(loss_values: FloatArray, assume_unique_lexsorted: bool) -> BoolArray:
    """Which points no other one dominates, shape (n,).

    Args:
        loss_values: Objective values to minimise, shape (n, m).
        assume_unique_lexsorted: Whether they are distinct and sorted; not needed to be known.
    """
    return pareto.is_front(np.asarray(loss_values, float))


def _get_pareto_front_trials(study: Any, consider_constraint: bool = False) -> list[FrozenTrial]:
    """The complete trials that no other one dominates, by number.

    Args:
        study: The study.
        consider_constraint: Whether only trials that keep their constraints count.
    """
    with study._ledger.lock:
        state = study._ledger.sync(study._study_id)
        front = best.front(state.history, feasible_only=consider_constraint)
        return [state.frozen(number) for number in front]
