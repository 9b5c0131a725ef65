"""The Gaussian process sampler: its contract, and what it makes of a history."""

import itertools
import logging
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from skipjack import create_study
from skipjack.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.records.states import TrialState
from skipjack.rng import stream
from skipjack.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler
from skipjack.samplers.gp.model import Workshop
from skipjack.samplers.gp.observed import CAP, NEW, Target, epoch_of
from skipjack.samplers.gp.region import RegionFold, box, is_local
from skipjack.samplers.tpe.axes import axes_of
from skipjack.testing.samplers import MakeSampler, SamplerContract, SamplerQuality
from tests.histories import Past

SQUARE = Space({"x": FloatDistribution(-5, 5), "y": FloatDistribution(1e-4, 1.0, log=True)})
MIXED = Space(
    {
        "lr": FloatDistribution(1e-5, 1e2, log=True),
        "n": IntDistribution(1, 64),
        "kind": CategoricalDistribution(["p", "q", "r"]),
        "step": FloatDistribution(0, 1, step=0.25),
    }
)
Values = Mapping[str, float]


def quiet(seed: int | None = None, **others: Any) -> GPSampler:
    return GPSampler(seed=seed, warn_independent_sampling=False, **others)


class TestContract(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return quiet


@pytest.mark.slow
class TestQuality(SamplerQuality):
    n_trials = 40
    n_seeds = 14

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return quiet


def square(values: Values) -> float:
    return (values["x"] - 1.0) ** 2 + (np.log10(values["y"]) + 2.0) ** 2


def mixed(values: Values) -> float:
    where = (np.log10(values["lr"]) + 1) ** 2 + abs(values["n"] - 40) / 16
    return float(where + (values["kind"] != 1.0) + 3 * (values["step"] - 0.25) ** 2)


def propose(history: History, space: Space, number: int, **given: float) -> Values:
    return quiet(n_startup_trials=5).propose(history, space, stream(3, number, "gp"), given)


def run(space: Space, loss: Callable[[Values], float], n: int) -> Past:
    past = Past()
    for number in range(n):
        drawn = propose(past.history, space, number)
        past.add({name: (space[name], v) for name, v in drawn.items()}, [loss(drawn)])
    return past


class TestSearch:
    @pytest.mark.parametrize(("space", "loss"), [(SQUARE, square), (MIXED, mixed)])
    def test_a_smooth_function_is_solved_in_few_trials(
        self, space: Space, loss: Callable[[Values], float]
    ) -> None:
        assert run(space, loss, 35).history.losses.min() < 0.05

    def test_a_fresh_process_proposes_the_same_after_any_number_of_trials(self) -> None:
        past = Past()
        for number in range(48):
            drawn = propose(past.history, MIXED, number)
            if number % 4 == 1:
                opened = pickle.loads(pickle.dumps(past.history))
                assert propose(opened, MIXED, number) == drawn
            params, curve = {name: (MIXED[name], v) for name, v in drawn.items()}, mixed(drawn)
            state = TrialState.PRUNED if number % 3 == 2 else TrialState.COMPLETE
            values = [curve] if state is TrialState.COMPLETE else None
            past.add(params, values, state=state, reports={1: curve + number % 2})

    def test_given_values_are_kept_and_the_others_suit_them(self) -> None:
        def loss(values: Values) -> float:
            return 1.0 + (values["x"] - np.log10(values["y"])) ** 2 + values["y"]

        past = run(SQUARE, loss, 16)
        for place in (0.001, 0.1):
            drawn = propose(past.history, SQUARE, 16, y=place)
            assert drawn["y"] == place
            assert abs(drawn["x"] - np.log10(place)) < 1.0

    def test_points_of_a_finite_space_are_tried_once(self) -> None:
        space = Space({"a": IntDistribution(0, 5), "c": CategoricalDistribution(["p", "q", "r"])})
        past = run(space, lambda v: (v["a"] - 2.2) ** 2 + v["c"], 18)
        assert len({tuple(row) for row in past.history.values.tolist()}) == 18
        assert set(propose(past.history, space, 18)) == {"a", "c"}

    @pytest.mark.parametrize("sign", [1, -1])
    def test_an_optimum_at_the_ends_of_the_ranges_is_met_exactly(self, sign: int) -> None:
        def loss(values: Values) -> float:
            return sign * (values["x"] - np.log10(values["y"]))

        past = run(SQUARE, loss, 20)
        best = past.history.values[past.history.losses[:, 0].argmin()].tolist()
        assert best == ([-5.0, 1.0] if sign > 0 else [5.0, 1e-4])

    def test_a_plateau_does_not_keep_all_proposals(self) -> None:
        def loss(values: Values) -> float:
            return 1.0 if values["x"] < 0 else 2.0 + (values["x"] - 2.0) ** 2 / 9.0

        late = run(Space({"x": SQUARE["x"]}), loss, 32).history.losses[16:]
        assert 2 <= (late > 1.0).sum() <= 10

    def test_no_point_is_tried_twice_where_some_parameters_have_cells(self) -> None:
        space = Space({name: MIXED[name] for name in ("lr", "step", "kind")})
        past = run(space, lambda v: 0.0, 40)
        assert len({tuple(row) for row in past.history.values.tolist()}) == 40

    def test_trials_that_run_at_the_same_time_are_spread(self) -> None:
        study = create_study(sampler=quiet(1))
        study.optimize(lambda t: t.suggest_float("x", 0, 1) ** 2, n_trials=12)
        running = [study.ask() for _ in range(6)]
        places = sorted(trial.suggest_float("x", 0, 1) for trial in running)
        assert min(np.diff(places)) > 1e-6

    def test_where_trials_fail_is_left_alone(self) -> None:
        def objective(trial: Any) -> float:
            x = trial.suggest_float("x", 0, 1)
            if x > 0.5:
                raise ValueError("cannot")
            return 1.0 - x

        study = create_study(sampler=quiet(2))
        study.optimize(objective, n_trials=40, catch=ValueError)
        late = study.trials[25:]
        assert sum(trial.state is TrialState.FAIL for trial in late) < 10
        assert study.best_value < 0.51

    def test_pruned_trials_count(self) -> None:
        past = Past()
        for number in range(12):
            x = -5 + number / 1.2
            curve = {1: abs(x - 2)}
            state = TrialState.PRUNED if number % 2 else TrialState.COMPLETE
            values = None if state is TrialState.PRUNED else [abs(x - 2)]
            past.add({"x": (SQUARE["x"], x)}, values, state=state, reports=curve)
        shop = Workshop(past.history, axes_of(past.history.space), False)
        model = shop.model(Target("loss", 0))
        assert len(model.rows) == 12
        assert np.corrcoef(model.means, np.abs(past.history.values[:, 0] - 2))[0, 1] > 0.9

    def test_with_a_stream_the_parameters_of_a_model_are_drawn_for_each_trial(self) -> None:
        past = run(MIXED, mixed, 20)
        shop = Workshop(past.history, axes_of(MIXED), False)
        target = Target("loss", 0)
        first, again, other = (shop.model(target, stream(3, n, "gp")).now for n in (20, 20, 21))
        assert (first.inverse_lengths == again.inverse_lengths).all()
        assert (first.inverse_lengths != other.inverse_lengths).any()
        assert shop.model(target).now is shop.model(target).now

    def test_large_histories_cost_no_more_than_moderate_ones(self) -> None:
        past, rng = Past(), np.random.default_rng(0)
        for x in rng.uniform(-5, 5, 900).tolist():
            past.add({"x": (SQUARE["x"], x)}, [x * x])
        shop = Workshop(past.history, axes_of(past.history.space), False)
        assert len(shop.rows) <= CAP + NEW
        assert int(past.history.losses.argmin()) in shop.rows
        assert abs(propose(past.history, Space({"x": SQUARE["x"]}), 900)["x"]) < 0.2

    def test_models_are_fitted_at_epochs(self) -> None:
        epochs = sorted({epoch_of(n) for n in range(1, 200)})
        assert epochs[:33] == [*range(1, 31), 32, 34, 36]
        assert all(b <= 1.05 * a + 1 for a, b in itertools.pairwise(epochs))

    def test_the_scale_of_the_values_does_not_matter(self) -> None:
        found = [
            run(SQUARE, lambda v, unit=unit: unit * square(v), 25).history.values
            for unit in (1.0, 2.0**300, 2.0**-300)
        ]
        assert np.allclose(found[0], found[1])
        assert np.allclose(found[0], found[2])


class TestRegion:
    def box_after(self, losses: list[float]) -> list[float]:
        """Sizes of the box for two parameters, trial by trial; the first is no start."""
        past, fold, sizes = Past(), RegionFold(2, 1), []
        for loss in losses:
            past.add({"x": (SQUARE["x"], 0.0)}, [loss])
            sizes.append(past.history.derived(fold).size)
        opened = pickle.loads(pickle.dumps(past.history))
        assert opened.derived(fold) == past.history.derived(fold)
        return sizes

    def test_the_box_doubles_with_success_and_halves_without(self) -> None:
        assert self.box_after([-float(i) for i in range(20)])[4::5] == [0.8, 0.8, 1.6, 1.6]
        assert self.box_after([0.0] * 41)[::20] == [0.8, 0.4, 0.2]

    def test_a_box_that_is_too_small_starts_anew(self) -> None:
        sizes = self.box_after([0.0] * 145)
        assert min(sizes) == 0.8 / 2**6
        assert sizes[-1] > min(sizes)

    def test_neither_the_start_nor_proposals_from_everywhere_change_it(self) -> None:
        past = Past()
        for _ in range(40):
            past.add({"x": (SQUARE["x"], 0.0)}, [1.0])
        assert past.history.derived(RegionFold(2, 40)).size == 0.8
        assert [k for k in range(15) if is_local(k)] == [4, 9, 14]

    def test_its_edges_go_with_the_length_scales_and_end_with_the_space(self) -> None:
        low, high = box(0.2, np.array([0.5, 0.02]), np.array([4.0, 1.0]), np.zeros(2))
        assert low == pytest.approx([0.3, 0.0])
        assert high == pytest.approx([0.7, 0.07])

    def test_it_reaches_the_next_cell_to_either_side(self) -> None:
        low, high = box(1e-3, np.array([0.5, 0.5]), np.ones(2), np.array([0.1, 0.0]))
        assert low[0] < 0.4
        assert high[0] > 0.6
        assert high[1] - low[1] == pytest.approx(1e-3)

    def test_after_many_failures_one_proposal_in_five_is_close_to_the_best(self) -> None:
        def told(n: int) -> Past:
            past, rng = Past(), np.random.default_rng(0)
            for _ in range(n):
                x, y = rng.uniform(-5, 5), 10.0 ** rng.uniform(-4, 0)
                past.add({"x": (SQUARE["x"], x), "y": (SQUARE["y"], y)}, [np.sin(9 * x) + y])
            past.add({"x": (SQUARE["x"], 1.0), "y": (SQUARE["y"], 0.01)}, [-9.0])
            for _ in range(70):
                past.add({"x": (SQUARE["x"], 4.0), "y": (SQUARE["y"], 0.9)}, [1.0])
            return past

        history = told(12).history
        assert history.derived(RegionFold(2, 5)).size < 0.2
        for number in (84, 89, 94):
            drawn = propose(history, SQUARE, number)
            assert abs(drawn["x"] - 1.0) < 2.5

    def test_a_box_of_which_all_was_tried_is_left(self) -> None:
        space = Space({"a": IntDistribution(0, 99), "b": IntDistribution(0, 99)})
        past = Past()
        for i in range(60):
            at = {"a": (space["a"], 50.0 + (i * 7) % 12), "b": (space["b"], 50.0)}
            past.add(at, [abs(at["a"][1] - 50.0)])
        seen = {tuple(row) for row in past.history.values.tolist()}
        for number in (64, 69, 74):
            drawn = propose(past.history, space, number)
            assert (drawn["a"], drawn["b"]) not in seen


class TestConstraints:
    def objective(self, trial: Any) -> float:
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        trial.set_constraint("c", 1000.0 * (0.8 - x * x - y))
        trial.set_constraint("never violated", -1.0)
        return x + y

    def test_the_best_feasible_trial_lies_at_the_border(self) -> None:
        study = create_study(sampler=quiet(3))
        study.optimize(self.objective, n_trials=35)
        assert 0.79 < study.best_value < 0.82

    def test_constraints_func_is_deprecated_and_works(self) -> None:
        with pytest.warns(FutureWarning, match="set_constraint"):
            sampler = quiet(3, constraints_func=lambda trial: (0.5 - trial.params["x"],))
        study = create_study(sampler=sampler)
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=20)
        assert 0.5 <= study.best_value < 0.51

    def test_with_nothing_feasible_yet_the_border_is_sought(self) -> None:
        study = create_study(sampler=quiet(4))

        def objective(trial: Any) -> float:
            x = [trial.suggest_float(f"x{i}", 0, 1) for i in range(4)]
            trial.set_constraint("c", sum((v - 0.3) ** 2 for v in x) - 0.01)
            return sum(x)

        study.optimize(objective, n_trials=40)
        assert any(t.constraints["c"] <= 0 for t in study.trials)


