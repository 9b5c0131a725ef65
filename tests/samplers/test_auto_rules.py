"""AutoSampler's rules for what a user knows: a number of trials, noise, parameters, workers."""

import collections
import itertools
import random
from typing import Any

import numpy as np
import pytest

import skipjack
from skipjack.rng import Stream
from skipjack.samplers import AutoSampler
from skipjack.samplers.auto import local, noise, policy, workers
from skipjack.samplers.auto.facts import credits_of, facts, method_of
from skipjack.samplers.auto.important import most_important
from skipjack.samplers.auto.incumbent import KNOWN
from skipjack.samplers.auto.policy import Wishes
from skipjack.testing import problems
from skipjack.testing.problems import check_legal, told
from tests.samplers.test_auto import PLAIN


def chosen(wishes: Wishes, numbers: range, **changes: Any) -> dict[str, float]:
    """The share of each method among trials of these numbers."""
    known = PLAIN._replace(**changes)
    credit = dict.fromkeys(policy.contenders(known, wishes.effort), 0.5)
    rng = random.Random(0)
    found = collections.Counter(
        policy.choose(known, wishes, credit, number, rng.random()).method for number in numbers
    )
    return {method: count / len(numbers) for method, count in found.items()}


def by(study: skipjack.Study) -> list[str]:
    history = study.history
    names = [history.samplers[i] for i in history.by.tolist()]
    order = np.argsort(history.numbers).tolist()
    return [names[row].removeprefix("auto/").partition(":")[0] for row in order]


class TestKnownLength:
    def test_the_start_takes_a_quarter_at_most(self) -> None:
        assert policy.n_start(PLAIN) == 6
        assert policy.n_start(PLAIN, 20) == 5
        assert policy.n_start(PLAIN, 3) == 1
        assert policy.n_start(PLAIN, 10_000) == 6

    def test_the_last_tenth_are_small_steps_if_nothing_better_came(self) -> None:
        wishes, end = Wishes("balanced", 200), range(180, 200)
        assert chosen(wishes, end, told=180, stalled=10) == {"local": 1.0}
        assert "local" not in chosen(wishes, end, told=180, stalled=9)
        assert "local" not in chosen(wishes, range(100, 180), told=150, stalled=99)
        assert "local" not in chosen(Wishes(), end, told=180, stalled=99)
        assert "local" not in chosen(wishes, end, told=180, stalled=99, objectives=2)

    def test_many_at_once_are_so_in_proportion(self) -> None:
        few = chosen(Wishes("balanced", 100), range(100), running=21)
        assert few == {"tpe": 0.9, "sobol": 0.1}
        assert "gp" in chosen(Wishes("balanced", 1000), range(100), running=21)
        assert chosen(Wishes(), range(100), running=51) == {"tpe": 0.9, "sobol": 0.1}

    def test_a_study_with_many_at_once_is_spread_too(self) -> None:
        study = skipjack.create_study(sampler=AutoSampler(seed=1, effort="fast", n_trials=40))
        trials = []
        for _ in range(40):
            trials.append(study.ask())
            problems.mixed(trials[-1])
            if len(trials) < 12:
                study.tell(trials[-1], float(len(trials)))
        for trial in trials[11:]:
            study.tell(trial, 1.0)
        assert {"start", "tpe", "sobol"} <= set(by(study))
        check_legal(study.trials)

    @pytest.mark.parametrize(
        ("n_trials", "message"),
        [
            (0, "`n_trials` must be at least 1, but got 0"),
            (2.5, "`n_trials` must be an int or None, but got 2.5"),
            ("9", "`n_trials` must be an int or None, but got '9'"),
        ],
    )
    def test_a_bad_number_is_explained(self, n_trials: Any, message: str) -> None:
        with pytest.raises((ValueError, TypeError), match=message):
            AutoSampler(n_trials=n_trials)


