"""What candidates are given more of while they do well: samples, or a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

from skipjack.errors import invalid
from skipjack.model_selection.space import Params

Indices: TypeAlias = npt.NDArray[np.intp]
SAMPLES = "samples"
FOLDS = "folds"


@final
@dataclass(frozen=True)
class Ladder:
    """The steps of a resource; the last one is all of it.

    Attributes:
        resource: "samples", or the name of a parameter.
        amounts: How much at each rung.
        factor: About what each rung has of the one below it.
        order: Of all samples; a part of them begins with the first. None unless they are meant.
    """

    resource: str
    amounts: tuple[int, ...]
    factor: int
    order: Indices | None

    @property
    def height(self) -> int:
        """How many rungs there are."""
        return len(self.amounts)

    def step(self, rung: int) -> int:
        """The step under which the score of a rung is reported."""
        return int(self.factor**rung)

    def at(self, rung: int, params: Params, train: Any) -> tuple[Params, Any]:
        """Parameters and training samples of a candidate at a rung.

        Raises:
            ValueError: If the candidate sets the resource itself.
        """
        amount = self.amounts[rung]
        if self.order is None:
            if self.resource in params:
                hint = "A search gives it what it has at each step."
                raise invalid("resource", "be no parameter of the space", self.resource, hint)
            return {**params, self.resource: amount}, train
        train = np.asarray(train)
        if amount >= len(train):
            return params, train
        first = np.argsort(self.order[train], kind="stable")[:amount]
        return params, train[np.sort(first)]


def ladder_of(least: int, most: int, factor: int, resource: str, order: Indices | None) -> Ladder:
    """The ladder whose last rung has all, and each other one a `factor` less than the next.

    Args:
        least: No rung has less.
        most: What the last one has.
        factor: At least 2.
        resource: Of what.
        order: Of all samples, if they are the resource.

    Raises:
        ValueError: If `least` is greater than `most`.
    """
    if not 1 <= least <= most:
        raise invalid("min_resources", f"be from 1 to `max_resources`, {most}", least)
    amounts = [most]
    while -(-amounts[-1] // factor) >= least and amounts[-1] > 1:
        amounts.append(-(-amounts[-1] // factor))
    return Ladder(resource, tuple(reversed(amounts)), factor, order)


def balanced_order(y: Any, n: int, is_classifier: bool, rng: Any) -> Indices:
    """A random place for each sample, such that any first part has all classes in proportion.

    Args:
        y: The target.
        n: How many samples there are.
        is_classifier: Whether `y` has classes.
        rng: A RandomState.

    Returns:
        The place of each sample, shape (n,).
    """
    shuffled = rng.permutation(n)
    target = np.asarray(y) if y is not None else None
    if not is_classifier or target is None or target.ndim != 1:
        places = np.empty(n, dtype=np.intp)
        places[shuffled] = np.arange(n)
        return places
    _, classes = np.unique(target[shuffled], return_inverse=True)
    share = np.empty(n)
    for label in range(int(classes.max()) + 1):
        members = np.flatnonzero(classes == label)
        share[members] = (np.arange(len(members)) + 0.5) / len(members)
    places = np.empty(n, dtype=np.intp)
    places[shuffled[np.argsort(share, kind="stable")]] = np.arange(n)
    return places
