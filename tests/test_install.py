"""What a user gets who installs Skipjack into an empty environment."""

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FIRST_STUDY = """
import importlib.metadata, pathlib
import skipjack

assert not pathlib.Path(skipjack.__file__).is_relative_to({root!r}), skipjack.__file__
assert pathlib.Path(skipjack.__file__).with_name("py.typed").is_file()
assert importlib.metadata.version("skipjack") == skipjack.__version__

def objective(trial):
    return (trial.suggest_float("x", -10, 10) - 2) ** 2 + trial.suggest_int("n", 0, 3)

study = skipjack.create_study()
study.optimize(objective, n_trials=20)
assert len(study.trials) == 20 and study.best_value == min(t.value for t in study.trials)

for n in (5, 10):
    kept = skipjack.create_study(
        storage="sqlite:///first.db", study_name="first", load_if_exists=True
    )
    kept.optimize(objective, n_trials=5)
    assert len(kept.trials) == n
again = skipjack.load_study(study_name="first", storage="sqlite:///first.db")
assert again.best_params == kept.best_params
"""
NO_PACKAGES = ("No matching distribution", "Could not find a version", "Failed to establish")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_first_study_in_an_empty_environment(
    tmp_path: Path, require: Callable[..., None]
) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    installed = subprocess.run(
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", ROOT],
        capture_output=True,
        text=True,
    )
    unreachable = any(sign in installed.stderr for sign in NO_PACKAGES)
    require("pip", not unreachable, "pip finds no packages to install")
    assert installed.returncode == 0, installed.stderr

    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-W", "error", "-c", FIRST_STUDY.format(root=str(ROOT))],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert sys.executable != str(python)
