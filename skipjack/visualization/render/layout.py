"""Where panels stand and how large figures are, whoever draws them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from skipjack.visualization.figure import Figure, Panel

PANEL = (900, 520)  # pixels of a figure of one panel
_SMALL = (300, 260)  # of one of several panels in reading order
_MATRIX = 190, 4  # of one of a matrix, and up to how many of them side by side
_MOST = 1300  # of a matrix


@final
@dataclass(frozen=True, slots=True)
class Box:
    """The edges of a panel as shares of the figure, from its lower left corner."""

    left: float
    right: float
    bottom: float
    top: float


def size_of(figure: Figure) -> tuple[int, int]:
    """Width and height in pixels."""
    rows, columns = len(figure.panels), max(map(len, figure.panels))
    if rows == columns == 1:
        return PANEL
    if figure.is_matrix:
        side = min(_MOST, max(760, 190 * columns))
        return side + 120, side + 60
    return max(PANEL[0], _SMALL[0] * columns + 120), max(460, _SMALL[1] * rows + 170)


def boxes(figure: Figure) -> Iterator[tuple[int, int, Panel, Box]]:
    """Row, column, panel and box of each panel."""
    rows, columns = len(figure.panels), max(map(len, figure.panels))
    shows_x = any(panel.x.shows_labels for row, _, panel in figure if row + 1 < rows)
    shows_y = any(panel.y.shows_labels for _, column, panel in figure if column)
    width, height = size_of(figure)
    across = (70 if shows_y else 14 if figure.is_matrix else 34) / width
    along = (64 if shows_x else 14) / height
    w = (1 - across * (columns - 1)) / columns
    h = (1 - along * (rows - 1)) / rows
    for row, column, panel in figure:
        left, top = column * (w + across), 1 - row * (h + along)
        yield row, column, panel, Box(left, left + w, max(0.0, top - h), top)
