"""A proposal, once the start is over: model, aim, search."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skipjack.numerics.gp.posterior import Posterior, with_dreams
from skipjack.records.history import History
from skipjack.records.space import BoolArray, FloatArray, IntArray, Space
from skipjack.rng import Stream
from skipjack.samplers.gp.aim import Aim, chance, growth, improvement
from skipjack.samplers.gp.model import Model, Workshop
from skipjack.samplers.gp.observed import Target
from skipjack.samplers.gp.region import RegionFold, box, is_local
from skipjack.samplers.gp.search import Field, search
from skipjack.samplers.tpe.activity import Presence, presence
from skipjack.samplers.tpe.axes import Axes, axes_of
from skipjack.samplers.tpe.estimate import places_of
from skipjack.samplers.tpe.proposal import with_given
from skipjack.samplers.tpe.seen import ENUMERABLE, Seen, SeenFold, all_points, point_of

_SEEN = SeenFold()
_DREAMS = 16  # versions of what running trials may come to
_RUNNING = 64  # trials that are dreamt of: the last ones
_LIMITS = 12  # constraints with models: those violated most often
_POOL = 60_000  # candidates times observations
_LEAST, _MOST = 128, 512  # candidates
_SAME = 1e-6  # points nearer than this are one
_TOP = 8  # observations that candidates are made from
_TIE, _MOST_TIES = 0.3, 1.0  # of the values' deviation: the margin of each tie, and at most


def propose(
    history: History,
    space: Space,
    stream: Stream,
    given: Mapping[str, float],
    exact: bool,
    n_start: int,
) -> dict[str, float] | None:
    """Internal values of the most promising point of a space; None if nothing is known of it.

    Args:
        history: The finished trials.
        space: All of its parameters have been seen, or are given.
        stream: Random numbers.
        given: Internal values that the trial has already.
        exact: Whether there is no noise.
        n_start: Trials of the start.
    """
    wanted, own = space, history.open.get(stream.trial)
    space = with_given(space, given, own.dists if own else {}, history.space)
    axes = axes_of(space)
    if not len(axes.free):
        values = axes.values(np.zeros(0), np.zeros(0, np.int64))
        return {name: values[name] for name in wanted}
    shop = Workshop(history, axes, exact)
    if not shop.n_before:
        return None
    here = presence(history, axes.free) if shop.partial else None
    running = _running(history, axes, stream.trial)
    field = _field(history, shop, here, running, stream, given)
    if len(history.signs) == 1 and is_local(stream.number):
        field = _local(history, field, n_start)
    n = min(max(_POOL // len(shop.rows), _LEAST), _MOST)
    known = np.concatenate([shop.places, running])
    values = _first_unseen(history, field, n, known, stream, given)
    return {name: values[name] for name in wanted}


def _local(history: History, field: Field, n_start: int) -> Field:
    """The box round what is expected to be the best observation."""
    axes = field.embedding.axes
    size = history.derived(RegionFold(len(axes.free), n_start)).size
    low, high = np.zeros(len(axes.free)), np.ones(len(axes.free))
    at = axes.numeric
    if len(at):
        centre = field.best[:1, at]
        widths = np.broadcast_to(axes.cell_widths(centre), centre.shape)[0]
        low[at], high[at] = box(size, centre[0], field.lengths[at], widths)
    return field._replace(low=low, high=high)


def _first_unseen(
    history: History,
    field: Field,
    n: int,
    known: FloatArray,
    stream: Stream,
    given: Mapping[str, float],
) -> dict[str, float]:
    """The best point of `n` candidates and their like that was not tried, nor is, if any."""
    axes, found = field.embedding.axes, search(field, stream, n)
    if not axes.finite and field.exists is None:
        return _values(axes, found[_first_new(found, known)], given)
    running = {point_of(point) for point in history.running(stream.trial)}
    seen = Seen(history.derived(_SEEN), running, axes.space, history.choices)
    for place in found:
        values = _values(axes, place, given)
        if not seen.has(_active(field, place, values)):
            return values
    if field.is_box:  # all of it has been tried
        return _first_unseen(history, field.everywhere(), n, known, stream, given)
    best = _values(axes, found[0], given)
    if not axes.finite or axes.space.cells.prod() > ENUMERABLE:
        return best
    points = [{**point, **given} for point in all_points(axes.space)]
    places = places_of(axes, points)
    unseen = [
        i
        for i, (point, place) in enumerate(zip(points, places, strict=True))
        if not seen.has(_active(field, place, point))
    ]
    if not unseen:
        return best
    scores = field.values(places[unseen])
    return points[unseen[int(scores.argmax())]]


def _first_new(found: FloatArray, known: FloatArray) -> int:
    """The index of the first point that is not one of those known; 0 if all are."""
    for i, place in enumerate(found):
        if (np.abs(known - place) > _SAME).any(axis=1).all():
            return i
    return 0


def _active(field: Field, place: FloatArray, values: dict[str, float]) -> dict[str, float]:
    """The values of the parameters that the point has."""
    there = field.there(place[None])
    if there is None:
        return values
    names = field.embedding.axes.free.names
    gone = {name for name, present in zip(names, there[0].tolist(), strict=True) if not present}
    return {name: value for name, value in values.items() if name not in gone}


def _values(axes: Axes, place: FloatArray, given: Mapping[str, float]) -> dict[str, float]:
    """Internal values of a point, by name; the ends of a range are exact."""
    point = place[None]
    values = axes.values(axes.numbers(point)[0], axes.codes(point)[0])
    for j in np.flatnonzero((place <= 0.0) | (place >= 1.0)).tolist():
        name = axes.free.names[j]
        values[name] = axes.free[name].axis.high if place[j] >= 1.0 else axes.free[name].axis.low
    return {**values, **given}


def _field(
    history: History,
    shop: Workshop,
    here: Presence | None,
    running: FloatArray,
    stream: Stream,
    given: Mapping[str, float],
) -> Field:
    axes = shop.embedding.axes
    m = len(history.signs)
    # Functions of cells are seldom smooth, and then more than one model explains the values.
    draws = stream if axes.cells else None
    objectives = [shop.model(Target("loss", k), draws) for k in range(m)]
    limits = [
        shop.model(Target("limit", k)) for k in _violated(history, shop.rows[: shop.n_before])
    ]
    feasible = history.feasible[shop.rows]
    at = None
    if len(running):
        there = ~np.isnan(running)
        at = shop.embedding.features(np.where(there, running, 0.5), there)
    margin = _margin(history, shop.rows)
    aim = _aim(objectives, limits, feasible, margin, at, stream)
    score = (
        np.max([_ranks(model.means) for model in objectives], axis=0)
        if m > 1
        else (objectives[0].means)
    )
    score = np.where(feasible, score, np.inf)
    order = np.lexsort((score, history.violation[shop.rows]))[:_TOP]
    best = np.where(shop.there[order], shop.places[order], 0.5)
    place = places_of(axes, [given])[0]
    fixed = ~np.isnan(place)
    lengths = 1.0 / objectives[0].now.inverse_lengths
    by_name = np.ones(len(axes.free))
    by_name[axes.numeric] = lengths[shop.embedding.slots]
    exists = None if here is None else here.of
    settled = np.where(fixed, place, 0.5)
    low, high = np.zeros(len(axes.free)), np.ones(len(axes.free))
    return Field(aim, shop.embedding, exists, fixed, settled, by_name, best, low, high)


def _aim(
    objectives: list[Model],
    limits: list[Model],
    feasible: BoolArray,
    margin: float,
    at: FloatArray | None,
    stream: Stream,
) -> Aim:
    """What to maximise, given features of the running trials and by how much to improve."""
    bounds = [_believing(model.now, at) for model in limits]
    if limits and not feasible.any():
        return chance(bounds)
    if len(objectives) > 1:
        models = [_believing(model.now, at) for model in objectives]
        means = np.stack([model.means for model in objectives], axis=1)
        if at is not None:
            dreamt = np.concatenate([m.now.means(at) for m in objectives], axis=1)
            means = np.concatenate([means, dreamt])
            feasible = np.concatenate([feasible, np.full(len(at), not limits)])
        return growth(models, bounds, means, feasible)
    [model] = objectives
    known = float(model.means[feasible].min()) if feasible.any() else float(model.means.min())
    known -= margin
    if at is None:
        return improvement(model.now, bounds, np.array([known]))
    draws = stream.normal(len(at) * _DREAMS).reshape(len(at), _DREAMS)
    now = with_dreams(model.now, at, draws)
    best = np.full(_DREAMS, known)
    if not limits:
        best = np.minimum(best, now.means(at).min(axis=0))
    return improvement(now, bounds, best)


def _margin(history: History, rows: IntArray) -> float:
    """By how much to improve on the best, which grows with the trials that are as good.

    Equal values are those of a plateau, of which a smooth model expects that it goes on falling.
    """
    losses = history.losses[rows, 0][history.feasible[rows]]
    losses = losses[np.isfinite(losses)]
    ties = int((losses == losses.min()).sum()) - 1 if len(losses) else 0
    return min(_TIE * ties, _MOST_TIES)


def _believing(model: Posterior, at: FloatArray | None) -> Posterior:
    """The model, if running trials come to what is expected."""
    return model if at is None else with_dreams(model, at, np.zeros((len(at), 1)))


def _violated(history: History, rows: IntArray) -> list[int]:
    """Constraints that trials have violated, those most often violated, at most `_LIMITS`."""
    values = history.constraints[rows]
    often = (values > 0).sum(axis=0)
    order = np.argsort(-often, kind="stable")[:_LIMITS]
    return sorted(int(k) for k in order if often[k] > 0)


def _ranks(values: FloatArray) -> FloatArray:
    """The rank of each value, from 0."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(float)


def _running(history: History, axes: Axes, number: int) -> FloatArray:
    """Places of the other trials that run and have at least one of the parameters, shape (q, d)."""
    names = axes.free.keys()
    points = [
        history.choices.apart(point, axes.free)
        for point in history.running(number)
        if not names.isdisjoint(point)
    ]
    return places_of(axes, points[-_RUNNING:])
