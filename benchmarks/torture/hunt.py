"""One round: eight workers on one study, killed and replaced, and then what is left."""

from __future__ import annotations

import json
import mmap
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import skipjack
from benchmarks.torture.places import Round, Trouble
from benchmarks.torture.verdict import NAME, seen
from benchmarks.torture.victim import CALL, Post, live
from skipjack.samplers import RandomSampler

WORKERS = 8
PAUSE = 0.02  # seconds between two kills by chance, on average
BEGIN, END = 0.03, 0.2  # chance at each kill that a trouble begins, or ends


class Hunt:
    """Kills the workers of a study.

    Attributes:
        counts: How many were killed, and where they were: "inside" an append while all else was
            well, "inside in trouble", or neither.
        problems: Workers that ended by themselves.
    """

    def __init__(self, found: Round, folder: Path, broken: str) -> None:
        self.round, self.told, self.broken = found, folder / f"told-{time.monotonic_ns()}", broken
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.trouble: Trouble | None = None
        self._study = skipjack.create_study(
            storage=found.url, study_name=NAME, sampler=RandomSampler(), max_retries=1
        )
        self._inside = mmap.mmap(-1, WORKERS)
        self._reader, self._writer = os.pipe()
        self._file = os.open(self.told, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._workers = [0] * WORKERS

    def run(self, kills: int, deadline: float) -> None:
        """Kill so many, or until it is late; at the end all."""
        for slot in range(WORKERS):
            self._start(slot)
        try:
            while self.counts["kills"] < kills - WORKERS and time.monotonic() < deadline:
                self._start(self._kill_next())
                self._make_trouble()
        finally:
            for slot in range(WORKERS):
                self._kill(slot)
            if self.trouble is not None:
                self.trouble.end()
            for handle in (self._reader, self._writer, self._file):
                os.close(handle)

    def _start(self, slot: int) -> None:
        self._inside[slot] = 0
        pid = os.fork()
        if pid == 0:
            live(self._study, Post(slot, self._inside, self._writer, self._file, self.broken))
        self._workers[slot] = pid

    def _kill_next(self) -> int:
        """Wait until one asks for it or chance wants it; the slot that is free then."""
        end = time.monotonic() + random.expovariate(1 / PAUSE)
        while True:
            pause = max(0.0, end - time.monotonic())
            if not select.select([self._reader], [], [], pause)[0]:
                slot = random.randrange(WORKERS)
                self.counts["by chance"] += 1
                break
            slot, pid, seconds = CALL.unpack(os.read(self._reader, CALL.size))
            if self._workers[slot] != pid:
                continue  # it was killed before it was heard
            if seconds < 0:
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            else:
                time.sleep(seconds)
            self.counts["by itself at a step" if seconds < 0 else "within an nth append"] += 1
            break
        self._kill(slot)
        return slot

    def _kill(self, slot: int) -> None:
        os.kill(self._workers[slot], signal.SIGKILL)
        _, status = os.waitpid(self._workers[slot], 0)
        code = os.waitstatus_to_exitcode(status)
        if code != -signal.SIGKILL:
            self.problems.append(f"a worker ended by itself ({code})")
        self.counts["kills"] += 1
        if self._inside[slot]:
            self.counts["inside" if self.trouble is None else "inside in trouble"] += 1

    def _make_trouble(self) -> None:
        if self.trouble is not None:
            if random.random() < END:
                self.trouble.end()
                self.trouble = None
        elif self.round.troubles and random.random() < BEGIN:
            self.trouble = random.choice(self.round.troubles)
            self.trouble.begin()
            self.counts[self.trouble.name] += 1

    def verdict(self) -> dict[str, Any]:
        """What others find, who replay all: the first reclaims what the dead have left.

        Two are forked, for speed, and forget what they inherit; one is an interpreter of its own.
        """
        found = self._forked("close")
        if any(look("look") != found for look in (self._forked, self._fresh)):
            found["problems"].append("processes differ in what they see")
        found["problems"] += self.problems[:3]
        return found

    def _arguments(self, what: str) -> tuple[str, str, str, str]:
        return what, self.round.url, str(self.told), self.broken

    def _forked(self, what: str) -> dict[str, Any]:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(writer, json.dumps(seen(*self._arguments(what))).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with open(reader, "rb") as answer:
            text = answer.read()
        os.waitpid(pid, 0)
        return _understood(text)

    def _fresh(self, what: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "benchmarks.torture.verdict", *self._arguments(what)]
        return _understood(subprocess.run(command, stdout=subprocess.PIPE, timeout=300).stdout)


def _understood(text: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text or b'{"problems": ["a process that looks has failed"]}')
    return found
