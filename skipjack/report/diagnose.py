"""What is wrong with a study, what is right, and what to do next."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from skipjack.distributions import BaseDistribution, CategoricalDistribution
from skipjack.importance import get_param_importances
from skipjack.records.attributes import FAIL_REASON
from skipjack.records.fronts import FrontFold
from skipjack.records.history import History
from skipjack.records.space import IntArray, Space
from skipjack.records.states import TrialState
from skipjack.report.findings import Diagnosis, Finding, Level
from skipjack.report.ranges import places
from skipjack.report.recommend import Recommendation, recommend, warning_of

_ENOUGH = 20  # complete trials, to say anything of ranges and influence
_PER_PARAMETER = 5
_GOOD = 0.15  # of the trials are the good ones
_SHARE = 0.02  # of the importance, up to which a parameter has none
_FAILED, _PRUNED, _INFEASIBLE, _DOUBLE = 0.1, 0.9, 0.5, 0.1
_LATE = 1 / 3  # of the trials are the last ones
_ORDER = ("problem", "hint", "good")


class _Case(NamedTuple):
    """What the checks look at.

    Attributes:
        study: The study.
        history: Its finished trials.
        complete: Rows of the complete, feasible ones with finite values, as they finished.
        good: Rows of the best of them.
        best: The row of the best one, -1 for none.
        found: What is recommended; None where that makes no sense.
    """

    study: Any
    history: History
    complete: IntArray
    good: IntArray
    best: int
    found: Recommendation | None


def diagnose(study: Any) -> Diagnosis:
    """What the trials of a study say of the search itself.

    Best values at an end of their range, parameters without influence, repeated trials, failed,
    pruned and infeasible ones, a best value that is luck, and whether more trials are worthwhile.

    Args:
        study: The study.

    Returns:
        Findings, the most urgent first, and ranges that would suit the good trials better.
    """
    return examined(study)[0]


def examined(study: Any) -> tuple[Diagnosis, Recommendation | None]:
    """The diagnosis, and what is recommended, where a trial can be."""
    case = _case(study)
    findings = [found for check in _CHECKS for found in check(case)]
    ranges: dict[str, BaseDistribution] = {}
    if len(case.complete) >= _ENOUGH:
        for place in places(case.history, case.good, case.best):
            if place.better is not None:
                ranges[place.name] = place.better
    useless = {name for found in findings if found.kind == "influence" for name in found.params}
    worth = next((f.figures["worthwhile"] for f in findings if f.kind == "progress"), None)
    better = {name: dist for name, dist in ranges.items() if name not in useless}
    narrow = [f for f in findings if f.kind == "narrow" and not useless & set(f.params)]
    others = [f for f in findings if f.kind != "narrow"]
    findings = sorted([*others, *_together(narrow)], key=lambda f: _ORDER.index(f.level))
    return Diagnosis(tuple(findings), better, worth), case.found


def _together(narrow: list[Finding]) -> Iterator[Finding]:
    """One finding of several parameters whose ranges could be narrower."""
    if narrow:
        names = tuple(name for found in narrow for name in found.params)
        shares = {name: found.figures["share"] for name, found in zip(names, narrow, strict=True)}
        parts = _listed([f"{name!r} within {share:.0%}" for name, share in shares.items()])
        text = f"All good trials have {parts} of {'its range' if len(names) == 1 else 'the range'}."
        yield Finding("narrow", "hint", text, narrow[0].advice, names, shares)


def _case(study: Any) -> _Case:
    history: History = study.history
    usable = (history.states == TrialState.COMPLETE) & history.feasible
    rows = np.flatnonzero(usable & np.isfinite(history.losses).all(axis=1))
    if not len(rows):
        return _Case(study, history, rows, rows, -1, None)
    if len(history.signs) == 1:
        order = rows[np.argsort(history.losses[rows, 0], kind="stable")]
        good = order[: max(5, round(_GOOD * len(order)))]
        return _Case(study, history, rows, good, int(order[0]), recommend(study, warn=False))
    front = np.sort(np.asarray(history.derived(FrontFold()).tags, np.intp))
    front = front[np.isin(front, rows)]
    return _Case(study, history, rows, front, int(front[0]) if len(front) else -1, None)


def _trials(case: _Case) -> Iterator[Finding]:
    n, d = len(case.complete), len(case.history.space)
    wanted = max(_ENOUGH, _PER_PARAMETER * d)
    if n < wanted:
        text = f"{n} complete trials are few for {_count(d, 'parameter')}."
        advice = f"With {wanted} there is more to say."
        yield Finding("trials", "hint", text, advice, figures={"complete": n, "wanted": wanted})


def _failed(case: _Case) -> Iterator[Finding]:
    history = case.history
    rows = history.where(TrialState.FAIL)
    if not len(rows):
        return
    share = len(rows) / len(history)
    attrs = (history.attrs.get(row, ({}, {}))[1] for row in rows.tolist())
    reasons = Counter(str(of.get(FAIL_REASON, "no reason is known")) for of in attrs)
    reason, times = reasons.most_common(1)[0]
    text = f"{len(rows)} of {len(history)} trials failed, {times} of them with: {_cut(reason)}."
    level: Level = "problem" if share >= _FAILED else "hint"
    advice = "Mend that first: failed trials teach the sampler nothing." if share >= _FAILED else ""
    figures = {"share": share, "reasons": dict(reasons)}
    yield Finding("failed", level, text, advice, figures=figures)


def _pruned(case: _Case) -> Iterator[Finding]:
    history = case.history
    n = len(history.where(TrialState.PRUNED))
    ended = n + len(history.where(TrialState.COMPLETE))
    if not n:
        return
    share = n / ended
    text = f"{n} of {ended} trials were pruned."
    figures = {"share": share}
    if share >= _PRUNED and ended >= _ENOUGH:
        advice = "A pruner with more warm-up would let more of them show what they are."
        yield Finding("pruned", "problem", text, advice, figures=figures)
    else:
        yield Finding("pruned", "good", text, figures=figures)


def _infeasible(case: _Case) -> Iterator[Finding]:
    history = case.history
    rows = history.where(TrialState.COMPLETE)
    if not len(rows) or not history.constraints.shape[1]:
        return
    share = float((~history.feasible[rows]).mean())
    text = f"{share:.0%} of the complete trials violate a constraint."
    level: Level = "problem" if share >= _INFEASIBLE else "good"
    advice = "Ranges without what cannot be would help." if level == "problem" else ""
    yield Finding("infeasible", level, text, advice, figures={"share": share})


def _duplicates(case: _Case) -> Iterator[Finding]:
    history, rows = case.history, case.complete
    if not len(rows) or not history.values.shape[1]:
        return
    values = np.column_stack([np.nan_to_num(history.values[rows], nan=-1.2345e300)])
    _, which, counts = np.unique(values, axis=0, return_inverse=True, return_counts=True)
    extra = int((counts - 1).sum())
    share = extra / len(rows)
    if share < _DOUBLE:
        return
    losses, which = history.losses[rows, 0], which.reshape(-1)
    low = np.full(len(counts), np.inf)
    high = np.full(len(counts), -np.inf)
    np.minimum.at(low, which, losses)
    np.maximum.at(high, which, losses)
    spread = float((high - low).max())
    text = f"{extra} of {len(rows)} complete trials repeat the parameters of an earlier one"
    if spread == 0:
        text += ", with the same value."
        advice = "The objective is deterministic: GridSampler or BruteForceSampler repeat nothing."
    else:
        text += f", with values up to {spread:.3g} apart."
        advice = "That much is chance: do not read anything into smaller differences."
    yield Finding("duplicates", "hint", text, advice, figures={"share": share, "spread": spread})


def _ranges(case: _Case) -> Iterator[Finding]:
    if len(case.complete) < _ENOUGH or case.best < 0:
        return
    for place in places(case.history, case.good, case.best):
        dist, figures = place.dist, {"share": place.share, "range": place.better}
        if place.end in ("low", "high"):
            end = dist.low if place.end == "low" else dist.high
            text = (
                f"The best values of {place.name!r} lie at the {place.end} end of its range, "
                f"{end:.6g}: {place.share:.0%} of the good trials do."
            )
            advice = f"Let it go {'lower' if place.end == 'low' else 'higher'}."
            yield Finding(
                "bound",
                *(("hint", text, "") if place.better is None else ("problem", text, advice)),
                params=(place.name,),
                figures=figures,
            )
        elif place.end == "inside" and place.better is not None:
            text = f"All good trials have {place.name!r} within {place.share:.0%} of its range."
            advice = "A narrower range would spend fewer trials elsewhere."
            yield Finding("narrow", "hint", text, advice, (place.name,), figures)


def _targets(case: _Case) -> list[Callable[[Any], float] | None]:
    """What a parameter may have influence on: the value, or each objective."""

    def objective(k: int) -> Callable[[Any], float]:
        return lambda trial: float(trial.values[k])

    m = len(case.history.signs)
    return [None] if m == 1 else [objective(k) for k in range(m)]


def _idle(case: _Case, target: Callable[[Any], float] | None) -> dict[str, float]:
    """The parameters without influence on a target, if others have some, and their shares."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of too little to judge by
        figures = get_param_importances(case.study, target=target)
    least = _share(len(figures))
    none = {
        name: figure
        for name, figure in figures.items()
        if _is_varied(case, name) and figure + figures.errors.get(name, 0.0) <= least
    }
    return none if len(none) < len(figures) else {}


