"""What colours and sizes look like, on light and on dark ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, final

from skipjack.visualization.figure import Role, Scale

Stops: TypeAlias = tuple[str, ...]  # colours at equal distances, "#rrggbb"


@final
@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a figure.

    Attributes:
        name: "light" or "dark".
        roles: The colour of each role.
        ground: Behind all.
        grid: Of lines behind the marks.
        text: Of what is written; `faint` of small print.
        good: Shades from bad to good.
        even: Shades where neither end is good.
    """

    name: Literal["light", "dark"]
    roles: dict[Role, str]
    ground: str
    grid: str
    text: str
    faint: str
    good: Stops
    even: Stops

    def stops(self, scale: Scale) -> Stops:
        """The colours of a scale from its low end to its high end."""
        if scale.best is None:
            return self.even
        return self.good[::-1] if scale.best == "low" else self.good


LIGHT = Theme(
    "light",
    {
        "main": "#2f6db5",
        "best": "#d1495b",
        "muted": "#b9c0c9",
        "text": "#2b3440",
        "complete": "#2f6db5",
        "pruned": "#e08e1b",
        "fail": "#c23b4e",
        "running": "#3a9a66",
        "waiting": "#9aa3ae",
        "infeasible": "#b9c0c9",
        "series0": "#2f6db5",
        "series1": "#e08e1b",
        "series2": "#3a9a66",
        "series3": "#c23b4e",
        "series4": "#7d5fb2",
        "series5": "#17a2b8",
        "series6": "#8a5a3c",
        "series7": "#d36aa8",
    },
    ground="#ffffff",
    grid="#e6eaef",
    text="#2b3440",
    faint="#6b7683",
    good=("#c3dde0", "#97cbca", "#62b0b5", "#3a84a5", "#3a5590", "#2c2263"),
    even=("#4c2a85", "#3a62b0", "#2f97a8", "#58bd7f", "#c9d94a"),
)
DARK = Theme(
    "dark",
    {
        "main": "#6ea8e8",
        "best": "#ff7b8a",
        "muted": "#7d8896",
        "text": "#e3e8ee",
        "complete": "#6ea8e8",
        "pruned": "#f2b04c",
        "fail": "#f0687a",
        "running": "#63c890",
        "waiting": "#7b8694",
        "infeasible": "#7d8896",
        "series0": "#6ea8e8",
        "series1": "#f2b04c",
        "series2": "#63c890",
        "series3": "#f0687a",
        "series4": "#b095e6",
        "series5": "#4cc9dc",
        "series6": "#c99a78",
        "series7": "#f29acb",
    },
    ground="#15191f",
    grid="#2a313b",
    text="#e3e8ee",
    faint="#97a2b0",
    good=("#44528a", "#3d6a9c", "#2f86a3", "#4fb8a0", "#a9dd8f", "#fdf5b2"),
    even=("#8d6be0", "#5b8be8", "#3fb6c4", "#7fd68f", "#eef06a"),
)
THEMES = {"light": LIGHT, "dark": DARK}


def luminance(colour: tuple[float, float, float]) -> float:
    """How bright a colour of red, green and blue from 0 to 1 looks, from 0 to 1.

    Source: ITU-R BT.709, section 3.2 (without the transfer function, which tells light ground from
        dark just as well).
    """
    red, green, blue = colour
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def rgb(colour: str) -> tuple[float, float, float]:
    """Red, green and blue from 0 to 1 of "#rrggbb"."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue
