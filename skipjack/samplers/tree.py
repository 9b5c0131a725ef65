"""The tree of a define-by-run space as far as trials have seen it: a fold over the history.

A node is a parameter, a branch one of its values. What comes after a branch is another node, or
nothing (a leaf: a whole trial), or not known yet.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from itertools import chain
from typing import final

from skipjack.distributions import BaseDistribution, CategoricalDistribution, translation
from skipjack.distributions.base import Grid
from skipjack.records.history import History
from skipjack.records.states import TrialState

_ENDLESS = Grid(2**53, 0.0, 1.0, 1.0)  # stands for a continuous range, which is never explored
_COMPLETE = int(TrialState.COMPLETE)


def branches_of(dist: BaseDistribution) -> Grid | None:
    """The values of a distribution; None if it is continuous."""
    if dist.grid is None and dist.single():
        return Grid(1, dist.at(0.5), 1.0, 1.0)
    return dist.grid


def value_at(grid: Grid, branch: int) -> float:
    """The internal value of a branch."""
    return (grid.first + branch * grid.stride) / grid.scale


def branch_at(grid: Grid, value: float) -> int | None:
    """The branch of an internal value, None if there is none."""
    k = (value * grid.scale - grid.first) / grid.stride
    branch = round(k) if k == k and abs(k) < 2**53 else -1
    return branch if 0 <= branch < grid.cells and abs(k - branch) < 1e-6 else None


def _translated(value: float, old: BaseDistribution, new: BaseDistribution) -> float:
    """An internal value of one distribution as one of another; NaN for a choice that is gone."""
    if isinstance(old, CategoricalDistribution) and isinstance(new, CategoricalDistribution):
        return translation(old, new)[int(value)]
    return value


@final
class Node:
    """A parameter at one place of the tree; before it is known which, without a name.

    Branches are open or closed (everything behind them has been tried). The open ones are the
    first `n_open` of a permutation, so that closing, opening and choosing cost the same however
    many there are.

    Attributes:
        name: Of the parameter, None if not known.
        dist: Its distribution.
        grid: Its values.
        n_open: How many branches are open.
        n_leaves: How many are leaves.
        children: The nodes behind branches.
    """

    __slots__ = ("_order", "_place", "children", "dist", "grid", "n_leaves", "n_open", "name")

    def __init__(self) -> None:
        self.name: str | None = None
        self.dist: BaseDistribution | None = None
        self.grid = _ENDLESS
        self.n_open = 1
        self.n_leaves = 0
        self.children: dict[int, Node] = {}
        self._order: dict[int, int] = {}  # place to branch, where it is not the same number
        self._place: dict[int, int] = {}  # branch to place

    def become(self, name: str, dist: BaseDistribution) -> None:
        """Take what a trial suggested here; branches that are still there stay as they are."""
        if dist is self.dist and name == self.name:
            return
        before = Node.__new__(Node)
        for attribute in Node.__slots__:
            setattr(before, attribute, getattr(self, attribute))
        self.name, self.dist = name, dist
        self.grid = branches_of(dist) or _ENDLESS
        self.n_open, self.n_leaves = self.grid.cells, 0
        self._order, self._place, self.children = {}, {}, {}
        if name == before.name:
            self.take_over(before)

    def take_over(self, other: Node) -> None:
        """Close what is closed at another node of the same name, and have its children."""
        for branch, node in other.children.items():
            moved = self.branch_of(value_at(other.grid, branch), other.dist)
            if moved is not None:
                self.children[moved] = node
        if other.is_endless:
            return
        for place in range(other.n_open, other.grid.cells):
            closed = value_at(other.grid, other._order.get(place, place))
            moved = self.branch_of(closed, other.dist)
            if moved is not None:
                self.close(moved)

    @property
    def is_endless(self) -> bool:
        """Whether the parameter is continuous."""
        return self.grid is _ENDLESS

    def is_open(self, branch: int) -> bool:
        """Whether something behind a branch has not been tried."""
        return self._place.get(branch, branch) < self.n_open

    def close(self, branch: int) -> None:
        """Everything behind a branch has been tried; without a node there, it is a leaf."""
        if self.is_open(branch):
            self._swap(branch, self.n_open - 1)
            self.n_open -= 1
            self.n_leaves += branch not in self.children

    def open(self, branch: int) -> None:
        """Something behind a branch has not been tried after all."""
        if not self.is_open(branch):
            self._swap(branch, self.n_open)
            self.n_open += 1
            self.n_leaves -= branch not in self.children

    def _swap(self, branch: int, place: int) -> None:
        """Put a branch to a place, and what is there to where it was."""
        was, other = self._place.get(branch, branch), self._order.get(place, place)
        self._order[was], self._place[other] = other, was
        self._order[place], self._place[branch] = branch, place

    def choose(self, u: float, but: Container[int] = ()) -> int | None:
        """The open branch at `u` in [0, 1), or the next one that is not in `but`."""
        first = int(u * self.n_open)
        for place in chain(range(first, self.n_open), range(first)):
            branch = self._order.get(place, place)
            if branch not in but:
                return branch
        return None

    def branch_of(self, value: float, dist: BaseDistribution | None) -> int | None:
        """The branch of an internal value of `dist`, by default of the node's own."""
        if dist is None or dist is self.dist or self.dist is None:
            return branch_at(self.grid, value)
        return branch_at(self.grid, _translated(value, dist, self.dist))


