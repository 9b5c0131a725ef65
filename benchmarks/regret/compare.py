"""What the results say: ranks, regret, wins, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata, wilcoxon

Array: TypeAlias = npt.NDArray[np.float64]

_DRAWS = 2000  # of the bootstrap
_MOST = 2.0  # regret beyond counts as this: one failure shall not outweigh a suite


class Scores(NamedTuple):
    """Results of some rows on some problems.

    Attributes:
        rows, problems: Their names.
        values: Shape (rows, problems, seeds); inf where nothing counted.
        regret: 0 at the best value known, 1 at the median of random search; shape of `values`.
    """

    rows: list[str]
    problems: list[str]
    values: Array
    regret: Array

    def among(self, problems: Iterable[str]) -> Scores:
        """The same for some of the problems."""
        wanted = set(problems)
        kept = [i for i, name in enumerate(self.problems) if name in wanted]
        names = [self.problems[i] for i in kept]
        return Scores(self.rows, names, self.values[:, kept], self.regret[:, kept])

    def ranks(self) -> Array:
        """Mean rank of each row, 1 the best."""
        ranks: Array = rankdata(self.values, axis=0).mean(axis=(1, 2))
        return ranks

    def wins(self, one: str, other: str) -> Array:
        """For each problem, how often the first row is better; ties count half."""
        a, b = (self.values[self.rows.index(row)] for row in (one, other))
        won: Array = np.where(a == b, 0.5, a < b).mean(axis=1)
        return won


def scores(records: Mapping[str, Sequence[Mapping[str, Any]]], reference: str, mark: int) -> Scores:
    """The scores after `mark` trials, where all rows have them, for as many seeds as all have.

    Args:
        records: Of each row.
        reference: The row of random search.
        mark: A number of trials.
    """
    found: dict[str, dict[str, dict[int, float]]] = {}
    best: dict[str, float] = {}
    for row, lines in records.items():
        for line in lines:
            if str(mark) not in line["scores"]:
                continue
            name, value = line["problem"], line["scores"][str(mark)]
            value = np.inf if value is None else value
            found.setdefault(name, {}).setdefault(row, {})[line["seed"]] = value
            known = [v for v in (*line["scores"].values(), line["best"]) if v is not None]
            best[name] = min([best.get(name, np.inf), *(v for v in known if v == v)])
    rows = list(records)
    names = sorted(name for name, by_row in found.items() if len(by_row) == len(rows))
    common = {name: set.intersection(*(set(s) for s in found[name].values())) for name in names}
    names = [name for name in names if common[name]]
    n_seeds = min((len(common[name]) for name in names), default=0)
    values = np.empty((len(rows), len(names), n_seeds))
    for j, name in enumerate(names):
        seeds = sorted(common[name])[:n_seeds]
        values[:, j] = [[found[name][row][seed] for seed in seeds] for row in rows]
    least = np.array([best[name] for name in names])[None, :, None]
    middle = np.median(values[rows.index(reference)], axis=1)[None, :, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        regret = (values - least) / (middle - least)
    regret = np.where(np.isfinite(middle), regret, np.where(np.isfinite(values), 0.5, 1.0))
    return Scores(rows, names, values, np.clip(np.nan_to_num(regret, nan=1.0), 0.0, _MOST))


def interval(by_problem: Array) -> tuple[float, float]:
    """The bounds of a mean over problems with 95 % confidence, by the bootstrap."""
    drawn = np.random.default_rng(0).integers(len(by_problem), size=(_DRAWS, len(by_problem)))
    low, high = np.quantile(by_problem[drawn].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def chance(wins: Array) -> float:
    """How likely wins this unequal are if neither is better (Wilcoxon over problems, two-sided)."""
    return float(wilcoxon(wins - 0.5).pvalue) if (wins != 0.5).any() else 1.0


def holm(chances: Sequence[float]) -> list[float]:
    """Chances corrected for asking so many questions."""
    corrected, floor = [1.0] * len(chances), 0.0
    for k, i in enumerate(np.argsort(chances).tolist()):
        floor = max(floor, min(1.0, (len(chances) - k) * chances[i]))
        corrected[i] = floor
    return corrected