class TestSmallSteps:
    def run(self, n: int = 60) -> skipjack.Study:
        study = skipjack.create_study(sampler=AutoSampler(seed=4, effort="fast", n_trials=n))
        study.optimize(self.objective, n_trials=n)
        return study

    def objective(self, trial: Any) -> float:
        x = trial.suggest_float("x", -5, 5)
        n = trial.suggest_int("n", 1, 9)
        kind = trial.suggest_categorical("kind", "abc")
        # the best is early and never better afterwards
        return abs(x) + n + "abc".index(kind) if trial.number < 20 else 50 + abs(x)

    def test_they_keep_near_the_best(self) -> None:
        study = self.run()
        assert set(by(study)[54:]) == {"local"}
        assert "local" not in by(study)[:54]
        best = study.best_trial
        steps = [abs(t.params["x"] - best.params["x"]) for t in study.trials[54:]]
        assert 0 < max(steps) < 1.0
        assert min(steps) < 0.2
        check_legal(study.trials)

    def test_steps_grow_with_success_and_shrink_without(self) -> None:
        study = skipjack.create_study(sampler=AutoSampler(seed=4, effort="fast", n_trials=100))
        study.optimize(self.objective, n_trials=90)
        sizes = [study.history.derived(local._STEPS).size]
        for value in (9.0, 9.0, -1.0, 9.0):
            trial = study.ask()
            self.objective(trial)
            study.tell(trial, value)
            sizes.append(study.history.derived(local._STEPS).size)
        ratios = [b / a for a, b in itertools.pairwise(sizes)]
        assert ratios == pytest.approx([1.5**-0.25, 1.5**-0.25, 1.5, 1.5**-0.25])

    def test_a_small_grid_is_not_tried_twice(self) -> None:
        study = skipjack.create_study(sampler=AutoSampler(seed=4))
        for n in range(4):
            study.add_trial(grid_trial(n, float(n)))
        for number in range(4, 9):
            stream = Stream(1, number, "auto")
            found = local.step(study.history, study.history.space, stream, {})
            assert found["n"] > 3

    def test_without_a_result_there_is_nothing_to_start_from(self) -> None:
        study = skipjack.create_study()
        assert local.step(study.history, study.history.space, Stream(1, 0, "auto"), {}) == {}
        assert local.again(study.history, study.history.space, Stream(1, 0, "auto"), {}) == {}

    def test_they_resume(self) -> None:
        whole = self.run()
        study = skipjack.create_study(sampler=AutoSampler(seed=4, effort="fast", n_trials=60))
        for n in (20, 35, 3, 2):
            study.sampler = AutoSampler(seed=4, effort="fast", n_trials=60)
            study.optimize(self.objective, n_trials=n)
        assert told(study) == told(whole)


def grid_trial(n: int, value: float) -> Any:
    return skipjack.trial.create_trial(
        value=value,
        params={"n": n},
        distributions={"n": skipjack.distributions.IntDistribution(0, 40)},
    )


