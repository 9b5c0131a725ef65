"""Figures drawn by Plotly; knows no study."""

from __future__ import annotations

import datetime
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, final

import numpy as np
import numpy.typing as npt

from skipjack import _optional
from skipjack.visualization.figure import (
    Axis,
    Band,
    Bars,
    Contour,
    Figure,
    FloatArray,
    Line,
    Panel,
    Parallel,
    Points,
    Scale,
    Spans,
)
from skipjack.visualization.render.layout import PANEL, Box, boxes, size_of
from skipjack.visualization.render.texts import ticks_of, worded
from skipjack.visualization.render.theme import DARK, LIGHT, THEMES, Stops, Theme, rgb

go = _optional.lazy("plotly.graph_objects", extra="plot", needed_by="skipjack.visualization")
pio = _optional.lazy("plotly.io", extra="plot", needed_by="skipjack.visualization")

_SYMBOLS = {
    "circle": "circle",
    "cross": "x",
    "diamond": "diamond",
    "star": "star",
    "open": "circle-open",
}
_FEW = 64
_DASHES = {"solid": "solid", "dash": "dash", "dot": "dot"}
_FONT = "Inter, Helvetica Neue, Helvetica, Arial, sans-serif"


@final
@dataclass(frozen=True, slots=True)
class _Place:
    """Where a mark is drawn: its panel, the names of its axes, and the colours."""

    panel: Panel
    axes: dict[str, str]
    theme: Theme
    box: Box


def render(figure: Figure, theme: str | None = None) -> Any:
    """The figure as a `plotly.graph_objects.Figure`.

    Args:
        figure: What to draw.
        theme: "light" or "dark"; None: as Plotly's default template is.

    Raises:
        ImportError: If Plotly is not installed.
    """
    figure = worded(figure, _plain)
    template = pio.templates.default
    own = theme is not None or template in (None, "plotly")  # nobody has chosen another one
    dark = "dark" in str(template)
    colours = THEMES[theme] if theme is not None else DARK if dark else LIGHT
    data: list[dict[str, Any]] = []
    layout = _layout(figure, colours, own)
    for number, (row, column, panel, box) in enumerate(boxes(figure), start=1):
        place = _Place(panel, _axes_of(panel, number), colours, box)
        if not any(isinstance(mark, Parallel) for mark in panel.marks):
            _add_axes(layout, figure, place, number, (row, column))
        for mark in panel.marks:
            data += [trace | place.axes for trace in _traces(mark, place)]
        _add_texts(layout, place)
    if figure.scale is not None:
        layout["coloraxis"] = _colour_axis(figure.scale, colours)
    # Checking what was just made takes longer than making it; what a user changes later is checked.
    made = go.Figure(data=data, layout=layout, _validate=False)
    for part in (made, made.layout, *made.data):
        part._validate = True
    return made


# Marks


@singledispatch
def _traces(mark: Any, place: _Place) -> list[dict[str, Any]]:
    raise TypeError(f"no mark: {mark!r}")


@_traces.register
def _(mark: Points, place: _Place) -> list[dict[str, Any]]:
    x, y = place.panel.x, place.panel.y
    marker: dict[str, Any] = {
        "size": mark.size,
        "opacity": mark.opacity,
        "symbol": _SYMBOLS[mark.symbol],
    }
    if mark.shade is not None:
        marker |= {"color": mark.shade, "coloraxis": "coloraxis"}
    else:
        marker["color"] = place.theme.roles[mark.role]
    if mark.symbol != "open":
        marker["line"] = {"width": 0.5, "color": place.theme.ground}
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": _numbers(mark.x, x),
        "y": _numbers(mark.y, y),
        "marker": marker,
        **_legend(mark.label),
    }
    says = [f"{x.title}: %{{x}}", f"{y.title}: %{{y}}"]
    if mark.z is not None and place.panel.z is not None:
        trace |= {"type": "scatter3d", "z": _numbers(mark.z, place.panel.z)}
        marker["size"] = mark.size * 0.7
        says.append(f"{place.panel.z.title}: %{{z}}")
    if mark.trials is not None:
        trace["customdata"] = mark.trials
        says.insert(0, "Trial %{customdata}")
    if mark.hover:
        trace["hovertext"] = mark.hover
        says = ["%{hovertext}", *(one for one in says if not one.startswith("Trial %"))]
    trace["hovertemplate"] = "<br>".join(says) + _extra(mark.label)
    if mark.error is not None:
        trace["error_y"] = {
            "type": "data",
            "array": mark.error,
            "thickness": 1.2,
            "color": place.theme.roles[mark.role],
        }
    return [trace]


