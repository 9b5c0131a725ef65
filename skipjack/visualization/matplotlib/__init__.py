"""Figures of studies, drawn by Matplotlib: each function gives its Axes, or an array of them.

>>> ax = skipjack.visualization.matplotlib.plot_optimization_history(study)
>>> ax.figure.savefig("history.png")
"""

from __future__ import annotations

from skipjack.visualization.drawing import drawn_by
from skipjack.visualization.figures import (
    compare,
    curves,
    history,
    importances,
    models,
    pairs,
    parallel,
    pareto,
    slices,
    terminator,
    timeline,
)
from skipjack.visualization.render import matplotlib

__all__ = [
    "is_available",
    "plot_anytime",
    "plot_attainment_surface",
    "plot_contour",
    "plot_edf",
    "plot_hypervolume_history",
    "plot_importance_beeswarm",
    "plot_intermediate_values",
    "plot_optimization_history",
    "plot_parallel_coordinate",
    "plot_param_importances",
    "plot_pareto_front",
    "plot_partial_dependence",
    "plot_rank",
    "plot_slice",
    "plot_terminator_improvement",
    "plot_timeline",
]

plot_contour = drawn_by(matplotlib.render, pairs.contour, __name__)
plot_edf = drawn_by(matplotlib.render, slices.edf, __name__)
plot_hypervolume_history = drawn_by(matplotlib.render, pareto.hypervolume_history, __name__)
plot_intermediate_values = drawn_by(matplotlib.render, curves.intermediate_values, __name__)
plot_optimization_history = drawn_by(matplotlib.render, history.optimization_history, __name__)
plot_parallel_coordinate = drawn_by(matplotlib.render, parallel.parallel_coordinate, __name__)
plot_param_importances = drawn_by(matplotlib.render, importances.param_importances, __name__)
plot_pareto_front = drawn_by(matplotlib.render, pareto.pareto_front, __name__)
plot_rank = drawn_by(matplotlib.render, pairs.rank, __name__)
plot_slice = drawn_by(matplotlib.render, slices.slice, __name__)
plot_timeline = drawn_by(matplotlib.render, timeline.timeline, __name__)
plot_anytime = drawn_by(matplotlib.render, compare.anytime, __name__)
plot_attainment_surface = drawn_by(matplotlib.render, compare.attainment_surface, __name__)
plot_importance_beeswarm = drawn_by(matplotlib.render, models.importance_beeswarm, __name__)
plot_partial_dependence = drawn_by(matplotlib.render, models.partial_dependence, __name__)
plot_terminator_improvement = drawn_by(
    matplotlib.render, terminator.terminator_improvement, __name__
)


def is_available() -> bool:
    """Whether Matplotlib is installed."""
    return bool(matplotlib.plt.is_installed)
