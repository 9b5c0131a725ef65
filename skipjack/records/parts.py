"""Parts of a history, each a history of its own: a fold."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import final

from skipjack.records.history import History
from skipjack.records.thaw import draft_of


@final
@dataclass(frozen=True)
class Parts:
    """Keeps the parts of a history.

    Attributes:
        name: What they are, so that the same ones are kept once.
        part: From the number of a trial, the name of its part.
    """

    name: Hashable
    part: Callable[[int], Hashable] = field(compare=False)

    def start(self, history: History) -> dict[Hashable, History]:
        """No trials yet."""
        return {}

    def extend(
        self, state: dict[Hashable, History], history: History, first: int, last: int
    ) -> dict[Hashable, History]:
        """Copy rows, each into its part."""
        numbers, ends = history.numbers[first:last].tolist(), history.end[first:last].tolist()
        for row, (number, end) in enumerate(zip(numbers, ends, strict=True), start=first):
            part = state.setdefault(self.part(number), History(history.signs))
            layout, _ = history.internal(row)
            told = {
                "state": int(history.states[row]),
                "values": history.user_values(row),
                "time": end,
            }
            part.append(draft_of(history, row), part.layout(layout.names, layout.dists), told)
        return state

    def of(self, history: History, number: int) -> History:
        """The part that a trial belongs to."""
        name = self.part(number)
        part = history.derived(self).setdefault(name, History(history.signs))
        part.open = {n: d for n, d in list(history.open.items()) if self.part(n) == name}
        if history.others is not None:
            part.others = {n: d for n, d in history.others.items() if n in part.open}
        return part
