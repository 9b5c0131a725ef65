"""Scores that a race did not come to are drawn as they would have come out."""

import numpy as np
import pytest
from numpy.typing import NDArray

from skipjack.model_selection import optimism
from skipjack.model_selection.filling import drawn

Table = NDArray[np.float64]


def scores(rng: np.random.Generator, spread: float = 0.03) -> Table:
    """Of 200 candidates on 5 folds: the fold, the candidate, and noise."""
    folds, own = rng.normal(0.7, 0.05, size=5), rng.normal(0, spread, size=(200, 1))
    return np.asarray(folds + own + rng.normal(0, 0.04, size=(200, 5)))


def raced(table: Table) -> Table:
    """Give up after two folds all but the better half."""
    first = table[:, :2].mean(axis=1)
    out = table.copy()
    out[first < np.median(first), 2:] = np.nan
    return out


def test_known_scores_stay_and_unknown_ones_differ_from_draw_to_draw() -> None:
    table = raced(scores(np.random.default_rng(0)))
    tables = drawn(table, 3, np.random.default_rng(1))
    known = np.isfinite(table)
    assert tables.shape == (3, 200, 5)
    for one in tables:
        assert np.array_equal(one[known], table[known])
    assert (tables[0] != tables[1])[~known].all()


def test_unknown_scores_have_the_mean_and_the_spread_that_they_had() -> None:
    whole = scores(np.random.default_rng(2))
    table = raced(whole)
    unknown = np.isnan(table)
    tables = drawn(table, 40, np.random.default_rng(3))
    assert tables[:, unknown].mean() == pytest.approx(whole[unknown].mean(), abs=0.01)
    ours = np.mean([one.mean(axis=1).std() for one in tables])
    assert ours == pytest.approx(whole.mean(axis=1).std(), rel=0.15)
    left_out = table[np.isfinite(table).all(axis=1)]
    assert abs(left_out.mean() - whole.mean()) > 0.01  # what leaving them out would say


def test_a_table_without_noise_is_filled_without() -> None:
    table = np.tile([0.5, 0.6, 0.7], (4, 1))
    table[2, 1:] = np.nan
    assert drawn(table, 2, np.random.default_rng(0)) == pytest.approx(
        np.tile([0.5, 0.6, 0.7], (2, 4, 1))
    )


def race_of_luck(rng: np.random.Generator) -> Table:
    """Scores of 48 candidates that guess; a race stops those whose mean cannot be the best."""
    table = rng.normal(0.5, 0.08, size=(48, 5))
    best = -1.0
    for row in table:
        for k in range(1, 5):
            if (row[:k].sum() + (5 - k) * 0.62) / 5 < best:
                row[k:] = np.nan
                break
        else:
            best = max(best, row.mean())
    return np.asarray(table)


def test_the_optimism_of_a_race_is_seen_although_most_candidates_were_given_up() -> None:
    rng = np.random.default_rng(4)
    best, filled, left_out = [], [], []
    for _ in range(60):
        table = race_of_luck(rng)
        given_up = np.isnan(table).any(axis=1)
        assert given_up.mean() > 0.5
        honest = optimism.bias_corrected(table, given_up=given_up, n_bootstraps=200)
        best.append(honest.best_score)
        filled.append(honest.corrected)
        left_out.append(optimism.bias_corrected(table, n_bootstraps=200).corrected)
        assert honest.n_candidates == 48
    gap = np.mean(best) - 0.5
    assert 0.8 <= (np.mean(best) - np.mean(filled)) / gap <= 1.2
    assert (np.mean(best) - np.mean(left_out)) / gap < 0.75
