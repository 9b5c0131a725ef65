"""Trials as figures read them: columns of the history, sorted by number."""

from __future__ import annotations

import html
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, final

import numpy as np

from skipjack.distributions import BaseDistribution, CategoricalDistribution
from skipjack.errors import InvalidValueError, invalid, wrong_type
from skipjack.records.frozen import FrozenTrial
from skipjack.records.history import History
from skipjack.records.space import BoolArray, FloatArray, IntArray, Space
from skipjack.records.states import TrialState
from skipjack.study import Study
from skipjack.visualization import ticks
from skipjack.visualization.figure import Axis, Scale

Target: TypeAlias = Callable[[FrozenTrial], float]
COMPLETE = (TrialState.COMPLETE,)
ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)

_MOST = 10_000  # points in one panel
_CLIP = 95.0  # percentile
FARTHEST = 1e200  # what lies beyond has no place on an axis: plotting packages compute with it
_NEAREST = 1e-13  # values that differ by less, relative to their size, all have the same colour
_DECADES = 100
_LEAST = 1e-290  # the same, however small they are


@final
@dataclass(frozen=True, slots=True)
class Trials:
    """Finished trials by number: n of them, d parameters.

    Attributes:
        study: The study's name.
        numbers, states, start, end, feasible: Columns, shape (n,).
        y: What is shown of each, as the user sees it, shape (n,); NaN where it has nothing.
        best: Which values of y are good; None if nobody knows.
        space: The parameters; with all choices that a name ever had.
        values: Internal values, shape (n, d); NaN where a trial has not that parameter.
        unfinished: How many trials run or wait.
    """

    study: str
    numbers: IntArray
    states: IntArray
    start: FloatArray
    end: FloatArray
    feasible: BoolArray
    y: FloatArray
    best: Literal["low", "high"] | None
    space: Space
    values: FloatArray
    unfinished: int

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: IntArray | BoolArray) -> Trials:
        """Some of the trials."""
        names = ("numbers", "states", "start", "end", "feasible", "y", "values")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def column(self, name: str) -> FloatArray:
        """The internal values of a parameter, shape (n,)."""
        return np.asarray(self.values[:, self.space.names.index(name)])

    @property
    def loss(self) -> FloatArray:
        """`y`, turned so that low is good, shape (n,)."""
        return -self.y if self.best == "high" else self.y


def a_study(study: Any) -> Study:
    """`study`, if it is one.

    Raises:
        TypeError: If it is something else.
    """
    if not isinstance(study, Study):
        raise wrong_type("study", "be a Study", study)
    return study


def studies_of(study: Any) -> list[Study]:
    """The studies that were given, one or several.

    Raises:
        TypeError: If there is something else among them.
    """
    if isinstance(study, Study):
        return [study]
    if isinstance(study, dict) or not isinstance(study, Iterable):
        raise wrong_type("study", "be a Study or a list of studies", study)
    return [a_study(one) for one in study]


def check_target(study: Study, target: Target | None) -> None:
    """A study of several objectives needs a target.

    Raises:
        ValueError: If it has none.
    """
    if target is None and len(study.directions) > 1:
        raise InvalidValueError(
            f"`target` must be given for a study of {len(study.directions)} objectives, but got "
            "None. `target=lambda trial: trial.values[0]` shows the first."
        )


def full_space(history: History) -> Space:
    """The parameters of finished trials; where the choices of a name changed, all of them."""
    unions = history.choices.unions
    space = history.space
    if not unions:
        return space
    return Space({name: unions.get(name, dist) for name, dist in space.items()})


def trials_of(
    study: Any, target: Target | None = None, states: Container[TrialState] = COMPLETE
) -> Trials:
    """The finished trials of a study in some states.

    Args:
        study: The study.
        target: What is shown of a trial; its value if None. Called for COMPLETE trials only.
        states: Which trials.

    Raises:
        TypeError: If `study` is no study, or the target gives no number.
        ValueError: If the study has several objectives and there is no target.
    """
    a_study(study)
    check_target(study, target)
    made = all_trials(study)
    if target is not None:
        made = replace(made, y=_targets(study, target, made.numbers), best=None)
    wanted = [int(state) for state in TrialState if state in states]
    return made.take(np.isin(made.states, wanted))


