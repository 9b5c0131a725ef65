"""Importance: what is known of functions, what Optuna says, and what may be asked."""

import json
import math
import pickle
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.distributions import CategoricalDistribution, FloatDistribution
from skipjack.importance import (
    BaseImportanceEvaluator,
    FanovaImportanceEvaluator,
    Importances,
    MeanDecreaseImpurityImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    ShapleyImportanceEvaluator,
    get_param_importances,
)
from skipjack.importance.table import Grower
from skipjack.trial import create_trial
from tests.importance.studies import CASES, FORESTS, RECORDED, conditional, linear, several, uniform
from tests.studies import a_study

OPTUNA = json.loads(RECORDED.read_text())["figures"]
FOREST_KINDS = (
    FanovaImportanceEvaluator,
    MeanDecreaseImpurityImportanceEvaluator,
    ShapleyImportanceEvaluator,
)
KINDS: tuple[Any, ...] = (PedAnovaImportanceEvaluator, *FOREST_KINDS)
every_kind = pytest.mark.parametrize("kind", KINDS)
every_forest = pytest.mark.parametrize("kind", FOREST_KINDS)


def study_of(
    function: Any, n: int, d: int, ranges: Any = None, direction: str = "minimize", **more: Any
) -> Any:
    """Trials of a function of x0, x1, ... spread evenly over [0, 1]."""
    study = a_study(direction=direction)
    dists = {f"x{j}": FloatDistribution(0, 1) for j in range(d)}
    study.add_trials(
        create_trial(
            params=dict(zip(dists, u, strict=True)), distributions=dists, value=function(*u), **more
        )
        for u in uniform(n, d).tolist()
    )
    return study


# ------------------------------------------------------------------------ agreement with Optuna


@pytest.mark.parametrize("name", CASES)
def test_ped_anova_agrees_with_optuna(name: str) -> None:
    make, evaluator = CASES[name]
    found = get_param_importances(make(skipjack), evaluator=evaluator(skipjack), normalize=False)
    assert found.keys() == OPTUNA[name].keys()
    for param, figure in OPTUNA[name].items():
        assert found[param] == pytest.approx(figure, rel=1e-4, abs=2e-7)


@pytest.mark.parametrize("kind", FORESTS)
def test_forests_agree_with_optuna(kind: str) -> None:
    evaluator = getattr(skipjack.importance, kind)()
    found = get_param_importances(linear(skipjack), evaluator=evaluator, normalize=False)
    assert list(found) == sorted(OPTUNA[kind], key=lambda name: -OPTUNA[kind][name])
    for param, figure in OPTUNA[kind].items():
        assert found[param] == pytest.approx(figure, abs=0.04)


# ------------------------------------------------------------------------------ known functions


def ishigami(*u: float) -> float:
    x, y, z, *_ = (math.pi * (2 * v - 1) for v in u)
    return math.sin(x) + 7 * math.sin(y) ** 2 + 0.1 * z**4 * math.sin(x)


def test_fanova_finds_the_shares_of_a_known_function() -> None:
    study = study_of(ishigami, 2000, 4)
    alone = FanovaImportanceEvaluator().evaluate(study)
    pairs = FanovaImportanceEvaluator().evaluate_pairs(study)
    # Of the whole variance x0 explains 0.314, x1 0.442, x0 and x2 together 0.244.
    assert list(alone)[:2] == ["x1", "x0"]
    assert alone["x0"] == pytest.approx(0.31, abs=0.08)
    assert alone["x1"] == pytest.approx(0.44, abs=0.14)
    assert alone["x3"] < 0.01
    assert next(iter(pairs)) == ("x0", "x2")
    assert pairs["x0", "x2"] == pytest.approx(0.24, abs=0.12)
    assert pairs["x0", "x2"] > 3 * pairs["x1", "x3"]


@every_kind
def test_what_does_more_is_more_important(kind: Any) -> None:
    study = study_of(lambda a, b, c, d: 4 * a + 2 * b + c + 0 * d, 600, 4)
    found = get_param_importances(study, evaluator=kind())
    assert list(found) == ["x0", "x1", "x2", "x3"]
    assert sum(found.values()) == pytest.approx(1)
    assert found["x3"] < 0.03
    assert found["x0"] > 1.5 * found["x1"]


