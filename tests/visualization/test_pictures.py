"""Pictures of Plotly's figures: the missing part is named."""

import sys

import pytest

from skipjack import visualization
from tests.visualization.scenes import of_values


def test_a_picture_without_kaleido_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = visualization.plot_edf(of_values(1.0, 2.0))
    monkeypatch.setattr("plotly.io._kaleido.kaleido_available", lambda: False, raising=False)
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises((ValueError, RuntimeError, ImportError), match=r"(?i)kaleido"):
        figure.to_image("png")
