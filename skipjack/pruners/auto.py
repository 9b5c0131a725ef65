"""Pruning by a calibrated prediction of how a trial ends."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np

from skipjack import _optional
from skipjack.errors import invalid
from skipjack.pruners.base import Contender, RulePruner, asked, count
from skipjack.pruners.forecast import LEAST, Ended, Look, levels, look, rungs
from skipjack.records.attributes import float_value
from skipjack.records.history import History

metric = _optional.lazy("skipjack.pruners.metric")

_KEPT = 256  # running trials whose last forecast is remembered
_ENDED = Ended()


class Forecast(NamedTuple):
    """How a trial is predicted to end; losses are minimised.

    Attributes:
        stops: Whether it is stopped.
        reason: Why, or why not.
        step: At which step it was looked at, -1 if it was not.
        predicted: The median of its final loss.
        low, high: The final loss lies between them with a probability of 0.8.
        goal: The final loss that it would have to reach to be among the best.
        chance: The probability that it does.
    """

    stops: bool
    reason: str
    step: int = -1
    predicted: float = math.nan
    low: float = math.nan
    high: float = math.nan
    goal: float = math.nan
    chance: float = math.nan

    def __str__(self) -> str:
        return self.reason


class AutoPruner(RulePruner):
    """Stops a trial that will hardly end among the best, by a regression of final on early losses.

    How well early losses, and how they change, tell the final one is learned from the complete
    trials of the study: where they say little, little is stopped. A trial that still moves may
    yet end far away, one that stands still not. At some steps, each a fifth later than the one
    before, the chance is computed that the trial ends within the best `share` of all trials; it is
    stopped when that is below `risk`. Before four trials are complete only those are stopped that
    report nothing but NaN.

    One trial in `control_every`, chosen by its number, is never stopped. What the rule would have
    done with these is compared with how they ended: while more than a tenth of those that ended
    among the best would have been stopped, the risk counts half.

    With several objectives, each has a regression of its own, and a trial is among the best if
    fewer than `share` of all trials dominate it.

    Args:
        risk: The chance below which a trial is given up, above 0 and below 1. Before half of the
            steps it is less in proportion, since waiting for more certainty costs little there.
        share: Which part of all trials counts as the best, above 0 and at most 1.
        control_every: One in how many trials is never stopped; 0: none.

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If one is no number.

    Cost: O(complete trials) at each of these steps, a look into a dictionary between them.

    Source: A. Gelman et al., "Bayesian data analysis", 3rd ed., chapter 14, for the regression.
        Trials that were stopped do not bias it, since they were chosen by the regressors.
    """

    def __init__(self, *, risk: float = 0.075, share: float = 0.1, control_every: int = 40) -> None:
        self._risk = float_value("risk", risk)
        if not 0.0 < self._risk < 1.0:
            raise invalid("risk", "be above 0 and below 1", risk)
        self._share = float_value("share", share)
        if not 0.0 < self._share <= 1.0:
            raise invalid("share", "be above 0 and at most 1", share)
        self._control_every = count("control_every", control_every, 0)

    def stops(self, history: History, trial: Contender) -> bool:
        """Whether the trial will hardly end among the best."""
        return self.forecast(history, trial).stops

    def explain(self, trial: Any) -> Forecast:
        """How a running trial is predicted to end, and why it would or would not be stopped now."""
        return self.forecast(*asked(trial))

    def forecast(self, history: History, trial: Contender) -> Forecast:
        """How the trial is predicted to end."""
        if not trial.reports:
            return Forecast(False, "It has reported nothing.")
        step, parts = max(trial.reports), objectives(history, trial)
        ended = parts[0].ended
        reached = [rung for rung in rungs(ended.length) if rung <= step]
        if len(ended.rows) < LEAST or not reached:
            if all(math.isnan(v) for part in parts for v in list(part.reports.values())):
                return Forecast(True, "It has reported nothing but NaN.", step)
            return Forecast(False, "Too little is known yet.", step)
        if self._is_control(trial.study, trial.number):
            return Forecast(False, "It is never stopped, to see how such trials end.", step)
        key, state = (trial.study, trial.number), (reached[-1], len(history))
        last = history.derived(Last(self))
        known = last.get(key)
        if known is None or known[0] != state:
            if len(last) >= _KEPT:
                last.clear()
            known = last[key] = state, self._looked(history, parts, trial, reached[-1])
        return known[1]

    def _is_control(self, study: str, number: int) -> bool:
        if not self._control_every:
            return False
        return zlib.crc32(f"{study}/{number}".encode()) % self._control_every == 0

    def _looked(self, history: History, parts: list[Part], trial: Contender, step: int) -> Forecast:
        """The forecast at one of the steps."""
        n = min(len(part.ended.rows) for part in parts)
        looks = [part.look(step, len(part.ended.rows)) for part in parts]
        known = [found for found in looks if found is not None]
        if len(known) < len(parts):
            return Forecast(False, "Too few complete trials went beyond this step.", step)
        risk = self._risk_at(step, parts[0].ended.length)
        if len(parts) > 1:
            chance = self._chance_of(parts, known)
            stops = chance < risk
            reason = (
                f"{_DOES[stops]}: the chance is at most {chance:.3g} that it ends among the best "
                f"{self._share:.0%}, dominated by fewer than those."
            )
            return Forecast(stops, reason, step, chance=chance)
        (now,), (part,) = known, parts
        goal = part.ended.goal(self._share, n)
        chance = part.ended.chance(now, self._share, n)
        risk *= history.derived(Controls(self, trial.study)).factor(self._share)
        predicted, low, high = now.at(0.0), now.at(-1.0), now.at(1.0)
        reason = (
            f"{_DOES[chance < risk]}: the chance is {chance:.3g} that it ends among the best "
            f"{self._share:.0%}, at about {goal:.6g} or better. It is predicted to end at "
            f"{predicted:.6g} ({low:.6g} to {high:.6g})."
        )
        return Forecast(chance < risk, reason, step, predicted, low, high, goal, chance)

    def _risk_at(self, step: int, length: int) -> float:
        """The chance below which a trial is given up: waiting costs little at early steps."""
        return self._risk * min(1.0, 2.0 * step / length)

    def _chance_of(self, parts: list[Part], looks: list[Look]) -> float:
        """The chance that fewer than `share` of all trials will dominate one.

        Who does so of two finished trials is about the same, so that the chance is that of the
        one that is the last to count; objectives are taken for independent.
        """
        common = set.intersection(*[set(part.numbers()) for part in parts])
        beaten = np.ones(len(common))
        for part, found in zip(parts, looks, strict=True):
            finals = zip(part.numbers(), part.ended.finals, strict=True)
            goals = np.array([loss for number, loss in sorted(finals) if number in common])
            beaten *= 1.0 - found.chances(goals)
        rank = max(1, math.ceil(self._share * (len(beaten) + parts[0].ended.n_cut)))
        chance = 1.0 - float(np.sort(beaten)[::-1][min(rank, len(beaten)) - 1])
        return max(found.hedged(chance, self._share) for found in looks)


# By study and number of a trial: at which step, knowing how many trials, and what was said.
Forecasts: TypeAlias = dict[tuple[str, int], tuple[tuple[int, int], Forecast]]
_DOES = ("It goes on", "It is stopped")


class Part(NamedTuple):
    """One objective: the past and a trial as far as they are about it."""

    history: History
    ended: Ended
    reports: Mapping[int, float]

    def numbers(self) -> list[int]:
        """Of the trials in `ended`."""
        return [int(number) for number in self.history.numbers[self.ended.rows]]

    def look(self, step: int, n: int) -> Look | None:
        """What is predicted at a step from the first `n` trials that have ended."""
        steps = np.fromiter(self.reports, np.int64, len(self.reports))
        values = np.fromiter(self.reports.values(), float, len(self.reports))
        losses = self.history.signs[0] * values
        return look(
            self.history,
            self.ended,
            step,
            levels(steps, losses, step, self.ended.is_best),
            n,
        )

    def would_stop(self, pruner: AutoPruner, step: int, n: int) -> bool:
        """Whether the trial would have been stopped at a step when the first `n` had ended."""
        found, ended = self.look(step, n), self.ended
        if found is None:
            return False
        chance = ended.chance(found, pruner._share, n)
        return chance < pruner._risk_at(step, ended.length)


def objectives(history: History, trial: Contender) -> list[Part]:
    """A history and a trial by objective."""
    if len(history.signs) == 1:
        return [Part(history, history.derived(_ENDED), trial.reports)]
    parts = [metric.Objective(k).only(history, trial) for k in range(len(history.signs))]
    return [Part(past, past.derived(_ENDED), own.reports) for past, own in parts]


@final
class Last:
    """A fold: the last forecasts of running trials, which go with the history that they are of."""

    def __init__(self, pruner: AutoPruner) -> None:
        self._name = pruner._risk, pruner._share, pruner._control_every

    def __hash__(self) -> int:
        return hash(self._name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Last) and self._name == other._name

    def start(self, history: History) -> Forecasts:
        """None yet."""
        return {}

    def extend(self, state: Forecasts, history: History, first: int, last: int) -> Forecasts:
        """Nothing: each says of how many trials it knew."""
        return state


@final
class Controls:
    """A fold: trials that were never stopped, and whether the rule would have stopped them."""

    def __init__(self, pruner: AutoPruner, study: str) -> None:
        self._pruner, self._study = pruner, study
        self._name = pruner._risk, pruner._share, pruner._control_every, study

    def __hash__(self) -> int:
        return hash(self._name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Controls) and self._name == other._name

    def start(self, history: History) -> Judged:
        """No trials yet."""
        return Judged()

    def extend(self, state: Judged, history: History, first: int, last: int) -> Judged:
        """Ask of each new control what would have been said, from what had ended before it."""
        ended = history.derived(_ENDED)
        for i in range(state.read, len(ended.rows)):
            row = ended.rows[i]
            state.finals.append(ended.finals[i])
            state.cut = ended.cut[i]
            if i < LEAST or not self._pruner._is_control(self._study, int(history.numbers[row])):
                continue
            steps, values = history.curves[row]
            reports = dict(zip(steps.tolist(), values.tolist(), strict=True))
            part = Part(history, ended, reports)
            stopped = any(part.would_stop(self._pruner, step, i) for step in rungs(ended.length))
            state.controls.append((ended.finals[i], stopped))
        state.read = len(ended.rows)
        return state


@final
class Judged:
    """What is known of controls.

    Attributes:
        read: How many complete trials were looked at.
        finals: Their final losses.
        cut: How many trials had been pruned.
        controls: Final losses of controls, and whether they would have been stopped.
    """

    def __init__(self) -> None:
        self.read = self.cut = 0
        self.finals: list[float] = []
        self.controls: list[tuple[float, bool]] = []

    def factor(self, share: float) -> float:
        """What to multiply the risk by: a half while the rule stops good trials too often."""
        rank = math.ceil(share * (len(self.finals) + self.cut))
        goal = sorted(self.finals)[:rank][-1]
        stopped = [would for loss, would in self.controls if loss <= goal]
        return 0.5 if sum(stopped) > 0.1 * len(stopped) else 1.0
