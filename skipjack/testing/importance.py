"""What every importance evaluator must do, also one of your own.

Inherit the contract in a file that pytest collects, and say in a fixture how to make the evaluator:

    class TestMyEvaluator(ImportanceContract):
        several_objectives = False

        @pytest.fixture
        def evaluator(self):
            return lambda: MyEvaluator()
"""

from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

import pytest

from skipjack.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from skipjack.importance import BaseImportanceEvaluator, get_param_importances
from skipjack.records.frozen import FrozenTrial
from skipjack.records.states import TrialState
from skipjack.rng import stream
from skipjack.samplers import RandomSampler
from skipjack.study import Study, create_study
from skipjack.trial import create_trial

MakeEvaluator = Callable[[], BaseImportanceEvaluator]
SPACE = {
    "strong": FloatDistribution(0, 1),
    "weak": FloatDistribution(1e-3, 1, log=True),
    "count": IntDistribution(0, 9),
    "kind": CategoricalDistribution(("a", None, 3)),
    "idle": FloatDistribution(-1, 1, step=0.25),
    "fixed": FloatDistribution(2, 2),
}
ODD = {"infinite": math.inf, "minus infinite": -math.inf}


def value_of(params: Mapping[str, Any]) -> float:
    """An objective: `strong` matters most, `idle` and `fixed` not at all."""
    kind = {"a": 0.0, None: 0.3, 3: 0.6}[params["kind"]]
    small = 0.4 * math.log10(params["weak"]) + 0.02 * params["count"]
    return float(10.0 * params["strong"] ** 2 + small + kind)


def told(
    n: int,
    sign: float = 1.0,
    direction: Literal["minimize", "maximize"] = "minimize",
    flat: bool = False,
) -> Study:
    """A study with n trials, drawn evenly; the same each time."""
    study = create_study(sampler=RandomSampler(seed=0), direction=direction)
    for u in stream(0, 0, "contract").uniform(n * len(SPACE)).reshape(n, len(SPACE)).tolist():
        params = {
            name: dist.to_external_repr(dist.at(place))
            for (name, dist), place in zip(SPACE.items(), u, strict=True)
        }
        value = 1.0 if flat else sign * value_of(params)
        study.add_trial(create_trial(params=params, distributions=SPACE, value=value))
    return study


def _second(trial: FrozenTrial) -> float:
    assert trial.values is not None
    return trial.values[1]


