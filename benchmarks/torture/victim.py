"""A worker that runs trials until it is killed, at a moment or at a step that chance has chosen."""

from __future__ import annotations

import os
import random
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pymysql
import redis

from benchmarks.torture import rules
from skipjack import platform
from skipjack.errors import StorageError
from skipjack.storages import lines, rows, sql, sqlite
from skipjack.storages.remote import http2

TOLD = struct.Struct("<qdqq")  # number, value, mark and process: no record straddles two pages
CALL = struct.Struct("<iid")  # slot, process, seconds to wait before it is killed; -1: it does it
RESENT = 0.02  # how often a batch is written again, as after an acknowledgement that was lost

# Steps within an append at which a worker may kill itself.
_STEPS = {
    "FileLog": ("torn", "unflushed", "pending"),
    "SqliteLog": ("uncommitted",),
    "SqlLog": ("uncommitted", "unheard"),
    "RedisLog": ("unheard",),
    "RemoteLog": ("unheard",),
}


@dataclass(slots=True)
class Post:
    """A worker's place among the others, and its ways to tell the one who kills.

    Attributes:
        slot: Which of the workers it is.
        inside: A shared byte for each worker: 1 as long as it is within an append.
        calls: Where it asks to be killed.
        told: The file in which it keeps what it has told.
        broken: The rule that is broken on purpose, or "".
    """

    slot: int
    inside: Any
    calls: int
    told: int
    broken: str


def value_of(x: float, k: int) -> float:
    return x / 3 + k * 1e-3


def objective(trial: Any) -> float:
    """Costs nothing; its mark is in no other trial."""
    x, k = trial.suggest_float("x", -1, 1), trial.suggest_int("k", 0, 9)
    trial.set_user_attr("mark", int.from_bytes(os.urandom(6), "big"))
    return value_of(x, k)


def live(study: Any, post: Post) -> None:
    """Run trials, and note each after it was told, until the end."""
    parent = os.getppid()
    random.seed(os.urandom(16))
    os.nice(5)  # the one who kills goes first
    rules.break_rule(post.broken)
    _Fate(study, post).watch()

    def note(study: Any, trial: Any) -> None:
        value, mark = value_of(**trial.params), trial.user_attrs["mark"]
        record = (trial.number, value, mark, os.getpid())
        os.write(post.told, TOLD.pack(*record))
        if os.getppid() != parent:
            os._exit(1)

    last: list[Any] = []

    def following(trial: Any) -> float:
        """Note the last trial: its end was written before this one began, or with it."""
        if last:
            note(study, last.pop())
        value = objective(trial)
        last.append(trial)
        return value

    has_callbacks = random.random() < 0.3  # else trials are begun with the end of others
    func, callbacks = (objective, [note]) if has_callbacks else (following, None)
    try:
        while os.getppid() == parent:
            try:
                study.optimize(func, callbacks=callbacks)
            except StorageError:  # the disk is full
                last.clear()
                time.sleep(0.005)
    except BaseException:
        sys.stderr.write(traceback.format_exc())
        sys.stderr.flush()
    finally:
        os._exit(1)


class _Fate:
    """When and how a worker dies, if it is not killed before: in one of its first appends."""

    def __init__(self, study: Any, post: Post) -> None:
        self.ledger, self.post = study._storage.ledger, post
        log = self.ledger.log
        steps = ("before", "after", *_STEPS[type(log).__name__])
        if isinstance(log, sql.SqlLog) and "postgresql" in log._url:
            steps = steps[:-1]  # its driver is not in Python
        self.step = random.choice([random.choice(steps), "call", "", ""])
        if post.broken == "torn":
            self.step = "torn"
        self.left = random.randint(1, 30)
        self.is_due = False

    def watch(self) -> None:
        """Take notice of each append."""
        kind: Any = type(self.ledger.log)
        name = "exchange" if self.ledger.is_far else "append"
        inner, post = getattr(kind, name), self.post

        def watched(log: Any, stream: int, batch: Any, *rest: Any) -> Any:
            post.inside[post.slot] = 1
            try:
                self._arrive()
                if random.random() < RESENT:
                    inner(log, stream, batch, *rest)
                found = inner(log, stream, batch, *rest)
                self._die_at("after")
            finally:
                post.inside[post.slot] = 0
            return found

        setattr(kind, name, watched)
        if self.step in _AT:
            _AT[self.step](self)

    def _arrive(self) -> None:
        self.left -= 1
        self.is_due = self.left == 0
        self._die_at("before")
        if self.is_due and self.step == "call":
            self._say(random.choice([0.0, 1e-4, 1e-3, 3e-3]) * random.random())

    def _die_at(self, step: str) -> None:
        if self.is_due and self.step == step:
            self.die()

    def die(self) -> None:
        """Be gone at once."""
        self._say(-1.0)
        os.kill(os.getpid(), signal.SIGKILL)

    def _say(self, seconds: float) -> None:
        os.write(self.post.calls, CALL.pack(self.post.slot, os.getpid(), seconds))


def _replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    setattr(owner, name, make(getattr(owner, name)))


def _torn(fate: _Fate) -> None:
    def make(write: Any) -> Any:
        def torn(file: Any, place: int, data: bytes) -> None:
            if fate.is_due and len(data) > 1:
                write(file, place, data[: random.randrange(1, len(data))])
                fate.die()
            write(file, place, data)

        return torn

    _replace(lines, "_write", make)


def _pending(fate: _Fate) -> None:
    def make(write: Any) -> Any:
        def pending(file: Any, place: int, data: bytes) -> None:
            if fate.is_due and len(data) == 1:
                fate.die()
            write(file, place, data)

        return pending

    _replace(lines, "_write", make)


def _before(owner: Any, name: str) -> Callable[[_Fate], None]:
    """Die when a function is about to be called within the append."""

    def patch(fate: _Fate) -> None:
        def make(inner: Any) -> Any:
            def call(*arguments: Any, **named: Any) -> Any:
                if fate.is_due:
                    fate.die()
                return inner(*arguments, **named)

            return call

        _replace(owner, name, make)

    return patch


def _uncommitted(fate: _Fate) -> None:
    """Die between the statements and the commit."""

    def make(inner: Any) -> Any:
        def insert(*arguments: Any) -> Any:
            if fate.is_due and inner is rows.insert:  # which commits by itself, if it is alone
                arguments[0].set_progress_handler(fate.die, random.randint(1, 40))
            found = inner(*arguments)
            if fate.is_due:
                fate.die()
            return found

        return insert

    _replace(sqlite, "insert", make)
    _replace(sql.SqlLog, "_append_parts", make)
    sql._PART = 1  # so that there is more than one statement


def _unheard(fate: _Fate) -> None:
    """Die when the question was sent and before the answer is read."""
    _before(redis.connection.Connection, "read_response")(fate)
    _before(http2.Connection, "_take")(fate)
    _before(pymysql.connections.Connection, "_read_query_result")(fate)


_AT: dict[str, Callable[[_Fate], None]] = {
    "torn": _torn,
    "pending": _pending,
    "unflushed": _before(platform, "flush"),
    "uncommitted": _uncommitted,
    "unheard": _unheard,
}
