"""Gaussian processes against slow definitions and finite differences."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skipjack.numerics.gp import fit, improvement, posterior
from skipjack.numerics.gp.climb import climb
from skipjack.numerics.gp.fit import Data, Prior
from skipjack.numerics.gp.kernel import FloatArray, matern, squared_distances
from skipjack.numerics.gp.warp import bent, two_sided_log, warps
from skipjack.numerics.hypervolume import hypervolume

PRIOR = Prior((0.0, 1.5), noise=(-4.0, 2.0))


def slow_kernel(a: FloatArray, b: FloatArray, scale: float) -> FloatArray:
    found = np.empty((len(a), len(b)))
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            r = math.sqrt(5.0 * sum((x - y) ** 2))
            found[i, j] = scale * (1.0 + r + r * r / 3.0) * math.exp(-r)
    return found


def data_of(seed: int, n: int = 12) -> tuple[Data, FloatArray]:
    """Observations of 4 features in 3 groups, and some parameters."""
    rng = np.random.default_rng(seed)
    features = rng.random((n, 4))
    values = np.sin(5.0 * features[:, 0]) + features[:, 1] ** 2 + 0.1 * rng.normal(size=n)
    data = Data(features, np.array([0, 1, 2, 2]), values, 0.1 * rng.random(n))
    return data, rng.normal([-1.0, -1.0, -1.0, 0.0, -4.0], 0.5)


def slope_of(function: Callable[[FloatArray], float], x: FloatArray, h: float = 1e-5) -> FloatArray:
    found = np.empty(len(x))
    for j in range(len(x)):
        step = np.zeros(len(x))
        step[j] = h
        found[j] = (function(x + step) - function(x - step)) / (2.0 * h)
    return found


def covariance(data: Data, log: FloatArray) -> FloatArray:
    x = fit.scaled(data.features, data.groups, log[:-2])
    noise = np.diag(math.exp(log[-1]) + data.extra)
    return slow_kernel(x, x, math.exp(log[-2])) + noise


class TestKernel:
    def test_it_is_its_definition(self) -> None:
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(5, 3)), rng.normal(size=(7, 3))
        assert np.allclose(matern(squared_distances(a, b))[0], slow_kernel(a, b, 1.0), atol=1e-12)

    def test_the_slope_is_that_over_the_squared_distance(self) -> None:
        r2 = np.linspace(0.01, 9.0, 50)
        up, down = matern(r2 + 1e-6)[0], matern(r2 - 1e-6)[0]
        assert np.allclose(matern(r2.copy())[1], (up - down) / 2e-6, atol=1e-8)


class TestFit:
    @pytest.mark.parametrize("seed", range(3))
    def test_badness_is_minus_the_log_density(self, seed: int) -> None:
        data, log = data_of(seed)
        # with the prior of the mean integrated out at its best value, as an explicit parameter
        c = covariance(data, log)
        inverse = np.linalg.inv(c)
        mean = inverse.sum(axis=0) @ data.values / (inverse.sum() + 1.0)
        away = data.values - mean
        expected = 0.5 * (away @ inverse @ away + np.linalg.slogdet(c)[1] + mean**2)
        expected += 0.5 * (np.square(log[:3] / 1.5).sum() + log[3] ** 2 + ((log[4] + 4) / 2) ** 2)
        assert fit.badness(data, log, PRIOR)[0] == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize("seed", range(3))
    def test_its_gradient_is_exact(self, seed: int) -> None:
        data, log = data_of(seed)
        numeric = slope_of(lambda p: fit.badness(data, p, PRIOR)[0], log)
        assert np.allclose(fit.badness(data, log, PRIOR)[1], numeric, rtol=1e-5, atol=1e-6)

    def test_settling_finds_what_the_values_depend_on(self) -> None:
        rng = np.random.default_rng(1)
        x = rng.random((60, 3))
        y = np.sin(8.0 * x[:, 0])
        data = Data(x, np.arange(3), (y - y.mean()) / y.std(), np.zeros(60))
        found = fit.settle(data, PRIOR, np.array([-0.5, -0.5, -0.5, 0.0, -4.0]), 40)
        assert found.log[0] < found.log[1:3].min() - 1.0
        assert found.log[4] < -8.0  # there is no noise

    def test_without_noise_none_is_fitted(self) -> None:
        data, log = data_of(4)
        exact = Prior((0.0, 1.5), noise=None)
        assert fit.settle(data, exact, log, 10).log[-1] == math.log(exact.least_noise)

    def test_the_spread_is_the_inverse_of_the_curvature_but_no_wider_than_1(self) -> None:
        data, log = data_of(5, n=30)
        at = fit.settle(data, PRIOR, log, 100).log
        rows = [
            slope_of(lambda p, j=j: fit.badness(data, p, PRIOR)[1][j], at, 1e-3) for j in range(5)
        ]
        values, vectors = np.linalg.eigh(np.array(rows))
        expected = vectors @ np.diag(1.0 / np.maximum(values, 1.0)) @ vectors.T
        root = fit.spread(data, PRIOR, at)
        assert np.allclose(root @ root.T, expected, atol=0.05)
        assert (np.linalg.eigvalsh(root @ root.T) < 1.0 + 1e-9).all()

    def test_drawn_parameters_keep_to_their_bounds(self) -> None:
        exact = Prior((0.0, 1.5), noise=None)
        found = fit.drawn(exact, np.zeros(5), np.eye(5), np.array([9.0, -9.0, 0.5, 0.0, 1.0]))
        least = math.log(exact.least_noise)
        assert found.tolist() == [math.log(100.0), math.log(0.01), 0.5, 0.0, least]

    def test_leaving_one_out_is_what_the_others_say(self) -> None:
        data, log = data_of(2)
        solved = fit.solved(data, log)
        means, variances = fit.left_out(solved, data.values)
        c = covariance(data, log)
        for i in range(len(data.values)):
            rest = np.delete(np.arange(len(data.values)), i)
            pull = np.linalg.solve(c[np.ix_(rest, rest)], c[rest, i])
            mean = solved.mean + pull @ (data.values[rest] - solved.mean)
            assert means[i] == pytest.approx(mean)
            assert variances[i] == pytest.approx(c[i, i] - pull @ c[rest, i])

    def test_equal_points_are_no_obstacle(self) -> None:
        same = Data(np.zeros((20, 2)), np.arange(2), np.linspace(-1, 1, 20), np.zeros(20))
        log = np.array([0.0, 0.0, 4.0, math.log(1e-14)])
        assert np.isfinite(fit.solved(same, log).alpha).all()


class TestPosterior:
    def test_prediction_is_its_definition(self) -> None:
        data, log = data_of(3)
        process = posterior.posterior(data, log)
        at = np.random.default_rng(1).random((6, 4))
        found = process.at(at)
        c = covariance(data, log)
        across = slow_kernel(
            fit.scaled(at, data.groups, log[:-2]), process.points, math.exp(log[-2])
        )
        means = process.mean + across @ np.linalg.solve(c, data.values - process.mean)
        rest = math.exp(log[-2]) - np.einsum("ij,ij->i", across, np.linalg.solve(c, across.T).T)
        assert np.allclose(found.means[:, 0], means)
        assert np.allclose(found.variance, rest)
        assert np.allclose(process.means(at), found.means)

    def test_gradients_are_exact(self) -> None:
        data, log = data_of(5)
        process = posterior.posterior(data, log)
        process = process._replace(alphas=np.concatenate([process.alphas, -process.alphas], axis=1))
        at = np.random.default_rng(2).random((3, 4))
        weights = np.array([[1.0, 0.3], [0.2, 2.0], [-1.0, 0.0]])
        by_variance = np.array([0.7, -2.0, 1.0])
        found = process.at(at).gradient(weights, by_variance)
        for i in range(3):

            def function(x: FloatArray, i: int = i) -> float:
                one = process.at(x[None])
                return float(one.means[0] @ weights[i] + by_variance[i] * one.variance[0])

            assert np.allclose(found[i], slope_of(function, at[i]), rtol=1e-5, atol=1e-6)

    def test_adding_observations_is_starting_with_them(self) -> None:
        data, log = data_of(6)
        first = Data(data.features[:8], data.groups, data.values[:8], data.extra[:8])
        grown = posterior.with_more(
            posterior.posterior(first, log), data.features[8:], data.extra[8:], data.values
        )
        at = np.random.default_rng(3).random((5, 4))
        whole, found = posterior.posterior(data, log).at(at), grown.at(at)
        assert np.allclose(found.means, whole.means)
        assert np.allclose(found.variance, whole.variance)

    def test_dreams_are_joint_draws(self) -> None:
        data, log = data_of(7)
        known = posterior.posterior(data, log)
        at = np.random.default_rng(4).random((3, 4))
        draws = np.random.default_rng(5).normal(size=(3, 4000))
        dreamt = posterior.with_dreams(known, at, draws).means(at)  # (q, S)
        before = known.at(at)
        assert np.allclose(dreamt.mean(axis=1), before.means[:, 0], atol=0.05)
        assert np.allclose(dreamt.var(axis=1), before.variance, rtol=0.1)
        after = posterior.with_dreams(known, at, np.zeros((3, 1))).at(at)
        assert (after.variance < 0.01 * math.exp(log[-2])).all()
        assert np.allclose(after.means, before.means)


class TestImprovement:
    def test_h_is_its_definition_where_that_can_be_computed(self) -> None:
        z = np.linspace(-5.0, 8.0, 200)
        density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        mass = np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in z])
        log, mass_share, density_share = improvement.log_h(z)
        assert np.allclose(log, np.log(density + z * mass), rtol=1e-9, atol=1e-12)
        assert np.allclose(mass_share, mass / np.exp(log), rtol=1e-8)
        assert np.allclose(density_share, density / np.exp(log), rtol=1e-8)

    def test_h_has_no_break_and_the_right_slope_anywhere(self) -> None:
        z = np.concatenate([-np.geomspace(1e6, 0.01, 400), np.linspace(0.0, 30.0, 100)])
        step = 1e-6 * np.maximum(1.0, np.abs(z))
        up, down = improvement.log_h(z + step)[0], improvement.log_h(z - step)[0]
        assert np.allclose((up - down) / (2 * step), improvement.log_h(z)[1], rtol=2e-3)
        assert np.isfinite(improvement.log_h(np.array([-1e12, 1e12]))).all()

    @pytest.mark.parametrize("mean", [-1.0, 0.5, 30.0])
    def test_improvement_over_versions_and_its_slopes(self, mean: float) -> None:
        means, best = np.array([[mean, mean + 0.3]]), np.array([0.0, 0.2])

        def function(x: FloatArray) -> float:
            found = improvement.log_improvement(x[None, :2], x[2:], best)
            return float(found.log[0])

        found = improvement.log_improvement(means, np.array([0.6]), best)
        numeric = slope_of(function, np.array([mean, mean + 0.3, 0.6]))
        assert np.allclose(found.by_means[0], numeric[:2], rtol=1e-5, atol=1e-8)
        assert np.allclose(found.by_variance, numeric[2], rtol=1e-5, atol=1e-8)

    @pytest.mark.parametrize("mean", [-3.0, 0.5, 1e3, 1e5])
    def test_chance_and_its_slopes(self, mean: float) -> None:
        found = improvement.log_chance(np.array([[mean]]), np.array([0.5]))
        if mean < 1:
            expected = 0.5 * math.erfc(mean / math.sqrt(2.0 * 0.5))
            assert found.log[0] == pytest.approx(math.log(expected))

        def function(x: FloatArray) -> float:
            return float(improvement.log_chance(x[None, :1], x[1:]).log[0])

        numeric = slope_of(function, np.array([mean, 0.5]))
        assert found.by_means[0, 0] == pytest.approx(numeric[0], rel=1e-3)
        assert found.by_variance[0] == pytest.approx(numeric[1], rel=1e-3)

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 6))
    def test_boxes_are_what_is_not_dominated(self, seed: int, m: int, n: int) -> None:
        rng = np.random.default_rng(seed)
        points = np.round(rng.random((n, m)), 1)
        front = points[
            [not (((q <= p).all(1)) & ((q < p).any(1))).any() for p in points for q in [points]]
        ]
        front = np.unique(front, axis=0)
        lower, upper = improvement.corners(front, np.full(m, 1.5))
        probes = rng.random((200, m)) * 1.5
        inside = ((probes[:, None] > lower) & (probes[:, None] < upper)).all(axis=2).sum(axis=1)
        free = ~(front[None] <= probes[:, None]).all(axis=2).any(axis=1)
        assert (inside == free).all()
        volume = np.prod(upper - np.maximum(lower, -1.0), axis=1).sum()
        assert volume == pytest.approx(2.5**m - hypervolume(front, np.full(m, 1.5)))

    @pytest.mark.parametrize("m", [2, 3])
    def test_expected_growth_of_volume_is_the_mean_of_the_growth(self, m: int) -> None:
        rng = np.random.default_rng(m)
        front = np.array([[0.1, 0.8, 0.5], [0.4, 0.4, 0.4], [0.8, 0.1, 0.6]])[:, :m]
        reference = np.ones(m)
        among = improvement.boxes(front, reference)
        mean, variance = np.full((1, m), 0.5), np.full((1, m), 0.04)
        log, by_means, by_variances = improvement.log_volume(mean, variance, among)
        drawn = mean + np.sqrt(variance) * rng.normal(size=(4000, m))
        before = hypervolume(front, reference)
        grown = [
            hypervolume(np.vstack([front, np.minimum(x, reference)]), reference) - before
            for x in drawn
        ]
        assert math.exp(log[0]) == pytest.approx(np.mean(grown), rel=0.06)

        def function(x: FloatArray) -> float:
            return float(improvement.log_volume(x[None, :m], x[None, m:], among)[0][0])

        numeric = slope_of(function, np.concatenate([mean[0], variance[0]]))
        assert np.allclose(by_means[0], numeric[:m], rtol=1e-5)
        assert np.allclose(by_variances[0], numeric[m:], rtol=1e-5)

    def test_growth_far_from_the_front_has_a_slope(self) -> None:
        among = improvement.boxes(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([2.0, 2.0]))
        log, by_means, _ = improvement.log_volume(
            np.array([[50.0, 60.0]]), np.array([[0.01, 0.01]]), among
        )
        assert np.isfinite(log).all()
        assert (by_means < 0).all()


class TestClimb:
    def test_all_starts_reach_the_top_within_the_bounds(self) -> None:
        units = np.array([1.0, 10.0, 0.1])
        top = np.array([0.3, -2.0, 0.5])

        def function(x: FloatArray) -> tuple[FloatArray, FloatArray]:
            away = (x - top) * units
            return -0.5 * (away**2).sum(axis=1), -away * units

        low = np.tile([-1.0, -1.0, -1.0], (4, 1))
        starts = np.random.default_rng(0).uniform(-1, 1, (4, 3))
        x, values = climb(function, starts, low, -low, 100, least=1e-9, rise=0.0)
        assert np.allclose(x, [0.3, -1.0, 0.5], atol=1e-4)
        assert np.allclose(values, function(x)[0])

    def test_it_never_goes_down(self) -> None:
        def function(x: FloatArray) -> tuple[FloatArray, FloatArray]:
            return np.sin(40 * x).sum(axis=1), 40 * np.cos(40 * x)

        starts = np.random.default_rng(1).random((20, 2))
        bounds = np.zeros((20, 2))
        x, values = climb(function, starts, bounds, bounds + 1.0, 30)
        assert (values >= function(starts)[0]).all()
        assert values.mean() > 1.9
        assert ((x >= 0) & (x <= 1)).all()


class TestWarp:
    @given(st.floats(-0.5, 2.0), st.floats(0.3, 2.0))
    def test_bending_keeps_the_order_and_is_smooth_at_0(self, above: float, below: float) -> None:
        z = np.linspace(-5, 5, 400)
        image = bent(z, above, below)
        assert (np.diff(image) > 0).all()
        small = np.array([-1e-6, 0.0, 1e-6])
        assert np.allclose(bent(small, above, below), small, rtol=1e-5)

    def test_its_log_slope_is_exact_up_to_the_unit(self) -> None:
        values = np.random.default_rng(0).normal(size=50) ** 3
        for warp in warps(values, (1.0, 1.6)):
            numeric = (warp(values + 1e-7) - warp(values - 1e-7)) / 2e-7
            assert np.allclose(np.exp(warp.log_slope(values)) / warp.unit, numeric, rtol=1e-4)

    def test_images_are_moderate_even_if_one_value_is_not(self) -> None:
        values = np.array([*np.linspace(0, 1, 30), 1e9])
        image = warps(values, (1.0,))[0](values)
        assert image.std() == pytest.approx(1.0)
        assert abs(image.mean()) < 1e-9
        assert image[:30].std() > 0.3

    def test_equal_values_are_no_obstacle(self) -> None:
        for warp in warps(np.full(5, 3.0), (1.0, 1.6)):
            assert np.isfinite(warp(np.array([3.0, 4.0]))).all()

    def test_the_two_sided_log_keeps_the_sign(self) -> None:
        values = np.array([-1e6, -1.0, 0.0, 2.0])
        assert (np.sign(two_sided_log(values, 0.5)) == np.sign(values)).all()
