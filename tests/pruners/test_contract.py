"""Every pruner does what pruners do."""

from __future__ import annotations

from typing import Any

import pytest

import skipjack
from skipjack import pruners
from skipjack.testing.pruners import PrunerContract

pytestmark = pytest.mark.filterwarnings("ignore::skipjack.exceptions.ExperimentalWarning")


@pytest.fixture(autouse=True)
def quiet() -> Any:
    before = skipjack.logging.get_verbosity()
    skipjack.logging.set_verbosity(skipjack.logging.ERROR)
    yield
    skipjack.logging.set_verbosity(before)


MANY = {
    "auto": pruners.AutoPruner,
    "hyperband": lambda: pruners.HyperbandPruner(max_resource=12),
    "hyperband, auto": pruners.HyperbandPruner,
    "halving": pruners.SuccessiveHalvingPruner,
    "median": pruners.MedianPruner,
    "nop": pruners.NopPruner,
    "patient": lambda: pruners.PatientPruner(pruners.MedianPruner(), 1),
    "percentile": lambda: pruners.PercentilePruner(25.0, n_startup_trials=2),
}


@pytest.mark.parametrize("pruner", MANY.values(), ids=MANY)
class TestOfMany(PrunerContract):
    pass


class TestThreshold(PrunerContract):
    blind = False

    @pytest.fixture
    def pruner(self) -> Any:
        return lambda: pruners.ThresholdPruner(upper=8.0)


class TestWilcoxon(PrunerContract):
    several_objectives = False

    @pytest.fixture
    def pruner(self) -> Any:
        return pruners.WilcoxonPruner


class TestRacing(PrunerContract):
    several_objectives = False

    @pytest.fixture
    def pruner(self) -> Any:
        return pruners.RacingPruner


class TestOfOneObjective(PrunerContract):
    @pytest.fixture
    def pruner(self) -> Any:
        return lambda: pruners.MetricPruner(pruners.MedianPruner(), 0)


class Third(pruners.BasePruner):
    """Of a user: stops every third trial at its second step."""

    def prune(self, study: Any, trial: Any) -> bool:
        return bool(trial.number % 3 == 2 and len(trial.intermediate_values) == 2)


class TestOfAUser(PrunerContract):
    @pytest.fixture
    def pruner(self) -> Any:
        return Third


class Forgetful(pruners.BasePruner):
    """Breaks the contract: what it decides depends on what it was asked before."""

    def __init__(self) -> None:
        self.asked = 0

    def prune(self, study: Any, trial: Any) -> bool:
        self.asked += 1
        return self.asked % 50 == 0


def test_the_contract_bites() -> None:
    class Broken(PrunerContract):
        pass

    with pytest.raises(AssertionError):
        Broken().test_studies_do_not_see_each_other(Forgetful)

    class Downhill(pruners.BasePruner):
        def prune(self, study: Any, trial: Any) -> bool:
            return bool(trial.intermediate_values[trial.last_step] > 2.5)

    with pytest.raises(AssertionError):
        Broken().test_directions_are_mirror_images(Downhill)
