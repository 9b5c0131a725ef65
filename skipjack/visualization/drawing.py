"""Public functions from figures: the same arguments, drawn by a renderer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

from skipjack.visualization.figure import Figure

P = ParamSpec("P")


def drawn_by(
    render: Callable[[Figure], Any], figure: Callable[P, Figure], module: str
) -> Callable[P, Any]:
    """`plot_…`: the arguments and text of `figure`, but what `render` makes of it.

    Args:
        render: From a figure to a backend's object.
        figure: Makes the figure.
        module: Where the function is public.
    """

    @functools.wraps(figure)
    def plot(*args: P.args, **kwargs: P.kwargs) -> Any:
        return render(figure(*args, **kwargs))

    plot.__name__ = plot.__qualname__ = f"plot_{figure.__name__}"
    plot.__module__ = module
    return plot
