"""What the choice of a method depends on, read from the history."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, TypeAlias, final

import numpy as np

from skipjack.distributions import CategoricalDistribution
from skipjack.records.attributes import FIXED
from skipjack.records.history import History
from skipjack.records.states import TrialState
from skipjack.samplers.auto import noise, workers
from skipjack.samplers.auto.incumbent import KNOWN
from skipjack.samplers.generations.axes import Common, Shared

PREFIX = "auto/"
_WINDOW, _LATEST = 150, 30
_UNKNOWN = 0.5
_COMPLETE = int(TrialState.COMPLETE)
_COMMON = Common(pruned=True)

Results: TypeAlias = deque[tuple[tuple[float, float], str]]


class Facts(NamedTuple):
    """What is known of a study.

    Attributes:
        told: Trials that are complete or were pruned.
        rows: Finished trials of any kind.
        d: Parameters with more than one value, those of some trials only included.
        objectives: How many there are.
        running: Other trials that run now.
        conditional: Whether some trials lack parameters, or had them with other ranges.
        choices: Whether a parameter is categorical.
        discrete: The share of parameters that have no more than a hundred values.
        constrained: Whether there are constraints.
        noisy: Whether equal parameters give different values, as the user says or as was seen, or
            near neighbours values that have little to do with each other.
        noisy_since: The row from which on CMA-ES goes by this.
        crew: From which row on how many trials ran at once, as far as CMA-ES is concerned.
        stalled: Finished trials since the best one.
    """

    told: int
    rows: int
    d: int
    objectives: int
    running: int
    conditional: bool
    choices: bool
    discrete: float
    constrained: bool
    noisy: bool
    noisy_since: int = 0
    crew: workers.Crew = workers.ALONE
    stalled: int = 0


def facts(history: History, trial: int, noisy: bool | None = None) -> Facts:
    """What is known when `trial` begins.

    Args:
        history: The finished trials.
        trial: Its number.
        noisy: What the user says of noise; None: nothing.
    """
    space = history.space
    free = [dist for dist in space.values() if not dist.single()]
    shared: Shared = history.derived(_COMMON)
    n_shared = 0 if shared.axes is None else len(shared.axes)
    others = history.open if history.others is None else history.others
    running = 0
    if others:
        drafts = list(others.items())
        running = sum(n != trial and d.state is TrialState.RUNNING for n, d in drafts)
    known = history.derived(KNOWN)
    verdict = noise.Verdict(0, noisy is True)
    if noisy is None:
        verdict, _ = history.derived(noise.VERDICT)
        if known.differs and not verdict.noisy:
            verdict = noise.Verdict(known.differs, True)
    return Facts(
        told=history.counts[TrialState.COMPLETE] + history.counts[TrialState.PRUNED],
        rows=len(history),
        d=len(free),
        objectives=len(history.signs),
        running=running,
        conditional=n_shared < len(free),
        choices=any(isinstance(dist, CategoricalDistribution) for dist in free),
        discrete=float(np.mean(space.cells <= 100)) if free else 0.0,
        constrained=bool(history.constraint_keys),
        noisy=verdict.noisy,
        noisy_since=verdict.since,
        crew=history.derived(workers.CREW).crew,
        stalled=len(history) - known.improved,
    )


@final
class _Credits:
    """Keeps the latest results of one objective, and which method proposed them."""

    def start(self, history: History) -> Results:
        """No trials yet."""
        return deque(maxlen=_WINDOW)

    def extend(self, state: Results, history: History, first: int, last: int) -> Results:
        """Take in new trials."""
        for row in range(max(first, last - _WINDOW), last):
            if int(history.states[row]) == _COMPLETE:
                found = float(history.violation[row]), float(history.losses[row, 0])
                state.append((found, method_of(history, row)))
        return state


_CREDITS = _Credits()


def method_of(history: History, row: int) -> str:
    """Which method proposed a trial; empty if the user gave its parameters, or others did."""
    by = history.samplers[int(history.by[row])]
    if not by.startswith(PREFIX) or FIXED in history.attrs.get(row, ({}, {}))[1]:
        return ""
    return by.removeprefix(PREFIX).partition(":")[0]


def credits_of(history: History, methods: tuple[str, ...]) -> dict[str, float]:
    """How well each method did: of its latest results the mean share of all that are worse.

    A half where there are none. A trial whose parameters the user gave is nobody's.
    """
    kept: Results = history.derived(_CREDITS)
    latest = list(kept)
    order = sorted(range(len(latest)), key=lambda i: latest[i][0])
    better: list[float] = [0.0] * len(latest)
    for rank, i in enumerate(order):
        better[i] = 1 - (rank + 0.5) / len(latest)
    found = {}
    for method in methods:
        own = [better[i] for i, (_, by) in enumerate(latest) if by == method][-_LATEST:]
        found[method] = sum(own) / len(own) if own else _UNKNOWN
    return found
