"""The five classes of Optuna 2, each of which is one of today's with fewer arguments."""

from __future__ import annotations

from skipjack._deprecate import warn_deprecated
from skipjack._warnings import optuna_warn
from skipjack.distributions.base import BaseDistribution
from skipjack.distributions.numerical import FloatDistribution, IntDistribution


class UniformDistribution(FloatDistribution):
    """Real numbers from `low` to `high`."""

    __slots__ = ()
    fields = ("low", "high")

    def __init__(self, low: float, high: float) -> None:
        warn_deprecated("distributions.UniformDistribution")
        super().__init__(low, high)


class LogUniformDistribution(FloatDistribution):
    """Real numbers from `low` to `high` on a log scale."""

    __slots__ = ()
    fields = ("low", "high")

    def __init__(self, low: float, high: float) -> None:
        warn_deprecated("distributions.LogUniformDistribution")
        super().__init__(low, high, log=True)


class DiscreteUniformDistribution(FloatDistribution):
    """The real numbers `low + k * q` up to `high`."""

    __slots__ = ()
    fields = ("low", "high", "q")

    def __init__(self, low: float, high: float, q: float) -> None:
        warn_deprecated("distributions.DiscreteUniformDistribution")
        super().__init__(low, high, step=q)

    @property
    def q(self) -> float | None:
        """The step."""
        return self.step


class IntUniformDistribution(IntDistribution):
    """Integers from `low` to `high`."""

    __slots__ = ()
    fields = ("step", "low", "high")

    def __init__(self, low: int, high: int, step: int = 1) -> None:
        warn_deprecated("distributions.IntUniformDistribution")
        super().__init__(low, high, step=step)


class IntLogUniformDistribution(IntDistribution):
    """Integers from `low` to `high` on a log scale; `step` must be 1."""

    __slots__ = ()
    fields = ("step", "low", "high")

    def __init__(self, low: int, high: int, step: int = 1) -> None:
        warn_deprecated("distributions.IntLogUniformDistribution")
        super().__init__(low, high, log=True, step=step)


def current(dist: BaseDistribution) -> BaseDistribution:
    """`dist`, or if its class is deprecated, the same values as an instance of today's class."""
    if isinstance(dist, FloatDistribution) and type(dist) is not FloatDistribution:
        return FloatDistribution(dist.low, dist.high, dist.log, dist.step)
    if isinstance(dist, IntDistribution) and type(dist) is not IntDistribution:
        return IntDistribution(dist.low, dist.high, dist.log, dist.step)
    return dist


def converted(dist: BaseDistribution) -> BaseDistribution:
    """`current(dist)`, with a FutureWarning where that is another one."""
    now = current(dist)
    if now is not dist:
        optuna_warn(f"{dist!r} is deprecated and becomes {now!r}.", FutureWarning)
    return now
