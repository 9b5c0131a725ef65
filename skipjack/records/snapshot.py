"""The state of a study, or of the catalogue, as text: what its log amounts to.

The text is one JSON object. Columns of numbers are base64 of their little-endian bytes, row by row,
in the types of `_OF_TYPE`; all other floats are as JSON writes them, NaN and Infinity included. So
everything survives to the bit, and nothing in it can be executed.
"""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from skipjack import errors
from skipjack.distributions import BaseDistribution, intern, json_to_distribution
from skipjack.records.attributes import to_text
from skipjack.records.curves import Curves, in_content
from skipjack.records.draft import Draft
from skipjack.records.history import History
from skipjack.records.replay import UNFINISHED, Catalogue, StudyRecord, StudyState, spelled
from skipjack.records.states import TrialState

FORMAT = 1
_OF_TYPE = {
    "<i1": ("state", "feasible"),
    "<i2": ("by",),
    "<i4": ("layout",),
    "<i8": ("number", "seen", "curve rows", "curve sizes", "curve widths", "steps"),
    "<f8": ("start", "end", "violation", "values", "losses", "constraints", "reports"),
}
_TYPES = {name: kind for kind, names in _OF_TYPE.items() for name in names}
_Json = dict[str, Any]
_Columns = dict[str, npt.NDArray[Any]]


def of_study(state: StudyState) -> str:
    """All that the log says of a study; nothing of what this process has yet to write."""
    return to_text(
        {
            "format": FORMAT,
            "position": state.position,
            "directions": [int(d) for d in state.directions],
            "n": state.n_trials,
            "applied": _of_applied(state.applied),
            "user": state.user,
            "system": state.system,
            "waiting": list(state.waiting),
            "open": [_of_draft(draft) for draft in state.open.values()],
            "lost": [[_of_draft(draft), retry] for draft, retry in state.lost.values()],
            "history": _of_history(state.history),
        }
    )


def directions_of(text: str) -> list[int]:
    """The directions of the study that a snapshot is of."""
    found: list[int] = _parsed(text)["directions"]
    return found


def restore_study(state: StudyState, text: str) -> None:
    """Let a state say what a snapshot says; drafts that this process holds stay the same objects.

    What it has yet to write stays in them, and is taken back if the trial has ended.
    """
    kept = _parsed(text)
    live = {**state.open, **{number: draft for number, (draft, _) in state.lost.items()}}
    state.position = kept["position"]
    state.applied = _to_applied(kept["applied"])
    state.user, state.system = kept["user"], kept["system"]
    state.waiting.clear()
    state.waiting.extend(kept["waiting"])
    _to_history(state.history, kept["history"])
    state.standing = None
    for layout in state.history.layouts:
        for name, dist in layout.by_name.items():
            state.kinds.setdefault(name, dist)
    rows = np.full(kept["n"], UNFINISHED, np.int64)
    rows[state.history.numbers] = np.arange(len(state.history))
    state.rows = array("q", rows.tobytes())
    state.open.clear()
    for one in kept["open"]:
        draft = _to_draft(one, live.pop(one["n"], None))
        state.open[draft.number] = draft
    state.lost = {}
    for one, retry in kept["lost"]:
        state.lost[one["n"]] = _to_draft(one, live.pop(one["n"], None)), retry
    for number, draft in live.items():
        draft.discard()
        draft.state = TrialState(state.history.states[state.rows[number]])
    state.leases, state.timed = {}, set()
    for draft in state.open.values():
        if draft.worker is not None:
            state.leases.setdefault(draft.worker, set()).add(draft.number)
        if draft.deadline is not None:
            state.timed.add(draft.number)


def of_catalogue(catalogue: Catalogue) -> str:
    """The studies that there are."""
    return to_text(
        {
            "format": FORMAT,
            "position": catalogue.position,
            "made": catalogue.made,
            "applied": _of_applied(catalogue.applied),
            "studies": [
                [record.study_id, {name: getattr(record, name) for name in _RECORD}]
                for record in catalogue.studies.values()
            ],
        }
    )