def test_the_share_of_a_sum_is_that_of_the_variance() -> None:
    study = study_of(lambda a, b, c: 4 * a + 2 * b + c, 1000, 3)
    found = get_param_importances(study, evaluator=FanovaImportanceEvaluator())
    for name, share in {"x0": 16 / 21, "x1": 4 / 21, "x2": 1 / 21}.items():
        assert found[name] == pytest.approx(share, abs=0.04)


def test_shapley_divides_an_interaction_equally() -> None:
    study = study_of(lambda a, b, c: (2 * a - 1) * (2 * b - 1) + 0 * c, 500, 3)
    found = get_param_importances(study, evaluator=ShapleyImportanceEvaluator())
    assert found["x0"] == pytest.approx(found["x1"], abs=0.06)
    assert found["x2"] < 0.1


@every_kind
def test_a_choice_counts_as_one_parameter(kind: Any) -> None:
    study = a_study()
    dists = {"k": CategoricalDistribution([None, "y", 3]), "u": FloatDistribution(0, 1)}
    worth = {None: 0.0, "y": 2.0, 3: 1.0}
    for a, b, noise in uniform(300, 3).tolist():
        k = dists["k"].choices[int(3 * a)]  # type: ignore[attr-defined]
        study.add_trial(
            create_trial(params={"k": k, "u": b}, distributions=dists, value=worth[k] + 0.1 * noise)
        )
    found = get_param_importances(study, evaluator=kind())
    assert found["k"] > 0.75


# --------------------------------------------------------------------------------- invariances


@every_kind
def test_maximizing_is_minimizing_the_negative(kind: Any) -> None:
    def function(a: float, b: float, c: float) -> float:
        return a + 0.5 * b * c

    low = kind().evaluate(study_of(function, 150, 3))
    high = kind().evaluate(study_of(lambda *u: -function(*u), 150, 3, direction="maximize"))
    assert list(low.values()) == pytest.approx(list(high.values()), rel=1e-6)
    assert list(low) == list(high)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_units_do_not_matter(kind: Any) -> None:
    once = kind().evaluate(study_of(lambda a, b: a + 0.5 * b, 100, 2))
    for unit in (1e-200, 1e200):
        scaled = kind().evaluate(study_of(lambda a, b, k=unit: k * (a + 0.5 * b), 100, 2))
        assert list(scaled.values()) == pytest.approx(list(once.values()), rel=1e-6)


@every_kind
def test_the_same_study_gives_the_same_figures(kind: Any) -> None:
    study = study_of(lambda a, b: a + b, 60, 2)
    assert kind().evaluate(study) == kind().evaluate(study)


def test_a_seed_draws_other_trials() -> None:
    study = study_of(lambda a, b: a + b, 60, 2)
    found = [FanovaImportanceEvaluator(seed=seed).evaluate(study) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


@every_kind
def test_values_that_are_not_finite_do_not_count(kind: Any) -> None:
    study = study_of(lambda a, b: a + 0.3 * b, 50, 2)
    before = kind().evaluate(study)
    for value in (math.inf, -math.inf):
        dists = {"x0": FloatDistribution(0, 1), "x1": FloatDistribution(0, 1)}
        study.add_trial(
            create_trial(params={"x0": 0.5, "x1": 0.5}, distributions=dists, value=value)
        )
    assert kind().evaluate(study) == before
    assert kind().evaluate(study, target=lambda trial: trial.values[0]) is not None


# ----------------------------------------------------------------------------------- a target


@every_kind
@pytest.mark.parametrize("sign", [1, -1])
def test_a_target_is_explained_whichever_way_it_goes(kind: Any, sign: int) -> None:
    study = study_of(lambda a, b, c: a + 0 * b * c, 300, 3)
    found = get_param_importances(
        study, evaluator=kind(), target=lambda trial: sign * trial.params["x2"] ** 3
    )
    assert next(iter(found)) == "x2"
    assert found["x2"] > 0.8


def test_the_durations_of_trials_can_be_explained() -> None:
    study = a_study()
    for _ in range(30):
        trial = study.ask()
        study.tell(trial, trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 1, 5))
    found = get_param_importances(study, target=lambda t: t.duration.total_seconds())
    assert found.keys() == {"x", "n"}
    assert sum(found.values()) == pytest.approx(1)


def test_influence_on_slow_and_on_quick_trials_both_count() -> None:
    """x0 decides which trials are the quickest, x1 which are the slowest."""
    study = study_of(lambda a, b, c: a * b * c, 400, 3)

    def target(trial: Any) -> float:
        a, b = trial.params["x0"], trial.params["x1"]
        return -1.0 - a if a < 0.1 else 1.0 + b if b > 0.9 else 0.0

    found = get_param_importances(study, target=target)
    assert found["x0"] > 3 * found["x2"]
    assert found["x1"] > 3 * found["x2"]