@_traces.register
def _(mark: Line, place: _Place) -> list[dict[str, Any]]:
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers" if mark.has_dots else "lines",
        "x": _numbers(mark.x, place.panel.x),
        "y": _numbers(mark.y, place.panel.y),
        "line": {"color": place.theme.roles[mark.role], "width": mark.width},
        "hovertemplate": f"{place.panel.x.title}: %{{x}}<br>{place.panel.y.title}: %{{y}}"
        + _extra(mark.name or mark.label),
        **_legend(mark.label),
    }
    if mark.dash != "solid":
        trace["line"]["dash"] = _DASHES[mark.dash]
    if mark.steps:
        trace["line"]["shape"] = "hv"
    if mark.opacity < 1:
        trace["opacity"] = mark.opacity
    if mark.group:
        trace["legendgroup"] = mark.group
    if mark.has_dots:
        trace["marker"] = {"size": 4}
    return [trace]


@_traces.register
def _(mark: Band, place: _Place) -> list[dict[str, Any]]:
    edge = {
        "type": "scatter",
        "mode": "lines",
        "x": _numbers(mark.x, place.panel.x),
        "line": {"width": 0, "shape": "hv" if mark.steps else "linear"},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    red, green, blue = (round(255 * part) for part in rgb(place.theme.roles[mark.role]))
    fill = {"fill": "tonexty", "fillcolor": f"rgba({red},{green},{blue},{mark.opacity})"}
    low, high = (_numbers(v, place.panel.y) for v in (mark.low, mark.high))
    return [edge | {"y": low}, edge | fill | {"y": high} | _legend(mark.label)]


@_traces.register
def _(mark: Bars, place: _Place) -> list[dict[str, Any]]:
    trace: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "x": mark.lengths,
        "y": mark.y,
        "width": mark.thickness,
        "marker": {"color": place.theme.roles[mark.role], "line": {"width": 0}},
        "text": list(mark.texts) or None,
        "textposition": "outside",
        "cliponaxis": False,
        "hovertext": list(mark.hover) or None,
        "hovertemplate": ("%{hovertext}" if mark.hover else "%{x}") + _extra(mark.label),
        **_legend(mark.label),
    }
    if mark.error is not None:
        trace["error_x"] = {"type": "data", "array": mark.error, "thickness": 1.2}
    return [trace]


@_traces.register
def _(mark: Spans, place: _Place) -> list[dict[str, Any]]:
    timed = place.panel.x.kind == "time"
    colour = place.theme.roles[mark.role]  # also of the edge, so that short ones can be seen
    return [
        {
            "type": "bar",
            "orientation": "h",
            "base": _numbers(mark.start, place.panel.x),
            "x": (mark.end - mark.start) * (1000.0 if timed else 1.0),
            "y": mark.y,
            "width": mark.thickness,
            "marker": {"color": colour, "line": {"width": 1, "color": colour}},
            "hovertext": list(mark.hover) or None,
            "hovertemplate": ("%{hovertext}" if mark.hover else "%{base}") + _extra(mark.label),
            **_legend(mark.label),
        }
    ]


@_traces.register
def _(mark: Contour, place: _Place) -> list[dict[str, Any]]:
    x, y = place.panel.x.title, place.panel.y.title
    first, second, *_, last = *mark.levels[:2], mark.levels[-1]
    return [
        {
            "type": "contour",
            "x": mark.x,
            "y": mark.y,
            "z": mark.z,
            "coloraxis": "coloraxis",
            "autocontour": False,
            "contours": {"start": first, "end": last, "size": second - first},
            "connectgaps": False,
            "line": {"width": 0.4, "color": place.theme.ground},
            "hovertemplate": f"{x}: %{{x}}<br>{y}: %{{y}}<br>about %{{z}}<extra></extra>",
            "showlegend": False,
        }
    ]


@_traces.register
def _(mark: Parallel, place: _Place) -> list[dict[str, Any]]:
    return [
        {
            "type": "parcoords",
            "dimensions": [_dimension(axis, mark.values[:, j]) for j, axis in enumerate(mark.axes)],
            "line": {"color": mark.shade, "coloraxis": "coloraxis"},
            "customdata": mark.trials,
            "labelangle": -25 if len(mark.axes) > 6 else 0,
            "labelfont": {"color": place.theme.text, "size": 12},
            "tickfont": {"color": place.theme.text, "size": 10},
            "rangefont": {"color": "rgba(0,0,0,0)", "size": 1},
            "domain": {"x": [0.03, 0.97], "y": [0.0, 0.9]},
        }
    ]


