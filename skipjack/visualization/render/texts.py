"""Names as they are written on a figure, whoever draws it: not too long, nor too many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from skipjack.visualization.figure import Axis, Figure, Panel, Parallel

Say: TypeAlias = Callable[[str], str]  # a text so that a backend writes it as it is

_LONGEST = 48  # characters of a name
_MOST_NAMES = 40  # of one axis


def worded(figure: Figure, say: Say) -> Figure:
    """The figure with all its texts said; names that are long are cut in their middle."""

    def name(text: str) -> str:
        half = _LONGEST // 2
        return say(text if len(text) <= _LONGEST else f"{text[:half]}…{text[-half + 1 :]}")

    def axis(given: Axis) -> Axis:
        ticks = tuple((value, name(text)) for value, text in given.ticks)
        return replace(
            given, title=name(given.title), names=tuple(map(name, given.names)), ticks=ticks
        )

    def mark(given: Any) -> Any:
        if isinstance(given, Parallel):
            return replace(given, axes=tuple(map(axis, given.axes)))
        texts = {one: getattr(given, one) for one in ("label", "name") if hasattr(given, one)}
        said = {one: name(text) for one, text in texts.items()}
        return replace(given, **said) if said != texts else given

    def panel(given: Panel) -> Panel:
        return replace(
            given,
            x=axis(given.x),
            y=axis(given.y),
            z=given.z and axis(given.z),
            marks=tuple(map(mark, given.marks)),
            title=name(given.title),
            note=say(given.note),
        )

    scale = figure.scale
    if scale is not None:
        ticks = tuple((value, name(text)) for value, text in scale.ticks)
        scale = replace(scale, title=name(scale.title), ticks=ticks)
    rows = tuple(tuple(one and panel(one) for one in row) for row in figure.panels)
    notes = tuple(map(say, figure.notes))
    return replace(figure, title=say(figure.title), panels=rows, scale=scale, notes=notes)


def ticks_of(axis: Axis) -> list[tuple[float, str]]:
    """Where something is written on an axis, and what; of many names some, evenly."""
    step = -(-len(axis.names) // _MOST_NAMES) or 1
    names = [(float(k), text) for k, text in enumerate(axis.names) if k % step == 0]
    return names + list(axis.ticks)
