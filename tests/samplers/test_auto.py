"""AutoSampler: the policy as a table of facts, and as a sampler."""

import collections
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import skipjack
from skipjack.samplers import AutoSampler
from skipjack.samplers.auto import policy
from skipjack.samplers.auto.facts import Facts, credits_of, facts
from skipjack.testing import problems
from skipjack.testing.problems import told
from skipjack.testing.samplers import MakeSampler, SamplerContract, SamplerQuality

PLAIN = Facts(
    told=20,
    rows=20,
    d=5,
    objectives=1,
    running=0,
    conditional=False,
    choices=False,
    discrete=0.0,
    constrained=False,
    noisy=False,
)


def chosen(effort: str = "balanced", n: int = 400, **changes: Any) -> dict[str, float]:
    """The share of each method among the trials from number 0 on."""
    known = PLAIN._replace(**changes)
    credit = dict.fromkeys(policy.contenders(known, effort), 0.5)
    rng = random.Random(0)
    found = collections.Counter(
        policy.choose(known, policy.Wishes(effort), credit, number, rng.random()).method
        for number in range(n)
    )
    return {method: count / n for method, count in found.items()}


def by(study: skipjack.Study) -> list[str]:
    history = study.history
    return [history.samplers[i].partition(":")[0] for i in history.by.tolist()]


class TestPolicy:
    @pytest.mark.parametrize(
        ("effort", "changes", "most"),
        [
            ("balanced", {}, "gp"),
            ("max", {"told": 900}, "gp"),
            ("fast", {}, "cma-es"),
            ("fast", {"choices": True}, "tpe"),
            ("balanced", {"told": 150}, "cma-es"),
            ("balanced", {"told": 251, "discrete": 0.8}, "tpe"),
            ("balanced", {"told": 251, "noisy": True}, "tpe"),
            ("balanced", {"told": 251, "conditional": True}, "tpe"),
            ("balanced", {"told": 251, "constrained": True}, "cma-es"),
            ("balanced", {"conditional": True, "d": 31}, "gp"),
            ("balanced", {"running": 51}, "tpe"),
            ("balanced", {"d": 61, "choices": True}, "tpe"),
            ("balanced", {"objectives": 2}, "gp"),
            ("balanced", {"objectives": 4}, "tpe"),
            ("fast", {"objectives": 2}, "tpe"),
            ("balanced", {"objectives": 2, "told": 201}, "tpe"),
        ],
    )
    def test_the_method_that_suits_proposes_most_trials(
        self, effort: str, changes: Any, most: str
    ) -> None:
        shares = chosen(effort, **changes)
        assert max(shares, key=shares.__getitem__) == most

    def test_many_trials_of_several_objectives_are_bred_every_other_time(self) -> None:
        assert chosen(objectives=2, told=1001) == {"tpe": 0.5, "nsga2": 0.5}
        assert chosen(objectives=5, told=1001) == {"tpe": 0.5, "nsga3": 0.5}

    def test_every_tenth_trial_is_for_variety(self) -> None:
        assert chosen() == {"gp": 0.9, "tpe": 0.1}
        assert chosen(conditional=True) == {"gp": 0.9, "tpe": 0.1}
        assert chosen(objectives=2) == {"gp": 0.9, "tpe": 0.1}

    @pytest.mark.parametrize(
        "what", [*({key: True} for key in ("choices", "noisy", "conditional", "constrained"))]
    )
    def test_where_cma_es_is_not_at_home_models_go_on_every_other_trial(
        self, what: dict[str, bool]
    ) -> None:
        assert chosen(told=81, **what)["gp"] == 0.5
        assert chosen(told=250, **what)["gp"] == 0.5
        assert chosen(told=251, **what)["gp"] == pytest.approx(1 / 32, abs=0.003)
        assert chosen(told=81)["gp"] == pytest.approx(1 / 32, abs=0.003)
        assert "gp" not in chosen("fast", told=81, **what)
        assert chosen(told=81, d=61, **what)["gp"] == 0.25

    def test_long_studies_and_wide_spaces_have_one_method_more(self) -> None:
        assert "de" in chosen(rows=20_000, told=20_000)
        assert "de" in chosen(d=101)
        assert "de" not in chosen(told=2000)

    def test_models_of_wide_spaces_propose_every_fourth_trial(self) -> None:
        assert chosen(d=61)["gp"] == 0.25
        assert chosen(d=500, told=150)["gp"] == 0.25
        assert "gp" not in chosen(d=61, told=151)
        assert chosen("max", d=61, told=1000)["gp"] == 0.25
        assert "gp" not in chosen("fast", d=61)

    def test_trials_beyond_the_start_are_spread_until_it_has_ended(self) -> None:
        assert chosen(told=5, n=6) == {"start": 1.0}
        assert chosen("fast", told=3, n=6) == {"start": 1.0}
        assert chosen(told=9, d=40, n=10) == {"start": 1.0}
        assert chosen(told=5, n=60) == {"start": 0.1, "sobol": 0.9}

    def test_cma_es_takes_over_early_where_it_is_at_home(self) -> None:
        assert chosen(told=50) == {"gp": 0.9, "tpe": 0.1}
        assert chosen(told=51)["cma-es"] > 0.7
        for change in ({"noisy": True}, {"conditional": True}, {"constrained": True}):
            assert chosen(told=80, **change) == {"gp": 0.9, "tpe": 0.1}

    @given(st.dictionaries(st.sampled_from(["tpe", "cma-es", "de"]), st.floats(0, 1), min_size=1))
    def test_shares_are_shares_and_nobody_is_left_out(self, credit: dict[str, float]) -> None:
        shares = policy.shares(PLAIN, credit)
        assert sum(shares.values()) == pytest.approx(1)
        assert min(shares.values()) >= 0.1

    def test_who_did_better_lately_proposes_more(self) -> None:
        credit = {"tpe": 0.9, "cma-es": 0.3}
        assert policy.shares(PLAIN._replace(choices=True), credit)["tpe"] > 0.85
        assert policy.shares(PLAIN._replace(d=80), credit)["tpe"] > 0.85
        assert (
            policy.shares(PLAIN, credit)["tpe"]
            > policy.shares(PLAIN, {**credit, "tpe": 0.3})["tpe"]
        )

    def test_cma_es_has_most_trials_where_it_is_at_home(self) -> None:
        shares = policy.shares(PLAIN, {"tpe": 0.9, "cma-es": 0.3})
        assert 0.6 < shares["cma-es"] < 0.61


