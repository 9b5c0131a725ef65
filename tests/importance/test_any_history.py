"""Whatever trials there were, figures are finite, or an error says why there are none."""

import itertools
import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skipjack.importance import (
    FanovaImportanceEvaluator,
    Importances,
    MeanDecreaseImpurityImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    ShapleyImportanceEvaluator,
)
from skipjack.records.history import History
from skipjack.terminator.base import past_of
from skipjack.terminator.improvement import EMMREvaluator, RegretBoundEvaluator
from tests.histories import Past, drawn_trials


@dataclass(frozen=True)
class Seen:
    """A study as far as evaluators look at it."""

    history: History


two_parts = st.tuples(drawn_trials(), drawn_trials())


def seen(trials: Iterable[list[dict[str, Any]]]) -> Seen:
    past = Past()
    for trial in itertools.chain(*trials):
        past.add(**trial)
    return Seen(past.history)


@pytest.mark.parametrize(
    "evaluator",
    [
        PedAnovaImportanceEvaluator(),
        PedAnovaImportanceEvaluator(target_quantile=0.3, evaluate_on_local=False),
        FanovaImportanceEvaluator(n_trees=4),
        MeanDecreaseImpurityImportanceEvaluator(n_trees=4),
        ShapleyImportanceEvaluator(n_trees=4),
    ],
    ids=lambda evaluator: type(evaluator).__name__,
)
@given(trials=two_parts)
@settings(max_examples=20)
def test_importances_are_finite(evaluator: Any, trials: Any) -> None:
    study = seen(trials)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "There are fewer than two")
        found = evaluator.evaluate(study)
    assert isinstance(found, Importances)
    assert all(math.isfinite(figure) and figure >= 0 for figure in found.values())
    assert found.errors.keys() == found.keys()
    assert all(math.isfinite(error) and error >= 0 for error in found.errors.values())
    if found:
        assert sum(found.normalised().values()) == pytest.approx(1)


@pytest.mark.parametrize("evaluator", [RegretBoundEvaluator(), EMMREvaluator()])
@given(trials=two_parts)
@settings(max_examples=20)
def test_improvements_are_finite(evaluator: Any, trials: Any) -> None:
    past = past_of(seen(trials))
    try:
        found = evaluator.judge(past)
    except ValueError:
        assert not len(past.losses) or not len(past.space)
        return
    assert math.isfinite(found)
    assert found > -1e-6 * max(1.0, abs(found))
