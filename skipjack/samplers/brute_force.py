"""Every combination of values, once, in whatever way parameters depend on each other."""

from __future__ import annotations

from collections.abc import Mapping

from skipjack._experimental import experimental_class
from skipjack.distributions import BaseDistribution
from skipjack.errors import invalid
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.rng import Stream
from skipjack.samplers.base import Exhausted, ModelSampler, StudyView
from skipjack.samplers.tree import (
    Node,
    Taken,
    Tree,
    TreeFold,
    branch_at,
    branches_of,
    value_at,
)


@experimental_class("3.1.0")
class BruteForceSampler(ModelSampler):
    """Tries every combination of values once, in random order; parameters may depend on others.

    What there is to try is learned from the trials. `Study.optimize` ends when all that is known
    has been tried: by a trial that is COMPLETE, PRUNED or FAIL, whoever proposed it, or by one that
    still runs and whose end is foreseen. Who asks for more trials by `Study.ask` gets combinations
    again.

    Args:
        seed: Of the order; None: each study has its own.
        avoid_premature_stop: Whether to go on until trials have ended at all combinations, and to
            repeat meanwhile those at which others still are.

    Raises:
        ValueError: From `suggest_*`, if a parameter is a float without `step`.

    Cost: Independent of how many trials there were, and of how many values a parameter has.
    """

    purpose = "brute force"

    def __init__(self, seed: int | None = None, avoid_premature_stop: bool = False) -> None:
        super().__init__(seed)
        self._avoids_premature_stop = bool(avoid_premature_stop)

    def is_exhausted(self, study: StudyView) -> bool:
        """Whether trials of `study` ended at every combination that is known of."""
        return study.history.derived(TreeFold()).is_explored

    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """Values that nobody has tried, as far as the tree is known; see `ModelSampler.propose`.

        Raises:
            InvalidValueError: If the trial asks for a float without `step`.
        """
        tree = history.derived(TreeFold())
        running = [] if history.choices.unions else history.running(stream.trial)
        if len(space) == 1 and space is not history.space:
            [(name, dist)] = space.items()
            own = history.open.get(stream.trial)
            node = _behind(tree, given, own.dists if own else {}, name)
            return {name: _one(tree, node, name, dist, stream, given, running)}
        for is_sure in (False, True) if running else ():
            drawn, is_new = _way(tree, space, stream, given, Taken(tree, running, is_sure))
            if is_new:
                return drawn
        drawn, is_new = _way(tree, space, stream, given, None)
        if is_new and (not running or self._avoids_premature_stop):
            return drawn
        return Exhausted(drawn)


def _one(
    tree: Tree,
    node: Node | None,
    name: str,
    dist: BaseDistribution,
    stream: Stream,
    given: Mapping[str, float],
    running: list[Mapping[str, float]],
) -> float:
    """A value of a parameter that the trial asks for, after those that it has.

    Raises:
        InvalidValueError: If its values cannot be counted.
    """
    grid = branches_of(dist)
    if grid is None:
        must = "have a `step`, or be an integer or a choice, so that its values can be counted"
        raise invalid(name, must, dist)
    u = stream.at(name)
    if node is None or node.dist != dist:
        alike = [r for r in running if all(r.get(k) == v for k, v in given.items())]
        found = (branch_at(grid, known[name]) for known in alike if name in known)
        taken = {branch for branch in found if branch is not None}
        fresh = Node()
        fresh.become(name, dist)
        if node is not None:
            fresh.take_over(node)
        node = fresh
    else:
        taken = set(Taken(tree, running, is_sure=False).of(node)) if running else set()
    branch = node.choose(u, taken)
    if branch is None:
        branch = node.choose(u)
    return value_at(grid, int(u * grid.cells) if branch is None else branch)


def _way(
    tree: Tree,
    space: Space,
    stream: Stream,
    given: Mapping[str, float],
    taken: Taken | None,
) -> tuple[dict[str, float], bool]:
    """Values from the root to where the tree ends, and whether nobody is known to have been there.

    They are `given`, or else on branches that are open and not `taken`.
    """
    drawn: dict[str, float] = {name: given[name] for name in space if name in given}
    places = dict(zip(space, stream.at_each(space), strict=True))
    node: Node | None = tree.root
    is_new = not tree.is_explored
    while node is not None and node.name is not None:
        name = node.name
        if name in given:
            branch = node.branch_of(given[name], space.get(name))
            there = branch is not None and not node.is_open(branch)
            is_new = is_new and not (there or (taken is not None and branch in taken.of(node)))
        elif space.get(name) != node.dist or node.is_endless:
            break  # the trial is asked again when it comes here
        else:
            u = places[name]
            branch = node.choose(u, taken.of(node)) if taken is not None else node.choose(u)
            if branch is None:
                is_new, branch = False, int(u * node.grid.cells)
            drawn[name] = value_at(node.grid, branch)
        node = None if branch is None else node.children.get(branch)
    return drawn, is_new


def _behind(
    tree: Tree, given: Mapping[str, float], dists: Mapping[str, BaseDistribution], name: str
) -> Node | None:
    """The node of parameter `name` behind the given values; None if the tree has none there."""
    node: Node | None = tree.root
    while node is not None and node.name is not None:
        if node.name == name:
            return node
        known = given.get(node.name)
        branch = None if known is None else node.branch_of(known, dists.get(node.name))
        node = None if branch is None else node.children.get(branch)
    return None
