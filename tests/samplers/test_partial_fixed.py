from collections.abc import Mapping
from typing import Any

import pytest

import skipjack
from skipjack.distributions import BaseDistribution, FloatDistribution, IntDistribution
from skipjack.errors import ExperimentalWarning
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.rng import Stream
from skipjack.samplers import (
    AutoSampler,
    BaseSampler,
    CmaEsSampler,
    GridSampler,
    PartialFixedSampler,
    RandomSampler,
    TPESampler,
)
from skipjack.samplers.base import ModelSampler, proposes
from skipjack.testing import problems

pytestmark = pytest.mark.filterwarnings("ignore::skipjack.errors.ExperimentalWarning")
UNIT = FloatDistribution(0, 1)


def objective(trial: skipjack.Trial) -> float:
    return trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1)


def run(
    fixed: dict[str, Any], base: BaseSampler, what: Any = objective, n_trials: int | None = 4
) -> list[dict[str, Any]]:
    study = skipjack.create_study(sampler=PartialFixedSampler(fixed, base))
    study.optimize(what, n_trials=n_trials)
    return [trial.params for trial in study.trials]


class Noted(BaseSampler):
    """A user's sampler that notes what it is asked."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, BaseDistribution]:
        self.calls.append("infer")
        return {"x": UNIT, "y": UNIT}

    def sample_relative(
        self, study: Any, trial: Any, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self.calls.append(("relative", list(search_space)))
        return dict.fromkeys(search_space, 0.25)

    def sample_independent(self, study: Any, trial: Any, name: str, dist: Any) -> Any:
        self.calls.append(("independent", name))
        return 0.125

    def before_trial(self, study: Any, trial: Any) -> None:
        self.calls.append("before")

    def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
        self.calls.append(("after", state.name, values))

    def reseed_rng(self) -> None:
        self.calls.append("reseed")


class Kept(ModelSampler):
    """One of ours that notes what it is given."""

    def __init__(self) -> None:
        super().__init__(0)
        self.given: list[Any] = []

    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        self.given.append((list(space), dict(given)))
        return {name: dist.at(0.5) for name, dist in space.items()}


def test_making_one_says_that_it_is_experimental() -> None:
    with pytest.warns(ExperimentalWarning, match="PartialFixedSampler"):
        PartialFixedSampler({}, RandomSampler())


@pytest.mark.parametrize("base", [RandomSampler(1), TPESampler(seed=1, n_startup_trials=2)])
def test_fixed_values_are_used_and_others_drawn(base: BaseSampler) -> None:
    params = run({"x": 0.5}, base, n_trials=8)
    assert {p["x"] for p in params} == {0.5}
    assert len({p["y"] for p in params}) == 8


def test_the_others_are_drawn_as_without() -> None:
    study = skipjack.create_study(sampler=RandomSampler(1))
    study.optimize(objective, n_trials=4)
    fixed = run({"x": 0.5}, RandomSampler(1))
    assert [p["y"] for p in fixed] == [t.params["y"] for t in study.trials]
    assert run({}, RandomSampler(1)) == [t.params for t in study.trials]


def test_one_of_ours_is_told_the_fixed_values() -> None:
    base = Kept()
    run({"x": 0.5}, base, n_trials=2)
    assert base.given == [([], {}), (["y"], {"x": 0.5}), (["y"], {"x": 0.5})]


@pytest.mark.parametrize("base", [CmaEsSampler(seed=1), AutoSampler(seed=1, effort="fast")])
def test_generations_go_on_beside_a_fixed_value(base: BaseSampler) -> None:
    study = skipjack.create_study(sampler=PartialFixedSampler({"x0": 3}, base))
    study.optimize(problems.sphere, n_trials=80)
    tried = {tuple(trial.params.values()) for trial in study.trials}
    assert len(tried) == 80
    assert {values[0] for values in tried} == {3}
    assert study.best_value == pytest.approx(4, abs=0.1)  # x0 = 3 costs as much


def test_a_users_sampler_is_asked_by_its_methods_without_what_is_fixed() -> None:
    base = Noted()

    def four(trial: skipjack.Trial) -> float:
        return sum(trial.suggest_float(name, 0, 1) for name in "xyzw")

    assert run({"x": 0.5, "z": 0.75}, base, four, 1) == [
        {"x": 0.5, "y": 0.25, "z": 0.75, "w": 0.125}
    ]
    assert base.calls == [
        *("before", "infer", ("relative", ["y"]), ("independent", "w")),
        ("after", "COMPLETE", [1.625]),
    ]


def test_reseeding_reaches_the_base() -> None:
    base = Noted()
    PartialFixedSampler({}, base).reseed_rng()
    assert base.calls == ["reseed"]


def test_how_it_is_asked_depends_on_its_base() -> None:
    assert proposes(PartialFixedSampler({}, RandomSampler()))
    assert proposes(PartialFixedSampler({}, PartialFixedSampler({}, RandomSampler())))
    assert not proposes(PartialFixedSampler({}, Noted()))
    assert not proposes(PartialFixedSampler({}, PartialFixedSampler({}, Noted())))

    class Hooked(PartialFixedSampler):
        def before_trial(self, study: Any, trial: Any) -> None:
            """A hook that a study has to call."""

    class Renamed(PartialFixedSampler):
        """Changes nothing."""

    assert not proposes(Hooked({}, RandomSampler()))
    assert proposes(Renamed({}, RandomSampler()))


def test_optunas_methods_draw_the_same_as_the_loop() -> None:
    class Hooked(PartialFixedSampler):
        def before_trial(self, study: Any, trial: Any) -> None:
            """A hook that a study has to call."""

    study = skipjack.create_study(sampler=Hooked({"x": 0.5}, RandomSampler(1)))
    study.optimize(objective, n_trials=4)
    assert [t.params for t in study.trials] == run({"x": 0.5}, RandomSampler(1))


def test_several_may_be_nested() -> None:
    inner = PartialFixedSampler({"y": 0.25, "x": 0.75}, RandomSampler())
    assert run({"x": 0.5}, inner, n_trials=2) == [{"x": 0.5, "y": 0.25}] * 2


def test_a_grid_stops_when_what_can_be_combined_was_tried() -> None:
    def grid(trial: skipjack.Trial) -> float:
        return trial.suggest_int("x", 1, 3) + trial.suggest_int("y", 1, 2)

    params = run({"x": 2}, GridSampler({"x": [1, 2, 3], "y": [1, 2]}, 0), grid, None)
    assert sorted(p["y"] for p in params) == [1, 2] and {p["x"] for p in params} == {2}


def test_an_enqueued_value_goes_before() -> None:
    study = skipjack.create_study(sampler=PartialFixedSampler({"x": 0.5}, RandomSampler()))
    study.enqueue_trial({"x": 0.25})
    study.optimize(objective, n_trials=2)
    assert [t.params["x"] for t in study.trials] == [0.25, 0.5]


@pytest.mark.parametrize("base", [RandomSampler(), Noted()])
@pytest.mark.parametrize(
    ("fixed", "dist", "used"),
    [(5.5, UNIT, 5.5), (3, IntDistribution(0, 10, step=2), 3), (3.7, IntDistribution(0, 9), 3)],
)
def test_a_value_outside_the_range_is_used_with_a_warning(
    base: BaseSampler, fixed: float, dist: BaseDistribution, used: float
) -> None:
    study = skipjack.create_study(sampler=PartialFixedSampler({"p": fixed}, base))
    for _ in range(2):
        with pytest.warns(UserWarning, match="The fixed value .* of parameter 'p' lies outside"):
            trial = study.ask({"p": dist})
        assert trial.params == {"p": used} and type(trial.params["p"]) is type(used)
        study.tell(trial, 0.0)


def test_a_value_that_fits_the_range_of_this_trial_is_no_reason_to_warn() -> None:
    study = skipjack.create_study(sampler=PartialFixedSampler({"p": 5.0}, RandomSampler()))
    study.add_trial(
        skipjack.trial.create_trial(params={"p": 0.5}, distributions={"p": UNIT}, value=0.0)
    )
    assert study.ask({"p": FloatDistribution(0, 9)}).params == {"p": 5.0}


@pytest.mark.parametrize("base", [RandomSampler(), Noted()])
@pytest.mark.parametrize("fixed", ["abc", None, float("nan")])
def test_a_value_of_another_kind_is_an_error(base: BaseSampler, fixed: Any) -> None:
    study = skipjack.create_study(sampler=PartialFixedSampler({"p": fixed}, base))
    for _ in range(2):
        with pytest.raises(ValueError, match="`value` must"):
            study.ask({"p": UNIT})


def test_a_fixed_parameter_that_nobody_asks_for_does_no_harm() -> None:
    assert [set(p) for p in run({"q": None}, RandomSampler(1), n_trials=2)] == [{"x", "y"}] * 2


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="`fixed_params` must be a mapping"):
        PartialFixedSampler(3, RandomSampler())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`base_sampler` must be a sampler, but got 3"):
        PartialFixedSampler({}, 3)  # type: ignore[arg-type]
