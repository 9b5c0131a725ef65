"""What is known of a trial before it has finished, and what of that is not yet in the log."""

from __future__ import annotations

from typing import Any

from skipjack.distributions import BaseDistribution
from skipjack.records.states import TrialState


class Draft:
    """A trial that waits or runs. Mutable: the trial's worker writes here first (the buffer).

    Attributes:
        internal: Internal values suggested so far, by name in the order of suggestion.
        dists: Their distributions.
        proposal: Internal values drawn for the trial, suggested already or not.
        start: Seconds since the epoch, None while the trial waits.
        worker: Who runs it; None when nobody holds a lease on it (a bare `ask()`, or waiting).
        is_due: Whether the buffer is going to be written soon.
        seen, by: The log position that the proposal was made from, and its sampler.
    """

    __slots__ = (
        "_logged_params",
        "_unlogged",
        "by",
        "dists",
        "internal",
        "is_due",
        "number",
        "proposal",
        "reports",
        "seen",
        "start",
        "state",
        "system",
        "user",
        "worker",
    )

    def __init__(self, number: int, state: TrialState, start: float | None, worker: str | None):
        self.number = number
        self.state = state
        self.start = start
        self.worker = worker
        self.internal: dict[str, float] = {}
        self.dists: dict[str, BaseDistribution] = {}
        self.proposal: dict[str, float] = {}
        self.reports: dict[int, float] = {}
        self.user: dict[str, Any] = {}
        self.system: dict[str, Any] = {}
        self.seen = 0
        self.by = ""
        self.is_due = False
        self._logged_params = 0
        self._unlogged: dict[str, dict[Any, Any]] | None = None

    @property
    def params(self) -> dict[str, Any]:
        """The suggested values as the user sees them, a fresh dict."""
        dists = self.dists
        return {name: dists[name].to_external_repr(v) for name, v in self.internal.items()}

    @property
    def known(self) -> dict[str, float]:
        """Internal values that the trial has or is going to have, as far as one can know."""
        return {**self.proposal, **self.internal} if self.proposal else self.internal

    def suggest(self, name: str, dist: BaseDistribution, value: float) -> None:
        """Note that `name` was suggested from `dist` as the internal value `value`."""
        self.internal[name] = value
        self.dists[name] = dist

    def note(self, kind: str, key: Any, value: Any) -> None:
        """Note a report (`kind` "reports": step, value) or an attribute ("user" or "system")."""
        getattr(self, kind)[key] = value
        if self._unlogged is None:
            self._unlogged = {}
        self._unlogged.setdefault(kind, {})[key] = value

    @property
    def is_dirty(self) -> bool:
        """Whether anything was noted that the log does not have."""
        return self._unlogged is not None or self._logged_params != len(self.internal)

    def take(self) -> dict[str, Any]:
        """What the log does not have yet; from now on it counts as logged.

        Returns:
            Some of "user" and "system" (key to value), "reports" (pairs of step and value) and
            "params" (True: all parameters are to be written again).
        """
        content: dict[str, Any] = self._unlogged or {}
        self._unlogged = None
        self.is_due = False
        if "reports" in content:
            content["reports"] = list(content["reports"].items())
        if self._logged_params != len(self.internal):
            content["params"] = True
            self._logged_params = len(self.internal)
        return content

    def put_back(self, content: dict[str, Any]) -> None:
        """Undo a `take` whose content, as an event has it, could not be written."""
        if "x" in content:
            self._logged_params = -1
        newer = self._unlogged or {}
        for kind in ("user", "system", "reports"):
            if kind in content:
                newer[kind] = {**dict(content[kind]), **newer.get(kind, {})}
        self._unlogged = newer or None

    def merge(self, event: dict[str, Any]) -> None:
        """Take over attributes and reports of an event from the log."""
        self.user.update(event.get("user", ()))
        self.system.update(event.get("system", ()))
        self.reports.update(event.get("reports", ()))

    def put_params(self, names: Any, dists: Any, values: Any) -> None:
        """Take over the parameters of an event from the log."""
        self.internal = dict(zip(names, values, strict=True))
        self.dists = dict(zip(names, dists, strict=True))
        self._logged_params = len(self.internal)
