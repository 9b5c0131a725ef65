"""What a search may try: grids, distributions of ours or scipy's, or a function of a trial."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, final

import numpy as np

from skipjack.distributions import (
    DISTRIBUTION_CLASSES,
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    current,
    intern,
)
from skipjack.errors import invalid, wrong_type
from skipjack.trial import FixedTrial

Params: TypeAlias = dict[str, Any]
_TAIL = 2.0**-20  # how much of an unbounded distribution is left out at either end
_BRANCH = "branch"
_MARK = " (quantile)"


@final
@dataclass(frozen=True)
class Parameter:
    """A parameter of the estimator, and what the study knows of it.

    Attributes:
        name: Of the estimator.
        key: Of the study.
        dist: What the study draws.
        values: What the choices stand for; None if they stand for themselves.
        law: The distribution whose quantiles are drawn, if that is so.
    """

    name: str
    key: str
    dist: BaseDistribution
    values: tuple[Any, ...] | None = None
    law: Any = None

    def value(self, drawn: Any) -> Any:
        """What the estimator is given, for what the study drew."""
        if self.values is not None:
            return self.values[int(self.dist.to_internal_repr(drawn))]
        if self.law is not None:
            found = np.asarray(_quantile(self.law)(drawn)).item()
            return int(found) if _is_discrete(self.law) else found
        return drawn

    def drawn(self, value: Any) -> Any:
        """What the study would have drawn for a value of the estimator.

        Raises:
            ValueError: If it is not in the range.
        """
        if self.values is not None:
            for choice, known in zip(self.dist.choices, self.values, strict=True):  # type: ignore[attr-defined]
                if known is value or _are_equal(known, value):
                    return choice
            raise invalid(self.name, "be one of the choices", value)
        if self.law is not None:
            if not isinstance(value, numbers.Real):
                raise invalid(self.name, "be a number", value)
            value = min(max(float(self.law.cdf(value)), _TAIL), 1.0 - _TAIL)
        try:
            inside = self.dist._contains(self.dist.to_internal_repr(value))
        except (TypeError, ValueError):
            inside = False
        if not inside:
            raise invalid(self.name, f"be in {self.dist}", value)
        return value.item() if isinstance(value, np.generic) else value


class Space(Protocol):
    """What may be tried."""

    def suggest(self, trial: Any) -> Params:
        """Parameters of the estimator, drawn by a trial."""

    def drawn(self, params: Mapping[str, Any], exactly: bool = False) -> Params | None:
        """What a trial would draw to come to these parameters; None if nothing comes to them.

        Args:
            params: Parameters of the estimator.
            exactly: Whether there must be no others among them.
        """

    @property
    def size(self) -> float:
        """How many points there are; infinite if that is not known."""


@final
@dataclass(frozen=True)
class Branches:
    """One or several sets of parameters, each with its own distributions.

    Attributes:
        sets: The parameters of each.
        choice: Draws which one; None if there is only one.
        key: The name of that.
    """

    sets: tuple[tuple[Parameter, ...], ...]
    choice: CategoricalDistribution | None = None
    key: str = _BRANCH

    def suggest(self, trial: Any) -> Params:
        """Parameters of the estimator, drawn by a trial."""
        branch = 0 if self.choice is None else int(trial._suggest(self.key, self.choice))
        return {p.name: p.value(trial._suggest(p.key, p.dist)) for p in self.sets[branch]}

    def drawn(self, params: Mapping[str, Any], exactly: bool = False) -> Params | None:
        """What a trial would draw to come to these parameters."""
        for i, parameters in enumerate(self.sets):
            if exactly and len(parameters) < len(params):
                continue
            try:
                found = {p.key: p.drawn(params[p.name]) for p in parameters}
            except (KeyError, ValueError):
                continue
            return found if self.choice is None else {self.key: i, **found}
        return None

    @property
    def size(self) -> float:
        """How many points there are."""
        total = 0.0
        for parameters in self.sets:
            grids = [p.dist.grid for p in parameters]
            total += math.prod(math.inf if g is None else g.cells for g in grids)
        return total


@final
@dataclass(frozen=True)
class Function:
    """What a function of a trial returns: the parameters of the estimator."""

    function: Callable[[Any], Params]
    size: float = field(default=math.inf)

    def suggest(self, trial: Any) -> Params:
        """Parameters of the estimator, drawn by a trial.

        Raises:
            TypeError: If the function returns no dict of names.
        """
        params = self.function(trial)
        if not isinstance(params, Mapping) or not all(isinstance(n, str) for n in params):
            hint = "Return what `estimator.set_params` is to be given."
            raise wrong_type("param_distributions(trial)", "be a dict by name", params, hint)
        return dict(params)

    def drawn(self, params: Mapping[str, Any], exactly: bool = False) -> Params | None:
        """The parameters themselves, if the function asks for them under their names."""
        trial = FixedTrial({k: v for k, v in params.items() if _is_scalar(v)})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # a value out of its range
                self.suggest(trial)
        except Exception:  # the user's function may raise what it pleases
            return None
        return trial.params if trial.params else None


def read_space(given: Any, name: str = "param_distributions") -> Space:
    """The space that a user has described.

    Args:
        given: A dict of lists and distributions, a list of such dicts, or a function of a trial.
        name: Of the argument, for errors.

    Raises:
        TypeError: If it is something else.
        ValueError: If a list is empty, or a distribution is not possible.
    """
    if isinstance(given, Mapping):
        given = [given]
    elif callable(given):
        return Function(given)
    if not isinstance(given, Sequence) or isinstance(given, str) or not len(given):
        hint = "A function of a trial is possible too."
        raise wrong_type(name, "be a dict, or a list of dicts", given, hint)
    for part in given:
        if not isinstance(part, Mapping):
            raise wrong_type(name, "be a dict, or a list of dicts", part)
    sets = [[_parameter(key, what) for key, what in part.items()] for part in given]
    kinds: dict[str, set[Any]] = {}
    for p in (p for parameters in sets for p in parameters):
        kinds.setdefault(p.key, set()).add(p.dist.family)
    if len(sets) == 1:
        return Branches((tuple(sets[0]),))
    apart = [
        tuple(
            Parameter(p.name, f"{p.key} [{i}]", p.dist, p.values, p.law)
            if len(kinds[p.key]) > 1
            else p
            for p in parameters
        )
        for i, parameters in enumerate(sets)
    ]
    key = _BRANCH
    while key in kinds:
        key += "_"
    return Branches(tuple(apart), intern(CategoricalDistribution(range(len(sets)))), key)


def _parameter(name: Any, what: Any) -> Parameter:
    if not isinstance(name, str):
        raise wrong_type("param_distributions", "have names as keys", name)
    if isinstance(what, BaseDistribution):
        return Parameter(name, name, intern(current(what)))
    if type(what).__module__.startswith("optuna."):
        kinds = {kind.__name__: kind for kind in DISTRIBUTION_CLASSES}
        made = kinds[type(what).__name__](**what._asdict())
        return Parameter(name, name, intern(current(made)))
    if hasattr(what, "rvs") or hasattr(what, "icdf"):
        return _of_scipy(name, what)
    if isinstance(what, (str, bytes)) or not isinstance(what, Iterable):
        hint = "A single value stands in a list of its own."
        raise wrong_type(name, "be a list of values, or a distribution", what, hint)
    return _of_list(name, list(what))


def _of_list(name: str, values: list[Any]) -> Parameter:
    """A choice among values, which the study knows by themselves or by a text."""
    if not values:
        raise invalid(name, "have at least one value", values)
    plain = [v.item() if isinstance(v, np.generic) else v for v in values]
    unlike = {(type(v), repr(v)) for v in plain}
    if all(_is_scalar(v) for v in plain) and len(unlike) == len(plain) == len(set(plain)):
        labels = plain
    else:
        labels = []
        for i, value in enumerate(plain):
            label = _label(value)
            labels.append(label if label and label not in labels else f"{label or '?'} #{i}")
    return Parameter(name, name, intern(CategoricalDistribution(labels)), tuple(values))


def _label(value: Any) -> str:
    """A text for a value that is the same in every process; empty if there is none."""
    text = getattr(value, "__qualname__", None) or " ".join(repr(value).split())
    return "" if " at 0x" in text else text[:200]


def _of_scipy(name: str, law: Any) -> Parameter:
    """A distribution of scipy: itself if there is such a one here, else its quantiles."""
    if not hasattr(law, "ppf") and not hasattr(law, "icdf"):
        hint = "Only RandomizedSearchCV can do with `rvs` alone."
        raise wrong_type(name, "have a quantile function, `ppf`", law, hint)
    kind = getattr(getattr(law, "dist", None), "name", None)
    try:
        low, high = law.support()
    except TypeError as error:
        hint = f"Call it with its arguments, such as {getattr(law, 'name', 'norm')}(...)."
        raise wrong_type(name, "be a distribution with its arguments", law, hint) from error
    if math.isnan(low) or math.isnan(high):
        hint = "The range of scipy's uniform is from `loc` to `loc + scale`."
        raise invalid(name, "be a distribution that is possible", law, hint)
    dist: BaseDistribution | None = None
    if kind == "randint":
        if float(low).is_integer():
            dist = IntDistribution(int(low), int(high))
    elif kind == "uniform":
        dist = FloatDistribution(float(low), float(high))
    elif kind in ("reciprocal", "loguniform"):
        _, loc, _ = law.dist._parse_args(*law.args, **law.kwds)
        if loc == 0:
            dist = FloatDistribution(float(low), float(high), log=True)
    if dist is not None:
        return Parameter(name, name, intern(dist))
    return Parameter(name, name + _MARK, intern(FloatDistribution(_TAIL, 1.0 - _TAIL)), law=law)


def _quantile(law: Any) -> Callable[[float], Any]:
    """The quantile function of a distribution, of scipy's old kind or its new one."""
    found: Callable[[float], Any] = law.ppf if hasattr(law, "ppf") else law.icdf
    return found


def _is_discrete(law: Any) -> bool:
    kinds = type(getattr(law, "dist", law)).__mro__
    return any(kind.__name__ in ("rv_discrete", "DiscreteDistribution") for kind in kinds)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two values are equal, and of the same kind; also for arrays."""
    if type(one) is not type(other):
        numbers = isinstance(one, (int, float, np.number)) and not isinstance(one, bool)
        if not (numbers and isinstance(other, (int, float, np.number))):
            return False
        if isinstance(other, bool):
            return False
    try:
        return bool(np.all(one == other))
    except Exception:  # comparisons of users' objects may raise what they please
        return False
