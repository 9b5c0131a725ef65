"""FrozenTrials from the columns of a history, and from trials that run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from skipjack.records.attributes import plain
from skipjack.records.draft import Draft
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.states import TrialState
from skipjack.records.times import local_time

TRIALS_PER_STUDY = 2**32  # trial_id = study_id * this + number

_STATES = tuple(TrialState)
_NO_ATTRS: tuple[dict[str, Any], dict[str, Any]] = ({}, {})


def of_rows(history: History, study_id: int, first: int, last: int) -> Iterator[FrozenTrial]:
    """The trials of rows `first` to `last - 1`, each a record of its own; 4 us a trial."""
    base, attrs_of, curves = study_id * TRIALS_PER_STUDY, history.attrs, history.curves
    rows = range(first, last)
    for row, read in zip(rows, history.read(first, last), strict=True):
        number, state, start, end, layout, values, given = read
        user, system = attrs_of.get(row, _NO_ATTRS)
        curve = curves.get(row)
        yield _made(
            {
                "_number": number,
                "state": _STATES[state],
                "_values": given,
                "_datetime_start": local_time(start),
                "datetime_complete": local_time(end),
                "_params": {
                    name: external(value)
                    for (name, external), value in zip(layout.external, values, strict=True)
                },
                "_user_attrs": plain(user) if user else {},
                "_system_attrs": plain(system) if system else {},
                "intermediate_values": (
                    {}
                    if curve is None
                    else dict(zip(curve[0].tolist(), curve[1].tolist(), strict=True))
                ),
                "_distributions": layout.by_name.copy(),
                "_trial_id": base + number,
            }
        )


def of_draft(draft: Draft, study_id: int) -> FrozenTrial:
    """A trial that waits or runs, as it is now."""
    return _made(
        {
            "_number": draft.number,
            "state": draft.state,
            "_values": None,
            "_datetime_start": local_time(draft.start),
            "datetime_complete": None,
            "_params": draft.params,
            "_user_attrs": plain(dict(draft.user)),
            "_system_attrs": plain(dict(draft.system)),
            "intermediate_values": dict(draft.reports),
            "_distributions": dict(draft.dists),
            "_trial_id": study_id * TRIALS_PER_STUDY + draft.number,
        }
    )


def _made(fields: dict[str, Any]) -> FrozenTrial:
    """A FrozenTrial of ready attributes, without checks."""
    trial = FrozenTrial.__new__(FrozenTrial)
    trial.__dict__ = fields
    return trial
