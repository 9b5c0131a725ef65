"""The torture of `benchmarks/torture`, in small: it finds nothing wrong, and can find it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Require
from tests.storages.servers import MariaDBServer, PostgreSQLServer

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2000),
    pytest.mark.skipif(sys.platform != "linux", reason="needs fork, SIGKILL and waitid"),
    pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="benchmarks are not here"),
]


def tortured(*options: str) -> tuple[int, str]:
    """The exit code, and what was printed."""
    command = [sys.executable, "-m", "benchmarks.torture", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "backend",
    ["sqlite", "journal", "postgresql", "mariadb", "redis", "grpc-memory", "grpc-sqlite"],
)
def test_a_tortured_storage_loses_nothing(backend: str, require: Require) -> None:
    programs = {
        "postgresql": PostgreSQLServer.programs,
        "mariadb": MariaDBServer.programs,
        "redis": lambda: shutil.which("redis-server"),
    }
    if backend in programs:
        there = programs[backend]() is not None
        require(backend, there, f"the programs of {backend} are not installed")
    if backend.startswith("grpc"):
        require("grpc")
    code, said = tortured("--backend", backend, "--kills", "40")
    assert code == 0, said
    row = said.splitlines()[-1].split()
    kills, inside, told, lost, duplicates = map(int, row[1:6])
    assert (row[0], kills, lost, duplicates) == (backend, 40, 0, 0)
    assert inside > 0
    assert told > 0


@pytest.mark.parametrize(
    ("backend", "rule", "complaint"),
    [
        ("sqlite", "early", "told, but lost"),
        ("journal", "torn", "is damaged"),
        ("journal", "twice", ""),
    ],
)
def test_a_broken_rule_is_found(backend: str, rule: str, complaint: str) -> None:
    for _ in range(4):  # it takes a kill at a bad moment
        code, said = tortured("--backend", backend, "--kills", "60", "--break", rule)
        if code:
            break
    assert code == 1, said
    assert "  ! " in said
    assert complaint in said
