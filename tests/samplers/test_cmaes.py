"""CMA-ES as a sampler: the contract, and what is special to it."""

import math
import warnings
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from skipjack.records.frozen import create_trial
from skipjack.records.space import Space
from skipjack.rng import stream
from skipjack.samplers import BaseSampler, CmaEsSampler, RandomSampler, TPESampler
from skipjack.samplers.cmaes.run import RunFold
from skipjack.samplers.generations.axes import Axes
from skipjack.testing import problems
from skipjack.testing.problems import check_legal, told
from skipjack.testing.samplers import MakeSampler, SamplerContract, SamplerQuality
from tests.histories import Past
from tests.studies import listening

X: dict[str, BaseDistribution] = {f"x{i}": FloatDistribution(-5, 5) for i in range(4)}


def quiet(**arguments: Any) -> CmaEsSampler:
    return CmaEsSampler(**{"warn_independent_sampling": False, "seed": 1, **arguments})


def study_of(sampler: BaseSampler | None = None, **arguments: Any) -> skipjack.Study:
    return skipjack.create_study(sampler=sampler or quiet(**arguments))


def numbers(trial: Any, d: int = 4) -> list[float]:
    return [trial.suggest_float(f"x{i}", -5, 5) for i in range(d)]


def sphere(trial: Any) -> float:
    return float(sum((x - 1.0) ** 2 for x in numbers(trial)))


def rotated(d: int, condition: float = 1e6) -> Any:
    rng = np.random.default_rng(3)
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    weights = condition ** np.linspace(0, 1, d)

    def objective(trial: Any) -> float:
        x = turn @ (np.array(numbers(trial, d)) - 1.3)
        return float(weights @ x**2)

    return objective


def of_integers(trial: Any) -> float:
    off = [trial.suggest_int(f"n{i}", 0, 1) - 1 for i in range(6)]
    off += [trial.suggest_int(f"m{i}", -20, 20) - 7 for i in range(2)]
    return float(sum(x * x for x in off))


class TestContract(SamplerContract):
    several_objectives = False

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: quiet(seed=seed)


class TestContractOfTheRest(SamplerContract):
    """Other settings, on a space that is all the strategy's."""

    several_objectives = False
    any_space = False
    objective = staticmethod(problems.sphere)

    @pytest.fixture(params=[{"lr_adapt": True}, {"use_separable_cma": True, "popsize": 5}], ids=str)
    def sampler(self, request: Any) -> MakeSampler:
        arguments = {"restart_strategy": "bipop", "surrogate": False, **request.param}
        return lambda seed: quiet(seed=seed, **arguments)


class TestQuality(SamplerQuality):
    conditional = False

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: quiet(seed=seed)


