"""FrozenTrials from the columns of a history, and from trials that run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from skipjack.records.attributes import plain
from skipjack.records.curves import Curve, copied
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
                "intermediate_values": {} if curve is None else _by_step(curve),
                "metrics": metrics_of(history, row) if history.metrics else {},
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
            "intermediate_values": copied(draft.reports),
            "metrics": draft.metrics.copy().by_name,
            "_distributions": dict(draft.dists),
            "_trial_id": study_id * TRIALS_PER_STUDY + draft.number,
        }
    )


def metrics_of(history: History, row: int) -> dict[str, dict[int, float]]:
    """What a finished trial logged: values by step, by name."""
    return {
        name: _by_step(curves[row]) for name, curves in history.metrics.items() if row in curves
    }


def _by_step(curve: Curve) -> dict[int, Any]:
    return dict(zip(curve[0].tolist(), curve[1].tolist(), strict=True))


def _made(fields: dict[str, Any]) -> FrozenTrial:
    """A FrozenTrial of ready attributes, without checks."""
    trial = FrozenTrial.__new__(FrozenTrial)
    trial.__dict__ = fields
    return trial


def draft_of(history: History, row: int) -> Draft:
    """What a finished trial was before it ended: a copy, which leads nowhere."""
    number, state, start, _ = history.row(row)
    draft = Draft(number, _STATES[state], start, None)
    draft.seen, draft.by = int(history.seen[row]), history.samplers[history.by[row]]
    layout, values = history.internal(row)
    draft.put_params(layout.names, layout.dists, values)
    user, system = history.attrs.get(row, _NO_ATTRS)
    curve = history.curves.get(row)
    draft.merge({"user": user, "system": system, "reports": _by_step(curve) if curve else None})
    for name, logged in metrics_of(history, row).items() if history.metrics else ():
        draft.merge({"metrics": {name: logged.items()}})
    return draft
