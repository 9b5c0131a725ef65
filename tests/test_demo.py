"""`make demo` survives Ctrl-C: a second run goes on, and ends with the trials asked for."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import skipjack

DEMO = Path(__file__).parent.parent / "examples" / "demo.py"


def run(folder: Path, *, stop_after: int | None = None) -> tuple[int, str]:
    """Exit status and output of the demo; after so many trials, Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # not one that is ignored
    group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if os.name == "nt" else {}
    process = subprocess.Popen(
        [sys.executable, str(DEMO), "--trials", "25"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        **group,
    )
    signal.signal(signal.SIGINT, before)
    if stop_after is not None:
        while complete(folder / "demo.db") < stop_after and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.CTRL_BREAK_EVENT if os.name == "nt" else signal.SIGINT)
    out, _ = process.communicate(timeout=240)
    return process.returncode, out


def complete(path: Path) -> int:
    """How many trials of the demo have ended."""
    url = f"sqlite:///{path}"
    names = skipjack.get_all_study_names(url) if path.exists() else []
    studies = [skipjack.load_study(study_name=name, storage=url) for name in names]
    return sum(trial.state.is_finished() for study in studies for trial in study.trials)


def done(out: str) -> int:
    found = re.search(r"^(\d+) of 25 trials are done", out, flags=re.M)
    assert found, out
    return int(found[1])


@pytest.mark.slow
def test_the_demo_goes_on_after_ctrl_c(tmp_path: Path, require: Callable[..., None]) -> None:
    require("sklearn")
    status, out = run(tmp_path, stop_after=2)
    assert status == 130, out
    assert 0 < done(out) < 25
    assert "Run the same command again to go on" in out

    first = done(out)
    status, out = run(tmp_path)
    assert status == 0, out
    assert f"Going on with the study in demo.db: {first} of 25 trials are done." in out
    assert done(out) == 25
    assert re.search(r"^Best so far is trial \d+: accuracy 0\.9\d+ with$", out, flags=re.M), out
    assert str(tmp_path / "demo.db") in out and str(tmp_path / "demo.html") in out
    assert "<h1>Breast cancer</h1>" in (tmp_path / "demo.html").read_text(encoding="utf-8")

    status, out = run(tmp_path)
    assert (status, done(out)) == (0, 25)
