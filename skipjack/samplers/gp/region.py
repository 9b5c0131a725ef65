"""The box round the best that some proposals keep to: it grows with success, else it shrinks.

Source: D. Eriksson, M. Pearce, J. Gardner, R. D. Turner, M. Poloczek, "Scalable global
    optimization via local Bayesian optimization", NeurIPS 2019, algorithm 1 (sizes and counters);
    Y. Diouane, V. Picheny, R. Le Riche, A. Scotto Di Perrotolo, "TREGO: a trust-region framework
    for efficient global optimization", J. Glob. Optim. 86 (2023), section 3 (taking turns with
    proposals from everywhere).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skipjack.records.history import History
from skipjack.records.space import FloatArray
from skipjack.records.states import TrialState

_FIRST, _LEAST, _MOST = 0.8, 2.0**-7, 1.6  # sizes of the box; below the least it starts anew
_WINS = 3  # in a row, until it doubles
_EVERY = 5  # trials, of which one keeps to the box
_NEXT = 1.6  # cells: as far as the middle of the next, also if that is wider
_LOSSES = 4  # in a row, or one for each parameter if these are more, until it halves


class Region(NamedTuple):
    """How large the box is.

    Attributes:
        best: Violation of the constraints and loss of the best trial so far.
        size: Edge of the box in the unit cube, before it is stretched.
        wins, losses: Of its proposals in a row, at most one of them above 0.
    """

    best: tuple[float, float]
    size: float
    wins: int
    losses: int


def is_local(number: int) -> bool:
    """Whether a trial keeps to the box: one in five; more did harm (benchmarks/regret)."""
    return number % _EVERY == _EVERY - 1


@dataclass(frozen=True)
class RegionFold:
    """Keeps the box of a study with one objective.

    Attributes:
        d: Number of parameters.
        n_start: Trials of the start, which say nothing of the box.
    """

    d: int
    n_start: int

    def start(self, history: History) -> Region:
        """No trials yet."""
        return Region((math.inf, math.inf), _FIRST, 0, 0)

    def extend(self, state: Region, history: History, first: int, last: int) -> Region:
        """Take in rows."""
        best, size, wins, losses = state
        for row in range(first, last):
            complete = history.states[row] == TrialState.COMPLETE
            loss = float(history.losses[row, 0]) if complete else math.inf
            now = float(history.violation[row]), math.inf if math.isnan(loss) else loss
            better = now[1] < math.inf and now < best
            if better:
                best = now
            number = int(history.numbers[row])
            if number < self.n_start or not is_local(number):
                continue
            wins, losses = (wins + 1, 0) if better else (0, losses + 1)
            if wins == _WINS:
                size, wins = min(2.0 * size, _MOST), 0
            elif losses == max(_LOSSES, self.d):
                size, losses = size / 2.0, 0
                if size < _LEAST:
                    size = _FIRST
        return Region(best, size, wins, losses)


def box(
    size: float, centre: FloatArray, lengths: FloatArray, cells: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The lower and upper corner of the box, within the unit cube, each of shape (d,).

    Args:
        size: Its mean edge.
        centre: Shape (d,).
        lengths: Length-scales, which its edges are proportional to; shape (d,).
        cells: Widths of the cells of the centre, shape (d,), 0 for continuous parameters: the
            next cell to either side belongs to the box.
    """
    log = np.log(lengths)
    half = np.maximum(0.5 * size * np.exp(log - log.mean()), _NEXT * cells)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