_RECORD = ("name", "directions", "seed", "retries", "reports", "rules")


def restore_catalogue(catalogue: Catalogue, text: str) -> None:
    """Let a catalogue say what a snapshot says."""
    kept = _parsed(text)
    catalogue.position, catalogue.made = kept["position"], kept["made"]
    catalogue.applied = _to_applied(kept["applied"])
    catalogue.studies = {i: StudyRecord(i, event) for i, event in kept["studies"]}
    catalogue.ids = {record.name: i for i, record in catalogue.studies.items()}


def of(state: StudyState | Catalogue) -> str:
    """The snapshot of either."""
    return of_study(state) if isinstance(state, StudyState) else of_catalogue(state)


def restore(state: StudyState | Catalogue, text: str) -> None:
    """Let either say what a snapshot says."""
    if isinstance(state, StudyState):
        restore_study(state, text)
    else:
        restore_catalogue(state, text)


def _parsed(text: str) -> _Json:
    kept: _Json = json.loads(text)
    if kept["format"] != FORMAT:
        raise ValueError(f"a snapshot of format {kept['format']}")
    return kept


# ------------------------------------------------------------------------------------- verdicts


def _of_applied(applied: dict[str, tuple[int, Any]]) -> _Json:
    return {
        writer: [sequence, _of_verdict(verdict)] for writer, (sequence, verdict) in applied.items()
    }


def _of_verdict(verdict: Any) -> Any:
    return [type(verdict).__name__, str(verdict)] if isinstance(verdict, Exception) else verdict


def _to_applied(kept: _Json) -> dict[str, tuple[int, Any]]:
    return {
        writer: (sequence, _to_verdict(verdict)) for writer, (sequence, verdict) in kept.items()
    }


def _to_verdict(kept: Any) -> Any:
    if not isinstance(kept, list):
        return kept
    kind: Callable[[str], Exception] = getattr(errors, kept[0], errors.StorageError)
    return kind(kept[1])


# --------------------------------------------------------------------------------------- drafts


def _of_draft(draft: Draft) -> _Json:
    logged = draft.logged()
    return {
        "n": draft.number,
        "state": int(draft.state),
        "start": draft.start,
        "deadline": draft.deadline,
        "worker": draft.worker,
        "proposal": draft.proposal,
        "seen": draft.seen,
        "by": draft.by,
        "layout": spelled(tuple(logged.internal), tuple(logged.dists.values())),
        "x": list(logged.internal.values()),
        "user": logged.user,
        "system": logged.system,
        "reports": list(logged.reports.items()),
        "metrics": in_content({key: logged.metrics[key] for key in logged.metrics}),
    }


def _to_draft(kept: _Json, draft: Draft | None) -> Draft:
    """A draft as it was kept; if given, the one that is overlaid with what is to be written."""
    draft = draft or Draft(kept["n"], TrialState.RUNNING, None, None)
    draft.state, draft.start = TrialState(kept["state"]), kept["start"]
    draft.deadline, draft.worker = kept["deadline"], kept["worker"]
    draft.proposal, draft.seen, draft.by = kept["proposal"], kept["seen"], kept["by"]
    draft.put_params(*_to_spelled(kept["layout"]), kept["x"])
    draft.merge(kept)
    return draft


def _to_spelled(kept: list[Any]) -> tuple[tuple[str, ...], tuple[BaseDistribution, ...]]:
    names = tuple(name for name, _ in kept)
    return names, tuple(intern(json_to_distribution(json.dumps(dist))) for _, dist in kept)


# -------------------------------------------------------------------------------------- history


