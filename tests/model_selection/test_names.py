"""What scikit-learn's `model_selection` has is here under the same names."""

import importlib
import subprocess
import sys

import pytest

from skipjack import model_selection
from tests.conftest import Require

OURS_INSTEAD = {"GridSearchCV", "RandomizedSearchCV"}  # searches of ours under the same names
WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path, target=None):
        if name == "sklearn":
            raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
sys.meta_path.insert(0, Missing())
from skipjack import model_selection
try:
    model_selection.{name}
except ModuleNotFoundError as error:
    print(error)
"""


@pytest.fixture(autouse=True)
def scikit_learn(require: Require) -> None:
    require("sklearn")


def test_every_public_name_of_scikit_learn_is_here() -> None:
    importlib.import_module("sklearn.experimental.enable_halving_search_cv")
    theirs = importlib.import_module("sklearn.model_selection")
    assert set(theirs.__all__) <= set(model_selection.__all__)
    for name in theirs.__all__:
        if name not in OURS_INSTEAD:
            assert getattr(model_selection, name) is getattr(theirs, name)


def test_every_name_of_ours_is_there_and_shown() -> None:
    for name in model_selection.__all__:
        assert getattr(model_selection, name) is not None
        assert name in dir(model_selection)


def test_all_names_can_be_imported_at_once() -> None:
    names: dict[str, object] = {}
    exec("from skipjack.model_selection import *", names)
    assert {"KFold", "expected_optimism"} <= names.keys()


def test_halving_needs_no_other_import() -> None:
    code = "from skipjack.model_selection import HalvingGridSearchCV as h; print(h.__module__)"
    text = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert text.startswith("sklearn.")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'FoldK'"):
        model_selection.FoldK  # noqa: B018
    with pytest.raises(AttributeError):
        model_selection._search  # noqa: B018


def test_importing_the_room_does_not_import_scikit_learn() -> None:
    code = "import sys, skipjack.model_selection; print('sklearn' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


@pytest.mark.parametrize("name", ["KFold", "expected_optimism", "__all__"])
def test_without_scikit_learn_one_error_names_the_extra(name: str) -> None:
    text = subprocess.check_output([sys.executable, "-c", WITHOUT.format(name=name)], text=True)
    assert text.endswith("pip install 'skipjack[sklearn]'\n"), text
