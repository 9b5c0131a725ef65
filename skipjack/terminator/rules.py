"""Rules that end a study: what `optimize(stop=...)` takes, and how they combine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, final

from skipjack import _optional
from skipjack.errors import invalid, wrong_type
from skipjack.terminator.base import BaseTerminator

simple = _optional.lazy("skipjack.terminator.simple")
expected = _optional.lazy("skipjack.terminator.expected")


class StopRule(BaseTerminator):
    """Decides whether a study should end, and says why; `a | b` and `a & b` combine two."""

    @abstractmethod
    def reason(self, study: Any) -> str | None:
        """Why `study` should end now, as a phrase; None if it should not."""

    @property
    def limit(self) -> int | None:
        """The most trials that the study may have, if that is what the rule says."""
        return None

    def check(self, study: Any) -> None:
        """Check that the rule makes sense for `study`, before anything is run.

        Raises:
            ValueError: If it does not.
        """

    def should_terminate(self, study: Any) -> bool:
        """Whether there is a reason."""
        return self.reason(study) is not None

    def __or__(self, other: StopForm) -> StopRule:
        return AnyOf(self, rule_of(other))

    def __ror__(self, other: StopForm) -> StopRule:
        return AnyOf(rule_of(other), self)

    def __and__(self, other: StopForm) -> StopRule:
        return AllOf(self, rule_of(other))

    def __rand__(self, other: StopForm) -> StopRule:
        return AllOf(rule_of(other), self)


StopForm: TypeAlias = (
    "BaseTerminator | Callable[[Any], Any] | Mapping[str, Any] | Iterable[StopForm]"
)


@final
class AnyOf(StopRule):
    """Ends a study when one of the rules does; the first that has a reason gives it.

    Args:
        *rules: The rules.
    """

    def __init__(self, *rules: StopRule) -> None:
        self._rules = rules

    def reason(self, study: Any) -> str | None:
        """The first reason."""
        return next(filter(None, (rule.reason(study) for rule in self._rules)), None)

    @property
    def limit(self) -> int | None:
        """The lowest limit."""
        return min((rule.limit for rule in self._rules if rule.limit is not None), default=None)

    def check(self, study: Any) -> None:
        """Check each."""
        for rule in self._rules:
            rule.check(study)

    def __repr__(self) -> str:
        return f"({' | '.join(map(repr, self._rules))})"


@final
class AllOf(StopRule):
    """Ends a study when all of the rules do.

    Args:
        *rules: The rules.
    """

    def __init__(self, *rules: StopRule) -> None:
        self._rules = rules

    def reason(self, study: Any) -> str | None:
        """All the reasons."""
        reasons = []
        for rule in self._rules:
            reason = rule.reason(study)
            if reason is None:
                return None
            reasons.append(reason)
        return ", and ".join(reasons) or None

    def check(self, study: Any) -> None:
        """Check each."""
        for rule in self._rules:
            rule.check(study)

    def __repr__(self) -> str:
        return f"({' & '.join(map(repr, self._rules))})"


@final
class Said(StopRule):
    """What a user's terminator, or function of a study, decides.

    Args:
        who: A terminator, or a function that returns the reason, or whether there is one.
    """

    def __init__(self, who: Any) -> None:
        self._who = who

    def reason(self, study: Any) -> str | None:
        """What it says; its name, if it only says yes."""
        decide = getattr(self._who, "should_terminate", self._who)
        said = decide(study)
        if isinstance(said, str):
            return said or None
        name = getattr(self._who, "__name__", type(self._who).__name__)
        return f"{name} decided so" if said else None

    def __repr__(self) -> str:
        return f"Said({self._who!r})"


FORMS: dict[str, Callable[[Any], Any]] = {
    "trials": lambda value: simple.MaxTrials(value),
    "time": lambda value: simple.MaxTime(value),
    "target": lambda value: simple.Target(value),
    "patience": lambda value: simple.Patience(value),
    "regret": lambda value: expected.RegretBound(value),
}


def rule_of(stop: StopForm) -> StopRule:
    """The rule that is meant.

    Args:
        stop: A rule, a terminator, a function of a study, a dict such as {"target": 0.1,
            "patience": 30} (keys are those of `FORMS`), or several of these, of which one is
            enough.

    Raises:
        TypeError: If it is none of these.
        ValueError: If a dict has another key, or a value is out of range.
    """
    if isinstance(stop, StopRule):
        return stop
    if isinstance(stop, type):
        raise wrong_type("stop", "be a rule, not a class", stop, f"{stop.__name__}(...) is one.")
    if isinstance(stop, Mapping):
        if unknown := [key for key in stop if key not in FORMS]:
            raise invalid("stop", f"have the keys {', '.join(FORMS)} only", unknown)
        return AnyOf(*(FORMS[key](value) for key, value in stop.items()))
    if callable(stop) or callable(getattr(stop, "should_terminate", None)):
        return Said(stop)
    if isinstance(stop, Iterable) and not isinstance(stop, str | bytes):
        return AnyOf(*map(rule_of, stop))
    must = "be a rule such as Patience(30), several, or a dict such as {'patience': 30}"
    raise wrong_type("stop", must, stop)
