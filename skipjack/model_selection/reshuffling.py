"""Splits made anew by the same splitter with another random state."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from skipjack.errors import invalid


def reshuffled(
    cv: Any, X: Any, y: Any, split_params: Mapping[str, Any], seed: int | None
) -> Callable[[int], list[tuple[Any, Any]]]:
    """A function that makes the splits of number 0, 1, 2, ..., equal when called again.

    Args:
        cv: The splitter. It must have a `random_state`; if it can `shuffle`, it does.
        X, y: What is split.
        split_params: More arguments of `split`, such as `groups`.
        seed: Of all of them; None for a random one.

    Raises:
        ValueError: If the splitter makes no random splits.
    """
    is_fixed = hasattr(cv, "shuffle") and "shuffle" not in inspect.signature(type(cv)).parameters
    if is_fixed or not hasattr(cv, "random_state"):  # scikit-learn's TimeSeriesSplit has both
        hint = "Take KFold or StratifiedKFold with `shuffle=True`, or a repeated one."
        raise invalid("cv", "have a `random_state` to make other splits", cv, hint)
    root = np.random.SeedSequence(seed)

    @lru_cache(maxsize=64)
    def splits(number: int) -> list[tuple[Any, Any]]:
        state = np.random.SeedSequence(root.entropy, spawn_key=(number,)).generate_state(1)
        other = copy.deepcopy(cv)
        if hasattr(other, "shuffle"):
            other.shuffle = True
        other.random_state = int(state[0])
        return list(other.split(X, y, **split_params))

    return splits
