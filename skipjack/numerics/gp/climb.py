"""The highest points near several starts, all climbed at once.

Source: D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization",
Math. Program. 45 (1989), doi:10.1007/BF01589116; D. P. Bertsekas, "Projected Newton methods for
optimization problems with simple constraints", SIAM J. Control Optim. 20 (1982),
doi:10.1137/0320018 (bounds).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from skipjack.numerics.gp.kernel import FloatArray

BoolArray: TypeAlias = npt.NDArray[np.bool_]
Function: TypeAlias = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

_MEMORY = 5  # steps
_ENOUGH = 1e-4  # of the rise that the slope promises
_SHORTER = 0.25
_SHORTEST = 1e-4
_TIRED = 2  # steps in a row that rise by less than `rise`


def climb(
    function: Function,
    starts: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    steps: int,
    least: float = 1e-2,
    rise: float = 1e-3,
) -> tuple[FloatArray, FloatArray]:
    """Points where the function is higher than at the starts, and its values there.

    Args:
        function: From points, shape (c, d), values and gradients, shape (c,) and (c, d).
        starts: Shape (c, d), within the bounds.
        lower: Bounds of each coordinate of each start, shape (c, d).
        upper: The same.
        steps: How often the function is evaluated at all points, besides the starts.
        least: A start is done when its gradient, projected on the bounds, is smaller,
        rise: or when it rises by less in two steps in a row.

    Returns:
        Shape (c, d) and (c,).
    """
    x, (value, slope) = starts, function(starts)
    c, d = x.shape
    moves, turns = np.zeros((c, _MEMORY, d)), np.zeros((c, _MEMORY, d))
    pace, tired = np.ones(c), np.zeros(c)
    for _ in range(steps):
        free = np.where(slope < 0, x > lower, x < upper)
        uphill = np.where(free, slope, 0.0)
        going = (np.abs(uphill).max(axis=1, initial=0.0) > least) & (pace > _SHORTEST)
        going &= tired < _TIRED
        if not going.any():
            break
        heading = _heading(uphill, free, moves, turns)
        tried = np.minimum(np.maximum(x + pace[:, None] * heading, lower), upper)
        now, slope_now = function(tried)
        move = tried - x
        promised = np.einsum("ij,ij->i", move, slope)
        better = going & (now >= value + _ENOUGH * np.maximum(promised, 0.0)) & (move != 0).any(1)
        turn = slope - slope_now  # the function is climbed, so this is positive where it is concave
        noted = better & (np.einsum("ij,ij->i", move, turn) > 1e-12)
        moves[noted, :-1], turns[noted, :-1] = moves[noted, 1:], turns[noted, 1:]
        moves[noted, -1], turns[noted, -1] = move[noted], turn[noted]
        tired = np.where(better, np.where(now - value < rise, tired + 1, 0), tired)
        x = np.where(better[:, None], tried, x)
        value = np.where(better, now, value)
        slope = np.where(better[:, None], slope_now, slope)
        pace = np.where(better, 1.0, _SHORTER * pace)
    return x, value


def _heading(
    uphill: FloatArray, free: BoolArray, moves: FloatArray, turns: FloatArray
) -> FloatArray:
    """Where to go: the gradient times an estimate of the inverse of the curvature, shape (c, d).

    Pairs of moves and turns, shape (c, m, d), the newest last, are 0 where there is none.

    Source: R. H. Byrd, J. Nocedal, R. B. Schnabel, "Representations of quasi-Newton matrices and
        their use in limited memory methods", Math. Program. 63 (1994), doi:10.1007/BF01582063,
        equation 3.1.
    """
    size = np.sqrt(np.einsum("ij,ij->i", uphill, uphill))
    first = np.minimum(0.1 / np.maximum(size, 1e-12), 1.0)
    backwards = turns.transpose(0, 2, 1)
    products = np.triu(moves @ backwards)  # R in the source
    bends = products.diagonal(axis1=1, axis2=2)  # D
    squares = turns @ backwards
    known = bends[:, -1] > 0
    gauge = np.where(known, bends[:, -1] / np.where(known, squares[:, -1, -1], 1.0), first)
    here, scale = uphill[:, :, None], gauge[:, None, None]
    filled = np.where(bends > 0, 0.0, 1.0)[:, :, None] * np.eye(_MEMORY)
    inverse = np.linalg.inv(products + filled)
    steep = inverse @ (moves @ here)
    along = bends[:, :, None] * steep + scale * (squares @ steep - turns @ here)
    along = inverse.transpose(0, 2, 1) @ along
    q = scale * (here - backwards @ steep) + moves.transpose(0, 2, 1) @ along
    heading = np.where(free, q[:, :, 0], 0.0)
    rising = np.einsum("ij,ij->i", heading, uphill) > 0
    return np.where(rising[:, None], heading, uphill * first[:, None])
