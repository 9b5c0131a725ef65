"""Random streams depend on (seed, number, purpose) and on nothing else."""

from __future__ import annotations

import itertools
import math
import statistics
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import Philox
from scipy import special, stats  # type: ignore[import-untyped]

from skipjack import rng
from skipjack.errors import InvalidValueError
from skipjack.rng import Stream, stream

seeds = st.integers(0, 2**63 - 1)
numbers = st.integers(0, 2**40 - 1)
purposes = st.text(max_size=8)

GOLDEN_WORDS = [2048241705780295451, 3596093863690674760, 11352173870397584004]
GOLDEN_UNIFORM = [0.5122642963753724, 0.39100573404934624]
GOLDEN_NORMAL = [-0.7142835605762089, -0.4892247494779151]
GOLDEN_INTEGERS = [8, 8, 4, 5, 4]
GOLDEN_PERMUTATION = [4, 3, 1, 2, 0]
GOLDEN_AT = 0.9440903371684259


def test_golden_values() -> None:
    """A change here changes every seeded study: only with a new version, and said so."""
    s = stream(42, 7, "tpe")
    assert s.words(3).tolist() == GOLDEN_WORDS
    assert s.uniform(2).tolist() == GOLDEN_UNIFORM
    assert s.normal(2) == pytest.approx(GOLDEN_NORMAL, rel=1e-14)
    assert s.integers(5, 10).tolist() == GOLDEN_INTEGERS
    assert s.permutation(5).tolist() == GOLDEN_PERMUTATION
    assert s.at("x") == GOLDEN_AT


def test_words_are_philox_words_of_the_key() -> None:
    s = stream(42, 7, "tpe")
    generator = Philox(key=np.array(s._key, np.uint64), counter=[0, 0, 0, 7])
    assert s.words(100).tolist() == generator.random_raw(100).tolist()


@given(seeds, numbers, purposes, st.lists(st.integers(0, 9), max_size=6))
def test_successive_calls_continue_the_sequence(
    seed: int, number: int, purpose: str, sizes: list[int]
) -> None:
    whole = stream(seed, number, purpose).words(sum(sizes))
    s = stream(seed, number, purpose)
    assert np.concatenate([whole[:0], *map(s.words, sizes)]).tolist() == whole.tolist()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7)), max_size=20))
def test_interleaved_streams_do_not_disturb_each_other(calls: list[tuple[int, int]]) -> None:
    def make() -> list[Stream]:
        # two of them are equal
        return [stream(1, 0, "a"), stream(1, 0, "a"), stream(1, 1, "a"), stream(1, 0, "b")]

    alone = [s.words(200).tolist() for s in make()]
    together, drawn = make(), [[], [], [], []]  # type: list[Stream], list[list[int]]
    for which, n in calls:
        drawn[which] += together[which].words(n).tolist()
        together[which].at("name")
    for got, whole in zip(drawn, alone, strict=True):
        assert got == whole[: len(got)]


def test_threads_draw_what_one_thread_draws() -> None:
    def draw(number: int) -> list[float]:
        s = stream(3, number, "random")
        return [*itertools.chain(*(s.uniform(3) for _ in range(20))), s.at("x")]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(draw, range(200))) == list(map(draw, range(200)))


def test_a_stream_goes_on_in_another_thread() -> None:
    whole = stream(3, 1, "random").words(9).tolist()
    s = stream(3, 1, "random")
    with ThreadPoolExecutor(1) as pool:
        parts = [s.words(2), pool.submit(s.words, 3).result(), s.words(1)]
        parts.append(pool.submit(s.words, 3).result())
    assert np.concatenate(parts).tolist() == whole


@given(seeds, numbers, purposes, st.text(max_size=8))
def test_at_depends_on_no_other_call(seed: int, number: int, purpose: str, name: str) -> None:
    alone = stream(seed, number, purpose).at(name)
    s = stream(seed, number, purpose)
    s.words(3)
    s.at("other")
    assert s.at(name) == s.at(name) == alone
    assert 0.0 <= alone < 1.0


def test_at_each_says_what_at_says() -> None:
    names = ["x", "y", "x", ""]
    assert stream(5, 6, "x").at_each(names) == [stream(5, 6, "x").at(name) for name in names]
    assert stream(5, 6, "x").at_each([]) == []


def test_at_does_not_move_the_stream() -> None:
    s = stream(5, 6, "x")
    first = s.words(2)
    s.at("name")
    assert [*first, *s.words(2)] == list(stream(5, 6, "x").words(4))


def test_no_two_streams_share_a_key() -> None:
    keys = {
        (*s._key, s.number)
        for number in (*range(2000), 2**40 - 1)
        for purpose in ("tpe", "random", "gp", "cma", "split", "")
        for s in [stream(9, number, purpose)]
    }
    assert len(keys) == 6 * 2001


@pytest.mark.parametrize("seed", [-1, 2**64 + 3, 0])
def test_any_integer_is_a_seed(seed: int) -> None:
    assert stream(seed, 0, "a").words(2).tolist() == stream(seed % 2**64, 0, "a").words(2).tolist()


def uniformity(sample: list[float]) -> float:
    return float(stats.kstest(sample, "uniform").pvalue)