def _influence(case: _Case) -> Iterator[Finding]:
    history = case.history
    constant = tuple(name for name, dist in history.space.items() if dist.single())
    if constant:
        text = f"{_names(constant)} can have one value only."
        yield Finding("constant", "hint", text, params=constant)
    if len(case.complete) < 2 * _ENOUGH or len(history.space) - len(constant) < 2:
        return
    idle = [_idle(case, target) for target in _targets(case)]
    none = tuple(name for name in idle[0] if all(name in each for each in idle))
    if none:
        what = "the value" if len(idle) == 1 else "any objective"
        text = f"{_names(none)} had no influence on {what} that could be seen."
        advice = "Fix what does not matter, and search the rest."
        shares = {name: max(each[name] for each in idle) for name in none}
        yield Finding("influence", "hint", text, advice, none, shares)


def _is_varied(case: _Case, name: str) -> bool:
    """Whether a parameter was tried at enough places for its influence to be seen."""
    history, dist = case.history, case.history.space[name]
    values = history.values[case.complete, history.columns(Space({name: dist}))[0]]
    values = values[~np.isnan(values)]
    _, counts = np.unique(values, return_counts=True)
    if isinstance(dist, CategoricalDistribution) or len(counts) < 8:
        return len(counts) > 1 and int(np.sort(counts)[-2]) >= 0.1 * len(case.complete)
    places = history.unit(Space({name: dist}), case.complete)[:, 0]
    return float(np.nanstd(places)) > 0.1