class TestSeveralObjectives:
    def test_the_front_is_found(self) -> None:
        def objective(trial: Any) -> tuple[float, float]:
            x = np.array([trial.suggest_float(f"x{i}", 0, 1) for i in range(3)])
            return float(((x - 0.2) ** 2).sum()), float(((x - 0.8) ** 2).sum())

        study = create_study(directions=["minimize", "minimize"], sampler=quiet(5))
        study.optimize(objective, n_trials=35)
        near = [t for t in study.best_trials if np.ptp([*t.params.values()]) < 0.1]
        assert len(near) >= 10


class Own(BaseSampler):
    """A user's sampler."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        return {}

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        self.asked.append(name)
        return distribution.low


class TestIndependent:
    @pytest.mark.parametrize("make", [RandomSampler, TPESampler, lambda seed: Own()])
    def test_the_independent_sampler_draws_the_start_and_what_is_new(
        self, make: Callable[..., BaseSampler]
    ) -> None:
        other = make(seed=1)
        study = create_study(sampler=quiet(1, independent_sampler=other, n_startup_trials=8))
        alone = create_study(sampler=make(seed=1))
        for one in (study, alone):
            one.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=8)
        assert [t.params for t in study.trials] == [t.params for t in alone.trials]
        study.optimize(
            lambda t: t.suggest_float("x", 0, 1) + t.suggest_float("new", 0, 1), n_trials=2
        )
        if isinstance(other, Own):
            assert other.asked == ["x"] * 8 + ["new"]
            assert study.trials[8].params["new"] == 0.0

    @pytest.mark.parametrize("warned", [True, False])
    def test_parameters_without_a_model_are_named(
        self, warned: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        sampler = GPSampler(seed=1, n_startup_trials=2, warn_independent_sampling=warned)
        study = create_study(sampler=sampler)
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=3)
        trial = study.ask()
        caplog.clear()
        logger = logging.getLogger("skipjack")
        logger.addHandler(caplog.handler)
        try:
            trial.suggest_float("fresh", 0, 1)
        finally:
            logger.removeHandler(caplog.handler)
        assert any("'fresh'" in record.message for record in caplog.records) is warned

    def test_bad_arguments_are_named(self) -> None:
        with pytest.raises(TypeError, match="independent_sampler"):
            GPSampler(independent_sampler="tpe")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="n_startup_trials"):
            GPSampler(n_startup_trials=-1)

    def test_without_noise_equal_values_are_taken_at_their_word(self) -> None:
        past = run(SQUARE, square, 20)
        axes = axes_of(SQUARE)
        exact = Workshop(past.history, axes, True).model(Target("loss", 0))
        assert np.abs(exact.means - exact.values).max() < 1e-3
