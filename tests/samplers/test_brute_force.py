"""Exhaustive search of spaces whose parameters may depend on each other."""

import itertools
import random
from typing import Any

import pytest

import skipjack
from skipjack.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from skipjack.samplers import BruteForceSampler, PartialFixedSampler, RandomSampler
from skipjack.samplers.tree import Node, Tree
from skipjack.testing.samplers import MakeSampler, SamplerContract
from skipjack.trial import TrialState, create_trial

pytestmark = pytest.mark.filterwarnings("ignore::skipjack.errors.ExperimentalWarning")


def flat(trial: Any) -> float:
    kind = trial.suggest_categorical("kind", ["a", "b", None])
    x = trial.suggest_float("x", 0, 1, step=0.25)
    return float(trial.suggest_int("n", 1, 4, log=True)) + x * ["a", "b", None].index(kind)


class TestContractOfBruteForce(SamplerContract):
    objective = staticmethod(flat)
    any_space = False

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: BruteForceSampler(seed=seed)


def tree(trial: Any) -> float:
    """Leaves: a with 3, b with 2 times as many as c says, and one without anything more."""
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    if kind == "a":
        return float(trial.suggest_int("n", 0, 2))
    if kind == "b":
        c = trial.suggest_int("c", 0, 2)
        high = trial.suggest_int("high", 0, c)
        return high + trial.suggest_float("x", 0, 1, step=1.0)
    return 0.0


LEAVES = 3 + 2 * (1 + 2 + 3) + 1


def told(study: Any) -> list[tuple[Any, ...]]:
    return [tuple(trial.params.items()) for trial in study.trials]


def a_study(**arguments: Any) -> Any:
    return skipjack.create_study(sampler=BruteForceSampler(**{"seed": 1, **arguments}))


@pytest.mark.parametrize(("objective", "leaves"), [(flat, 3 * 5 * 4), (tree, LEAVES)])
@pytest.mark.parametrize("seed", range(4))
class TestEveryLeafIsTriedOnce:
    def test_by_one_worker(self, objective: Any, leaves: int, seed: int) -> None:
        study = a_study(seed=seed)
        study.optimize(objective)  # ends by itself
        assert len(study.trials) == len(set(told(study))) == leaves
        study.optimize(objective, n_trials=5)
        assert len(study.trials) == leaves
        assert study.sampler.is_exhausted(study)

    def test_by_threads(self, objective: Any, leaves: int, seed: int) -> None:
        study = a_study(seed=seed, avoid_premature_stop=True)
        study.optimize(objective, n_jobs=3)
        assert len(set(told(study))) == leaves
        assert len(study.trials) <= leaves + 8

    def test_whoever_asks_and_whatever_becomes_of_it(
        self, objective: Any, leaves: int, seed: int
    ) -> None:
        study = a_study(seed=seed)
        running: list[Any] = []
        for number in range(leaves + 40):
            trial = study.ask()
            value = objective(trial)
            running.append((trial, value, number))
            if len(running) == 4 or number % 7 == 0:
                done, value, number = running.pop(0)
                state = [TrialState.FAIL, TrialState.PRUNED, None][number % 3]
                study.tell(done, None if state else value, state=state)
            if len(set(told(study))) == leaves:
                break
        assert len(set(told(study))) == leaves
        assert number <= leaves + 12

    def test_stopping_and_resuming_changes_nothing(
        self, objective: Any, leaves: int, seed: int
    ) -> None:
        whole = a_study(seed=seed)
        whole.optimize(objective)
        parts = a_study(seed=seed)
        for _ in range(leaves):
            parts.sampler = BruteForceSampler(seed=seed)
            parts.optimize(objective, n_trials=1)
        assert told(parts) == told(whole)


def test_the_seed_shuffles() -> None:
    orders = []
    for seed in (1, 1, 2):
        study = a_study(seed=seed)
        study.optimize(flat)
        orders.append(told(study))
    assert orders[0] == orders[1] != orders[2]
    assert sorted(map(str, orders[1])) == sorted(map(str, orders[2]))
    assert orders[0] != sorted(orders[0], key=str)


def test_ten_thousand_leaves() -> None:
    study = a_study()
    study.optimize(lambda t: sum(t.suggest_int(f"x{i}", 0, 9) for i in range(3)))
    assert len(study.trials) == 1000
    wide = a_study()
    wide.optimize(lambda t: t.suggest_int("x", 0, 10**12), n_trials=50)
    assert len(set(told(wide))) == 50
    running = [wide.ask() for _ in range(20)]
    assert len({trial.suggest_int("x", 0, 10**12) for trial in running}) == 20