def _dimension(axis: Axis, values: FloatArray) -> dict[str, Any]:
    """One of the axes of parallel coordinates, which knows no logarithms."""
    assert axis.low is not None and axis.high is not None
    turn = np.log10 if axis.kind == "log" else np.asarray
    ticks = ticks_of(axis)
    return {
        "label": axis.title,
        "values": turn(values),
        "range": [float(turn(axis.low)), float(turn(axis.high))],
        "tickvals": [float(turn(value)) for value, _ in ticks],
        "ticktext": [text for _, text in ticks],
    }


def _legend(label: str) -> dict[str, Any]:
    return {"name": label, "showlegend": True} if label else {"showlegend": False}


def _extra(label: str) -> str:
    return f"<extra>{label}</extra>"


def _numbers(values: FloatArray, axis: Axis) -> npt.NDArray[Any] | Sequence[Any]:
    """Values as Plotly wants them: times as local dates, few as a list, which is faster."""
    if axis.kind != "time":
        return values if len(values) > _FEW else values.tolist()
    there = np.isfinite(values)
    return [
        datetime.datetime.fromtimestamp(value) if good else None
        for value, good in zip(values.tolist(), there.tolist())
    ]


# Axes and texts


def _plain(text: str) -> str:
    """A text without tags, entities, or places to fill in: Plotly takes `<b>` for one."""
    return html.escape(text, quote=False).replace("%{", "%\u200b{")


def _layout(figure: Figure, theme: Theme, own: bool) -> dict[str, Any]:
    width, height = size_of(figure)
    small = {
        "text": "; ".join(figure.notes),
        "font": {"size": 11, "color": theme.faint},
        "showarrow": False,
        "xref": "paper",
        "x": 1.0,
        "xanchor": "right",
        "yref": "paper",
        "y": 0.0,
        "yanchor": "top",
        "yshift": -46,
    }
    layout: dict[str, Any] = {
        "title": {
            "text": f"<b>{figure.title}</b>",
            "x": 0.02,
            "xanchor": "left",
            "y": 0.97,
            "yanchor": "top",
            "font": {"size": 17},
        },
        "margin": {"l": 70, "r": 40, "t": 90, "b": 76},
        "hovermode": "closest",
        "barmode": "overlay",
        "bargap": 0.0,
        "annotations": [small] if figure.notes else [],
        "legend": {
            "orientation": "h",
            "x": 0.0,
            "y": 1.01,
            "yanchor": "bottom",
            "itemsizing": "constant",
        },
    }
    if (width, height) != PANEL:
        layout |= {"width": width, "height": height}
    layout["margin"]["t"] += 20 * (_legend_rows(figure, width) - 1)
    if own:
        layout |= {
            "template": {},  # all is said below; Plotly would add its own, ten times as long
            "font": {"family": _FONT, "color": theme.text, "size": 12},
            "paper_bgcolor": theme.ground,
            "plot_bgcolor": theme.ground,
            "hoverlabel": {"font": {"family": _FONT}},
        }
    return layout


def _legend_rows(figure: Figure, width: int) -> int:
    """How many rows the legend needs, about."""
    labels = {getattr(mark, "label", "") for _, _, panel in figure for mark in panel.marks}
    return max(1, math.ceil(sum(7 * len(label) + 60 for label in labels if label) / (width - 200)))


def _axes_of(panel: Panel, number: int) -> dict[str, str]:
    """What traces of a panel say of their axes; the first pair need not be named."""
    suffix = _suffix(number)
    if panel.z is not None:
        return {"scene": "scene" + suffix}
    if number == 1 or any(isinstance(mark, Parallel) for mark in panel.marks):
        return {}
    return {"xaxis": "x" + suffix, "yaxis": "y" + suffix}


