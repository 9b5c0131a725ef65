"""The parts of the page that are words and tables."""

from __future__ import annotations

import math
import platform
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from skipjack.distributions import BaseDistribution, CategoricalDistribution
from skipjack.records.attributes import FAIL_REASON
from skipjack.records.frozen import FrozenTrial
from skipjack.records.states import StudyDirection, TrialState
from skipjack.report.findings import Diagnosis, code_of
from skipjack.version import __version__

_CELL = 60  # characters of a value in a table
_REASONS = 20
_REASON = 400


def shown(value: Any, most: int = _CELL) -> str:
    """A value as HTML, short."""
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    return escape(text if len(text) <= most else text[: most - 1] + "…")


def duration(seconds: float) -> str:
    """A time in at most two units."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        short = f"{seconds * 1000:.0f} ms" if seconds >= 5e-4 else "< 1 ms"
        return escape(short) if seconds < 1 else f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], wrap: Sequence[int] = ()) -> str:
    """A table whose cells are HTML already.

    Args:
        heads: Titles of columns, as text.
        rows: Their cells.
        wrap: Which columns may break lines.
    """
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{' class=wrap' if k in wrap else ''}>{cell}</td>" for k, cell in enumerate(r)
        )
        + "</tr>"
        for r in rows
    )
    made = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll">{made}</div>'


def section(name: str, title: str, content: str) -> str:
    """A section with a heading, which the navigation leads to."""
    return f'<section id="{name}"><h2>{escape(title)}</h2>{content}</section>'


def cards(items: Iterable[tuple[str, str, str]]) -> str:
    """Figures in large print: label, figure and small print, as HTML."""
    made = (
        f'<div class="card"><span>{label}</span><b>{figure}</b><small>{small}</small></div>'
        for label, figure, small in items
    )
    return f'<div class="cards">{"".join(made)}</div>'


def findings(diagnosis: Diagnosis) -> str:
    """What was found, and the better ranges as code."""
    items = "".join(
        f'<li class="{found.level}">{escape(found.text)}'
        + (f"<small>{escape(found.advice)}</small>" if found.advice else "")
        + "</li>"
        for found in diagnosis
    )
    code = ""
    if diagnosis.ranges:
        code = f"<h3>Ranges to try next</h3><pre>{escape(diagnosis.code)}</pre>"
    return f'<ul class="findings">{items}</ul>{code}'


def space(
    dists: Mapping[str, BaseDistribution], best: Mapping[str, Any], importances: Mapping[str, float]
) -> str:
    """What was searched: ranges, the best values, and how much each parameter matters."""
    rows = []
    for name, dist in dists.items():
        share = importances.get(name, math.nan)
        meter = "–"
        if math.isfinite(share):
            meter = (
                f'<span class="meter"><i style="width:{100 * share:.1f}%"></i></span>{share:.1%}'
            )
        rows.append(
            (
                f"<b>{shown(name)}</b>",
                *_range(dist),
                shown(best[name]) if name in best else "–",
                meter,
            )
        )
    return table(("Parameter", "Kind", "Range", "Best", "Importance"), rows, wrap=(2,))


def _range(dist: BaseDistribution) -> tuple[str, str]:
    """Kind and range, as HTML."""
    if isinstance(dist, CategoricalDistribution):
        return "choice", ", ".join(shown(choice, 40) for choice in dist.choices[:30])
    kind = "whole number" if type(dist).__name__.startswith("Int") else "number"
    low, high, step = (getattr(dist, name) for name in ("low", "high", "step"))
    more = ", log" if getattr(dist, "log", False) else ""
    if step not in (None, 1) or (step is not None and kind == "number"):
        more += f", in steps of {shown(step)}"
    return kind, f"{shown(low)} to {shown(high)}{more}"


def trials(
    chosen: Sequence[FrozenTrial], names: Sequence[str], metrics: Sequence[str], recommended: int
) -> str:
    """A table of trials.

    Args:
        chosen: The trials, best first.
        names: Parameters, in order.
        metrics: What the objectives are called.
        recommended: The number of the recommended trial; -1 for none.
    """
    names = [name for name in names if any(name in trial.params for trial in chosen)]
    rows = []
    for trial in chosen:
        badge = ' <span class="badge">recommended</span>' if trial.number == recommended else ""
        time = trial.duration.total_seconds() if trial.duration is not None else math.nan
        values = [shown(float(value)) for value in trial.values or ()]
        params = [shown(trial.params[name]) if name in trial.params else "–" for name in names]
        rows.append((f"{trial.number}{badge}", *values, duration(time), *params))
    return table(("Trial", *metrics, "Duration", *names), rows)


def failures(failed: Sequence[FrozenTrial]) -> str:
    """Why trials failed, the most frequent reason first."""
    by_reason: dict[str, list[FrozenTrial]] = defaultdict(list)
    for trial in failed:
        by_reason[str(trial.system_attrs.get(FAIL_REASON, "No reason is known."))].append(trial)
    ordered = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[1][0].number))
    rows = []
    for reason, of in ordered[:_REASONS]:
        numbers = ", ".join(str(trial.number) for trial in of[:8]) + (", …" if len(of) > 8 else "")
        params = ", ".join(f"{shown(k, 30)} = {shown(v, 30)}" for k, v in of[0].params.items())
        rows.append((str(len(of)), shown(reason, _REASON), numbers, params))
    left = len(ordered) - len(rows)
    more = f"<p>And {left} more reasons.</p>" if left > 0 else ""
    return table(("Trials", "Reason", "Numbers", "For example"), rows, wrap=(1, 3)) + more


def reproduction(
    study: Any, best: FrozenTrial | None, dists: Mapping[str, BaseDistribution]
) -> str:
    """How the study was made, and how to run a trial again."""
    directions = [d.name.lower() for d in study.directions]
    said = f"direction={directions[0]!r}" if len(directions) == 1 else f"directions={directions!r}"
    lines = [
        "import skipjack",
        "",
        "def objective(trial):  # these ranges it had last; put yours here",
        *(f"    {code_of(name, dist)}" for name, dist in dists.items()),
        "    ...",
        "",
        f"study = skipjack.create_study(study_name={study.study_name!r}, {said})",
    ]
    if best is not None:
        lines += [
            f"study.enqueue_trial({best.params!r})",
            "study.optimize(objective, n_trials=1)",
        ]
    history = study.history
    used = [history.samplers[k] for k in np.unique(history.by).tolist() if history.samplers[k]]
    facts = [
        ("Sampler", type(study.sampler).__name__),
        ("Trials were proposed by", ", ".join(used) or "–"),
        ("Pruner", type(study.pruner).__name__),
        ("Seed of the study", str(study.seed)),
        ("The last run ended", study.stop_reason or "–"),
        ("Skipjack", __version__),
        ("NumPy", np.__version__),
        ("Python", platform.python_version()),
    ]
    rows = ((escape(name), shown(value)) for name, value in facts)
    head = "How to start anew" if best is None else f"Trial {best.number} again"
    return table(("", ""), rows) + f"<h3>{head}</h3><pre>{escape(chr(10).join(lines))}</pre>"


def attributes(attrs: Mapping[str, Any]) -> str:
    """What the user attached to the study."""
    rows = ((f"<b>{shown(key)}</b>", shown(value, 500)) for key, value in attrs.items())
    return table(("Name", "Value"), rows, wrap=(1,))


def metric_names(study: Any) -> list[str]:
    """What the objectives are called."""
    if study.metric_names is not None:
        return list(study.metric_names)
    return (
        ["Value"]
        if len(study.directions) == 1
        else [f"Value {k}" for k in range(len(study.directions))]
    )


def goal(study: Any) -> str:
    """What the study does with its objectives, as text."""
    verbs = {StudyDirection.MAXIMIZE: "Maximizes", StudyDirection.MINIMIZE: "Minimizes"}
    names = (
        metric_names(study) if study.metric_names or len(study.directions) > 1 else ["its value"]
    )
    pairs = zip(study.directions, names, strict=True)
    parts = [f"{verbs.get(direction, '')} {name}" for direction, name in pairs]
    return ", ".join([parts[0], *(part[0].lower() + part[1:] for part in parts[1:])])


def counts(study: Any) -> str:
    """How many trials are in which state, as text."""
    found = zip(TrialState, study.history.counts, strict=True)
    return ", ".join(f"{n} {state.name.lower()}" for state, n in found if n)