def _share(d: int) -> float:
    """The share of the importance up to which one of d parameters has none."""
    return max(_SHARE, 0.2 / d)


def _overtuning(case: _Case) -> Iterator[Finding]:
    found = case.found
    if found is not None and len(case.complete) >= _ENOUGH and found.overtuned:
        advice = f"study.recommend() prefers trial {found.number}."
        figures = {"optimism": found.optimism, "noise": found.noise, "recommended": found.number}
        yield Finding("overtuning", "problem", warning_of(found), advice, figures=figures)


def _progress(case: _Case) -> Iterator[Finding]:
    if case.found is None or len(case.complete) < _ENOUGH:
        return
    losses = case.history.losses[case.complete, 0]
    n = len(losses)
    so_far = np.minimum.accumulate(losses)
    early = int(n * (1 - _LATE))
    gain = float(so_far[early - 1] - so_far[-1])
    since = n - 1 - int(np.argmax(losses == so_far[-1]))
    middle = float(np.median(losses) - so_far[-1])  # what the search has found in all
    noise = case.found.noise
    worthwhile = gain > max(0.02 * middle, 0.5 * noise)
    figures = {"worthwhile": worthwhile, "gain": gain, "since_best": since, "noise": noise}
    if worthwhile:
        text = (
            f"The best value still improves, by {gain:.3g} in the last third of the trials "
            f"({since} since the best one)."
        )
        yield Finding("progress", "good", text, "More trials are worthwhile.", figures=figures)
    else:
        text = f"The last third of the trials improved the best value by {gain:.3g}"
        if 0.5 * noise >= 0.02 * middle and noise:
            text += f", little beside chance, {noise:.3g}."
        else:
            text += f", of {gain + middle:.3g} from the median on." if gain else " only."
        advice = "More trials of this kind are hardly worthwhile."
        yield Finding("progress", "hint", text, advice, figures=figures)


def _names(names: tuple[str, ...]) -> str:
    shown = [repr(name) for name in names[:5]]
    if len(names) > 5:
        shown.append(f"{len(names) - 5} more")
    return _listed(shown)


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _cut(text: str, most: int = 160) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= most else line[: most - 1] + "…"


_CHECKS: tuple[Callable[[_Case], Iterator[Finding]], ...] = (
    _failed,
    _infeasible,
    _pruned,
    _trials,
    _ranges,
    _influence,
    _duplicates,
    _overtuning,
    _progress,
)
