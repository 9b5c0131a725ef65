"""Trying the best candidates of a search again, on new splits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt

from skipjack.model_selection.noise import PairedTest, corrected_t_test

FloatArray = npt.NDArray[np.float64]


@final
@dataclass(frozen=True)
class Confirmation:
    """The best candidates of a search on splits that it has not seen; the best first.

    Attributes:
        rows: Of `cv_results_`.
        params: Of each candidate.
        scores: On each fold of each repetition, shape (candidates, repeats * folds).
        searched: The mean score that the search had found.
        ratio: Test samples by training samples of a fold.
    """

    rows: npt.NDArray[np.intp]
    params: list[dict[str, Any]] = field(repr=False)
    scores: FloatArray = field(repr=False)
    searched: FloatArray = field(repr=False)
    ratio: float = field(repr=False)

    @property
    def means(self) -> FloatArray:
        """The mean score of each candidate."""
        return np.asarray(self.scores.mean(axis=1))

    @property
    def tests(self) -> list[PairedTest]:
        """How far each candidate is behind the first, and whether that is noise."""
        return [corrected_t_test(scores - self.scores[0], self.ratio) for scores in self.scores]

    def __str__(self) -> str:
        lines = [f"{'row':>5} {'searched':>10} {'confirmed':>10} {'behind':>10} {'p':>7}  params"]
        for i, test in enumerate(self.tests):
            behind = f"{-test.difference:10.4g} {test.p_value:7.3f}" if i else " " * 18
            lines.append(
                f"{self.rows[i]:5d} {self.searched[i]:10.5g} {self.means[i]:10.5g} {behind}  "
                f"{self.params[i]}"
            )
        return "\n".join(lines)
