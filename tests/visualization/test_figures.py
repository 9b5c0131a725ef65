"""What figures decide: what is thinned, shaded, named, and drawn on top."""

import json
import math
from typing import Any

import numpy as np
import pytest

from skipjack.study import Study
from skipjack.terminator import (
    BaseImprovementEvaluator,
    BestValueStagnationEvaluator,
    EMMREvaluator,
    StaticErrorEvaluator,
)
from skipjack.visualization import columns, ticks
from skipjack.visualization.figure import Band, Bars, Line, Points, Spans
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
from skipjack.visualization.figures.history import best_so_far
from skipjack.visualization.render import plotly as ply
from tests.studies import a_study, told
from tests.visualization.scenes import FIGURES, FIGURES_OF_SEVERAL, of_values, several, tuned


@pytest.fixture(scope="module")
def large() -> Study:
    study = a_study(directions=["minimize"])
    draws = np.random.default_rng(0).uniform(size=3000)
    for value in draws.tolist():
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        trial.suggest_float("y", 1e-3, 1, log=True)
        trial.report(value, 0)
        study.tell(trial, value)
    return study


def test_thousands_of_trials_are_thinned_and_it_is_said(large: Study) -> None:
    assert parallel.parallel_coordinate(large).notes == ("624 of 3,000 trials shown",)
    assert curves.intermediate_values(large).notes[0].endswith("of 3,000 trials shown")
    contour = pairs.contour(large, ["x", "y"])
    assert contour.notes[0].endswith("of 3,000 trials as points shown")
    assert timeline.timeline(large, 200).notes == ("200 of 3,000 trials shown",)


def test_the_best_are_never_thinned_away(large: Study) -> None:
    best = large.best_trial.number
    [mark] = parallel.parallel_coordinate(large).panel.marks
    assert mark.trials[-1] == best  # type: ignore[union-attr]  # on top
    lines = [m for m in curves.intermediate_values(large).panel.marks if isinstance(m, Line)]
    assert lines[-1].name == f"Trial {best}"
    star = pairs.contour(large, ["x", "y"]).panel.marks[-1]
    assert isinstance(star, Points) and star.trials is not None and star.trials[0] == best


def test_the_line_of_the_best_loses_no_step_by_thinning() -> None:
    trials = columns.trials_of(told(*np.linspace(1, 0, 60), *np.ones(2000)))
    marks, note = history._each([trials] * 20, "value")
    assert note.endswith("of 41,200 trials shown")
    line = next(mark for mark in marks if isinstance(mark, Line))
    assert set(line.y) == set(best_so_far(trials))


@pytest.mark.slow
def test_figures_of_ten_thousand_trials_are_small() -> None:
    study = tuned(10_000)
    for name, make in FIGURES.items():
        assert len(ply.render(make(study)).to_json()) < 5_000_000, name
    study = several(3, 10_000)
    for name, make in FIGURES_OF_SEVERAL.items():
        assert len(ply.render(make(study)).to_json()) < 5_000_000, name


def test_maximized_studies_improve_upwards() -> None:
    figure = history.optimization_history(told(1.0, 3.0, 2.0, direction="maximize"))
    line = figure.panel.marks[-1]
    assert isinstance(line, Line) and list(line.y) == [1, 3, 3]
    scale = parallel.parallel_coordinate(of_values(1.0, 2.0, direction="maximize")).scale
    assert scale is not None and scale.best == "high"


def test_a_target_has_no_best() -> None:
    figure = history.optimization_history(told(1.0, 2.0), target=lambda t: -t.number)
    [points] = figure.panel.marks
    assert isinstance(points, Points) and list(points.y) == [0, -1]


def test_infeasible_trials_do_not_count_for_the_best() -> None:
    study = a_study()
    for value, violation in ((2.0, 0.0), (1.0, 1.0), (3.0, -1.0)):
        trial = study.ask()
        trial.set_constraint("c", violation)
        study.tell(trial, value)
    grey, points, line = history.optimization_history(study).panel.marks
    assert isinstance(grey, Points) and grey.label == "Infeasible" and list(grey.y) == [1]
    assert isinstance(points, Points) and list(points.y) == [2, 3]
    assert isinstance(line, Line) and list(line.y) == [2, 2, 2]