def test_a_float_without_a_step_is_an_error_that_says_so() -> None:
    study = a_study()
    with pytest.raises(ValueError, match="`x` must have a `step`"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    study.optimize(lambda trial: trial.suggest_float("y", 1, 1) + flat(trial))
    assert len(set(told(study))) >= 60


def test_trials_of_others_count() -> None:
    study = skipjack.create_study(sampler=RandomSampler(seed=1))
    study.optimize(flat, n_trials=30)
    tried = len(set(told(study)))
    study.sampler = BruteForceSampler(seed=1)
    study.optimize(flat)
    assert len(study.trials) == 30 + 60 - tried
    assert len(set(told(study))) == 60


def test_enqueued_values_are_kept_and_not_tried_again() -> None:
    study = a_study()
    study.enqueue_trial({"kind": "b", "c": 2})
    study.enqueue_trial({"kind": "a", "n": 1})
    study.optimize(tree)
    assert study.trials[0].params["kind"] == "b" and study.trials[0].params["c"] == 2
    assert study.trials[1].params == {"kind": "a", "n": 1}
    assert len(study.trials) == len(set(told(study))) == LEAVES


def test_a_trial_that_ended_early_leaves_the_rest_to_others() -> None:
    def dies(trial: Any) -> float:
        kind = trial.suggest_categorical("kind", ["a", "b"])
        if trial.number == 3:
            raise ValueError("once")
        return trial.suggest_int("n", 0, 4) + ["a", "b"].index(kind)

    study = a_study()
    study.optimize(dies, catch=ValueError)
    complete = [t for t in study.trials if t.state is TrialState.COMPLETE]
    assert len({tuple(t.params.items()) for t in complete}) == len(complete) == 10


def test_the_objective_may_change_its_mind() -> None:
    study = a_study()
    study.optimize(lambda t: t.suggest_int("x", 0, 3))
    study.optimize(lambda t: t.suggest_int("x", 0, 5))  # it looked explored
    assert len(study.trials) == 4
    for _ in range(2):
        trial = study.ask()
        assert trial.suggest_int("x", 0, 5) > 3
        study.tell(trial, 0.0)
    assert len(set(told(study))) == 6
    study.optimize(lambda t: t.suggest_int("y", 0, 2), n_trials=9)
    assert all(trial.state is TrialState.COMPLETE for trial in study.trials)


def test_new_choices_are_tried_and_old_ones_not_again() -> None:
    study = skipjack.create_study(sampler=BruteForceSampler(seed=1), dynamic_choices=True)
    study.optimize(lambda t: float(t.suggest_categorical("w", ["a", "b"]) == "a"))
    trial = study.ask()
    assert trial.suggest_categorical("w", ["c", "b", "a"]) == "c"
    study.tell(trial, 1.0)
    assert study.sampler.is_exhausted(study)


def test_with_some_values_fixed_the_others_are_tried_out() -> None:
    sampler = PartialFixedSampler({"kind": "b", "c": 1}, BruteForceSampler(seed=1))
    study = skipjack.create_study(sampler=sampler)
    study.optimize(tree)
    assert len(study.trials) == len(set(told(study))) == 4
    study.sampler = PartialFixedSampler({"kind": "b"}, BruteForceSampler(seed=1))
    study.optimize(tree)
    assert len(study.trials) == len(set(told(study))) == 12


def test_all_that_is_left_is_running_elsewhere() -> None:
    for patient in (False, True):
        study = a_study(avoid_premature_stop=patient)
        study.optimize(lambda t: t.suggest_int("x", 0, 4), n_trials=3)
        others = [study.ask() for _ in range(2)]
        held = {trial.suggest_int("x", 0, 4) for trial in others}
        assert len(held | {trial.params["x"] for trial in study.trials}) == 5
        study.optimize(lambda t: t.suggest_int("x", 0, 4), n_trials=1)
        assert len(study.trials) == 5 + patient


def test_an_objective_without_parameters_is_tried_once() -> None:
    study = a_study()
    study.optimize(lambda trial: 1.0)
    assert len(study.trials) == 1
    failing = a_study()
    failing.add_trial(create_trial(state=TrialState.FAIL))
    failing.optimize(tree)
    assert len(set(told(failing))) == LEAVES + 1


class TestNode:
    @pytest.mark.parametrize(
        "dist",
        [
            IntDistribution(-3, 39, step=3),
            IntDistribution(1, 9, log=True),
            FloatDistribution(0.0, 1.0, step=0.1),
            CategoricalDistribution(list("abcdef")),
        ],
    )
    def test_closing_and_opening_in_any_order(self, dist: Any) -> None:
        for seed in range(20):
            node, closed = Node(), set[int]()
            node.become("x", dist)
            rng = random.Random(seed)
            for _ in range(60):
                branch = rng.randrange(node.grid.cells)
                (node.close if rng.random() < 0.6 else node.open)(branch)
                closed = closed | {branch} if not node.is_open(branch) else closed - {branch}
                assert node.n_open == node.grid.cells - len(closed)
                assert node.n_leaves == len(closed)
                places = [k / 50 for k in range(50)]
                drawn = {node.choose(u) for u in places}
                assert drawn == ({None} if not node.n_open else drawn - closed)
                if node.n_open and len(closed) < 3:
                    assert node.choose(0.9, but=closed) is not None
            every = {node.choose(k / 1000) for k in range(1000)} - {None}
            assert every == set(range(node.grid.cells)) - closed

    def test_every_order_of_trials_explores_the_tree(self) -> None:
        x, y = IntDistribution(0, 1), IntDistribution(0, 1)
        leaves = [(("x",), (x,), [0.0])] + [(("x", "y"), (x, y), [1.0, v]) for v in (0.0, 1.0)]
        early = (("x",), (x,), [1.0])  # ended before it came to y
        for order in itertools.permutations([*leaves, early]):
            found = Tree()
            for names, dists, values in order:
                found.add(names, dists, values)
            assert found.is_explored
