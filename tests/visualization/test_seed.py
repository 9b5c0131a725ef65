"""What a reader is told that each figure shows: axes, ticks, lines, points and colours."""

import datetime
import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

import skipjack as optuna
from skipjack.numerics import hypervolume_history
from skipjack.study import Study
from skipjack.trial import TrialState, create_trial
from skipjack.visualization import (
    plot_contour,
    plot_edf,
    plot_hypervolume_history,
    plot_intermediate_values,
    plot_optimization_history,
    plot_parallel_coordinate,
    plot_param_importances,
    plot_pareto_front,
    plot_rank,
    plot_slice,
    plot_timeline,
)
from skipjack.visualization.render.theme import LIGHT
from tests.studies import a_study, told
from tests.visualization.scenes import CHOICE, LOG, several


@pytest.fixture(scope="module")
def study() -> Study:
    """A network's learning rate, layers and optimizer: every third trial is pruned."""
    study = a_study()
    draws = np.random.default_rng(0)
    start = datetime.datetime(2026, 1, 1)
    for i in range(30):
        lr, layers = 10 ** draws.uniform(-5, -1), int(draws.integers(1, 5))
        value = (math.log10(lr) + 3) ** 2 + layers
        pruned = i % 3 == 2
        trial = create_trial(
            state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
            value=None if pruned else value,
            params={"lr": lr, "n_layers": layers, "optimizer": CHOICE.choices[i % 3]},
            distributions={
                "lr": LOG,
                "n_layers": optuna.distributions.IntDistribution(1, 4),
                "optimizer": CHOICE,
            },
            intermediate_values={k: value + 3 - k for k in range(2 if pruned else 4)},
        )
        trial.datetime_start = start + datetime.timedelta(seconds=i)
        trial.datetime_complete = trial.datetime_start + datetime.timedelta(seconds=0.5 + i % 4)
        study.add_trial(trial)
    return study


def complete(study: Study) -> list[Any]:
    return [t for t in study.trials if t.state == TrialState.COMPLETE]


def test_optimization_history(study: Study) -> None:
    """The best score evolves across trials: whether it converges, where it flattens."""
    points, best = plot_optimization_history(study).data
    trials = complete(study)
    assert list(points.x) == [t.number for t in trials]
    assert list(points.y) == [t.value for t in trials]
    assert list(best.y) == np.minimum.accumulate([t.value for t in trials]).tolist()
    assert best.mode == "lines" and best.line.shape == "hv"


def test_intermediate_values(study: Study) -> None:
    """x: steps, y: what was reported; each line one trial, a dot each report; pruned ones stop."""
    figure = plot_intermediate_values(study)
    assert figure.layout.xaxis.title.text == "Step"
    assert figure.layout.yaxis.title.text == "Intermediate Value"
    *lines, ends = figure.data
    by_trial = {int(line.hovertemplate.split("Trial ")[1].split("<")[0]): line for line in lines}
    assert len(lines) == len(by_trial) == 30
    for trial in study.trials:
        line = by_trial[trial.number]
        assert dict(zip(line.x, line.y)) == trial.intermediate_values
        assert line.mode == "lines+markers"  # each mark is a point where report() was called
    pruned = [t for t in study.trials if t.state == TrialState.PRUNED]
    assert ends.name == "Pruned here" and ends.marker.symbol == "x"
    assert sorted(ends.customdata) == [t.number for t in pruned]
    assert set(ends.x) == {1}  # the step at which they were stopped
    assert {by_trial[t.number].line.color for t in pruned} == {LIGHT.roles["pruned"]}