class TestNoise:
    def test_the_best_mean_is_tried_again(self) -> None:
        sampler = AutoSampler(seed=1, effort="fast", noisy=True, reevaluate=True)
        study = skipjack.create_study(sampler=sampler)
        rng = np.random.default_rng(0)
        study.optimize(lambda t: problems.mixed(t) + float(rng.normal()), n_trials=60)
        names = by(study)
        repeats = [i for i, name in enumerate(names) if name == "again"]
        assert repeats == [14, 24, 34, 44, 54]
        for i in repeats:
            means: dict[str, list[float]] = {}
            for trial in study.trials[:i]:
                means.setdefault(str(trial.params), []).append(trial.value or 0.0)
            best = min(means, key=lambda key: sum(means[key]) / len(means[key]))
            assert str(study.trials[i].params) == best

    def test_only_where_there_is_noise_and_it_is_wished(self) -> None:
        numbers = range(100)
        assert "again" not in chosen(Wishes("fast", None, True), numbers)
        assert "again" not in chosen(Wishes("fast"), numbers, noisy=True)
        assert chosen(Wishes("fast", None, True), numbers, noisy=True)["again"] == 0.1

    def test_what_the_user_says_counts(self) -> None:
        study = skipjack.create_study()
        assert facts(study.history, 0, True).noisy
        for value in (1.0, 2.0):
            study.add_trial(grid_trial(3, value))
        assert facts(study.history, 2).noisy
        assert not facts(study.history, 2, False).noisy

    def test_a_lucky_trial_gives_way_once_its_mean_is_worse(self) -> None:
        study = skipjack.create_study()
        for n, value in ((1, 0.0), (2, 1.0), (1, 4.0), (2, 1.0), (3, 1.5)):
            study.add_trial(grid_trial(n, value))
        leader = study.history.derived(KNOWN).leader
        assert leader is not None
        assert (leader.row, leader.n, leader.mean) == (1, 2, (0.0, 1.0))

    @pytest.mark.parametrize("objective", [problems.sphere, problems.branin, problems.mixed])
    def test_smooth_functions_are_not_taken_for_noisy(self, objective: Any) -> None:
        study = skipjack.create_study(sampler=AutoSampler(seed=1, effort="fast"))
        study.optimize(objective, n_trials=120)
        for n in (60, 120):
            assert noise.unlike(study.history, n) < 0.3
        assert not facts(study.history, 120).noisy

    @pytest.mark.parametrize("objective", [problems.sphere, problems.every_kind])
    def test_noise_is_seen_without_a_repeat(self, objective: Any) -> None:
        study = skipjack.create_study(sampler=skipjack.samplers.RandomSampler(seed=1))
        rng = np.random.default_rng(0)
        study.optimize(lambda t: 0.0 * objective(t) + float(rng.normal()), n_trials=130)
        assert noise.unlike(study.history, 120) == pytest.approx(1, abs=0.25)
        known = facts(study.history, 130)
        assert known.noisy
        assert known.noisy_since in (60, 120)

    def test_what_comes_after_a_look_does_not_count_for_it(self) -> None:
        study = skipjack.create_study(sampler=AutoSampler(seed=1, effort="fast"))
        found = []
        for n in (60, 5, 15):
            study.optimize(problems.branches, n_trials=n)
            study.sampler = AutoSampler(seed=1, effort="fast")
            found.append(noise.unlike(study.history, 60))
        assert found[1:] == found[:1] * 2
        assert noise.unlike(study.history, 20) == 0.0

    def test_a_branch_that_the_best_lacks_is_drawn(self) -> None:
        def objective(trial: Any) -> float:
            loss = trial.suggest_float("x", 0, 1)
            if trial.suggest_categorical("kind", "ab") == "b":
                loss += 1 + trial.suggest_float("only b", 0, 1)
            return float(loss)

        sampler = AutoSampler(seed=1, effort="fast", noisy=True, reevaluate=True)
        study = skipjack.create_study(sampler=sampler)
        study.optimize(objective, n_trials=40)
        assert "again" in by(study)
        check_legal(study.trials)


class TestGiven:
    def test_parameters_of_the_user_are_nobodys_merit(self) -> None:
        sampler = AutoSampler(seed=1, effort="fast")
        study = skipjack.create_study(sampler=sampler)
        study.optimize(problems.sphere, n_trials=30)
        before = credits_of(study.history, ("tpe", "cma-es"))
        names = list(study.best_params)
        study.enqueue_trial(dict.fromkeys(names, 1.0))  # the best there is
        study.optimize(problems.sphere, n_trials=1)
        assert sampler.explain(study, 30) == policy.AS_GIVEN
        after = credits_of(study.history, ("tpe", "cma-es"))
        assert all(after[method] < before[method] for method in after)  # one more is better
        study.enqueue_trial({names[0]: 0.0})
        study.optimize(problems.sphere, n_trials=1)
        assert by(study)[31] in ("tpe", "cma-es")
        assert method_of(study.history, 31) == ""
        study.optimize(problems.sphere, n_trials=1)
        assert sampler.explain(study, 32).method in ("tpe", "cma-es")

    def test_all_trials_of_a_partly_fixed_study_are_its_own(self) -> None:
        model = AutoSampler(seed=1, effort="fast")
        with pytest.warns(skipjack.exceptions.ExperimentalWarning):
            sampler = skipjack.samplers.PartialFixedSampler({"x0": 3}, model)
        study = skipjack.create_study(sampler=sampler)
        study.optimize(problems.sphere, n_trials=40)
        assert {trial.params["x0"] for trial in study.trials} == {3}
        assert len({trial.params["x1"] for trial in study.trials}) == 40


