"""What users give a study besides parameters: trials and names, checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from skipjack.errors import InvalidValueError, wrong_type
from skipjack.records.frozen import FrozenTrial


def trials(given: Iterable[Any], n_objectives: int) -> list[FrozenTrial]:
    """Trials that can be put into a study of so many objectives; see `Study.add_trials`."""
    chosen = list(given)
    for trial in chosen:
        if not isinstance(trial, FrozenTrial):
            raise wrong_type("trial", "be a FrozenTrial", trial, "Use `create_trial`.")
        trial._validate_fields()
        if trial.values is not None and len(trial.values) != n_objectives:
            raise InvalidValueError(
                f"A trial with {len(trial.values)} values cannot be added to a study with "
                f"{n_objectives} objectives."
            )
    return chosen


def metric_names(given: Any, n_objectives: int) -> list[str]:
    """Names of so many objectives; see `Study.set_metric_names`."""
    names = None if isinstance(given, str) else given
    if not isinstance(names, Iterable) or not all(isinstance(n, str) for n in names):
        raise wrong_type("metric_names", "be a list of str", given)
    if len(given) != n_objectives:
        raise InvalidValueError(
            f"`metric_names` must name the {n_objectives} objectives, but got {given!r}."
        )
    return list(given)
