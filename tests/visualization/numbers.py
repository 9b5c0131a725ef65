"""The numbers that the backends drew, so that they can be compared."""

from collections.abc import Iterator
from typing import Any

import matplotlib.dates
import numpy as np
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.contour import ContourSet
from mpl_toolkits.mplot3d.art3d import Path3DCollection

Numbers = dict[str, list[np.ndarray]]
KINDS = ("points", "lines", "bands", "bars", "errors", "contours", "parallel")


def _table(*columns: Any) -> np.ndarray:
    return np.column_stack([_plain(column) for column in columns])


def _plain(column: Any) -> np.ndarray:
    """Times as days."""
    values = list(column)
    if values and hasattr(values[0], "isoformat"):
        return np.asarray(matplotlib.dates.date2num(values))
    return np.array([np.nan if v is None else v for v in values], float)


def plotly_numbers(figure: Any) -> Numbers:
    """Of each kind of mark what the traces have, in their order."""
    found: Numbers = {kind: [] for kind in KINDS}
    low = None
    for trace in figure.data:
        if trace.type == "parcoords":
            found["parallel"].append(
                np.column_stack(
                    [
                        (np.asarray(d["values"]) - d.range[0]) / (d.range[1] - d.range[0])
                        for d in trace.dimensions
                    ]
                )
            )
        elif trace.type == "contour":
            c = trace.contours
            z = np.asarray(trace.z)
            found["contours"].append(np.array([np.nanmin(z), np.nanmax(z), c.start, c.end]))
        elif trace.type == "bar":
            base = _plain(trace.base) if trace.base is not None else np.zeros(len(trace.x))
            scale = 1000 * 86400 if trace.base is not None else 1
            found["bars"].append(_table(base, np.asarray(trace.x) / scale, trace.y))
            if trace.error_x.array is not None:
                found["errors"].append(np.asarray(trace.error_x.array))
        elif trace.hoverinfo == "skip":
            if trace.fill is None:
                low = trace.y
            else:
                found["bands"].append(np.unique([*low, *trace.y]))
        elif trace.mode == "markers":
            axes = [trace.x, trace.y, *([trace.z] if trace.type == "scatter3d" else [])]
            found["points"].append(_table(*axes))
            if trace.error_y.array is not None:
                found["errors"].append(np.asarray(trace.error_y.array))
        else:
            found["lines"].append(_table(trace.x, trace.y))
    return found


def matplotlib_numbers(axes: Any) -> Numbers:
    """Of each kind of mark what the artists have, in their order."""
    found: Numbers = {kind: [] for kind in KINDS}
    for ax in np.asarray(axes, dtype=object).ravel():
        if not ax.axison and ax.name != "3d":
            continue
        for kind, numbers in _of_axes(ax):
            found[kind].append(numbers)
    return found


def _of_axes(ax: Any) -> Iterator[tuple[str, np.ndarray]]:
    errors = [c for c in ax.containers if isinstance(c, ErrorbarContainer)]
    whiskers = {id(line) for c in errors for line in c.lines[2]}
    for artist in ax.collections:
        if isinstance(artist, Path3DCollection):
            yield "points", np.column_stack([np.asarray(v) for v in artist._offsets3d])
        elif isinstance(artist, PathCollection):
            yield "points", np.asarray(np.ma.filled(artist.get_offsets(), np.nan), float)
        elif isinstance(artist, ContourSet):
            yield "contours", np.array([artist.zmin, artist.zmax, *artist.levels[[0, -1]]])
        elif isinstance(artist, PolyCollection):
            yield "bands", np.unique(np.concatenate([p.vertices[:, 1] for p in artist.get_paths()]))
        elif isinstance(artist, LineCollection) and id(artist) not in whiskers:
            yield "parallel", np.array([segment[:, 1] for segment in artist.get_segments()])
        elif isinstance(artist, LineCollection):
            sides = np.array([np.ptp(segment, axis=0) for segment in artist.get_segments()])
            yield "errors", sides.max(axis=1) / 2
    for line in ax.lines:
        yield "lines", np.asarray(line.get_xydata(), float)
    for container in ax.containers:
        if isinstance(container, BarContainer):
            rows = [(p.get_x(), p.get_width(), p.get_y() + p.get_height() / 2) for p in container]
            yield "bars", np.array(rows, float)
