"""Figures as SVG: places, colours, ticks, and every mark."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from skipjack.report import svg
from skipjack.report.scales import Ends, ends_of, ticks_of
from skipjack.report.svg import SHADES, svg_of
from skipjack.visualization import figure as f
from skipjack.visualization.figure import Axis, Bars, Figure, Line, Panel, Parallel, Points, Scale

X = np.array([0.0, 1.0, 2.0, 4.0])
SCALE = Scale("Value", 0.0, 4.0, "low")
MARKS: dict[type, Any] = {
    Points: Points(X, X, "dots", hover=("a<br>b",) * 4, error=0.1 * X),
    Line: Line(X, np.array([1.0, np.nan, 2.0, 3.0]), "line", steps=True, has_dots=True, dash="dot"),
    f.Band: f.Band(X, X, X + 1, "band", steps=True),
    Bars: Bars(X, X, "bars", error=0.1 * X, texts=("p", "q", "r", "s")),
    f.Spans: f.Spans(X, X + 1, X, "spans", hover=("a", "b", "c", "d")),
    f.Contour: f.Contour(X, X, np.arange(16.0).reshape(4, 4) / 4, (0.0, 1.0, 2.0, 3.0, 4.0)),
    Parallel: Parallel(
        (Axis("a", low=0, high=4), Axis("b", names=("u", "v"))),
        np.array([[0.0, 1.0], [np.nan, 0.0], [4.0, 0.0], [2.0, 1.0]]),
        X,
        np.arange(4),
    ),
}


def drawn(*marks: Any, x: Axis | None = None, scale: Scale | None = SCALE) -> ET.Element:
    panel = Panel(x or Axis("x < y"), Axis("y"), marks)
    return ET.fromstring(svg_of(Figure("A & B", ((panel,),), scale)))


def places(root: ET.Element) -> np.ndarray[Any, Any]:
    """Centres of the circles, shape (n, 2)."""
    return np.array([[float(c.attrib["cx"]), float(c.attrib["cy"])] for c in root.iter("circle")])


def test_every_mark_is_drawn() -> None:
    assert set(MARKS) == set(f.Mark.__args__)  # type: ignore[attr-defined]
    for kind, mark in MARKS.items():
        assert svg._draw.dispatch(kind) is not svg._draw.dispatch(object)
        assert "nan" not in ET.tostring(drawn(mark), encoding="unicode").lower()
    with pytest.raises(TypeError, match="no mark"):
        drawn("a text")


def test_points_lie_where_their_values_are() -> None:
    y = np.array([3.0, 0.0, 1.0, 2.0])
    found = places(drawn(Points(X, y, hover=("",) * 4)))
    assert np.corrcoef(found[:, 0], X)[0, 1] == pytest.approx(1, abs=1e-4)
    assert np.corrcoef(found[:, 1], y)[0, 1] == pytest.approx(-1, abs=1e-4)  # up is less


def test_a_log_axis_is_even_in_ratios_and_leaves_out_what_has_no_place() -> None:
    x = np.array([1.0, 10.0, 100.0, -1.0])
    found = places(drawn(Points(x, X, hover=("",) * 4), x=Axis("x", "log")))
    assert len(found) == 3
    assert np.diff(found[:, 0], 2) == pytest.approx(0, abs=0.11)


def test_shades_go_from_bad_to_good() -> None:
    root = drawn(Points(X, X, shade=np.array([4.0, 0.0, 2.0, np.nan]), hover=("",) * 4))
    fills = [g.attrib["fill"] for g in root.iter("g") if "fill" in g.attrib]
    assert set(fills) == {
        "var(--good0)",
        f"var(--good{SHADES - 1})",
        f"var(--good{SHADES // 2})",
        "var(--muted)",
    }


def test_texts_are_escaped_and_tell() -> None:
    root = drawn(MARKS[Points], MARKS[Line])
    assert root.attrib["aria-label"] == "A & B"
    texts = [text.text for text in root.iter("text")]
    assert "x < y" in texts and "dots" in texts and "line" in texts
    assert "a\nb" in [title.text for title in root.iter("title")]


def test_many_points_are_one_path() -> None:
    x = np.linspace(0, 1, 5000)
    text = ET.tostring(drawn(Points(x, x, hover=("h",) * 5000)), encoding="unicode")
    assert "<circle" not in text and len(text) < 25 * 5000


@pytest.mark.parametrize("symbol", ["circle", "cross", "diamond", "star", "open"])
def test_every_symbol(symbol: Any) -> None:
    [path] = [
        path
        for path in drawn(Points(X, X, symbol=symbol)).iter("path")
        if "class" not in path.attrib or path.attrib["class"] == "dot"
    ]
    assert path.attrib["d"].count("M") == 4


def test_a_gap_interrupts_a_line() -> None:
    line = Line(X, np.array([1.0, np.nan, 2.0, 3.0]))
    [path] = [p for p in drawn(line).iter("path") if "class" not in p.attrib]
    assert re.sub(r"[\d. ]", "", path.attrib["d"]) == "MML"


def test_bars_start_at_0() -> None:
    assert ends_of(Panel(Axis(), Axis(), (Bars(X, X + 5),)), "x").low == 0


def test_a_note_takes_the_place_of_what_is_not_there() -> None:
    panel = Panel(Axis("x"), Axis("y"), note="No trials yet")
    assert "No trials yet" in svg_of(Figure("Empty", ((panel,),)))


class TestTicks:
    def test_round_numbers_names_and_own_ones(self) -> None:
        assert ticks_of(Axis(), Ends(0, 10, False, False), 6) == [
            (v, f"{v:.0f}") for v in (0.0, 2.0, 4.0, 6.0, 8.0, 10.0)
        ]
        names = Axis("c", "category", names=("u", "v"))
        assert ticks_of(names, ends_of(Panel(names, names), "x"), 6) == [(0.0, "u"), (1.0, "v")]
        own = Axis(ticks=((1.0, "one"), (99.0, "beyond")))
        assert ticks_of(own, Ends(0, 10, False, False), 6) == [(1.0, "one")]

    @pytest.mark.parametrize("span", [3, 90, 4000, 50_000, 900_000])
    def test_times_are_round_and_neither_few_nor_many(self, span: float) -> None:
        start = 1_700_000_003.7
        found = ticks_of(Axis("t", "time"), Ends(start, start + span, False, False), 8)
        assert 2 <= len(found) <= 9
        assert all(start <= value <= start + span for value, _ in found)
        assert len({text for _, text in found}) == len(found)
