"""One search: so many trials, some of them at the same time, and how good the best were."""

from __future__ import annotations

import heapq
import math
from typing import Any

import numpy as np

from benchmarks.regret.peers import Study
from benchmarks.regret.problem import Outcome, Problem, source

MARKS = (25, 50, 100, 200, 1000)  # numbers of finished trials at which results are compared


def run(study: Study, problem: Problem, name: str, seed: int, n: int) -> dict[str, Any]:
    """The scores at the marks.

    Trials take times that differ: as the k-th ends, the next one is asked for, so that
    `problem.running` of them run.
    """
    lengths = source("time", name, seed).lognormal(0.0, 0.5, n).tolist()
    running: list[tuple[float, int, Any, Outcome]] = []
    told, scores, now = Standing(problem), {}, 0.0
    for number in range(n + problem.running - 1):
        if number < n:
            trial = study.ask()
            noise = source("noise", name, seed, number)
            outcome = problem.objective(trial, noise)
            heapq.heappush(running, (now + lengths[number], number, trial, outcome))
        if len(running) < problem.running and number < n:
            continue
        now, _, trial, outcome = heapq.heappop(running)
        study.tell(trial, outcome)
        told.note(outcome)
        if told.n in MARKS:
            scores[str(told.n)] = told.score()
    return {"scores": scores}


class Standing:
    """The best so far.

    With one objective that is the trial which looks best, judged by its value without noise; with
    several the part of the volume between the best and the worst that the front leaves.
    """

    def __init__(self, problem: Problem) -> None:
        self.n = 0
        self._scale = problem.scale
        self._best, self._true = math.inf, math.inf
        self._front: list[tuple[float, ...]] = []

    def note(self, outcome: Outcome) -> None:
        """One more has ended."""
        self.n += 1
        if any(violation > 0 for violation in outcome.violations):
            return
        if self._scale is not None:
            self._front.append(outcome.true)
        elif outcome.values[0] < self._best:
            self._best, [self._true] = outcome.values[0], outcome.true

    def score(self) -> float | None:
        """Less is better; None before anything counts."""
        if self._scale is None:
            return self._true if math.isfinite(self._true) else None
        best, worst = self._scale
        points = (np.array(self._front) - best) / (worst - best)
        return 1.0 - volume([p for p in points.tolist() if max(p) < 1.0])


def volume(points: list[list[float]]) -> float:
    """The volume of what at least one of the points dominates, as far as 1 in each direction."""
    if not points:
        return 0.0
    if len(points[0]) == 1:
        return 1.0 - min(p[0] for p in points)
    points = sorted(points, key=lambda p: p[-1])
    total = 0.0
    for i, point in enumerate(points):
        upper = points[i + 1][-1] if i + 1 < len(points) else 1.0
        if upper > point[-1]:
            total += (upper - point[-1]) * volume([p[:-1] for p in points[: i + 1]])
    return total