class TestSearch:
    @pytest.mark.parametrize(
        ("arguments", "n"),
        [
            ({}, 60),
            ({"surrogate": True}, 60),
            ({"surrogate": False}, 260),
            ({"use_separable_cma": True, "surrogate": False}, 260),
            ({"popsize": 6, "surrogate": False}, 260),
        ],
    )
    def test_a_sphere_is_solved(self, arguments: Any, n: int) -> None:
        study = study_of(**arguments)
        study.optimize(sphere, n_trials=n)
        assert study.best_value < 1e-2

    def test_a_rotated_ellipsoid_is_solved_by_the_model_long_before_the_covariance(self) -> None:
        study = study_of()
        study.optimize(rotated(4), n_trials=60)
        assert study.best_value < 1e-2
        study = study_of(surrogate=False)
        study.optimize(rotated(4), n_trials=60)
        assert study.best_value > 1.0
        study.optimize(rotated(4), n_trials=900)
        assert study.best_value < 1e-2

    @pytest.mark.parametrize("with_margin", [False, True])
    def test_integers_do_not_get_stuck(self, with_margin: bool) -> None:
        for seed in range(3):
            study = study_of(seed=seed, with_margin=with_margin)
            study.optimize(of_integers, n_trials=300)
            assert study.best_value == 0

    def test_choices_are_learned_along_with_numbers(self) -> None:
        def objective(trial: Any) -> float:
            wrong = sum(trial.suggest_categorical(f"c{i}", list("abcd")) != "c" for i in range(4))
            return float(wrong + sum((x - 1) ** 2 for x in numbers(trial, 3)))

        study = study_of()
        study.optimize(objective, n_trials=400)
        assert study.best_value < 0.05

    def test_choices_alone(self) -> None:
        study = study_of()
        study.optimize(
            lambda t: sum(t.suggest_categorical(f"c{i}", list("abc")) != "b" for i in range(8)),
            n_trials=250,
        )
        assert study.best_value == 0

    def test_values_as_great_as_they_can_be_are_no_trouble(self) -> None:
        study = skipjack.create_study(sampler=CmaEsSampler(seed=1, popsize=4))
        study.optimize(
            lambda t: (
                (-1) ** t.number
                * 1e308
                * (t.suggest_float("x", -1, 1) + t.suggest_float("y", -0.5, 0.5))
            ),
            n_trials=60,
        )
        check_legal(study.trials)

    def test_the_best_may_lie_on_the_edge(self) -> None:
        for surrogate in (None, False):
            study = study_of(surrogate=surrogate)
            study.optimize(lambda t: sum(numbers(t)), n_trials=200)
            assert study.best_value < -19.9

    def test_feasible_trials_rank_before_others(self) -> None:
        def objective(trial: Any) -> float:
            x = numbers(trial)
            trial.set_constraint("c", 2.0 - x[0])
            return sum(v * v for v in x)

        study = study_of()
        study.optimize(objective, n_trials=300)
        assert 4.0 <= study.best_value < 4.2

    def test_learning_rates_that_adapt_stand_noise(self) -> None:
        rng = np.random.default_rng(0)
        study = study_of(lr_adapt=True, surrogate=False)
        study.optimize(lambda t: sphere(t) + 3 * float(rng.normal()), n_trials=1000)
        late = np.array([list(t.params.values()) for t in study.trials[-200:]])
        assert np.abs(late.mean(axis=0) - 1).max() < 0.4


