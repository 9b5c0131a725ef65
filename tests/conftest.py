"""What every test shares: required packages, hypothesis profiles, a clean logger, seeds."""

import importlib.util
import os
import random
import traceback
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest

from skipjack import logging as skipjack_logging
from skipjack import rng

Require = Callable[..., None]

hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default")
)

# What `SKIPJACK_REQUIRE=all` does not mean, because it cannot be installed: name it to require it.
NOT_INSTALLABLE = {"tutorials"}


def is_required(name: str) -> bool:
    """Whether a test that lacks `name` must fail, by the list in `SKIPJACK_REQUIRE`."""
    wanted = {part.strip() for part in os.environ.get("SKIPJACK_REQUIRE", "").split(",")}
    return name in wanted or ("all" in wanted and name not in NOT_INSTALLABLE)


@pytest.fixture(scope="session")
def require() -> Require:
    """`require(name, there=None, reason=None)`: go on only if `name` is there.

    Without `there`, `name` is a module to look for. If it is missing, the test is skipped with a
    reason, or fails if `SKIPJACK_REQUIRE` (names separated by commas, or `all`) asks for it.
    """

    def require(name: str, there: bool | None = None, reason: str | None = None) -> None:
        if there is None:
            there = importlib.util.find_spec(name) is not None
        if there:
            return
        reason = reason or f"{name} is not installed"
        if is_required(name):
            pytest.fail(f"{reason}, and SKIPJACK_REQUIRE asks for it")
        pytest.skip(reason)

    return require


@pytest.fixture(autouse=True)
def fresh_logger() -> Iterator[None]:
    """Give every test the logger as it is after import, whatever the test before did to it."""
    logger = skipjack_logging.get_logger("skipjack")
    level, propagate, handlers = logger.level, logger.propagate, list(logger.handlers)
    yield
    logger.setLevel(level)
    logger.propagate = propagate
    logger.handlers[:] = handlers


@pytest.fixture(scope="session", autouse=True)
def seeds_of_this_run() -> Iterator[None]:
    """Let studies without a seed draw one from `random`, which pytest-randomly seeds.

    So a test that failed can be repeated as it was, with `--randomly-seed`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rng, "os", SimpleNamespace(urandom=random.randbytes))
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Iterator[None]:
    """Say first what an example raised that fails only once; hypothesis says it last."""
    report: Any = yield
    error = call.excinfo and call.excinfo.value
    if isinstance(error, hypothesis.errors.FlakyFailure):
        once = ["".join(traceback.format_exception(each)) for each in error.exceptions]
        report.longrepr = "\n".join([*once, str(report.longrepr)])
    return report
