"""Changing what was told: trials are amended, withdrawn, and restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skipjack import logging
from skipjack.errors import InvalidValueError, invalid, wrong_type
from skipjack.records.amendments import amendment, restoration, withdrawal
from skipjack.records.attributes import CONSTRAINT, attribute_key, constraint_value, plain
from skipjack.records.events import Event
from skipjack.records.frozen import FrozenTrial
from skipjack.study.telling import checked_values, number_of, told_state

_logger = logging.get_logger(__name__)


def withdraw(study: Any, trial: Any, reason: str) -> FrozenTrial:
    """See `Study.withdraw_trial`."""
    number = number_of(study, trial)
    found = _commit(study, withdrawal(number, _checked(reason)))
    _logger.info(f"Trial {number} was withdrawn: {reason}")
    return found


def restore(study: Any, trial: Any) -> FrozenTrial:
    """See `Study.restore_trial`."""
    number = number_of(study, trial)
    found = _commit(study, restoration(number))
    _logger.info(f"Trial {number} was restored: it is {found.state.name} with {found.values}.")
    return found


def amend(
    study: Any,
    trial: Any,
    reason: str,
    values: Any,
    state: Any,
    user_attrs: Mapping[str, Any] | None,
    constraints: Mapping[str, float] | None,
) -> FrozenTrial:
    """See `Study.amend_trial`."""
    number = number_of(study, trial)
    changes: Event = {}
    if values is not None:
        checked, problem = checked_values(values, len(study.directions))
        if checked is None:
            raise InvalidValueError(f"{problem.rstrip('.')}.")
        changes["values"] = checked
    final = told_state(state)
    if final is not None:
        changes["state"] = int(final)
    if user_attrs:
        changes["user"] = {attribute_key(k): plain(v) for k, v in user_attrs.items()}
    if constraints:
        changes["system"] = {
            CONSTRAINT + key: constraint_value(key, value) for key, value in constraints.items()
        }
    if not changes:
        raise InvalidValueError(
            "Say what to amend: `values`, `state`, `user_attrs` or `constraints`."
        )
    study._ledger.check(changes)
    found = _commit(study, amendment(number, _checked(reason), changes))
    _logger.info(f"Trial {number} was amended: {reason}")
    return found


def _checked(reason: Any) -> str:
    if not isinstance(reason, str):
        raise wrong_type("reason", "be a str", reason)
    if not reason.strip():
        raise invalid("reason", "say why, for whoever looks at the study later", reason)
    return reason


def _commit(study: Any, event: Event) -> FrozenTrial:
    """Write the event and return the trial as it is then."""
    ledger = study._ledger
    with ledger.lock:
        ledger.commit(study._study_id, event)
        trial: FrozenTrial = ledger.study(study._study_id).frozen(event["n"])
        return trial