class TestWhatTheArgumentsDo:
    def test_the_first_generation_lies_about_the_start(self) -> None:
        for start, width, near in ((None, None, 0.0), ({"x1": 3.0}, 0.01, 3.0)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                study = study_of(x0=start, sigma0=width, popsize=40)
            study.optimize(sphere, n_trials=41)
            drawn = np.array([t.params["x1"] for t in study.trials[1:]])
            assert abs(drawn.mean() - near) < 4 * 10 * (width or 1 / 6) / math.sqrt(40)
            assert 0.5 < drawn.std() / (10 * (width or 1 / 6)) < 1.5

    def test_the_independent_sampler_draws_the_first_trials(self) -> None:
        study = study_of(n_startup_trials=7, independent_sampler=RandomSampler(seed=3))
        study.optimize(sphere, n_trials=8)
        other = study_of(RandomSampler(seed=3))
        other.optimize(sphere, n_trials=8)
        assert told(study)[:7] == told(other)[:7]
        assert told(study)[7] != told(other)[7]

    def test_a_users_own_sampler_may_be_the_independent_one(self) -> None:
        class Own(RandomSampler):
            def sample_independent(self, study: Any, trial: Any, name: Any, dist: Any) -> Any:
                return dist.high

        study = study_of(independent_sampler=Own())
        study.optimize(sphere, n_trials=1)
        assert set(study.best_params.values()) == {5.0}
        study.optimize(sphere, n_trials=60)
        assert study.best_value < 0.1

    @pytest.mark.parametrize("warns", [True, False])
    def test_left_out_parameters_are_told_once(self, warns: bool) -> None:
        def objective(trial: Any) -> float:
            more = trial.suggest_float("odd", 0, 1) if trial.number % 2 else 0.0
            return sphere(trial) + more

        study = study_of(warn_independent_sampling=warns)
        with listening() as heard:
            study.optimize(objective, n_trials=12)
        said = [text for text in heard.texts if "drawn by TPESampler" in text]
        assert len(said) == warns

    def test_pruned_trials_count_if_one_says_so(self) -> None:
        def objective(trial: Any) -> float:
            trial.report(sphere(trial), 3)
            trial.report(1e9, 1)
            raise skipjack.TrialPruned

        found = []
        for count in (True, False):
            study = study_of(consider_pruned_trials=count)
            study.optimize(sphere, n_trials=1)
            study.optimize(objective, n_trials=60)
            found.append(min(t.intermediate_values[3] for t in study.trials[1:]))
        assert found[0] < 1e-2 < found[1]

    def test_source_trials_say_where_to_start(self) -> None:
        rng = np.random.default_rng(0)
        points = rng.uniform(-5, 5, (100, 4))
        source = [
            create_trial(
                value=float(((x - 2) ** 2).sum()),
                params=dict(zip(X, x.tolist(), strict=True)),
                distributions=X,
            )
            for x in points
        ]
        study = study_of(source_trials=source, popsize=20)
        study.optimize(sphere, n_trials=21)
        best = points[np.argsort(((points - 2) ** 2).sum(axis=1))[:10]].mean(axis=0)
        drawn = np.array([list(t.params.values()) for t in study.trials[1:]])
        assert np.abs(drawn.mean(axis=0) - best).max() < 1.5
        up = skipjack.create_study(direction="maximize", sampler=quiet(source_trials=source))
        up.optimize(lambda t: -sphere(t), n_trials=10)
        assert np.mean([list(t.params.values()) for t in up.trials[1:]]) < 0

    def test_source_trials_of_choices_alone_are_no_trouble(self) -> None:
        def objective(trial: Any) -> float:
            return float(len(trial.suggest_categorical("word", ["a", "ab", "abc"])))

        source = skipjack.create_study(sampler=RandomSampler(seed=1))
        source.optimize(objective, n_trials=5)
        study = study_of(source_trials=source.trials)
        study.optimize(objective, n_trials=30)
        assert study.best_value == 1

    def test_runs_begin_again_with_more_or_fewer_candidates(self) -> None:
        sizes: dict[Any, set[int]] = {}
        for strategy in (None, "ipop", "bipop"):
            sampler = quiet(restart_strategy=strategy, popsize=4, surrogate=False)
            fold = RunFold(Space({"x": FloatDistribution(0, 1)}), sampler._settings, 1)
            study, seen = study_of(sampler), sizes.setdefault(strategy, set())
            for _ in range(450):
                study.optimize(lambda t: t.suggest_float("x", 0, 1) ** 2, n_trials=2)
                seen.add(study.history.derived(fold).regime.population)
        assert sizes[None] == {4}
        assert {4, 8, 16} <= sizes["ipop"]
        assert {4, 8} <= sizes["bipop"]

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"sigma0": 0.0}, "`sigma0` must be positive"),
            ({"sigma0": -0.1}, "`sigma0` must be positive"),
            ({"sigma0": math.nan}, "`sigma0` must be positive"),
            ({"sigma0": [0.1]}, "`sigma0` must be a number"),
            ({"n_startup_trials": -1}, "`n_startup_trials` must not be negative"),
            ({"popsize": 1}, "`popsize` must be at least 2"),
            ({"popsize": 4.5}, "`popsize` must be an int"),
            ({"inc_popsize": 0}, "`inc_popsize` must be at least 1"),
            ({"restart_strategy": "never"}, "`restart_strategy` must be None, 'ipop' or 'bipop'"),
            ({"x0": [1.0]}, "`x0` must be a mapping"),
            ({"independent_sampler": "random"}, "`independent_sampler` must be a sampler"),
            ({"source_trials": [], "sigma0": 0.1}, "`source_trials` must be None"),
            ({"source_trials": [1.0]}, "`source_trials` must hold trials"),
            ({"source_trials": [], "use_separable_cma": True}, "`source_trials` must be None"),
            ({"with_margin": True, "use_separable_cma": True}, "`with_margin` must be False"),
            ({"lr_adapt": True, "with_margin": True}, "`lr_adapt` must be False"),
        ],
    )
    @pytest.mark.filterwarnings("ignore::FutureWarning")
    def test_bad_arguments_are_explained(self, arguments: Any, error: str) -> None:
        with pytest.raises((ValueError, TypeError), match=error):
            CmaEsSampler(**arguments)

    @pytest.mark.filterwarnings("ignore::FutureWarning")
    @pytest.mark.parametrize(
        ("value", "error"),
        [
            (7.0, r"`x0\['x1'\]` must lie in FloatDistribution\(.*\), but got 7.0"),
            (math.nan, r"`x0\['x1'\]` must lie in"),
            ("left", r"`x0\['x1'\]` must be a number"),
        ],
    )
    def test_a_start_outside_is_an_error_as_soon_as_the_range_is_known(
        self, value: Any, error: str
    ) -> None:
        study = study_of(x0={"x0": 0.0, "x1": value})
        with pytest.raises((ValueError, TypeError), match=error):
            study.optimize(sphere, n_trials=3)
        assert [t.state.name for t in study.trials] == ["COMPLETE"]

    @pytest.mark.filterwarnings("ignore::FutureWarning")
    def test_a_start_of_another_name_is_ignored_with_one_warning(self) -> None:
        study = study_of(x0={"x1": 3.0, "X1": 4.0})
        with pytest.warns(UserWarning, match="`x0` has 'X1', which is no number") as caught:
            study.optimize(sphere, n_trials=20)
        assert len(caught) == 1

    def test_several_objectives_are_refused(self) -> None:
        study = skipjack.create_study(directions=["minimize"] * 2, sampler=quiet())
        with pytest.raises(ValueError, match="one for CmaEsSampler"):
            study.ask()

    @pytest.mark.parametrize("name", ["CMASampler", "CMAESampler"])
    def test_names_that_people_write_are_understood(self, name: str) -> None:
        with pytest.warns(FutureWarning, match=f"no `samplers.{name}`; `CmaEsSampler` is used"):
            assert getattr(skipjack.samplers, name) is CmaEsSampler