def test_a_target_must_return_numbers() -> None:
    study = study_of(lambda a: a, 5, 1)
    with pytest.raises(TypeError, match="`target` must return a number for trial 0, but got None"):
        get_param_importances(study, target=lambda trial: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="`target` must be a function of a trial"):
        get_param_importances(study, target="duration")  # type: ignore[arg-type]


# ------------------------------------------------------------- several objectives, constraints


def test_the_front_is_what_ped_anova_explains_of_several_objectives() -> None:
    found = get_param_importances(several(skipjack))
    assert next(iter(found)) == "b"


@every_forest
def test_forests_need_to_know_which_objective(kind: Any) -> None:
    study = several(skipjack)
    with pytest.raises(ValueError, match=r"several objectives: say with `target`"):
        get_param_importances(study, evaluator=kind())
    found = get_param_importances(study, evaluator=kind(), target=lambda t: t.values[0])
    assert set(found) == {"a", "b", "c"}
    assert found["c"] < 0.1


def test_trials_that_break_constraints_are_worse_than_all_others() -> None:
    study = a_study()
    for a, b in uniform(200, 2).tolist():
        trial = study.ask()
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        trial.set_constraint("limit", 0.8 - y)
        study.tell(trial, 0.01 * x + 0 * a * b)
    found = get_param_importances(study)
    assert found["y"] > found["x"]


def test_the_worst_of_several_objectives_may_break_constraints() -> None:
    study = a_study(directions=["minimize", "minimize"])
    for _ in range(40):
        trial = study.ask()
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        trial.set_constraint("limit", 0.95 - y)
        study.tell(trial, (x, 1 - x))
    found = get_param_importances(study)
    assert found["y"] > found["x"]


# ---------------------------------------------------------------------------------- parameters


def test_ped_anova_judges_parameters_that_only_some_trials_have() -> None:
    found = get_param_importances(conditional(skipjack))
    assert next(iter(found)) == "x"
    assert set(found) == {"k", "x", "y"}


@every_forest
def test_forests_judge_what_all_trials_have_or_what_is_named(kind: Any) -> None:
    study = conditional(skipjack)
    assert set(kind().evaluate(study)) == {"k"}
    assert set(kind().evaluate(study, ["k", "x"])) == {"k", "x"}
    with pytest.raises(ValueError, match="The range of 'y' differs between trials"):
        kind().evaluate(study, ["y"])


@every_kind
def test_only_what_is_named_is_judged(kind: Any) -> None:
    study = study_of(lambda a, b, c: a + b + c, 30, 3)
    assert get_param_importances(study, evaluator=kind(), params=[]) == {}
    found = get_param_importances(study, evaluator=kind(), params=["x1", "x0", "x1"])
    assert set(found) == {"x0", "x1"}
    assert sum(found.values()) == pytest.approx(1)
    with pytest.raises(ValueError, match="`params` must be names that"):
        get_param_importances(study, evaluator=kind(), params=["x0", "z"])
    for wrong in ("x0", [1], {"x0"}):
        with pytest.raises(TypeError, match="`params` must be a list of names"):
            get_param_importances(study, evaluator=kind(), params=wrong)  # type: ignore[arg-type]


@every_kind
def test_a_parameter_with_one_value_has_no_influence(kind: Any) -> None:
    study = a_study()
    study.optimize(lambda t: t.suggest_float("x", 0, 1) + t.suggest_float("y", 2, 2), n_trials=20)
    found = kind().evaluate(study)
    assert found["y"] == 0.0
    assert found["x"] > 0.0


@every_kind
def test_a_study_with_nothing_to_say(kind: Any) -> None:
    assert get_param_importances(a_study(), evaluator=kind()) == {}
    one = study_of(lambda a, b: a + b, 1, 2)
    with pytest.warns(UserWarning, match="fewer than two complete trials"):
        assert get_param_importances(one, evaluator=kind()) == {"x0": 0.5, "x1": 0.5}
    flat = study_of(lambda a, b: 7.0, 40, 2)
    found = get_param_importances(flat, evaluator=kind())
    assert sum(found.values()) == pytest.approx(1)
    if kind in FOREST_KINDS:
        assert set(kind().evaluate(flat).values()) == {0.0}


