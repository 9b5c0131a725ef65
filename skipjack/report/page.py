"""One file that tells of a study: it works offline, in the light and the dark, and on paper."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from skipjack import _optional
from skipjack.errors import SkipjackError, invalid, wrong_type
from skipjack.importance import get_param_importances
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History, Layout
from skipjack.records.states import TrialState
from skipjack.report import tables
from skipjack.report.diagnose import examined
from skipjack.report.findings import Diagnosis
from skipjack.report.recommend import Recommendation
from skipjack.report.style import css
from skipjack.report.svg import svg_of
from skipjack.visualization.figure import Figure
from skipjack.visualization.figures import (
    curves,
    history,
    importances,
    parallel,
    pareto,
    slices,
    timeline,
)
from skipjack.visualization.render import plotly

offline = _optional.lazy("plotly.offline", extra="plot", needed_by="report(interactive=True)")
plotly_io = _optional.lazy("plotly.io", extra="plot", needed_by="report(interactive=True)")

_BEST = 10  # trials in the table
_FRONT = 20
_OBJECTIVES = 4  # that get a history each
_PARAMS = 12  # in figures with a panel or an axis for each
_THEMES = ("auto", "light", "dark")


class _Content(NamedTuple):
    """What the page is about.

    Attributes:
        study: The study.
        best: Its best trials, best first; of several objectives the front.
        diagnosis: What is wrong with it, and right.
        recommended: What is recommended; None where that makes no sense.
        importances: Of parameters, where they can be told.
    """

    study: Any
    best: list[FrozenTrial]
    diagnosis: Diagnosis
    recommended: Recommendation | None
    importances: dict[str, float]

    @property
    def is_single(self) -> bool:
        """Whether there is one objective."""
        return len(self.study.directions) == 1


def report(
    study: Any,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    interactive: bool = False,
    theme: Literal["auto", "light", "dark"] = "auto",
) -> Path:
    """Write one HTML file about a study: results, figures, diagnosis, failures, how to go on.

    It needs nothing but itself: no network, no script (unless `interactive`). Names and texts of
    users are shown as they are. Where the study is stored is not told.

    Args:
        study: The study.
        path: The file; one that is there is replaced.
        title: The heading; the name of the study if None.
        interactive: Draw figures with Plotly, which is embedded once (about 4.5 MB).
        theme: "light" or "dark"; "auto": as the reader's system is. On paper it is light.

    Returns:
        Where it was written.

    Raises:
        ValueError: If `theme` is none of these.
        ImportError: If `interactive` and Plotly is not installed.
    """
    text = html(study, title=title, interactive=interactive, theme=theme)
    target = Path(path)
    part = target.with_name(f".{target.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, target)  # whoever reads it meanwhile sees the whole of one or the other
    return target


def html(
    study: Any,
    *,
    title: str | None = None,
    interactive: bool = False,
    theme: Literal["auto", "light", "dark"] = "auto",
) -> str:
    """The text of the file that `report` writes.

    Args:
        study: The study.
        title: The heading; the name of the study if None.
        interactive: Draw figures with Plotly, which is embedded once.
        theme: "auto", "light" or "dark".
    """
    if theme not in _THEMES:
        raise invalid("theme", f"be one of {', '.join(map(repr, _THEMES))}", theme)
    if title is not None and not isinstance(title, str):
        raise wrong_type("title", "be a text", title)
    content = _content(study)
    sections = list(_sections(content, interactive, theme))
    head = escape(study.study_name if title is None else title)
    links = "".join(f'<a href="#{name}">{escape(text)}</a>' for name, text, _ in sections)
    body = "".join(tables.section(*part) for part in sections)
    script = f"<script>{offline.get_plotlyjs()}</script>" if interactive else ""
    made = time.strftime("%Y-%m-%d %H:%M")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="generator" content="Skipjack"><title>{head}</title>'
        f"<style>{css(theme)}</style>{script}</head><body><main>"
        f'<h1>{head}</h1><p class="sub">{_subtitle(study)}</p>{_cards(content)}<nav>{links}</nav>'
        f"{body}<footer>Made by Skipjack on {made}.</footer></main></body></html>"
    )


def _content(study: Any) -> _Content:
    columns = study.history
    usable = (columns.states == TrialState.COMPLETE) & columns.feasible
    rows = np.flatnonzero(usable & np.isfinite(columns.losses).all(axis=1))
    figures: dict[str, float] = {}
    if len(study.directions) > 1:
        best = sorted(study.best_trials, key=lambda trial: trial.values)
    else:
        order = rows[np.argsort(columns.losses[rows, 0], kind="stable")][:_BEST]
        with study._ledger.lock:
            state = study._ledger.sync(study._study_id)
            best = [state.frozen(int(number)) for number in columns.numbers[order]]
    if len(rows) > 1 and len(columns.space):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of too few trials
            try:
                figures = dict(get_param_importances(study))
            except SkipjackError:
                figures = {}
    return _Content(study, best, *examined(study), figures)


def _subtitle(study: Any) -> str:
    start, end = study.history.start, study.history.end
    start, end = start[np.isfinite(start)], end[np.isfinite(end)]
    when = ""
    if len(start) and len(end):
        days = [
            time.strftime("%Y-%m-%d %H:%M", time.localtime(t)) for t in (start.min(), end.max())
        ]
        when = f" · {days[0]} to {days[1] if days[0][:10] != days[1][:10] else days[1][11:]}"
    return escape(tables.goal(study)) + when


def _cards(content: _Content) -> str:
    study, columns = content.study, content.study.history
    items = []
    if content.best and content.is_single:
        best = content.best[0]
        items.append(("Best value", tables.shown(best.value), f"trial {best.number}"))
    elif content.best:
        items.append(("Pareto front", str(len(content.best)), "trials that none dominates"))
    if content.recommended is not None:
        found = content.recommended
        same = content.best and found.number == content.best[0].number
        said = "also the best value" if same else f"value {tables.shown(found.value)}"
        items.append(("Recommended", f"Trial {found.number}", said))
    items.append(
        ("Trials", str(study._ledger.sync(study._study_id).n_trials), tables.counts(study))
    )
    spent = columns.end - columns.start
    spent = spent[np.isfinite(spent)]
    if len(spent):
        middle = f"median {tables.duration(float(np.median(spent)))}"
        items.append(("Time in trials", tables.duration(float(spent.sum())), middle))
    return tables.cards(items)


def _sections(content: _Content, interactive: bool, theme: str) -> Iterator[tuple[str, str, str]]:
    """Name, title and content of each section."""
    study = content.study
    names = sorted(study.history.space, key=lambda name: -content.importances.get(name, 0.0))
    judged = {name for layout in _layouts(study.history) for name in layout.names}
    yield "diagnosis", "Diagnosis", tables.findings(content.diagnosis) + _advice(content)
    if content.best:
        chosen = content.recommended.number if content.recommended is not None else -1
        shown = list(content.best if content.is_single else content.best[:_FRONT])
        if content.recommended is not None and chosen not in (t.number for t in shown):
            shown.append(content.recommended.trial)
        title = "Best trials" if content.is_single else "Pareto front"
        made = tables.trials(shown, names, tables.metric_names(study), chosen)
        if len(shown) < len(content.best):
            made += f'<p class="sub">{len(shown)} of {len(content.best)} trials shown</p>'
        yield "best", title, made
    told = [name for name in names if name in judged][:_PARAMS]
    figures = _figures(content, told, interactive)
    drawn = [_figure(figure, k, interactive, theme) for k, figure in enumerate(figures)]
    if drawn:
        yield "figures", "Figures", "".join(drawn)
    if len(study.history.space):
        best = content.best[0].params if content.best else {}
        ordered = {name: study.history.space[name] for name in names}
        yield "space", "What was searched", tables.space(ordered, best, content.importances)
    failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    if failed:
        yield "failures", "Failures", tables.failures(failed)
    if study.user_attrs:
        yield "notes", "Attributes", tables.attributes(study.user_attrs)
    again = content.recommended.trial if content.recommended is not None else None
    again = again or (content.best[0] if content.best else None)
    yield "again", "How to reproduce it", tables.reproduction(study, again, study.history.space)


def _layouts(columns: History) -> Iterator[Layout]:
    """What parameters complete trials had."""
    rows = columns.where(TrialState.COMPLETE)
    return (columns.layouts[k] for k in np.unique(columns.layout_indices[rows]).tolist())


def _advice(content: _Content) -> str:
    if content.recommended is None:
        return ""
    return f"<h3>Which trial to use</h3><p>{escape(str(content.recommended).splitlines()[0])}</p>"


def _figures(content: _Content, names: list[str], interactive: bool) -> Iterator[Figure]:
    """The figures that have something to show."""
    study = content.study
    ended = len(study.history)
    if not ended:
        return
    wanted: list[Callable[[], Figure]] = []
    if content.is_single:
        name = tables.metric_names(study)[0]
        wanted.append(lambda: history.optimization_history(study, target_name=name))
    else:
        if len(study.directions) <= 3:
            look = replace if interactive else pareto.projected
            wanted.append(lambda: look(pareto.pareto_front(study)))
        wanted += [_history_of(study, k) for k in range(min(len(study.directions), _OBJECTIVES))]
    if content.importances:
        wanted.append(lambda: importances.param_importances(study))
    if content.best and names and content.is_single:
        wanted.append(lambda: slices.slice(study, params=names))
        if len(names) > 1:
            wanted.append(lambda: parallel.parallel_coordinate(study, params=names))
    if study.history.curves and content.is_single:
        wanted.append(lambda: curves.intermediate_values(study))
    wanted.append(lambda: timeline.timeline(study))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a figure leaves out: its notes say so
        for make in wanted:
            yield make()


def _history_of(study: Any, k: int) -> Callable[[], Figure]:
    """What makes the history of one objective of several."""
    name = tables.metric_names(study)[k]

    def make() -> Figure:
        figure = history.optimization_history(
            study, target=lambda trial: (trial.values or ())[k], target_name=name
        )
        return replace(figure, title=f"History of {name}")

    return make


def _figure(figure: Figure, number: int, interactive: bool, theme: str) -> str:
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in figure.notes)
    caption = f"<figcaption>{escape(figure.title.removesuffix(' Plot'))}</figcaption>"
    if not interactive:
        return (
            f'<figure>{caption}<div class="scroll">{svg_of(figure, number)}</div>{notes}</figure>'
        )
    made = plotly.render(figure, "dark" if theme == "dark" else "light")
    made.update_layout(title=None, width=None, margin={"t": 30})
    data = plotly_io.to_json(made).replace("<", "\\u003c")  # it stands inside a script
    draw = f"var f={data};Plotly.newPlot('plot{number}',f.data,f.layout,{json.dumps(_CONFIG)})"
    return f'<figure>{caption}<div id="plot{number}"></div><script>{draw}</script>{notes}</figure>'


_CONFIG = {"responsive": True, "displaylogo": False}
