"""What a figure is, whoever draws it: panels, axes and seven marks; no plotting package.

All numbers are final: what is thinned, sorted or clipped is so before a mark is made, so that every
backend draws the same. Colours are named by their role; a renderer's theme says what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, final

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

Role: TypeAlias = Literal[
    "main",
    "best",
    "muted",
    "text",
    "complete",
    "pruned",
    "fail",
    "running",
    "waiting",
    "infeasible",
    "series0",
    "series1",
    "series2",
    "series3",
    "series4",
    "series5",
    "series6",
    "series7",
]
Symbol: TypeAlias = Literal["circle", "cross", "diamond", "star", "open"]
Dash: TypeAlias = Literal["solid", "dash", "dot"]

SERIES: tuple[Role, ...] = (
    "series0",
    "series1",
    "series2",
    "series3",
    "series4",
    "series5",
    "series6",
    "series7",
)


def series(index: int) -> Role:
    """The role of the colour of the study, objective or group number `index`."""
    return SERIES[index % len(SERIES)]


@final
@dataclass(frozen=True, slots=True)
class Axis:
    """One axis.

    Attributes:
        title: What is measured; "" for none.
        kind: "linear"; "log"; "category", where value k stands for `names[k]`; or "time", where
            values are seconds since the epoch.
        names: Of the categories, first to last.
        ticks: Values and their texts, instead of round numbers.
        low, high: Where the axis ends, in its values; None: where the marks do.
        reverse: Whether values grow downwards or to the left.
        whole: Whether ticks stand at whole numbers only.
        shows_labels: Whether ticks and title are written (not between panels that share them).
    """

    title: str = ""
    kind: Literal["linear", "log", "category", "time"] = "linear"
    names: tuple[str, ...] = ()
    ticks: tuple[tuple[float, str], ...] = ()
    low: float | None = None
    high: float | None = None
    reverse: bool = False
    whole: bool = False
    shows_labels: bool = True


@final
@dataclass(frozen=True, slots=True)
class Scale:
    """What the shades of marks stand for: a bar beside the figure.

    Attributes:
        title: What is measured.
        low, high: The values at the ends of the bar; what lies beyond has the colour of the end.
        best: Which end is good and gets the strong colour; None: neither is.
        ticks: Values and their texts, instead of plain numbers.
    """

    title: str
    low: float
    high: float
    best: Literal["low", "high"] | None = None
    ticks: tuple[tuple[float, str], ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Points:
    """Points in two dimensions, or in three.

    Attributes:
        x, y, z: Where they are, shape (n,); without `z` on a plane.
        label: In the legend; "" for not there.
        role: Their colour, unless they have shades.
        shade: Their values on the figure's scale, shape (n,).
        error: How far their error bars reach up and down, shape (n,).
        trials: Their trial numbers, shape (n,).
        hover: What is said of each when it is pointed at, if the backend can.
        symbol, size, opacity: Their look; size in points.
    """

    x: FloatArray
    y: FloatArray
    label: str = ""
    role: Role = "main"
    z: FloatArray | None = None
    shade: FloatArray | None = None
    error: FloatArray | None = None
    trials: IntArray | None = None
    hover: tuple[str, ...] = ()
    symbol: Symbol = "circle"
    size: float = 6.0
    opacity: float = 1.0


@final
@dataclass(frozen=True, slots=True)
class Line:
    """A line from point to point; NaN interrupts it.

    Attributes:
        x, y: Its points, shape (n,).
        label: In the legend; "" for not there.
        name: What is said of it when it is pointed at; the label if "".
        role, dash, width, opacity: Its look; width in points.
        steps: Whether each value holds until the next x.
        has_dots: Whether each point gets a dot.
        group: Lines of one group share the legend's entry of the first of them.
    """

    x: FloatArray
    y: FloatArray
    label: str = ""
    name: str = ""
    role: Role = "main"
    dash: Dash = "solid"
    width: float = 1.5
    opacity: float = 1.0
    steps: bool = False
    has_dots: bool = False
    group: str = ""


@final
@dataclass(frozen=True, slots=True)
class Band:
    """The area between two lines.

    Attributes:
        x, low, high: Its edges, shape (n,).
        label: In the legend; "" for not there.
        role, opacity: Its look.
        steps: Whether each value holds until the next x.
    """

    x: FloatArray
    low: FloatArray
    high: FloatArray
    label: str = ""
    role: Role = "main"
    opacity: float = 0.2
    steps: bool = False


@final
@dataclass(frozen=True, slots=True)
class Bars:
    """Horizontal bars that start at 0.

    Attributes:
        y, lengths: Where they are and how far they reach, shape (n,).
        label: In the legend; "" for not there.
        role: Their colour.
        thickness: Of each bar, in units of y.
        error: How far their error bars reach to both sides, shape (n,).
        texts: What is written at the end of each.
        hover: What is said of each when it is pointed at, if the backend can.
    """

    y: FloatArray
    lengths: FloatArray
    label: str = ""
    role: Role = "main"
    thickness: float = 0.7
    error: FloatArray | None = None
    texts: tuple[str, ...] = ()
    hover: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Spans:
    """Horizontal bars from somewhere to somewhere, one above the other.

    Attributes:
        start, end, y: Their ends and heights, shape (n,).
        label: In the legend; "" for not there.
        role: Their colour.
        thickness: Of each, in units of y.
        hover: What is said of each when it is pointed at, if the backend can.
    """

    start: FloatArray
    end: FloatArray
    y: FloatArray
    label: str = ""
    role: Role = "main"
    thickness: float = 0.8
    hover: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Contour:
    """Values on a grid as filled contours, on the figure's scale.

    Attributes:
        x, y: The grid's places, rising, shapes (p,) and (q,).
        z: The values, shape (q, p); NaN where nothing is known.
        levels: The values between which it is filled, at equal distances, at least two.
    """

    x: FloatArray
    y: FloatArray
    z: FloatArray
    levels: tuple[float, ...]


@final
@dataclass(frozen=True, slots=True)
class Parallel:
    """One line per row through vertical axes side by side, shaded by the figure's scale.

    Attributes:
        axes: The axes, each with a scale of its own, d of them.
        values: Shape (n, d); the last row is drawn on top. NaN: the line is interrupted there.
        shade: On the figure's scale, shape (n,).
        trials: Trial numbers, shape (n,).
    """

    axes: tuple[Axis, ...]
    values: FloatArray
    shade: FloatArray
    trials: IntArray


Mark: TypeAlias = Points | Line | Band | Bars | Spans | Contour | Parallel


@final
@dataclass(frozen=True, slots=True)
class Panel:
    """Marks between two or three axes, drawn in their order.

    Attributes:
        x, y, z: The axes; without `z` a plane.
        marks: What is drawn.
        title: Above it.
        note: Written in its middle: why there is nothing to see.
    """

    x: Axis
    y: Axis
    marks: tuple[Mark, ...] = ()
    z: Axis | None = None
    title: str = ""
    note: str = ""


@final
@dataclass(frozen=True, slots=True)
class Figure:
    """Panels in rows and columns, and what they share.

    Attributes:
        title: Above all.
        panels: Rows of panels, all of one length; None where there is none.
        scale: What shades stand for.
        notes: Small print: what is not shown, and why.
        shares_x, shares_y: Whether the panels of a column, or of a row, have one axis: when one
            is moved so are the others.
        is_matrix: Whether rows and columns mean something; else panels stand in reading order.
    """

    title: str
    panels: tuple[tuple[Panel | None, ...], ...]
    scale: Scale | None = None
    notes: tuple[str, ...] = field(default=())
    shares_x: bool = False
    shares_y: bool = False
    is_matrix: bool = False

    def __iter__(self) -> Iterator[tuple[int, int, Panel]]:
        """Row, column and panel, for those that there are."""
        for row, panels in enumerate(self.panels):
            for column, panel in enumerate(panels):
                if panel is not None:
                    yield row, column, panel

    @property
    def panel(self) -> Panel:
        """The first panel."""
        return next(panel for _, _, panel in self)


def single(title: str, panel: Panel, *notes: str, scale: Scale | None = None) -> Figure:
    """A figure of one panel; empty notes are left out."""
    return Figure(title, ((panel,),), scale, tuple(filter(None, notes)))
