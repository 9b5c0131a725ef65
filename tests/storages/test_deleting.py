"""A study whose deletion is broken off by SIGKILL is gone, and what is left of it is removed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

import pytest

import skipjack
from skipjack.errors import NotFoundError
from skipjack.storages import check, compact
from tests.storages import work
from tests.storages.conftest import NewUrl

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL"),
    pytest.mark.timeout(240),
]


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def delete_and_die(url: str, is_compacted: bool) -> None:
    """Delete a study, and be killed between the two commits that this takes."""
    study = skipjack.load_study(study_name="gone", storage=url)
    if is_compacted:
        compact(study._storage)
    ledger: Any = study._ledger
    ledger.log.drop = die
    skipjack.delete_study(study_name="gone", storage=study._storage)


@pytest.mark.parametrize("is_compacted", [False, True])
def test_a_deletion_that_is_broken_off_counts_and_what_is_left_is_removed(
    new_url: NewUrl, is_compacted: bool
) -> None:
    url, has_another = new_url(), is_compacted
    study = skipjack.create_study(storage=url, study_name="gone")
    study.optimize(work.objective, n_trials=3)
    if has_another:
        skipjack.create_study(storage=url, study_name="other").optimize(work.objective, n_trials=2)
    killed = multiprocessing.get_context("spawn").Process(
        target=delete_and_die, args=(url, is_compacted)
    )
    killed.start()
    killed.join(120)
    assert killed.exitcode == -signal.SIGKILL
    others = ["other"] * has_another
    assert skipjack.get_all_study_names(url) == others
    with pytest.raises(NotFoundError):
        skipjack.load_study(study_name="gone", storage=url)

    report = check(url)
    assert len(report.problems) == 1
    assert "study 0 was deleted, but records of it are there" in report.problems[0]
    compact(url)
    assert check(url), check(url)
    again = skipjack.create_study(storage=url, study_name="gone")
    assert again._study_id == 1 + has_another
    assert again.trials == []
    assert check(url).studies == {**dict.fromkeys(others, 2), "gone": 0}
