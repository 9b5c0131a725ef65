"""What is known of a trial before it has finished, and what of that is not yet in the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skipjack.distributions import BaseDistribution
from skipjack.records.curves import Metrics, from_content, in_content
from skipjack.records.states import TrialState

_NOTHING: dict[Any, Any] = {}
_NO_METRICS = Metrics()


class Draft:
    """A trial that waits or runs. Mutable: the trial's worker writes here first (the buffer).

    What is shown is what the log says, overlaid with what this process has yet to write.

    Attributes:
        internal: Internal values suggested so far, by name in the order of suggestion.
        dists: Their distributions.
        proposal: Internal values drawn for the trial, suggested already or not.
        proposed_from: Their distributions.
        reports: Values by step; with several objectives lists of them.
        metrics: What was logged by name.
        start: Seconds since the epoch, None while the trial waits.
        deadline: Until when its result is waited for, in seconds since the epoch; None: for ever.
        worker: Who runs it; None when nobody holds a lease on it (a bare `ask()`, or waiting).
        is_due: Whether the buffer is going to be written soon.
        seen, by: The log position that the proposal was made from, and its sampler.
    """

    __slots__ = (
        "_hidden",
        "_logged_params",
        "_unlogged",
        "by",
        "deadline",
        "dists",
        "internal",
        "is_due",
        "metrics",
        "number",
        "proposal",
        "proposed_from",
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
        self.deadline: float | None = None
        self.internal: dict[str, float] = {}
        self.dists: dict[str, BaseDistribution] = {}
        self.proposal: dict[str, float] = {}
        self.proposed_from: Mapping[str, BaseDistribution] = _NOTHING
        self.reports: dict[int, Any] = {}
        self.metrics = _NO_METRICS
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
        """Note something that is new.

        Args:
            kind: "reports" (`key` is the step), "metrics" (name and step), "user" or "system".
            key: Under what.
            value: What.
        """
        shown = self._of(kind)
        if not self._unlogged:
            self._unlogged, self._hidden = {}, {}
        noted = self._unlogged.setdefault(kind, {})
        if key in shown and key not in noted:
            self._hidden[kind, key] = shown[key]
        shown[key] = noted[key] = value

    def _of(self, kind: str) -> Any:
        """What is shown of a kind, to be written to."""
        if kind == "metrics" and not self.metrics:
            self.metrics = Metrics()
        return getattr(self, kind)

    @property
    def has_new_params(self) -> bool:
        """Whether parameters were suggested that the log does not have."""
        return self._logged_params != len(self.internal)

    @property
    def is_dirty(self) -> bool:
        """Whether anything was noted that the log does not have."""
        return bool(self._unlogged) or self.has_new_params

    def unlogged(self) -> dict[str, Any]:
        """What was noted and the log does not have yet, as the content of an event."""
        content: dict[str, Any] = dict(self._unlogged)
        if "reports" in content:
            content["reports"] = list(content["reports"].items())
        if "metrics" in content:
            content["metrics"] = in_content(content["metrics"])
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

    def logged(self) -> Draft:
        """A copy that has only what the log has."""
        made = Draft(self.number, self.state, self.start, self.worker)
        made.proposal, made.seen, made.by = self.proposal, self.seen, self.by
        made.proposed_from = self.proposed_from
        for name in ("internal", "dists", "reports", "metrics", "user", "system"):
            setattr(made, name, getattr(self, name).copy())
        made._logged_params = self._logged_params
        made._unlogged, made._hidden = self._unlogged, self._hidden
        made.discard()
        return made

    # ----------------------------------------------------------------------------------- log

    def merge(self, event: dict[str, Any]) -> None:
        """Take over attributes and reports of an event from the log."""
        for kind in ("user", "system", "reports", "metrics"):
            given = event.get(kind)
            if not given:
                continue
            shown, noted = self._of(kind), self._unlogged.get(kind, _NOTHING)
            content = from_content(given) if kind == "metrics" else dict(given)
            for key, value in content.items():
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
