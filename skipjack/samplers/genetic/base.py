"""What genetic samplers share, also those that users write: the bookkeeping of generations."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, final

from skipjack.errors import invalid, wrong_type
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.states import TrialState
from skipjack.samplers.base import BaseSampler


def checked_size(population_size: Any) -> int:
    """A number of individuals.

    Raises:
        InvalidTypeError: If it is no whole number.
        InvalidValueError: If it is less than 2.
    """
    if isinstance(population_size, bool) or not hasattr(population_size, "__index__"):
        raise wrong_type("population_size", "be an int", population_size)
    size = int(population_size.__index__())
    if size < 2:
        raise invalid("population_size", "be at least 2", size)
    return size


class BaseGASampler(BaseSampler):
    """Knows which trial belongs to which generation, and has the parents chosen once for each.

    Users' genetic samplers derive from it, write `select_parent`, and ask `get_trial_generation`
    and `get_parent_population` in `sample_relative`. What is found is kept in the study's storage,
    so that all processes find the same: the generation in the system attribute
    `<name of the class>:generation` of a trial, the ids of the parents in
    `<name of the class>:parent:<generation>` of the study.

    Args:
        population_size: How many complete trials make a generation; None: whoever derives from
            this class sets the attribute before the first trial.

    Raises:
        ValueError: If `population_size` is less than 2.
    """

    def __init__(self, population_size: int | None) -> None:
        self._population_size = None if population_size is None else checked_size(population_size)

    @property
    def population_size(self) -> int | None:
        """How many complete trials make a generation."""
        return self._population_size

    @population_size.setter
    def population_size(self, value: int) -> None:
        self._population_size = checked_size(value)

    @classmethod
    def _get_generation_key(cls) -> str:
        return f"{cls.__name__}:generation"

    @classmethod
    def _get_parent_cache_key_prefix(cls) -> str:
        return f"{cls.__name__}:parent:"

    @abstractmethod
    def select_parent(self, study: Any, generation: int) -> list[FrozenTrial]:
        """Choose the parents of a generation, at least 1, among the generations before."""

    def get_trial_generation(self, study: Any, trial: FrozenTrial) -> int:
        """The generation of a trial, from 0; decided, and written down, when it is first asked for.

        Raises:
            ValueError: If no `population_size` was given.
        """
        key = self._get_generation_key()
        noted = trial.system_attrs.get(key)
        if noted is None:
            if self._population_size is None:
                raise invalid("population_size", "be given before the first trial", None)
            members = study.history.derived(_Members(key))
            noted = max(members, default=0)
            if len(members.get(noted, ())) >= self._population_size:
                noted += 1
            study._storage.set_trial_system_attr(trial._trial_id, key, noted)
        return int(noted)

    def get_population(self, study: Any, generation: int) -> list[FrozenTrial]:
        """The complete trials of a generation."""
        members = study.history.derived(_Members(self._get_generation_key()))
        return trials(study, sorted(members.get(generation, ())))

    def get_parent_population(self, study: Any, generation: int) -> list[FrozenTrial]:
        """The parents of a generation: those that `select_parent` chose when first asked.

        None for generation 0.
        """
        if generation == 0:
            return []
        key = f"{self._get_parent_cache_key_prefix()}{generation}"
        ids = study._storage.get_study_system_attrs(study._study_id).get(key)
        if ids is not None:
            return [study._storage.get_trial(trial_id) for trial_id in ids]
        parents = self.select_parent(study, generation)
        study._storage.set_study_system_attr(
            study._study_id, key, [trial._trial_id for trial in parents]
        )
        return parents


def trials(study: Any, numbers: list[int]) -> list[FrozenTrial]:
    """The trials of these numbers."""
    storage, study_id = study._storage, study._study_id
    ids = [storage.get_trial_id_from_study_id_trial_number(study_id, n) for n in numbers]
    return [storage.get_trial(trial_id) for trial_id in ids]


@final
class _Members:
    """Keeps the numbers of the complete trials of each generation that an attribute tells."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Members) and self._key == other._key

    def start(self, history: History) -> dict[int, list[int]]:
        """No trials yet."""
        return {}

    def extend(
        self, state: dict[int, list[int]], history: History, first: int, last: int
    ) -> dict[int, list[int]]:
        """Take in rows."""
        for row in range(first, last):
            generation = history.attrs.get(row, ({}, {}))[1].get(self._key)
            if generation is not None and history.states[row] == TrialState.COMPLETE:
                state.setdefault(generation, []).append(int(history.numbers[row]))
        return state
