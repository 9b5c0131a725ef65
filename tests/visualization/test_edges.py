"""Whatever a study looks like, every figure draws, or says why there is nothing to see."""

import datetime
import json
import math
import sys
import warnings
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from skipjack.distributions import CategoricalDistribution, FloatDistribution
from skipjack.study import Study
from skipjack.trial import create_trial
from skipjack.visualization import columns
from skipjack.visualization.figure import Contour, Figure, Parallel
from skipjack.visualization.figures import (
    compare,
    curves,
    history,
    models,
    pairs,
    parallel,
    pareto,
    slices,
    terminator,
    timeline,
)
from skipjack.visualization.render import matplotlib as mpl
from skipjack.visualization.render import plotly as ply
from tests.studies import a_study
from tests.visualization.scenes import (
    CHOICE,
    FIGURES,
    FIGURES_OF_SEVERAL,
    FLOAT,
    SEVERAL,
    SINGLE,
    choices_only,
    of_values,
    several,
    tuned,
)

EMPTY = ("empty", "failed", "running", "none", "nothing finite")


def notes(figure: Figure) -> list[str]:
    return [panel.note for _, _, panel in figure if panel.note]


def draws_or_says_why(figure: Figure, is_drawn_by_matplotlib: bool) -> None:
    assert any(panel.marks or panel.note for _, _, panel in figure)
    text = ply.render(figure).to_json()
    assert len(text) < 5_000_000
    shown = json.loads(text)
    for _, _, panel in figure:
        if panel.note:
            assert panel.note in [a["text"] for a in shown["layout"]["annotations"]]
    if is_drawn_by_matplotlib:
        axes = np.asarray(mpl.render(figure), dtype=object).ravel()
        written = [text.get_text() for ax in axes for text in ax.texts]
        assert all(note in written for note in notes(figure))


@pytest.mark.parametrize("scene", SINGLE)
def test_every_figure_draws_or_says_why(scene: str) -> None:
    study = SINGLE[scene]()
    for name, make in FIGURES.items():
        draws_or_says_why(make(study), scene != "large" and name not in ("contour", "rank"))


@pytest.mark.parametrize("scene", ["choices", "one", "two", "infinite"])
@pytest.mark.parametrize("name", ["contour", "rank"])
def test_pairs_of_parameters_are_drawn_by_matplotlib(name: str, scene: str) -> None:
    draws_or_says_why(FIGURES[name](SINGLE[scene]()), True)


@pytest.mark.parametrize("scene", SEVERAL)
def test_every_figure_of_several_objectives_draws_or_says_why(scene: str) -> None:
    study = SEVERAL[scene]()
    for make in FIGURES_OF_SEVERAL.values():
        draws_or_says_why(make(study), True)


@pytest.mark.parametrize("scene", ["empty", "failed"])
@pytest.mark.parametrize("name", [n for n in FIGURES if " of two" not in n])
def test_a_figure_without_trials_says_what_there_is(name: str, scene: str) -> None:
    found = notes(FIGURES[name](SINGLE[scene]()))
    if name.startswith("timeline") and scene == "failed":
        assert found == []  # failed trials are bars
    else:
        assert len(found) == 1
        assert ("3 failed" in found[0]) == (scene == "failed") or found[0].startswith(
            ("No trial reported", "No complete trials to show")
        )


def test_matplotlib_draws_what_it_made() -> None:
    """Some errors show only when the canvas is drawn."""
    study = tuned(12)
    for name in ("history", "parallel", "contour", "timeline", "importances"):
        np.ravel(np.asarray(mpl.render(FIGURES[name](study)), dtype=object))[0].figure.canvas.draw()
    mpl.render(FIGURES_OF_SEVERAL["pareto"](several(3))).figure.canvas.draw()


def test_values_that_are_not_finite_are_counted() -> None:
    figure = FIGURES["history"](of_values(1.0, math.inf, 2.0))
    assert figure.notes == ("1 of 3 trials have no finite value and are not shown",)


def test_infinite_values_have_a_rank() -> None:
    figure = pairs.rank(of_values(1.0, math.inf, 2.0, -math.inf), ["x", "y"])
    [points] = figure.panel.marks
    assert sorted(points.shade) == pytest.approx([0, 1 / 3, 2 / 3, 1])  # type: ignore[union-attr]


