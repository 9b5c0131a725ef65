"""Which parameters trials have in common."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeAlias, TypeVar, final

from skipjack._deprecate import forwarding
from skipjack.distributions import BaseDistribution
from skipjack.errors import invalid
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.states import TrialState

__all__ = [
    "IntersectionSearchSpace",
    "_GroupDecomposedSearchSpace",
    "_SearchSpaceGroup",
    "intersection_search_space",
]
__getattr__ = forwarding(__name__)

Distributions: TypeAlias = dict[str, BaseDistribution]


def intersection_search_space(
    trials: list[FrozenTrial], include_pruned: bool = False
) -> dict[str, BaseDistribution]:
    """The parameters that all COMPLETE trials have, with equal distributions; sorted by name.

    Args:
        trials: Trials of one study, in any state.
        include_pruned: Whether trials that are PRUNED count as well.
    """
    states = _states(include_pruned)
    found: Distributions | None = None
    for trial in trials:
        if trial.state in states:
            found = _common(found, trial.distributions)
    return dict(sorted((found or {}).items()))


class IntersectionSearchSpace:
    """The same for a study, at the cost of the trials that are new.

    Args:
        include_pruned: Whether trials that are PRUNED count as well.
    """

    def __init__(self, include_pruned: bool = False) -> None:
        self._fold = _Fold(_Common, bool(include_pruned))
        self._study = _OneStudy()

    def calculate(self, study: Any, use_cache: bool = False) -> dict[str, BaseDistribution]:
        """The parameters that all COMPLETE trials of `study` have, sorted by name; a new dict.

        Args:
            study: The same in every call.
            use_cache: Has no effect: what was found before is always made use of.

        Raises:
            ValueError: If an earlier call was about another study.
        """
        self._study.check(study)
        found = study.history.derived(self._fold).space
        return dict(sorted((found or {}).items()))


class _SearchSpaceGroup:
    """Disjoint groups of parameters; those in one group occur in the same trials."""

    def __init__(self) -> None:
        self._search_spaces: list[Distributions] = []

    @property
    def search_spaces(self) -> list[dict[str, BaseDistribution]]:
        """The groups."""
        return self._search_spaces

    def add_distributions(self, distributions: dict[str, BaseDistribution]) -> None:
        """Take in the parameters of one more trial; groups that it has in part are split.

        What was seen first for a name stays.
        """
        new = dict(distributions)
        groups: list[Distributions] = []
        for group in self._search_spaces:
            shared = {name: dist for name, dist in group.items() if name in new}
            others = {name: dist for name, dist in group.items() if name not in new}
            groups += [part for part in (shared, others) if part]
            for name in shared:
                del new[name]
        self._search_spaces = groups + ([new] if new else [])


class _GroupDecomposedSearchSpace:
    """`_SearchSpaceGroup` of the trials of a study, at the cost of those that are new.

    Args:
        include_pruned: Whether trials that are PRUNED count, besides those that are COMPLETE.
    """

    def __init__(self, include_pruned: bool = False) -> None:
        self._fold = _Fold(_Grouped, bool(include_pruned))
        self._study = _OneStudy()

    def calculate(self, study: Any, use_cache: bool = False) -> _SearchSpaceGroup:
        """The groups; a copy of its own.

        Args:
            study: The same in every call.
            use_cache: Has no effect: what was found before is always made use of.

        Raises:
            ValueError: If an earlier call was about another study.
        """
        self._study.check(study)
        group: _SearchSpaceGroup = study.history.derived(self._fold).group
        return copy.deepcopy(group)


class _OneStudy:
    """Checks that calls are about one study."""

    def __init__(self) -> None:
        self._id: int | None = None

    def check(self, study: Any) -> None:
        if self._id is None:
            self._id = study._study_id
        elif self._id != study._study_id:
            raise invalid("study", f"be the one with id {self._id}", study._study_id)


def _states(include_pruned: bool) -> tuple[TrialState, ...]:
    complete = (TrialState.COMPLETE,)
    return (*complete, TrialState.PRUNED) if include_pruned else complete


def _common(found: Distributions | None, new: Mapping[str, BaseDistribution]) -> Distributions:
    """What `found`, None before the first trial, and `new` have in common."""
    if found is None:
        return dict(new)
    return {name: dist for name, dist in found.items() if new.get(name) == dist}


class _Found(ABC):
    """What a fold has found in the layouts that it has seen."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    @abstractmethod
    def add(self, new: Distributions) -> None:
        """Take in the parameters of one more trial; doing so again changes nothing."""


@final
class _Common(_Found):
    space: Distributions | None = None

    def add(self, new: Distributions) -> None:
        self.space = _common(self.space, new)


@final
class _Grouped(_Found):
    def __init__(self) -> None:
        super().__init__()
        self.group = _SearchSpaceGroup()

    def add(self, new: Distributions) -> None:
        self.group.add_distributions(new)


F = TypeVar("F", bound=_Found)


@final
class _Fold(Generic[F]):
    """Adds the parameters of the trials in certain states, each layout once."""

    def __init__(self, kind: type[F], include_pruned: bool) -> None:
        self._kind = kind
        self._states = _states(include_pruned)

    def __hash__(self) -> int:
        return hash((self._kind, self._states))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Fold):
            return False
        return self._kind is other._kind and self._states == other._states

    def start(self, history: History) -> F:
        """Nothing."""
        return self._kind()

    def extend(self, state: F, history: History, first: int, last: int) -> F:
        """Take in new rows."""
        states = history.states[first:last].tolist()
        layouts = history.layout_indices[first:last].tolist()
        for index in dict.fromkeys(i for i, s in zip(layouts, states) if s in self._states):
            if index not in state.seen:
                state.seen.add(index)
                layout = history.layouts[index]
                state.add(dict(zip(layout.names, layout.dists)))
        return state
