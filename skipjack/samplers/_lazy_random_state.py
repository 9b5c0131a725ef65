"""Where companions of Optuna look for a generator that is made on first use."""

from __future__ import annotations

import numpy as np


class LazyRandomState:
    """A `numpy.random.RandomState` that is made when it is first asked for.

    Args:
        seed: Its seed; None: from the operating system.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._seed = seed
        self._rng: np.random.RandomState | None = None

    @property
    def rng(self) -> np.random.RandomState:
        """The generator."""
        if self._rng is None:
            self._rng = np.random.RandomState(self._seed)
        return self._rng