def _of_history(history: History) -> _Json:
    columns: _Columns = {
        "number": history.numbers,
        "state": history.states,
        "feasible": history.feasible,
        "layout": history.layout_indices,
        "by": history.by,
        "seen": history.seen,
        "start": history.start,
        "end": history.end,
        "violation": history.violation,
        "values": history.values,
        "losses": history.losses,
        "constraints": history.constraints,
        **_of_curves(history.curves),
    }
    return {
        "layouts": [spelled(layout.names, layout.dists) for layout in history.layouts],
        "latest": spelled(tuple(history._latest), tuple(history._latest.values())),
        "last layout": history._last_layout,
        "constraint keys": list(history.constraint_keys),
        "samplers": history.samplers,
        "attributes": [[row, *attrs] for row, attrs in history.attrs.items()],
        "best": history.best,
        "columns": _of_columns(columns),
        "metrics": {name: _of_columns(_of_curves(of)) for name, of in history.metrics.items()},
    }


def _of_curves(found: Curves) -> _Columns:
    curves = list(found.values())
    return {
        "curve rows": np.array(list(found), np.int64),
        "curve sizes": np.array([len(steps) for steps, _ in curves], np.int64),
        "curve widths": np.array([values.size // len(values) for _, values in curves], np.int64),
        "steps": np.concatenate([np.empty(0, np.int64), *(steps for steps, _ in curves)]),
        "reports": np.concatenate([np.empty(0), *(values.ravel() for _, values in curves)]),
    }


def _to_curves(curves: Curves, columns: _Columns, states: npt.NDArray[Any]) -> None:
    sizes, steps, reports = columns["curve sizes"], columns["steps"], columns["reports"]
    widths = columns.get("curve widths", np.ones_like(sizes))  # there were others only later
    row_of, first, begin = columns["curve rows"].tolist(), 0, 0
    is_complete = (states == TrialState.COMPLETE).tolist()
    for row, size, width in zip(row_of, sizes.tolist(), widths.tolist(), strict=True):
        end, values = first + size, reports[begin : begin + size * width]
        curve = steps[first:end], values if width == 1 else values.reshape(size, width)
        curves.restore(row, curve, is_complete[row])
        first, begin = end, begin + size * width


def _to_history(history: History, kept: _Json) -> None:
    made = History(history.signs)
    for layout in kept["layouts"]:
        made.layout(*_to_spelled(layout))
    made._latest = dict(zip(*_to_spelled(kept["latest"]), strict=True))
    made._last_layout, made._space = kept["last layout"], None
    made.constraint_keys = {key: i for i, key in enumerate(kept["constraint keys"])}
    made.samplers, made.best = kept["samplers"], kept["best"]
    made.attrs = {row: (user, system) for row, user, system in kept["attributes"]}
    columns = _to_columns(kept["columns"])
    _to_curves(made.curves, columns, columns["state"])
    for name, of in kept.get("metrics", {}).items():
        made.metrics[name] = Curves()
        _to_curves(made.metrics[name], _to_columns(of), columns["state"])
    made._n = n = len(columns["number"])
    made._rows = np.zeros(max(n, len(made._rows)), made._rows.dtype)
    for name in made._rows.dtype.names or ():
        made._rows[name][:n] = columns[name]
    widths = {"values": made._columns, "losses": made.signs, "constraints": made.constraint_keys}
    for name, width in widths.items():
        column = np.full((len(made._rows), len(width)), np.nan)
        column[:n] = columns[name].reshape(n, len(width))
        setattr(made, f"_{name}", column)
    made.counts = np.bincount(columns["state"], minlength=len(TrialState)).tolist()
    made.open, made.version = history.open, history.version + 1
    made._guard = history._guard
    history.__dict__.update(made.__dict__)


def _of_columns(columns: _Columns) -> _Json:
    return {name: _of_array(name, column) for name, column in columns.items()}


def _to_columns(kept: _Json) -> _Columns:
    return {name: _to_array(name, text) for name, text in kept.items()}


def _of_array(name: str, column: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(column, _TYPES[name]).tobytes()).decode("ascii")


def _to_array(name: str, text: str) -> npt.NDArray[Any]:
    kept = np.frombuffer(base64.b64decode(text), _TYPES[name])
    return kept.astype(kept.dtype.newbyteorder("="))