@every_kind
def test_pruned_and_failed_trials_do_not_count(kind: Any) -> None:
    study = study_of(lambda a, b: a + b, 30, 2)
    before = kind().evaluate(study)
    for state in (skipjack.trial.TrialState.FAIL, skipjack.trial.TrialState.PRUNED):
        trial = study.ask()
        trial.suggest_float("x0", 0, 1)
        study.tell(trial, state=state)
    assert kind().evaluate(study) == before


# ------------------------------------------------------------------------------- uncertainties


@every_kind
def test_each_figure_has_an_error_that_shrinks_with_more_trials(kind: Any) -> None:
    def function(a: float, b: float, c: float) -> float:
        return 3 * a + 2 * b + c

    few, many = (
        get_param_importances(study_of(function, n, 3), evaluator=kind()) for n in (60, 2000)
    )
    assert few.errors.keys() == few.keys()
    assert all(0 < many.errors[name] < few.errors[name] for name in ("x0", "x1"))


@pytest.mark.slow
@every_kind
def test_errors_tell_how_much_figures_differ_between_studies(kind: Any) -> None:
    def function(a: float, b: float) -> float:
        return 3 * a + 2 * b

    figures, errors = [], []
    for seed in range(30):
        study = a_study(sampler=skipjack.samplers.RandomSampler(seed=seed))
        study.optimize(
            lambda t: function(t.suggest_float("a", 0, 1), t.suggest_float("b", 0, 1)),
            n_trials=300,
        )
        found = kind().evaluate(study)
        figures.append(found["a"])
        errors.append(found.errors["a"])
    assert 0.6 < float(np.mean(errors)) / float(np.std(figures)) < 3.0


# -------------------------------------------------------------------------------- other things


class Longest(BaseImportanceEvaluator):
    """A measure of one's own: the longer the name, the more important."""

    def evaluate(
        self, study: Any, params: list[str] | None = None, *, target: Any = None
    ) -> dict[str, float]:
        return {"a": 1.0, "abc": 3.0}


def test_a_measure_of_ones_own_is_asked() -> None:
    found = get_param_importances(a_study(), evaluator=Longest())
    assert list(found.items()) == [("abc", 0.75), ("a", 0.25)]
    assert found.errors == {}
    assert get_param_importances(a_study(), evaluator=Longest(), normalize=False)["abc"] == 3.0


def test_what_is_no_evaluator_is_refused() -> None:
    for wrong in (PedAnovaImportanceEvaluator, "fanova"):
        with pytest.raises(TypeError, match="`evaluator` must be an importance evaluator"):
            get_param_importances(a_study(), evaluator=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`study` must be a Study"):
        get_param_importances([])
    with pytest.raises(TypeError, match="abstract"):
        BaseImportanceEvaluator()  # type: ignore[abstract]


def test_arguments_are_checked() -> None:
    for arguments in ({"target_quantile": 0.0}, {"target_quantile": 0.5, "region_quantile": 0.4}):
        with pytest.raises(ValueError, match="0 < `target_quantile` < `region_quantile` <= 1"):
            PedAnovaImportanceEvaluator(**arguments)
    for kind in FOREST_KINDS:
        with pytest.raises(ValueError, match="`n_trees` must be positive"):
            kind(n_trees=0)
        with pytest.raises(TypeError, match="`max_depth` must be a whole number"):
            kind(max_depth=2.5)
        with pytest.raises(TypeError, match="`seed` must be a whole number or None"):
            kind(seed="x")


def test_importances_are_a_dict_that_can_be_pickled() -> None:
    found = Importances({"a": 1.0, "b": 3.0}, {"a": 0.5, "c": 1.0})
    assert list(found) == ["b", "a"]
    again = pickle.loads(pickle.dumps(found))
    assert again == {"a": 1.0, "b": 3.0}
    assert again.errors == {"a": 0.5}
    assert found.normalised().errors == {"a": 0.125}


def test_one_parameter_has_no_pairs() -> None:
    assert FanovaImportanceEvaluator().evaluate_pairs(study_of(lambda a: a, 20, 1)) == {}


def test_what_a_forest_says_has_the_level_of_the_objective() -> None:
    table = Grower(16, 64, None).table(study_of(lambda a, b: 1000 + a, 200, 2), None, None)
    values = table.middle + table.unit * table.values
    assert values.min() == pytest.approx(1000, abs=0.02)
    assert values.max() == pytest.approx(1001, abs=0.02)