def _add_axes(
    layout: dict[str, Any], figure: Figure, place: _Place, number: int, at: tuple[int, int]
) -> None:
    """Put the axes of a panel into the layout."""
    suffix, panel, box = _suffix(number), place.panel, place.box
    if panel.z is not None:
        scene = {
            f"{name}axis": _axis(axis, place.theme) | {"showbackground": False}
            for name, axis in (("x", panel.x), ("y", panel.y), ("z", panel.z))
        }
        domain = {"x": [box.left, box.right], "y": [box.bottom, box.top]}
        view = {"camera": {"eye": {"x": 1.5, "y": 1.4, "z": 0.8}}, "aspectmode": "cube"}
        layout["scene" + suffix] = scene | view | {"domain": domain}
        return
    few = 3 if figure.is_matrix and len(figure.panels) > 2 else 6
    x = _axis(panel.x, place.theme, few) | {"domain": [box.left, box.right], "anchor": "y" + suffix}
    if panel.x.whole and _is_short(panel):
        x["dtick"] = 1
    y = _axis(panel.y, place.theme, few) | {"domain": [box.bottom, box.top], "anchor": "x" + suffix}
    for made in (x, y):
        made["automargin"] = True
        made["title"]["standoff"] = 8
    first = _first_of(figure)
    if figure.shares_x and first["column", at[1]] != number:
        x["matches"] = "x" + _suffix(first["column", at[1]])
    if figure.shares_y and first["row", at[0]] != number:
        y["matches"] = "y" + _suffix(first["row", at[0]])
    layout["xaxis" + suffix], layout["yaxis" + suffix] = x, y


def _suffix(number: int) -> str:
    return "" if number == 1 else str(number)


def _first_of(figure: Figure) -> dict[tuple[str, int], int]:
    """The number of the first panel in each row and column."""
    first: dict[tuple[str, int], int] = {}
    for number, (row, column, _) in enumerate(figure, start=1):
        first.setdefault(("row", row), number)
        first.setdefault(("column", column), number)
    return first


def _axis(axis: Axis, theme: Theme, most: int = 6) -> dict[str, Any]:
    made: dict[str, Any] = {
        "gridcolor": theme.grid,
        "linecolor": theme.grid,
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "ticklen": 3,
        "tickcolor": theme.grid,
        "title": {"text": axis.title if axis.shows_labels else ""},
        "showticklabels": axis.shows_labels,
        "type": {"linear": "linear", "log": "log", "category": "linear", "time": "date"}[axis.kind],
    }
    if axis.kind == "log":
        made["exponentformat"] = "power"
        decades = np.log10(axis.high) - np.log10(axis.low) if axis.low and axis.high else 0.0
        if decades > 1.2:  # no labels within a decade
            made["dtick"] = int(np.ceil(decades / most))
    if axis.low is not None and axis.high is not None:
        ends: list[Any] = [axis.low, axis.high]
        if axis.kind == "log":
            ends = np.log10(ends).tolist()
        elif axis.kind == "time":
            ends = list(_numbers(np.array(ends), axis))
        made["range"] = ends[::-1] if axis.reverse else ends
    elif axis.reverse:
        made["autorange"] = "reversed"
    if ticks := ticks_of(axis):
        made |= {"tickvals": [value for value, _ in ticks], "ticktext": [text for _, text in ticks]}
    return made


def _is_short(panel: Panel) -> bool:
    """Whether round numbers on the x-axis might have fractions between whole ones."""
    places = [m.x for m in panel.marks if isinstance(m, (Points, Line, Band)) and len(m.x)]
    return not places or max(x.max() for x in places) - min(x.min() for x in places) <= 6


def _add_texts(layout: dict[str, Any], place: _Place) -> None:
    """Write the title and the note of a panel."""
    box = place.box
    centre = (box.left + box.right) / 2
    middle = {"xref": "paper", "yref": "paper", "showarrow": False, "x": centre}
    if place.panel.title:
        layout["annotations"].append(
            middle | {"text": place.panel.title, "y": box.top, "yanchor": "bottom"}
        )
    if place.panel.note:
        note = {"text": place.panel.note, "y": (box.bottom + box.top) / 2}
        font = {"font": {"size": 14, "color": place.theme.faint}}
        layout["annotations"].append(middle | note | font)


def _colour_axis(scale: Scale, theme: Theme) -> dict[str, Any]:
    stops: Stops = theme.stops(scale)
    bar: dict[str, Any] = {
        "title": {"text": scale.title, "side": "right"},
        "thickness": 14,
        "outlinewidth": 0,
        "len": 0.9,
    }
    if scale.ticks:
        bar["title"] = {
            "text": f"{scale.title}<br>&nbsp;",
            "side": "top",
        }  # beside the texts is no room
        bar["tickvals"] = [value for value, _ in scale.ticks]
        bar["ticktext"] = [text for _, text in scale.ticks]
    return {
        "colorscale": [[i / (len(stops) - 1), colour] for i, colour in enumerate(stops)],
        "cmin": scale.low,
        "cmax": scale.high,
        "colorbar": bar,
    }
