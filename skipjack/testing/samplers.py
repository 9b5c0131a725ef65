"""What every sampler must do, also one of your own; and that it finds more than chance.

Inherit the contract in a file that pytest collects, and say in a fixture how to make the sampler:

    class TestMySampler(SamplerContract):
        several_objectives = False

        @pytest.fixture
        def sampler(self):
            return lambda seed: MySampler(seed=seed)
"""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from skipjack.distributions import BaseDistribution, FloatDistribution
from skipjack.records.frozen import create_trial
from skipjack.records.states import StudyDirection, TrialState
from skipjack.samplers import BaseSampler, RandomSampler
from skipjack.study import Study, create_study, load_study
from skipjack.testing import problems
from skipjack.testing.problems import Objective, check_legal, told

MakeSampler = Callable[[int], BaseSampler]
COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
X: dict[str, BaseDistribution] = {"x": FloatDistribution(0.0, 1.0)}
ODD_PASTS: dict[str, list[tuple[TrialState, list[float] | None, float]]] = {
    "one trial": [(COMPLETE, [1.0], 0.0)],
    "all equal": [(COMPLETE, [1.0], 0.0)] * 30,
    "infinite": [(COMPLETE, [math.inf], 0.0), (COMPLETE, [-math.inf], 0.0)] * 15,
    "huge": [(COMPLETE, [1e308], 0.0), (COMPLETE, [-1e308], 0.0)] * 15,
    "failed": [(FAIL, None, 0.0)] * 30,
    "pruned": [(PRUNED, None, 0.0)] * 30,
    "none feasible": [(COMPLETE, [1.0], 2.0), (COMPLETE, [0.0], math.inf)] * 15,
    "few feasible": [(COMPLETE, [1.0], 2.0), (COMPLETE, [0.0], 1.0), (COMPLETE, [5.0], -1.0)] * 10,
}
_AGAIN = """
import pickle, sys
sys.path[:], url, sampler, objective = pickle.loads(sys.stdin.buffer.read())
from skipjack.testing.samplers import go_on
sys.stdout.buffer.write(pickle.dumps(go_on(url, pickle.loads(sampler), pickle.loads(objective))))
"""


def go_on(url: str, sampler: BaseSampler, objective: Objective) -> list[problems.Told]:
    """Three more trials of the study "s" in a database, and what was decided for all."""
    study = load_study(study_name="s", storage=url, sampler=sampler)
    study.optimize(objective, n_trials=3)
    return told(study)


