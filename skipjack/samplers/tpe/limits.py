"""Constraints modelled one by one: which trials keep each of them, a fold over the history.

Source: S. Watanabe, F. Hutter, "c-TPE: tree-structured Parzen estimator with inequality constraints
    for expensive hyperparameter optimization", IJCAI 2023, doi:10.24963/ijcai.2023/486.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from skipjack.records.history import History
from skipjack.records.states import TrialState
from skipjack.samplers.tpe.groups import Split

_KEPT = 64  # trials on either side of a constraint: the newest


@final
class Side:
    """The newest trials on one side of a constraint, and how many there are."""

    def __init__(self) -> None:
        self.n = 0
        self.rows: deque[int] = deque(maxlen=_KEPT)

    def add(self, row: int) -> None:
        """Take in one more."""
        self.n += 1
        self.rows.append(row)


@final
@dataclass
class Limit:
    """One constraint.

    Attributes:
        inside: The trials that keep it.
        outside: The others.
    """

    inside: Side
    outside: Side

    def split(self) -> Split:
        """The newest trials that keep it, and the newest that do not, which stand for all."""
        good, bad = (np.array(side.rows, np.intp) for side in (self.inside, self.outside))
        weight = self.outside.n / len(bad)
        return Split(good[::-1], 0, bad, np.full(len(bad), weight), self.outside.n)


@final
class LimitsFold:
    """Keeps a `Limit` for each constraint; two of them are not the same, so use one."""

    def start(self, history: History) -> dict[int, Limit]:
        """No constraint yet."""
        return {}

    def extend(
        self, state: dict[int, Limit], history: History, first: int, last: int
    ) -> dict[int, Limit]:
        """Take in the trials that completed or were pruned."""
        states = history.states[first:last].tolist()
        told = (int(TrialState.COMPLETE), int(TrialState.PRUNED))
        for row, values in enumerate(history.constraints[first:last].tolist(), start=first):
            if states[row - first] not in told:
                continue
            for k, value in enumerate(values):
                if value == value:
                    limit = state.setdefault(k, Limit(Side(), Side()))
                    (limit.inside if value <= 0 else limit.outside).add(row)
        return state


_LIMITS = LimitsFold()


def parts(history: History) -> Iterator[tuple[int, Split, float]]:
    """For each constraint that trials have kept and violated, both kinds, and the share kept."""
    for k, limit in history.derived(_LIMITS).items():
        kept, violated = limit.inside.n, limit.outside.n
        if kept and violated:
            yield k, limit.split(), kept / (kept + violated)
