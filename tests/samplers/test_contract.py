"""Every sampler keeps the contract, and those that learn find more than random search."""

from typing import Any

import pytest

from skipjack.samplers import (
    BaseSampler,
    GridSampler,
    PartialFixedSampler,
    RandomSampler,
    TPESampler,
)
from skipjack.testing.problems import every_kind
from skipjack.testing.samplers import MakeSampler, SamplerContract, SamplerQuality, sign_test

pytestmark = pytest.mark.filterwarnings("ignore::skipjack.errors.ExperimentalWarning")


def of_grid(trial: Any) -> float:
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    return float(trial.suggest_int("n", 0, 20) + trial.suggest_float("x", 0, 1) * "abc".index(kind))


class TestRandom(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: RandomSampler(seed=seed)


class TestTPE(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: TPESampler(seed=seed)


class TestTPEOneByOne(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: TPESampler(seed=seed, multivariate=False)


class TestTPEWithConstraintsApart(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: TPESampler(seed=seed, constraint_model="independent")


class TestPartialFixed(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: PartialFixedSampler({"step": 0.5}, TPESampler(seed=seed))


class TestGrid(SamplerContract):
    objective = staticmethod(of_grid)
    any_space = False

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        grid = {"kind": ["a", "b", "c"], "n": list(range(20)), "x": [0.25, 0.75]}
        return lambda seed: GridSampler(grid, seed=seed)


class Own(BaseSampler):
    """As a user might write one: with a state, by Optuna's methods."""

    def __init__(self, seed: int) -> None:
        self.inner = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
        return {}

    def sample_independent(self, study: Any, trial: Any, name: Any, dist: Any) -> Any:
        return self.inner.sample_independent(study, trial, name, dist)


class TestOwn(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return Own


class TestQualityOfTPE(SamplerQuality):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: TPESampler(seed=seed)


class TestQualityOfTPEOneByOne(SamplerQuality):
    conditional = False  # without a joint model it settles for the safe branch in half of the runs

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: TPESampler(seed=seed, multivariate=False)


@pytest.mark.slow
class TestQualityOfTPEAtScale(SamplerQuality):
    n_trials = 200
    n_seeds = 60
    level = 1e-9

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: TPESampler(seed=seed)


class TestTheContractItself:
    """What breaks a rule must not pass."""

    def test_chance_does_not_pass_for_quality(self) -> None:
        assert sign_test(10, 20) > 0.5
        assert sign_test(20, 20) == 2**-20
        with pytest.raises(AssertionError, match="runs"):
            TestQualityOfTPE().test_it_beats_random_search(
                lambda seed: RandomSampler(seed=seed + 1000), of_grid
            )

    def test_a_value_outside_its_range_is_noticed(self) -> None:
        class Outside(Own):
            def sample_independent(self, study: Any, trial: Any, name: Any, dist: Any) -> Any:
                value = super().sample_independent(study, trial, name, dist)
                return value + 100 if name == "float" else value

        with pytest.raises((AssertionError, ValueError)):
            TestOwn().test_values_lie_in_their_distributions(Outside, every_kind)

    def test_a_state_that_studies_share_is_noticed(self) -> None:
        class Counting(Own):
            def sample_independent(self, study: Any, trial: Any, name: Any, dist: Any) -> Any:
                self.inner = RandomSampler(seed=self.inner._seed + 1)  # type: ignore[operator]  # never None
                return super().sample_independent(study, trial, name, dist)

        with pytest.raises(AssertionError):
            TestOwn().test_studies_that_share_a_sampler_do_not_influence_each_other(Counting)
