"""The front that is kept up to date is the one computed afresh."""

import numpy as np
import pytest

from skipjack.numerics import pareto
from skipjack.records.fronts import FrontFold
from skipjack.records.states import StudyDirection, TrialState
from tests.histories import Past


@pytest.mark.parametrize("feasible_only", [True, False])
def test_the_front_follows_the_trials(feasible_only: bool) -> None:
    past = Past(StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE)
    rng, fold = np.random.default_rng(0), FrontFold(feasible_only)
    for number in range(200):
        state = rng.choice([TrialState.COMPLETE] * 4 + [TrialState.FAIL])
        values = rng.integers(0, 9, 3).astype(float).tolist()
        past.add(
            {},
            None if state == TrialState.FAIL else values,
            TrialState(state),
            system={"constraints:c": float(rng.integers(-1, 2))},
        )
        if number % 7 and number < 190:
            continue
        history = past.history
        chosen = history.states == TrialState.COMPLETE
        rows = np.flatnonzero(chosen & history.feasible if feasible_only else chosen)
        front = rows[pareto.is_front(history.losses[rows])]
        assert sorted(history.derived(fold).tags) == front.tolist()
