"""Both backends know every mark and draw the same numbers."""

from typing import Any, get_args

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes

from skipjack import visualization
from skipjack.errors import MissingDependencyError
from skipjack.study import Study
from skipjack.visualization import matplotlib as with_matplotlib
from skipjack.visualization.figure import Axis, Figure, Mark, Panel, Points
from skipjack.visualization.render import matplotlib as mpl
from skipjack.visualization.render import plotly as ply
from skipjack.visualization.render.theme import DARK, LIGHT, THEMES
from tests.visualization.numbers import KINDS, matplotlib_numbers, plotly_numbers
from tests.visualization.scenes import FIGURES, FIGURES_OF_SEVERAL, several, tuned


@pytest.fixture(scope="module")
def study() -> Study:
    return tuned()


@pytest.fixture(scope="module")
def pareto_study() -> Study:
    return several(2)


def assert_same_numbers(figure: Figure) -> None:
    drawn = plotly_numbers(ply.render(figure)), matplotlib_numbers(mpl.render(figure))
    for kind in KINDS:
        ours, theirs = drawn[0][kind], drawn[1][kind]
        assert len(ours) == len(theirs), kind
        for a, b in zip(ours, theirs):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9, err_msg=kind)


@pytest.mark.parametrize("theme", [None, "dark"])
def test_plotly_accepts_what_it_is_given_unchecked(
    theme: str | None, study: Study, pareto_study: Study
) -> None:
    made = [make(study) for make in FIGURES.values()]
    made += [make(pareto_study) for make in FIGURES_OF_SEVERAL.values()]
    made += [FIGURES_OF_SEVERAL["pareto"](several(3))]
    for figure in made:
        go.Figure(ply.render(figure, theme).to_dict())


def test_what_a_user_changes_in_a_figure_is_checked(study: Study) -> None:
    drawn = visualization.plot_edf(study)
    drawn.update_layout(title="mine", xaxis_title="value").update_traces(line_width=3)
    assert drawn.data[0].line.width == 3 and drawn.layout.title.text == "mine"
    for change in (lambda: drawn.update_layout(tittle="x"), lambda: drawn.add_scatter(xx=[1])):
        with pytest.raises(ValueError, match="Did you mean"):
            change()


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "timeline"])
def test_both_backends_draw_the_same_numbers(name: str, study: Study) -> None:
    assert_same_numbers(FIGURES[name](study))


@pytest.mark.parametrize("name", FIGURES_OF_SEVERAL)
@pytest.mark.parametrize("m", [2, 3])
def test_both_backends_draw_the_same_numbers_of_several_objectives(name: str, m: int) -> None:
    assert_same_numbers(FIGURES_OF_SEVERAL[name](several(m)))


def test_both_backends_draw_the_same_bars_of_time() -> None:
    study = several(2)
    assert_same_numbers(FIGURES["timeline"](study))


def test_both_backends_draw_the_same_axes(study: Study) -> None:
    figure = FIGURES["slice"](study)
    drawn, axes = ply.render(figure), mpl.render(figure)
    for i, (_, _, panel) in enumerate(figure):
        x = getattr(drawn.layout, f"xaxis{i + 1 if i else ''}")
        assert x.title.text == axes[i].get_xlabel() == panel.x.title
        ends = 10.0 ** np.array(x.range) if x.type == "log" else np.array(x.range, float)
        np.testing.assert_allclose(ends, axes[i].get_xlim())
        assert (x.type == "log") == (axes[i].get_xscale() == "log") == (panel.x.kind == "log")
        if panel.x.names:
            assert list(x.ticktext) == [t.get_text() for t in axes[i].get_xticklabels()]


def test_every_mark_is_known_to_every_backend() -> None:
    for mark in get_args(Mark):
        assert ply._traces.dispatch(mark) is not ply._traces.dispatch(object)
        assert mpl._draw.dispatch(mark) is not mpl._draw.dispatch(object)


