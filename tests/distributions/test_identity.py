"""Which distributions are equal, the same object, or may share a name."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import signal

import numpy as np
import pytest
from hypothesis import given

from skipjack.distributions import (
    BaseDistribution,
    UniformDistribution,
    categorical_distribution,
    check_distribution_compatibility,
    distribution_to_json,
    float_distribution,
    int_distribution,
    intern,
    interned,
    json_to_distribution,
)
from skipjack.errors import InvalidTypeError, InvalidValueError
from tests.distributions.drawn import (
    NAN,
    Categorical,
    Float,
    Int,
    distributions,
)


class TestIdentity:
    @given(distributions, distributions)
    def test_equal_means_same_content(self, a: BaseDistribution, b: BaseDistribution) -> None:
        again = json_to_distribution(distribution_to_json(a))
        assert a == again
        assert hash(a) == hash(again)
        assert (a == b) == (a.identity == b.identity)
        assert a != "a"

    @pytest.mark.parametrize("dist", [Float(0, 1), Int(0, 1), Categorical("a")])
    def test_a_distribution_cannot_be_changed(self, dist: BaseDistribution) -> None:
        name = dist.fields[-1]
        with pytest.raises(AttributeError, match="cannot be changed"):
            setattr(dist, name, 0)
        with pytest.raises(AttributeError, match="cannot be changed"):
            delattr(dist, name)
        with pytest.raises(AttributeError):
            setattr(dist, "other", 0)  # noqa: B010

    @given(distributions)
    def test_pickles_and_copies_are_equal(self, dist: BaseDistribution) -> None:
        again = pickle.loads(pickle.dumps(dist))
        assert again == dist
        assert again.at(0.3) == dist.at(0.3)
        assert copy.deepcopy(dist) is copy.copy(dist) is dist

    def test_kinds_are_kept_apart(self) -> None:
        assert Float(0, 1) != Int(0, 1)
        with pytest.warns(FutureWarning):
            assert UniformDistribution(0, 1) != Float(0, 1)


class TestInterned:
    def test_equal_arguments_give_the_identical_object(self) -> None:
        assert float_distribution(0, 1) is float_distribution(0.0, 1.0, False, None)
        assert float_distribution(0, 1, step=0.5) is intern(Float(0, 1, step=0.5))
        assert int_distribution(0, 9) is int_distribution(np.int64(0), 9.0)  # type: ignore[arg-type]
        assert categorical_distribution("ab") is categorical_distribution(["a", "b"])
        assert categorical_distribution([1, 2]) is categorical_distribution((1, 2))
        assert categorical_distribution([NAN]) is categorical_distribution([float("nan")])
        assert categorical_distribution(c for c in "ab").choices == ("a", "b")  # type: ignore[arg-type]

    @given(distributions)
    def test_interning_keeps_equality(self, dist: BaseDistribution) -> None:
        assert intern(dist) == dist
        assert intern(json_to_distribution(distribution_to_json(dist))) is intern(dist)

    def test_a_call_that_warns_warns_again(self) -> None:
        for _ in range(2):
            with pytest.warns(UserWarning):
                a = float_distribution(0, 1, step=0.3)
            with pytest.warns(UserWarning):
                b = int_distribution(0, 10, step=3)
            with pytest.warns(UserWarning):
                categorical_distribution([(1, 2)])  # type: ignore[list-item]
        assert a is intern(Float(0, 0.9, step=0.3))
        assert b is intern(Int(0, 9, step=3))

    def test_errors_are_not_remembered(self) -> None:
        for _ in range(2):
            with pytest.raises(InvalidValueError):
                float_distribution(1, 0)
            with pytest.raises(InvalidTypeError):
                categorical_distribution(3)  # type: ignore[arg-type]
            with pytest.raises(InvalidTypeError):
                float_distribution([], 0)  # type: ignore[arg-type]

    def test_ranges_that_always_change_do_not_fill_the_memory(self) -> None:
        for i in range(3 * interned._SIZE):
            float_distribution(0, 1 + i)
        gc.collect()
        assert len(interned._floats) <= interned._SIZE
        assert len(interned._known) <= 2 * interned._SIZE


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_waits_for_no_thread_of_its_parent() -> None:
    with interned._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(100)  # which ends a child that waits
            intern(Float(0, 1))
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


class TestCompatibility:
    @pytest.mark.parametrize(
        ("a", "b"),
        [
            (Float(0, 1), Float(0, 2)),
            (Float(0, 1), Float(0, 1, step=0.5)),
            (Int(0, 1), Int(5, 9, step=2)),
            (Categorical("ab"), Categorical(("a", "b"))),
        ],
    )
    def test_a_range_may_change(self, a: BaseDistribution, b: BaseDistribution) -> None:
        check_distribution_compatibility(a, b)
        assert a.family == b.family

    @pytest.mark.parametrize(
        ("a", "b"),
        [
            (Float(0, 1), Int(0, 1)),
            (Float(0.1, 1), Float(0.1, 1, log=True)),
            (Int(1, 2), Int(1, 2, log=True)),
            (Int(0, 1), Categorical([0, 1])),
        ],
    )
    def test_kind_and_scale_may_not(self, a: BaseDistribution, b: BaseDistribution) -> None:
        for old, new in ((a, b), (b, a)):
            with pytest.raises(InvalidValueError, match="must keep its kind of distribution"):
                check_distribution_compatibility(old, new)

    @pytest.mark.parametrize("new", [[2, 1], [1, 2, 3], [1], [True, 2], [1.0, 2]])
    def test_choices_may_not(self, new: list[int]) -> None:
        with pytest.raises(
            InvalidValueError,
            match=r"^CategoricalDistribution does not support dynamic value space\.",
        ):
            check_distribution_compatibility(Categorical([1, 2]), Categorical(new))
