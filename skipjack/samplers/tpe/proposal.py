"""A proposal, once the start is over: rank, split, estimate, compare."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from skipjack.distributions import BaseDistribution
from skipjack.records.history import History
from skipjack.records.space import FloatArray, Space
from skipjack.records.states import TrialState
from skipjack.rng import Stream
from skipjack.samplers.tpe.activity import presence
from skipjack.samplers.tpe.axes import Axes, axes_of
from skipjack.samplers.tpe.candidates import Points
from skipjack.samplers.tpe.choice import Search, drawn_apart, drawn_jointly
from skipjack.samplers.tpe.estimate import model, places_of
from skipjack.samplers.tpe.fronts import FrontsFold
from skipjack.samplers.tpe.groups import (
    CAP,
    EVERY,
    FRONTIER,
    LadderFold,
    Ranking,
    Split,
    reweighted,
    split,
)
from skipjack.samplers.tpe.hyperopt import hyperopt_gamma, ramp
from skipjack.samplers.tpe.limits import parts
from skipjack.samplers.tpe.places import PlacesFold, View
from skipjack.samplers.tpe.sampler import Recipe, Settings, at_random
from skipjack.samplers.tpe.seen import Seen, SeenFold, point_of

__all__ = ["hyperopt_gamma", "propose", "ramp"]

_PLACES, _SEEN = PlacesFold(), SeenFold()
_BEST, _ALL = LadderFold(Recipe.most_good + FRONTIER + EVERY), LadderFold(None)
_NONE = (None, None)
_REGARDLESS = LadderFold(2 * FRONTIER, feasible_first=False)
_FRONTS = FrontsFold(Recipe.most_good_of_many + FRONTIER)


def propose(
    history: History,
    space: Space,
    stream: Stream,
    given: Mapping[str, float],
    settings: Settings,
) -> Mapping[str, float]:
    """The most promising candidate; see `ModelSampler.propose`."""
    own = history.open.get(stream.trial)
    wanted, space = space, with_given(space, given, own.dists if own else {}, history.space)
    axes = axes_of(space)
    places = history.derived(_PLACES)
    view = places.view(history, axes.free)
    if not len(view.known):
        return at_random(wanted, stream, given)
    groups = _groups(history, view, settings)
    running = _running(history, axes, stream.trial) if settings.constant_liar else None
    known = None
    if given:
        point = places_of(axes, [given])
        known = Points(axes.numbers(point), axes.codes(point))
    limits = []
    if settings.limits_apart and history.best is not None:  # a feasible trial of one objective
        for k, part, share in parts(history):
            apart = view._replace(kept=view.kept.setdefault(f"limit {k}", {}))
            limits.append((model(axes, places, apart, part, running, settings), share))
    if limits:
        groups = _regardless(history, settings)
        view = view._replace(kept=view.kept.setdefault("regardless", {}))
    fitted = model(axes, places, view, groups, running, settings)
    exists = presence(history, axes.free).of if fitted.conditional else None
    share = len(groups.good) / max(1, len(groups.good) + groups.n_bad)
    search = Search(axes, fitted, known, given, exists, limits, share)
    draw = drawn_jointly if settings.joint else drawn_apart
    seen = _seen(history, axes, stream.trial)
    values = search.best(draw, stream, settings.n_candidates, seen)
    return {name: values[name] for name in wanted}


def _groups(history: History, view: View, settings: Settings) -> Split:
    """The good trials and the others.

    In long studies the others are chosen seldom, if no order among past trials can change.
    """
    ranking, n = _ranking(history, settings), len(history)
    n_good = _n_good(ranking.counted, len(history.signs), settings)
    if settings.weights is not None:
        return reweighted(split(ranking, n, n_good), n, settings.weights)
    steady = len(history.signs) == 1 and not history.counts[TrialState.PRUNED]
    if not steady or settings.gamma is not None or n <= CAP + n_good + EVERY:
        return split(ranking, n, n_good)
    key = ranking, n - n % EVERY, n_good
    if view.kept.get("split", _NONE)[0] != key:
        view.kept["split"] = key, split(*key)
    groups: Split = view.kept["split"][1]
    good = ranking.order(n_good)[:n_good]
    return groups if groups.good.tolist() == good else groups._replace(good=np.array(good, np.intp))


def _regardless(history: History, settings: Settings) -> Split:
    """The good trials and the others by their values alone, as many as hold enough feasible ones.

    Of the good ones those that violate least come first: candidates are made from the best.
    """
    ranking = history.derived(_REGARDLESS)
    order = ranking.order(0)
    feasible = np.cumsum(history.feasible[order])
    wanted = _n_good(int(history.feasible.sum()), 1, settings)
    n_good = int(np.searchsorted(feasible, max(1, wanted))) + 1
    groups = split(ranking, len(history), min(n_good, len(order), FRONTIER))
    last = np.argsort(history.violation[groups.good], kind="stable")
    return groups._replace(good=groups.good[last])


def _ranking(history: History, settings: Settings) -> Ranking:
    """The trials in order, kept up to date."""
    if len(history.signs) > 1:
        return history.derived(_FRONTS)
    return history.derived(_BEST if settings.gamma is None else _ALL)


def _n_good(n: int, n_objectives: int, settings: Settings) -> int:
    """How many of `n` trials are good."""
    recipe = settings.recipe
    if settings.gamma is not None:
        most = n if n_objectives == 1 else recipe.most_good_of_many
        return max(1, min(int(settings.gamma(n)), most))
    if n_objectives > 1:
        return min(math.ceil(recipe.good_share_of_many * n), recipe.most_good_of_many)
    return min(math.ceil(recipe.good_share * n), recipe.most_good)


def with_given(
    space: Space, given: Mapping[str, float], *known: Mapping[str, BaseDistribution]
) -> Space:
    """The space and those of the given parameters that it lacks, as the first of `known` has them.

    Those that no finished trial had say nothing of the others and are left out.
    """
    *_, past = known
    more = {
        name: next(dists[name] for dists in known if name in dists)
        for name in given
        if name not in space and name in past
    }
    return Space({**space, **more}) if more else space


def _running(history: History, axes: Axes, number: int) -> FloatArray | None:
    """Places of the other trials that run and have at least one of the parameters."""
    names = axes.free.keys()
    points = [
        history.choices.apart(point, axes.free)
        for point in history.running(number)
        if not names.isdisjoint(point)
    ]
    return places_of(axes, points) if points else None


def _seen(history: History, axes: Axes, number: int) -> Seen | None:
    """What of a finite space need not be tried again; None if the space is not finite."""
    if not axes.finite:
        return None
    running = {point_of(point) for point in history.running(number)}
    return Seen(history.derived(_SEEN), running, axes.space, history.choices)
