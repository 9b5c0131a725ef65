"""How often a server is asked in a loop, and that nothing is missed by asking less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import skipjack
from skipjack import Study
from skipjack.samplers import RandomSampler, TPESampler
from skipjack.storages import GrpcStorageProxy, InMemoryStorage, RemoteServer, keeper
from skipjack.storages.remote.client import RemoteLog
from skipjack.study import asking
from skipjack.trial import Trial
from tests.conftest import Require


@pytest.fixture
def studies(require: Require, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Study, Study]]:
    """One study as two processes see it, each of which runs a trial for the other."""
    require("grpc")
    monkeypatch.setattr(asking, "_FRESH", 600.0)  # however slow this machine is
    monkeypatch.setattr(keeper.Keeper, "later", lambda self, waiting, callback: None)
    with RemoteServer(InMemoryStorage(), host="127.0.0.1", port=0) as server:
        found = []
        for patience in (59.0, 61.0):
            storage = GrpcStorageProxy(host="127.0.0.1", port=server.port, patience=patience)
            monkeypatch.setattr(RemoteLog, "key", property(id))
            study = skipjack.create_study(
                study_name="both", storage=storage, load_if_exists=True, sampler=RandomSampler(7)
            )
            found.append(study)
        here, there = found
        assert here._ledger is not there._ledger
        there._ledger.worker = "other boot/1/1/1"
        yield here, there


def value(trial: Trial) -> float:
    return sum(trial.suggest_float(name, 0, 1) for name in "ab")


def asked(study: Study, monkeypatch: pytest.MonkeyPatch, n_trials: int) -> Counter[str]:
    """What a server is asked while trials run."""
    counts: Counter[str] = Counter()
    ask = RemoteLog._ask

    def counted(self: RemoteLog, what: str, *rest: Any, **options: Any) -> Any:
        counts[what] += 1
        return ask(self, what, *rest, **options)

    with monkeypatch.context() as patched:
        patched.setattr(RemoteLog, "_ask", counted)
        study.optimize(value, n_trials=n_trials)
    return counts


def test_a_trial_among_others_takes_two_questions(
    studies: tuple[Study, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = studies

    def objective(trial: Trial) -> float:
        counts = asked(here, monkeypatch, 10)
        # 20 and 2, the first time what there is
        assert counts["append"] + counts["read"] < 30
        return value(trial)

    there.optimize(objective, n_trials=1)
    assert [t.number for t in there.trials] == list(range(11))


def test_a_number_that_was_not_expected_draws_what_it_would_have_drawn_alone(
    studies: tuple[Study, Study],
) -> None:
    here, there = studies
    drawn_before = []

    def surprised(trial: Trial) -> float:
        drawn_before.append(trial.relative_params)
        there.get_trials(deepcopy=False)  # so that it reads the news
        seen_there = there._ledger.study(there._study_id).open[trial.number]
        if trial.number:  # the first proposes nothing: there is no space yet
            assert seen_there.proposal == trial.relative_params, "what a retry would repeat"
        return value(trial)

    def take(study: Study, trial: Any) -> None:
        """Just after one trial of ours was told, another takes the number that we expect."""
        there.tell(there.ask(), 0.0)

    def objective(trial: Trial) -> float:
        here.optimize(surprised, n_trials=4, callbacks=[take])
        return value(trial)

    there.optimize(objective, n_trials=1)
    alone = skipjack.create_study(sampler=RandomSampler(7))
    alone.optimize(value, n_trials=8)
    expected = {number: alone.trials[number].params for number in (0, 1, 3, 5, 7)}
    assert {t.number: t.params for t in here.trials if t.params} == expected
    assert drawn_before[1:] == [expected[number] for number in (3, 5, 7)]


def test_a_trial_that_another_queued_before_the_last_was_told_comes_next(
    studies: tuple[Study, Study],
) -> None:
    here, there = studies

    def objective(trial: Trial) -> float:
        if trial.number == 2:
            there.enqueue_trial({"a": 0.125, "b": 0.25})
        return value(trial)

    here.optimize(objective, n_trials=5)
    assert [t.params["a"] == 0.125 for t in here.trials] == [False] * 3 + [True, False]


def test_a_model_of_another_process_knows_what_was_told_before_it_began(
    studies: tuple[Study, Study],
) -> None:
    here, there = studies
    here.sampler = TPESampler(seed=0)
    here.optimize(value, n_trials=12)
    there.optimize(value, n_trials=3)
    here.optimize(value, n_trials=3)
    history = here.history
    assert history.seen.tolist()[-1] > history.seen.tolist()[-2]
    assert [t.number for t in here.trials] == list(range(18))