def test_error_bars_are_mean_and_deviation_over_studies() -> None:
    studies = [told(1.0, 5.0), told(3.0, 1.0, 7.0)]
    points, band, line = history.optimization_history(studies, error_bar=True).panel.marks
    assert isinstance(points, Points) and list(points.y) == [2, 3, 7]
    assert points.error is not None and list(points.error) == [1, 2, 0]
    assert isinstance(line, Line) and list(line.y) == [2, 1, 1]
    assert isinstance(band, Band) and list(band.high) == [3, 1, 1]


def test_pointing_at_a_trial_shows_its_parameters() -> None:
    points = history.optimization_history(of_values(1.0, 2.0)).panel.marks[0]
    assert isinstance(points, Points)
    assert points.hover[1] == "<b>Trial 1</b><br>x: 1<br>y: 0.5<br>c: b"
    drawn = ply.render(FIGURES["history"](of_values(1.0, 2.0))).data[0]
    assert drawn.hovertemplate.startswith("%{hovertext}<br>Trial: %{x}<br>Objective Value: %{y}")


def test_metric_names_are_the_names_of_axes() -> None:
    study = told(1.0, 2.0)
    study.set_metric_names(["loss"])
    assert slices.edf(study).panel.x.title == "loss"
    assert slices.edf(study, target_name="mine").panel.x.title == "mine"
    two = several(2)
    two.set_metric_names(["time", "accuracy"])
    assert pareto.pareto_front(two).panel.y.title == "accuracy"


def test_a_metric_that_was_logged_has_curves() -> None:
    study = a_study()
    for i in range(3):
        trial = study.ask()
        for step in range(4):
            trial.log({"f1": i + step / 4}, step)
        study.tell(trial, float(i))
    figure = curves.intermediate_values(study, metric="f1")
    assert figure.panel.y.title == "f1"
    best = [mark for mark in figure.panel.marks if isinstance(mark, Line)][-1]
    assert list(best.y) == [0, 0.25, 0.5, 0.75]


def test_reports_of_several_objectives_have_a_panel_each() -> None:
    study = a_study(directions=["minimize", "maximize"])
    trial = study.ask()
    for step in range(3):
        trial.report([step, -step], step)
    study.tell(trial, [1.0, 2.0])
    panels = [panel for _, _, panel in curves.intermediate_values(study)]
    assert [list(panel.marks[0].y) for panel in panels] == [[0, 1, 2], [0, -1, -2]]  # type: ignore[union-attr]


def test_importances_of_several_objectives_stand_side_by_side() -> None:
    marks = FIGURES_OF_SEVERAL["importances"](several(2)).panel.marks
    assert [mark.label for mark in marks] == ["Objective 0", "Objective 1"]
    for mark in marks:
        assert isinstance(mark, Bars) and mark.lengths.sum() == pytest.approx(1)
    assert (np.diff([marks[1].y, marks[0].y], axis=0) >= marks[0].thickness).all()


def test_running_trials_end_now_and_queued_ones_have_no_bar() -> None:
    spans = [m for m in timeline.timeline(tuned(3)).panel.marks if isinstance(m, Spans)]
    running = spans[-1]
    assert running.label == "Running" and list(running.y) == [3]
    assert running.end[0] >= running.start[0]
    assert sum(len(m.y) for m in spans) == 4


def test_durations_are_said_in_words() -> None:
    assert timeline.duration(0.0012) == "0.0012 s"
    assert timeline.duration(3661) == "1:01:01"


def test_anytime_is_the_median_of_the_best_so_far() -> None:
    studies = [told(5.0, 1.0), told(4.0, 4.0, 0.0), told(6.0)]
    band, line = compare.anytime(studies, quantiles=(0, 1)).panel.marks
    assert isinstance(line, Line) and isinstance(band, Band)
    assert list(line.x) == [1, 2, 3] and list(line.y) == [5, 4, 1]
    assert list(band.low) == [4, 1, 0] and list(band.high) == [6, 6, 6]
    by_target = compare.anytime(studies, target=lambda t: t.number).panel.marks[1]
    assert list(by_target.y) == [0, 0, 0]  # type: ignore[union-attr]


