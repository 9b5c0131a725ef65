"""Distributions of every kind, as hypothesis draws them, and short names for them."""

from __future__ import annotations

import math
import warnings
from decimal import Decimal

from hypothesis import strategies as st

from skipjack.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

NAN, INF = math.nan, math.inf
Float, Int, Categorical = FloatDistribution, IntDistribution, CategoricalDistribution

finite = st.floats(-1e300, 1e300)
places = st.floats(0, 1, exclude_max=True)
choices = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)


@st.composite
def floats(draw: st.DrawFn) -> FloatDistribution:
    low, high = sorted((draw(finite), draw(finite)))
    return Float(low, high)


@st.composite
def log_floats(draw: st.DrawFn) -> FloatDistribution:
    positive = st.floats(1e-300, 1e300)
    low, high = sorted((draw(positive), draw(positive)))
    return Float(low, high, log=True)


@st.composite
def stepped_floats(draw: st.DrawFn) -> FloatDistribution:
    """Bounds and steps of few decimals, as people write them, and wild ones."""
    if draw(st.booleans()):
        unit = 10.0 ** -draw(st.integers(0, 6))
        low = round(draw(st.integers(-1000, 1000)) * unit, 6)
        step = round(draw(st.integers(1, 100)) * unit, 6)
        high = float(Decimal(str(low)) + draw(st.integers(0, 1000)) * Decimal(str(step)))
        return Float(low, high, step=step)
    low, high = sorted((draw(finite), draw(finite)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Float(low, high, step=draw(st.floats(1e-300, 1e300)))


@st.composite
def ints(draw: st.DrawFn) -> IntDistribution:
    size = draw(st.sampled_from([10, 1000, 2**60]))
    low, high = sorted((draw(st.integers(-size, size)), draw(st.integers(-size, size))))
    step = draw(st.integers(1, size))
    return Int(low, low + (high - low) // step * step, step=step)


@st.composite
def log_ints(draw: st.DrawFn) -> IntDistribution:
    size = draw(st.sampled_from([10, 1000, 2**50]))
    low, high = sorted((draw(st.integers(1, size)), draw(st.integers(1, size))))
    return Int(low, high, log=True)


categoricals = st.lists(choices, min_size=1, max_size=6).map(Categorical)
distributions = st.one_of(
    floats(), log_floats(), stepped_floats(), ints(), log_ints(), categoricals
)
