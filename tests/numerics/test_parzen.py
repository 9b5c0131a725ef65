"""Parzen estimators against slow definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipjack.numerics import parzen
from skipjack.numerics.parzen import FloatArray, Fused, IntArray, Kernels


def normal_mass(low: float, high: float) -> float:
    return 0.5 * (math.erfc(low / math.sqrt(2)) - math.erfc(high / math.sqrt(2)))


def numeric_density(x: float, centre: float, width: float) -> float:
    if math.isnan(x) or math.isnan(centre):
        return 1.0
    z = (x - centre) / width
    inside = normal_mass(-centre / width, (1 - centre) / width)
    return math.exp(-0.5 * z * z) / (width * math.sqrt(2 * math.pi) * inside)


def choice_probability(code: int, own: int, spread: float, k: int) -> float:
    if code < 0:
        return 1.0
    if own < 0:
        return 1.0 / k
    return ((code == own) + spread) / (1.0 + k * spread)


def density(kernels: Kernels, choices: IntArray, i: int, x: FloatArray, codes: IntArray) -> float:
    """Of kernel `i`, factor by factor."""
    value = float(kernels.weights[i])
    for j, place in enumerate(x.tolist()):
        value *= numeric_density(place, kernels.centres[i, j], kernels.widths[i, j])
    for j, code in enumerate(codes.tolist()):
        own, spread = int(kernels.codes[i, j]), kernels.spread
        value *= choice_probability(code, own, spread, int(choices[j]))
    return value


def some_kernels(seed: int, m: int, p: int, q: int, missing: bool) -> tuple[Kernels, IntArray]:
    rng = np.random.default_rng(seed)
    choices = rng.integers(2, 5, q)
    centres, codes = rng.random((m, p)), rng.integers(0, choices, (m, q))
    if missing:
        centres[rng.random((m, p)) < 0.3] = np.nan
        codes[rng.random((m, q)) < 0.3] = -1
    widths = 10 ** rng.uniform(-1.2, 0, (m, p))  # wide enough for sums of plain densities
    return Kernels(
        centres, widths, codes, float(rng.uniform(0.01, 0.5)), rng.uniform(0.1, 2, m)
    ), choices


def some_points(
    seed: int, c: int, p: int, choices: IntArray, missing: bool
) -> tuple[FloatArray, IntArray]:
    rng = np.random.default_rng(seed + 1)
    x, codes = rng.random((c, p)), rng.integers(0, choices, (c, len(choices)))
    if missing:
        x[rng.random(x.shape) < 0.3] = np.nan
        codes[rng.random(codes.shape) < 0.3] = -1
    return x, codes


def fused(kernels: Kernels, choices: IntArray) -> Fused:
    return parzen.fuse(kernels.centres, kernels.widths, kernels.codes, choices)


def parts(kernels: Kernels, n: int, spread: float) -> tuple[Kernels, Kernels]:
    """The first `n`, and the others with another spread."""
    centres, widths, codes, _, weights = kernels
    return (
        Kernels(centres[:n], widths[:n], codes[:n], kernels.spread, weights[:n]),
        Kernels(centres[n:], widths[n:], codes[n:], spread, weights[n:]),
    )


@given(
    st.integers(0, 10**6), st.integers(1, 6), st.integers(0, 4), st.integers(0, 3), st.booleans()
)
def test_log_densities_are_those_of_the_definition(
    seed: int, m: int, p: int, q: int, missing: bool
) -> None:
    kernels, choices = some_kernels(seed, m, p, q, missing)
    x, codes = some_points(seed, 5, p, choices, missing)
    uniform = np.where(codes < 0, 1.0, 1.0 / choices).prod(axis=1)
    several = parts(kernels, max(1, m // 2), 0.7)
    at = parzen.features(x, codes, choices, [part.spread for part in several])
    sums = []
    for which, part in enumerate(several):
        wanted = np.array(
            [
                [density(part, choices, i, x[c], codes[c]) for i in range(len(part.weights))]
                for c in range(len(x))
            ]
        )
        found = np.exp(parzen.log_kernels(fused(part, choices), at, which)) * part.weights
        assert found * uniform[:, None] == pytest.approx(wanted, rel=2e-3, abs=1e-12)
        sums.append(wanted.sum(axis=1))
    if m > 1:
        above, below = (fused(part, choices) for part in several)
        ratio = parzen.log_ratio(above, below, (several[0].weights, several[1].weights), at)
        assert ratio == pytest.approx(np.log(sums[0] / sums[1]), abs=1e-2)


@pytest.mark.parametrize("p", [60, 90, 110, 150, 400])
def test_many_parameters_leave_no_nan(p: int) -> None:
    kernels, choices = some_kernels(0, 40, p, 3, missing=False)
    x, codes = some_points(0, 24, p, choices, missing=False)
    several = parts(kernels, 10, 0.7)
    at = parzen.features(x, codes, choices, [part.spread for part in several])
    above, below = (fused(part, choices) for part in several)
    found = parzen.log_ratio(above, below, (several[0].weights, several[1].weights), at)
    assert np.isfinite(found).all()
    sums = [
        np.logaddexp.reduce(
            parzen.log_kernels(fused(part, choices), at, i) + np.log(part.weights), axis=1
        )
        for i, part in enumerate(several)
    ]
    assert found == pytest.approx(sums[0] - sums[1], rel=1e-5)


def test_a_point_may_be_any_number_of_times_as_likely() -> None:
    p, choices, spread = 20, np.zeros(0, np.int64), 0.5
    x, codes = np.full((1, p), 0.5), np.zeros((1, 0), np.int64)
    for width in np.geomspace(0.05, 0.3, 12):
        ends = [
            Kernels(np.full((1, p), at), np.full((1, p), w), codes, spread, np.ones(1))
            for at, w in ((0.5, 0.005), (0.0, width))
        ]
        at = parzen.features(x, codes, choices, [spread, spread])
        above, below = (fused(part, choices) for part in ends)
        found = parzen.log_ratio(above, below, (np.ones(1), np.ones(1)), at)
        logs = [parzen.log_kernels(part, at, i)[0, 0] for i, part in enumerate((above, below))]
        assert found[0] == pytest.approx(logs[0] - logs[1], abs=1e-3)


def test_what_is_fused_of_a_kernel_does_not_depend_on_the_others() -> None:
    kernels, choices = some_kernels(0, 70, 9, 3, missing=True)
    together = fused(kernels, choices)
    for i in range(70):
        centres, widths, codes, _, _ = kernels
        own = slice(i, i + 1)
        alone = parzen.fuse(centres[own], widths[own], codes[own], choices)
        for one, all_of_them in zip(alone, together, strict=True):
            assert np.array_equal(one[0], all_of_them[i])


@given(st.integers(0, 10**6), st.integers(1, 6))
def test_marginals_are_mixtures_of_one_parameter(seed: int, m: int) -> None:
    kernels, choices = some_kernels(seed, m, 3, 2, missing=False)
    kernels.codes[-1] = -1  # the prior
    x, codes = some_points(seed, 4, 3, choices, missing=False)
    logs = parzen.log_marginals(kernels, choices, x, codes)
    for j in range(3):
        alone = kernels._replace(
            centres=kernels.centres[:, [j]],
            widths=kernels.widths[:, [j]],
            codes=kernels.codes[:, :0],
        )
        wanted = [
            sum(density(alone, choices[:0], i, x[c, [j]], codes[c, :0]) for i in range(m))
            for c in range(4)
        ]
        assert np.exp(logs[:, j]) == pytest.approx(np.array(wanted), rel=2e-3)
    for j in range(2):
        alone = kernels._replace(
            centres=kernels.centres[:, :0],
            widths=kernels.widths[:, :0],
            codes=kernels.codes[:, [j]],
        )
        wanted = [
            sum(density(alone, choices[[j]], i, x[c, :0], codes[c, [j]]) for i in range(m))
            for c in range(4)
        ]
        assert np.exp(logs[:, 3 + j]) == pytest.approx(np.array(wanted))


def gaps_by_definition(places: list[float], floor: float, endpoints: bool) -> list[float]:
    there = sorted(x for x in places if not math.isnan(x))
    found = []
    for x in places:
        if math.isnan(x):
            found.append(1.0)
            continue
        i = there.index(x)
        lower = there[i - 1 : i] if i else [0.0] * endpoints
        upper = there[i + 1 : i + 2] or [1.0] * endpoints
        gaps = [x - other for other in lower] + [other - x for other in upper]
        found.append(min(max(max(gaps, default=max(x, 1 - x)), floor), 1.0))
    return found


@given(
    st.lists(st.floats(0, 1) | st.just(math.nan), min_size=1, max_size=8, unique=True),
    st.sampled_from([0.01, 0.2]),
    st.booleans(),
)
def test_widths_are_gaps_to_the_farther_neighbour(
    places: list[float], floor: float, endpoints: bool
) -> None:
    column = np.array(places)[:, None]
    widths = parzen.gap_widths(column, floor, endpoints)[:, 0]
    assert widths.tolist() == pytest.approx(gaps_by_definition(places, floor, endpoints))


def test_widths_of_parameters_do_not_mix() -> None:
    places = np.random.default_rng(0).random((9, 4))
    together = parzen.gap_widths(places, 0.01)
    for j in range(4):
        assert np.array_equal(together[:, [j]], parzen.gap_widths(places[:, [j]], 0.01))


@given(st.floats(0.005, 1), st.floats(0.01, 0.5))
def test_a_cell_has_the_mass_of_its_kernel(width: float, cell: float) -> None:
    wider = parzen.cell_widths(np.array([[width]]), np.array([cell]))[0, 0]
    exact = math.erf(cell / (width * math.sqrt(8)))
    assert cell / (wider * math.sqrt(2 * math.pi)) == pytest.approx(exact, rel=0.02)


def test_continuous_parameters_keep_their_widths() -> None:
    widths = np.array([[0.01, 0.3]])
    assert parzen.cell_widths(widths, np.zeros(2)) == pytest.approx(widths, rel=1e-12)


@pytest.mark.parametrize(("centre", "width"), [(0.5, 0.1), (0.02, 0.05), (1.0, 0.3), (0.3, 1.0)])
def test_draws_have_the_density(centre: float, width: float) -> None:
    kernels = Kernels(
        np.array([[centre]]), np.array([[width]]), np.zeros((1, 0), int), 1.0, np.ones(1)
    )
    none = np.zeros(0, int)
    u = ((np.arange(4000) + 0.5) / 4000)[:, None]
    x, _ = parzen.draw(parzen.source(kernels, none), none, np.zeros(4000, int), u)
    assert ((x >= 0) & (x < 1)).all()
    for at in (0.05, 0.3, 0.5, 0.8):
        exact = normal_mass(-centre / width, (at - centre) / width) / normal_mass(
            -centre / width, (1 - centre) / width
        )
        assert (x[:, 0] < at).mean() == pytest.approx(exact, abs=2e-3)


def test_draws_of_choices_have_their_probabilities() -> None:
    kernels = Kernels(
        np.full((2, 1), np.nan), np.ones((2, 1)), np.array([[2], [-1]]), 0.2, np.ones(2)
    )
    choices, u = np.array([3]), np.random.default_rng(0).random((20_000, 2))
    for which, wanted in ((0, [0.2 / 1.6, 0.2 / 1.6, 1.2 / 1.6]), (1, [1 / 3, 1 / 3, 1 / 3])):
        x, codes = parzen.draw(parzen.source(kernels, choices), choices, np.full(len(u), which), u)
        assert np.array_equal(x[:, 0], u[:, 0])  # uniform where the kernel lacks the parameter
        shares = np.bincount(codes[:, 0], minlength=3) / len(u)
        assert shares == pytest.approx(np.array(wanted), abs=0.012)


@given(st.floats(0, 50))
def test_the_tail_of_the_normal_distribution(z: float) -> None:
    exact = 0.5 * math.erfc(z / math.sqrt(2))
    assert parzen.tail(np.array([z]))[0] == pytest.approx(exact, abs=1.1e-4)
