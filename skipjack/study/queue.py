"""Parameters to try next, and whether they were tried or queued before."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from skipjack import logging
from skipjack.errors import wrong_type
from skipjack.records.attributes import FIXED, attribute_key, plain
from skipjack.records.replay import StudyState
from skipjack.records.states import TrialState

_logger = logging.get_logger(__name__)
_CLOSE = 1e-5  # relative difference below which two numbers count as the same


def enqueue(
    study: Any, params: Any, user_attrs: dict[str, Any] | None, skip_if_exists: bool
) -> None:
    """Queue a trial; see `Study.enqueue_trial`."""
    if not isinstance(params, dict):
        raise wrong_type("params", "be a dict of values by parameter name", params)
    if user_attrs is not None and not isinstance(user_attrs, dict):
        raise wrong_type("user_attrs", "be a dict of attributes", user_attrs)
    params = {attribute_key(k): _scalar(v) for k, v in params.items()}
    ledger = study._ledger
    with ledger.lock:
        state = ledger.sync(study._study_id)
        if skip_if_exists and _known(state).has(params):
            _logger.info(f"Trial with params {params} already exists. Skipping enqueue.")
            return
        event = {
            "do": "add",
            "time": time.time(),
            "state": int(TrialState.WAITING),
            "values": None,
            "system": {FIXED: params},
        }
        if user_attrs:
            event["user"] = {attribute_key(k): plain(v) for k, v in user_attrs.items()}
        ledger.commit(state.study_id, event)


def _scalar(value: Any) -> Any:
    """A NumPy scalar as Python's; a choice of any other kind must stay what it is."""
    return value if isinstance(value, (list, tuple, dict)) else plain(value)


def _known(state: StudyState) -> _Known:
    known = state.memo.setdefault("queue", _Known())
    assert isinstance(known, _Known)
    known.catch_up(state)
    return known


class _Known:
    """The parameters of all trials, in buckets that differ by name or by a value that is no number.

    Enqueued trials stand with what was enqueued, others with what they suggested. Looking up costs
    one comparison of arrays per bucket, catching up O(1) per new trial.
    """

    def __init__(self) -> None:
        self._done = 0
        self._open: list[int] = []
        self._buckets: dict[Any, list[Any]] = {}  # key: [array (capacity, numbers), rows used]

    def catch_up(self, state: StudyState) -> None:
        """Take in the trials made or finished since last time."""
        params: Mapping[str, Any] | None
        todo = [*self._open, *range(self._done, state.n_trials)]
        self._done, self._open = state.n_trials, []
        for number in todo:
            draft = state.open.get(number)
            if draft is not None:
                fixed, params = draft.system.get(FIXED), None
            else:
                row = state.rows[number]
                fixed = state.history.attrs.get(row, ({}, {}))[1].get(FIXED)
                layout, values = state.history.internal(row)
                params = {
                    name: dist.to_external_repr(value)
                    for name, dist, value in zip(layout.names, layout.dists, values, strict=True)
                }
            params = params if fixed is None else fixed
            if params is None:
                self._open.append(number)
            else:
                self._add(params)

    def _add(self, params: Mapping[str, Any]) -> None:
        key, numbers = _signature(params)
        bucket = self._buckets.setdefault(key, [np.empty((4, len(numbers))), 0])
        rows, used = bucket
        if used == len(rows):
            rows = bucket[0] = np.concatenate([rows, np.empty_like(rows)])
        rows[used] = numbers
        bucket[1] = used + 1

    def has(self, params: Mapping[str, Any]) -> bool:
        """Whether a trial has these parameters, numbers up to a relative 1e-5."""
        key, numbers = _signature(params)
        if key not in self._buckets:
            return False
        rows, used = self._buckets[key]
        close = np.isclose(rows[:used], numbers, rtol=_CLOSE, atol=0.0)
        return bool(close.all(axis=1).any())


def _signature(params: Mapping[str, Any]) -> tuple[Any, list[float]]:
    """Names with values that are no numbers, and the numbers, in the order of names."""
    key: list[tuple[str, str | None]] = []
    numbers = []
    for name in sorted(params):
        value = params[name]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value:
            key.append((name, None))
            numbers.append(float(value))
        else:
            key.append((name, repr(value)))
    return tuple(key), numbers
