"""Exceptions, states and directions of the real Optuna, known by the names of their classes."""

import enum
import sys
from types import ModuleType
from typing import Any

import pytest

from skipjack.study import MaxTrialsCallback, StudyDirection
from skipjack.trial import TrialState, create_trial
from tests.studies import a_study, told


def made_in(module: str, name: str, *bases: type, **content: Any) -> Any:
    return type(name, bases, {"__module__": module, **content})


class TheirState(enum.IntEnum):
    """Stands for the other's TrialState, and is called so below."""

    RUNNING = 0
    COMPLETE = 1
    PRUNED = 2
    FAIL = 3
    WAITING = 4


class TheirDirection(enum.IntEnum):
    """Stands for the other's StudyDirection."""

    NOT_SET = 0
    MINIMIZE = 1
    MAXIMIZE = 2


@pytest.fixture
def theirs() -> Any:
    """Something like the real Optuna, which nobody imports."""
    package = ModuleType("optuna")
    error = made_in("optuna.exceptions", "OptunaError", Exception)
    package.TrialPruned = made_in("optuna.exceptions", "TrialPruned", error)  # type: ignore[attr-defined]
    for kind, name in ((TheirState, "TrialState"), (TheirDirection, "StudyDirection")):
        kind.__name__, kind.__module__ = name, "optuna"
        setattr(package, name, kind)
    return package


def test_their_pruning_prunes(theirs: Any) -> None:
    study = a_study()
    kinds = [theirs.TrialPruned, made_in("somewhere", "Stop", theirs.TrialPruned)]

    def objective(trial: Any) -> float:
        trial.report(2.0, 1)
        raise kinds[trial.number]("why")

    study.optimize(objective, n_trials=2)
    assert [(t.state, t.value) for t in study.trials] == [(TrialState.PRUNED, 2.0)] * 2
    assert "optuna" not in sys.modules


def test_an_error_that_is_only_called_so_is_an_error() -> None:
    study = a_study()
    kind = made_in("optunax", "TrialPruned", Exception)

    def objective(trial: Any) -> float:
        raise kind

    with pytest.raises(kind):
        study.optimize(objective, n_trials=1)
    assert study.trials[0].state == TrialState.FAIL


def test_their_states_are_understood(theirs: Any) -> None:
    state = theirs.TrialState
    study = told(1.0)
    assert study.tell(study.ask(), 1.0, state.COMPLETE).state is TrialState.COMPLETE
    assert study.tell(study.ask(), state=state.FAIL).state is TrialState.FAIL
    assert study.tell(study.ask(), state=state.PRUNED).state is TrialState.PRUNED
    with pytest.raises(ValueError, match="`state` must"):
        study.tell(study.ask(), 1.0, state.RUNNING)
    for states in ((state.COMPLETE,), {state.COMPLETE}):
        assert len(study.get_trials(states=states)) == 2
    made = create_trial(state=state.PRUNED, value=1.0)
    assert made.state is TrialState.PRUNED
    study.add_trial(made)
    study.optimize(lambda t: 1.0, callbacks=[MaxTrialsCallback(4, (state.COMPLETE,))])
    assert len(study.get_trials(states=(TrialState.COMPLETE,))) == 4


def test_their_directions_are_understood(theirs: Any) -> None:
    direction = theirs.StudyDirection
    assert a_study(direction=direction.MAXIMIZE).direction is StudyDirection.MAXIMIZE
    both = [direction.MINIMIZE, direction.MAXIMIZE]
    assert a_study(directions=both).directions == [1, 2]
    with pytest.raises(ValueError, match="`direction` must"):
        a_study(direction=direction.NOT_SET)