def test_a_conditional_parameter_that_is_not_set_has_a_place_of_its_own() -> None:
    study = tuned()
    [mark] = FIGURES["parallel"](study).panel.marks
    assert isinstance(mark, Parallel)
    at = [axis.title for axis in mark.axes].index("momentum")
    axis, values = mark.axes[at], mark.values[:, at]
    assert axis.ticks[0][1] == "not set" and axis.low is not None
    unset = values == axis.ticks[0][0]
    has = {t.number for t in study.trials if "momentum" in t.params}
    assert {int(n) for n in mark.trials[~unset]} <= has
    assert not {int(n) for n in mark.trials[unset]} & has
    assert axis.low < axis.ticks[0][0] < values[~unset].min()


def test_choices_that_changed_are_all_on_the_axis() -> None:
    figure = slices.slice(choices_only(), ["a"])
    assert figure.panel.x.names == ("p", "q", "r", "None")
    [points] = figure.panel.marks
    assert set(points.x) == {1.0}  # type: ignore[union-attr]


def test_contours_do_not_reach_over_choices_or_where_no_trials_are() -> None:
    study = a_study()
    for i in range(40):
        x = -4.9 + 0.02 * i
        params = {"x": x, "c": "adam" if i % 2 else "sgd"}
        dists: Any = {"x": FLOAT, "c": CHOICE}
        value = 0.0 if i % 2 else 1.0
        study.add_trial(create_trial(value=value, params=params, distributions=dists))
    study.add_trial(create_trial(value=0.0, params={"x": 5.0, "c": "adam"}, distributions=dists))
    contour = pairs.contour(study, ["x", "c"]).panel.marks[0]
    z = contour.z  # type: ignore[union-attr]
    assert np.isnan(z[:, -2:]).all()  # "rmsprop" was never tried
    assert np.nanmax(z[:, :2]) < 1e-9 and np.nanmin(z[:, 2:4]) > 1 - 1e-9
    assert np.isnan(z[25, 0])  # between -4 and 5 nothing is


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda s: FIGURES["history"](3), TypeError, "'int' object is not iterable|be a Study"),
        (lambda s: FIGURES["slice"]("s"), TypeError, "`study` must be a Study, but got 's'."),
        (lambda s: pairs.contour(s, ["nope", "x"]), ValueError, "`params` must name parameters"),
        (lambda s: pairs.contour(s, "x"), TypeError, "`params` must be a list of names"),
        (
            lambda s: slices.edf(s, target=lambda t: "much"),
            TypeError,
            "`target` must return a number for each trial",
        ),
        (lambda s: slices.edf(s, target=3), TypeError, "`target` must be callable, or None"),
        (
            lambda s: timeline.timeline(s, 0),
            ValueError,
            "`n_recent_trials` must be positive, or None, but got 0.",
        ),
        (
            lambda s: pareto.pareto_front(s),
            ValueError,
            "`targets` must be given for a study of 1 objectives",
        ),
        (
            lambda s: pareto.pareto_front(several(4)),
            ValueError,
            "`targets` must be given for a study of 4 objectives",
        ),
        (
            lambda s: pareto.pareto_front(several(2), target_names=["a"]),
            ValueError,
            "`target_names` must name the 2 axes",
        ),
        (
            lambda s: pareto.pareto_front(several(2), targets=lambda t: [1.0]),
            ValueError,
            "`targets` must return two or three numbers",
        ),
        (
            lambda s: pareto.hypervolume_history(s, [1.0]),
            ValueError,
            "`study` must have several objectives",
        ),
        (
            lambda s: pareto.hypervolume_history(several(2), [1.0]),
            ValueError,
            "`reference_point` must have 2 values",
        ),
        (
            lambda s: pareto.hypervolume_history(several(2), [1.0, math.nan]),
            ValueError,
            "`reference_point` must have finite values",
        ),
        (
            lambda s: curves.intermediate_values(s, metric="f1"),
            ValueError,
            "`metric` must be one that trials logged",
        ),
        (lambda s: compare.anytime([s], against="x"), ValueError, "`against` must be"),
        (lambda s: compare.anytime([s], quantiles=(1, 0)), ValueError, "`quantiles` must be"),
        (
            lambda s: compare.anytime([s, a_study(direction="maximize")]),
            ValueError,
            "must all have the same directions",
        ),
        (lambda s: compare.attainment_surface([s]), ValueError, "must have two objectives"),
        (
            lambda s: terminator.terminator_improvement(several(2)),
            ValueError,
            "`study` must have one objective",
        ),
        (
            lambda s: terminator.terminator_improvement(s, min_n_trials=0),
            ValueError,
            "`min_n_trials` must be positive",
        ),
        (
            lambda s: terminator.terminator_improvement(s, error_evaluator=3),
            TypeError,
            "`error_evaluator` must be an evaluator, but got 3.",
        ),
    ],
)
def test_bad_arguments_are_explained(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(tuned(3))


@pytest.mark.parametrize(
    "name",
    [
        *("history", "parallel", "contour", "rank", "slice", "edf"),
        *("anytime", "partial dependence", "beeswarm"),
    ],
)
def test_several_objectives_need_a_target(name: str) -> None:
    with pytest.raises(ValueError, match="`target` must be given for a study of 2 objectives"):
        FIGURES[name](several(2))


def test_a_constraints_function_is_deprecated_but_used() -> None:
    study = several(2)
    with pytest.warns(FutureWarning, match="`constraints_func` of `plot_pareto_front`"):
        figure = pareto.pareto_front(study, constraints_func=lambda t: [1.0])
    assert [mark.label for mark in figure.panel.marks] == ["Infeasible trial"]  # type: ignore[union-attr]


def test_no_plot_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for make in FIGURES.values():
            ply.render(make(tuned(5)))


def test_a_scale_ends_before_outliers_and_says_so() -> None:
    y = np.append(np.linspace(0, 1, 99), 1000.0)
    scale, note = columns.scale_of("loss", y, "low")
    assert scale.low == 0 and 0.9 < scale.high < 1.1
    assert note == "colours end at the 95th percentile of loss"
    scale, note = columns.scale_of("gain", -y, "high")
    assert scale.high == 0 and -1.1 < scale.low < -0.9 and note.endswith("5th percentile of gain")
    assert columns.scale_of("same", np.ones(3), "low")[0].low < 1


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_largest_float_as_a_penalty_does_not_break_axes(sign: float) -> None:
    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.report(sign * sys.float_info.max, 0)
        trial.report(x, 1)
        return sign * sys.float_info.max if trial.number % 5 == 4 else x

    study = a_study(direction="minimize" if sign > 0 else "maximize")
    study.optimize(objective, n_trials=20)
    for make in (
        history.optimization_history,
        curves.intermediate_values,
        parallel.parallel_coordinate,
        slices.slice,
        slices.edf,
    ):
        figure = make(study)
        draws_or_says_why(figure, True)
        made = mpl.render(figure)
        made.figure.canvas.draw()
    for make in (models.partial_dependence, models.importance_beeswarm):
        assert notes(make(study)) == ["The values are too far apart to be drawn"]
    assert "4 of 20 trials have no finite value" in " ".join(slices.slice(study).notes)


def test_numbers_of_trials_and_steps_are_whole_on_axes() -> None:
    def objective(trial: Any) -> float:
        for step in range(3):
            trial.report(step, step)
        return trial.suggest_float("x", 0, 1)

    study = a_study()
    study.optimize(objective, n_trials=3)
    for make in (history.optimization_history, curves.intermediate_values):
        drawn = mpl.render(make(study))
        assert all(tick == round(tick) for tick in drawn.get_xticks())
        assert ply.render(make(study)).layout.xaxis.dtick == 1


def test_a_legend_of_many_trials_can_be_seen() -> None:
    drawn = mpl.render(history.optimization_history(of_values(*range(1500))))
    symbols = [h for h in drawn.get_legend().legend_handles if hasattr(h, "get_sizes")]
    assert symbols
    assert all(h.get_sizes().min() >= 20 and h.get_alpha() == 1.0 for h in symbols)


@pytest.mark.parametrize("wrong", [3, None, {"a": 1}])
@pytest.mark.parametrize("make", [history.optimization_history, slices.edf])
def test_what_is_no_study_is_named(make: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match="`study` must be a Study or a list of studies"):
        make(wrong)


def of_params(name: str, *values: Any, dist: Any = None) -> Study:
    """A study of a parameter with these values, and of another one."""
    study = a_study()
    dists = {name: dist or CategoricalDistribution(list(values)), "x": FLOAT}
    for i in range(30):
        params = {name: values[i % len(values)], "x": i / 10}
        study.add_trial(create_trial(value=float(i % 7), params=params, distributions=dists))
    return study


@pytest.mark.parametrize(
    "study",
    [
        of_params("a", 8e307, -8e307, 0.0, dist=FloatDistribution(-8.5e307, 8.5e307)),
        of_params("a", 1e308, 9e307, dist=FloatDistribution(0, 1.7e308)),
        of_params("a", 5e-324, 1e-310, dist=FloatDistribution(0, 1e-300)),
        of_params("a", 1e-300, 1e300, 1.0, dist=FloatDistribution(1e-308, 1e308, log=True)),
        of_params("a", 5e-324, 1e-300, dist=FloatDistribution(5e-324, 1, log=True)),
        of_params("n" * 300, "c" * 500, "d" * 500),
        of_params(r"$\bad{$", "$x", r"$\frac$"),
        of_params("many", *[f"choice number {k}" for k in range(200)]),
        of_values(*[1e15, 1e15 + 1, 1e15 + 2] * 4),
        of_values(*[1.0, 1.0 + 4e-16] * 6),
        of_values(*[5e-324, 1e-310, 0.0] * 4),
        of_values(*[1e300, -1e300, 1e200, 0.0] * 3),
    ],
)
@pytest.mark.parametrize("name", ["contour", "slice", "parallel"])
def test_odd_numbers_and_names_are_drawn_without_a_warning(name: str, study: Study) -> None:
    figure = FIGURES[name](study)
    assert figure.panel.marks
    go.Figure(ply.render(figure).to_dict())
    axes = np.ravel(np.asarray(mpl.render(figure), dtype=object))
    axes[0].figure.canvas.draw()


def test_names_are_written_as_they_are() -> None:
    study = of_params("<b>&amp;", "$x$", "<i>$y$</i>")
    figure = slices.slice(study, ["<b>&amp;"])
    [axis] = ply.render(figure).select_xaxes()
    assert axis.title.text == "&lt;b&gt;&amp;amp;"
    assert axis.ticktext == ("$x$", "&lt;i&gt;$y$&lt;/i&gt;")
    ax = mpl.render(figure)
    assert ax.get_xlabel() == "<b>&amp;"
    assert [text.get_text() for text in ax.get_xticklabels()] == [r"\$x\$", r"<i>\$y\$</i>"]
    hover = ply.render(FIGURES["history"](study)).data[0].hovertext[0]
    assert hover.endswith("<br>&lt;b&gt;&amp;amp;: $x$<br>x: 0")


def test_of_many_choices_some_are_written() -> None:
    figure = slices.slice(of_params("many", *map(str, range(100))), ["many"])
    [axis] = ply.render(figure).select_xaxes()
    assert axis.ticktext == tuple(map(str, range(0, 100, 3)))


def test_contours_of_many_parameters_are_coarser() -> None:
    study = a_study()
    dists = {f"p{k:02}": FLOAT for k in range(36)}
    for i in range(12):
        params = {name: math.sin(i * k) for k, name in enumerate(dists)}
        study.add_trial(create_trial(value=float(i), params=params, distributions=dists))
    figure = pairs.contour(study)
    cells = sum(m.z.size for _, _, p in figure for m in p.marks if isinstance(m, Contour))
    assert cells < 120_000
    assert len(ply.render(figure).to_json()) < 5_000_000


def test_the_first_and_the_last_year_are_drawn() -> None:
    trial = create_trial(value=1.0)
    trial.datetime_start = datetime.datetime(1, 1, 2)
    trial.datetime_complete = datetime.datetime(9999, 12, 30)
    study = a_study()
    study.add_trial(trial)
    draws_or_says_why(timeline.timeline(study), True)