class TestWorkers:
    @pytest.mark.parametrize("q", [1, 4, 20])
    def test_how_many_run_is_seen_from_the_log(self, q: int) -> None:
        study = skipjack.create_study(sampler=AutoSampler(seed=1, effort="fast"))
        waiting = collections.deque(study.ask() for _ in range(q))
        for _ in range(90):
            trial = waiting.popleft()
            study.tell(trial, problems.sphere(trial))
            waiting.append(study.ask())
        crew = study.history.derived(workers.CREW).crew
        assert crew.size == q
        assert crew.since in (0, 10, 20, 40)

    def test_populations_are_no_smaller(self) -> None:
        sampler = AutoSampler(seed=1, effort="fast")
        alone = sampler._strategy(PLAIN)._settings  # type: ignore[attr-defined]
        assert (alone.popsize, alone.since) == (None, 6)
        few = sampler._strategy(PLAIN._replace(crew=workers.Crew(40, 5)))
        assert few._settings == alone  # type: ignore[attr-defined]
        many = sampler._strategy(PLAIN._replace(crew=workers.Crew(40, 20)))
        assert many._settings == alone._replace(popsize=20, since=40)  # type: ignore[attr-defined]

    def test_many_workers_find_the_optimum_all_the_same(self) -> None:
        study = skipjack.create_study(sampler=AutoSampler(seed=3, effort="fast"))
        waiting = collections.deque(study.ask() for _ in range(20))
        for _ in range(400):
            trial = waiting.popleft()
            study.tell(trial, problems.sphere(trial))
            waiting.append(study.ask())
        assert study.best_value < 1e-2

    def test_clocks_that_are_not_known_say_nothing(self) -> None:
        watch = workers.Watch()
        for row in range(50):
            watch.note(row, float("nan"), float("nan"))
        assert watch.crew == workers.ALONE


class TestWideSpaces:
    @staticmethod
    def objective(trial: Any) -> float:
        """Three of seventy numbers and one of four choices matter."""
        x = [trial.suggest_float(f"x{i}", -1, 1) for i in range(70)]
        c = [trial.suggest_categorical(f"c{i}", ["p", "q", "r"]) for i in range(4)]
        trial.suggest_int("one", 5, 5)
        return float(x[3] ** 2 + x[31] ** 2 + x[69] ** 2 + (c[2] != "q"))

    def test_those_that_matter_are_found(self) -> None:
        study = skipjack.create_study(sampler=skipjack.samplers.RandomSampler(seed=4))
        study.optimize(self.objective, n_trials=300)
        space = study.history.space
        found = most_important(study.history, space, 8)
        assert {"x3", "x31", "x69", "c2"} <= set(found) <= set(space)
        assert list(found) == [name for name in space if name in found]
        assert len(found) == 8
        assert len(most_important(study.history, space, 100)) == 74  # "one" is no choice

    def test_a_model_moves_a_few_parameters_of_the_best_trial(self) -> None:
        sampler = AutoSampler(seed=2)
        study = skipjack.create_study(sampler=sampler)
        study.optimize(self.objective, n_trials=31)
        best, number = study.best_trial, 31
        study.optimize(self.objective, n_trials=1)
        trial = study.trials[number]
        assert sampler.explain(study, number).method == "gp"
        assert "matter most" in sampler.explain(study, number).reason
        moved = [name for name in trial.params if trial.params[name] != best.params[name]]
        assert 0 < len(moved) <= policy.FEW

    @pytest.mark.parametrize("end", [skipjack.TrialPruned, ValueError])
    def test_without_a_result_they_are_legal(self, end: type[Exception]) -> None:
        def objective(trial: Any) -> float:
            self.objective(trial)
            raise end

        study = skipjack.create_study(sampler=AutoSampler(seed=3))
        study.optimize(objective, n_trials=24, catch=ValueError)
        check_legal(study.trials)

    def test_they_resume(self) -> None:
        whole = skipjack.create_study(sampler=AutoSampler(seed=5))
        whole.optimize(self.objective, n_trials=24)
        study = skipjack.create_study(sampler=AutoSampler(seed=5))
        for n in (11, 12, 1):
            study.sampler = AutoSampler(seed=5)
            study.optimize(self.objective, n_trials=n)
        assert told(study) == told(whole)
