"""Modules that are imported when first used, and what companions use of `_imports`."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from skipjack._imports import _LazyImport, try_import
from skipjack._optional import lazy
from skipjack.errors import MissingDependencyError


def test_nothing_is_imported_before_an_attribute_is_asked_for() -> None:
    program = """
import sys
from skipjack._optional import lazy
wave = lazy("wave")
assert wave.is_installed and not hasattr(wave, "__path__") and "wave" in repr(wave)
assert "wave" not in sys.modules
assert wave.Error.__module__ == "wave"
assert "wave" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_lazy_module_gives_what_the_module_gives() -> None:
    special = lazy("scipy.special")
    assert isinstance(special, ModuleType)
    assert special.ndtri(0.5) == 0.0
    assert lazy("numpy").__version__ == sys.modules["numpy"].__version__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        lazy("json").nothing  # noqa: B018


def test_a_missing_package_is_named_with_the_extra_that_installs_it() -> None:
    absent = lazy("no_such_package.part", extra="plot", needed_by="skipjack.visualization")
    assert not absent.is_installed
    with pytest.raises(MissingDependencyError) as caught:
        absent.thing  # noqa: B018
    assert str(caught.value) == (
        "skipjack.visualization needs the package `no_such_package`. "
        "Install it with: pip install 'skipjack[plot]'"
    )
    assert isinstance(caught.value, ModuleNotFoundError)
    assert caught.value.name == "no_such_package"


def test_a_missing_package_without_an_extra_is_named_itself() -> None:
    with pytest.raises(MissingDependencyError) as caught:
        lazy("no_such_package").thing  # noqa: B018
    assert str(caught.value) == (
        "This needs the package `no_such_package`. Install it with: pip install no_such_package"
    )


def test_a_broken_package_shows_its_own_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_part") as caught:
        lazy("json.no_such_part").thing  # noqa: B018
    assert not isinstance(caught.value, MissingDependencyError)


def test_a_stand_in_without_specification_counts_as_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "stand_in", ModuleType("stand_in"))
    assert lazy("stand_in").is_installed


class TestTryImport:
    def test_success_checks_in_silence(self) -> None:
        with try_import() as imports:
            import json  # noqa: F401
        assert imports.is_successful()
        imports.check()

    def test_a_failure_is_kept_until_it_is_asked_for(self) -> None:
        with try_import() as imports:
            import no_such_package  # type: ignore[import-not-found]  # noqa: F401
        assert not imports.is_successful()
        with pytest.raises(ImportError, match="needs `no_such_package`, whose import failed"):
            imports.check()

    def test_code_that_this_python_cannot_read_is_a_failed_import(self) -> None:
        with try_import() as imports:
            compile("a b", "there.py", "exec")
        with pytest.raises(ImportError, match="cannot read"):
            imports.check()

    def test_other_errors_are_not_kept(self) -> None:
        with pytest.raises(ZeroDivisionError), try_import():
            1 / 0  # noqa: B018

    def test_the_lazy_import_of_companions_works(self) -> None:
        assert _LazyImport("json").dumps([1]) == "[1]"


def test_a_later_method_is_a_function_that_is_imported_when_it_is_used() -> None:
    program = """
import sys
import skipjack
study = skipjack.create_study()
assert "skipjack.report" not in sys.modules
assert str(study.diagnose()).startswith("- 0 complete trials")
assert "skipjack.report" in sys.modules
assert skipjack.Study.report.__module__ == "skipjack.report.page"
assert "title" in str(__import__("inspect").signature(study.report))
"""
    subprocess.run([sys.executable, "-c", program], check=True, stderr=subprocess.DEVNULL)
