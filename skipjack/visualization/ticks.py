"""Round numbers between two ends."""

from __future__ import annotations

import math


def round_numbers(low: float, high: float, most: int = 6) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten from `low` to `high`; at most about `most`."""
    span = high - low
    if not span > 0:
        return [low]
    raw = span / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def powers(low: float, high: float) -> list[float]:
    """Powers of ten from `low` to `high`; if there are fewer than two, 2 and 5 times them too."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    stride = max(1, (last - first) // 6)
    tens = [10.0**k for k in range(first, last + 1, stride)]
    found = [ten for ten in tens if low <= ten <= high]
    if len(found) < 2:
        found = [f * 10.0**k for k in range(first, last + 1) for f in (1, 2, 5)]
        found = [value for value in found if low <= value <= high]
    return found if len(found) >= 2 else round_numbers(low, high)


def text(value: float) -> str:
    """A number as short as it can be said in four digits."""
    if value == 0:
        return "0"
    shown = f"{value:.4g}"
    if "e" in shown:
        digits, _, power = shown.partition("e")
        return f"{digits}e{int(power)}"
    return shown
