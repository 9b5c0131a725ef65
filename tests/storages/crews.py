"""Processes of the tests' own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

import pytest

METHODS = [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()]
needs_fork = pytest.mark.skipif("fork" not in METHODS, reason="needs fork")


class Crew:
    """Processes of one start method; all are gone when the test ends."""

    def __init__(self, method: str) -> None:
        self.context: Any = multiprocessing.get_context(method)
        self.members: list[Any] = []

    def start(self, target: Callable[..., Any], *arguments: Any) -> Any:
        member = self.context.Process(target=target, args=arguments)
        member.start()
        self.members.append(member)
        return member

    def join(self) -> None:
        """Wait for all; each must have ended well."""
        for member in self.members:
            member.join(400)
        assert [member.exitcode for member in self.members] == [0] * len(self.members)

    def end(self) -> None:
        for member in self.members:
            member.kill()
            member.join(200)