def test_what_is_no_mark_is_refused() -> None:
    figure = Figure("", ((Panel(Axis(), Axis(), (3,)),),))  # type: ignore[arg-type]
    for render in (ply.render, mpl.render):
        with pytest.raises(TypeError, match="no mark: 3"):
            render(figure)


def test_every_theme_knows_every_role() -> None:
    assert LIGHT.roles.keys() == DARK.roles.keys()


NAMES = [name for name in visualization.__all__ if name.startswith("plot_")]


def call(module: Any, name: str, study: Study, of_two: Study) -> Any:
    if name in ("plot_pareto_front", "plot_attainment_surface"):
        return getattr(module, name)(of_two)
    if name == "plot_hypervolume_history":
        return module.plot_hypervolume_history(of_two, [2.0, -2.0])
    return getattr(module, name)(study)


@pytest.mark.parametrize("name", NAMES)
def test_plotly_gives_its_figure_and_matplotlib_its_axes(
    name: str, study: Study, pareto_study: Study
) -> None:
    assert isinstance(call(visualization, name, study, pareto_study), go.Figure)
    axes = call(with_matplotlib, name, study, pareto_study)
    assert all(isinstance(ax, Axes) for ax in np.asarray(axes, dtype=object).ravel())


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", ["contour", "parallel", "importances", "timeline"])
def test_a_theme_can_be_asked_for(name: str, theme: str, study: Study) -> None:
    figure = FIGURES[name](study)
    assert ply.render(figure, theme).layout.paper_bgcolor == THEMES[theme].ground
    axes = np.asarray(mpl.render(figure, theme), dtype=object).ravel()
    assert axes[0].figure.get_facecolor()[:3] == pytest.approx(
        tuple(int(THEMES[theme].ground[i : i + 2], 16) / 255 for i in (1, 3, 5))
    )


def test_the_users_template_and_style_are_kept(study: Study) -> None:
    before = plotly.io.templates.default
    plotly.io.templates.default = "plotly_dark"
    try:
        drawn = visualization.plot_edf(study)
    finally:
        plotly.io.templates.default = before
    assert drawn.layout.paper_bgcolor is None  # the template's
    assert drawn.data[0].line.color == DARK.roles["main"]
    with pyplot.style.context("dark_background"):
        ax = with_matplotlib.plot_edf(study)
    assert ax.lines[0].get_color() == DARK.roles["main"]
    assert ax.figure.get_facecolor()[:3] == (0, 0, 0)


def test_matplotlib_settings_are_left_alone(study: Study) -> None:
    before = dict(pyplot.rcParams)
    with_matplotlib.plot_slice(study)
    assert dict(pyplot.rcParams) == before


def test_shapes_of_axes(study: Study) -> None:
    assert with_matplotlib.plot_contour(study).shape == (5, 5)
    assert isinstance(with_matplotlib.plot_contour(study, ["x", "lr"]), Axes)
    assert with_matplotlib.plot_rank(study, ["x", "lr", "layers"]).shape == (3, 3)
    assert with_matplotlib.plot_slice(study).shape == (5,)
    assert isinstance(with_matplotlib.plot_slice(study, ["x"]), Axes)


def test_plotting_packages_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert visualization.is_available() and with_matplotlib.is_available()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not visualization.is_available() and not with_matplotlib.is_available()


@pytest.mark.parametrize(("render", "lazy"), [(ply, "pio"), (mpl, "colors")])
def test_a_missing_package_is_named(
    render: Any, lazy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Missing:
        def __getattr__(self, name: str) -> Any:
            getattr(render, lazy)  # it is there until it is used
            raise MissingDependencyError("skipjack[plot]")

    monkeypatch.setattr(render, lazy, Missing())
    with pytest.raises(ImportError, match=r"skipjack\[plot\]"):
        render.render(Figure("", ((Panel(Axis(), Axis()),),)))


def test_points_on_a_figure_of_hand() -> None:
    mark = Points(np.array([1.0, -4.0]), np.array([2.0, 3.0]), "p")
    assert_same_numbers(Figure("t", ((Panel(Axis("a"), Axis("b"), (mark,)),),)))
