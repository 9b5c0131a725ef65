"""Figures as SVG in the colours of the page around them: a renderer that needs no package.

Colours are CSS variables, so that one picture does for light and dark ground; see `style`. Shades
are cut into `SHADES` steps. 3-D panels are not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import singledispatch
from html import escape
from typing import Any, NamedTuple

import numpy as np

from skipjack.report.scales import Ends, ends_of, ticks_of
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

SHADES = 16
_WIDTH = 900
_HEIGHT, _SMALL_HEIGHT = 380, 250
_COLUMNS = 3
_CHAR = 6.1  # pixels, of a digit of tick labels
_SINGLE = 400  # points up to which each can be pointed at
_DASHES = {"solid": "", "dash": ' stroke-dasharray="6 4"', "dot": ' stroke-dasharray="2 4"'}


class _Box(NamedTuple):
    """Pixels of the area of a panel, and the axes that it shows."""

    left: float
    right: float
    top: float
    bottom: float
    x: Ends
    y: Ends
    scale: Scale | None

    def at_x(self, values: FloatArray) -> FloatArray:
        return self.left + (self.right - self.left) * self.x.share(values)

    def at_y(self, values: FloatArray) -> FloatArray:
        return self.bottom + (self.top - self.bottom) * self.y.share(values)

    def shade(self, values: FloatArray) -> Any:
        """Steps of the scale, shape (n,); -1 where a value is not known."""
        assert self.scale is not None
        low, high = self.scale.low, self.scale.high
        share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
        if self.scale.best == "low":
            share = 1.0 - share
        steps = np.clip(np.nan_to_num(share, nan=0.0) * SHADES, 0, SHADES - 1).astype(int)
        return np.where(np.isnan(share), -1, steps)

    def colour(self, step: int) -> str:
        """The CSS colour of a step."""
        if step < 0 or self.scale is None:
            return "var(--muted)"
        return f"var(--{'even' if self.scale.best is None else 'good'}{step})"


def svg_of(figure: Figure, number: int = 0) -> str:
    """The figure as an SVG element.

    Args:
        figure: What to draw; without 3-D panels.
        number: Tells the figures of a page apart.
    """
    panels = [panel for _, _, panel in figure]
    columns = min(len(panels), _COLUMNS)
    rows = math.ceil(len(panels) / columns)
    height = _HEIGHT if len(panels) == 1 else _SMALL_HEIGHT
    bar = 74.0 if figure.scale is not None else 0.0
    width = (_WIDTH - bar) / columns
    parts = []
    for k, panel in enumerate(panels):
        row, column = divmod(k, columns)
        x, y = column * width, row * height
        parts.append(_panel(panel, figure, x, y, x + width, y + height, f"c{number}-{k}"))
    if figure.scale is not None:
        parts.append(_colour_bar(figure.scale, _WIDTH - bar + 16, 30.0, min(260.0, height - 90.0)))
    title = escape(figure.title)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {rows * height}" role="img" aria-label="{title}">'
        f"{''.join(parts)}</svg>"
    )


def _panel(
    panel: Panel, figure: Figure, left: float, top: float, right: float, bottom: float, name: str
) -> str:
    if panel.note or any(isinstance(mark, Parallel) for mark in panel.marks):
        return _special(panel, figure, left, top, right, bottom)
    small = right - left < 500
    legend = _legend(panel, left, top + 4, right)
    x, y = ends_of(panel, "x"), ends_of(panel, "y")
    y_ticks = ticks_of(panel.y, y, 6)
    label = max((len(text) for _, text in y_ticks), default=1) * _CHAR
    box = _Box(
        left + min(label, 180.0) + (34 if panel.y.title and panel.y.shows_labels else 16),
        right - 14,
        top + (30 if legend else 12),
        bottom - 48,
        x,
        y,
        figure.scale,
    )
    marks = "".join(_draw(mark, box) for mark in panel.marks)
    clip = (
        f'<clipPath id="{name}"><rect x="{box.left:.1f}" y="{box.top - 4:.1f}" '
        f'width="{box.right - box.left + 8:.1f}" height="{box.bottom - box.top + 8:.1f}"/>'
        "</clipPath>"
    )
    axes = _x_axis(panel.x, box, small) + _y_axis(panel.y, box, y_ticks)
    return f'{clip}{axes}<g clip-path="url(#{name})">{marks}</g>{legend}'


def _special(
    panel: Panel, figure: Figure, left: float, top: float, right: float, bottom: float
) -> str:
    """A panel without axes of its own."""
    unit = Ends(0.0, 1.0, False, False)
    box = _Box(left + 62, right - 70, top + 24, bottom - 64, unit, unit, figure.scale)
    parallel = [mark for mark in panel.marks if isinstance(mark, Parallel)]
    if parallel and not panel.note:
        return "".join(_draw(mark, box) for mark in parallel)
    x, y = (left + right) / 2, (top + bottom) / 2
    return _text(x, y, panel.note or panel.title, "middle", "faint")


def _text(
    x: float, y: float, text: str, anchor: str = "start", kind: str = "", more: str = ""
) -> str:
    named = f' class="{kind}"' if kind else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}{more}>{escape(text)}</text>'
    )


def _cut(text: str, pixels: float) -> str:
    most = max(4, int(pixels / _CHAR))
    return text if len(text) <= most else text[: most - 1] + "…"


def _x_axis(axis: Axis, box: _Box, small: bool) -> str:
    width = box.right - box.left
    ticks = ticks_of(axis, box.x, 5 if small else 8)
    places = box.at_x(np.array([value for value, _ in ticks], float)).tolist()
    room = width / max(len(ticks), 1)
    longest = max((len(text) for _, text in ticks), default=0) * _CHAR
    every = max(1, math.ceil(longest * 0.9 / room)) if room < longest and len(ticks) > 12 else 1
    shown = []
    for place, (_, text) in list(zip(places, ticks, strict=True))[::every]:
        shown.append(_text(place, box.bottom + 17, _cut(text, room * every), "middle", "tick"))
    grid = "".join(f"M{p:.1f} {box.top:.1f}V{box.bottom:.1f}" for p in places)
    title = _text((box.left + box.right) / 2, box.bottom + 38, _cut(axis.title, width), "middle")
    base = f'<path class="base" d="M{box.left:.1f} {box.bottom:.1f}H{box.right:.1f}"/>'
    return f'<path class="grid" d="{grid}"/>{base}{"".join(shown)}{title}'


def _y_axis(axis: Axis, box: _Box, ticks: list[tuple[float, str]]) -> str:
    places = box.at_y(np.array([value for value, _ in ticks], float)).tolist()
    shown = []
    for place, (_, text) in zip(places, ticks, strict=True):
        shown.append(_text(box.left - 8, place + 4, _cut(text, 180), "end", "tick"))
    grid = "".join(f"M{box.left:.1f} {p:.1f}H{box.right:.1f}" for p in places)
    title = ""
    if axis.title and axis.shows_labels:
        longest = min(180.0, max((len(text) for _, text in ticks), default=1) * _CHAR)
        x, y = box.left - longest - 20, (box.top + box.bottom) / 2
        turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"'
        title = _text(x, y, _cut(axis.title, box.bottom - box.top), "middle", "", turned)
    return f'<path class="grid" d="{grid}"/>{"".join(shown)}{title}'


def _legend(panel: Panel, left: float, top: float, right: float) -> str:
    """Labels of marks, each once, from right to left above the area."""
    named: dict[str, str] = {}
    for mark in panel.marks:
        label = getattr(mark, "label", "")
        if label and label not in named:
            named[label] = f"var(--{getattr(mark, 'role', 'main')})"
    parts, x = [], right - 14.0
    for label, colour in reversed(named.items()):
        shown = _cut(label, 200)
        x -= len(shown) * _CHAR * 1.08 + 26
        if x < left:
            break
        parts.append(
            f'<rect x="{x:.1f}" y="{top:.1f}" width="11" height="11" rx="3" fill="{colour}"/>'
            + _text(x + 16, top + 10, shown, "start", "tick")
        )
    return "".join(parts) if len(named) > 1 else ""


def _colour_bar(scale: Scale, x: float, top: float, height: float) -> str:
    step = height / SHADES
    box = _Box(0, 1, 0, 1, Ends(0, 1, False, False), Ends(0, 1, False, False), scale)
    parts = []
    for k in range(SHADES):  # from the low end upwards
        shade = SHADES - 1 - k if scale.best == "low" else k
        y = top + height - (k + 1) * step
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="12" height="{step + 0.5:.1f}" '
            f'fill="{box.colour(shade)}"/>'
        )
    ticks = scale.ticks or tuple((v, f"{v:.3g}") for v in (scale.low, scale.high))
    span = scale.high - scale.low
    for value, text in ticks:
        y = top + height * (1 - ((value - scale.low) / span if span > 0 else 0.5))
        parts.append(_text(x + 17, y + 4, _cut(text, 44), "start", "tick"))
    turned = f' transform="rotate(-90 {x - 6:.1f} {top + height / 2:.1f})"'
    parts.append(
        _text(x - 6, top + height / 2, _cut(scale.title, height), "middle", "tick", turned)
    )
    return "".join(parts)


# Marks


@singledispatch
def _draw(mark: Any, box: _Box) -> str:
    raise TypeError(f"no mark: {mark!r}")


def _grouped(mark: Points | Parallel, box: _Box) -> Iterator[tuple[str, Any]]:
    """Colours, and the indices of what has them; the best last, so that it is on top."""
    if mark.shade is None:
        n = len(mark.x) if isinstance(mark, Points) else len(mark.values)
        role = mark.role if isinstance(mark, Points) else "main"
        yield f"var(--{role})", np.arange(n)
        return
    steps = box.shade(mark.shade)
    for step in np.unique(steps).tolist():
        yield box.colour(step), np.flatnonzero(steps == step)


@_draw.register
def _(mark: Points, box: _Box) -> str:
    x, y = box.at_x(mark.x), box.at_y(mark.y)
    there = np.isfinite(x) & np.isfinite(y)
    opacity = f' opacity="{mark.opacity:.2g}"' if mark.opacity < 1 else ""
    parts = []
    if mark.error is not None:
        low, high = box.at_y(mark.y - mark.error), box.at_y(mark.y + mark.error)
        bars = "".join(f"M{a:.1f} {b:.1f}V{c:.1f}" for a, b, c in zip(x, low, high) if a == a)
        parts.append(f'<path d="{bars}" stroke="var(--{mark.role})" fill="none" opacity=".5"/>')
    hover = mark.hover if len(mark.hover) == len(x) <= _SINGLE else ()
    for colour, chosen in _grouped(mark, box):
        rows = [k for k in chosen.tolist() if there[k]]
        if hover and mark.symbol in ("circle", "open"):
            look = _look(mark, colour)
            dots = "".join(
                f'<circle cx="{x[k]:.1f}" cy="{y[k]:.1f}" r="{mark.size / 2:.1f}">'
                f"<title>{_plain(hover[k])}</title></circle>"
                for k in rows
            )
            parts.append(f"<g{look}{opacity}>{dots}</g>")
        else:
            parts.append(_symbols(mark, colour, [(x[k], y[k]) for k in rows], opacity))
    return "".join(parts)


def _plain(text: str) -> str:
    """What a figure says of a point, without its tags."""
    return escape(text.replace("<br>", "\n"))


def _look(mark: Points, colour: str) -> str:
    if mark.symbol == "open":
        return f' fill="none" stroke="{colour}" stroke-width="1.4"'
    return f' fill="{colour}" class="dot"'


def _symbols(mark: Points, colour: str, places: list[tuple[float, float]], opacity: str) -> str:
    """Many points as one path."""
    r, w = mark.size / 2, mark.size
    if mark.symbol == "cross":
        d = "".join(
            f"M{x - r:.1f} {y - r:.1f}l{w:.1f} {w:.1f}m{-w:.1f} 0l{w:.1f} {-w:.1f}"
            for x, y in places
        )
        return f'<path d="{d}" stroke="{colour}" stroke-width="1.6" fill="none"{opacity}/>'
    if mark.symbol == "open":
        d = "".join(
            f"M{x - r:.1f} {y:.1f}a{r:.1f} {r:.1f} 0 1 0 {w:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {-w:.1f} 0"
            for x, y in places
        )
        return f'<path d="{d}" stroke="{colour}" stroke-width="1.4" fill="none"{opacity}/>'
    if mark.symbol in ("diamond", "star"):
        q = 1.4 * r
        d = "".join(
            f"M{x:.1f} {y - q:.1f}l{q:.1f} {q:.1f}l{-q:.1f} {q:.1f}l{-q:.1f} {-q:.1f}z"
            for x, y in places
        )
        return f'<path d="{d}" fill="{colour}" class="dot"{opacity}/>'
    d = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)
    return (
        f'<path d="{d}" stroke="{colour}" stroke-width="{mark.size:.1f}" '
        f'stroke-linecap="round" fill="none"{opacity}/>'
    )


def _path(x: FloatArray, y: FloatArray, steps: bool = False) -> str:
    """A path through points, interrupted where one is not known."""
    parts, going = [], False
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if not (math.isfinite(a) and math.isfinite(b)):
            going = False
        elif not going:
            parts.append(f"M{a:.1f} {b:.1f}")
            going = True
        else:
            parts.append(f"H{a:.1f}V{b:.1f}" if steps else f"L{a:.1f} {b:.1f}")
    return "".join(parts)


@_draw.register
def _(mark: Line, box: _Box) -> str:
    x, y = box.at_x(mark.x), box.at_y(mark.y)
    opacity = f' opacity="{mark.opacity:.2g}"' if mark.opacity < 1 else ""
    named = f"<title>{_plain(mark.name or mark.label)}</title>" if mark.name or mark.label else ""
    look = f'stroke="var(--{mark.role})" stroke-width="{mark.width:.1f}" fill="none"'
    line = f'<path d="{_path(x, y, mark.steps)}" {look}{_DASHES[mark.dash]}{opacity}>{named}</path>'
    if not mark.has_dots or len(x) > 200:
        return line
    dots = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, y) if a == a and b == b)
    return (
        line + f'<path d="{dots}" stroke="var(--{mark.role})" stroke-width="4" '
        f'stroke-linecap="round" fill="none"{opacity}/>'
    )


@_draw.register
def _(mark: Band, box: _Box) -> str:
    there = np.isfinite(mark.low) & np.isfinite(mark.high)
    x, low, high = box.at_x(mark.x[there]), box.at_y(mark.low[there]), box.at_y(mark.high[there])
    if mark.steps and len(x):
        x = np.repeat(x, 2)[1:]
        low, high = np.repeat(low, 2)[:-1], np.repeat(high, 2)[:-1]
    outline = _path(np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]]))
    return f'<path d="{outline}Z" fill="var(--{mark.role})" opacity="{mark.opacity:.2g}"/>'


@_draw.register
def _(mark: Bars, box: _Box) -> str:
    zero = float(box.at_x(np.zeros(1))[0])
    ends, y = box.at_x(mark.lengths), box.at_y(mark.y)
    tall = abs(float(box.at_y(np.zeros(1))[0] - box.at_y(np.ones(1))[0])) * mark.thickness
    parts = []
    for k, (end, middle) in enumerate(zip(ends.tolist(), y.tolist(), strict=True)):
        said = f"<title>{_plain(mark.hover[k])}</title>" if mark.hover else ""
        left, wide = min(zero, end), max(abs(end - zero), 0.5)
        parts.append(
            f'<rect x="{left:.1f}" y="{middle - tall / 2:.1f}" width="{wide:.1f}" '
            f'height="{tall:.1f}" rx="2" fill="var(--{mark.role})">{said}</rect>'
        )
        edge = end
        if mark.error is not None and mark.error[k] > 0:
            a, b = box.at_x(mark.lengths[k] + np.array([-1.0, 1.0]) * mark.error[k]).tolist()
            parts.append(f'<path class="error" d="M{a:.1f} {middle:.1f}H{b:.1f}"/>')
            edge = max(edge, b)
        if mark.texts:
            parts.append(_text(edge + 6, middle + 4, mark.texts[k], "start", "tick"))
    return "".join(parts)


@_draw.register
def _(mark: Spans, box: _Box) -> str:
    start, end, y = box.at_x(mark.start), box.at_x(mark.end), box.at_y(mark.y)
    tall = abs(float(box.at_y(np.zeros(1))[0] - box.at_y(np.ones(1))[0])) * mark.thickness
    wide = np.maximum(end - start, 0.8)
    colour = f'fill="var(--{mark.role})"'
    if mark.hover and len(y) <= _SINGLE:
        rects = "".join(
            f'<rect x="{a:.1f}" y="{m - tall / 2:.2f}" width="{w:.1f}" height="{tall:.2f}">'
            f"<title>{_plain(said)}</title></rect>"
            for a, w, m, said in zip(start, wide, y, mark.hover)
        )
        return f"<g {colour}>{rects}</g>"
    d = "".join(
        f"M{a:.1f} {m - tall / 2:.2f}h{w:.1f}v{tall:.2f}h{-w:.1f}z"
        for a, w, m in zip(start, wide, y)
    )
    return f'<path d="{d}" {colour}/>'


@_draw.register
def _(mark: Contour, box: _Box) -> str:
    x, y = (_edges(at) for at in (box.at_x(mark.x), box.at_y(mark.y)))
    steps = box.shade(mark.z.ravel()).reshape(mark.z.shape)
    parts = []
    for step in np.unique(steps[steps >= 0]).tolist():
        cells = zip(*np.nonzero(steps == step), strict=True)
        d = "".join(
            f"M{x[j]:.1f} {y[i]:.1f}H{x[j + 1]:.1f}V{y[i + 1]:.1f}H{x[j]:.1f}z" for i, j in cells
        )
        parts.append(f'<path d="{d}" fill="{box.colour(step)}"/>')
    return "".join(parts)


def _edges(centres: FloatArray) -> FloatArray:
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([centres[:1], middle, centres[-1:]])


@_draw.register
def _(mark: Parallel, box: _Box) -> str:
    d, n = len(mark.axes), len(mark.values)
    across = np.linspace(box.left, box.right, d) if d > 1 else np.array([box.left])
    ends = [ends_of(Panel(axis, axis), "x") for axis in mark.axes]
    heights = np.column_stack([e.share(mark.values[:, j]) for j, e in enumerate(ends)])
    y = box.bottom + (box.top - box.bottom) * heights
    opacity = 0.8 if n <= 200 else 0.45 if n <= 1000 else 0.25
    parts = []
    for colour, rows in _grouped(mark, box):
        lines = "".join(_path(across, y[row]) for row in rows.tolist())
        parts.append(
            f'<path d="{lines}" stroke="{colour}" stroke-width="1.3" fill="none" '
            f'opacity="{opacity}"/>'
        )
    room = (box.right - box.left) / max(d - 1, 1)
    for j, axis in enumerate(mark.axes):
        x = float(across[j])
        parts.append(f'<path class="rail" d="M{x:.1f} {box.top:.1f}V{box.bottom:.1f}"/>')
        for value, text in ticks_of(axis, ends[j], 5):
            at = box.bottom + (box.top - box.bottom) * float(ends[j].share(np.array([value]))[0])
            parts.append(_text(x + 5, at + 4, _cut(text, room - 8), "start", "tick halo"))
        low = box.bottom + (22 if j % 2 == 0 or room > 110 else 42)
        parts.append(_text(x, low, _cut(axis.title, max(room * 1.7, 60)), "middle"))
    return "".join(parts)
