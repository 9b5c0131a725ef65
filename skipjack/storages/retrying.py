"""Trying a trial again whose worker is gone, as a callback of the storage says."""

from __future__ import annotations

from typing import Any

from skipjack.errors import invalid
from skipjack.records.attributes import FAIL_REASON, RETRIED, RETRIES
from skipjack.records.frozen import FrozenTrial, create_trial
from skipjack.records.states import TrialState


class RetryHeartbeatStaleTrialCallback:
    """Queues the parameters of a trial again whose worker is gone.

    Given to a storage it takes the place of `create_study(max_retries=...)`.

    Args:
        max_retry: How often the same parameters are tried again; None: without end.
        inherit_intermediate_values: Whether the new trial begins with the reports of the old one.
    """

    def __init__(
        self, max_retry: int | None = None, inherit_intermediate_values: bool = False
    ) -> None:
        if max_retry is not None and max_retry < 0:
            raise invalid("max_retry", "be at least 0, or None", max_retry)
        self._max_retry = max_retry
        self._inherit_intermediate_values = inherit_intermediate_values

    def __call__(self, study: Any, trial: FrozenTrial) -> None:
        past = [*self.retry_history(trial), trial.number]
        if self._max_retry is not None and len(past) > self._max_retry:
            return
        kept = {k: v for k, v in trial.system_attrs.items() if k != FAIL_REASON}
        retry = create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs=trial.user_attrs,
            system_attrs={RETRIED: trial.number, **kept, RETRIES: past},
        )
        if self._inherit_intermediate_values:
            retry.intermediate_values, retry.metrics = trial.intermediate_values, trial.metrics
        study.add_trial(retry)

    @staticmethod
    def retried_trial_number(trial: FrozenTrial) -> int | None:
        """The number of the first trial that `trial` repeats; None if it repeats none."""
        number: int | None = trial.system_attrs.get(RETRIED)
        return number

    @staticmethod
    def retry_history(trial: FrozenTrial) -> list[int]:
        """The numbers of the trials that `trial` repeats, oldest first."""
        return list(trial.system_attrs.get(RETRIES, ()))
