"""The table of results, as scikit-learn's searches have it, with candidates that were given up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from skipjack.model_selection.folds import Candidate, Result
from skipjack.model_selection.rounds import Plan
from skipjack.model_selection.stopping import N_ROUNDS, mean_rounds
from skipjack.records.states import TrialState


def table(search: Any, candidates: Sequence[Candidate], plan: Plan) -> dict[str, Any]:
    """The `cv_results_` of a search.

    A candidate that was given up has NaN for the folds that were not fitted, means and deviations
    over those that were, and a rank behind all that were not given up.

    Args:
        search: Formats the fits, as scikit-learn's searches do.
        candidates: In the order of rows.
        plan: What was done with them.
    """
    n = plan.n_splits
    out = [result for c in candidates for result in _filled(c, n)]
    more: dict[str, Any] = {
        "trial_number": [c.number for c in candidates],
        "state": np.array([c.state.name for c in candidates], dtype=object),
    }
    if plan.ladder is not None:
        amounts = plan.ladder.amounts
        more["n_resources"] = [amounts[c.rung - 1] for c in candidates]
    if any(N_ROUNDS in result for c in candidates for result in c.results.values()):
        more[f"mean_{N_ROUNDS}"] = np.array([mean_rounds(c.results.values()) for c in candidates])
    results: dict[str, Any] = search._format_results([c.params for c in candidates], n, out, more)
    given_up = np.array([c.state == TrialState.PRUNED for c in candidates])
    cut = [i for i, c in enumerate(candidates) if len(c.results) < n]
    for i in cut:
        _clear(results, i, candidates[i].results, n)
    if given_up.any():
        for key in [key for key in results if key.startswith("rank_test_")]:
            results[key] = _ranks(results[f"mean_test_{key[10:]}"], given_up)
    return results


def _filled(candidate: Candidate, n: int) -> list[Result]:
    """A result for each fold; those that were not fitted have the mean of the others."""
    found = candidate.results
    if len(found) == n:
        return [found[fold] for fold in range(n)]
    results = list(found.values())
    mean: Result = {**results[0]}
    for key in mean:
        if key in ("test_scores", "train_scores"):
            mean[key] = _mean_scores([result[key] for result in results])
        elif key in ("fit_time", "score_time"):
            mean[key] = float(np.mean([result[key] for result in results]))
    return [found.get(fold, mean) for fold in range(n)]


def _mean_scores(scores: list[Any]) -> Any:
    if isinstance(scores[0], Mapping):
        return {name: float(np.mean([s[name] for s in scores])) for name in scores[0]}
    return float(np.mean(scores))


def _clear(results: dict[str, Any], row: int, found: Mapping[int, Result], n: int) -> None:
    """Take out what was filled in, of one row."""
    for key, column in results.items():
        if key.startswith("split0_"):
            kind = key[len("split0_") :]
            known = [results[f"split{fold}_{kind}"][row] for fold in sorted(found)]
            for fold in set(range(n)) - found.keys():
                results[f"split{fold}_{kind}"][row] = np.nan
            results[f"std_{kind}"][row] = np.std(known)
        elif key in ("std_fit_time", "std_score_time"):
            column[row] = np.std([result[key[4:]] for result in found.values()])


def _ranks(means: npt.NDArray[Any], given_up: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Places from 1, the best first; NaN behind all numbers, and behind it what was given up."""
    keys = [
        (bool(gone), bool(np.isnan(mean)), 0.0 if np.isnan(mean) else -float(mean))
        for gone, mean in zip(given_up, means, strict=True)
    ]
    order = sorted(keys)
    first = {key: order.index(key) + 1 for key in set(keys)}
    return np.array([first[key] for key in keys], dtype=np.int32)


def finished_only(results: dict[str, Any]) -> tuple[dict[str, Any], npt.NDArray[np.intp]]:
    """The results without candidates that were given up, and the rows of those that remain.

    Those of scikit-learn's own searches, which give up none, come back as they are.
    """
    n = len(results["params"])
    rows = np.flatnonzero(np.asarray(results.get("state", [""] * n)) != "PRUNED")
    if len(rows) in (0, n):
        return results, np.arange(n)
    shown = {
        key: [column[i] for i in rows] if isinstance(column, list) else column[rows]
        for key, column in results.items()
    }
    return shown, rows
