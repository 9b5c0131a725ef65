"""Trials as a pandas DataFrame."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from skipjack import _optional
from skipjack.errors import InvalidValueError, wrong_type
from skipjack.records.attributes import plain
from skipjack.records.frozen import FrozenTrial
from skipjack.records.replay import METRIC_NAMES

pandas = _optional.lazy("pandas", extra="pandas", needed_by="Study.trials_dataframe")

_MISSING = float("nan")
_MUTABLE = {list, dict}
_TIMES = ("datetime_start", "datetime_complete")
DEFAULT = (
    "number",
    "value",
    "datetime_start",
    "datetime_complete",
    "duration",
    "params",
    "user_attrs",
    "system_attrs",
    "state",
)
Columns = dict[tuple[str, str | int], Any]


def trials_dataframe(study: Any, attrs: tuple[str, ...], multi_index: bool) -> Any:
    """The trials as a DataFrame; see `Study.trials_dataframe`."""
    if isinstance(attrs, str) or not isinstance(attrs, Iterable):
        raise wrong_type("attrs", "be a tuple of names of attributes", attrs)
    trials = study.get_trials(deepcopy=False)
    if not trials:
        return pandas.DataFrame()
    many = len(study.directions) > 1
    names = study._ledger.sync(study._study_id).system.get(METRIC_NAMES)
    columns: Columns = {}
    if attrs == DEFAULT:
        attrs = (*attrs, "metrics")
    for attr in attrs:
        if attr in ("value", "values"):
            titles = names or (range(len(study.directions)) if many else [""])
            columns |= _values(trials, "values" if many else attr, titles)
        else:
            columns |= _columns(trials, attr)
    frame = pandas.DataFrame(dict(enumerate(columns.values())))
    if multi_index:
        frame.columns = pandas.MultiIndex.from_tuples(columns)
    else:
        frame.columns = ["_".join(str(part) for part in key if part != "") for key in columns]
    return frame


def _values(trials: list[FrozenTrial], title: str, titles: Sequence[str | int]) -> Columns:
    none: list[Any] = [None] * len(titles)
    rows = [t._values or none for t in trials]
    return {(title, name): [row[i] for row in rows] for i, name in enumerate(titles)}


_READ: dict[str, Callable[[FrozenTrial], Any]] = {
    "params": lambda t: t._params,
    "user_attrs": lambda t: t._user_attrs,
    "system_attrs": lambda t: t._system_attrs,
    "metrics": lambda t: {name: of[max(of)] for name, of in t.metrics.items()},
    "number": lambda t: t._number,
    "state": lambda t: t.state.name,
}


def _columns(trials: list[FrozenTrial], attr: str) -> Columns:
    if attr not in _READ and not hasattr(trials[0], attr):
        raise InvalidValueError(f"Trials have no attribute {attr!r} that could be a column.")
    if attr in _TIMES:
        return {(attr, ""): _times(trials, attr)}
    if attr == "duration":
        start, end = (_times(trials, time) for time in _TIMES)
        return {(attr, ""): end - start}
    read = _READ.get(attr) or (lambda t: getattr(t, attr))
    cells = [read(trial) for trial in trials]
    if not isinstance(cells[0], dict):
        return {(attr.lstrip("_"), ""): cells}
    names = sorted({name for cell in cells for name in cell}, key=str)
    return {(attr, str(name)): _cells(cells, name) for name in names}


def _times(trials: list[FrozenTrial], attr: str) -> Any:
    """Local times, NaT where there is none."""
    read: Callable[[FrozenTrial], Any] = operator.attrgetter(attr)
    return pandas.Series([read(trial) for trial in trials], dtype="datetime64[us]")


def _cells(cells: list[dict[Any, Any]], name: Any) -> list[Any]:
    """What each of some dicts has under `name`, in copies that may be changed."""
    column = [cell.get(name, _MISSING) for cell in cells]
    mutable = not _MUTABLE.isdisjoint(map(type, column))
    return [_own(cell) for cell in column] if mutable else column


def _own(cell: Any) -> Any:
    """A copy of a cell that could be changed."""
    return plain(cell) if type(cell) in _MUTABLE else cell