def test_parallel_coordinate(study: Study) -> None:
    """Each vertical axis one parameter or the objective, with its own scale; one line per trial."""
    [trace] = plot_parallel_coordinate(study).data
    labels = [axis.label for axis in trace.dimensions]
    assert labels == ["Objective Value", "lr", "n_layers", "optimizer"]
    value, lr, layers, optimizer = trace.dimensions
    trials = {t.number: t for t in complete(study)}
    assert sorted(trace.customdata) == sorted(trials)
    for i, number in enumerate(trace.customdata):  # a line connects the values of one trial
        trial = trials[number]
        assert value.values[i] == trial.value
        assert 10 ** lr.values[i] == pytest.approx(trial.params["lr"])
        assert layers.values[i] == trial.params["n_layers"]
        assert CHOICE.choices[int(optimizer.values[i])] == trial.params["optimizer"]
    assert len({tuple(axis.range) for axis in trace.dimensions}) == 4
    assert dict(zip(lr.tickvals, lr.ticktext))[-3.0] == "0.001"
    assert list(optimizer.ticktext) == ["adam", "sgd", "rmsprop"]
    only = plot_parallel_coordinate(study, params=["lr", "n_layers"])
    assert [a.label for a in only.data[0].dimensions] == ["Objective Value", "lr", "n_layers"]


def test_contour(study: Study) -> None:
    """Axes are two parameters, colours the objective, and each point one trial."""
    figure = plot_contour(study, params=["lr", "n_layers"])
    contour, points, best = figure.data
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("lr", "n_layers")
    assert figure.layout.xaxis.type == "log"
    assert contour.type == "contour" and contour.coloraxis == "coloraxis"
    assert figure.layout.coloraxis.colorbar.title.text == "Objective Value"
    trials = complete(study)
    assert list(points.x) == [t.params["lr"] for t in trials]
    assert list(points.y) == [t.params["n_layers"] for t in trials]
    assert [best.customdata[0]] == [study.best_trial.number]
    values = [t.value for t in trials]
    z = contour.z[~np.isnan(contour.z)]
    assert min(values) <= z.min() < z.max() <= max(values)
    whole = plot_contour(study)
    assert sum(trace.type == "contour" for trace in whole.data) == 3  # all pairs of three


def test_slice(study: Study) -> None:
    """One panel per parameter, the objective upwards; each point is one trial."""
    figure = plot_slice(study)
    titles = [figure.layout[f"xaxis{i}"].title.text for i in ("", 2, 3)]
    assert titles == ["lr", "n_layers", "optimizer"]
    assert figure.layout.yaxis.title.text == "Objective Value"
    trials = complete(study)
    for panel, name in zip(figure.data, titles):
        assert list(panel.y) == [t.value for t in trials]
        assert list(panel.marker.color) == [t.number for t in trials]
        shown = [
            CHOICE.choices.index(v) if name == "optimizer" else v
            for v in (t.params[name] for t in trials)
        ]
        assert list(panel.x) == shown
    assert list(figure.layout.xaxis3.ticktext) == ["adam", "sgd", "rmsprop"]


def test_param_importances(study: Study) -> None:
    """Which parameters influence the outcome; and with a target, which influence the duration."""
    [bars] = plot_param_importances(study).data
    figure = plot_param_importances(study)
    names = list(figure.layout.yaxis.ticktext)
    found = optuna.importance.get_param_importances(study)
    assert dict(zip(names, bars.x)) == found
    assert names[::-1] == list(found)  # the most important on top
    figure = plot_param_importances(
        study, target=lambda t: t.duration.total_seconds(), target_name="duration"
    )
    assert figure.layout.xaxis.title.text == "Importance for duration"


def test_edf(study: Study) -> None:
    """x: values that appeared; y, 0 to 1: the share of trials with that value or a lower one."""
    figure = plot_edf(study)
    [curve] = figure.data
    assert figure.layout.yaxis.title.text == "Cumulative Probability"
    assert figure.layout.xaxis.title.text == "Objective Value"
    assert curve.line.shape == "hv"
    assert curve.y[0] == 0 and curve.y[-1] == 1 and (np.diff(curve.y) >= 0).all()
    values = [t.value for t in complete(study)]
    for x, y in zip(curve.x[1:-1], curve.y[1:-1]):
        assert x in values
        assert y == pytest.approx(np.mean([v <= x for v in values]))
    assert len(plot_edf([study, told(1.0, 2.0, study_name="other")]).data) == 2


