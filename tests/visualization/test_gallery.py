"""`make gallery` draws every figure."""

import importlib.util
from pathlib import Path

import pytest

GALLERY = Path(__file__).parent.parent.parent / "examples" / "gallery.py"


def gallery() -> object:
    spec = importlib.util.spec_from_file_location("gallery", GALLERY)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_gallery_draws_every_figure_light_and_dark(tmp_path: Path) -> None:
    made = gallery()
    made.main([str(tmp_path), "--trials", "40", "--backends", "matplotlib"])  # type: ignore[attr-defined]
    names = made.figures(5)  # type: ignore[attr-defined]
    assert len(list(tmp_path.glob("*.png"))) == 2 * len(names) >= 2 * 16


def test_one_figure_of_the_gallery(tmp_path: Path) -> None:
    arguments = [str(tmp_path), "--trials", "5", "--only", "edf", "--backends", "matplotlib"]
    gallery().main(arguments)  # type: ignore[attr-defined]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "edf-dark-matplotlib.png",
        "edf-light-matplotlib.png",
    ]
