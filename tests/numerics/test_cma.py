"""Evolution strategies against slow definitions, invariances and known results."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skipjack.numerics.cma import (
    choices,
    evolution,
    margin,
    quadratic,
    rates,
    restarts,
    warm,
)
from skipjack.numerics.cma.evolution import State

seeds = st.integers(0, 2**32 - 1)


def ellipsoid(d: int, seed: int = 1, condition: float = 1e6) -> Any:
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    weights = condition ** np.linspace(0, 1, d)
    return lambda x: ((x @ turn) ** 2) @ weights


def some_state(d: int, seed: int) -> State:
    """A state in the middle of a run."""
    rng = np.random.default_rng(seed)
    state = evolution.start(rng.normal(size=d), 0.7, None, False)
    for _ in range(4):
        points = evolution.ask(state, rng.normal(size=(8, d)))
        state = evolution.tell(state, points[np.argsort((points**2).sum(axis=1))])
    return evolution.decomposed(state)


def run(f: Any, state: State, n: int, seed: int, target: float, most: int) -> int:
    """Evaluations until the best is below the target."""
    rng = np.random.default_rng(seed)
    for spent in range(n, most, n):
        points = evolution.ask(state, rng.normal(size=(n, len(state.mean))))
        losses = f(points)
        if losses.min() < target:
            return spent
        state = evolution.tell(state, points[np.argsort(losses)])
    return most


def by_the_tutorial(state: State, points: Any) -> Any:
    """Mean, step size and covariance after a generation, term by term (equations 42 to 47)."""
    n, d = points.shape
    raw = [math.log((n + 1) / 2) - math.log(i) for i in range(1, n + 1)]
    good, bad = [w for w in raw if w > 0], [w for w in raw if w <= 0]
    mu_eff = sum(good) ** 2 / sum(w * w for w in good)
    bad_eff = sum(bad) ** 2 / sum(w * w for w in bad)
    c_one = 2 / ((d + 1.3) ** 2 + mu_eff)
    c_mu = min(1 - c_one, 2 * (1 / 4 + mu_eff + 1 / mu_eff - 2) / ((d + 2) ** 2 + mu_eff))
    least = min(1 + c_one / c_mu, 1 + 2 * bad_eff / (mu_eff + 2), (1 - c_one - c_mu) / (d * c_mu))
    w = [x / sum(good) if x > 0 else least * x / -sum(bad) for x in raw]
    c_c = (4 + mu_eff / d) / (d + 4 + 2 * mu_eff / d)
    c_s = (mu_eff + 2) / (d + mu_eff + 5)
    d_s = 1 + 2 * max(0, math.sqrt((mu_eff - 1) / (d + 1)) - 1) + c_s
    inverse = np.linalg.inv(np.linalg.cholesky(state.cov))
    y = (points - state.mean) / state.sigma
    step = sum(w[i] * y[i] for i in range(n) if w[i] > 0)
    p_s = (1 - c_s) * state.path_sigma + math.sqrt(c_s * (2 - c_s) * mu_eff) * inverse @ step
    chi = math.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d))
    settled = math.sqrt(1 - (1 - c_s) ** (2 * (state.told + 1)))
    h = float(np.linalg.norm(p_s) / settled < (1.4 + 2 / (d + 1)) * chi)
    p_c = (1 - c_c) * state.path + h * math.sqrt(c_c * (2 - c_c) * mu_eff) * step
    cov = (1 + c_one * (1 - h) * c_c * (2 - c_c) - c_one - c_mu * sum(w)) * state.cov
    cov = cov + c_one * np.outer(p_c, p_c)
    for i in range(n):
        size = 1.0 if w[i] >= 0 else d / np.linalg.norm(inverse @ y[i]) ** 2
        cov = cov + c_mu * w[i] * size * np.outer(y[i], y[i])
    sigma = state.sigma * math.exp(c_s / d_s * (np.linalg.norm(p_s) / chi - 1))
    return state.mean + state.sigma * step, sigma, cov


class TestEvolution:
    @given(seeds, st.integers(2, 7), st.integers(4, 12))
    @settings(max_examples=30)
    def test_a_generation_follows_the_tutorial(self, seed: int, d: int, n: int) -> None:
        state = some_state(d, seed)
        z = np.random.default_rng(seed).normal(size=(n, d))
        points = evolution.ask(state, np.clip(z, -1, 1))  # no step is too long
        new = evolution.tell(state, points)
        for found, expected in zip(
            (new.mean, new.sigma, new.cov), by_the_tutorial(state, points), strict=True
        ):
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)

    @given(seeds, st.integers(2, 6))
    @settings(max_examples=20)
    def test_it_does_not_matter_how_space_is_moved_and_sheared(self, seed: int, d: int) -> None:
        rng = np.random.default_rng(seed)
        turn = np.tril(rng.uniform(-2, 2, size=(d, d)), -1) + np.diag(rng.uniform(0.5, 3, size=d))
        f = ellipsoid(d, seed, 100)
        one = evolution.start(np.ones(d), 0.5, None, False)
        other = evolution.start(turn @ np.ones(d) + 7, 0.5, turn @ turn.T, False)
        for _ in range(6):
            z = rng.normal(size=(8, d))
            points, others = evolution.ask(one, z), evolution.ask(other, z)
            assert others == pytest.approx(points @ turn.T + 7, rel=1e-6, abs=1e-6)
            order = np.argsort(f(points), kind="stable")
            one = evolution.tell(one, points[order])
            other = evolution.tell(other, others[order])

    def test_a_covariance_that_rounding_made_singular_can_still_be_drawn_from(self) -> None:
        flat = np.outer([1.0, 2.0, -1.0], [1.0, 2.0, -1.0]) - 1e-15 * np.eye(3)
        state = evolution.start(np.zeros(3), 1.0, flat, False)
        assert state.root.T @ state.root == pytest.approx(flat, abs=1e-11)
        assert state.root @ state.inverse == pytest.approx(np.eye(3), abs=1e-6)

    @pytest.mark.parametrize(("d", "least", "most"), [(5, 1000, 2000), (10, 3000, 4600)])
    def test_a_rotated_ellipsoid_takes_as_many_evaluations_as_is_known(
        self, d: int, least: int, most: int
    ) -> None:
        n, start = evolution.population_size(d), evolution.start(np.ones(d), 0.3, None, False)
        spent = [run(ellipsoid(d), start, n, seed, 1e-8, 10000) for seed in range(3)]
        assert least < np.median(spent) < most

    def test_the_separable_strategy_learns_scales_faster(self) -> None:
        d = 20
        weights = 1e6 ** np.linspace(0, 1, d)
        spent = [
            run(
                lambda x: x**2 @ weights, evolution.start(np.ones(d), 0.3, None, separable),
                12, 1, 1e-8, 20000,
            )
            for separable in (False, True)
        ]  # fmt: skip
        assert spent[1] < 0.6 * spent[0]

    @given(seeds)
    def test_roots_are_triangular_and_inverse(self, seed: int) -> None:
        state = some_state(5, seed)
        assert np.tril(state.root, -1) == pytest.approx(0)
        assert state.root.T @ state.root == pytest.approx(state.cov)
        assert state.root @ state.inverse == pytest.approx(np.eye(5), abs=1e-9)

    def test_far_points_move_the_mean_by_a_bounded_step(self) -> None:
        state = evolution.start(np.zeros(4), 1.0, None, False)
        points = np.full((8, 4), 1e9)
        new = evolution.tell(state, points)
        assert np.linalg.norm(new.mean) <= math.sqrt(4) + 2 * 4 / 6 + 1e-9
        assert np.isfinite(new.cov).all()

    def test_the_mean_stays_in_its_bounds_and_the_step_does_not_grow(self) -> None:
        rng = np.random.default_rng(0)
        state = evolution.start(np.full(3, 0.5), 0.2, None, False)
        for _ in range(300):
            points = evolution.ask(state, rng.normal(size=(7, 3)))
            losses = np.clip(points, 0, 1).sum(axis=1)
            state = evolution.tell(state, points[np.argsort(losses)], bounded=True)
            assert ((state.mean >= 0) & (state.mean <= 1)).all()
        assert state.mean == pytest.approx(np.zeros(3), abs=1e-3)
        assert state.sigma < 10

    def test_normal_numbers_are_normal(self) -> None:
        z = evolution.normal(np.random.default_rng(0).random(200000))
        assert z.shape == (200000,)
        assert [np.mean(z**k) for k in (1, 2, 3, 4)] == pytest.approx([0, 1, 0, 3], abs=0.06)
        assert abs(np.mean(z[:100000] * z[100000:])) < 0.01
        assert np.isfinite(evolution.normal(np.zeros(2))).all()


class TestMargin:
    @given(seeds, st.floats(0.01, 0.3), st.floats(0.001, 2.0))
    @settings(max_examples=60)
    def test_other_values_keep_their_probability(
        self, seed: int, alpha: float, sigma: float
    ) -> None:
        rng = np.random.default_rng(seed)
        state = evolution.start(rng.uniform(-0.5, 3.5, 3), sigma, None, False)
        cells = np.round(np.clip(state.mean, 0, 3))
        below = np.where(cells == 0, -np.inf, cells - 0.5)
        above = np.where(cells == 3, np.inf, cells + 0.5)
        new = margin.widened(state, np.array([True, True, False]), below, above, alpha)
        width = evolution.spread(new)
        for j in range(2):
            low = math.erfc((new.mean[j] - below[j]) / width[j] / math.sqrt(2)) / 2
            high = math.erfc((above[j] - new.mean[j]) / width[j] / math.sqrt(2)) / 2
            if math.isinf(below[j]) or math.isinf(above[j]):
                assert max(low, high) >= alpha * (1 - 1e-6)
            else:
                assert min(low, high) >= alpha / 2 * (1 - 1e-6)
        assert new.mean[2] == state.mean[2]
        assert width[2] == sigma

    def test_with_the_probability_of_catcma_27_percent_change(self) -> None:
        alpha = margin.probability(6)
        assert (1 - alpha) ** 6 == pytest.approx(0.73)


class TestChoices:
    def test_the_root_is_one_of_the_fisher_matrix(self) -> None:
        p = np.array([0.5, 0.2, 0.3])
        odds = choices.start(np.array([3]), 0.1)._replace(p=p[None])
        columns = [
            choices._fisher_root(odds, np.array([[*row, -sum(row)]]))[0] for row in np.eye(2)
        ]
        root = np.array(columns).T
        fisher = np.diag(1 / p[:2]) + 1 / p[2]
        assert root.T @ root == pytest.approx(fisher)

    @given(seeds)
    @settings(max_examples=30)
    def test_probabilities_stay_probabilities(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        sizes = rng.integers(2, 6, 4)
        odds = choices.start(sizes, 0.1)
        for _ in range(40):
            codes = choices.ask(odds, rng.random((8, 4)))
            assert (codes < sizes).all()
            odds = choices.tell(odds, codes, evolution.rule(4, 8).weights)
            assert odds.p.sum(axis=1) == pytest.approx(np.ones(4))
            there = np.arange(odds.p.shape[1]) < sizes[:, None]
            assert (odds.p[there] >= np.repeat(odds.least, sizes) - 1e-12).all()
            assert (odds.p[~there] == 0).all()

    def test_the_best_choices_become_likely(self) -> None:
        rng = np.random.default_rng(0)
        odds = choices.start(np.array([2, 3, 5]), 0.05)
        best = np.array([1, 0, 3])
        for _ in range(60):
            codes = choices.ask(odds, rng.random((8, 3)))
            order = np.argsort((codes != best).sum(axis=1), kind="stable")
            odds = choices.tell(odds, codes[order], evolution.rule(3, 8).weights)
        assert (odds.p[np.arange(3), best] > 0.8).all()


class TestRates:
    def test_they_stay_where_all_is_signal_and_fall_where_all_is_noise(self) -> None:
        rng = np.random.default_rng(0)
        etas = []
        for noise in (0.0, 1.0):
            state, learning = evolution.start(np.ones(5), 0.3, None, False), rates.start(5)
            for _ in range(120):
                points = evolution.ask(state, rng.normal(size=(8, 5)))
                losses = points.sum(axis=1) * (1 - noise) + noise * rng.normal(size=8)
                told = evolution.tell(state, points[np.argsort(losses)])
                state, learning = rates.slowed(state, told, learning)
            etas.append(learning.mean.eta)
        assert etas[0] > 0.4
        assert etas[1] < 0.15

    def test_full_rates_change_nothing(self) -> None:
        state = some_state(4, 1)
        points = evolution.ask(state, np.random.default_rng(2).normal(size=(8, 4)))
        told = evolution.tell(state, points)
        learning = rates.start(4)
        slowed, after = rates.slowed(state, told, learning)
        moved = after.mean.eta * (told.mean - state.mean)
        assert slowed.mean == pytest.approx(state.mean + moved)


class TestWarmStart:
    def test_it_is_the_mixture_of_the_best(self) -> None:
        points = np.random.default_rng(0).random((50, 3))
        mean, sigma, cov = warm.promising(points)
        top = points[:5]
        expected = 0.01 * np.eye(3) + np.cov(top.T, bias=True)
        assert mean == pytest.approx(top.mean(axis=0))
        assert sigma**2 * cov == pytest.approx(expected)
        assert np.linalg.det(cov) == pytest.approx(1)


class TestQuadratic:
    @given(seeds, st.integers(2, 5))
    @settings(max_examples=30)
    def test_a_quadratic_function_is_found_exactly(self, seed: int, d: int) -> None:
        rng = np.random.default_rng(seed)
        best = rng.uniform(0.2, 0.8, d)
        a = rng.normal(size=(d, d))
        a = a @ a.T + np.eye(d)
        points = rng.random((3 * quadratic.full_size(d), d))
        losses = np.einsum("ij,jk,ik->i", points - best, a, points - best) + 5
        order = np.argsort(losses)
        white = np.linalg.cholesky(np.linalg.inv(a)) * 2
        white = np.linalg.inv(white) @ np.linalg.inv(white).T  # any regular matrix
        model = quadratic.fitted(points[order], losses[order], points.mean(axis=0), white)
        assert model.kind == 2
        assert model(points) == pytest.approx(losses, rel=1e-4, abs=1e-4)
        assert model.optimum() == pytest.approx(best, abs=1e-3)

    @given(seeds)
    @settings(max_examples=30)
    def test_the_optimum_of_a_linear_model_is_a_corner(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        slope = rng.choice([-1.0, 2.0], 4)
        points = rng.random((8, 4))
        losses = points @ slope
        order = np.argsort(losses)
        model = quadratic.fitted(points[order], losses[order], np.full(4, 0.5), np.eye(4))
        assert model.kind == 0
        assert model.optimum().tolist() == (slope < 0).astype(float).tolist()

    @given(seeds)
    @settings(max_examples=30)
    def test_the_optimum_lies_in_the_cube_and_is_no_worse_than_points_of_it(
        self, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        d = 3
        a = rng.normal(size=(d, d))
        a = a @ a.T + 0.1 * np.eye(d)
        best = rng.uniform(-1, 2, d)
        points = rng.random((80, d))
        losses = np.einsum("ij,jk,ik->i", points - best, a, points - best)
        order = np.argsort(losses)
        model = quadratic.fitted(points[order], losses[order], points[order[0]], np.eye(d))
        found = model.optimum()
        assert ((found >= 0) & (found <= 1)).all()
        assert model(found[None])[0] <= losses.min() + 0.05 * np.ptp(losses)

    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
    def test_the_correlation_counts_pairs(self, pairs: list[tuple[int, int]]) -> None:
        n = len(pairs)
        agree = sum(
            np.sign(a - c) * np.sign(b - d) for i, (a, b) in enumerate(pairs) for c, d in pairs[:i]
        )
        expected = agree / (n * (n - 1) / 2) if n > 1 else 0.0
        a, b = np.array(pairs, float).reshape(n, 2).T
        assert quadratic.correlation(a, b) == pytest.approx(expected)

    def test_values_at_both_ends_of_what_a_float_holds_are_compared(self) -> None:
        far = np.array([-1.7e308, 0.0, 1.7e308])
        assert quadratic.correlation(far, far) == 1
        assert quadratic.correlation(far, -far) == -1

    def test_models_are_used_as_soon_as_points_allow(self) -> None:
        d = 5  # 11 and 21 coefficients: 1.1 times that must be three quarters of the points
        assert [quadratic.kind(n, d) for n in (16, 17, 30, 31)] == [0, 1, 1, 2]


class TestRestarts:
    def test_a_flat_function_ends_a_run(self) -> None:
        state = evolution.start(np.full(4, 0.5), 0.1, None, False)
        progress = restarts.Progress()
        for n in range(60):
            assert restarts.is_over(state, progress, 8, 0.1) == (n >= 25)
            progress = restarts.noted(progress, np.ones(8), 4, 8)

    def test_a_tiny_step_and_a_bad_condition_end_a_run(self) -> None:
        state = evolution.start(np.full(3, 0.5), 0.1, None, False)
        progress = restarts.Progress()
        assert not restarts.is_over(state, progress, 7, 0.1)
        assert restarts.is_over(state._replace(sigma=1e-14), progress, 7, 0.1)
        ill = state._replace(cov=np.diag([1e-15, 1.0, 1.0]))
        assert restarts.is_over(ill, progress, 7, 0.1)

    def test_populations_grow_and_take_turns(self) -> None:
        regime, sizes = restarts.Regime(8), []
        for _ in range(6):
            regime = restarts.following(regime, 100, "ipop", 8, 2, (0.5, 0.5))
            sizes.append(regime.population)
        assert sizes == [16, 32, 64, 128, 256, 512]
        regime = restarts.following(restarts.Regime(8), 100, "bipop", 8, 2, (0.5, 0.5))
        assert (regime.population, regime.is_small) == (16, False)
        regime = restarts.following(regime, 200, "bipop", 8, 2, (0.5, 0.5))
        assert regime.is_small
        assert regime.population == 8
        assert regime.shrunk == pytest.approx(0.1)
        for _ in range(3):
            regime = restarts.following(regime, 400, "bipop", 8, 2, (0.5, 0.5))
        assert not all((regime.is_small, regime.small > 10**6))
        regime = restarts.following(restarts.Regime(8), 100, None, 8, 2, (0.5, 0.5))
        assert regime.population == 8
