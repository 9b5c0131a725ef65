"""Logging as in Optuna: one logger, `skipjack`, that writes to stderr unless told otherwise.

Optuna's logger names mean ours, so a handler added to `get_logger("optuna")` hears every record.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from logging import CRITICAL, DEBUG, ERROR, FATAL, INFO, WARN, WARNING
from typing import TextIO

__all__ = [
    "CRITICAL",
    "DEBUG",
    "ERROR",
    "FATAL",
    "INFO",
    "WARN",
    "WARNING",
    "create_default_formatter",
    "disable_default_handler",
    "disable_propagation",
    "enable_default_handler",
    "enable_propagation",
    "get_logger",
    "get_verbosity",
    "set_verbosity",
]

_OURS, _THEIRS = "skipjack", "optuna"
_RESET = "\x1b[0m"
_COLOURS = {
    DEBUG: "\x1b[37m",
    INFO: "\x1b[32m",
    WARNING: "\x1b[33m",
    ERROR: "\x1b[31m",
    CRITICAL: "\x1b[1;31m",
}

_lock = threading.Lock()
_handler: logging.Handler | None = None
_through: Callable[[str], None] | None = None


def _wants_colour(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":  # https://no-color.org
        return False
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # a stand-in for a stream, or a closed one
        return False


class _StderrHandler(logging.Handler):
    """Writes to what `sys.stderr` is when a record comes, as notebooks and tests exchange it."""

    def emit(self, record: logging.LogRecord) -> None:
        stream: TextIO | None = sys.stderr
        if stream is None:  # a program without a console
            return
        try:
            text = self.format(record)
            if _wants_colour(stream):
                head, bracket, rest = text.partition("]")
                text = f"{_COLOURS.get(record.levelno, '')}{head}{bracket}{_RESET}{rest}"
            if _through is not None:
                _through(text)
                return
            stream.write(text + "\n")
            stream.flush()
        except Exception:
            self.handleError(record)


def create_default_formatter() -> logging.Formatter:
    """The format `[I 2026-11-22 04:50:56,108] text`; colour is the default handler's affair."""
    return logging.Formatter("[%(levelname)1.1s %(asctime)s] %(message)s")


def _logger() -> logging.Logger:
    """The logger `skipjack`, set up at the first call."""
    global _handler
    logger = logging.getLogger(_OURS)
    with _lock:
        if _handler is None:
            _handler = _StderrHandler()
            _handler.setFormatter(create_default_formatter())
            logger.addHandler(_handler)
            logger.propagate = False
            if logger.level == logging.NOTSET:
                logger.setLevel(INFO)
    return logger


def _default_handler() -> logging.Handler:
    _logger()
    assert _handler is not None
    return _handler


def get_logger(name: str) -> logging.Logger:
    """The logger `name`; "optuna" is "skipjack", and "optuna.x" is "skipjack.x".

    Other names give what `logging.getLogger` gives.
    """
    _logger()
    if name == _THEIRS or name.startswith(f"{_THEIRS}."):
        name = _OURS + name[len(_THEIRS) :]
    return logging.getLogger(name)


def write_through(write: Callable[[str], None] | None) -> None:
    """Let the default handler write lines by `write`, as above a progress bar; None: itself."""
    global _through
    _through = write


def get_verbosity() -> int:
    """The level from which on records are heard; `INFO` at first."""
    return _logger().getEffectiveLevel()


def set_verbosity(verbosity: int) -> None:
    """Set the level from which on records are heard, such as `skipjack.logging.WARNING`."""
    _logger().setLevel(verbosity)


def disable_default_handler() -> None:
    """Stop writing to stderr."""
    _logger().removeHandler(_default_handler())


def enable_default_handler() -> None:
    """Write to stderr, which is how it starts. Once is enough, and twice is no more."""
    _logger().addHandler(_default_handler())


def disable_propagation() -> None:
    """Keep records from the root logger's handlers, which is how it starts."""
    _logger().propagate = False


def enable_propagation() -> None:
    """Let records reach the root logger's handlers too."""
    _logger().propagate = True