class TestGenerations:
    def candidates(self, history: Any, n: int, sampler: CmaEsSampler) -> list[Any]:
        return [
            dict(sampler.propose(history, history.space, stream(1, k, "cma-es"), {}))
            for k in range(n)
        ]

    def test_trials_that_run_at_once_get_different_candidates(self) -> None:
        study = study_of()
        study.optimize(sphere, n_trials=1)
        trials = [study.ask() for _ in range(30)]
        assert len({tuple(numbers(trial)) for trial in trials}) == 30

    def test_it_does_not_matter_in_which_order_a_generation_is_told(self) -> None:
        found = []
        for order in (1, -1):
            study = study_of(surrogate=False, popsize=10)
            study.optimize(sphere, n_trials=1)
            trials = [study.ask() for _ in range(10)]
            values = [sphere(trial) for trial in trials]
            for trial, value in list(zip(trials, values, strict=True))[::order]:
                study.tell(trial, value)
            found.append(numbers(study.ask()))
        assert found[0] == pytest.approx(found[1], rel=1e-12)

    def test_trials_that_nobody_knows_of_yet_come_first(self) -> None:
        """Two workers that ask at the same moment see the same past, but have other numbers."""
        past = Past()
        for i in range(5):
            past.add({name: (dist, i / 5) for name, dist in X.items()}, [float(i)])
        drawn = [
            tuple(quiet().propose(past.history, past.history.space, stream(1, n, ""), {}).items())
            for n in range(5, 11)
        ]
        assert len(set(drawn)) == 6

    def test_late_trials_count(self) -> None:
        """Eight workers that never wait for each other need not many more trials than one."""

        def needed(workers: int) -> int:
            study = study_of(surrogate=False)
            study.optimize(sphere, n_trials=1)
            running: list[Any] = []
            for n in range(2000):
                while len(running) < workers:
                    trial = study.ask()
                    running.append((trial, sphere(trial)))
                trial, value = running.pop(n * 7 % workers)
                study.tell(trial, value)
                if value < 1e-2:
                    return n
            return 2000

        assert needed(8) < 1.8 * needed(1)

    def test_trials_from_elsewhere_never_make_a_generation_of_their_own(self) -> None:
        study = study_of()
        study.optimize(sphere, n_trials=40)
        for k in range(1, 40):  # each is the best so far, and the model is trusted
            study.enqueue_trial(dict.fromkeys(X, 1.0 + 10.0**-k))
            study.optimize(sphere, n_trials=2)
        assert all(math.isfinite(x) for t in study.trials for x in t.params.values())

    def test_trials_that_fail_are_replaced(self) -> None:
        def objective(trial: Any) -> float:
            loss = sphere(trial)
            return math.nan if trial.number % 3 == 1 else loss

        study = study_of()
        study.optimize(objective, n_trials=90)
        points = [tuple(t.params.values()) for t in study.trials]
        assert len(set(points)) == 90
        assert study.best_value < 1e-2

    def test_the_last_digits_of_another_machine_do_not_matter(self) -> None:
        found = []
        for factor in (1.0, 1.0 + 1e-15):
            past = Past()
            sampler = quiet(surrogate=False)
            past.add({name: (dist, 0.5) for name, dist in X.items()}, [9.0])
            for n in range(1, 60):
                history = past.history
                drawn = sampler.propose(history, history.space, stream(1, n, ""), {})
                loss = sum((x - 1) ** 2 for x in drawn.values())
                past.add({k: (X[k], x * factor) for k, x in drawn.items()}, [loss])
            found.append(past.history.losses[-20:, 0].mean())
        assert found[0] == pytest.approx(found[1], rel=1e-6)
        assert found[0] < 5

    def test_the_best_of_trials_from_elsewhere_counts(self) -> None:
        study = study_of(surrogate=False)
        study.optimize(sphere, n_trials=3)
        study.enqueue_trial(dict.fromkeys(X, 1.0))
        study.optimize(sphere, n_trials=25)
        late = np.array([list(t.params.values()) for t in study.trials[-9:]])
        other = study_of(surrogate=False)
        other.optimize(sphere, n_trials=27)
        apart = np.array([list(t.params.values()) for t in other.trials[-9:]])
        assert np.abs(late - 1).mean() < np.abs(apart - 1).mean()

    def test_a_fresh_process_would_propose_the_same(self) -> None:
        settings: list[Any] = [{}, {"surrogate": True}, {"lr_adapt": True}]
        for arguments in settings:
            study = study_of(**arguments)
            study.optimize(problems.sphere, n_trials=80)
            past = Past()
            for trial in study.trials:
                history, number = past.history, stream(1, trial.number, "cma-es")
                if trial.number and trial.number % 5 == 0:
                    fresh = quiet(**arguments).propose(history, history.space, number, {})
                    assert dict(fresh) == trial.params
                params = {k: (trial.distributions[k], v) for k, v in trial.params.items()}
                past.add(params, trial.values)
                past.state.history.version += 1  # every fold starts anew