def test_an_attainment_surface_says_what_half_of_the_studies_reach() -> None:
    fronts = [[(0, 2), (2, 0)], [(1, 1)], [(0, 3), (3, 3)]]
    studies = []
    for points in fronts:
        study = a_study(directions=["minimize", "minimize"])
        for point in points:
            study.tell(study.ask(), [float(v) for v in point])
        studies.append(study)
    [line] = compare.attainment_surface(studies).panel.marks
    assert isinstance(line, Line) and line.steps
    for x, y in zip(line.x, line.y):
        reached = [any(p[0] <= x and p[1] <= y for p in points) for points in fronts]
        assert sum(reached) >= 2
        below = [any(p[0] <= x and p[1] < y for p in points) for points in fronts]
        assert sum(below) < 2
    assert compare.attainment_surface({"a": studies, "b": studies[:2]}).panel.marks[1].role == (  # type: ignore[union-attr]
        "series1"
    )


def test_partial_dependence_finds_the_effect_of_each_parameter() -> None:
    study = a_study()
    for _ in range(300):
        trial = study.ask()
        a, b = trial.suggest_float("a", 0, 1), trial.suggest_float("b", 0, 1)
        study.tell(trial, 4 * (a - 0.5) ** 2 + 0.1 * b)
    first, second = (panel.marks[1] for _, _, panel in models.partial_dependence(study))
    assert isinstance(first, Line) and isinstance(second, Line)
    middle = np.interp(0.5, first.x, first.y)
    assert first.y[0] > middle + 0.5 and first.y[-1] > middle + 0.5
    assert np.ptp(second.y) < 0.3 * np.ptp(first.y)
    swarm = models.importance_beeswarm(study).panel
    assert swarm.y.names == ("b", "a")  # the most important on top
    effects = swarm.marks[1]
    assert isinstance(effects, Points) and effects.shade is not None
    far = np.abs(effects.shade - 0.5) > 0.4
    assert effects.x[far].min() > effects.x[~far].min()
    assert (np.abs(effects.y - 1) <= 0.41).all()


class Ten(BaseImprovementEvaluator):
    """A user's own: ten minus the number of trials that it is given."""

    def evaluate(self, trials: list[Any], study_direction: Any) -> float:
        return 10.0 - len(trials)


def test_improvements_are_asked_for_after_each_trial() -> None:
    study = of_values(*np.arange(8.0))
    early, line, early_error, error = terminator.terminator_improvement(
        study, True, Ten(), StaticErrorEvaluator(4), min_n_trials=4
    ).panel.marks
    assert isinstance(early, Line) and isinstance(line, Line) and isinstance(error, Line)
    assert list(early.x) == [0, 1, 2, 3] and list(early.y) == [9, 8, 7, 6]
    assert list(line.x) == [3, 4, 5, 6, 7] and list(line.y) == [6, 5, 4, 3, 2]
    assert list(error.y) == [4] * 5 and early_error.opacity < error.opacity  # type: ignore[union-attr]


def test_own_evaluators_are_asked_by_columns() -> None:
    study = of_values(5.0, 4.0, 4.0, 4.0, 3.0)
    [_, line] = terminator.terminator_improvement(
        study, improvement_evaluator=BestValueStagnationEvaluator(2), min_n_trials=2
    ).panel.marks
    assert isinstance(line, Line) and list(line.y) == [2, 1, 0, 2]
    unknown = terminator.terminator_improvement(study, improvement_evaluator=EMMREvaluator())
    assert np.isnan(unknown.panel.marks[0].y[0])  # type: ignore[union-attr]  # says nothing yet


def test_an_evaluator_is_asked_at_few_places(large: Study) -> None:
    stagnation = BestValueStagnationEvaluator()
    figure = terminator.terminator_improvement(large, improvement_evaluator=stagnation)
    assert figure.notes == ("asked after 11 of 3,000 trials", "faint: fewer than 20 trials")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-3.0, 12.0, [0, 5, 10]),
        (5.0, 5.0, [5]),
    ],
)
def test_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert ticks.round_numbers(low, high) == pytest.approx(expected)


def test_powers() -> None:
    assert ticks.powers(1e-5, 1e-1) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 1e-1])
    assert ticks.powers(2.0, 9.0) == pytest.approx([2, 5])
    assert ticks.powers(3.0, 4.0) == pytest.approx([3, 3.2, 3.4, 3.6, 3.8, 4])
    assert len(ticks.powers(1e-100, 1e100)) <= 8
    assert [ticks.text(v) for v in (0.0, 1234.5, 1e-5, 3e10)] == ["0", "1234", "1e-5", "3e10"]


def test_text_is_plain_json() -> None:
    study = of_values(1.0, math.pi)
    assert json.loads(ply.render(slices.slice(study)).to_json())["layout"]["title"]["text"]
