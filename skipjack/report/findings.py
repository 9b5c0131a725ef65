"""What a diagnosis consists of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal, TypeAlias, final

from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

Kind: TypeAlias = Literal[
    "trials", "failed", "pruned", "infeasible", "duplicates", "bound", "narrow", "influence",
    "constant", "overtuning", "progress",
]  # fmt: skip
Level: TypeAlias = Literal["problem", "hint", "good"]
_MARKS: dict[Level, str] = {"problem": "!", "hint": "-", "good": "+"}


@final
@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        kind: What it is about.
        level: "problem": look at it; "hint": it could be better; "good": as it should be.
        text: What was found, in a sentence or two.
        advice: What to do; "" for nothing.
        params: The parameters that it is about.
        figures: The numbers behind it, by name.
    """

    kind: Kind
    level: Level
    text: str
    advice: str = ""
    params: tuple[str, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.text} {self.advice}".rstrip()


@final
@dataclass(frozen=True)
class Diagnosis:
    """What was found in a study; it can be printed, gone through, and shown in notebooks.

    Attributes:
        findings: The problems first, then hints, then what is good.
        ranges: For parameters that would do better with another range, that range.
        more_trials: Whether more trials are worth their time; None if that is not known.
    """

    findings: tuple[Finding, ...]
    ranges: Mapping[str, BaseDistribution]
    more_trials: bool | None

    @property
    def code(self) -> str:
        """The lines of an objective that ask for the other ranges; "" if there are none."""
        return "\n".join(code_of(name, dist) for name, dist in self.ranges.items())

    def of(self, kind: Kind) -> list[Finding]:
        """The findings of one kind."""
        return [found for found in self.findings if found.kind == kind]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        lines = [f"{_MARKS[found.level]} {found}" for found in self.findings]
        if self.ranges:
            lines += ["", "Other ranges to try:", "", *self.code.splitlines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(str(found))}</li>" for found in self.findings)
        code = f"<pre>{escape(self.code)}</pre>" if self.ranges else ""
        return f"<ul>{items}</ul>{code}"


def code_of(name: str, dist: BaseDistribution) -> str:
    """The call of `suggest_*` that asks for a parameter."""
    if isinstance(dist, CategoricalDistribution):
        return f"{_variable(name)} = trial.suggest_categorical({name!r}, {list(dist.choices)!r})"
    assert isinstance(dist, FloatDistribution | IntDistribution)
    kind = "float" if isinstance(dist, FloatDistribution) else "int"
    more = ", log=True" if dist.log else ""
    if dist.step not in (None, 1) or (kind == "float" and dist.step is not None):
        more += f", step={dist.step!r}"
    called = f"trial.suggest_{kind}({name!r}, {_short(dist.low)}, {_short(dist.high)}{more})"
    return f"{_variable(name)} = {called}"


def _short(value: float) -> str:
    return repr(value) if isinstance(value, int) else f"{value:.6g}"


def _variable(name: str) -> str:
    return name if name.isidentifier() else f"params[{name!r}]"
