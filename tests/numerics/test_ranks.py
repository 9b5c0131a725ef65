import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, rankdata, wilcoxon

from skipjack.numerics.ranks import signed_rank

some = st.lists(st.sampled_from([-3.0, -2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 4.0]), min_size=1)


@given(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]), min_size=1, max_size=9))
def test_equals_counting_all_signs(differences: list[float]) -> None:
    ranks = rankdata(np.abs(differences))
    there = [rank for rank, x in zip(ranks, differences) if x != 0.0]
    observed = sum(rank for rank, x in zip(ranks, differences) if x > 0.0)
    signs = list(itertools.product([0, 1], repeat=len(there)))
    as_many = sum(sum(r * s for r, s in zip(there, row)) >= observed - 1e-9 for row in signs)
    assert signed_rank(np.array(differences)) == pytest.approx(as_many / len(signs))


@pytest.mark.parametrize("n", [3, 20, 50, 64])
def test_equals_scipy_where_that_is_exact(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.3, 1.0, n)
    expected = wilcoxon(differences, alternative="greater", method="exact").pvalue
    assert signed_rank(differences) == pytest.approx(expected)


@pytest.mark.parametrize("n", [65, 1000])
def test_many_differences_are_approximated_well(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.1, 1.0, n).round(1)
    expected = wilcoxon(
        differences, alternative="greater", zero_method="zsplit", method="asymptotic"
    ).pvalue
    assert norm.isf(signed_rank(differences)) == pytest.approx(norm.isf(expected), abs=0.05)


@given(some)
def test_the_more_the_less_likely(differences: list[float]) -> None:
    found = signed_rank(np.array(differences))
    assert 0.0 < found <= 1.0
    assert signed_rank(np.abs(differences)) <= found + 1e-12


def test_nothing_is_as_likely_as_can_be() -> None:
    assert signed_rank(np.array([])) == 1.0
    assert signed_rank(np.zeros(5)) == signed_rank(np.zeros(500)) == 1.0
