"""Ranges of real numbers and of integers."""

from __future__ import annotations

import math
import operator
from decimal import Context, Decimal
from typing import Any, ClassVar

from skipjack._warnings import optuna_warn
from skipjack.distributions.base import Axis, BaseDistribution, Grid
from skipjack.errors import invalid, wrong_type

EXACT = 2**53
"""Integers up to here are floats without rounding."""

# Enough digits for the quotient of any two floats, so that no division is refused.
_DECIMALS = Context(prec=700)


class FloatDistribution(BaseDistribution):
    """Real numbers from `low` to `high`, both included.

    With `log`, equal ratios are equally far apart. With `step`, only `low + k * step` is
    possible, and `high` is lowered to the last such value, with a warning.

    Raises:
        InvalidTypeError: If a bound or the step is not a number.
        InvalidValueError: If `low > high`, `step <= 0`, `log` with `low <= 0` or with `step`, or
            if a bound, or the distance between them, is not finite.
    """

    __slots__ = ("_last", "_span", "_start", "axis", "grid", "high", "log", "low", "step")
    fields: ClassVar[tuple[str, ...]] = ("step", "low", "high", "log")

    low: float
    high: float
    log: bool
    step: float | None
    axis: Axis
    grid: Grid | None
    _start: float
    _span: float
    _last: int

    def __init__(
        self, low: float, high: float, log: bool = False, step: float | None = None
    ) -> None:
        self._fill(low, high, log, step)
        if self.step is not None and self.high != float(high):
            optuna_warn(
                f"`high` is lowered from {high} to {self.high}, because the range from {low} "
                f"is not divisible by `step` ({step})."
            )

    def _fill(self, *arguments: Any) -> None:
        low, high = real("low", arguments[0]), real("high", arguments[1])
        log, step = bool(arguments[2]), arguments[3]
        if low > high:
            raise invalid("low", f"be at most `high` ({high})", low)
        if log and low <= 0.0:
            raise invalid("low", "be positive when `log` is true", low)
        if not math.isfinite(high - low):
            raise invalid("high", "be a finite distance from `low`", (low, high))
        grid = None
        if step is not None:
            if log:
                raise invalid("step", "be None when `log` is true", step)
            step = real("step", step)
            if step <= 0.0:
                raise invalid("step", "be positive", step)
            high, grid = _steps(low, high, step)
        if log:
            axis = Axis(math.log(low), math.log(high) - math.log(low), True, low, high, 0.0)
        elif step is not None and grid is not None:
            axis = Axis(low - step / 2, (high - low) + step, False, low, high, step)
        else:
            axis = Axis(low, high - low, False, low, high, 0.0)
        self._set(low=low, high=high, log=log, step=step, axis=axis, grid=grid)
        self._set(_start=axis.start, _span=axis.span, _last=grid.cells - 1 if grid else 0)
        self._seal(low, high, log, step)

    def _arguments(self) -> tuple[Any, ...]:
        return self.low, self.high, self.log, self.step

    @property
    def family(self) -> tuple[str, bool]:
        return "float", self.log

    def at(self, u: float) -> float:
        if self.grid is not None:
            cells, first, stride, scale = self.grid
            k = int(u * cells)
            x = (first + (k if k < cells else self._last) * stride) / scale
        elif self.log:
            x = math.exp(self._start + u * self._span)
        else:
            x = self._start + u * self._span
        return self.low if x < self.low else self.high if x > self.high else x

    def to_internal_repr(self, param_value_in_external_repr: float) -> float:
        return _number(param_value_in_external_repr, self.log)

    def to_external_repr(self, param_value_in_internal_repr: float) -> float:
        return param_value_in_internal_repr

    def single(self) -> bool:
        return self.low == self.high

    def _contains(self, param_value_in_internal_repr: float) -> bool:
        x = param_value_in_internal_repr
        if not self.low <= x <= self.high:
            return False
        if self.step is None or self.grid is None:
            return True
        k = (x - self.low) / self.step
        off = abs(k - round(k))  # in steps; as much as rounding may do is allowed
        return off < 1.0e-8 or off * self.step <= 2.0 * math.ulp(max(abs(x), abs(self.low)))


