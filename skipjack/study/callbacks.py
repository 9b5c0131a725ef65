"""Callbacks for `Study.optimize`."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, final

from skipjack.records.frozen import FrozenTrial
from skipjack.records.states import TrialState


@final
class MaxTrialsCallback:
    """Stops a study when it has so many trials, those of all workers counted.

    Args:
        n_trials: How many.
        states: Which trials count; None: all.
    """

    def __init__(
        self,
        n_trials: int,
        states: Container[TrialState] | None = (TrialState.COMPLETE,),
    ) -> None:
        self._n_trials = n_trials
        self._states = states

    def __call__(self, study: Any, trial: FrozenTrial) -> None:
        """Stop the study if it has enough trials."""
        states = None if self._states is None else tuple(s for s in TrialState if s in self._states)
        if study._storage.get_n_trials(study._study_id, states) >= self._n_trials:
            study.stop()
