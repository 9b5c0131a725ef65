"""What every distribution can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any, ClassVar, NamedTuple, NoReturn, TypeVar


class Axis(NamedTuple):
    """How internal values x lie on the unit interval: ((log(x) if log else x) - start) / span.

    A continuous axis starts at `low` and has `step` 0; a discrete one reaches half a cell beyond
    `low` and `high`, so that all cells are equally wide (on the log scale: from low - ½ to
    high + ½). A categorical axis has internal values 0 ... k - 1.
    """

    start: float
    span: float
    log: bool
    low: float
    high: float
    step: float


class Grid(NamedTuple):
    """The internal values of cells k = 0 ... cells - 1: (first + k * stride) / scale.

    With bounds and step of few decimals this is exact: 0.3 is the third cell of step 0.1, where
    `low + k * step` would say 0.30000000000000004. Use the same formula for arrays.
    """

    cells: int
    first: float
    stride: float
    scale: float


class BaseDistribution(ABC):
    """The values that one parameter can take. Immutable, hashable, compared by kind and content.

    *External* values are the user's; *internal* ones are floats: a number itself, or the index
    of a choice.
    """

    __slots__ = ("__weakref__", "_hash", "identity")

    fields: ClassVar[tuple[str, ...]] = ()
    """The constructor's arguments, in the order in which they are written to JSON."""

    identity: tuple[Hashable, ...]
    """What makes two distributions equal."""

    _hash: int

    @property
    @abstractmethod
    def axis(self) -> Axis:
        """Where internal values lie on the unit interval."""

    @property
    @abstractmethod
    def grid(self) -> Grid | None:
        """The cells; None if continuous. On a log scale they are not equally wide."""

    @property
    @abstractmethod
    def family(self) -> Hashable:
        """What must stay the same for one name within a study; the range need not."""

    @abstractmethod
    def at(self, u: float) -> float:
        """The internal value at place `u` in [0, 1); never outside the range, monotone in `u`."""

    @abstractmethod
    def to_internal_repr(self, param_value_in_external_repr: Any) -> float:
        """The internal value of what a user gave, which may lie outside the range.

        Raises:
            InvalidValueError: If it cannot be a value of this kind of distribution.
        """

    @abstractmethod
    def to_external_repr(self, param_value_in_internal_repr: float) -> Any:
        """The value as the user sees it."""

    @abstractmethod
    def single(self) -> bool:
        """Whether there is only one possible value."""

    @abstractmethod
    def _contains(self, param_value_in_internal_repr: float) -> bool:
        """Whether an internal value is possible here."""

    @abstractmethod
    def _arguments(self) -> tuple[Any, ...]:
        """What `_fill` needs to make an equal distribution."""

    @abstractmethod
    def _fill(self, *arguments: Any) -> None:
        """Check and set the arguments, without any warning that only the user's call deserves."""

    def _asdict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.fields}

    def _set(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def _seal(self, *content: Hashable) -> None:
        identity = (type(self), *content)
        self._set(identity=identity, _hash=hash_of(identity))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed; make a new one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed; make a new one")

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, BaseDistribution):
            return NotImplemented
        return self.identity == other.identity

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in sorted(self.fields))
        return f"{type(self).__name__}({shown})"

    def __copy__(self: D) -> D:
        return self

    def __deepcopy__(self: D, memo: object) -> D:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild, (type(self), *self._arguments())


D = TypeVar("D", bound=BaseDistribution)


def rebuild(kind: type[D], *arguments: Any) -> D:
    """A distribution from its checked content: warnings were given when it was first made."""
    made = kind.__new__(kind)
    made._fill(*arguments)
    return made


def hash_of(identity: Hashable) -> int:
    """The hash of `identity`, or where something in it has none, of its length and kind."""
    try:
        return hash(identity)
    except TypeError:
        parts = identity if isinstance(identity, tuple) else ()
        return hash((len(parts), parts[0] if parts else None))