def same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether figures are the same, up to rounding."""
    return one.keys() == other.keys() and all(
        math.isclose(figure, other[name], rel_tol=1e-6, abs_tol=1e-12)
        for name, figure in one.items()
    )


class ImportanceContract:
    """The tests of an evaluator. Fixture `evaluator`: a function that makes it.

    Attributes:
        several_objectives: Whether it takes studies with several objectives without a target.
        conditional: Whether it judges parameters that only some trials have.
    """

    several_objectives = False
    conditional = False

    @pytest.fixture
    def evaluator(self) -> MakeEvaluator:
        """Make the evaluator; every subclass says how."""
        raise LookupError("Define a fixture `evaluator` that returns a function that makes it.")

    def test_what_matters_most_comes_first_and_what_does_nothing_last(
        self, evaluator: MakeEvaluator
    ) -> None:
        found = get_param_importances(told(300), evaluator=evaluator())
        assert next(iter(found)) == "strong"
        assert found["strong"] > 0.5
        assert found["idle"] < 0.1
        assert found["fixed"] == 0.0

    def test_figures_are_sorted_and_not_negative_and_sum_to_one(
        self, evaluator: MakeEvaluator
    ) -> None:
        found = get_param_importances(told(40), evaluator=evaluator())
        assert set(found) == set(SPACE)
        assert list(found.values()) == sorted(found.values(), reverse=True)
        assert all(type(figure) is float and figure >= 0 for figure in found.values())
        assert math.isclose(sum(found.values()), 1.0)

    def test_the_same_study_gives_the_same_figures(self, evaluator: MakeEvaluator) -> None:
        study, one = told(40), evaluator()
        before = [trial.params for trial in study.trials]
        assert one.evaluate(study) == one.evaluate(study)
        assert [trial.params for trial in study.trials] == before

    def test_maximizing_is_minimizing_the_negative(self, evaluator: MakeEvaluator) -> None:
        low, high = told(60), told(60, -1.0, "maximize")
        assert same(evaluator().evaluate(low), evaluator().evaluate(high))

    @pytest.mark.parametrize("unit", [1e-30, 1e30])
    def test_units_do_not_change_shares(self, evaluator: MakeEvaluator, unit: float) -> None:
        once = get_param_importances(told(60), evaluator=evaluator())
        assert same(once, get_param_importances(told(60, unit), evaluator=evaluator()))

    @pytest.mark.parametrize("value", ODD.values(), ids=ODD)
    def test_trials_without_a_finite_value_do_not_count(
        self, evaluator: MakeEvaluator, value: float
    ) -> None:
        study = told(30)
        before = evaluator().evaluate(study)
        last = study.trials[-1]
        study.add_trial(create_trial(params=last.params, distributions=SPACE, value=value))
        study.add_trial(create_trial(state=TrialState.FAIL))
        study.add_trial(create_trial(state=TrialState.PRUNED))
        assert same(evaluator().evaluate(study), before)

    def test_a_target_is_explained_in_the_place_of_the_objective(
        self, evaluator: MakeEvaluator
    ) -> None:
        found = get_param_importances(
            told(200), evaluator=evaluator(), target=lambda trial: trial.params["idle"] ** 3
        )
        assert next(iter(found)) == "idle"

    def test_only_what_is_named_is_judged(self, evaluator: MakeEvaluator) -> None:
        study = told(30)
        assert evaluator().evaluate(study, []) == {}
        assert set(evaluator().evaluate(study, ["idle", "kind"])) == {"idle", "kind"}
        with pytest.raises(ValueError, match="nowhere"):
            evaluator().evaluate(study, ["idle", "nowhere"])

    def test_studies_that_say_nothing(self, evaluator: MakeEvaluator) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert get_param_importances(told(0), evaluator=evaluator()) == {}
            one = get_param_importances(told(1), evaluator=evaluator())
        assert set(one.values()) == {1 / len(SPACE)}
        flat = get_param_importances(told(20, flat=True), evaluator=evaluator())
        assert all(math.isfinite(figure) for figure in flat.values())

    def test_it_can_be_pickled(self, evaluator: MakeEvaluator) -> None:
        again = pickle.loads(pickle.dumps(evaluator()))
        study = told(20)
        assert same(again.evaluate(study), evaluator().evaluate(study))

    def test_several_objectives(self, evaluator: MakeEvaluator) -> None:
        study = create_study(directions=["minimize", "maximize"])
        for trial in told(40).trials:
            params = trial.params
            values = [value_of(params), params["idle"]]
            study.add_trial(create_trial(params=params, distributions=SPACE, values=values))
        if self.several_objectives:
            assert set(evaluator().evaluate(study)) == set(SPACE)
        else:
            with pytest.raises(ValueError, match="target"):
                evaluator().evaluate(study)
        found = evaluator().evaluate(study, target=_second)
        assert next(iter(found)) == "idle"

    def test_parameters_that_only_some_trials_have(self, evaluator: MakeEvaluator) -> None:
        study = create_study(sampler=RandomSampler(seed=0))

        def objective(trial: Any) -> float:
            x = float(trial.suggest_float("x", 0, 1))
            if x < 0.5:
                return x
            return x + float(trial.suggest_float("sometimes", 0, 1))

        study.optimize(objective, n_trials=40)
        found = evaluator().evaluate(study)
        assert ("sometimes" in found) == self.conditional
        assert found["x"] > 0
        named = evaluator().evaluate(study, ["x", "sometimes"])
        assert set(named) == {"x", "sometimes"}
