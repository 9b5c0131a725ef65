"""What becomes of a trial that is amended or withdrawn after it has ended, and how to undo it.

Each change is kept with the trial, in the system attribute `amendments`: a list, oldest first, of
what was done, when, why, and what was there before. So whoever copies the trial copies that too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from skipjack.errors import InvalidValueError, NotFoundError, WrongStateError
from skipjack.records.attributes import FAIL_REASON, plain
from skipjack.records.events import Event
from skipjack.records.states import TrialState

AMENDMENTS = "amendments"  # the system attribute of a trial that keeps what was changed, and why
WITHDRAWN = "Withdrawn: "  # begins the reason of a trial that was withdrawn

_COMPLETE, _FAIL = TrialState.COMPLETE, TrialState.FAIL
_ENDS = (_COMPLETE, TrialState.PRUNED, _FAIL)


def withdrawal(number: int, reason: str) -> Event:
    """The event that withdraws a trial."""
    return {"do": "withdraw", "n": number, "time": time.time(), "reason": reason}


def restoration(number: int) -> Event:
    """The event that takes back the newest change of a trial."""
    return {"do": "restore", "n": number, "time": time.time()}


def amendment(number: int, reason: str, changes: Event) -> Event:
    """The event that amends a trial; `changes` are any of state, values, user and system."""
    return {"do": "amend", "n": number, "time": time.time(), "reason": reason, **changes}


def is_withdrawn(system: Mapping[str, Any]) -> bool:
    """Whether the system attributes of a trial say that it is withdrawn."""
    past = _past(system)
    return bool(past) and past[-1]["do"] == "withdraw"


def change(state: Any, e: Event) -> Exception | None:
    """Replay an event of one of the three kinds.

    Args:
        state: The `StudyState`.
        e: The event.

    Returns:
        Why it is not possible, which changes nothing; None if it was done.
    """
    number, history = e["n"], state.history
    if not 0 <= number < state.n_trials:
        return NotFoundError(f"No trial {number}; the study has {state.n_trials} trials.")
    if number in state.open:
        return WrongStateError(f"Trial {number} has not ended yet; tell it first.")
    row, draft = state.rows[number], state.any_draft(number)
    past = _past(draft.system)
    if past and past[-1]["do"] == "withdraw" and e["do"] != "restore":
        return WrongStateError(f"Trial {number} is withdrawn; restore it first.")
    old: Event = {"state": int(draft.state), "values": history.user_values(row)}
    old.update(user=dict(draft.user), system=dict(draft.system))
    if e["do"] == "restore":
        if not past:
            return WrongStateError(f"Trial {number} is as it was told; there is nothing to undo.")
        new, past = _restored(old, past[-1]["was"]), past[:-1]
    else:
        new = _changed(old, e)
        note = {"do": e["do"], "time": e["time"], "reason": e["reason"]}
        past = [*past, {**note, "was": _difference(old, new)}]
    problem = _problem(number, new, len(history.signs))
    if problem is None:
        new["system"].pop(AMENDMENTS, None)
        if past:
            new["system"][AMENDMENTS] = past
        draft.user, draft.system = new["user"], new["system"]
        end = {"state": new["state"], "values": new["values"], "time": history.row(row)[3]}
        history.rewrite(row, draft, history.internal(row)[0], end)
        state.lost.pop(number, None)  # who looked at it knows better than a late worker
    return problem


def _past(system: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The changes that a trial has seen; none if the attribute is not ours."""
    past = system.get(AMENDMENTS)
    return past if isinstance(past, list) and all(map(_is_ours, past)) else []


def _is_ours(one: Any) -> bool:
    if not isinstance(one, dict) or one.keys() != {"do", "time", "reason", "was"}:
        return False
    was = one["was"]
    if not isinstance(was, dict) or was.get("state", _FAIL) not in _ENDS:
        return False
    values = was.get("values") or []
    attributes = [was.get(kind, {}) for kind in ("user", "system")]
    return (
        isinstance(values, list)
        and all(isinstance(value, float) for value in values)
        and all(
            isinstance(a, dict) and all(isinstance(v, list) for v in a.values()) for a in attributes
        )
    )


def _changed(old: Event, e: Event) -> Event:
    """A trial after it was amended or withdrawn."""
    system, values = {**old["system"], **e.get("system", {})}, e.get("values", old["values"])
    state = e.get("state", old["state"])
    if e["do"] == "withdraw":
        state, system[FAIL_REASON] = int(_FAIL), WITHDRAWN + e["reason"]
    elif state != _FAIL:
        system.pop(FAIL_REASON, None)
    elif old["state"] != _FAIL:
        system[FAIL_REASON] = e["reason"]
    if state == _FAIL and "values" not in e:
        values = None
    return {
        "state": state,
        "values": values,
        "user": {**old["user"], **e.get("user", {})},
        "system": system,
    }


def _difference(old: Event, new: Event) -> Event:
    """What must be put back to undo a change; an attribute that was not there is an empty list."""
    was: Event = {name: old[name] for name in ("state", "values") if old[name] != new[name]}
    for kind in ("user", "system"):
        before, after = old[kind], new[kind]
        keys = [k for k in {**before, **after} if k != AMENDMENTS and _differ(before, after, k)]
        if keys:
            was[kind] = {key: [plain(before[key])] if key in before else [] for key in keys}
    return was


def _differ(before: Event, after: Event, key: str) -> bool:
    return (key in before) != (key in after) or before[key] is not after[key]


def _restored(new: Event, was: Any) -> Event:
    """A trial before a change."""
    new = {**new, **{name: was[name] for name in ("state", "values") if name in was}}
    for kind in ("user", "system"):
        for key, value in was.get(kind, {}).items():
            new[kind].pop(key, None)
            if value:
                new[kind][key] = value[0]
    return new


def _problem(number: int, new: Event, n_objectives: int) -> Exception | None:
    """Why a trial cannot be like this."""
    values = new["values"]
    if new["state"] == _COMPLETE and values is None:
        return InvalidValueError(f"Trial {number} has no values, so it cannot be COMPLETE.")
    if new["state"] == _FAIL and values is not None:
        return InvalidValueError(f"Trial {number} is FAIL and cannot have values; give it a state.")
    if values is not None and len(values) != n_objectives:
        return InvalidValueError(
            f"Trial {number} cannot have {len(values)} values: the study has {n_objectives}."
        )
    return None