@final
class Tree:
    """What has been tried.

    Attributes:
        root: The first parameter.
        is_empty: Whether a trial completed without any parameter.
    """

    def __init__(self) -> None:
        self.root = Node()
        self.is_empty = False

    @property
    def is_explored(self) -> bool:
        """Whether there is nothing left, as far as one can know."""
        return self.root.n_open == 0 if self.root.name is not None else self.is_empty

    def add(
        self, names: tuple[str, ...], dists: tuple[BaseDistribution, ...], values: list[float]
    ) -> None:
        """Take in a trial, in the order in which it suggested.

        One that ends where others went on changes nothing; one that goes on where others ended
        shows that there was no leaf.
        """
        path: list[tuple[Node, int]] = []
        node = self.root
        for name, dist, value in zip(names, dists, values, strict=True):
            if path:
                above, branch = path[-1]
                known = above.children.get(branch)
                if known is None:
                    above.open(branch)
                    known = above.children[branch] = Node()
                node = known
            node.become(name, dist)
            found = branch_at(node.grid, value)
            if found is None:
                break
            path.append((node, found))
        else:
            if path and path[-1][1] not in path[-1][0].children:
                path[-1][0].close(path[-1][1])
        for above, branch in reversed(path):
            behind = above.children.get(branch)
            if behind is not None:
                (above.open if behind.n_open else above.close)(branch)


@final
class TreeFold:
    """Keeps the `Tree` of all trials that ended, however they did."""

    def __hash__(self) -> int:
        return hash(TreeFold)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TreeFold)

    def start(self, history: History) -> Tree:
        """No trials yet."""
        return Tree()

    def extend(self, state: Tree, history: History, first: int, last: int) -> Tree:
        """Take in rows."""
        for row in range(first, last):
            layout, values = history.internal(row)
            if values:
                state.add(layout.names, layout.dists, values)
            elif history.states[row] == _COMPLETE:
                state.is_empty = True
        return state


class Taken:
    """Branches that trials which run are going to close.

    Args:
        is_sure: Whether only those count where the end of the trial is foreseen: it is at a
            parameter behind which others ended.
    """

    def __init__(self, tree: Tree, running: list[Mapping[str, float]], is_sure: bool) -> None:
        self._taken: dict[int, set[int]] = {}  # by identity of the node
        for known in running:
            self._take(tree, known, is_sure)

    def of(self, node: Node) -> set[int]:
        """Those of a node."""
        return self._taken.get(id(node), set())

    def has_all(self, node: Node) -> bool:
        """Whether all that is open is taken."""
        return len(self.of(node)) >= node.n_open

    def _take(self, tree: Tree, known: Mapping[str, float], is_sure: bool) -> None:
        path: list[tuple[Node, int]] = []
        node: Node | None = tree.root
        while node is not None and node.name is not None:
            branch = branch_at(node.grid, known[node.name]) if node.name in known else None
            if branch is None or not node.is_open(branch):
                return
            path.append((node, branch))
            node = node.children.get(branch)
        if not path or (is_sure and not path[-1][0].n_leaves):
            return
        for above, branch in reversed(path):
            self._taken.setdefault(id(above), set()).add(branch)
            if not self.has_all(above):
                return
