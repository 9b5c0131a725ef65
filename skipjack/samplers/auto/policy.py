"""Which method proposes the next trial, and why: a pure function of a few facts."""

from __future__ import annotations

import math
from typing import NamedTuple

from skipjack.samplers.auto.facts import PREFIX, Facts

START, TPE, GP, CMA, DE, NSGA2, NSGA3 = "start", "tpe", "gp", "cma-es", "de", "nsga2", "nsga3"
SOBOL, LOCAL, AGAIN, GIVEN = "sobol", "local", "again", "given"
EFFORTS = ("fast", "balanced", "max")

_TEMPERATURE, _LEAST, _LEAST_OF_CMA = 0.1, 0.1, 0.6
_PRIOR = 0.2
_MANY_RUN = 50
_PART_RUNS = 5  # many run, too, if more than one in so many of all trials do
WIDE, _HUGE, _LONG = 60, 100, 10_000
FEW = 20  # the parameters that Gaussian processes see of wide spaces,
_WIDELY = 4  # in one trial in so many
_VARIETY = 10  # one trial in so many is another method's
_MODELLED = {"fast": 0, "balanced": 150, "max": 1000}  # trials that are few
_SELDOM = {"fast": 0, "balanced": 32, "max": 8}  # and one in so many a Gaussian process's
_HALF = 250  # trials up to which it is one in two where CMA-ES is not at home
_SPREAD = 10  # one in so many, where many run
_GP_OF_SEVERAL, _TPE_OF_SEVERAL = 200, 1000
_AGAIN = 10  # one trial in so many
_END, _STALLED = 10, 20  # parts of all trials: the last, and those without a better one before it


class Wishes(NamedTuple):
    """What the user says.

    Attributes:
        effort: One of `EFFORTS`.
        n_trials: How many trials there are going to be, if known.
        reevaluate: Whether the best is tried again where there is noise.
    """

    effort: str = "balanced"
    n_trials: int | None = None
    reevaluate: bool = False


class Choice(NamedTuple):
    """A method, and why it was chosen.

    Attributes:
        method: "start", "tpe", "gp", "cma-es", "de", "nsga2", "nsga3"; "sobol" for
            points spread over the space, "local" for small steps round the best, "again" for the
            best once more, "given" if there was nothing left to choose.
        reason: A sentence.
        shares: How likely each method was, where several took part.
    """

    method: str
    reason: str
    shares: tuple[tuple[str, float], ...] = ()

    @property
    def by(self) -> str:
        """What the log says of who proposed a trial."""
        return f"{PREFIX}{self.method}: {self.reason}"


AS_GIVEN = Choice(GIVEN, "all parameters were given")