def all_trials(study: Study) -> Trials:
    """All finished trials of a study; `y` is the first objective."""
    history = study.history
    n = len(history)
    space = full_space(history)
    order = np.argsort(history.numbers[:n], kind="stable")
    best: Literal["low", "high"] = "high" if history.signs[0] < 0 else "low"
    return Trials(
        study.study_name,
        history.numbers[:n][order],
        history.states[:n][order],
        history.start[:n][order],
        history.end[:n][order],
        history.feasible[:n][order],
        drawable(history.signs[0] * history.losses[:n, 0][order]),
        best,
        space,
        _values(history, space, n)[order],
        len(history.open),
    )


def objectives_of(study: Study) -> FloatArray:
    """All values of the finished trials as the user sees them, by number, shape (n, m)."""
    history = study.history
    n = len(history)
    order = np.argsort(history.numbers[:n], kind="stable")
    return drawable(history.losses[:n][order] * np.array(history.signs))


def drawable(values: FloatArray) -> FloatArray:
    """The values, those beyond 1e200 (such as the largest float, as a penalty) as infinite ones."""
    return np.where(np.abs(values) > FARTHEST, np.copysign(np.inf, values), values)


def _values(history: History, space: Space, n: int) -> FloatArray:
    values = np.full((n, len(space)), np.nan)
    known = history.values[:n]
    for j, column in enumerate(history.columns(space).tolist()):
        if column >= 0:
            values[:, j] = known[:, column]
    for j, column, indices in history.choices.others(space):
        found = known[:, column]
        there = ~np.isnan(found)
        values[there, j] = indices[found[there].astype(np.intp)]
    return values


def _targets(study: Study, target: Target, numbers: IntArray) -> FloatArray:
    """What the target says of COMPLETE trials, NaN of the others, shape (n,)."""
    if not callable(target):
        raise wrong_type("target", "be callable, or None", target)
    found = np.full(len(numbers), np.nan)
    for trial in study.get_trials(deepcopy=False, states=COMPLETE):
        value = target(trial)
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise wrong_type(
                "target", f"return a number for each trial (trial {trial.number})", value
            ) from error
        place = int(np.searchsorted(numbers, trial.number))
        if place < len(numbers) and numbers[place] == trial.number:
            found[place] = number
    return drawable(found)


def finite(trials: Trials) -> tuple[Trials, str]:
    """The trials whose `y` is a finite number, and a note on the others."""
    good = np.isfinite(trials.y)
    lost = int(len(trials) - good.sum())
    note = f"{lost} of {len(trials)} trials have no finite value and are not shown" if lost else ""
    return trials.take(good), note


def nothing(study: Study, states: Sequence[TrialState] = COMPLETE) -> str:
    """Why there is nothing to see: what trials there are instead."""
    history = study.history
    counts = {
        "complete": history.counts[TrialState.COMPLETE],
        "pruned": history.counts[TrialState.PRUNED],
        "failed": history.counts[TrialState.FAIL],
        "running": sum(d.state is TrialState.RUNNING for d in list(history.open.values())),
        "waiting": sum(d.state is TrialState.WAITING for d in list(history.open.values())),
    }
    there = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    wanted = " or ".join(state.name.lower() for state in states)
    return f"No {wanted} trials to show" + (f" ({there})" if there else " yet")


def chosen(trials: Trials, params: Sequence[str] | None) -> list[str]:
    """The names of the parameters to show, sorted; all that trials have if `params` is None.

    Raises:
        ValueError: If no trial has one of them.
    """
    used = np.count_nonzero(~np.isnan(trials.values), axis=0)
    there = [name for name, count in zip(trials.space.names, used.tolist()) if count]
    if params is None:
        return sorted(there) if len(trials) else []
    if isinstance(params, str):
        raise wrong_type("params", "be a list of names", params)
    names = list(dict.fromkeys(params))
    for name in names:
        if name not in trials.space or (len(trials) and name not in there):
            raise invalid(
                "params",
                "name parameters of complete trials",
                name,
                f"There are {', '.join(map(repr, sorted(there))) or 'none yet'}.",
            )
    return sorted(names)


