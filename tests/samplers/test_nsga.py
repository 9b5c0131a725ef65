"""NSGA-II, NSGA-III, and genetic samplers that users write."""

import pickle
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.rng import Stream
from skipjack.samplers import BaseGASampler, NSGAIIISampler, NSGAIISampler, RandomSampler, nsgaii
from skipjack.testing import problems
from skipjack.testing.problems import told
from skipjack.testing.samplers import MakeSampler, SamplerContract, SamplerQuality
from skipjack.trial import FrozenTrial, TrialState, create_trial

pytestmark = pytest.mark.filterwarnings("ignore::skipjack.errors.ExperimentalWarning")
Sampler = type[NSGAIISampler] | type[NSGAIIISampler]
BOTH: tuple[Sampler, ...] = (NSGAIISampler, NSGAIIISampler)


class TestContractOfNSGAII(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: NSGAIISampler(seed=seed, population_size=8)


class TestContractOfNSGAIII(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        mutation = nsgaii.PolynomialMutation()
        return lambda seed: NSGAIIISampler(seed=seed, population_size=6, mutation=mutation)


class OwnCrossover(nsgaii.BaseCrossover):
    """As a user might write one."""

    n_parents = 2

    def crossover(self, parents_params: Any, rng: Any, study: Any, search_space_bounds: Any) -> Any:
        assert len(study.directions) >= 1
        share = rng.rand(parents_params.shape[1])
        return share * parents_params[0] + (1.0 - share) * parents_params[1]


class TestContractWithACrossoverOfTheUser(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: NSGAIISampler(
            seed=seed, population_size=6, crossover=OwnCrossover(), mutation_prob=0.3
        )


@pytest.mark.slow
class TestQualityOfNSGAII(SamplerQuality):
    n_trials = 200

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: NSGAIISampler(seed=seed, population_size=10)


@pytest.mark.slow
class TestQualityOfNSGAIII(SamplerQuality):
    n_trials = 200

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: NSGAIIISampler(seed=seed, population_size=10)


def two(trial: Any) -> tuple[float, float]:
    x = [trial.suggest_float(f"x{i}", -5.0, 5.0) for i in range(4)]
    kind = trial.suggest_categorical("kind", ["a", "b"])
    return sum(v * v for v in x) + (kind == "a"), sum((v - 2.0) ** 2 for v in x)


def run(sampler: Any, n: int = 30, objective: Any = two, m: int = 2) -> Any:
    study = skipjack.create_study(directions=["minimize"] * m, sampler=sampler)
    study.optimize(objective, n_trials=n)
    return study


def numbers(trials: list[FrozenTrial]) -> list[int]:
    return [trial.number for trial in trials]


@pytest.mark.parametrize("kind", BOTH)
class TestGenerations:
    def test_complete_trials_are_counted_off_into_generations(self, kind: Sampler) -> None:
        sampler = kind(population_size=5, seed=1)
        study = run(sampler, 13)
        assert numbers(sampler.get_population(study, 0)) == [0, 1, 2, 3, 4]
        assert numbers(sampler.get_population(study, 2)) == [10, 11, 12]
        assert sampler.get_parent_population(study, 0) == []
        assert sampler.get_parent_population(study, 3) == []
        assert set(numbers(sampler.get_parent_population(study, 1))) == {0, 1, 2, 3, 4}
        second = sampler.get_parent_population(study, 2)
        assert len(second) == 5 and set(numbers(second)) <= set(range(10))
        assert sampler.select_parent(study, 2) == second
        generations = [sampler.get_trial_generation(study, trial) for trial in study.trials]
        assert generations == [0] * 5 + [1] * 5 + [2] * 3
        assert isinstance(sampler, BaseGASampler) and sampler.population_size == 5

    def test_failed_and_pruned_trials_are_not_among_them(self, kind: Sampler) -> None:
        def fails(trial: Any) -> tuple[float, float]:
            if trial.number % 3 == 1:
                raise ValueError
            return two(trial)

        sampler = kind(population_size=4, seed=1)
        study = skipjack.create_study(directions=["minimize"] * 2, sampler=sampler)
        study.optimize(fails, n_trials=14, catch=ValueError)
        assert numbers(sampler.get_population(study, 0)) == [0, 2, 3, 5]
        assert sampler.get_trial_generation(study, study.trials[4]) == 0
        assert sampler.get_trial_generation(study, study.trials[7]) == 1

    def test_trials_that_were_added_count_too(self, kind: Sampler) -> None:
        past = run(RandomSampler(seed=0), 40).trials
        sampler = kind(population_size=10, seed=1)
        study = skipjack.create_study(directions=["minimize"] * 2, sampler=sampler)
        study.add_trials(past)
        assert len(sampler.get_parent_population(study, 4)) == 10
        study.optimize(two, n_trials=10)
        best = np.mean([t.values for t in sampler.get_parent_population(study, 4)], axis=0)
        assert (best < np.mean([t.values for t in past], axis=0)).all()
        bred = np.mean([t.values for t in study.trials[40:]], axis=0)
        assert bred.sum() < np.mean([t.values for t in past], axis=0).sum()

    def test_nothing_is_written_into_the_storage(self, kind: Sampler) -> None:
        study = run(kind(population_size=4, seed=1), 12)
        assert all(trial.system_attrs == {} for trial in study.trials)
        assert study._storage.get_study_system_attrs(study._study_id) == {}

    def test_children_are_like_their_parents(self, kind: Sampler) -> None:
        study = run(kind(population_size=5, seed=1, mutation_prob=0.0), 20)
        first = {(k, v) for trial in study.trials[:5] for k, v in trial.params.items()}
        later = {(k, v) for trial in study.trials[5:] for k, v in trial.params.items()}
        assert later <= first
        clones = run(kind(population_size=5, seed=1, mutation_prob=0.0, crossover_prob=0.0), 10)
        first_points = [trial.params for trial in clones.trials[:5]]
        assert all(trial.params in first_points for trial in clones.trials[5:])

    def test_few_points_are_not_tried_twice(self, kind: Sampler) -> None:
        study = run(kind(population_size=5, seed=2), 30, few)
        assert len({tuple(trial.params.values()) for trial in study.trials}) >= 29

    def test_parents_keep_their_constraints_if_there_are_enough_who_do(self, kind: Sampler) -> None:
        def bound(trial: Any) -> tuple[float, float]:
            values = two(trial)
            trial.set_constraint("x0", trial.params["x0"] - 0.5)
            return values

        sampler = kind(population_size=10, seed=3)
        study = run(sampler, 60, bound)
        parents = sampler.get_parent_population(study, 6)
        assert all(trial.constraints["x0"] <= 0.0 for trial in parents)
        assert sum(trial.constraints["x0"] <= 0.0 for trial in study.trials[40:]) >= 15

    @pytest.mark.parametrize("m", [1, 4])
    def test_any_number_of_objectives(self, kind: Sampler, m: int) -> None:
        def objective(trial: Any) -> Sequence[float]:
            x = [trial.suggest_float(f"x{i}", 0, 1) for i in range(5)]
            return [abs(v - 0.5) + sum(x[k + 1 :]) for k, v in enumerate(x[:m])]

        study = run(kind(population_size=8, seed=1), 60, objective, m)
        totals = [sum(trial.values) for trial in study.trials]
        assert np.mean(totals[30:]) < np.mean(totals[:8])


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("objective", [problems.branches, problems.loops, problems.mixed])
def test_a_fresh_process_proposes_what_the_running_one_does(kind: Sampler, objective: Any) -> None:
    running = kind(population_size=6, seed=4)
    study = skipjack.create_study(sampler=running)
    for n in range(1, 50):
        study.optimize(objective, n_trials=1)
        histories = study.history, pickle.loads(pickle.dumps(study.history))
        proposed = [
            sampler.propose(history, history.space, Stream(4, n, running.purpose), {})
            for sampler, history in zip((running, kind(population_size=6, seed=4)), histories)
        ]
        assert proposed[0] == proposed[1]


def few(trial: Any) -> tuple[float, float]:
    a, b = trial.suggest_int("a", 0, 9), trial.suggest_categorical("b", list("pqrst"))
    return abs(a - 3) + "pqrst".index(b), abs(a - 6) - "pqrst".index(b)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"population_size": 1}, ValueError, "population_size"),
        ({"population_size": 2.5}, TypeError, "population_size"),
        ({"mutation_prob": 1.5}, ValueError, "mutation_prob"),
        ({"crossover_prob": -0.5}, ValueError, "crossover_prob"),
        ({"swapping_prob": 2}, ValueError, "swapping_prob"),
        ({"crossover": "SBX"}, ValueError, "crossover"),
        ({"mutation": 3}, ValueError, "mutation"),
        ({"elite_population_selection_strategy": 3}, TypeError, "elite_population"),
        ({"seed": "a"}, TypeError, "seed"),
    ],
)
def test_wrong_arguments_are_refused(
    kind: Sampler, wrong: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        kind(**wrong)


def test_the_population_must_hold_the_parents_of_a_child() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        NSGAIISampler(population_size=2, crossover=nsgaii.SPXCrossover())


@pytest.mark.parametrize(
    "make",
    [
        lambda: nsgaii.UniformCrossover(1.5),
        lambda: nsgaii.BLXAlphaCrossover(-1.0),
        lambda: nsgaii.SBXCrossover(eta=-1.0),
        lambda: nsgaii.SBXCrossover(uniform_crossover_prob=2.0),
        lambda: nsgaii.VSBXCrossover(use_child_gene_prob=0.0),
        lambda: nsgaii.UNDXCrossover(sigma_xi=float("nan")),
        lambda: nsgaii.SPXCrossover(epsilon=-1.0),
        lambda: nsgaii.PolynomialMutation(eta=-1.0),
        lambda: NSGAIIISampler(dividing_parameter=0),
        lambda: NSGAIIISampler(reference_points=np.zeros((2, 3))),
        lambda: NSGAIIISampler(reference_points=np.array([1.0, 2.0])),
    ],
)
def test_wrong_settings_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        make()


@pytest.mark.parametrize(
    "crossover",
    [
        nsgaii.UniformCrossover,
        nsgaii.BLXAlphaCrossover,
        nsgaii.SPXCrossover,
        nsgaii.SBXCrossover,
        nsgaii.VSBXCrossover,
        nsgaii.UNDXCrossover,
    ],
)
@pytest.mark.parametrize("objective", [problems.every_kind, problems.branches, problems.ranges])
def test_every_crossover_stays_inside_any_space(crossover: Any, objective: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = NSGAIISampler(
            seed=1, population_size=6, crossover=crossover(), mutation=nsgaii.PolynomialMutation()
        )
    study = skipjack.create_study(sampler=sampler)
    study.optimize(objective, n_trials=30)
    problems.check_legal(study.trials)
    again = skipjack.create_study(sampler=pickle.loads(pickle.dumps(sampler)))
    again.optimize(objective, n_trials=30)
    assert told(again) == told(study)


class TestWhatUsersWrite:
    def test_a_crossover_gets_parents_on_the_scale_of_the_space_and_a_study(self) -> None:
        seen: list[Any] = []

        class Seeing(OwnCrossover):
            def crossover(self, parents_params: Any, rng: Any, study: Any, bounds: Any) -> Any:
                seen.append((parents_params.copy(), bounds.copy(), study))
                return parents_params[0] + 1e9  # far outside: moved to the bounds

        def objective(trial: Any) -> float:
            rate = trial.suggest_float("rate", 1e-3, 1.0, log=True)
            trial.suggest_categorical("kind", ["a", "b"])
            return rate + trial.suggest_int("n", 0, 6, step=2)

        study = run(
            NSGAIISampler(population_size=3, crossover=Seeing(), mutation_prob=0.0, seed=1),
            8,
            objective,
            1,
        )
        parents, bounds, its_study = seen[0]
        assert its_study is study and parents.shape == (2, 2)
        assert np.allclose(bounds, [[np.log(1e-3), 0.0], [-1.0, 7.0]])
        started = {(np.log(t.params["rate"]), float(t.params["n"])) for t in study.trials[:3]}
        for row in parents:
            assert any(np.allclose(row, one) for one in started)
        crossed = [t.params for t in study.trials[3:] if t.params["n"] == 6]
        assert crossed and all(p["rate"] == pytest.approx(1.0) for p in crossed)

    @pytest.mark.parametrize("wrong", [[0.5], [0.5, float("nan")], "no"])
    def test_a_crossover_that_returns_no_child_is_an_error(self, wrong: Any) -> None:
        class Wrong(OwnCrossover):
            def crossover(self, *args: Any) -> Any:
                return wrong

        with pytest.raises(ValueError):
            run(
                NSGAIISampler(population_size=2, crossover=Wrong(), crossover_prob=1.0),
                9,
                lambda t: t.suggest_float("x", 0, 1) + t.suggest_float("y", 0, 1),
                1,
            )

    def test_a_mutation_gets_one_parameter_and_stays_inside(self) -> None:
        seen: list[Any] = []

        class Seeing(nsgaii.BaseMutation):
            def mutation(self, param: float, rng: Any, study: Any, bounds: Any) -> float:
                seen.append((param, bounds.tolist(), len(study.directions)))
                return param + 100.0

        study = run(NSGAIISampler(population_size=4, mutation=Seeing(), mutation_prob=1.0), 8)
        assert all(trial.params["x1"] == 5.0 for trial in study.trials[4:])
        assert {(tuple(bounds), m) for _, bounds, m in seen} == {((-5.0, 5.0), 2)}

    def test_an_elite_strategy_chooses_the_parents(self) -> None:
        calls: list[list[int]] = []

        def oldest(study: Any, population: list[FrozenTrial]) -> list[FrozenTrial]:
            calls.append(numbers(population))
            return sorted(population, key=lambda trial: trial.number)[:2]

        with pytest.warns(skipjack.exceptions.ExperimentalWarning, match="elite_population"):
            sampler = NSGAIISampler(
                population_size=4,
                seed=1,
                elite_population_selection_strategy=oldest,
                mutation_prob=0.0,
            )
        study = run(sampler, 12)
        assert calls == [[0, 1, 2, 3], [0, 1, 4, 5, 6, 7]]
        assert numbers(sampler.get_parent_population(study, 2)) == [0, 1]
        genes = {(k, v) for trial in study.trials[:2] for k, v in trial.params.items()}
        assert {(k, v) for t in study.trials[4:] for k, v in t.params.items()} <= genes

    def test_a_child_strategy_makes_the_children(self) -> None:
        calls: list[Any] = []

        def first(study: Any, space: dict[str, Any], parents: list[FrozenTrial]) -> dict[str, Any]:
            calls.append((sorted(space), len(parents)))
            return {"x0": parents[0].params["x0"], "kind": "b"}

        with pytest.warns(skipjack.exceptions.ExperimentalWarning, match="child_generation"):
            sampler = NSGAIISampler(population_size=4, seed=1, child_generation_strategy=first)
        study = run(sampler, 10)
        assert calls == [(["kind", "x0", "x1", "x2", "x3"], 4)] * 6
        best = sampler.get_parent_population(study, 2)[0].params["x0"]
        assert [(t.params["x0"], t.params["kind"]) for t in study.trials[8:]] == [(best, "b")] * 2
        assert len({trial.params["x1"] for trial in study.trials}) > 4

    def test_an_after_trial_strategy_takes_the_place_of_the_constraints(self) -> None:
        heard: list[Any] = []
        with pytest.warns() as caught:
            sampler = NSGAIISampler(
                constraints_func=lambda trial: (1.0,),
                after_trial_strategy=lambda study, trial, state, values: heard.append(
                    (trial.number, state, values)
                ),
            )
        assert {w.category.__name__ for w in caught} == {"ExperimentalWarning", "FutureWarning"}
        study = run(sampler, 2, lambda t: (t.suggest_float("x", 0, 1), 2.0))
        assert [entry[:2] for entry in heard] == [(i, TrialState.COMPLETE) for i in range(2)]
        assert heard[0][2] == study.trials[0].values
        assert study.trials[0].system_attrs == {}

    @pytest.mark.parametrize("crossover", [None, OwnCrossover()])
    def test_the_deprecated_constraints_are_noted(self, crossover: Any) -> None:
        with pytest.warns(FutureWarning, match="set_constraint"):
            sampler = NSGAIISampler(
                constraints_func=lambda trial: (trial.params["x0"],), crossover=crossover
            )
        study = run(sampler, 3)
        for trial in study.trials:
            assert trial.system_attrs["constraints"] == [trial.params["x0"]]

    def test_a_subclass_may_choose_the_parents_and_ask_for_ours(self) -> None:
        class Few(NSGAIISampler):
            def select_parent(self, study: Any, generation: int) -> list[FrozenTrial]:
                return super().select_parent(study, generation)[:2]

        sampler = Few(population_size=4, seed=1, mutation_prob=0.0)
        study = run(sampler, 12)
        parents = sampler.get_parent_population(study, 2)
        assert len(parents) == 2
        genes = {(k, v) for trial in parents for k, v in trial.params.items()}
        assert {(k, v) for t in study.trials[8:] for k, v in t.params.items()} <= genes

    def test_reference_points_of_ones_own(self) -> None:
        points = np.array([[1.0, 0.0], [0.5, 0.5]])
        study = run(NSGAIIISampler(population_size=4, seed=1, reference_points=points), 20)
        assert len(study.trials) == 20
        with pytest.raises(ValueError, match="have 3 columns"):
            run(
                NSGAIIISampler(population_size=4, seed=1, reference_points=points),
                9,
                lambda t: [t.suggest_float("x", 0, 1)] * 3,
                3,
            )


class OwnGenetic(BaseGASampler):
    """As a user might write one, by Optuna's methods."""

    def __init__(self, population_size: int | None) -> None:
        super().__init__(population_size)
        self.random = RandomSampler(seed=1)
        self.selections = 0

    def select_parent(self, study: Any, generation: int) -> list[FrozenTrial]:
        self.selections += 1
        before = self.get_population(study, generation - 1)
        before += self.get_parent_population(study, generation - 1)
        return sorted(before, key=lambda trial: trial.values[0])[:2]

    def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
        return {"x0": skipjack.distributions.FloatDistribution(-5.0, 5.0)}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
        generation = self.get_trial_generation(study, trial)
        parents = self.get_parent_population(study, generation)
        return {"x0": parents[0].params["x0"]} if parents else {}

    def sample_independent(self, study: Any, trial: Any, name: Any, dist: Any) -> Any:
        return self.random.sample_independent(study, trial, name, dist)


class TestGeneticSamplersOfUsers:
    def test_the_bookkeeping_is_in_the_storage(self) -> None:
        sampler = OwnGenetic(4)
        study = run(sampler, 11)
        attrs = [trial.system_attrs for trial in study.trials]
        assert attrs == [{"OwnGenetic:generation": number // 4} for number in range(11)]
        known = study._storage.get_study_system_attrs(study._study_id)
        assert sorted(known) == ["OwnGenetic:parent:1", "OwnGenetic:parent:2"]
        assert sampler.selections == 2
        best = sampler.get_parent_population(study, 2)
        assert known["OwnGenetic:parent:2"] == [trial._trial_id for trial in best]
        assert {trial.params["x0"] for trial in study.trials[8:]} == {best[0].params["x0"]}
        assert numbers(sampler.get_population(study, 1)) == [4, 5, 6, 7]

    def test_another_sampler_object_goes_on_alike(self) -> None:
        study = run(OwnGenetic(4), 9)
        study.sampler = again = OwnGenetic(4)
        study.optimize(two, n_trials=3)
        assert again.selections == 0
        assert study.trials[-1].system_attrs == {"OwnGenetic:generation": 2}

    def test_trials_of_others_are_in_no_generation(self) -> None:
        study = run(RandomSampler(seed=1), 6)
        study.add_trial(create_trial(values=[0.0, 0.0]))
        study.sampler = OwnGenetic(4)
        study.optimize(two, n_trials=1)
        assert study.trials[-1].system_attrs == {"OwnGenetic:generation": 0}

    def test_the_size_may_come_later_but_not_too_late(self) -> None:
        sampler = OwnGenetic(None)
        assert sampler.population_size is None
        with pytest.raises(ValueError, match="population_size"):
            run(sampler, 1)
        sampler.population_size = 3
        assert run(sampler, 4).trials[-1].system_attrs == {"OwnGenetic:generation": 1}
        with pytest.raises(ValueError, match="at least 2"):
            OwnGenetic(1)