class TestFacts:
    def test_they_are_read_from_the_history(self) -> None:
        study = skipjack.create_study(sampler=AutoSampler(seed=1))

        def objective(trial: Any) -> float:
            trial.suggest_float("one", 1, 1)
            trial.suggest_int("n", 0, 9)
            trial.set_constraint("c", 0.0)
            if trial.number == 3:
                raise skipjack.TrialPruned
            return float(trial.suggest_categorical("c", "ab") == "a")

        study.optimize(objective, n_trials=3)
        known = facts(study.history, 3)
        assert known._replace(noisy=False) == Facts(3, 3, 2, 1, 0, False, True, 1.0, True, False)
        study.optimize(objective, n_trials=1)
        study.ask()
        trial = study.ask()
        known = facts(study.history, trial.number)
        assert (known.told, known.rows, known.running, known.conditional) == (4, 4, 1, True)

    def test_noise_is_seen_when_a_trial_is_repeated(self) -> None:
        study = skipjack.create_study()
        for value in (1.0, 1.0, 2.0):
            assert not facts(study.history, 9).noisy
            study.enqueue_trial({"x": 0.5})
            trial = study.ask()
            trial.suggest_float("x", 0, 1)
            study.tell(trial, value)
        assert facts(study.history, 9).noisy

    def test_credit_is_the_share_that_is_worse(self) -> None:
        study = skipjack.create_study(sampler=AutoSampler(seed=1, effort="fast"))
        study.optimize(problems.sphere, n_trials=160)
        methods, names = ("tpe", "cma-es", "de"), by(study)[-150:]
        losses = study.history.losses[-150:, 0].tolist()
        credit = credits_of(study.history, methods)
        assert credit["de"] == 0.5
        for method in methods[:2]:
            own = [x for x, name in zip(losses, names, strict=True) if name == f"auto/{method}"]
            worse = [(sum(y > x for y in losses) + 0.5) / 150 for x in own[-30:]]
            assert credit[method] == pytest.approx(sum(worse) / len(worse), abs=0.01)


