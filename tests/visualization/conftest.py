"""Matplotlib without a window, and without figures left open."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Draw to memory, and leave Matplotlib as it was."""
    import matplotlib
    from matplotlib import pyplot

    before = matplotlib.get_backend()
    pyplot.switch_backend("agg")
    style = dict(matplotlib.rcParams)
    yield
    pyplot.close("all")
    matplotlib.rcParams.update(style)
    pyplot.switch_backend(before)