class SamplerContract:
    """The tests of a sampler. Fixture `sampler`: a function that makes it, given a seed.

    Attributes:
        objective: What the tests run, where it does not matter; it suggests some parameters.
        any_space: Whether the sampler takes any space; otherwise only `objective` is run.
        seeded: Whether the seed decides on all.
        resumes: Whether it goes on as if nothing had happened when it is made anew: it keeps no
            state, and its draws depend on seed and history alone.
        several_objectives: Whether it takes studies with several objectives.
    """

    objective: Objective = staticmethod(problems.mixed)
    any_space = True
    seeded = True
    resumes = True
    several_objectives = True

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        """A function that makes the sampler."""
        raise pytest.UsageError("a SamplerContract needs the fixture `sampler`")

    def run(self, sampler: BaseSampler, n: int, objective: Objective | None = None) -> Study:
        """A new study of `n` trials."""
        study = create_study(sampler=sampler)
        study.optimize(objective or self.objective, n_trials=n)
        return study

    def _needs(self, *abilities: str) -> None:
        for ability in abilities:
            if not getattr(self, ability):
                pytest.skip(f"{type(self).__name__} says `{ability} = False`")

    # ------------------------------------------------------------------------------ legality

    @pytest.mark.parametrize(
        "objective", [problems.every_kind, problems.branches, problems.loops, problems.ranges]
    )
    def test_values_lie_in_their_distributions(
        self, sampler: MakeSampler, objective: Objective
    ) -> None:
        self._needs("any_space")
        study = self.run(sampler(1), 40, objective)
        assert [trial.state for trial in study.trials] == [COMPLETE] * 40
        check_legal(study.trials)

    @pytest.mark.parametrize("past", ODD_PASTS)
    def test_odd_pasts_are_no_obstacle(self, sampler: MakeSampler, past: str) -> None:
        self._needs("any_space")
        study = create_study(sampler=sampler(2))
        for i, (state, values, constraint) in enumerate(ODD_PASTS[past]):
            study.add_trial(
                create_trial(
                    state=state,
                    values=values,
                    params={"x": i / 40},
                    distributions=X,
                    constraints={"c": constraint},
                    intermediate_values={1: math.nan, 2: float(i)} if state is PRUNED else None,
                )
            )
        for _ in range(5):
            trial = study.ask()
            trial.suggest_float("x", 0.0, 1.0)
            trial.suggest_int("y", 1, 3)
            study.tell(trial, math.inf if past == "infinite" else 0.5)
        check_legal(study.trials[-5:])

    def test_trials_may_fail_be_pruned_and_violate_constraints(self, sampler: MakeSampler) -> None:
        study = create_study(sampler=sampler(3))
        for number in range(40):
            trial = study.ask()
            value = self.objective(trial)
            trial.report(value, 1)
            trial.set_constraint("c", 1.0 - number % 3)
            if number % 4 == 1:
                study.tell(trial, state=[FAIL, PRUNED][number % 8 // 4])
            else:
                study.tell(trial, value)
        check_legal(study.trials)

    @pytest.mark.parametrize("n", [2, 3, 5])
    def test_several_objectives(self, sampler: MakeSampler, n: int) -> None:
        self._needs("several_objectives")
        ways = [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
        study = create_study(directions=[*ways, *ways][:n], sampler=sampler(4))

        def objective(trial: Any) -> Sequence[float]:
            value = self.objective(trial)
            trial.set_constraint("c", value - 10.0)
            return [(value - k) ** 2 for k in range(n)]

        study.optimize(objective, n_trials=40)
        check_legal(study.trials)
        assert study.best_trials

    def test_many_trials_may_run_at_once(self, sampler: MakeSampler) -> None:
        study = create_study(sampler=sampler(5))
        for _ in range(4):
            trials = [study.ask() for _ in range(8)]
            values = [self.objective(trial) for trial in trials]
            for trial, value in zip(reversed(trials), reversed(values), strict=True):
                study.tell(trial, value)
        check_legal(study.trials)

    def test_threads(self, sampler: MakeSampler) -> None:
        study = create_study(sampler=sampler(6))
        study.optimize(self.objective, n_trials=32, n_jobs=4)
        assert [trial.number for trial in study.trials] == list(range(32))
        assert all(trial.state is COMPLETE for trial in study.trials)
        check_legal(study.trials)

    # -------------------------------------------------------------------------- determinism

    def test_the_seed_decides(self, sampler: MakeSampler) -> None:
        self._needs("seeded")
        first, again, other = (told(self.run(sampler(seed), 25)) for seed in (7, 7, 8))
        assert first == again
        assert first != other

    def test_maximizing_is_minimizing_the_negative(self, sampler: MakeSampler) -> None:
        self._needs("seeded")
        up = create_study(direction="maximize", sampler=sampler(9))
        up.optimize(lambda trial: -self.objective(trial), n_trials=25)
        assert told(up) == told(self.run(sampler(9), 25))

    def test_studies_that_share_a_sampler_do_not_influence_each_other(
        self, sampler: MakeSampler
    ) -> None:
        self._needs("seeded", "resumes", "any_space")
        objectives = (self.objective, problems.branches)
        alone = [told(self.run(sampler(10), 25, objective)) for objective in objectives]
        shared = sampler(10)
        studies = [create_study(sampler=shared) for _ in objectives]
        for _ in range(25):
            for study, objective in zip(studies, objectives, strict=True):
                study.optimize(objective, n_trials=1)
        assert [told(study) for study in studies] == alone

    def test_a_pickled_sampler_goes_on_alike(self, sampler: MakeSampler) -> None:
        self._needs("seeded")
        study = self.run(sampler(11), 15)
        copy = pickle.loads(pickle.dumps(study))
        for one in (study, copy):
            one.optimize(self.objective, n_trials=5)
        assert told(study) == told(copy)

    def test_stopping_and_resuming_changes_nothing(
        self, sampler: MakeSampler, tmp_path: Path
    ) -> None:
        self._needs("seeded", "resumes")
        whole = told(self.run(sampler(12), 25))
        url = f"sqlite:///{tmp_path}/study.db"
        for _ in range(5):
            study = create_study(
                study_name="s", storage=url, load_if_exists=True, sampler=sampler(12)
            )
            study.optimize(self.objective, n_trials=5)
        assert told(study) == whole

    def test_a_new_process_goes_on_alike(self, sampler: MakeSampler, tmp_path: Path) -> None:
        self._needs("seeded", "resumes")
        objective = self.objective
        expected = told(self.run(sampler(13), 18))
        url = f"sqlite:///{tmp_path}/study.db"
        study = create_study(study_name="s", storage=url, sampler=sampler(13))
        study.optimize(objective, n_trials=15)
        given = (sys.path, url, pickle.dumps(sampler(13)), pickle.dumps(objective))
        done = subprocess.run(
            [sys.executable, "-c", _AGAIN],
            input=pickle.dumps(given),
            capture_output=True,
            check=True,
        )
        assert pickle.loads(done.stdout) == expected

    def test_enqueued_values_use_up_no_draws(self, sampler: MakeSampler) -> None:
        self._needs("seeded", "resumes", "any_space")
        plain, queued = (create_study(sampler=sampler(14)) for _ in range(2))
        queued.enqueue_trial({"n": 12})
        for study in (plain, queued):
            study.optimize(problems.mixed, n_trials=1)
        first, second = plain.trials[0].params, queued.trials[0].params
        assert second.pop("n") == 12
        first.pop("n")
        assert first == second

    def test_enqueued_and_fixed_values_are_kept(self, sampler: MakeSampler) -> None:
        self._needs("any_space")
        study = self.run(sampler(15), 15, problems.mixed)
        for rate in (1e-5, 1e2):
            study.enqueue_trial({"rate": rate, "kind": "r"})
        study.optimize(problems.mixed, n_trials=2)
        for trial, rate in zip(study.trials[-2:], (1e-5, 1e2), strict=True):
            assert trial.params["rate"] == rate
            assert trial.params["kind"] == "r"
        check_legal(study.trials)

    def test_it_may_be_reseeded(self, sampler: MakeSampler) -> None:
        reseeded = sampler(16)
        study = self.run(reseeded, 12)
        reseeded.reseed_rng()
        study.optimize(self.objective, n_trials=12)
        check_legal(study.trials)


class SamplerQuality:
    """Better than random search, on most seeds. Fixture `sampler`: as for `SamplerContract`.

    Attributes:
        n_trials: In each run.
        n_seeds: Runs for each problem, each beside one of random search.
        level: How likely a sampler that is no better passes at most (the sign test).
        conditional: Whether it is meant for parameters that exist for some values of others only.
    """

    conditional = True
    n_trials = 50
    n_seeds = 20
    level = 0.01

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        """A function that makes the sampler."""
        raise pytest.UsageError("SamplerQuality needs the fixture `sampler`")

    @pytest.mark.parametrize(
        "objective", [problems.sphere, problems.branin, problems.mixed, problems.branches]
    )
    def test_it_beats_random_search(self, sampler: MakeSampler, objective: Objective) -> None:
        if objective is problems.branches and not self.conditional:
            pytest.skip(f"{type(self).__name__} says `conditional = False`")
        wins = 0.0
        for seed in range(self.n_seeds):
            best = []
            for one in (sampler(seed), RandomSampler(seed=seed)):
                study = create_study(sampler=one)
                study.optimize(objective, n_trials=self.n_trials)
                best.append(study.best_value)
            wins += 0.5 * ((best[0] < best[1]) + (best[0] <= best[1]))
        chance = sign_test(wins, self.n_seeds)
        assert chance < self.level, f"better in {wins} of {self.n_seeds} runs"


def sign_test(wins: float, n: int) -> float:
    """How likely at least so many wins among `n` are by chance; ties count half."""
    return float(sum(math.comb(n, k) for k in range(math.ceil(wins), n + 1)) / 2**n)
