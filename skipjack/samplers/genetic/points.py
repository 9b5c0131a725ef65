"""Which children have been there before: of discrete spaces, and of conditional ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import numpy as np

from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.samplers.tpe.seen import SeenFold, point_of

_LAYOUTS = 64  # more are not looked at, as there are new ones in every trial


def repeatable(history: History, space: Space) -> list[tuple[str, ...]]:
    """What trials had together, inside `space`, where a child may easily be as one of them.

    That is when parameters have few values, or are there in some trials only: what is changed may
    not be there. For each way of being there a list of names.
    """
    known = {layout.names for layout in history.layouts if layout.names}
    if (len(known) == 1 and np.isinf(space.cells).any()) or len(known) > _LAYOUTS:
        return []
    return [names for names in known if all(name in space for name in names)]


@final
class Points:
    """Points that trials have, of `repeatable` kinds."""

    def __init__(
        self, history: History, space: Space, parts: list[tuple[str, ...]], trial: int
    ) -> None:
        """Of all trials but `trial`, also those that run."""
        self._finished = history.derived(SeenFold())
        self._parts = parts
        self._unite = history.choices.united
        self._space = space
        self._running = {
            point_of({name: known[name] for name in names})
            for known in history.running(trial)
            for names in parts
            if all(name in known for name in names)
        }

    def has(self, values: Mapping[str, float]) -> bool:
        """Whether a trial with these values would be like one before."""
        united = self._unite(values, self._space)
        for names in self._parts:
            point = point_of({name: united[name] for name in names})
            if point in self._finished or point in self._running:
                return True
        return False