class TestSampler:
    def test_the_log_and_explain_say_who_proposed_what_and_why(self) -> None:
        sampler = AutoSampler(seed=1, effort="fast")
        study = skipjack.create_study(sampler=sampler)
        study.optimize(problems.sphere, n_trials=60)
        names = by(study)
        assert names[:6] == ["auto/start"] * 6
        assert set(names[6:]) == {"auto/tpe", "auto/cma-es"}
        for number in (0, 10, 50):
            choice = sampler.explain(study, number)
            assert choice.by == study.history.samplers[study.history.by[number]]
            assert choice.reason
        following = sampler.explain(study)
        assert sum(share for _, share in following.shares) == pytest.approx(1)
        study.optimize(problems.sphere, n_trials=1)
        assert sampler.explain(study, 60).method == following.method
        with pytest.raises(KeyError, match="No finished trial 99"):
            sampler.explain(study, 99)

    def test_a_first_trial_that_was_enqueued_is_explained_too(self) -> None:
        sampler = AutoSampler(seed=1)
        study = skipjack.create_study(sampler=sampler)
        study.enqueue_trial({"x": 0.5})
        study.optimize(lambda t: t.suggest_float("x", 0, 1) + t.suggest_int("n", 0, 9), n_trials=1)
        assert sampler.explain(study, 0).method == "start"

    def test_the_first_trial_is_the_middle(self) -> None:
        study = skipjack.create_study(sampler=AutoSampler(seed=1))
        trial = study.ask()
        assert trial.suggest_float("x", -1, 3) == 1
        assert trial.suggest_float("rate", 1e-4, 1, log=True) == pytest.approx(1e-2)
        assert trial.suggest_categorical("c", ["usual", "odd"]) == "usual"

    def test_it_solves_what_its_methods_solve(self) -> None:
        for objective, goal in ((problems.sphere, 1e-3), (problems.branin, 0.3981)):
            study = skipjack.create_study(sampler=AutoSampler(seed=2, effort="fast"))
            study.optimize(objective, n_trials=120)
            assert study.best_value < goal

    def test_a_failing_trial_is_no_obstacle_to_resuming(self, tmp_path: Any) -> None:
        def objective(trial: Any) -> float:
            value = problems.mixed(trial)
            return float("nan") if trial.number % 4 == 1 else value

        whole = skipjack.create_study(sampler=AutoSampler(seed=3, effort="fast"))
        whole.optimize(objective, n_trials=45)
        for _ in range(3):
            part = skipjack.create_study(
                study_name="s",
                storage=f"sqlite:///{tmp_path}/s.db",
                load_if_exists=True,
                sampler=AutoSampler(seed=3, effort="fast"),
            )
            part.optimize(objective, n_trials=15)
        assert told(part) == told(whole)
        assert by(part) == by(whole)

    def test_a_bad_effort_is_explained(self) -> None:
        with pytest.raises(ValueError, match="`effort` must be 'fast', 'balanced' or 'max'"):
            AutoSampler(effort="lots")


class TestContractFast(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: AutoSampler(seed=seed, effort="fast")


@pytest.mark.slow
class TestContract(SamplerContract):
    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: AutoSampler(seed=seed)


class TestQuality(SamplerQuality):
    n_seeds = 10

    @pytest.fixture
    def sampler(self) -> MakeSampler:
        return lambda seed: AutoSampler(seed=seed, effort="fast")
