"""scikit-learn's own tests of searches pass with our GridSearchCV and RandomizedSearchCV put in."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Require

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

# What of it does not hold for our searches: the name of a test -> why.
DOES_NOT_APPLY = {
    "test_custom_run_search": "knows all attributes; ours have `study_` and `n_fits_` besides",
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_scikit_learns_tests_of_searches_pass(require: Require, tmp_path: Path) -> None:
    require("sklearn")
    specification = importlib.util.find_spec("sklearn.model_selection.tests.test_search")
    require("the tests of sklearn", specification is not None, "scikit-learn has no tests with it")
    assert specification is not None and specification.origin is not None
    ours = {k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--tb=line", "-c", os.devnull),
            *("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "ours_in_sklearn"),
            *("--rootdir", str(tmp_path), specification.origin),
        ],
        cwd=tmp_path,
        env={**ours, "PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT)])},
        capture_output=True,
        text=True,
    )
    assert " passed" in done.stdout, done.stdout + done.stderr
    failed = set(re.findall(r"^FAILED \S*::(\w+)", done.stdout, flags=re.M))
    assert failed - DOES_NOT_APPLY.keys() == set(), done.stdout
    assert not re.search(r"\d+ error", done.stdout), done.stdout
    passed = int(re.findall(r"(\d+) passed", done.stdout)[0])
    assert passed > 100
    there = {
        name for name in DOES_NOT_APPLY if f"def {name}(" in Path(specification.origin).read_text()
    }
    assert there <= failed, "take what passes out of the table"