def n_start(facts: Facts, n_trials: int | None = None) -> int:
    """How many trials are spread over the space before anything is modelled."""
    n = min(10, max(4, facts.d + 1))
    return n if n_trials is None else max(1, min(n, n_trials // 4))


def n_model(facts: Facts, effort: str) -> int:
    """Up to how many trials Gaussian processes propose most of them.

    CMA-ES with its quadratic model overtakes them earlier where it is at home.
    """
    most = _MODELLED[effort] if facts.d <= WIDE else 0
    if effort == "max":
        return most
    return min(most, 25 + 5 * facts.d if suits_cma(facts) else 30 + 10 * facts.d)


def contenders(facts: Facts, effort: str) -> tuple[str, ...]:
    """The methods that share the trials by what they come to; none while models propose most."""
    if facts.objectives > 1 or facts.told <= n_model(facts, effort):
        return ()
    if facts.conditional or facts.d < 1:
        return (TPE,)
    if facts.d > _HUGE or facts.rows > _LONG:
        return (TPE, CMA, DE)
    return (TPE, CMA)


def suits_cma(facts: Facts) -> bool:
    """Whether the space is what CMA-ES was made for: numbers, neither coarse nor with limits."""
    return not (prefers_tpe(facts) or facts.conditional or facts.constrained)


def prefers_tpe(facts: Facts) -> bool:
    """Whether the estimators are favoured over CMA-ES."""
    return facts.choices or facts.noisy or facts.discrete > 0.5


def shares(facts: Facts, credit: dict[str, float]) -> dict[str, float]:
    """How likely each method of `credit` proposes the next trial."""
    favoured = TPE if prefers_tpe(facts) else CMA
    least = dict.fromkeys(credit, _LEAST)
    if CMA in least and suits_cma(facts) and facts.d <= WIDE:
        least[CMA] = _LEAST_OF_CMA  # generations that drag on learn nothing
    scores = {m: math.exp((c + _PRIOR * (m == favoured)) / _TEMPERATURE) for m, c in credit.items()}
    total, spare = sum(scores.values()), 1 - sum(least.values())
    return {method: least[method] + spare * score / total for method, score in scores.items()}


def choose(facts: Facts, wishes: Wishes, credit: dict[str, float], number: int, u: float) -> Choice:
    """The method for trial `number`.

    Args:
        facts: What is known.
        wishes: What the user says.
        credit: Of each of the `contenders`.
        number: Of the trial.
        u: A uniform number.
    """
    effort, n_trials = wishes.effort, wishes.n_trials
    if facts.told < n_start(facts, n_trials):
        if number < n_start(facts, n_trials):
            return Choice(START, "the first trials are spread over the space")
        return Choice(SOBOL, "asked for before enough trials have ended: spread over the space")
    if facts.objectives > 1:
        return _several(facts, effort, number)
    if wishes.reevaluate and facts.noisy and number % _AGAIN == _AGAIN // 2 - 1:
        return Choice(AGAIN, "the best so far once more, as there is noise")
    if _is_end(facts, n_trials, number):
        return Choice(LOCAL, "the last trials, and no better one of late: small steps")
    if facts.running > (_MANY_RUN if n_trials is None else min(_MANY_RUN, n_trials // _PART_RUNS)):
        if number % _SPREAD == _SPREAD - 1:
            return Choice(SOBOL, "many trials run at once: some are spread over the space")
        return Choice(TPE, "many trials run at once")
    if facts.told <= n_model(facts, effort):
        if number % _VARIETY == _VARIETY - 1:
            return Choice(TPE, "for variety beside the Gaussian process")
        return Choice(GP, "few trials: each is worth a model")
    if facts.d > WIDE and facts.told <= _MODELLED[effort] and number % _WIDELY == _WIDELY - 1:
        return Choice(GP, "a model of the parameters that matter most, as there are many")
    seldom = _SELDOM[effort] if facts.d <= WIDE else 0
    if seldom and facts.told <= _HALF and number % 2 and not suits_cma(facts):
        return Choice(GP, "every other trial, as the space or the values are not for CMA-ES")
    if seldom and number % seldom == seldom - 1:
        return Choice(GP, "now and then, beside cheaper methods")
    likely = shares(facts, credit)
    if len(likely) == 1:
        return Choice(TPE, "some trials lack parameters that others have")
    chosen = next(reversed(likely))
    for method, share in likely.items():
        if u < share:
            chosen = method
            break
        u -= share
    return Choice(chosen, "by what each method's latest trials came to", tuple(likely.items()))


def _is_end(facts: Facts, n_trials: int | None, number: int) -> bool:
    """Whether the end of a study of known length has come, and the best has been so for long."""
    if n_trials is None or number < n_trials - n_trials // _END:
        return False
    return facts.stalled >= max(_END, n_trials // _STALLED)


def _several(facts: Facts, effort: str, number: int) -> Choice:
    """The method for several objectives."""
    if facts.objectives <= 3 and facts.told <= _GP_OF_SEVERAL and n_model(facts, effort):
        if number % _VARIETY == _VARIETY - 1:
            return Choice(TPE, "for variety beside the Gaussian processes")
        return Choice(GP, "few trials of few objectives: each is worth a model")
    if facts.conditional or facts.told <= _TPE_OF_SEVERAL or number % 2:
        return Choice(TPE, "several objectives")
    if facts.objectives > 3:
        return Choice(NSGA3, "many trials of many objectives")
    return Choice(NSGA2, "many trials of several objectives")
