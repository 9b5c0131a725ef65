"""Differential evolution against its definition, member by member."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipjack.numerics import differential

seeds = st.integers(0, 2**32 - 1)


def population(seed: int, n: int = 7, p: int = 3, q: int = 2) -> Any:
    rng = np.random.default_rng(seed)
    u = rng.random(differential.words(n, p, q))
    return rng.random((n, p)), rng.integers(0, 4, (n, q)), u


@given(seeds, st.integers(4, 9))
def test_three_others_are_three_others(seed: int, n: int) -> None:
    u = np.random.default_rng(seed).random((3, n))
    for own, *others in zip(range(n), *differential._three_others(n, u), strict=True):
        assert len({own, *others}) == 4
        assert all(0 <= other < n for other in others)


def test_every_choice_of_three_others_is_as_likely() -> None:
    u = np.random.default_rng(0).random((3, 60000)).reshape(3, -1, 5)
    counts: dict[Any, int] = {}
    for k in range(u.shape[1]):
        a, b, c = differential._three_others(5, u[:, k])
        key = int(a[2]), int(b[2]), int(c[2])
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 4 * 3 * 2
    assert min(counts.values()) > 0.75 * 12000 / 24


@given(seeds, st.floats(0.1, 1.0), st.floats(0, 1))
def test_every_parameter_is_the_members_or_a_step_from_another(
    seed: int, f: float, cr: float
) -> None:
    places, codes, u = population(seed)
    new, chosen = differential.offspring(places, codes, f, cr, u)
    a, b, c = differential._three_others(7, u[:21].reshape(3, 7))
    assert ((new >= 0) & (new <= 1)).all()
    for i in range(7):
        changed = 0
        for j in range(3):
            step = places[a[i], j] + f * (places[b[i], j] - places[c[i], j])
            if step < 0:
                step = places[a[i], j] / 2
            if step > 1:
                step = (places[a[i], j] + 1) / 2
            assert new[i, j] in (places[i, j], step)
            changed += new[i, j] == step
        for j in range(2):
            assert chosen[i, j] in {codes[k, j] for k in (i, a[i], b[i])}
            changed += chosen[i, j] in (codes[a[i], j], codes[b[i], j])
        assert changed >= 1


@pytest.mark.parametrize(("cr", "least", "most"), [(0.0, 1, 1), (1.0, 3, 3)])
def test_the_rate_says_how_much_changes(cr: float, least: int, most: int) -> None:
    places, codes, u = population(1, q=0)
    new, _ = differential.offspring(places, codes, 0.5, cr, u)
    changed = (new != places).sum(axis=1)
    assert ((least <= changed) & (changed <= most)).all()


@given(seeds, st.integers(1, 20))
def test_the_first_population_has_one_member_in_each_part(seed: int, n: int) -> None:
    u = np.random.default_rng(seed).random((2, n, 3))
    places = differential.spread(n, u)
    for column in places.T:
        assert sorted((column * n).astype(int)) == list(range(n))
