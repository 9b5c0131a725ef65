"""What is noise of the folds: the corrected test, the gain over a reference, the one-error rule."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skipjack.model_selection import noise

FOLDS = [0.03, 0.01, 0.04, -0.01, 0.02]
finite = st.floats(-1e3, 1e3)


def test_without_common_training_data_it_is_the_usual_t_test() -> None:
    ours = noise.corrected_t_test(FOLDS, 0.0)
    theirs = stats.ttest_1samp(FOLDS, 0.0)
    assert ours.t == pytest.approx(theirs.statistic)
    assert ours.p_value == pytest.approx(theirs.pvalue)
    low, high = theirs.confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((low, high))


def test_the_error_grows_by_the_share_of_the_test_set() -> None:
    plain = noise.corrected_standard_error(FOLDS, 0.0)
    assert noise.corrected_standard_error(FOLDS, 0.25) == pytest.approx(
        plain * math.sqrt(0.45 / 0.2)
    )


@given(st.lists(finite, min_size=2, max_size=20), st.floats(0, 1))
def test_the_sign_does_not_matter(differences: list[float], ratio: float) -> None:
    one = noise.corrected_t_test(differences, ratio)
    other = noise.corrected_t_test([-d for d in differences], ratio)
    assert one.p_value == pytest.approx(other.p_value)
    assert one.difference == pytest.approx(-other.difference)
    assert 0.0 <= one.p_value <= 1.0


def test_equal_models_are_equal_and_constant_differences_certain() -> None:
    assert noise.corrected_t_test([0.0] * 5, 0.25).p_value == 1.0
    assert noise.corrected_t_test([0.5] * 5, 0.25).p_value == 0.0


@pytest.mark.parametrize("folds", [[0.5], [], [0.1, math.nan]])
def test_too_little_is_known_of_one_fold_or_of_nan(folds: list[float]) -> None:
    assert math.isnan(noise.corrected_t_test(folds, 0.25).p_value)


def test_the_corrected_test_keeps_its_level_where_the_plain_one_does_not() -> None:
    """Two models that are equal: scores of folds that share a training part."""
    rng = np.random.default_rng(0)
    plain = corrected = 0
    for _ in range(400):
        shared = rng.normal(scale=math.sqrt(0.2))  # correlation 0.2 = n_test / (n_test + n_train)
        differences = shared + rng.normal(scale=math.sqrt(0.8), size=5)
        plain += noise.corrected_t_test(differences, 0.0).p_value < 0.05
        corrected += noise.corrected_t_test(differences, 0.25).p_value < 0.05
    assert plain / 400 > 0.08
    assert corrected / 400 < 0.07


def test_holm_adjusts_in_steps_and_leaves_nan() -> None:
    assert noise.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    adjusted = noise.holm([0.6, math.nan, 0.9])
    assert adjusted[0] == 1.0 and math.isnan(adjusted[1]) and adjusted[2] == 1.0


def test_a_gain_below_the_noise_is_said_to_be_noise() -> None:
    small = noise.gain_over([0.91, 0.89, 0.92], [0.90, 0.91, 0.90], 0.5)
    large = noise.gain_over([0.91, 0.89, 0.92], [0.80, 0.80, 0.80], 0.5)
    assert small.is_noise and not large.is_noise
    assert "no more than the noise" in small.text
    assert large.gain == pytest.approx(0.32 / 3)
    assert not noise.gain_over([0.91, 0.89, 0.92], [0.90, 0.91, 0.90], 0.5, errors=0.0).is_noise


def test_a_gain_over_itself_is_noise_and_an_unknown_one_is_not_called_so() -> None:
    assert noise.gain_over(FOLDS, FOLDS, 0.25).is_noise
    unknown = noise.gain_over([math.nan, 1.0], [0.0, 0.0], 0.25)
    assert not unknown.is_noise and "cannot be judged" in unknown.text


def test_folds_must_be_the_same() -> None:
    with pytest.raises(ValueError, match="`reference` must have 3 scores like `candidate`"):
        noise.gain_over([1.0, 2.0, 3.0], [1.0], 0.25)


SCORES = np.array([[0.90, 0.94, 0.92], [0.91, 0.93, 0.91], [0.80, 0.80, 0.80]])


def test_the_simplest_within_one_error_is_taken() -> None:
    assert noise.one_standard_error(SCORES, [3, 2, 1]) == 1
    assert noise.one_standard_error(SCORES, [3, 2, 1], errors=0.0) == 0
    assert noise.one_standard_error(SCORES, [3, 2, 1], errors=100.0) == 2


def test_of_equally_simple_ones_the_better_is_taken() -> None:
    assert noise.one_standard_error(SCORES[[1, 0]], [1, 1]) == 1


def test_candidates_that_failed_are_left_out() -> None:
    scores = SCORES.copy()
    scores[1, 1] = math.nan
    assert noise.one_standard_error(scores, [3, 2, 1]) == 0
    with pytest.raises(ValueError, match="finite score on every fold"):
        noise.one_standard_error(np.full((2, 3), math.nan), [1, 2])


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="`ratio` must be finite"):
        noise.corrected_standard_error(FOLDS, -1.0)
    with pytest.raises(ValueError, match="`complexity` must have one number"):
        noise.one_standard_error(SCORES, [1, 2])
    with pytest.raises(ValueError, match="`scores` must be a table"):
        noise.one_standard_error(np.array([1.0]), [1])
    with pytest.raises(ValueError, match="`errors` must not be negative"):
        noise.gain_over(FOLDS, FOLDS, 0.25, errors=-1)
    with pytest.raises(ValueError, match="`differences` must have one dimension"):
        noise.corrected_t_test(SCORES, 0.25)
