"""Any course of events on a storage, against the same on a storage in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from skipjack.errors import UpdateFinishedTrialError
from skipjack.records.frozen import FrozenTrial, create_trial
from skipjack.records.states import StudyDirection, TrialState
from skipjack.storages import BaseStorage, InMemoryStorage
from skipjack.testing.logs import JSON, bits

MINIMIZE, MAXIMIZE = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
RUNNING, WAITING = TrialState.RUNNING, TrialState.WAITING
COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL

DISTRIBUTIONS: dict[str, tuple[BaseDistribution, float]] = {
    "float": (FloatDistribution(-5, 5), 1 / 3),
    "log": (FloatDistribution(1e-9, 1e9, log=True), 1e-7),
    "step": (FloatDistribution(0, 1, step=0.1), 0.3),
    "int": (IntDistribution(0, 2**53), 2.0**53 - 1),
    "choice": (CategoricalDistribution((None, True, 1, 1.5, "a")), 2.0),
}
Reopen = Callable[[], BaseStorage]


def told(trial: FrozenTrial) -> dict[str, Any]:
    """All of a trial that is the same in every storage, in a form that can be compared."""
    return {
        "number": trial.number,
        "state": trial.state,
        "values": bits(trial.values),
        "params": [(name, type(value), bits(value)) for name, value in trial.params.items()],
        "distributions": trial.distributions,
        "user": bits(trial.user_attrs),
        "system": bits(trial.system_attrs),
        "reports": bits(trial.intermediate_values),
        "started": trial.datetime_start is not None,
        "ended": trial.datetime_complete is not None,
    }


def all_told(storage: BaseStorage, study: int) -> list[dict[str, Any]]:
    """All trials of a study in that form."""
    return [told(trial) for trial in storage.get_all_trials(study)]


class StorageMachine(RuleBasedStateMachine):
    """Random calls on a storage, each made on a storage in memory too: both must say the same."""

    def __init__(self, storage: BaseStorage, reopen: Reopen, name: str) -> None:
        super().__init__()
        self.pair = (storage, InMemoryStorage())
        self.reopen = reopen
        self.studies = [s.create_new_study([MAXIMIZE], name) for s in self.pair]
        self.trials: list[tuple[int, int]] = []

    def _both(self, method: str, *ids: Any) -> None:
        """Call a method of both; `ids` begin with a pair of ids."""
        outcomes = []
        for storage, own, *rest in zip(self.pair, ids[0], *([a, a] for a in ids[1:]), strict=True):
            try:
                outcomes.append(getattr(storage, method)(own, *rest))
            except (KeyError, ValueError, UpdateFinishedTrialError) as error:
                outcomes.append(type(error))
        assert outcomes[0] == outcomes[1]

    def _trial(self, pick: int) -> tuple[int, int] | None:
        return self.trials[pick % len(self.trials)] if self.trials else None

    picks = st.integers(0, 5)
    keys = st.sampled_from(["a", "b", "constraints:c"])

    @rule(state=st.sampled_from([None, WAITING, COMPLETE, FAIL]), value=st.floats(allow_nan=False))
    def create(self, state: TrialState | None, value: float) -> None:
        """Start a trial, or put one in."""
        template = None
        if state is not None:
            template = create_trial(state=state, value=value if state is COMPLETE else None)
        made = [s.create_new_trial(i, template) for s, i in zip(self.pair, self.studies)]
        self.trials.append((made[0], made[1]))

    @rule(pick=picks, name=st.sampled_from(list(DISTRIBUTIONS)), kind=st.integers(0, 9))
    def suggest(self, pick: int, name: str, kind: int) -> None:
        """Set a parameter, now and then of the wrong kind."""
        dist, value = DISTRIBUTIONS["int" if kind == 0 else name]
        if trial := self._trial(pick):
            self._both("set_trial_param", trial, name, value, dist)

    @rule(pick=picks, step=st.integers(0, 3), value=st.floats())
    def report(self, pick: int, step: int, value: float) -> None:
        """Report a value."""
        if trial := self._trial(pick):
            self._both("set_trial_intermediate_value", trial, step, value)

    @rule(pick=picks, key=keys, value=JSON, number=st.floats(allow_nan=False), user=st.booleans())
    def attach(self, pick: int, key: str, value: Any, number: float, user: bool) -> None:
        """Set an attribute."""
        method = "set_trial_user_attr" if user else "set_trial_system_attr"
        if trial := self._trial(pick):
            self._both(method, trial, key, number if key.startswith("constraints") else value)

    @rule(key=keys, value=JSON)
    def attach_to_study(self, key: str, value: Any) -> None:
        """Set an attribute of the study."""
        self._both("set_study_user_attr", self.studies, key, value)

    @rule(pick=picks, state=st.sampled_from(TrialState), value=st.floats(allow_nan=False))
    def move(self, pick: int, state: TrialState, value: float) -> None:
        """Set a state."""
        if trial := self._trial(pick):
            values = [value] if state in (COMPLETE, PRUNED) else None
            self._both("set_trial_state_values", trial, state, values)

    @rule()
    def compare(self) -> None:
        """Compare all that can be read."""
        model = all_told(self.pair[1], self.studies[1])
        for storage in (self.pair[0], self.reopen()):
            assert all_told(storage, self.studies[0]) == model
            views = [(storage, self.studies[0]), (self.pair[1], self.studies[1])]
            attrs = [bits(s.get_study_user_attrs(i)) for s, i in views]
            assert attrs[0] == attrs[1]
            counts = [[s.get_n_trials(i, state) for state in TrialState] for s, i in views]
            assert counts[0] == counts[1]
            best = []
            for one, study in views:
                try:
                    best.append(one.get_best_trial(study).number)
                except ValueError:
                    best.append(-1)
            assert best[0] == best[1]

    def teardown(self) -> None:
        """Compare once more."""
        self.compare()
