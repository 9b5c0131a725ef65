"""The cells of a grid, a shuffled order of them, and which of them trials have visited."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import product
from math import prod
from typing import TypeAlias, cast, final

import numpy as np
import numpy.typing as npt

from skipjack.distributions import BaseDistribution, CategoricalDistribution
from skipjack.errors import invalid
from skipjack.records.history import History, Layout
from skipjack.records.space import BoolArray, IntArray
from skipjack.rng import stream

WordArray: TypeAlias = npt.NDArray[np.uint64]
Digits: TypeAlias = tuple[int | None, ...]  # of each parameter which value, None if not known
Table: TypeAlias = dict[float, tuple[int, ...]]  # internal value to the values of the grid it is

_FIXED = "fixed_params"  # the system attribute that an enqueued trial has
_LISTED = 2**16  # so many cells are put in order at once; more are searched in blocks
_BLOCK = 2**12
_PASSED = 64
_FRONTS_KEPT = 256


@final
class Grid:
    """The values, and numbers for their combinations (cells), in mixed radix."""

    def __init__(self, values: Mapping[str, CategoricalDistribution]) -> None:
        self.names = tuple(values)
        self.values = tuple(dist.choices for dist in values.values())
        self.sizes = tuple(map(len, self.values))
        self.cells = prod(self.sizes)
        self.strides = tuple(prod(self.sizes[j + 1 :]) for j in range(len(self.sizes)))
        self.nothing: Digits = (None,) * len(self.sizes)
        self._key = tuple(values.items())
        self._hash = hash(self._key)
        self._tables: dict[tuple[int, BaseDistribution], Table] = {}

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and self._key == other._key

    @property
    def digest(self) -> str:
        """A short word that tells grids apart, the same in every process."""
        content = repr(list(zip(self.names, self.values))).encode("utf-8", "surrogatepass")
        return blake2b(content, digest_size=4).hexdigest()

    def index(self, name: str) -> int:
        """Which parameter `name` is.

        Raises:
            InvalidValueError: If the grid does not have it.
        """
        if name not in self.names:
            known = ", ".join(map(repr, self.names)) or "no parameter"
            raise invalid("name", f"be a parameter of the grid ({known})", name)
        return self.names.index(name)

    def internal(self, j: int, digit: int, dist: BaseDistribution) -> float | None:
        """A value of parameter `j` as an internal one, None if `dist` does not have it."""
        try:
            value = dist.to_internal_repr(self.values[j][digit])
        except (ValueError, TypeError):
            return None
        return value if dist._contains(value) else None

    def table(self, j: int, dist: BaseDistribution) -> Table:
        """The values of parameter `j` that can be told from internal values of `dist`.

        One internal value may be several values of the grid: 1.0 is 1 and True.
        """
        found = self._tables.get((j, dist))
        if found is None:
            if len(self._tables) >= 1024:  # ranges that change with every trial
                self._tables.clear()
            found = self._tables[j, dist] = {}
            for digit, value in enumerate(self.values[j]):
                try:
                    internal = dist.to_internal_repr(value)
                except (ValueError, TypeError):
                    continue
                found[internal] = (*found.get(internal, ()), digit)
        return found

    def digits_of(self, cell: int) -> tuple[int, ...]:
        """Which value of each parameter a cell has."""
        return tuple(cell // stride % size for stride, size in zip(self.strides, self.sizes))

    def cell_of(self, digits: Iterable[int]) -> int:
        """The cell of these values."""
        return sum(digit * stride for digit, stride in zip(digits, self.strides))

    def count(self, fixed: Digits) -> int:
        """How many cells have these values."""
        return prod(size for size, digit in zip(self.sizes, fixed) if digit is None)

    def cells_with(self, fixed: Digits) -> IntArray:
        """All cells that have these values, shape (k,)."""
        cells = np.zeros(1, np.int64)
        for digit, stride, size in zip(fixed, self.strides, self.sizes):
            digits = np.arange(size) if digit is None else np.array([digit])
            cells = (cells[:, None] + digits * stride).ravel()
        return cells

    def have(self, cells: IntArray, fixed: Digits) -> BoolArray:
        """Which of `cells` have these values, shape (k,)."""
        matches = np.ones(len(cells), bool)
        for digit, stride, size in zip(fixed, self.strides, self.sizes):
            if digit is not None:
                matches &= cells // stride % size == digit
        return matches


@final
class Order:
    """A shuffled order of 0 ... n - 1 that is computed, not stored.

    A balanced Feistel network is a permutation of the numbers of 2h bits; what it maps outside
    0 ... n - 1 is mapped again until it lies inside.

    Source: J. Black, P. Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002,
        doi:10.1007/3-540-45760-7_9 (cycle walking); the mixing is that of SplitMix64.
    """

    def __init__(self, n: int, seed: int) -> None:
        self.n = n
        self._half = np.uint64(max(1, ((n - 1).bit_length() + 1) // 2))
        self._mask = (np.uint64(1) << self._half) - np.uint64(1)
        self._keys = stream(seed, 0, "grid order").words(4)

    def cells(self, places: IntArray) -> IntArray:
        """What stands at these places, shape (k,)."""
        return self._walk(places, forward=True)

    def places(self, cells: IntArray) -> IntArray:
        """Where these numbers stand, shape (k,)."""
        return self._walk(cells, forward=False)

    def _walk(self, numbers: IntArray, forward: bool) -> IntArray:
        found = self._permute(numbers.astype(np.uint64), forward)
        while (outside := np.flatnonzero(found >= self.n)).size:
            found[outside] = self._permute(found[outside], forward)
        return found.astype(np.int64)

    def _permute(self, x: WordArray, forward: bool) -> WordArray:
        left, right = x >> self._half, x & self._mask
        for key in self._keys if forward else self._keys[::-1]:
            if forward:
                left, right = right, left ^ self._mixed(right, key)
            else:
                left, right = right ^ self._mixed(left, key), left
        return cast(WordArray, (left << self._half) | right)

    def _mixed(self, x: WordArray, key: np.uint64) -> WordArray:
        z = x ^ key
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return cast(WordArray, (z ^ (z >> np.uint64(31))) & self._mask)


@final
class Front:
    """The cells of certain values, in order, without those at the beginning that are visited."""

    def __init__(self, grid: Grid, order: Order, fixed: Digits) -> None:
        self._cells: deque[int] = deque()
        self._blocks: Iterator[list[int]]
        if grid.count(fixed) <= _LISTED:
            cells = grid.cells_with(fixed)
            self._blocks = iter([cells[np.argsort(order.places(cells))].tolist()])
        else:
            self._blocks = _in_blocks(grid, order, fixed)

    def first(self, visited: Collection[int], taken: Collection[int]) -> int | None:
        """The first cell that is neither visited nor taken, None if there is none."""
        cells = self._cells
        while cells and cells[0] in visited:
            cells.popleft()
        for passed, cell in enumerate(cells):
            if cell not in visited and cell not in taken:
                if passed > _PASSED:  # a trial that does not end holds the first ones
                    self._cells = deque(c for c in cells if c not in visited)
                return cell
        for block in self._blocks:
            new = [cell for cell in block if cell not in visited]
            cells.extend(new)
            for cell in new:
                if cell not in taken:
                    return cell
        return None


def _in_blocks(grid: Grid, order: Order, fixed: Digits) -> Iterator[list[int]]:
    for begin in range(0, grid.cells, _BLOCK):
        cells = order.cells(np.arange(begin, min(begin + _BLOCK, grid.cells)))
        yield cells[grid.have(cells, fixed)].tolist()


@final
class Visited:
    """Which cells finished trials were at."""

    def __init__(self, grid: Grid, seed: int) -> None:
        self.cells: set[int] = set()
        self.plans: dict[int, list[tuple[int, int, Table]]] = {}  # by layout
        self._grid = grid
        self._order = Order(grid.cells, seed)
        self._fronts: dict[Digits, Front] = {}

    def first(self, fixed: Digits, taken: Collection[int]) -> int | None:
        """The first cell, in shuffled order, of these values that is not visited nor taken."""
        if None not in fixed:
            only = self._grid.cell_of(digit for digit in fixed if digit is not None)
            return None if only in self.cells or only in taken else only
        front = self._fronts.get(fixed)
        if front is None:
            if len(self._fronts) >= _FRONTS_KEPT:
                del self._fronts[next(iter(self._fronts))]
            front = self._fronts[fixed] = Front(self._grid, self._order, fixed)
        return front.first(self.cells, taken)


@final
class Visits:
    """The fold that keeps `Visited`."""

    def __init__(self, grid: Grid, seed: int, by: str) -> None:
        """Of `grid` in the order of `seed`; `by` is what the history calls its sampler."""
        self._grid = grid
        self._seed = seed
        self._by = by

    def __hash__(self) -> int:
        return hash((self._grid, self._seed))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Visits):
            return False
        return (self._grid, self._seed) == (other._grid, other._seed)

    def start(self, history: History) -> Visited:
        """No cell."""
        return Visited(self._grid, self._seed)

    def extend(self, state: Visited, history: History, first: int, last: int) -> Visited:
        """Add the cells of trials that have all values of one, whoever chose them.

        A trial that we proposed and that ended before it asked for all parameters, or did not
        need them, stands for one cell: the next one with the values that it has. Alone, that is
        the very cell it was to go to.
        """
        for row in range(first, last):
            layout, values = history.internal(row)
            plan = state.plans.get(layout.index)
            if plan is None:
                plan = state.plans[layout.index] = [
                    (j, k, self._grid.table(j, layout.dists[k]))
                    for j, name in enumerate(self._grid.names)
                    for k in _place(layout, name)
                ]
            found = [table.get(values[k], ()) for _, k, table in plan]
            if len(found) == len(self._grid.names):
                state.cells.update(map(self._grid.cell_of, product(*found)))
            if len(found) == len(self._grid.names) and all(found):
                continue
            ours = history.samplers[history.by[row]] == self._by
            if ours and _FIXED not in history.attrs.get(row, ({}, {}))[1]:
                fixed = list(self._grid.nothing)
                for (j, _, _), digits in zip(plan, found):
                    fixed[j] = digits[0] if digits else None
                cell = state.first(tuple(fixed), ())
                if cell is None and not all(found):  # it could not take what it was given
                    cell = state.first(self._grid.nothing, ())
                if cell is not None:
                    state.cells.add(cell)
        return state


def _place(layout: Layout, name: str) -> list[int]:
    """Where `name` stands in a layout, as a list of one or none."""
    return [layout.names.index(name)] if name in layout.names else []