LEVEL = 1e-4  # seeds are fixed: these tests always pass or always fail


@pytest.mark.parametrize("purpose", ["random", "tpe"])
class TestStatistics:
    def test_words_of_one_stream_are_uniform(self, purpose: str) -> None:
        assert uniformity(stream(0, 0, purpose).uniform(20_000).tolist()) > LEVEL

    def test_first_words_of_successive_numbers_are_uniform(self, purpose: str) -> None:
        assert uniformity([stream(0, n, purpose).uniform(1)[0] for n in range(5000)]) > LEVEL

    def test_at_is_uniform_over_numbers_seeds_and_names(self, purpose: str) -> None:
        assert uniformity([stream(0, n, purpose).at("x") for n in range(5000)]) > LEVEL
        assert uniformity([stream(n, 0, purpose).at("x") for n in range(5000)]) > LEVEL
        s = stream(0, 0, purpose)
        assert uniformity([s.at(f"x{i}") for i in range(5000)]) > LEVEL

    def test_at_of_two_names_seeds_or_numbers_is_independent(self, purpose: str) -> None:
        x = [stream(0, n, purpose).at("x") for n in range(5000)]
        others = {
            "name": [stream(0, n, purpose).at("y") for n in range(5000)],
            "longer name": [stream(0, n, purpose).at("x0") for n in range(5000)],
            "seed": [stream(1, n, purpose).at("x") for n in range(5000)],
            "purpose": [stream(0, n, "else").at("x") for n in range(5000)],
            "number": [*x[1:], x[0]],
            "words": [stream(0, n, purpose).uniform(1)[0] for n in range(5000)],
        }
        for what, y in others.items():
            table = np.histogram2d(x, y, bins=8, range=[[0, 1], [0, 1]])[0]
            assert stats.chi2_contingency(table).pvalue > LEVEL, what
            assert uniformity([(a - b) % 1.0 for a, b in zip(x, y, strict=True)]) > LEVEL, what

    def test_every_bit_of_at_is_fair(self, purpose: str) -> None:
        n = 4000
        drawn = [int(stream(0, i, purpose).at("x") * 2**53) for i in range(n)]
        for bit in range(53):
            ones = sum(d >> bit & 1 for d in drawn)
            assert abs(ones - n / 2) < 4.5 * math.sqrt(n) / 2, bit

    def test_normals_are_normal(self, purpose: str) -> None:
        assert stats.kstest(stream(0, 1, purpose).normal(20_000), "norm").pvalue > LEVEL

    def test_integers_and_permutations_are_fair(self, purpose: str) -> None:
        counts = np.bincount(stream(0, 2, purpose).integers(20_000, 7), minlength=7)
        assert len(counts) == 7
        assert stats.chisquare(counts).pvalue > LEVEL
        s = stream(0, 3, purpose)
        orders = [tuple(s.permutation(4)) for _ in range(4800)]
        seen = [orders.count(order) for order in itertools.permutations(range(4))]
        assert sum(seen) == 4800
        assert stats.chisquare(seen).pvalue > LEVEL


def test_the_normal_quantile_agrees_with_scipys() -> None:
    u = np.concatenate(
        [
            np.linspace(0, 1, 20_001)[1:-1],
            np.logspace(-16, -1, 2000),
            1 - np.logspace(-16, -1, 2000),
        ]
    )
    np.testing.assert_allclose(rng._normal_quantile(u), special.ndtri(u), rtol=4e-15, atol=1e-300)


def test_extreme_words_give_finite_numbers() -> None:
    class Extreme(Stream):
        def words(self, n: int) -> rng.WordArray:
            return np.array([0, 2**64 - 1], np.uint64)

    s = Extreme(0, 0, "")
    assert s.uniform(2).tolist() == [0.0, 1.0 - 2.0**-53]
    assert s.integers(2, 2**53).tolist() == [0, 2**53 - 1]
    for high in (1, 3, 10**6 + 7, 2**52 + 1, 2**53 - 1):
        assert s.integers(2, high).tolist() == [0, high - 1]
    assert np.isfinite(s.normal(2)).all()


@pytest.mark.parametrize("high", [0, -1, 2**53 + 1])
def test_an_impossible_range_of_integers_is_refused(high: int) -> None:
    with pytest.raises(InvalidValueError, match="`high` must be from 1 to 2"):
        stream(0, 0, "").integers(1, high)


def test_nothing_drawn_is_an_empty_array() -> None:
    s = stream(0, 0, "")
    for drawn in (s.words(0), s.uniform(0), s.normal(0), s.integers(0, 5), s.permutation(0)):
        assert drawn.shape == (0,)


def test_fresh_seeds_differ_and_fit() -> None:
    fresh = {rng.fresh_seed() for _ in range(100)}
    assert len(fresh) == 100
    assert all(0 <= seed < 2**63 for seed in fresh)
    assert statistics.fmean(fresh) > 2**60


def test_names_without_end_do_not_fill_the_memory() -> None:
    s = stream(0, 0, "")
    before = s.at("x")
    for i in range(70_000):
        s.at(f"name {i}")
    assert len(rng._hashes) <= 65536
    assert s.at("x") == before