def described(trials: Trials, most: int = 500) -> tuple[str, ...]:
    """Number and parameters of each trial in HTML, for who points at it; of at most `most`."""
    if len(trials) > most:
        return ()
    names = trials.space.names
    ways = [trials.space[name].to_external_repr for name in names]
    found = []
    for number, values in zip(trials.numbers.tolist(), trials.values.tolist()):
        shown = [f"{k}: {_short(way(v))}" for k, way, v in zip(names, ways, values) if v == v]
        shown = [html.escape(text, quote=False) for text in shown]
        found.append("<br>".join([f"<b>Trial {number}</b>", *shown]))
    return tuple(found)


def _short(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def axis_of(name: str, dist: BaseDistribution, values: FloatArray, **look: Any) -> Axis:
    """The axis of a parameter; a little longer than its values reach.

    Args:
        name: The parameter's.
        dist: What it is drawn from.
        values: Internal values that are shown, shape (n,), NaN left out.
        **look: Other fields of the axis.
    """
    if isinstance(dist, CategoricalDistribution):
        names = tuple(str(choice) for choice in dist.choices)
        return Axis(name, "category", names, low=-0.5, high=len(names) - 0.5, **look)
    known = values[~np.isnan(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if dist.axis.log and low > 0:
        low, high = np.log10(low), np.log10(high)
        room = 0.05 * (high - low) or 0.1
        first = max(low - room, -307.0)
        ends = float(10**first), float(10 ** max(min(high + room, 290.0), first + 0.1))
        if high - low > _DECADES:  # packages find no powers there
            look["ticks"] = tuple((tick, ticks.text(tick)) for tick in ticks.powers(*ends))
        return Axis(name, "log", low=ends[0], high=ends[1], **look)
    room = 0.05 * (high - low) or abs(low) * 0.05 or 0.5
    if max(abs(low), abs(high)) > FARTHEST:  # packages find no round numbers there
        marked = tuple((tick, ticks.text(tick)) for tick in ticks.round_numbers(low, high))
        room = room if np.isfinite(high - low + 2 * room) else 0.0
        return Axis(name, "linear", low=low - room, high=high + room, ticks=marked, **look)
    return Axis(name, "linear", low=low - room, high=high + room, **look)


def value_axis(title: str, **look: Any) -> Axis:
    """The axis of what is shown of trials."""
    return Axis(title, **look)


def thinned(n: int, most: int = _MOST, keep: IntArray | None = None) -> IntArray:
    """Which of n trials are shown: all, or `most` at even distances and those to `keep`."""
    if n <= most:
        return np.arange(n)
    even = np.unique(np.linspace(0, n - 1, most).round().astype(np.int64))
    return even if keep is None else np.union1d(even, keep)


def said(shown: int, n: int, what: str = "trials") -> str:
    """A note on thinning, "" if all are shown."""
    return f"{shown:,} of {n:,} {what} shown" if shown < n else ""


def scale_of(title: str, y: FloatArray, best: Literal["low", "high"] | None) -> tuple[Scale, str]:
    """A scale for values, shape (n,), and a note if it does not reach as far as they do.

    Where the worst twentieth of the values lies far out, the scale ends before it, so that the good
    ones can be told apart.
    """
    if not len(y):
        return Scale(title, 0.0, 1.0, best), ""
    low, high, note = float(y.min()), float(y.max()), ""
    if len(y) >= 20:
        if best == "high":
            far = float(np.percentile(y, 100 - _CLIP))
            if high - low > 3 * (high - far) > 0:
                low, note = far, f"colours end at the 5th percentile of {title}"
        else:
            far = float(np.percentile(y, _CLIP))
            if high - low > 3 * (far - low) > 0:
                high, note = far, f"colours end at the 95th percentile of {title}"
    if high - low <= max(_NEAREST * max(abs(low), abs(high)), _LEAST):
        room = max(0.5, abs(low) * 1e-6)
        low, high = low - room, high + room
    return Scale(title, low, high, best), note


def value_name(study: Study, target: Target | None, target_name: str) -> str:
    """What values are called: the name given, else the study's own for its metric."""
    if target is None and target_name == "Objective Value" and study.metric_names:
        return study.metric_names[0]
    return target_name
