"""What is known of a trial before it has finished, and what of that is not yet in the log."""

from __future__ import annotations

from typing import Any

from skipjack.distributions import BaseDistribution
from skipjack.records.states import TrialState

_NOTHING: dict[Any, Any] = {}


class Draft:
    """A trial that waits or runs. Mutable: the trial's worker writes here first (the buffer).

    What is shown is what the log says, overlaid with what this process has yet to write.

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
        "_hidden",
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
        self._logged_params = 0  # so many of `internal` are in the log; the others come after them
        self._unlogged: dict[str, dict[Any, Any]] = _NOTHING  # kind -> key -> value
        self._hidden: dict[tuple[str, Any], Any] = _NOTHING  # (kind, key) -> value in the log

    @property
    def params(self) -> dict[str, Any]:
        """The suggested values as the user sees them, a fresh dict."""
        dists = self.dists
        # The items first, at once, since another thread may be about to add one.
        items = list(self.internal.items())
        return {name: dists[name].to_external_repr(value) for name, value in items}

    @property
    def known(self) -> dict[str, float]:
        """Internal values that the trial has or is going to have, as far as one can know."""
        return {**self.proposal, **self.internal} if self.proposal else self.internal

    # -------------------------------------------------------------------------------- buffer

    def suggest(self, name: str, dist: BaseDistribution, value: float) -> None:
        """Note that `name` was suggested from `dist` as the internal value `value`."""
        self.dists[name] = dist
        self.internal[name] = value

    def note(self, kind: str, key: Any, value: Any) -> None:
        """Note a report (`kind` "reports": step, value) or an attribute ("user" or "system")."""
        shown = getattr(self, kind)
        if not self._unlogged:
            self._unlogged, self._hidden = {}, {}
        noted = self._unlogged.setdefault(kind, {})
        if key in shown and key not in noted:
            self._hidden[kind, key] = shown[key]
        shown[key] = noted[key] = value

    @property
    def has_new_params(self) -> bool:
        """Whether parameters were suggested that the log does not have."""
        return self._logged_params != len(self.internal)

    @property
    def is_dirty(self) -> bool:
        """Whether anything was noted that the log does not have."""
        return bool(self._unlogged) or self.has_new_params

    def unlogged(self) -> dict[str, Any]:
        """The attributes and reports that the log does not have yet, as the content of an event."""
        content: dict[str, Any] = dict(self._unlogged)
        if "reports" in content:
            content["reports"] = list(content["reports"].items())
        return content

    def settle(self) -> None:
        """From now on everything counts as logged."""
        self._unlogged = self._hidden = _NOTHING
        self._logged_params = len(self.internal)

    def discard(self) -> None:
        """Take back what the log does not have, for it is too late to write it."""
        for kind, noted in self._unlogged.items():
            shown = getattr(self, kind)
            for key in noted:
                if (kind, key) in self._hidden:
                    shown[key] = self._hidden[kind, key]
                else:
                    del shown[key]
        for name in list(self.internal)[self._logged_params :]:
            del self.internal[name], self.dists[name]
        self.settle()

    # ----------------------------------------------------------------------------------- log

    def merge(self, event: dict[str, Any]) -> None:
        """Take over attributes and reports of an event from the log."""
        for kind in ("user", "system", "reports"):
            given = event.get(kind)
            if not given:
                continue
            shown, noted = getattr(self, kind), self._unlogged.get(kind, _NOTHING)
            for key, value in dict(given).items():
                if key in noted:
                    self._hidden[kind, key] = value
                else:
                    shown[key] = value

    def put_params(self, names: Any, dists: Any, values: Any) -> None:
        """Take over the parameters of an event from the log."""
        shown, of = self.internal, self.dists
        logged = list(shown)[: self._logged_params]
        self.internal = {name: shown[name] for name in logged}
        self.dists = {name: of[name] for name in logged}
        self.internal.update(zip(names, values, strict=True))
        self.dists.update(zip(names, dists, strict=True))
        self._logged_params = len(self.internal)
        for name in shown:  # those not logged stay behind the others
            self.internal.setdefault(name, shown[name])
            self.dists.setdefault(name, of[name])
