"""The progress bar: trials or seconds, the best so far, and log lines above it."""

import re
import sys
import time
from typing import Any

import pytest

import skipjack
from skipjack.study import Study
from tests.studies import a_study


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    return err


def slowly(trial: Any) -> float:
    time.sleep(0.02)
    return 1.0 - trial.number


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_it_counts_trials_and_shows_the_best(
    capsys: pytest.CaptureFixture[str], n_jobs: int
) -> None:
    a_study().optimize(slowly, n_trials=4, n_jobs=n_jobs, show_progress_bar=True)
    text = shown(capsys)
    assert "4/4" in text and "100%" in text
    assert "Best trial: 3. Best value: -2" in text


def test_with_a_timeout_only_it_counts_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    a_study().optimize(slowly, timeout=0.1, show_progress_bar=True)
    assert re.search(r"100%.*/0 s", shown(capsys))


def test_without_either_there_is_none_and_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(UserWarning, match="`n_trials` or `timeout`") as caught:
        a_study().optimize(lambda t: 1.0, show_progress_bar=True, callbacks=[lambda s, t: s.stop()])
    assert caught[0].filename == __file__
    assert shown(capsys) == ""


def test_it_shows_no_best_for_several_objectives_and_failures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    a_study(directions=["minimize"] * 2).optimize(
        lambda t: (1.0, 2.0) if t.number else None, n_trials=2, show_progress_bar=True
    )
    text = shown(capsys)
    assert "2/2" in text and "Best" not in text


def test_the_log_is_written_in_lines_of_its_own(
    capsys: pytest.CaptureFixture[str], study_log: None
) -> None:
    a_study(study_name="s").optimize(slowly, n_trials=2, show_progress_bar=True)
    lines = re.split(r"[\r\n]+", shown(capsys))
    told = [line for line in lines if line.startswith("[I ")]
    assert len(told) == 3 and all("it/s" not in line for line in told)
    skipjack.logging.get_logger("skipjack").info("after")
    assert shown(capsys).count("after") == 1


@pytest.fixture
def study_log() -> None:
    skipjack.logging.get_logger("skipjack").handlers[:] = []
    skipjack.logging.enable_default_handler()


def test_a_run_that_fails_closes_it(capsys: pytest.CaptureFixture[str], study_log: None) -> None:
    study: Study = a_study()

    def objective(trial: Any) -> float:
        raise ValueError

    with pytest.raises(ValueError):
        study.optimize(objective, n_trials=2, show_progress_bar=True)
    shown(capsys)
    skipjack.logging.get_logger("skipjack").info("plain")
    assert re.fullmatch(r"\[I [^\]]*\] plain\n", shown(capsys))


def test_without_it_tqdm_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == "tqdm"]:
        monkeypatch.delitem(sys.modules, name)
    a_study().optimize(lambda t: 1.0, n_trials=1)
    assert "tqdm" not in sys.modules
