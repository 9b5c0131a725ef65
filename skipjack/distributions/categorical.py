"""Choices without an order."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from skipjack._warnings import optuna_warn
from skipjack.distributions.base import Axis, BaseDistribution, Grid, rebuild
from skipjack.errors import InvalidValueError, invalid, wrong_type

CategoricalChoiceType: TypeAlias = bool | int | float | str | None

_PLAIN: tuple[type, ...] = (type(None), bool, int, float, str)

Key: TypeAlias = tuple[type, Any]


class CategoricalDistribution(BaseDistribution):
    """One of several values without an order; the internal value is the index of the choice.

    `1`, `True` and `1.0` are three choices; NaN is equal to NaN. Choices other than None, bool,
    int, float and str cannot be stored by every storage, so there is a warning. NumPy's scalars
    become Python's.

    Raises:
        InvalidTypeError: If `choices` is not a sequence.
        InvalidValueError: If there are no choices.
    """

    __slots__ = ("_cells", "_index", "_keys", "choices")
    fields = ("choices",)

    choices: tuple[CategoricalChoiceType, ...]
    _keys: tuple[Key, ...]
    _index: dict[Key, int]
    _cells: int

    def __init__(self, choices: Sequence[CategoricalChoiceType]) -> None:
        self._fill(choices)
        strange = self.strange
        if strange:
            names = ", ".join(f"{choice!r} ({type(choice).__name__})" for choice in strange[:3])
            optuna_warn(
                "Choices should be None, bool, int, float or str, which every storage can keep, "
                f"but there are others: {names}{', …' if len(strange) > 3 else ''}."
            )

    def _fill(self, *arguments: Any) -> None:
        if not isinstance(arguments[0], Iterable):
            raise wrong_type("choices", "be a sequence", arguments[0])
        choices = tuple(_python(choice) for choice in arguments[0])
        if not choices:
            raise invalid("choices", "have at least one element", arguments[0])
        keys = tuple(_key(choice) for choice in choices)
        index: dict[Key, int] = {}
        for i, key in enumerate(keys):
            if _is_hashable(key):
                index.setdefault(key, i)
        self._set(choices=choices, _keys=keys, _index=index, _cells=len(choices))
        self._seal(keys)

    def _arguments(self) -> tuple[Any, ...]:
        return (self.choices,)

    @property
    def strange(self) -> list[object]:
        """The choices that some storages cannot keep."""
        return [choice for choice in self.choices if not isinstance(choice, _PLAIN)]

    @property
    def axis(self) -> Axis:
        return Axis(-0.5, float(self._cells), False, 0.0, self._cells - 1.0, 1.0)

    @property
    def grid(self) -> Grid:
        return Grid(self._cells, 0.0, 1.0, 1.0)

    @property
    def family(self) -> Hashable:
        return self  # all choices, in their order

    def at(self, u: float) -> float:
        k = int(u * self._cells)
        return float(k if k < self._cells else self._cells - 1)

    def to_internal_repr(self, param_value_in_external_repr: CategoricalChoiceType) -> float:
        key = _key(_python(param_value_in_external_repr))
        if not _is_hashable(key):
            if key in self._keys:
                return self._keys.index(key)
            raise self._unknown(param_value_in_external_repr)
        found = self._index.get(key)
        if found is None and key[0] in (int, float):  # 0 may stand for a choice 0.0; True not
            found = self._index.get((float if key[0] is int else int, key[1]))
        if found is None:
            raise self._unknown(param_value_in_external_repr)
        return found

    def to_external_repr(self, param_value_in_internal_repr: float) -> CategoricalChoiceType:
        if not self._contains(param_value_in_internal_repr):
            raise invalid("index", f"be from 0 to {self._cells - 1}", param_value_in_internal_repr)
        return self.choices[int(param_value_in_internal_repr)]

    def single(self) -> bool:
        return self._cells == 1

    def _contains(self, param_value_in_internal_repr: float) -> bool:
        return -1.0 < param_value_in_internal_repr < self._cells

    def _unknown(self, value: object) -> InvalidValueError:
        return invalid("value", f"be one of {self.choices}", value)


@lru_cache(maxsize=1024)
def translation(old: CategoricalDistribution, new: CategoricalDistribution) -> tuple[float, ...]:
    """Of each choice of `old` its index among those of `new`; NaN where it has none."""
    return tuple(_index_in(new, choice) for choice in old.choices)


def _index_in(dist: CategoricalDistribution, choice: CategoricalChoiceType) -> float:
    try:
        return float(dist.to_internal_repr(choice))
    except InvalidValueError:
        return math.nan


def united(*dists: CategoricalDistribution) -> CategoricalDistribution:
    """All choices of several distributions, each once, in the order of appearance."""
    found = dists[0]
    for dist in dists[1:]:
        gone = [choice for choice in dist.choices if math.isnan(_index_in(found, choice))]
        found = rebuild(CategoricalDistribution, (*found.choices, *gone))
    return found


def _python(choice: Any) -> Any:
    return choice.item() if isinstance(choice, np.generic) else choice


def _key(choice: Any) -> Key:
    """What makes two choices the same: the kind of thing, and its value.

    Members of an Enum that are also str or int are the same as their values, which is what a
    storage gives back.
    """
    kind: type = type(choice)
    if kind not in _PLAIN:
        kind = _kind(choice)
        if kind is str:
            choice = str.__str__(choice)
        elif kind is int:
            choice = int.__int__(choice)
    if kind is float:
        choice = None if choice != choice else float(choice)
    return kind, choice


def _kind(choice: object) -> type:
    for plain in _PLAIN:
        if isinstance(choice, plain):
            return plain
    return object


def _is_hashable(key: Key) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True
