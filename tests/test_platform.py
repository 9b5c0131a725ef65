"""Who a process is, and whether it is certain that it ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from skipjack import platform
from skipjack.platform import Worker, is_dead, worker

TELL = "from skipjack.platform import worker; print(worker(), flush=True); input()"

linux = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")


class Child:
    """A process that tells who it is and waits."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", TELL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.name = self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def child() -> Iterator[Child]:
    made = Child()
    yield made
    made.end()


def changed(name: str, **parts: Any) -> str:
    known = Worker.parse(name)
    assert known is not None
    return str(known._replace(**parts))


def test_a_process_is_always_the_same_worker() -> None:
    assert worker() == worker()
    assert Worker.parse(worker()) == platform._this()[1]
    assert worker().split("/")[2] == str(os.getpid())
    assert not is_dead(worker())


def test_a_running_process_is_not_dead(child: Child) -> None:
    assert child.name != worker()
    assert not is_dead(child.name)


@linux
def test_a_process_that_was_killed_is_dead(child: Child) -> None:
    child.end()
    assert is_dead(child.name)


@linux
def test_a_process_that_nobody_waited_for_is_dead(child: Child) -> None:
    child.process.kill()
    os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT)  # ended, and still listed
    assert os.path.exists(f"/proc/{child.process.pid}")
    assert is_dead(child.name)


@linux
def test_a_process_id_that_was_used_again_is_another_process(child: Child) -> None:
    assert is_dead(changed(child.name, start="1"))


@pytest.mark.parametrize("part", ["boot", "namespace"])
def test_nothing_is_certain_of_another_machine_or_container(child: Child, part: str) -> None:
    child.end()
    assert not is_dead(changed(child.name, **{part: "elsewhere"}))


def test_nothing_is_certain_where_boots_have_no_name(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    child.end()
    here = platform._this()
    monkeypatch.setattr(platform, "_self", (here[0], here[1]._replace(boot=""), here[2]))
    assert not is_dead(changed(child.name, boot=""))


@linux
def test_without_a_start_time_only_a_missing_process_is_dead(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker()  # who we are is known already
    monkeypatch.setattr(platform, "_read", lambda path: "")
    assert not is_dead(child.name)
    assert not is_dead(changed(child.name, start="1"))
    child.end()
    assert is_dead(child.name)


@pytest.mark.parametrize("name", ["", "a", "a/b/c/d", "a/b/-1/d", "a/b/1/d/e", "////"])
def test_nobody_is_not_dead(name: str) -> None:
    assert not is_dead(name)


@linux
def test_an_impossible_process_id_is_no_error() -> None:
    assert is_dead(changed(worker(), pid=2**22 + 1)) in (True, False)
    assert not is_dead(changed(worker(), pid=10**30))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_another_worker() -> None:
    here = worker()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, worker().encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, encoding="ascii") as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    assert told != here
    assert told.split("/")[2] == str(pid)
    assert worker() == here
