"""A model that spares evaluations: which candidates are tried first, and when it is enough."""

from __future__ import annotations

import math
from typing import final

import numpy as np

from skipjack.numerics.cma import quadratic
from skipjack.numerics.cma.evolution import State
from skipjack.numerics.cma.quadratic import Model
from skipjack.records.space import FloatArray
from skipjack.samplers.generations.batch import Batch, Result

_FLOPS = 6e4  # of a fit, to a constant: what a thrifty surrogate spends on an evaluation
_SURE = 0.99  # the rank correlation from which the model's own optimum is tried
_FEW = 8  # parameters; for every two more a thrifty one evaluates a candidate before it looks


@final
class Surrogate:
    """The evaluated points of one run, and a model of them.

    From the first trial on that violates a constraint it does nothing.

    Args:
        d: The number of parameters.
        thrifty: Whether to fit the model the more seldom the more it costs.
        discrete: Whether there are integers or steps: then many points are alike, and the model's
            own optimum is tried as soon as it is trusted.
    """

    def __init__(self, d: int, thrifty: bool, discrete: bool) -> None:
        self._d = d
        self._n = 0
        self._all_places, self._all_losses = np.empty((64, d)), np.empty(64)
        self._thrifty = thrifty
        self._sure = quadratic.ENOUGH if discrete else _SURE
        self._model: Model | None = None
        self._asked: Model | None = None
        self._fitted_at = 0
        self._trusted = self._is_sure = self._barred = False

    def note(self, place: FloatArray, result: Result) -> None:
        """Take in an evaluated point."""
        if result.violation > 0:
            self._barred, self._trusted, self._is_sure = True, False, False
        elif math.isfinite(result.loss):
            n = self._n
            if n == len(self._all_losses):
                self._all_places = np.concatenate([self._all_places, np.empty((n, self._d))])
                self._all_losses = np.concatenate([self._all_losses, np.empty(n)])
            self._all_places[n], self._all_losses[n] = place, result.loss
            self._n = n + 1

    @property
    def _places(self) -> FloatArray:
        """The evaluated points, oldest first, shape (n, d)."""
        return self._all_places[: self._n]

    @property
    def _losses(self) -> FloatArray:
        """What they came to, shape (n,)."""
        return self._all_losses[: self._n]

    def begin(self, batch: Batch, state: State | None) -> None:
        """Put the most promising candidates first, and decide how many to evaluate at once."""
        if self._model is None or not self._trusted:
            return
        batch.sort(self._model(batch.seen()).argsort(kind="stable").tolist())
        wanted = quadratic.first_evaluations(batch.size, self._n)
        if self._thrifty:
            wanted = max(wanted, min(batch.size, (self._d - _FEW) // 2))
        batch.wanted = wanted

    def close(self, batch: Batch, state: State) -> FloatArray | None:
        """The places of candidates and late trials, best first, if enough is known of them.

        None while more of the candidates are to be evaluated.
        """
        done = len(batch.told)
        if not self._barred:
            self._fit(state)
        if self._model is None or self._barred:
            return _by_result(batch, batch.size)
        last = min(self._n, quadratic.compared(batch.size, done))
        late = [place for _, place, _ in batch.late]
        known = self._places[self._n - last :]
        said = self._model(
            np.concatenate(
                [known, batch.seen(), np.clip(late, 0.0, 1.0)] if late else [known, batch.seen()]
            )
        )
        tau = quadratic.correlation(said[:last], self._losses[self._n - last :])
        self._trusted, self._is_sure = tau >= quadratic.ENOUGH, tau >= self._sure
        if not batch.is_full:
            if self._trusted:
                places = batch.places[: batch.size]
                ranked: FloatArray = np.concatenate([places, late]) if late else places
                return ranked[said[last:].argsort(kind="stable")]
            batch.sort(said[last : last + batch.size].argsort(kind="stable").tolist())
        return _by_result(batch, quadratic.more_evaluations(batch.size, done))

    def _fit(self, state: State) -> None:
        """Bring the model up to date, if that is due."""
        n, model = self._n, self._model
        if n < self._d + 3:
            return
        if model is not None and model.kind == quadratic.kind(n, self._d):
            pause = len(model.coefficients) ** 3 / _FLOPS if self._thrifty else 1
            if n < self._fitted_at + pause:
                return
        self._fitted_at = n
        size = quadratic.archive_size(self._d, 4 + self._d)
        if n > size + size // 4:
            keep = np.sort(np.argsort(self._losses, kind="stable")[:size])
            self._n = self._fitted_at = len(keep)
            self._all_places[: self._n] = self._all_places[keep]
            self._all_losses[: self._n] = self._all_losses[keep]
        places, losses = self._places, self._losses
        order = np.argsort(losses, kind="stable")
        white = state.inverse / (state.sigma * state.scale[:, None])
        self._model = quadratic.fitted(places[order], losses[order], state.mean, white)

    def optimum(self) -> FloatArray | None:
        """Where on the unit cube the model is the least.

        None if it errs at all in how it ranks the latest points, or was asked already.
        """
        if self._model is None or not self._is_sure or self._model is self._asked:
            return None
        self._asked = self._model
        best = self._model.optimum()
        return best if np.isfinite(best).all() else None


def _by_result(batch: Batch, wanted: int) -> FloatArray | None:
    """The places of all that was evaluated, once it is enough; else `wanted` are to be."""
    if batch.is_full:
        return batch.ranked()[1]
    batch.wanted = wanted
    return None