def test_rank(study: Study) -> None:
    """Each panel a pair of parameters, each point a trial, coloured by how good it is."""
    figure = plot_rank(study, params=["lr", "n_layers"])
    [points] = figure.data
    trials = {t.number: t for t in complete(study)}
    assert sorted(points.customdata) == sorted(trials)
    by_colour = [int(n) for _, n in sorted(zip(points.marker.color, points.customdata))]
    assert by_colour == [t.number for t in sorted(trials.values(), key=lambda t: t.value)]
    for x, y, number in zip(points.x, points.y, points.customdata):
        assert (x, y) == (trials[number].params["lr"], trials[number].params["n_layers"])
    assert len(figure.layout.coloraxis.colorbar.ticktext) == 5


def test_timeline(study: Study) -> None:
    """Execution time and order: parallel, slow and fast trials, and what the pruner did."""
    figure = plot_timeline(study)
    by_state = {bars.name: bars for bars in figure.data}
    assert by_state.keys() == {"Complete", "Pruned"}
    assert list(by_state["Pruned"].y) == [2, 5, 8, 11, 14, 17, 20, 23, 26, 29]
    for bars in by_state.values():
        for number, begin, took in zip(bars.y, bars.base, bars.x):
            trial = study.trials[int(number)]
            assert (begin - trial.datetime_start).total_seconds() == pytest.approx(0)
            assert trial.duration is not None
            assert took / 1000 == pytest.approx(trial.duration.total_seconds(), abs=1e-5)
    assert by_state["Complete"].marker.color == LIGHT.roles["complete"]
    assert by_state["Pruned"].marker.color == LIGHT.roles["pruned"]
    assert sum(len(bars.y) for bars in plot_timeline(study, n_recent_trials=5).data) == 5


def test_pareto_front() -> None:
    """Trials that no other one dominates stand out; a line divides what they dominate."""
    study = several(2)
    figure = plot_pareto_front(study, target_names=["loss", "accuracy"])
    by_name = {trace.name: trace for trace in figure.data if trace.name}
    assert sorted(by_name["Pareto front"].customdata) == [t.number for t in study.best_trials]
    infeasible = [t.number for t in study.trials if t.params["a"] > 0.9]
    assert sorted(by_name["Infeasible trial"].customdata) == infeasible
    assert sum(len(trace.customdata) for trace in by_name.values()) == len(study.trials)
    assert figure.layout.yaxis.title.text == "accuracy"
    assert plot_pareto_front(several(3)).data[0].type == "scatter3d"


def test_hypervolume_history() -> None:
    """The dominated volume rises from trial to trial, up to that of the front."""
    study = told_pairs((1, 1), (3, 3), (0, 2), (2, 0), (0, 0))
    [line] = plot_hypervolume_history(study, [3, 3]).data
    assert list(line.x) == [0, 1, 2, 3, 4]
    assert list(line.y) == [4, 4, 5, 6, 9]


def test_a_hypervolume_that_is_estimated_says_from_where_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hypervolume_history, "_MOST_BOXES", 3)
    study = told_pairs((5, 5), (0, 4), (1, 3), (2, 2), (3, 1), (4, 0))
    drawn = plot_hypervolume_history(study, [6, 6])
    assert [note.text for note in drawn.layout.annotations] == ["estimated from trial 4 on"]


def told_pairs(*pairs: tuple[float, float]) -> Study:
    study = a_study(directions=["minimize", "minimize"])
    for pair in pairs:
        study.tell(study.ask(), pair)
    return study


def test_all_of_it_works_by_passing_the_study(study: Study) -> None:
    """All visualizations work by simply passing the study object."""
    for plot in (plot_optimization_history, plot_slice, plot_rank, plot_contour, plot_timeline):
        assert isinstance(plot(study), go.Figure)
    ours = optuna.visualization.plot_contour(study, params=["lr", "n_layers"])
    assert isinstance(ours, go.Figure)