class IntDistribution(BaseDistribution):
    """Integers from `low` to `high`, both included.

    With `log`, equal ratios are equally far apart. With `step`, only `low + k * step` is
    possible, and `high` is lowered to the last such value, with a warning. Internal values are
    floats, so beyond 2**53 not every integer can be proposed.

    Raises:
        InvalidTypeError: If a bound or the step is not a number.
        InvalidValueError: If `low > high`, `step < 1`, `log` with `low < 1` or with a step other
            than 1, or if a bound is not finite.
    """

    __slots__ = ("_rounded", "_span", "_start", "axis", "grid", "high", "log", "low", "step")
    fields: ClassVar[tuple[str, ...]] = ("log", "step", "low", "high")

    low: int
    high: int
    log: bool
    step: int
    axis: Axis
    grid: Grid
    _start: float
    _span: float
    _rounded: bool  # beyond 2**53, where not every integer has a float

    def __init__(self, low: int, high: int, log: bool = False, step: int = 1) -> None:
        self._fill(low, high, log, step)
        for name, given in (("low", low), ("high", high), ("step", step)):
            whole = _whole(name, given)
            if whole != given:
                optuna_warn(f"`{name}` is {given}, which is not an integer; {whole} is used.")
            if name == "high" and whole != self.high:
                optuna_warn(
                    f"`high` is lowered from {whole} to {self.high}, because the range from "
                    f"{low} is not divisible by `step` ({step})."
                )

    def _fill(self, *arguments: Any) -> None:
        low, high = _whole("low", arguments[0]), _whole("high", arguments[1])
        log, step = bool(arguments[2]), _whole("step", arguments[3])
        if low > high:
            raise invalid("low", f"be at most `high` ({high})", low)
        if log and low < 1:
            raise invalid("low", "be at least 1 when `log` is true", low)
        if step < 1:
            raise invalid("step", "be positive", step)
        if log and step != 1:
            raise invalid("step", "be 1 when `log` is true", step)
        high -= (high - low) % step
        first, last = float(low), float(high)
        if not math.isfinite(last - first):
            raise invalid("high", "be a finite distance from `low`", (low, high))
        if log:
            start = math.log(first - 0.5)
            axis = Axis(start, math.log(last + 0.5) - start, True, first, last, 1.0)
        else:
            axis = Axis(first - step / 2, last - first + step, False, first, last, float(step))
        grid = Grid((high - low) // step + 1, first, float(step), 1.0)
        self._set(low=low, high=high, log=log, step=step, axis=axis, grid=grid)
        rounded = max(-low, high) > EXACT
        self._set(_start=axis.start, _span=axis.span, _rounded=rounded)
        self._seal(low, high, log, step)

    def _arguments(self) -> tuple[Any, ...]:
        return self.low, self.high, self.log, self.step

    @property
    def family(self) -> tuple[str, bool]:
        return "int", self.log

    def at(self, u: float) -> float:
        if self.log:
            x = round(math.exp(self._start + u * self._span))
        else:
            x = self.low + int(u * self.grid.cells) * self.step
        return float(self.low if x < self.low else self.high if x > self.high else x)

    def to_internal_repr(self, param_value_in_external_repr: int) -> float:
        return _number(param_value_in_external_repr, self.log)

    def to_external_repr(self, param_value_in_internal_repr: float) -> int:
        x = int(param_value_in_internal_repr)
        if self._rounded and self._contains(param_value_in_internal_repr):
            for end in (self.high, self.low):
                if param_value_in_internal_repr == float(end):
                    return end
            k = (min(max(x, self.low), self.high) - self.low + self.step // 2) // self.step
            return self.low + min(k, self.grid.cells - 1) * self.step
        return x

    def single(self) -> bool:
        return self.low == self.high

    def _contains(self, param_value_in_internal_repr: float) -> bool:
        x = param_value_in_internal_repr
        if self._rounded:
            return float(self.low) <= x <= float(self.high)
        return self.low <= x <= self.high and (x - self.low) % self.step == 0


def real(name: str, value: object) -> float:
    """`value` as a finite float; accepts what `float` does, except text."""
    number = _cast(name, value)
    if not math.isfinite(number):
        raise invalid(name, "be finite", value)
    return number


def _cast(name: str, value: Any) -> float:
    if type(value) is float:
        return value
    if value is None or isinstance(value, (str, bytes, bytearray)):
        raise wrong_type(name, "be a number", value)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise wrong_type(name, "be a number", value) from None
    except OverflowError:
        return math.inf


def _whole(name: str, value: Any) -> int:
    if type(value) is not int:
        try:
            value = operator.index(value)
        except TypeError:
            return int(real(name, value))
    if not math.isfinite(_cast(name, value)):
        raise invalid(name, "be finite as a float", value)
    return int(value)


def _number(value: Any, log: bool) -> float:
    if type(value) is not float:
        try:
            value = float(value)
        except (TypeError, ValueError, OverflowError):
            raise invalid("value", "be a number", value) from None
    if value != value:
        raise invalid("value", "not be NaN", value)
    if log and value <= 0.0:
        raise invalid("value", "be positive when `log` is true", value)
    return float(value)


def _steps(low: float, high: float, step: float) -> tuple[float, Grid | None]:
    """The last value that is possible, and the grid; none if steps are finer than floats.

    In decimals as a user reads them, so that 0.3 is three steps of 0.1 and not 2.9999999999999996.
    """
    start, stride = Decimal(repr(low)), Decimal(repr(step))
    count, last = _count(start, high, stride)
    if float(last) != high:  # count again, so that the result depends on the lowered `high` alone
        count, last = _count(start, float(last), stride)
    if count >= EXACT:
        return float(last), None
    places = max(0, -_exponent(start), -_exponent(stride))
    whole = [int(_DECIMALS.scaleb(x, places)) for x in (start, stride, last)]
    if places <= 22 and max(map(abs, whole)) <= EXACT:  # then also 10**places is a float
        return float(last), Grid(count + 1, float(whole[0]), float(whole[1]), 10.0**places)
    return float(last), Grid(count + 1, low, step, 1.0)


def _count(start: Decimal, high: float, stride: Decimal) -> tuple[int, Decimal]:
    """How many steps lead from `start` to `high`, and where they end.

    A `high` that is such an end, rounded to a float, is reached even if it was rounded down.
    """
    way = _DECIMALS.subtract(Decimal(repr(high)), start)
    count = _DECIMALS.divide_int(way, stride)
    beyond = _DECIMALS.fma(_DECIMALS.add(count, 1), stride, start)
    if float(beyond) == high:
        return int(count) + 1, beyond
    return int(count), _DECIMALS.fma(count, stride, start)


def _exponent(x: Decimal) -> int:
    return int(x.as_tuple().exponent)  # a finite number's exponent is no letter
