"""Every importance evaluator does what they do; and the contract notices when one does not."""

from typing import Any

import pytest

import skipjack
from skipjack.importance import (
    FanovaImportanceEvaluator,
    MeanDecreaseImpurityImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    ShapleyImportanceEvaluator,
)
from skipjack.testing.importance import ImportanceContract

FORESTS = {
    "fanova": FanovaImportanceEvaluator,
    "impurity": MeanDecreaseImpurityImportanceEvaluator,
    "shapley": ShapleyImportanceEvaluator,
}


@pytest.fixture(autouse=True)
def quiet() -> Any:
    before = skipjack.logging.get_verbosity()
    skipjack.logging.set_verbosity(skipjack.logging.ERROR)
    yield
    skipjack.logging.set_verbosity(before)


class TestPedAnova(ImportanceContract):
    several_objectives = True
    conditional = True

    @pytest.fixture
    def evaluator(self) -> Any:
        return PedAnovaImportanceEvaluator


@pytest.mark.parametrize("evaluator", FORESTS.values(), ids=FORESTS)
class TestForests(ImportanceContract):
    pass


class Signed(skipjack.importance.BaseImportanceEvaluator):
    """Broken on purpose: figures depend on the sign of the values."""

    def evaluate(self, study: Any, params: Any = None, *, target: Any = None) -> dict[str, float]:
        found = PedAnovaImportanceEvaluator().evaluate(study, params, target=target)
        factor = 2.0 if sum(trial.value or 0 for trial in study.trials) > 0 else 1.0
        return {name: factor * figure for name, figure in found.items()}


class Forgetful(skipjack.importance.BaseImportanceEvaluator):
    """Broken on purpose: `params` has no effect."""

    def evaluate(self, study: Any, params: Any = None, *, target: Any = None) -> dict[str, float]:
        return PedAnovaImportanceEvaluator().evaluate(study, target=target)


def test_the_contract_notices_what_is_broken() -> None:
    contract = ImportanceContract()
    with pytest.raises(AssertionError):
        contract.test_maximizing_is_minimizing_the_negative(Signed)
    with pytest.raises(AssertionError):
        contract.test_only_what_is_named_is_judged(Forgetful)
