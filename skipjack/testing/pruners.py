"""What every pruner must do, also one of your own.

Inherit the contract in a file that pytest collects, and say in a fixture how to make the pruner:

    class TestMyPruner(PrunerContract):
        several_objectives = False

        @pytest.fixture
        def pruner(self):
            return lambda: MyPruner()
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skipjack.pruners import BasePruner
from skipjack.records.states import StudyDirection, TrialState
from skipjack.samplers import RandomSampler
from skipjack.study import Study, create_study, load_study

MakePruner = Callable[[], BasePruner]
LENGTH = 12
MINIMIZE, MAXIMIZE = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
ODD = {
    "NaN": [math.nan] * LENGTH,
    "infinite": [math.inf, -math.inf] * (LENGTH // 2),
    "huge": [1e308, -1e308] * (LENGTH // 2),
    "all equal": [1.0] * LENGTH,
    "one step": [1.0],
    "no steps": [],
}


def curves(n: int, seed: int = 0, m: int = 1) -> np.ndarray[Any, Any]:
    """Losses that fall to different ends, shape (n, LENGTH, m)."""
    rng = np.random.default_rng(seed)
    falling = np.exp(-4.0 * np.arange(LENGTH) / LENGTH)[:, None]
    noise = rng.normal(0.0, 0.01, (n, LENGTH, m))
    return rng.exponential(1.0, (n, 1, m)) + 2.0 * falling + noise


def trained(study: Study, losses: np.ndarray[Any, Any]) -> list[int]:
    """How many steps each trial was run, when trials report such losses in the study's signs."""
    signs = [-1.0 if d == MAXIMIZE else 1.0 for d in study.directions]
    for curve in losses:
        run(study, (curve * signs).tolist())
    return [len(trial.intermediate_values) for trial in study.get_trials()[-len(losses) :]]


def run(study: Study, values: Sequence[Sequence[float]]) -> None:
    """Run one trial that reports these values, and comes to the last of them."""
    trial, several = study.ask(), len(study.directions) > 1
    told: Sequence[float] = [1.0] * len(study.directions)
    for step, told in enumerate(values):
        trial.report(list(told) if several else told[0], step)
        if step < len(values) - 1 and trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return
    study.tell(trial, [1.0 if value != value else value for value in told])


class PrunerContract:
    """The tests of a pruner. Fixture `pruner`: a function that makes it.

    Attributes:
        several_objectives: Whether it takes studies with several objectives.
        blind: Whether it decides the same when values change their signs with the direction.
        resumes: Whether one that is made anew decides the same.
    """

    several_objectives = True
    blind = True
    resumes = True

    def study(self, pruner: BasePruner, *directions: StudyDirection, **options: Any) -> Study:
        """A study of a fixed name, with the pruner."""
        return create_study(
            directions=list(directions or (MINIMIZE,)),
            pruner=pruner,
            sampler=RandomSampler(seed=0),
            study_name="pruned",
            **options,
        )

    def test_a_trial_that_has_told_nothing_goes_on(self, pruner: MakePruner) -> None:
        study = self.study(pruner())
        assert study.ask().should_prune() is False
        trained(study, curves(8))
        assert study.ask().should_prune() is False

    def test_the_first_trial_runs_to_its_end(self, pruner: MakePruner) -> None:
        assert trained(self.study(pruner()), curves(1)) == [LENGTH]

    @pytest.mark.parametrize("kind", ODD)
    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_odd_trials_break_nothing(self, pruner: MakePruner, kind: str) -> None:
        for first in (0, 8):  # alone, and among others
            study = self.study(pruner())
            if first:
                trained(study, curves(first))
            for _ in range(4):
                run(study, [[value] for value in ODD[kind]])
            trained(study, curves(4, seed=1))
            assert len(study.trials) == first + 8

    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_steps_may_have_gaps_and_come_in_any_order(self, pruner: MakePruner) -> None:
        study = self.study(pruner())
        trained(study, curves(8))
        for steps in ([5, 3, 9, 1], [10**9], [0, 7, 2]):
            trial = study.ask()
            for step in steps:
                trial.report(1.0, step)
                assert trial.should_prune() in (True, False)
            study.tell(trial, 1.0)

    def test_directions_are_mirror_images(self, pruner: MakePruner) -> None:
        if not self.blind:
            pytest.skip(f"{type(self).__name__} says `blind = False`")
        found = [trained(self.study(pruner(), d), curves(30)) for d in (MINIMIZE, MAXIMIZE)]
        assert found[0] == found[1]

    def test_studies_do_not_see_each_other(self, pruner: MakePruner) -> None:
        shared, losses = pruner(), [curves(20, seed=seed) for seed in range(2)]
        alone = [trained(self.study(pruner()), of) for of in losses]
        both = [self.study(shared) for _ in losses]
        for i in range(20):
            for study, of in zip(both, losses, strict=True):
                trained(study, of[i : i + 1])
        assert [[len(t.intermediate_values) for t in s.trials] for s in both] == alone

    def test_it_can_be_pickled_and_made_anew(self, pruner: MakePruner, tmp_path: Path) -> None:
        losses = curves(30)
        whole = trained(self.study(pruner()), losses)
        first = self.study(pickle.loads(pickle.dumps(pruner())), storage=f"sqlite:///{tmp_path}/s")
        parts = trained(first, losses[:15])
        again = load_study(
            study_name="pruned",
            storage=first._storage,
            pruner=pruner(),
            sampler=RandomSampler(seed=0),
        )
        if not self.resumes:
            pytest.skip(f"{type(self).__name__} says `resumes = False`")
        assert parts + trained(again, losses[15:]) == whole

    def test_several_objectives_are_taken_or_refused(self, pruner: MakePruner) -> None:
        losses, directions = curves(20, m=2), (MINIMIZE, MAXIMIZE)
        if self.several_objectives:
            found = [
                trained(self.study(pruner(), *of), losses) for of in (directions, directions[::-1])
            ]
            assert found[0] == found[1] or not self.blind
        else:
            with pytest.raises(NotImplementedError):
                trained(self.study(pruner(), *directions), losses)
