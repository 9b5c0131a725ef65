"""Figures drawn by Matplotlib; knows no study."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, final

import numpy as np

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
from skipjack.visualization.render.layout import size_of
from skipjack.visualization.render.texts import ticks_of, worded
from skipjack.visualization.render.theme import DARK, LIGHT, THEMES, Theme, luminance

mpl = _optional.lazy("matplotlib", extra="plot", needed_by="skipjack.visualization.matplotlib")
plt = _optional.lazy(
    "matplotlib.pyplot", extra="plot", needed_by="skipjack.visualization.matplotlib"
)
collections = _optional.lazy("matplotlib.collections", extra="plot")
colors = _optional.lazy("matplotlib.colors", extra="plot")
dates = _optional.lazy("matplotlib.dates", extra="plot")
effects = _optional.lazy("matplotlib.patheffects", extra="plot")
ticker = _optional.lazy("matplotlib.ticker", extra="plot")

_SYMBOLS = {"circle": "o", "cross": "x", "diamond": "D", "star": "*", "open": "o"}
_DASHES = {"solid": "-", "dash": "--", "dot": ":"}
_DPI = 100.0
_LEGEND = 110  # characters in a row
_LEAST_SYMBOL = 20.0  # points squared, of symbols in a legend: those of many trials are tiny
_DAY = 86400.0


@final
@dataclass(frozen=True, slots=True)
class _Place:
    """Where a mark is drawn, and in which colours."""

    panel: Panel
    theme: Theme
    norm: Any  # of shades
    shades: Any  # a colour map


def render(figure: Figure, theme: str | None = None) -> Any:
    """The figure as Matplotlib's Axes, or an array of them if there are several panels.

    A matrix of panels gives an array of its shape, others a flat one.

    Args:
        figure: What to draw.
        theme: "light" or "dark"; None: as the style in use is.

    Raises:
        ImportError: If Matplotlib is not installed.
    """
    figure = worded(figure, _plain)
    ground = colors.to_rgb(mpl.rcParams["figure.facecolor"])
    colours = THEMES[theme] if theme is not None else LIGHT if luminance(ground) > 0.5 else DARK
    own = theme is not None or mpl.rcParams["figure.facecolor"] in ("white", "w", "#ffffff")
    with mpl.rc_context(_style(colours) if own else {}):
        return _drawn(figure, colours)


def _drawn(figure: Figure, theme: Theme) -> Any:
    rows, columns = len(figure.panels), max(map(len, figure.panels))
    width, height = size_of(figure)
    whole, axes = plt.subplots(
        rows,
        columns,
        squeeze=False,
        figsize=(width / _DPI, height / _DPI),
        dpi=_DPI,
        layout="constrained",
    )
    norm, shades = _colours(figure.scale, theme)
    firsts: dict[tuple[str, int], Any] = {}
    drawn = []
    for row, column, panel in figure:
        ax = axes[row, column]
        if panel.z is not None:
            place = ax.get_subplotspec()
            ax.remove()
            ax = axes[row, column] = whole.add_subplot(place, projection="3d")
        if figure.shares_x and firsts.setdefault(("x", column), ax) is not ax:
            ax.sharex(firsts["x", column])
        if figure.shares_y and firsts.setdefault(("y", row), ax) is not ax:
            ax.sharey(firsts["y", row])
        _draw_panel(ax, _Place(panel, theme, norm, shades))
        drawn.append(ax)
    for ax in axes.flat:
        if ax not in drawn:
            ax.set_axis_off()
    _add_titles(whole, figure, theme)
    if figure.scale is not None:
        _add_colour_bar(whole, axes, figure.scale, norm, shades)
    if figure.is_matrix and len(axes) > 1:
        return axes
    return drawn[0] if len(drawn) == 1 else np.array(drawn, dtype=object)


def _draw_panel(ax: Any, place: _Place) -> None:
    panel = place.panel
    for mark in panel.marks:
        _draw(mark, ax, place)
    if panel.title:
        ax.set_title(panel.title, fontsize="medium")
    if panel.note:
        box = {"transform": ax.transAxes, "ha": "center", "va": "center"}
        position = (0.5, 0.5, 0.5)[: 3 if panel.z is not None else 2]
        text = ax.text2D if panel.z is not None else ax.text
        text(*position[:2], panel.note, color=place.theme.faint, fontsize="large", **box)
    if any(isinstance(mark, Parallel) for mark in panel.marks):
        return
    _set_axis(ax, "x", panel.x)
    _set_axis(ax, "y", panel.y)
    if panel.z is not None:
        _set_axis(ax, "z", panel.z)
        for one in (ax.xaxis, ax.yaxis, ax.zaxis):
            one.set_pane_color((0.0, 0.0, 0.0, 0.0))
    labels = dict.fromkeys(ax.get_legend_handles_labels()[1])
    if labels and panel.z is None:
        across = max(1, _LEGEND // (8 + max(map(len, labels))))
        many = len(labels) > 3 * across
        legend = ax.legend(
            loc="upper left" if many else "lower left",
            bbox_to_anchor=(1.01, 1.0) if many else (0.0, 1.0),
            ncols=1 if many else min(across, len(labels)),
            borderaxespad=0.2,
        )
    elif labels:
        legend = ax.legend(loc="upper left")
    if labels:
        for handle in legend.legend_handles:
            handle.set_alpha(1.0)
            if isinstance(handle, collections.PathCollection):
                handle.set_sizes(np.maximum(handle.get_sizes(), _LEAST_SYMBOL))


# Marks


@singledispatch
def _draw(mark: Any, ax: Any, place: _Place) -> None:
    raise TypeError(f"no mark: {mark!r}")


@_draw.register
def _(mark: Points, ax: Any, place: _Place) -> None:
    colour = place.theme.roles[mark.role]
    look: dict[str, Any] = {
        "s": mark.size**2 * 0.8,
        "alpha": mark.opacity,
        "marker": _SYMBOLS[mark.symbol],
        "label": mark.label or None,
        "zorder": 3,
    }
    if mark.shade is not None:
        look |= {"c": mark.shade, "norm": place.norm, "cmap": place.shades}
    else:
        look |= {"facecolor" if mark.symbol != "cross" else "color": colour}
    if mark.symbol == "open":
        look |= {"facecolor": "none", "edgecolor": colour, "linewidth": 1.2}
    elif mark.symbol != "cross":
        look |= {"edgecolor": place.theme.ground, "linewidth": 0.4}
    x, y = _numbers(mark.x, place.panel.x), _numbers(mark.y, place.panel.y)
    if mark.z is not None and place.panel.z is not None:
        ax.scatter(x, y, _numbers(mark.z, place.panel.z), depthshade=False, **look)
    else:
        ax.scatter(x, y, **look)
    if mark.error is not None:
        ax.errorbar(x, y, mark.error, fmt="none", ecolor=colour, elinewidth=1.0, alpha=0.6)


@_draw.register
def _(mark: Line, ax: Any, place: _Place) -> None:
    colour = place.theme.roles[mark.role]
    x, y = _numbers(mark.x, place.panel.x), _numbers(mark.y, place.panel.y)
    ax.plot(
        x,
        y,
        color=colour,
        linestyle=_DASHES[mark.dash],
        linewidth=mark.width,
        alpha=mark.opacity,
        label=mark.label or None,
        drawstyle="steps-post" if mark.steps else "default",
        marker="o" if mark.has_dots else None,
        markersize=3,
        zorder=2,
    )


@_draw.register
def _(mark: Band, ax: Any, place: _Place) -> None:
    ax.fill_between(
        _numbers(mark.x, place.panel.x),
        mark.low,
        mark.high,
        color=place.theme.roles[mark.role],
        alpha=mark.opacity,
        linewidth=0,
        label=mark.label or None,
        step="post" if mark.steps else None,
    )


@_draw.register
def _(mark: Bars, ax: Any, place: _Place) -> None:
    error = {} if mark.error is None else {"xerr": mark.error, "ecolor": place.theme.text}
    bars = ax.barh(
        mark.y,
        mark.lengths,
        height=mark.thickness,
        color=place.theme.roles[mark.role],
        label=mark.label or None,
        **error,
    )
    if mark.texts:
        ax.bar_label(bars, list(mark.texts), padding=4, fontsize="small")
        ax.margins(x=0.12)


@_draw.register
def _(mark: Spans, ax: Any, place: _Place) -> None:
    start = _numbers(mark.start, place.panel.x)
    ax.barh(
        mark.y,
        _numbers(mark.end, place.panel.x) - start,
        left=start,
        height=mark.thickness,
        color=place.theme.roles[mark.role],
        label=mark.label or None,
        edgecolor=place.theme.roles[mark.role],
        linewidth=0.8,  # so that short ones can be seen
    )


@_draw.register
def _(mark: Contour, ax: Any, place: _Place) -> None:
    z = np.ma.masked_invalid(mark.z)
    look = {"levels": mark.levels, "norm": place.norm, "extend": "both"}
    ax.contourf(mark.x, mark.y, z, cmap=place.shades, **look)


@_draw.register
def _(mark: Parallel, ax: Any, place: _Place) -> None:
    d = len(mark.axes)
    heights = np.column_stack(
        [_height(axis, mark.values[:, j]) for j, axis in enumerate(mark.axes)]
    )
    places = np.broadcast_to(np.arange(d, dtype=float), heights.shape)
    lines = collections.LineCollection(
        np.stack([places, heights], axis=-1),
        array=mark.shade,
        norm=place.norm,
        cmap=place.shades,
        linewidths=1.2,
        alpha=0.8 if len(heights) <= 200 else 0.45 if len(heights) <= 1000 else 0.25,
    )
    ax.add_collection(lines)
    ax.set_xlim(0, max(d - 1, 1))
    ax.set_ylim(0, 1)
    ax.set_yticks([])
    ax.grid(visible=False)
    turned = {"rotation": 25, "ha": "right"} if d > 6 else {}
    ax.set_xticks(range(d), [axis.title for axis in mark.axes], **turned)
    for name in ("top", "bottom", "left", "right"):
        ax.spines[name].set_visible(False)
    for j, axis in enumerate(mark.axes):
        own = ax.twinx()
        own.set_zorder(ax.get_zorder() + 1)
        own.grid(visible=False)
        _set_axis(own, "y", axis)
        own.set_ylabel("")
        for name in ("top", "bottom", "left"):
            own.spines[name].set_visible(False)
        own.spines["right"].set_visible(True)
        own.spines["right"].set_color(place.theme.faint)
        own.spines["right"].set_position(("axes", j / max(d - 1, 1)))
        own.tick_params(axis="y", labelsize="x-small")
        for text in own.get_yticklabels():  # to be read over the lines
            text.set_path_effects(
                [effects.withStroke(linewidth=2.5, foreground=place.theme.ground)]
            )


def _height(axis: Axis, values: FloatArray) -> FloatArray:
    """Where values lie between the ends of an axis, from 0 to 1."""
    assert axis.low is not None and axis.high is not None
    turn = np.log10 if axis.kind == "log" else np.asarray
    low, high = turn(axis.low), turn(axis.high)
    heights: FloatArray = (turn(values) - low) / (high - low)
    return heights


def _numbers(values: FloatArray, axis: Axis) -> Any:
    """Values as Matplotlib wants them on an axis: times as days of local time."""
    if axis.kind != "time":
        return values
    there = np.isfinite(values)
    made = np.full(len(values), np.nan)
    made[there] = dates.date2num(list(map(datetime.datetime.fromtimestamp, values[there].tolist())))
    return made


# Axes and texts


def _plain(text: str) -> str:
    """A text without formulas: Matplotlib takes what is between dollars for one."""
    return text.replace("$", r"\$")


def _set_axis(ax: Any, name: str, axis: Axis) -> None:
    if axis.low is not None and axis.high is not None:
        ends = _numbers(np.array([axis.low, axis.high]), axis)
        getattr(ax, f"set_{name}lim")(*(ends[::-1] if axis.reverse else ends))
    elif axis.reverse:
        getattr(ax, f"invert_{name}axis")()
    if axis.kind == "log":
        getattr(ax, f"set_{name}scale")("log")
    one = getattr(ax, f"{name}axis")
    if axis.kind == "time":
        locator = dates.AutoDateLocator()
        one.set_major_locator(locator)
        one.set_major_formatter(dates.ConciseDateFormatter(locator))
    if axis.whole:
        one.set_major_locator(ticker.MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    if ticks := ticks_of(axis):
        getattr(ax, f"set_{name}ticks")([v for v, _ in ticks], [text for _, text in ticks])
        one.set_minor_locator(ticker.NullLocator())
    if axis.shows_labels:
        getattr(ax, f"set_{name}label")(axis.title)
    else:
        ax.tick_params(
            axis=name, which="both", **{"labelleft" if name == "y" else "labelbottom": False}
        )


def _style(theme: Theme) -> dict[str, Any]:
    """How Matplotlib draws while a figure is made."""
    return {
        "figure.facecolor": theme.ground,
        "axes.facecolor": theme.ground,
        "savefig.facecolor": theme.ground,
        "axes.edgecolor": theme.grid,
        "axes.labelcolor": theme.text,
        "axes.titlecolor": theme.text,
        "text.color": theme.text,
        "xtick.color": theme.grid,
        "ytick.color": theme.grid,
        "xtick.labelcolor": theme.text,
        "ytick.labelcolor": theme.text,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": theme.grid,
        "grid.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "legend.fontsize": "small",
        "legend.labelcolor": theme.text,
        "font.size": 10.0,
    }


def _add_titles(whole: Any, figure: Figure, theme: Theme) -> None:
    title = figure.title
    whole.suptitle(title, x=0.02, ha="left", fontsize="x-large", fontweight="bold")
    if figure.notes:
        whole.supxlabel(
            "; ".join(figure.notes), x=0.98, ha="right", fontsize="small", color=theme.faint
        )


def _colours(scale: Scale | None, theme: Theme) -> tuple[Any, Any]:
    if scale is None:
        return None, None
    shades = colors.LinearSegmentedColormap.from_list("skipjack", theme.stops(scale))
    return colors.Normalize(scale.low, scale.high, clip=True), shades


def _add_colour_bar(whole: Any, axes: Any, scale: Scale, norm: Any, shades: Any) -> None:
    mappable = mpl.cm.ScalarMappable(norm, shades)
    bar = whole.colorbar(mappable, ax=list(axes.flat), label=scale.title, aspect=35, pad=0.02)
    bar.outline.set_visible(False)
    if scale.ticks:
        bar.set_ticks([v for v, _ in scale.ticks], labels=[text for _, text in scale.ticks])
