"""Ctrl-C during a run: it stops the user's code at once, and ours where nothing is half done.

A KeyboardInterrupt may come between any two instructions, and so between two halves of a change
of the study. While a run goes on in the main thread, one that comes in our own code is held back
until the next trial would begin.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_PATIENCE = 3  # so many in a row come through wherever they come
_doors: set[CodeType] = set()
pressed = 0  # how many are held back


def door(function: F) -> F:
    """Mark a function of ours that calls the user's code, or waits, and may itself be stopped."""
    _doors.add(getattr(function, "__code__"))  # noqa: B009 (mypy knows no __code__ of a Callable)
    return function


@contextmanager
def held_back() -> Iterator[None]:
    """Hold interrupts back while our code runs, if this thread gets them and nobody else does."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    global pressed
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
        let_through()
    finally:
        pressed = 0
        if signal.getsignal(signal.SIGINT) is _interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def let_through() -> None:
    """Raise what was held back, if anything was and this is the thread that gets it."""
    global pressed
    if pressed and threading.current_thread() is threading.main_thread():
        pressed = 0
        raise KeyboardInterrupt


def _interrupt(signum: int, frame: FrameType | None) -> None:
    global pressed
    pressed += 1
    if pressed >= _PATIENCE or _is_in_users_code(frame):
        pressed = 0
        raise KeyboardInterrupt


def _is_in_users_code(frame: FrameType | None) -> bool:
    """Whether none of our functions runs inside the innermost door."""
    while frame is not None:
        if frame.f_code in _doors:
            return True
        if frame.f_code.co_filename.startswith(_HOME):
            return False
        frame = frame.f_back
    return True
