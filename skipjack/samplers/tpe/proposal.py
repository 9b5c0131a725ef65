"""A proposal, once the start is over: rank, split, estimate, compare."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

from skipjack.records.history import History
from skipjack.records.space import FloatArray, Space
from skipjack.rng import Stream
from skipjack.samplers.tpe.activity import ActivityFold, existing
from skipjack.samplers.tpe.axes import Axes, axes_of
from skipjack.samplers.tpe.candidates import Points
from skipjack.samplers.tpe.choice import Search, drawn_apart, drawn_jointly
from skipjack.samplers.tpe.estimate import model, places_of
from skipjack.samplers.tpe.fronts import FrontsFold
from skipjack.samplers.tpe.groups import FRONTIER, LadderFold, Ranking, reweighted, split
from skipjack.samplers.tpe.hyperopt import hyperopt_gamma, ramp
from skipjack.samplers.tpe.places import PlacesFold
from skipjack.samplers.tpe.sampler import Settings, at_random
from skipjack.samplers.tpe.seen import Seen, SeenFold, point_of

__all__ = ["hyperopt_gamma", "propose", "ramp"]

_GOOD_SHARE, _MOST_GOOD = 0.15, 25
_GOOD_SHARE_OF_MANY, _MOST_GOOD_OF_MANY = 0.1, 100  # with several objectives
_PLACES, _SEEN, _ACTIVITY = PlacesFold(), SeenFold(), ActivityFold()
_BEST, _ALL = LadderFold(_MOST_GOOD + FRONTIER), LadderFold(None)
_FRONTS = FrontsFold(_MOST_GOOD_OF_MANY + FRONTIER)


def propose(
    history: History,
    space: Space,
    stream: Stream,
    given: Mapping[str, float],
    settings: Settings,
) -> Mapping[str, float]:
    """The most promising candidate; see `ModelSampler.propose`."""
    wanted, space = space, _with_given(space, history.space, given)
    axes = axes_of(space)
    places = history.derived(_PLACES)
    view = places.view(history, axes.free)
    if not len(view.known):
        return at_random(wanted, stream, given)
    ranking = _ranking(history, settings)
    groups = split(ranking, len(history), _n_good(ranking.counted, len(history.signs), settings))
    if settings.weights is not None:
        groups = reweighted(groups, len(history), settings.weights)
    running = _running(history, axes, stream.trial) if settings.constant_liar else None
    known = None
    if given:
        point = places_of(axes, [given])
        known = Points(axes.numbers(point), axes.codes(point))
    fitted = model(axes, places, view, groups, running, settings)
    exists = None
    if fitted.conditional:
        activity = history.derived(_ACTIVITY)
        exists = partial(existing, activity, activity.rules(history), view.columns)
    search = Search(axes, fitted, known, given, exists)
    draw = drawn_jointly if settings.joint else drawn_apart
    seen = _seen(history, axes, stream.trial)
    values = search.best(draw, stream, settings.n_candidates, seen)
    return {name: values[name] for name in wanted}


def _ranking(history: History, settings: Settings) -> Ranking:
    """The trials in order, kept up to date."""
    if len(history.signs) > 1:
        return history.derived(_FRONTS)
    return history.derived(_BEST if settings.gamma is None else _ALL)


def _n_good(n: int, n_objectives: int, settings: Settings) -> int:
    """How many of `n` trials are good."""
    if settings.gamma is not None:
        most = n if n_objectives == 1 else _MOST_GOOD_OF_MANY
        return max(1, min(int(settings.gamma(n)), most))
    if n_objectives > 1:
        return min(math.ceil(_GOOD_SHARE_OF_MANY * n), _MOST_GOOD_OF_MANY)
    return min(math.ceil(_GOOD_SHARE * n), _MOST_GOOD)


def _with_given(space: Space, known: Space, given: Mapping[str, float]) -> Space:
    """The space and those of the given parameters that it lacks, as they are `known`."""
    more = {name: known[name] for name in given if name not in space and name in known}
    return Space({**space, **more}) if more else space


def _running(history: History, axes: Axes, number: int) -> FloatArray | None:
    """Places of the other trials that run and have at least one of the parameters."""
    names = axes.free.keys()
    points = [point for point in history.running(number) if not names.isdisjoint(point)]
    return places_of(axes, points) if points else None


def _seen(history: History, axes: Axes, number: int) -> Seen | None:
    """What of a finite space need not be tried again; None if the space is not finite."""
    if not axes.finite:
        return None
    return Seen(history.derived(_SEEN), {point_of(point) for point in history.running(number)})