class TestAxes:
    def test_cells_end_half_way_between_values(self) -> None:
        axes = Axes(
            Space(
                {
                    "n": IntDistribution(0, 3),
                    "log": IntDistribution(1, 64, log=True),
                    "step": FloatDistribution(0, 1, step=0.25),
                    "one": IntDistribution(4, 4),
                    "c": CategoricalDistribution("ab"),
                }
            )
        )
        assert axes.whole.names == ("n", "log", "step", "c")
        below, above = axes.cells(np.array([0.4, 0.0, 1.0]))
        assert below[0] == 0.25
        assert above[0] == 0.5
        assert below[1] == -math.inf
        assert above[1] == pytest.approx(math.log(1.5 / 0.5) / math.log(64.5 / 0.5))
        assert below[2] == pytest.approx(0.8)
        assert above[2] == math.inf

    def test_points_and_places_are_inverse(self) -> None:
        axes = Axes(Space(problems.KINDS))
        rng = np.random.default_rng(1)
        for _ in range(50):
            places = rng.random(len(axes.numeric))
            codes = rng.integers(axes.sizes)
            values = axes.values(places, codes)
            found = axes.places(values)
            assert found is not None
            assert axes.values(*found) == pytest.approx(values, rel=1e-9)


def test_the_default_independent_sampler_is_tpe() -> None:
    assert isinstance(quiet()._independent, TPESampler)
