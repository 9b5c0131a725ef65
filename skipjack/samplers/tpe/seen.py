"""What has been tried, so that discrete spaces are not searched twice: a fold over the history."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple, final

from skipjack.records.history import History
from skipjack.records.space import Choices, Space

ENUMERABLE = 4096  # points of a space that is searched to the last one


def point_of(values: Mapping[str, float]) -> int:
    """A number that equal points share, whatever the order of their parameters."""
    return hash(frozenset(values.items()))


@final
class SeenFold:
    """Keeps the points of all trials; two of them are not the same, so use one."""

    def start(self, history: History) -> set[int]:
        """No trials yet."""
        return set()

    def extend(self, state: set[int], history: History, first: int, last: int) -> set[int]:
        """Take in rows."""
        for row in range(first, last):
            layout, values = history.internal(row)
            point = dict(zip(layout.names, values, strict=True))
            state.add(point_of(history.choices.united(point, layout.by_name)))
        return state


class Seen(NamedTuple):
    """Points of a space that finished trials had, and those that running ones have."""

    finished: set[int]
    running: set[int]
    space: Space
    choices: Choices

    def has(self, values: Mapping[str, float]) -> bool:
        """Whether a point of the space has been tried, or is being."""
        point = point_of(self.choices.united(values, self.space))
        return point in self.finished or point in self.running


def all_points(space: Space) -> Iterator[dict[str, float]]:
    """Every point of a finite space, as internal values."""
    cells = space.cells.astype(int).tolist()
    for places in itertools.product(*(range(k) for k in cells)):
        yield {
            name: dist.at((i + 0.5) / k)
            for (name, dist), i, k in zip(space.items(), places, cells, strict=True)
        }
