"""What a sampler's deprecated `constraints_func` says of a trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from skipjack.errors import invalid, wrong_type
from skipjack.records.attributes import float_value
from skipjack.records.frozen import FrozenTrial

CONSTRAINTS = "constraints"  # the system attribute that keeps them


def checked_constraints(
    func: Callable[[FrozenTrial], Sequence[float]], trial: FrozenTrial
) -> list[float]:
    """What `func` says of a trial, as floats.

    Raises:
        TypeError: If it returns anything but numbers in a tuple or list.
        ValueError: If one of them is NaN.
    """
    given = func(trial)
    if not isinstance(given, (tuple, list)):
        raise wrong_type("constraints_func", "return a tuple or a list", given)
    numbers = [float_value("constraints_func", value) for value in given]
    if any(map(math.isnan, numbers)):
        raise invalid("constraints_func", "not return NaN", given)
    return numbers
