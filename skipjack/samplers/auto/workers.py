"""How many trials run at once, from when those that have finished began and ended.

A trial during which four others end runs beside four others, more or less. The numbers in the log
are all that this depends on, so every process comes to the same answer.
"""

from __future__ import annotations

from collections import deque
from itertools import takewhile
from typing import NamedTuple, final

from skipjack.records.history import History

_WINDOW = 32  # trials that are looked at
_FIRST_LOOK = 10  # finished trials; then at twice as many each time
_LONGEST = 512  # trials that may end during one
_GROWN = 1.5  # a population is changed if so many times as many run


class Crew(NamedTuple):
    """How many trials run at once.

    Attributes:
        since: The row from which on this is taken to be so.
        size: The number, at least 1.
    """

    since: int
    size: int


ALONE = Crew(0, 1)


@final
class CrewFold:
    """Keeps `Watch` of a study."""

    def start(self, history: History) -> Watch:
        """No trials yet."""
        return Watch()

    def extend(self, state: Watch, history: History, first: int, last: int) -> Watch:
        """Take in trials, one by one."""
        starts, ends = history.start[first:last].tolist(), history.end[first:last].tolist()
        for row, start, end in zip(range(first, last), starts, ends, strict=True):
            state.note(row, start, end)
        return state


@final
class Watch:
    """Looks at 10, 20, 40, ... finished trials whether more run at once than was thought.

    Attributes:
        crew: What is thought.
    """

    def __init__(self) -> None:
        self.crew = ALONE
        self._ends: deque[float] = deque(maxlen=_LONGEST)
        self._beside: deque[int] = deque(maxlen=_WINDOW)
        self._next_look = _FIRST_LOOK

    def note(self, row: int, start: float, end: float) -> None:
        """Take in a trial."""
        if start == start and end == end:
            # In the order of the log, which is that of the ends where all clocks agree.
            self._beside.append(sum(1 for _ in takewhile(start.__lt__, reversed(self._ends))))
            self._ends.append(end)
        if row + 1 < self._next_look:
            return
        self._next_look *= 2
        size = 1 + sorted(self._beside)[len(self._beside) // 2] if self._beside else 1
        if size >= _GROWN * self.crew.size:
            self.crew = Crew(row + 1, size)


CREW = CrewFold()
