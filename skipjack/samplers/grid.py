"""Every combination of given values, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from skipjack.distributions import BaseDistribution, CategoricalDistribution
from skipjack.errors import InvalidValueError, invalid, wrong_type
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.records.states import TrialState
from skipjack.rng import Stream
from skipjack.samplers.base import Exhausted, ModelSampler, StudyView
from skipjack.samplers.grid_cells import Digits, Grid, Visited, Visits

GridValueType: TypeAlias = str | float | int | bool | None

_MOST = 2**62


class GridSampler(ModelSampler):
    """Tries every combination of given values once, in shuffled order.

    `Study.optimize` ends when all combinations were tried: by a trial that is COMPLETE, PRUNED or
    FAIL, whoever proposed it, or by one that still runs elsewhere. Who asks for more trials by
    `Study.ask` gets combinations again. A trial that is enqueued with some of the values gets the
    others from a combination that has those.

    The order depends on the seed alone; how many combinations there are does not matter.

    Args:
        search_space: The values of each parameter; None, bool, int, float or str. Values that are
            the same count once; 1, True and 1.0 are not the same.
        seed: Of the order; None: each study has its own.

    Raises:
        TypeError: If `search_space` is not a mapping of names to values.
        ValueError: If a parameter has no values, or there are more than 2**62 combinations.
            From `suggest_*`: if the grid lacks the parameter, or its value lies outside the
            distribution that was asked for.

    Cost: Independent of how many trials there were. Up to 65,536 combinations are put in order
        at the first trial; beyond, 4,096 at a time.
    """

    def __init__(
        self, search_space: Mapping[str, Sequence[GridValueType]], seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self._grid = Grid(_checked(search_space))
        if self._grid.cells > _MOST:
            raise invalid(
                "search_space",
                "have at most 2**62 combinations",
                self._grid.cells,
                "RandomSampler has no such limit.",
            )
        self.purpose = f"grid:{self._grid.digest}"

    def is_exhausted(self, study: StudyView) -> bool:
        """Whether finished trials of `study` were at every combination."""
        visited = self._visited(study.history, study.seed if self._seed is None else self._seed)
        return len(visited.cells) == self._grid.cells

    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """Values of a cell that nobody was at, compatible with `given`.

        From the space of all trials before, what the grid or today's range lacks is left out: the
        trial may not ask for it. See `ModelSampler.propose`.

        Raises:
            InvalidValueError: If `space` is the one parameter that the trial asks for now, and
                the grid has no value for it.
        """
        visited = self._visited(history, stream.seed)
        cell, is_new = self._cell(visited, history, space, stream, given)
        digits = self._grid.digits_of(cell)
        proposed: dict[str, float] = {}
        for name, dist in space.items():
            if name in given:
                proposed[name] = given[name]
                continue
            value = None
            if name in self._grid.names:
                j = self._grid.names.index(name)
                value = self._grid.internal(j, digits[j], dist)
            if value is not None:
                proposed[name] = value
            elif len(space) == 1 and space is not history.space:
                raise self._misfit(name, dist, digits)
        return proposed if is_new else Exhausted(proposed)

    def _misfit(
        self, name: str, dist: BaseDistribution, digits: tuple[int, ...]
    ) -> InvalidValueError:
        j = self._grid.index(name)
        value = self._grid.values[j][digits[j]]
        return invalid(f"search_space[{name!r}]", f"hold values of {dist!r} only", value)

    def _visited(self, history: History, seed: int) -> Visited:
        return history.derived(Visits(self._grid, seed, self.purpose))

    def _cell(
        self,
        visited: Visited,
        history: History,
        space: Space,
        stream: Stream,
        given: Mapping[str, float],
    ) -> tuple[int, bool]:
        """A cell for this trial, and whether it is one that nobody is or was at."""
        own = history.open.get(stream.trial)
        must, _ = self._digits(given, own.dists if own else {}, space, history.space)
        planned = must
        if own is not None and own.proposal:
            known, _ = self._digits(own.known, own.dists, history.space)
            planned = tuple(k if m is None else m for m, k in zip(must, known))
        taken = self._taken(visited, history, stream.trial)
        for fixed in dict.fromkeys((planned, must)):
            cell = visited.first(fixed, taken)
            if cell is not None:
                return cell, True
        at = [int(u * size) for u, size in zip(stream.uniform(len(must)), self._grid.sizes)]
        anyone = self._grid.cell_of(a if m is None else m for m, a in zip(must, at))
        cell = visited.first(must, ()) if anyone in visited.cells else anyone
        return (anyone if cell is None else cell), False

    def _taken(self, visited: Visited, history: History, number: int) -> set[int]:
        """The cells of other trials that run.

        Where a cell is not known yet because not all was suggested, it is the one that the trial
        is going to be given; of two such trials, the one with the lower number chooses first.
        """
        taken: set[int] = set()
        unsettled: list[tuple[int, Digits]] = []
        for other, draft in list(history.open.items()):
            if draft.state is not TrialState.RUNNING or other == number:
                continue
            digits, on_grid = self._digits(draft.known, draft.dists, history.space)
            if not on_grid:
                continue
            if None not in digits:
                taken.add(self._grid.cell_of(digit for digit in digits if digit is not None))
            elif other < number and draft.by in ("", self.purpose):
                unsettled.append((other, digits))
        for _, digits in sorted(unsettled, key=itemgetter(0)):
            cell = visited.first(digits, taken)
            if cell is not None:
                taken.add(cell)
        return taken

    def _digits(
        self, known: Mapping[str, float], *spaces: Mapping[str, BaseDistribution]
    ) -> tuple[Digits, bool]:
        """Which values of the grid the known internal ones are, and whether all of them are any.

        Args:
            known: Internal values.
            spaces: Where to look for their distributions, the first that has one counts.
        """
        digits = list(self._grid.nothing)
        on_grid = True
        for j, name in enumerate(self._grid.names):
            if name in known:
                dist = next((space[name] for space in spaces if name in space), None)
                found = self._grid.table(j, dist).get(known[name]) if dist is not None else None
                digits[j] = found[0] if found else None
                on_grid = on_grid and bool(found)
        return tuple(digits), on_grid


def _checked(search_space: Mapping[str, Sequence[Any]]) -> dict[str, CategoricalDistribution]:
    """The values of each parameter without repetition."""
    if not isinstance(search_space, Mapping):
        raise wrong_type("search_space", "be a mapping of names to values", search_space)
    checked = {}
    for name, values in search_space.items():
        if not isinstance(name, str):
            raise wrong_type("search_space", "have str as names", name)
        if not isinstance(values, Iterable):
            raise wrong_type(f"search_space[{name!r}]", "be a sequence of values", values)
        listed = list(values)
        if not listed:
            raise invalid(f"search_space[{name!r}]", "have at least one value", values)
        given = CategoricalDistribution(listed)
        once = [c for i, c in enumerate(given.choices) if given.to_internal_repr(c) == i]
        checked[name] = given if len(once) == len(listed) else CategoricalDistribution(once)
    return checked
